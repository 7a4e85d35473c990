//! `schema/golden.txt` pins the bytes of every message, for us and for every other language.
//!
//! A wire value never changes once it has left the house: a line may be added, not altered. When a
//! line is missing or differs, the test prints what it should be.

mod samples;

use samples::{CATALOGUES, Visitor};
use std::collections::BTreeMap;
use vesta_wire::{Message, decode, encode};

const GOLDEN: &str = include_str!("../../../schema/golden.txt");

/// What a line of the file says of its message.
fn lines() -> BTreeMap<&'static str, &'static str> {
    let mut lines = BTreeMap::new();
    for line in GOLDEN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, rest) = line.split_once(": ").expect("name: bytes");
        assert!(lines.insert(name, rest).is_none(), "{name} is there twice");
    }
    lines
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
    (0..text.len()).step_by(2).map(byte).collect()
}

/// The fields and their values, from the Rust names of the types.
fn values<M: Message>(sample: &M) -> String {
    let mut text = format!("{sample:?}");
    for wrapper in ["U64(", "U32(", "U16(", "I64("] {
        text = text.replace(wrapper, "");
    }
    // What remains of a wrapper is the parenthesis behind its number; the symbol has a pair.
    let text = text.replace("Symbol(", "").replace(')', "");
    let (_, fields) = text.split_once(" { ").expect("a struct");
    fields.trim_end_matches(" }").to_string()
}

struct Golden {
    lines: BTreeMap<&'static str, &'static str>,
    wrong: Vec<String>,
}

impl Visitor for Golden {
    fn visit<M: Message + PartialEq>(&mut self, sample: &M) {
        let mut buffer = vec![0; M::LEN];
        let bytes = encode(sample, &mut buffer);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = format!("{hex}  # {}", values(sample));
        let found = self.lines.remove(M::NAME).unwrap_or("");
        if found != expected {
            self.wrong.push(format!("{}: {expected}", M::NAME));
            return;
        }
        let (hex, _) = found.split_once("  # ").expect("bytes, then their meaning");
        let decoded = decode::<M>(&unhex(hex)).copied();
        assert_eq!(decoded.as_ref(), Ok(sample), "{}", M::NAME);
    }
}

#[test]
fn the_bytes_of_every_message_are_pinned() {
    let mut golden = Golden { lines: lines(), wrong: Vec::new() };
    samples::each(&mut golden);
    assert!(golden.wrong.is_empty(), "should be\n{}", golden.wrong.join("\n"));
    assert!(golden.lines.is_empty(), "no such messages: {:?}", golden.lines.keys());
}

#[test]
fn every_message_has_a_sample() {
    struct Names(Vec<&'static str>);
    impl Visitor for Names {
        fn visit<M: Message + PartialEq>(&mut self, _: &M) {
            self.0.push(M::NAME);
        }
    }
    let mut names = Names(Vec::new());
    samples::each(&mut names);
    let all: Vec<_> = CATALOGUES.iter().copied().flatten().map(|&(_, name, ..)| name).collect();
    assert_eq!(names.0, all);
}
