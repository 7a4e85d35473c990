//! `vesta bench link`: from arguments to rows, and from rows to a verdict.

use super::super::{Context, Failure, Verdict};
use super::{Common, failure};
use clap::Args;
use serde_json::json;
use vesta_config::Datapath;
use vesta_netio::StopFlag;
use vesta_tools::bench::link::plan::{self, Path, Row, Settings, in_json, table};
use vesta_tools::bench::link::{Delivery, Length, Measurement};
use vesta_tools::bench::machine::{About, Header};
use vesta_tools::bench::network::Link;
use vesta_tools::bench::report::Report;

#[derive(Debug, Args)]
pub struct LinkArgs {
    #[command(flatten)]
    common: Common,

    /// Rounds; each row is measured once in each
    #[arg(long, default_value_t = 11, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Milliseconds before anything is counted
    #[arg(long, default_value_t = 100, value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=60_000))]
    warm_up_ms: u64,

    /// Milliseconds that are counted, of each row in each round
    #[arg(long, default_value_t = 400, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    measure_ms: u64,

    /// Only this datapath; may be given several times. By default all that can be had here
    #[arg(long = "datapath", value_name = "NAME")]
    datapaths: Vec<String>,

    /// This link, `veth` (the default) or `lo`; may be given several times
    #[arg(long = "link", value_name = "NAME", value_parser = ["veth", "lo"])]
    links: Vec<String>,

    /// Only this delivery: unicast, multicast or mdc; may be given several times
    #[arg(long = "delivery", value_name = "NAME", value_parser = parse_delivery)]
    deliveries: Vec<Delivery>,

    /// Bytes of a message, 8 or more, or `datagram` for as many as go in one; may be given several times. By
    /// default 32 and `datagram`
    #[arg(long = "length", value_name = "BYTES", value_parser = parse_length)]
    lengths: Vec<Length>,
}

fn parse_delivery(text: &str) -> Result<Delivery, String> {
    let found = Delivery::ALL.into_iter().find(|delivery| delivery.name() == text);
    found.ok_or_else(|| "give unicast, multicast or mdc".to_owned())
}

fn parse_length(text: &str) -> Result<Length, String> {
    match (text, text.parse()) {
        ("datagram", _) => Ok(Length::Datagram),
        (_, Ok(bytes)) if (8..=65_504).contains(&bytes) => Ok(Length::Bytes(bytes)),
        _ => Err("give bytes from 8 to 65504, or datagram".to_owned()),
    }
}

pub fn link(context: &Context, args: &LinkArgs) -> Result<Verdict, Failure> {
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let (network, links) = super::links(&args.links, &["veth"])?;
    let (datapaths, skipped) = super::datapaths(&args.datapaths)?;
    let mut rows = rows(context, args, &links, &datapaths);
    let cores = args.common.two_cores()?;
    let settings = Settings {
        config: context.config.to_toml(),
        cores,
        warm_up_ms: args.warm_up_ms,
        measure_ms: args.measure_ms,
    };
    let [first, second] = cores.map(super::core);
    let header = Header::new(About {
        bench: "link",
        pinning: format!("first {first}, second {second}, both spinning"),
        warm_up: format!("{} ms of each measurement", args.warm_up_ms),
        seed: "none: nothing is made up".to_owned(),
        settings: format!("{} rounds, {} ms of each row in each", args.rounds, args.measure_ms),
        configuration: super::configuration(),
    });
    let mut report = Report::create(args.common.out.as_deref(), header).map_err(failure)?;
    report.configuration("link", context.config.to_toml());
    super::in_rounds("link", args.rounds, |round| plan::round(&mut rows, &settings, round, &stop))?;
    drop(network);

    report.text(&table(&rows));
    for (title, lines) in plan::plots(&rows) {
        report.plot_lines(format!("{title}, round trips"), lines);
    }
    rows.iter().filter_map(Row::series).for_each(|series| report.series(series));
    report.text(&format!("\n{}", report.table()));
    let wrong: u64 = rows.iter().map(|row| row.wrong).sum();
    let holds = wrong == 0 && !rows.is_empty();
    let verdict = if holds { "OK" } else { "FAIL" };
    report
        .text(&format!("messages that were not what they should be: {wrong}\nverdict: {verdict}"));
    let of = |is_stream| {
        let kind = rows.iter().filter(move |row: &&Row| row.is_stream() == is_stream);
        kind.map(|row| in_json(row, &rows)).collect::<Vec<_>>()
    };
    let result = json!({
        "rounds": args.rounds,
        "streams": of(true),
        "round_trips": of(false),
        "skipped": skipped,
        "verdict": verdict,
    });
    report.finish(&result).map_err(failure)?;
    if context.json {
        println!("{result}");
    }
    Ok(if holds { Verdict::Holds } else { Verdict::Fails })
}

/// The ways in which a datapath sends: our own as configured, Aeron's as it comes, and as it is with our
/// setting, so that the setting's part of a difference can be told.
fn paths(datapath: Datapath, configured: u32, measurement: Measurement) -> Vec<Path> {
    let path = |messages_per_send| Path { datapath: datapath.name().to_owned(), messages_per_send };
    match (datapath, measurement) {
        (Datapath::Socket, Measurement::Stream) => vec![Path::reference(), path(configured)],
        (Datapath::Socket, Measurement::RoundTrips) => vec![Path::reference()],
        _ => vec![path(configured)],
    }
}

fn rows(context: &Context, args: &LinkArgs, links: &[Link], datapaths: &[Datapath]) -> Vec<Row> {
    let or = |asked: &[Length]| match asked {
        [] => vec![Length::Bytes(32), Length::Datagram],
        asked => asked.to_vec(),
    };
    let deliveries = match args.deliveries.as_slice() {
        [] => Delivery::ALL.to_vec(),
        asked => asked.to_vec(),
    };
    let configured = context.config.transport.messages_per_send;
    let mut rows = Vec::new();
    for link in links {
        for measurement in [Measurement::Stream, Measurement::RoundTrips] {
            for &delivery in &deliveries {
                for &length in &or(&args.lengths) {
                    let there = datapaths.iter().filter(|it| super::has(link, **it));
                    let paths = there.flat_map(|it| paths(*it, configured, measurement));
                    rows.extend(
                        paths.map(|path| {
                            Row::new(link.clone(), path, delivery, length, measurement)
                        }),
                    );
                }
            }
        }
    }
    rows
}
