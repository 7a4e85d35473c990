//! The counters file.
//!
//! ```text
//!   byte      0   magic          the last that is written when the file is made
//!             8   version
//!            16   entry_count    entries that are whole; only grows, and is stored last
//!            24   value_count    values that they take
//!            32   lost_count     entries for which there was no room
//!            40   pid
//!            48   start_time     of that process, in clock ticks since boot
//!            56   started_ns     when the file was made, UTC
//!            64   published_ns   when the values were last written, UTC
//!           128   role           32 bytes of text, filled up with zeros
//!           160   build          96 bytes of text
//!           256   directory      256 bytes of text: where the media driver has its files
//!          4096   entries        1,024 of 128 bytes
//!        135168   values         8,192 of 8 bytes, packed
//!        200704   the end
//! ```
//! ```text
//!   entry:    0   value_index    the first of its values
//!             8   value_count
//!            16   kind           1 counter, 2 gauge, 3 histogram, 4 touch
//!            20   unit
//!            24   stream         Aeron stream id; 0: none
//!            32   scope          48 bytes of text: the stream's name, a symbol, a reason
//!            80   name           48 bytes of text
//! ```
//! All numbers are little-endian; kind and unit share a word. One thread writes, so values are packed:
//! 172 of them take 23 ns, and 93 ns with one to a cache line (70 and 171 ns out of cold caches; one
//! shared vCPU, 2026-11-27). No reader gains by more lines.

/// "VESTACNT".
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"VESTACNT");
pub(super) const VERSION: u64 = 1;

/// Indexes in words.
pub(super) const MAGIC_AT: usize = 0;
pub(super) const VERSION_AT: usize = 1;
pub(super) const ENTRY_COUNT_AT: usize = 2;
pub(super) const VALUE_COUNT_AT: usize = 3;
pub(super) const LOST_COUNT_AT: usize = 4;
pub(super) const PID_AT: usize = 5;
pub(super) const START_TIME_AT: usize = 6;
pub(super) const STARTED_AT: usize = 7;
pub(super) const PUBLISHED_AT: usize = 8;
/// Index and length in words.
pub(super) const ROLE: (usize, usize) = (16, 4);
pub(super) const BUILD: (usize, usize) = (20, 12);
pub(super) const DIRECTORY: (usize, usize) = (32, 32);
pub(super) const ENTRIES_AT: usize = 512;

/// Words of an entry, and indexes in it.
pub(super) const ENTRY_WORDS: usize = 16;
pub(super) const VALUE_INDEX_IN: usize = 0;
pub(super) const VALUES_IN: usize = 1;
pub(super) const KIND_UNIT_IN: usize = 2;
pub(super) const STREAM_IN: usize = 3;
pub(super) const SCOPE_IN: (usize, usize) = (4, 6);
pub(super) const NAME_IN: (usize, usize) = (10, 6);

/// Too low -> counters of many gateways or instruments are left out (and that is counted); too high ->
/// memory, for every role.
pub(super) const ENTRY_COUNT_MAX: usize = 1_024;
/// The same of values, of which a histogram has 112 and a book six.
pub(super) const VALUE_COUNT_MAX: usize = 8_192;

pub(super) const VALUES_AT: usize = ENTRIES_AT + ENTRY_COUNT_MAX * ENTRY_WORDS;
pub(super) const FILE_WORDS: usize = VALUES_AT + VALUE_COUNT_MAX;
/// Length of the file in bytes: all of it is taken when it is made.
pub(super) const FILE_BYTES: usize = FILE_WORDS * 8;

const _: () = assert!(ENTRIES_AT * 8 == crate::map::PAGE_BYTES);
const _: () = assert!(VALUES_AT * 8 == 135_168 && FILE_BYTES == 200_704);
const _: () = assert!(FILE_BYTES.is_multiple_of(crate::map::PAGE_BYTES));
const _: () = assert!(ROLE.0 + ROLE.1 == BUILD.0 && BUILD.0 + BUILD.1 == DIRECTORY.0);
const _: () = assert!(DIRECTORY.0 + DIRECTORY.1 <= ENTRIES_AT && PUBLISHED_AT < ROLE.0);
const _: () = assert!(SCOPE_IN.0 + SCOPE_IN.1 == NAME_IN.0);
const _: () = assert!(NAME_IN.0 + NAME_IN.1 == ENTRY_WORDS && STREAM_IN < SCOPE_IN.0);

/// Text as words, cut at a character's end where it is too long.
pub(super) fn text_words(text: &str, word_count: usize) -> impl Iterator<Item = u64> + '_ {
    let mut len = text.len().min(word_count * 8);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    let bytes = &text.as_bytes()[..len];
    (0..word_count).map(move |word| {
        let mut chunk = [0; 8];
        let rest = bytes.get(word * 8..).unwrap_or_default();
        let count = rest.len().min(8);
        chunk[..count].copy_from_slice(&rest[..count]);
        u64::from_le_bytes(chunk)
    })
}

/// The text in words, which anybody may have written: up to the first zero, and what is no text, or
/// would do something to a terminal, replaced.
pub(super) fn text_of(words: &[u64]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..len]);
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
