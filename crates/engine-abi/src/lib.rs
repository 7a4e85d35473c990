//! Matching engines behind the C ABI of the public matching-engine-benchmark (flash1-dev, MIT), and
//! a driver that measures them: ours and anybody's, with the same calls, in the same run.
//!
//! ```text
//!   order file ── OrderFile ── dense_ids ──> [Message; N] ── run_pass ──> PassReport
//!                                                              |   ^
//!                     Engine: nine C functions, by dlopen  <───'   |  Report, 64 bytes each
//!                             or the built-in null engine  ────────'  through a Transport of ours
//! ```
//!
//! One process drives one engine once: engines keep their state in globals and can not be relied on
//! to start twice. `vesta bench abi` starts a process for each pass and interleaves the engines.
//! [`run_pass`] says how it measures.
//!
//! What measuring takes besides, `vesta bench matching` uses too: the [clock](Ticks), a core to stay
//! on, an [allocator that counts](CountingAllocator).
//!
//! # Why this crate may use `unsafe`
//! Everything that it is for is a call into somebody else's C function, with pointers to memory of
//! ours, and a callback from there. No check can make that safe: a shared library that exports these
//! names with other signatures corrupts this process. So the crate stands apart from all that
//! ships in a role, nothing of a role depends on it, and what it drives runs in a child process.
//! See the decision record 0010.
#![allow(unsafe_code)]

pub mod abi;
mod allocations;
mod canonical;
mod clock;
mod dense_ids;
mod driver;
mod load;
mod null_engine;
mod order_file;
mod pin;
mod transport;

pub use allocations::{CountingAllocator, allocation_count};
pub use canonical::{Canonical, ReportCounts};
pub use clock::{Rate, Ticks};
pub use dense_ids::dense_ids;
pub use driver::{
    CHUNK_LEN, ClassLatency, MessageClass, PROBE_INTERVAL, Pass, PassReport, Probe, run_pass,
};
pub use load::{Engine, EngineFunctions, LoadError};
pub use null_engine::NULL_ENGINE;
pub use order_file::{MESSAGE_COUNT_MAX, OrderFile, OrderFileError};
pub use pin::{last_core, pin_to_core, stop_after};
