//! A queue of messages from one thread, or process, to one other.
//!
//! ```text
//!   Sender::push ... push, publish        Receiver::poll
//!        | tail (ours), head (as seen)         ^ head (ours), tail (as seen)
//!        v                                     |
//!   +------------------------------------------+---------------------------+
//!   | header | tail |   | head |   | frame | frame | padding | (free) ...  |   RingMemory
//!   +----------------------------------------------------------------------+
//! ```
//!
//! Each side has a counter of its own, which only it writes, on cache lines of its own, and a copy
//! of the other's as last seen, so that it looks at the other's line only when the copy says that
//! there is no room, or nothing to read. Pushed messages are seen together, on `publish`.
//!
//! Nothing that comes from the other side is trusted: a counter that can not be, or a length that
//! leads out of what was published, is a [`RingFault`], on every call from then on.

mod frame;
mod receiver;
mod sender;

#[cfg(not(loom))]
mod layout;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(not(loom))]
mod memory;
#[cfg(all(test, not(loom)))]
mod plain_tests;
#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(not(loom))]
pub use memory::{AttachError, End, RingMemory, ring};
pub use receiver::Receiver;
pub use sender::{PushError, Sender};

use std::ops::Range;

use crate::sync::AtomicU64;

/// Words that no ring ever gets to: 400 years at 10 GB/s. What says more is broken, and sums of
/// positions below it do not overflow.
const POSITION_MAX: u64 = 1 << 62;

/// What the two sides share: in real life a [`RingMemory`], under loom a model of it.
pub trait RingShared {
    /// Words that were published since the beginning; written by the sender alone.
    #[doc(hidden)]
    fn tail(&self) -> &AtomicU64;
    /// Words that were taken since the beginning; written by the receiver alone.
    #[doc(hidden)]
    fn head(&self) -> &AtomicU64;
    /// Where the messages are: a power of two of words.
    #[doc(hidden)]
    fn words(&self) -> &[AtomicU64];
    /// Told before words are read. Loom sees no race between relaxed atomics, so the model of it
    /// checks here that nobody may be writing them.
    #[doc(hidden)]
    fn will_read(&self, _words: Range<usize>) {}
    /// Told before words are written: nobody may be reading them.
    #[doc(hidden)]
    fn will_write(&self, _words: Range<usize>) {}
}

/// The other side wrote what can not be. There is no going on: who is at the other end is broken,
/// or hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingFault {
    /// The sender's counter went back, or beyond what fits.
    #[error("the sender's counter says {tail}, with {head} taken and {capacity} words of room")]
    Tail {
        /// What it says.
        tail: u64,
        /// What was taken.
        head: u64,
        /// What fits.
        capacity: u64,
    },
    /// The receiver's counter went back, or beyond what was published.
    #[error(
        "the receiver's counter says {head}, with {tail} published and {capacity} words of room"
    )]
    Head {
        /// What it says.
        head: u64,
        /// What was published.
        tail: u64,
        /// What fits.
        capacity: u64,
    },
    /// A frame that is none, or leads out of what was published.
    #[error("the frame at word {position} is broken: its header is {header:#018x}")]
    Frame {
        /// Where, in words since the beginning.
        position: u64,
        /// What it says.
        header: u64,
    },
}
