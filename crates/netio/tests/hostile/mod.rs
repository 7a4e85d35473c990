//! Datagrams of somebody who means ill: frames of every type of Aeron's protocol, with fields that are
//! right, at an edge, or arbitrary; and noise. What a fuzzer makes up is turned into them, too.
#![allow(dead_code, reason = "the test and the fuzz target each use a part of it")]

/// What the stranger knows of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub stream_id: i32,
    /// That of the publisher, where it was overheard.
    pub session_id: i32,
    pub initial_term_id: i32,
    pub term_length: i32,
}

/// Where the arbitrary comes from.
pub trait Source {
    fn word(&mut self) -> u32;
}

/// SplitMix64, by seed.
pub struct Seeded(pub u64);

impl Source for Seeded {
    fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as u32
    }
}

/// A fuzzer's bytes; zeros when they are used up.
pub struct Bytes<'a>(pub &'a [u8]);

impl Source for Bytes<'_> {
    fn word(&mut self) -> u32 {
        let (head, rest) = self.0.split_at(self.0.len().min(4));
        self.0 = rest;
        let mut word = [0; 4];
        word[..head.len()].copy_from_slice(head);
        u32::from_le_bytes(word)
    }
}

/// Frame types that Aeron knows, and some that it does not.
const TYPES: [u16; 14] =
    [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0xffff, 0x7f];
/// Bytes of a whole frame of that type, as far as it has a fixed length.
const LENGTHS: [usize; 14] = [32, 32, 28, 36, 40, 40, 40, 24, 32, 40, 36, 20, 8, 8];
/// Longest datagram of theirs.
const LEN_MAX: usize = 1408;

/// The next datagram.
pub fn datagram(source: &mut impl Source, known: Known) -> Vec<u8> {
    let pick = source.word();
    if pick.is_multiple_of(16) {
        let len = source.word() as usize % (LEN_MAX + 1);
        return (0..len).map(|_| source.word() as u8).collect();
    }
    let kind = (pick >> 8) as usize % TYPES.len();
    let whole = LENGTHS[kind];
    let len = match source.word() % 8 {
        0 => source.word() as usize % (whole + 1),
        1 => (whole + source.word() as usize % 512).min(LEN_MAX),
        2 => LEN_MAX,
        // Whole alignments, which data must be.
        3 => whole.next_multiple_of(32) + 32 * (source.word() as usize % 32),
        _ => whole,
    };
    let mut frame = vec![0; len.max(48)];
    for byte in frame.iter_mut().skip(8) {
        *byte = source.word() as u8;
    }
    let frame_len = match source.word() % 8 {
        0 => source.word(),
        1 => 0,
        2 => i32::MAX as u32,
        3 => u32::MAX,
        _ => len as u32,
    };
    put(&mut frame, 0, frame_len);
    frame[4] = if source.word().is_multiple_of(16) { source.word() as u8 } else { 0 };
    frame[5] = source.word() as u8;
    frame[6..8].copy_from_slice(&TYPES[kind].to_le_bytes());
    let session =
        if source.word().is_multiple_of(2) { known.session_id } else { source.word() as i32 };
    let stream =
        if source.word().is_multiple_of(8) { source.word() as i32 } else { known.stream_id };
    let term_id = known.initial_term_id.wrapping_add(match source.word() % 4 {
        0 => source.word() as i32,
        1 => -1,
        n => n as i32 - 2,
    });
    let offset = match source.word() % 8 {
        0 => source.word() as i32,
        1 => -32,
        2 => known.term_length - 32,
        3 => known.term_length,
        _ => (source.word() as i32).rem_euclid(known.term_length) & !31,
    };
    match TYPES[kind] {
        // Data and set-up begin with the offset; the rest with session and stream.
        0x00 | 0x01 | 0x05 | 0x08 | 0x09 => {
            put(&mut frame, 8, offset as u32);
            put(&mut frame, 12, session as u32);
            put(&mut frame, 16, stream as u32);
            put(&mut frame, 20, term_id as u32);
            if matches!(TYPES[kind], 0x05 | 0x09) {
                put(&mut frame, 24, term_id as u32);
                let shift = source.word() % 32;
                let length =
                    if source.word().is_multiple_of(4) { source.word() } else { 1 << shift };
                put(&mut frame, 28, length);
                let mtu = if source.word().is_multiple_of(4) { source.word() } else { 1408 };
                put(&mut frame, 32, mtu);
            }
        }
        _ => {
            put(&mut frame, 8, session as u32);
            put(&mut frame, 12, stream as u32);
            put(&mut frame, 16, term_id as u32);
            put(&mut frame, 20, offset as u32);
        }
    }
    frame.truncate(len);
    frame
}

fn put(frame: &mut [u8], at: usize, word: u32) {
    frame[at..at + 4].copy_from_slice(&word.to_le_bytes());
}
