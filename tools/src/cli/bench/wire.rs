//! `vesta bench wire`: from arguments to rows, and from rows to a verdict.

use super::super::{Context, Failure, Verdict};
use super::{Common, failure};
use clap::Args;
use serde_json::json;
use vesta_config::Datapath;
use vesta_netio::StopFlag;
use vesta_tools::bench::machine::{About, Header};
use vesta_tools::bench::network::Link;
use vesta_tools::bench::report::Report;
use vesta_tools::bench::wire::plan::{self, Pair, Settings, in_json, table};

/// An engine reads the input log, and five streams that are quiet while nothing goes wrong.
const ENDPOINTS: [usize; 2] = [1, 6];

#[derive(Debug, Args)]
pub struct WireArgs {
    #[command(flatten)]
    common: Common,

    /// Rounds; each pair is measured once in each
    #[arg(long, default_value_t = 11, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Orders per second, each at its own time
    #[arg(long, default_value_t = 20_000.0, value_name = "R", value_parser = super::parse_rate)]
    rate: f64,

    /// Milliseconds before anything is recorded
    #[arg(long, default_value_t = 100, value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=60_000))]
    warm_up_ms: u64,

    /// Milliseconds that are recorded, of each of raw UDP, echo and engine in each round
    #[arg(long, default_value_t = 600, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    measure_ms: u64,

    /// Only this datapath; may be given several times. By default all that can be had here
    #[arg(long = "datapath", value_name = "NAME")]
    datapaths: Vec<String>,

    /// Only this link, `veth` or `lo`
    #[arg(long = "link", value_name = "NAME", value_parser = ["veth", "lo"])]
    links: Vec<String>,

    /// Only so many endpoints, 1 to 6; may be given several times
    #[arg(long = "endpoints", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=6))]
    endpoints: Vec<u64>,

    /// Only multicast, or only unicast
    #[arg(long, value_name = "BOOL")]
    multicast: Option<bool>,
}

pub fn wire(context: &Context, args: &WireArgs) -> Result<Verdict, Failure> {
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let (network, links) = super::links(&args.links, &["veth", "lo"])?;
    let (datapaths, skipped) = super::datapaths(&args.datapaths)?;
    let mut pairs = pairs(args, &links, &datapaths);
    let cores = args.common.two_cores()?;
    let settings = Settings {
        config: context.config.to_toml(),
        cores,
        rate: args.rate,
        warm_up_ms: args.warm_up_ms,
        measure_ms: args.measure_ms,
        seed: args.common.seed,
    };
    let [probe, answer] = cores.map(super::core);
    let header = Header::new(About {
        bench: "wire",
        pinning: format!("probe {probe}, answer {answer}, both spinning"),
        warm_up: format!("{} ms of each measurement", args.warm_up_ms),
        seed: args.common.seed.to_string(),
        settings: format!(
            "{} rounds, {} orders/s, {} ms recorded of each of raw UDP, echo and engine in each round",
            args.rounds, args.rate, args.measure_ms
        ),
        configuration: super::configuration(),
    });
    let mut report = Report::create(args.common.out.as_deref(), header).map_err(failure)?;
    report.configuration("wire", context.config.to_toml());
    super::in_rounds("wire", args.rounds, |round| {
        plan::round(&mut pairs, &settings, round, &stop)
    })?;
    drop(network);

    report.text(&table(&pairs));
    for (title, lines) in plan::plots(&pairs) {
        report.plot_lines(format!("{title}, {} orders/s", args.rate), lines);
    }
    for pair in &pairs {
        pair.series(args.rate).into_iter().for_each(|series| report.series(series));
    }
    report.text(&format!("\n{}", report.table()));
    let wrong: u64 = pairs.iter().map(|pair| pair.wrong).sum();
    let holds = wrong == 0 && !pairs.is_empty();
    let verdict = if holds { "OK" } else { "FAIL" };
    report.text(&format!("answers that were not what they should be: {wrong}\nverdict: {verdict}"));
    let result = json!({
        "rounds": args.rounds,
        "rate": args.rate,
        "pairs": pairs.iter().map(|pair| in_json(pair, &pairs)).collect::<Vec<_>>(),
        "skipped": skipped,
        "verdict": verdict,
    });
    report.finish(&result).map_err(failure)?;
    if context.json {
        println!("{result}");
    }
    Ok(if holds { Verdict::Holds } else { Verdict::Fails })
}

fn pairs(args: &WireArgs, links: &[Link], datapaths: &[Datapath]) -> Vec<Pair> {
    let endpoints: Vec<usize> = match args.endpoints.as_slice() {
        [] => ENDPOINTS.to_vec(),
        asked => asked.iter().map(|&count| count as usize).collect(),
    };
    let multicast = args.multicast.map_or_else(|| vec![true, false], |only| vec![only]);
    let mut pairs = Vec::new();
    for link in links {
        for datapath in datapaths {
            if !super::has(link, *datapath) {
                continue;
            }
            for &multicast in &multicast {
                for &endpoints in &endpoints {
                    let name = datapath.name().to_owned();
                    pairs.push(Pair::new(link.clone(), name, multicast, endpoints));
                }
            }
        }
    }
    pairs
}
