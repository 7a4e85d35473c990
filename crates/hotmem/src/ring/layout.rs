//! The memory of a ring.
//!
//! ```text
//!   byte    0   magic        the last that is written when a ring is made
//!           8   version
//!          16   capacity     words for frames: a power of two
//!          24   sender       which process has that end; 0: nobody
//!          32   receiver     the same
//!         128   tail         words published; the sender's cache line, and the one that the
//!                            processor fetches with it
//!         256   head         words taken; the receiver's
//!         384   frames       capacity x 8 bytes
//! ```
//! All are little-endian words of 8 bytes; on a machine of the other kind the magic is another.

use std::ops::RangeInclusive;

/// "VESTARNG".
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"VESTARNG");
pub(super) const VERSION: u64 = 1;

/// Indexes in words.
pub(super) const MAGIC_AT: usize = 0;
pub(super) const VERSION_AT: usize = 1;
pub(super) const CAPACITY_AT: usize = 2;
pub(super) const SENDER_AT: usize = 3;
pub(super) const RECEIVER_AT: usize = 4;
pub(super) const TAIL_AT: usize = 16;
pub(super) const HEAD_AT: usize = 32;
pub(super) const FRAMES_AT: usize = 48;

/// Too low -> a longest message of 24 bytes, which no record of ours fits; too high -> a slip that
/// takes the machine's memory (8 GiB).
pub(super) const CAPACITY_WORDS: RangeInclusive<usize> = 8..=1 << 30;

/// Bytes of a ring of that many words.
pub(super) const fn bytes(capacity_words: usize) -> usize {
    (FRAMES_AT + capacity_words) * size_of::<u64>()
}

/// Intel and AMD fetch cache lines of 64 bytes in pairs.
const LINE_PAIR_WORDS: usize = 128 / size_of::<u64>();
const _: () = assert!(TAIL_AT.is_multiple_of(LINE_PAIR_WORDS) && TAIL_AT > RECEIVER_AT);
const _: () = assert!(HEAD_AT == TAIL_AT + LINE_PAIR_WORDS);
const _: () = assert!(FRAMES_AT == HEAD_AT + LINE_PAIR_WORDS);
const _: () = assert!(size_of::<crate::sync::AtomicU64>() == size_of::<u64>());
