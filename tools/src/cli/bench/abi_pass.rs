//! `vesta bench abi-pass`: one engine, once. Its last line on stdout is one JSON object for
//! `vesta bench abi`, whatever the engine may have written before.

use super::super::{Failure, Verdict};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vesta_engine_abi::{
    ClassLatency, Engine, OrderFile, Pass, PassReport, Probe, dense_ids, pin_to_core, run_pass,
    stop_after,
};
use vesta_types::state_hash::hash_words;

/// How long an engine may take for one pass: the public harness's bound. The slowest engine of its
/// survey that answers at all needs some minutes.
const PASS_MAX: Duration = Duration::from_secs(600);

/// What `--engine` calls the engine that only acknowledges.
pub const NULL: &str = "null";

/// [`Pass`], as an argument names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PassKind {
    /// Nanoseconds per message
    Throughput,
    /// Reports and books
    Reports,
    /// Nanoseconds of single calls
    Latency,
}

#[derive(Debug, Args)]
pub struct AbiPassArgs {
    /// A shared library, or `null`
    #[arg(long, value_name = "FILE")]
    engine: PathBuf,

    /// Order file
    #[arg(long, value_name = "FILE")]
    orders: PathBuf,

    /// Renumber orders in order of arrival
    #[arg(long)]
    dense_ids: bool,

    /// Core to stay on
    #[arg(long, value_name = "N")]
    core: usize,

    /// What to find out
    #[arg(long, value_enum)]
    pass: PassKind,
}

pub fn abi_pass(args: &AbiPassArgs) -> Result<Verdict, Failure> {
    let messages = read_orders(&args.orders, args.dense_ids)?.messages;
    pin_to_core(args.core)
        .map_err(|error| Failure::CannotStart(format!("--core {}: {error}", args.core)))?;
    stop_after(PASS_MAX);
    let engine = if args.engine == Path::new(NULL) {
        Engine::null()
    } else {
        Engine::open(&args.engine).map_err(|error| Failure::CannotStart(error.to_string()))?
    };
    let pass = match args.pass {
        PassKind::Throughput => Pass::Throughput,
        PassKind::Reports => Pass::Reports,
        PassKind::Latency => Pass::Latency,
    };
    println!("\n{}", in_json(&run_pass(engine, &messages, pass)));
    Ok(Verdict::Holds)
}

/// The messages of a file, renumbered if that was asked for.
pub fn read_orders(path: &Path, is_dense: bool) -> Result<OrderFile, Failure> {
    let mut file = OrderFile::read(path)
        .map_err(|error| Failure::CannotStart(format!("{}: {error}", path.display())))?;
    if is_dense {
        dense_ids(&mut file.messages);
    }
    Ok(file)
}

fn in_json(report: &PassReport) -> Value {
    match report {
        PassReport::Throughput { ns_per_op, prebuild_ns_per_op, report_count } => json!({
            "ns_per_op": ns_per_op,
            "prebuild_ns_per_op": prebuild_ns_per_op,
            "reports": report_count,
        }),
        PassReport::Reports { hash, counts, probes } => json!({
            "hash": hash,
            "reports": counts.by_kind.iter().sum::<u64>(),
            "trades": counts.by_kind[1],
            "book_hash": book_hash(probes),
        }),
        PassReport::Latency(classes) => classes.iter().map(class_in_json).collect(),
    }
}

/// One number for all answers about the book.
fn book_hash(probes: &[Probe]) -> String {
    let words = |p: &Probe| [p.best_bid.cast_unsigned(), p.best_ask.cast_unsigned(), p.depth];
    let words: Vec<u64> = probes.iter().flat_map(words).collect();
    format!("{:016x}", hash_words(&words))
}

fn class_in_json(latency: &ClassLatency) -> (String, Value) {
    let value = json!({
        "count": latency.count,
        "p50": latency.p50_ns,
        "p99": latency.p99_ns,
        "p99_9": latency.p99_9_ns,
        "max": latency.max_ns,
    });
    (latency.class.name().to_owned(), value)
}
