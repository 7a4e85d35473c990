//! `vesta bench matching`: the matching core alone, on seeded scenarios.
//!
//! ```text
//!   check       each scenario, untimed: what the commands do is what they were made to do
//!   round 1     lobster   lobster-long   normal   ...      nanoseconds per command, allocations
//!   round 2     lobster-long   normal   ...   lobster      the first moves to the end
//!   ...
//!   latency     each scenario: the clock around each command, by class
//! ```
//!
//! `worst_mops` is about the scenarios, not about `lobster-long`, which is a variant of one.
//! *ahead* is a pass of its own in each round, in which the matcher is told what comes.
//! Nanoseconds per command are the median over the rounds. Percentiles come from passes of their
//! own, since reading the clock takes as long as a command.

use super::super::{Context, Failure, Verdict};
use super::abi_report::{extent, median};
use super::matching_pass::{self as pass, Counts, Latency, Percentiles};
use clap::Args;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use vesta_engine_abi::abi::{BUY, CANCEL, MODIFY, Message, NEW, Order, SELL};
use vesta_engine_abi::{OrderFile, last_core, pin_to_core};
use vesta_types::Side;
use vesta_workload::{Flat, FlatKind, Scenario, Workload};

/// Million commands per second that the slowest scenario is to reach.
const GOAL_MOPS: f64 = 20.0;
/// More rounds than anybody would wait for.
const REPETITIONS_MAX: i64 = 1000;

#[derive(Debug, Args)]
pub struct MatchingArgs {
    /// Only this scenario, or, given again, these: lobster, lobster-long, normal, static, swing,
    /// flash-crash
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<Scenario>,

    /// Commands of each scenario
    #[arg(
        long,
        default_value_t = 500_000,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=Workload::COUNT_MAX as i64)
    )]
    ops: u32,

    /// What the scenarios are seeded with
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Rounds; each scenario runs once in each
    #[arg(
        long,
        default_value_t = 11,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=REPETITIONS_MAX)
    )]
    repetitions: u32,

    /// Core to measure on; by default the last one that this process may use
    #[arg(long, value_name = "N")]
    core: Option<usize>,

    /// Write the one scenario to an order file of the public benchmark's format, for `vesta bench abi`
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

/// A scenario, and what was found of it.
struct Measured {
    workload: Workload,
    counts: Counts,
    /// One for each round.
    ns_per_op: Vec<f64>,
    /// The same, where the matcher is told what comes.
    ahead_ns_per_op: Vec<f64>,
    /// The most of any round; `None` when nobody counted.
    allocations: Option<u64>,
    floor_ns: f64,
    latency: Option<Latency>,
}

pub fn matching(context: &Context, args: &MatchingArgs) -> Result<Verdict, Failure> {
    let scenarios: &[Scenario] =
        if args.scenarios.is_empty() { &Scenario::ALL } else { &args.scenarios };
    if args.export.is_some() && scenarios.len() != 1 {
        let one = "--export writes one scenario: name it with --scenario";
        return Err(Failure::CannotStart(one.to_owned()));
    }
    let cannot = |what: &str, error| Failure::CannotStart(format!("{what}: {error}"));
    let core = match args.core {
        Some(core) => {
            super::may_use("--core", core)?;
            core
        }
        None => last_core().map_err(|e| cannot("--core is needed: asking for cores", e))?,
    };
    pin_to_core(core).map_err(|error| cannot(&format!("--core {core}"), error))?;

    let mut all = Vec::with_capacity(scenarios.len());
    for &scenario in scenarios {
        let workload = Workload::generate(scenario, args.seed, args.ops as usize);
        if let Some(path) = &args.export {
            export(&workload, path)?;
        }
        let counts = pass::check(&workload)
            .map_err(|wrong| Failure::BrokeDown(format!("{scenario}: {wrong}")))?;
        all.push(Measured {
            workload,
            counts,
            ns_per_op: Vec::new(),
            ahead_ns_per_op: Vec::new(),
            allocations: Some(0),
            floor_ns: 0.0,
            latency: None,
        });
    }
    for round in 0..args.repetitions as usize {
        for turn in 0..all.len() {
            let at = (round + turn) % all.len();
            let measured = &mut all[at];
            let found = pass::throughput(&measured.workload);
            measured.ns_per_op.push(found.ns_per_op);
            measured.ahead_ns_per_op.push(pass::look_ahead(&measured.workload));
            let most = measured.allocations.zip(found.allocations);
            measured.allocations = most.map(|(before, now)| before.max(now));
        }
    }
    for measured in &mut all {
        measured.floor_ns = pass::floor(&measured.workload);
        measured.latency = Some(pass::latency(&measured.workload));
    }
    Ok(print(context, args, core, &all))
}

fn export(workload: &Workload, path: &Path) -> Result<(), Failure> {
    let messages = (0..).zip(workload.flat()).map(|(sequence_number, flat)| {
        let Flat { kind, order, side, price, qty } = flat;
        let (kind, ioc) = match kind {
            FlatKind::New => (NEW, 0),
            FlatKind::NewIoc => (NEW, 1),
            FlatKind::Cancel => (CANCEL, 0),
            FlatKind::Modify => (MODIFY, 0),
        };
        let order = Order {
            order_id: order,
            sequence_number,
            price_ticks: price.0,
            // The largest size of a workload is far below.
            quantity: qty.0 as u32,
            side: if side == Side::Buy { BUY } else { SELL },
            ioc,
            reserved: [0; 2],
        };
        Message { kind, reserved: [0; 7], order }
    });
    OrderFile { messages: messages.collect() }
        .write(path)
        .map_err(|error| Failure::BrokeDown(format!("{}: {error}", path.display())))
}

impl Measured {
    fn in_json(&self) -> Value {
        let (min, max) = extent(&self.ns_per_op);
        let mut found = json!({
            "name": self.workload.scenario.name(),
            "is_variant": self.workload.scenario.is_variant(),
            "ops": self.workload.commands.len(),
            "ns_per_op": median(&self.ns_per_op),
            "min_ns_per_op": min,
            "max_ns_per_op": max,
            "look_ahead_ns_per_op": median(&self.ahead_ns_per_op),
            "floor_ns_per_op": self.floor_ns,
            "allocations": self.allocations,
            "trades": self.counts.trades,
            "rejected": self.counts.rejected,
        });
        if let Some(latency) = &self.latency {
            found["clock_ns"] = json!(latency.clock_ns);
            for (key, value) in percentiles_in_json(&latency.all) {
                found[key] = value;
            }
            let by_class = latency.classes.iter().map(|(class, percentiles)| {
                let mut found = percentiles_in_json(percentiles);
                found.insert("count".to_owned(), json!(percentiles.count));
                (class.name().to_owned(), Value::Object(found))
            });
            found["classes"] = by_class.collect();
        }
        found
    }
}

fn percentiles_in_json(percentiles: &Percentiles) -> Map<String, Value> {
    let Percentiles { p50_ns, p99_ns, p999_ns, max_ns, .. } = *percentiles;
    [("p50_ns", p50_ns), ("p99_ns", p99_ns), ("p999_ns", p999_ns), ("max_ns", max_ns)]
        .into_iter()
        .map(|(key, ns)| (key.to_owned(), json!(ns)))
        .collect()
}

/// What does not hold: speed is not among it, since this machine may be busy.
fn wrongs(all: &[Measured]) -> Vec<String> {
    let wrong = |measured: &Measured| {
        let name = measured.workload.scenario;
        match measured.allocations {
            Some(0) => None,
            Some(count) => Some(format!("{name}: {count} allocations")),
            None => Some(format!("{name}: nobody counted the allocations")),
        }
    };
    all.iter().filter_map(wrong).collect()
}

/// The scenario that `worst_mops` is about: a variant only where nothing else was measured.
fn slowest(all: &[Measured]) -> Option<&Measured> {
    let is_variant = |measured: &&Measured| measured.workload.scenario.is_variant();
    let by_ns =
        |a: &&Measured, b: &&Measured| median(&a.ns_per_op).total_cmp(&median(&b.ns_per_op));
    let slowest = all.iter().filter(|measured| !is_variant(measured)).max_by(by_ns);
    slowest.or_else(|| all.iter().max_by(by_ns))
}

fn print(context: &Context, args: &MatchingArgs, core: usize, all: &[Measured]) -> Verdict {
    let MatchingArgs { ops, seed, repetitions, .. } = args;
    println!("{ops} commands each, seed {seed}, {repetitions} rounds on core {core}\n");
    println!(
        "{:<14} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>11} {:>9} {:>9}",
        "ns per command",
        "median",
        "min",
        "max",
        "ahead",
        "floor",
        "Mops",
        "allocations",
        "trades",
        "rejected"
    );
    for measured in all {
        let (min, max) = extent(&measured.ns_per_op);
        let ns = median(&measured.ns_per_op);
        let allocations = measured.allocations.map_or("?".to_owned(), |count| count.to_string());
        let Counts { trades, rejected } = measured.counts;
        println!(
            "{:<14} {ns:>8.2} {min:>8.2} {max:>8.2} {:>8.2} {:>8.2} {:>8.2} {allocations:>11} {trades:>9} {rejected:>9}",
            measured.workload.scenario.name(),
            median(&measured.ahead_ns_per_op),
            measured.floor_ns,
            1000.0 / ns,
        );
    }
    print_latency(all);
    let slowest = slowest(all);
    let (worst, worst_mops) = slowest.map_or(("", f64::NAN), |slowest| {
        (slowest.workload.scenario.name(), 1000.0 / median(&slowest.ns_per_op))
    });
    let reached = if worst_mops >= GOAL_MOPS { "reached" } else { "missed" };
    println!(
        "worst: {worst}, {worst_mops:.2} Mops, variants left aside; goal {GOAL_MOPS}: {reached}"
    );
    let wrongs = wrongs(all);
    for wrong in &wrongs {
        println!("wrong: {wrong}");
    }
    let verdict = if wrongs.is_empty() { "OK" } else { "FAIL" };
    println!("verdict: {verdict}");
    if context.json {
        let found = json!({
            "scenarios": all.iter().map(Measured::in_json).collect::<Vec<_>>(),
            "worst": worst,
            "worst_mops": worst_mops,
            "goal_mops": GOAL_MOPS,
            "seed": seed,
            "repetitions": repetitions,
            "core": core,
            "wrong": wrongs,
            "verdict": verdict,
        });
        println!("{found}");
    }
    if wrongs.is_empty() { Verdict::Holds } else { Verdict::Fails }
}

fn print_latency(all: &[Measured]) {
    println!(
        "\n{:<14} {:<8} {:>9} {:>9} {:>9} {:>9} {:>11}",
        "ns of one", "class", "count", "p50", "p99", "p99.9", "max"
    );
    for measured in all {
        let Some(latency) = &measured.latency else { continue };
        let classes = latency.classes.iter().map(|(class, found)| (class.name(), found));
        for (class, found) in std::iter::once(("all", &latency.all)).chain(classes) {
            let Percentiles { count, p50_ns, p99_ns, p999_ns, max_ns } = found;
            println!(
                "{:<14} {class:<8} {count:>9} {p50_ns:>9.0} {p99_ns:>9.0} {p999_ns:>9.0} {max_ns:>11.0}",
                measured.workload.scenario.name(),
            );
        }
    }
    let clock = all.iter().filter_map(|measured| measured.latency.as_ref());
    let clock: Vec<f64> = clock.map(|latency| latency.clock_ns).collect();
    println!("each includes two readings of the clock, {:.0} ns\n", median(&clock));
}
