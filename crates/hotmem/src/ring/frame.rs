//! A message in the ring.
//!
//! ```text
//!   word 0    bits 0..32   length of the message in bytes, from 1; of a padding 0
//!             bits 32..64  MESSAGE, or PADDING: nothing more up to the end of the ring
//!   word 1..  the message, the last word filled up with zeros
//! ```
//! A frame never wraps around the end; a padding fills what is left there.

use crate::sync::{AtomicU64, Ordering};

/// Values of the upper half of a header: of neither is it zero, which fresh memory is.
const MESSAGE: u64 = 0x4d53_4731;
const PADDING: u64 = 0x5041_4431;
const WORD: usize = size_of::<u64>();

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    Message { len: usize },
    Padding,
}

impl Header {
    pub(super) fn to_word(self) -> u64 {
        match self {
            Self::Message { len } => (MESSAGE << 32) | len as u64,
            Self::Padding => PADDING << 32,
        }
    }

    pub(super) fn from_word(word: u64) -> Option<Self> {
        let len = (word & u64::from(u32::MAX)) as usize;
        match (word >> 32, len) {
            (MESSAGE, 1..) => Some(Self::Message { len }),
            (PADDING, 0) => Some(Self::Padding),
            _ => None,
        }
    }
}

/// Words of the frame of a message of `len` bytes.
pub(super) const fn frame_words(len: usize) -> usize {
    1 + len.div_ceil(WORD)
}

/// The longest message of a ring of that many words: with the padding in front of it, it fits an
/// empty ring whatever its position.
pub(super) const fn message_len_max(word_count: usize) -> usize {
    (word_count / 2 - 1) * WORD
}

/// Writes `message` into the words behind a header; `words` are as many as it takes.
pub(super) fn store(words: &[AtomicU64], message: &[u8]) {
    let (whole, rest) = message.as_chunks::<WORD>();
    for (word, bytes) in words.iter().zip(whole) {
        word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
    }
    if !rest.is_empty() {
        let mut bytes = [0; WORD];
        bytes[..rest.len()].copy_from_slice(rest);
        words[whole.len()].store(u64::from_le_bytes(bytes), Ordering::Relaxed);
    }
}

/// Reads what `store` wrote: as many words as `into` takes.
pub(super) fn load(words: &[AtomicU64], into: &mut [u8]) {
    let (whole, rest) = into.as_chunks_mut::<WORD>();
    for (bytes, word) in whole.iter_mut().zip(words) {
        *bytes = word.load(Ordering::Relaxed).to_le_bytes();
    }
    if !rest.is_empty() {
        let bytes = words[whole.len()].load(Ordering::Relaxed).to_le_bytes();
        let len = rest.len();
        rest.copy_from_slice(&bytes[..len]);
    }
}

const _: () = assert!(frame_words(1) == 2 && frame_words(8) == 2 && frame_words(9) == 3);
const _: () = assert!(message_len_max(8) == 24 && frame_words(message_len_max(8)) == 4);
