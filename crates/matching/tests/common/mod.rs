//! What the property tests and the fuzz target share: a small world, a source of steps in it, and
//! the pair of books that must agree on them.
//!
//! The generator takes its choices from a [`Source`]: from a seed, for a long run, or from bytes, for
//! proptest and the fuzzer, which shrink and mutate bytes.
#![allow(
    dead_code,
    unused_imports,
    reason = "each of the tests that include this uses a part of it"
)]

mod generator;
mod moods;
mod orders;
mod pair;
mod source;
mod world;

pub use generator::{Generator, Step};
pub use pair::{Pair, run_bytes};
pub use source::{Bytes, STEP_BYTES, Seeded, Source};
pub use world::{Instrument, World};
