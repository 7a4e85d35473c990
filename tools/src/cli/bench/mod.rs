//! `vesta bench`: measured comparisons, both sides in one run.

mod abi;
mod abi_pass;
mod abi_report;
mod matching;
mod matching_pass;

use super::{Context, Failure, Verdict};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Compare matching engines behind the C ABI of the public matching-engine-benchmark
    Abi(abi::AbiArgs),
    /// Measure the matching core alone, on seeded scenarios
    Matching(matching::MatchingArgs),
    /// One pass over one engine, in a process of its own; `abi` starts these
    #[command(hide = true)]
    AbiPass(abi_pass::AbiPassArgs),
}

pub fn bench(context: &Context, args: &BenchArgs) -> Result<Verdict, Failure> {
    match &args.what {
        What::Abi(args) => abi::abi(context, args),
        What::Matching(args) => matching::matching(context, args),
        What::AbiPass(args) => abi_pass::abi_pass(args),
    }
}
