//! Memory that hot threads share with each other and with whoever looks on.
//!
//! ```text
//!   Arena           memory of one process: hugepages where there are any, touched, locked
//!   ring            a queue of messages from one thread or process to one other
//!   CountersFile    named numbers that a hot thread writes and anybody reads, without a call
//! ```
//!
//! # Why so little of it is `unsafe`
//! Shared memory is seen here as a slice of `AtomicU64` and as nothing else: whatever another
//! process writes into it is a number that is checked before it is used as an index, and then the
//! slice checks it again. Only `map.rs` asks the kernel for memory and makes that slice of it.
//!
//! Under `cfg(loom)` the atomics are loom's, and the code of the ring, unchanged, is run through
//! every order in which its two sides can meet.

#[cfg(not(loom))]
mod arena;
#[cfg(not(loom))]
mod counters;
#[cfg(not(loom))]
mod map;
#[cfg(not(loom))]
mod process;
mod ring;
mod sync;

#[cfg(not(loom))]
pub use arena::{Arena, Pages};
#[cfg(not(loom))]
pub use counters::{
    BUCKET_COUNT, CounterSink, CountersFile, Entry, Histogram, Kind, Reading, Removed, Scope,
    Summary, Touch, Unit, bucket_limit_ns, remove_stale,
};
#[cfg(not(loom))]
pub use map::MapError;
#[cfg(not(loom))]
pub use process::{ProcessId, start_time};
#[cfg(not(loom))]
pub use ring::{AttachError, End, RingMemory, ring};
pub use ring::{PushError, Receiver, RingFault, RingShared, Sender};
