//! Whatever bytes arrive, the gate answers and never panics; what it lets by it understood whole.

mod samples;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use samples::{CATALOGUES, Visitor};
use vesta_wire::event::EventFrame;
use vesta_wire::md::MdFrame;
use vesta_wire::record::LogFrame;
use vesta_wire::{
    FrameBuilder, FrameMessage, Message, SCHEMA_ID, SCHEMA_VERSION, decode, encode, open_frame,
    peek,
};

/// Gives the same bytes to the gate of every message.
struct EveryGate<'a> {
    bytes: &'a [u8],
    accepted: usize,
}

impl Visitor for EveryGate<'_> {
    fn visit<M: Message + PartialEq>(&mut self, _: &M) {
        if let Ok(message) = decode::<M>(self.bytes) {
            let mut buffer = vec![0; M::LEN];
            assert_eq!(encode(message, &mut buffer), self.bytes, "{}", M::NAME);
            self.accepted += 1;
        }
    }
}

/// Gives `bytes` to everything that reads bytes; returns how many gates let them by.
fn read(bytes: &[u8]) -> usize {
    let _ = peek(bytes);
    walk::<LogFrame>(bytes);
    walk::<EventFrame>(bytes);
    walk::<MdFrame>(bytes);
    let mut gates = EveryGate { bytes, accepted: 0 };
    samples::each(&mut gates);
    assert!(gates.accepted <= 1, "a template is one message's");
    gates.accepted
}

/// Walks a frame: the messages lie in it one behind the other, and the walk ends.
fn walk<H: FrameMessage>(bytes: &[u8]) {
    let Ok((header, messages)) = open_frame::<H>(bytes) else { return };
    let mut end = H::LEN;
    let mut whole = 0;
    for message in messages {
        let Ok(message) = message else { return };
        assert_eq!(message, &bytes[end..end + message.len()]);
        end += message.len();
        whole += 1;
    }
    assert_eq!((end, whole), (bytes.len(), usize::from(header.count())));
}

struct AllBytes(Vec<Vec<u8>>);

impl Visitor for AllBytes {
    fn visit<M: Message + PartialEq>(&mut self, sample: &M) {
        let mut buffer = vec![0; M::LEN];
        encode(sample, &mut buffer);
        self.0.push(buffer);
    }
}

fn sample_bytes() -> Vec<Vec<u8>> {
    let mut all = AllBytes(Vec::new());
    samples::each(&mut all);
    all.0
}

/// A frame of market data that holds every sample.
fn frame() -> Vec<u8> {
    let mut builder = FrameBuilder::<MdFrame>::new(1 << 16);
    for bytes in sample_bytes() {
        builder.push_bytes(&bytes);
    }
    let header = MdFrame {
        feed_seq: 1.into(),
        event_seq: 1.into(),
        time_ns: 1.into(),
        shard: 1.into(),
        count: builder.count().into(),
        reserved: [0; 2],
    };
    builder.finish(&header).to_vec()
}

/// What happens to good bytes on the way.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Append(Vec<u8>),
    Remove(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Damage::Set(at, value)),
        (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        any::<Index>().prop_map(Damage::Cut),
        vec(any::<u8>(), 1..9).prop_map(Damage::Append),
        any::<Index>().prop_map(Damage::Remove),
    ]
}

fn apply(damage: &Damage, bytes: &mut Vec<u8>) {
    let len = bytes.len();
    match damage {
        Damage::Append(more) => bytes.extend_from_slice(more),
        _ if len == 0 => {}
        Damage::Set(at, value) => bytes[at.index(len)] = *value,
        Damage::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
        Damage::Cut(at) => bytes.truncate(at.index(len)),
        Damage::Remove(at) => {
            bytes.remove(at.index(len));
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        read(&bytes);
    }

    #[test]
    fn arbitrary_blocks_behind_a_good_header_never_panic(
        which in any::<Index>(), block in vec(any::<u8>(), 0..300),
    ) {
        let all = sample_bytes();
        let mut bytes = all[which.index(all.len())][..8].to_vec();
        bytes.extend(block);
        read(&bytes);
    }

    #[test]
    fn arbitrary_templates_and_lengths_never_panic(
        length in any::<u16>(), template in any::<u16>(), rest in vec(any::<u8>(), 0..300),
    ) {
        let words = [length, template, SCHEMA_ID, SCHEMA_VERSION];
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(rest);
        read(&bytes);
    }

    #[test]
    fn damaged_samples_never_panic(
        which in any::<Index>(), damages in vec(damage(), 1..4),
    ) {
        let all = sample_bytes();
        let mut bytes = all[which.index(all.len())].clone();
        damages.iter().for_each(|damage| apply(damage, &mut bytes));
        read(&bytes);
    }

    #[test]
    fn damaged_frames_never_panic(damages in vec(damage(), 1..4)) {
        let mut bytes = frame();
        damages.iter().for_each(|damage| apply(damage, &mut bytes));
        read(&bytes);
    }
}

#[test]
fn undamaged_samples_and_frames_pass() {
    assert_eq!(sample_bytes().len(), CATALOGUES.iter().map(|c| c.len()).sum::<usize>());
    for bytes in sample_bytes() {
        assert_eq!(read(&bytes), 1);
    }
    let bytes = frame();
    let (_, messages) = open_frame::<MdFrame>(&bytes).expect("a good frame");
    let walked: Vec<_> = messages.map(|m| m.expect("a good message").to_vec()).collect();
    assert_eq!(walked, sample_bytes());
}
