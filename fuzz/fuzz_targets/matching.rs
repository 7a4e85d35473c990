//! The fast book against the naive model, on whatever the fuzzer makes up. The decoder is that of the
//! property tests: 32 bytes for the world, then 32 for each step.
#![no_main]

#[path = "../../crates/matching/tests/common/mod.rs"]
mod common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| common::run_bytes(bytes));
