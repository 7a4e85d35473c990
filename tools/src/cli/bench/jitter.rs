//! `vesta bench jitter`: what the host takes from a spinning thread, core by core.

use super::super::{Context, Failure, Verdict};
use super::{Common, failure};
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;
use vesta_netio::StopFlag;
use vesta_tools::bench::jitter::{CoreGaps, watch};
use vesta_tools::bench::machine::{About, Header};
use vesta_tools::bench::report::Report;

/// Rows of the table: how many gaps there were from so many ns on.
const FROM_NS: [u64; 6] = [1_000, 10_000, 50_000, 100_000, 1_000_000, 10_000_000];

#[derive(Debug, Args)]
pub struct JitterArgs {
    #[command(flatten)]
    common: Common,

    /// How long to watch, seconds
    #[arg(long, default_value_t = 10.0, value_name = "S", value_parser = super::parse_seconds)]
    seconds: f64,

    /// The shortest gap that counts, ns
    #[arg(long, default_value_t = 1_000, value_name = "NS", value_parser = clap::value_parser!(u64).range(100..=1_000_000_000))]
    threshold_ns: u64,
}

pub fn jitter(context: &Context, args: &JitterArgs) -> Result<Verdict, Failure> {
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let cores = args.common.cores()?;
    let header = Header::new(About {
        bench: "jitter",
        pinning: format!("a thread on each of cores {cores:?}, spinning"),
        warm_up: "none: there is nothing to warm".to_owned(),
        seed: "none: nothing is drawn".to_owned(),
        settings: format!("{} s, gaps from {} ns on", args.seconds, args.threshold_ns),
        configuration: "none: no role runs".to_owned(),
    });
    let mut report = Report::create(args.common.out.as_deref(), header).map_err(failure)?;
    let span = Duration::from_secs_f64(args.seconds);
    let found = watch(&cores, args.threshold_ns, span, &stop).map_err(failure)?;
    report.text(&table(&found));
    let names = found.iter().map(|gaps| format!("core-{}", gaps.core)).collect();
    report.plot(format!("gaps of {} ns and more", args.threshold_ns), names);
    found.iter().for_each(|gaps| report.series(gaps.series()));
    report.text(&format!("\n{}", report.table()));
    report.text("verdict: OK");
    let result = json!({
        "cores": found.iter().map(in_json).collect::<Vec<_>>(),
        "threshold_ns": args.threshold_ns,
        "verdict": "OK",
    });
    report.finish(&result).map_err(failure)?;
    if context.json {
        println!("{result}");
    }
    Ok(Verdict::Holds)
}

fn seconds(gaps: &CoreGaps) -> f64 {
    gaps.duration_ns as f64 / 1e9
}

/// Gaps from `ns` on.
fn count_from(gaps: &CoreGaps, ns: u64) -> u64 {
    gaps.all().histogram().count_between(ns, u64::MAX)
}

fn in_json(gaps: &CoreGaps) -> Value {
    let s = gaps.all().summary();
    json!({
        "core": gaps.core,
        "seconds": seconds(gaps),
        "gaps": gaps.all().count(),
        "lost_us_per_s": gaps.lost_ns as f64 / 1e3 / seconds(gaps),
        "worst_ns": s.max_ns,
        "p50": s.p50_ns,
        "p99": s.p99_ns,
        "floor_ns": gaps.floor_ns,
        "from_ns": FROM_NS.iter().map(|&ns| (ns.to_string(), json!(count_from(gaps, ns)))).collect::<serde_json::Map<_, _>>(),
    })
}

fn table(found: &[CoreGaps]) -> String {
    let mut table =
        format!("{:<6} {:>8} {:>14} {:>10}", "core", "seconds", "lost us in 1 s", "worst us");
    for ns in FROM_NS {
        table.push_str(&format!(" {:>9}", format!(">={}us", ns / 1_000)));
    }
    table.push('\n');
    for gaps in found {
        table.push_str(&format!(
            "{:<6} {:>8.2} {:>14.1} {:>10.1}",
            gaps.core,
            seconds(gaps),
            gaps.lost_ns as f64 / 1e3 / seconds(gaps),
            gaps.all().summary().max_ns as f64 / 1e3,
        ));
        for ns in FROM_NS {
            table.push_str(&format!(" {:>9}", count_from(gaps, ns)));
        }
        table.push('\n');
    }
    table
}
