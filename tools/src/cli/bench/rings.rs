//! `vesta bench rings`: rings between two threads side by side, and the codec.

use super::super::{Context, Failure, Verdict};
use super::{Common, failure};
use clap::Args;
use serde_json::{Value, json};
use vesta_config::Config;
use vesta_netio::{Clock, StopFlag};
use vesta_tools::bench::BenchError;
use vesta_tools::bench::machine::{About, Header};
use vesta_tools::bench::orders::OrderFlow;
use vesta_tools::bench::report::{Interval, Report, Series};
use vesta_tools::bench::rings::{
    ArrayQueue, Channel, CodecRound, Hotmem, HotmemFile, RingRound, Rtrb, Spsc, codec_round, round,
};
use vesta_tools::bench::statistics::Spread;
use vesta_wire::decode;
use vesta_wire::record::NewOrder;
use vesta_workload::Scenario;

#[derive(Debug, Args)]
pub struct RingsArgs {
    #[command(flatten)]
    common: Common,

    /// Rounds; each ring is measured once in each
    #[arg(long, default_value_t = 11, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Messages of a round, each way
    #[arg(long, default_value_t = 200_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    messages: u64,
}

/// A ring, and what was found of it in each round.
struct Ring {
    name: &'static str,
    run: fn(u64, [Option<usize>; 2]) -> Result<RingRound, BenchError>,
    rounds: Vec<RingRound>,
    series: Series,
}

impl Ring {
    fn new<R: Spsc>() -> Self {
        let (run, series) = (round::<R>, Series::new(R::NAME, 0.0));
        Self { name: R::NAME, run, rounds: Vec::new(), series }
    }

    fn ns_per_message(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| round.ns_per_message).collect()
    }

    fn round_trip_p50(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| round.round_trip.summary().p50_ns as f64).collect()
    }

    fn wrong(&self) -> u64 {
        self.rounds.iter().map(|round| round.wrong).sum()
    }
}

pub fn rings(context: &Context, args: &RingsArgs) -> Result<Verdict, Failure> {
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let cores = args.common.two_cores()?;
    let [producer, consumer] = cores.map(super::core);
    let header = Header::new(About {
        bench: "rings",
        pinning: format!("producer {producer}, consumer {consumer}, both spinning"),
        warm_up: format!(
            "the stream of {} messages comes before the round trips; it has none itself",
            args.messages
        ),
        seed: format!("{}, of the order that the codec is measured on", args.common.seed),
        settings: format!(
            "{} rounds, {} messages of {} bytes each way; closed loop: the next round trip begins when \
             the one before has ended",
            args.rounds,
            args.messages,
            vesta_tools::bench::orders::RECORD_LEN_MAX
        ),
        configuration: super::configuration(),
    });
    let mut report = Report::create(args.common.out.as_deref(), header).map_err(failure)?;
    let order = plain_order(&context.config, args.common.seed)?;
    let mut rings = [
        Ring::new::<Hotmem>(),
        Ring::new::<HotmemFile>(),
        Ring::new::<Rtrb>(),
        Ring::new::<ArrayQueue>(),
        Ring::new::<Channel>(),
    ];
    let (clock, mut codec) = (Clock::new(), Vec::new());
    for number in 0..args.rounds as usize {
        for turn in 0..rings.len() {
            if stop.is_stopped() {
                return Err(failure(BenchError::Interrupted));
            }
            let at = (number + turn) % rings.len();
            let ring = &mut rings[at];
            let (began, begin_ns) = (clock.utc_ns(), clock.mono_ns());
            let found = (ring.run)(args.messages, cores).map_err(failure)?;
            let duration_ns = clock.mono_ns() - begin_ns;
            let latency = found.round_trip.clone();
            ring.series.intervals.push(Interval { began, duration_ns, latency });
            ring.rounds.push(found);
        }
        codec.push(codec_round(&order, args.messages));
    }
    report.text(&table(&rings, &codec));
    report.plot("there and back", rings.iter().map(|ring| ring.name.to_owned()).collect());
    let wrong: u64 = rings.iter().map(Ring::wrong).sum();
    let verdict = if wrong == 0 { "OK" } else { "FAIL" };
    let result = json!({
        "rounds": args.rounds,
        "rings": rings.iter().map(ring_in_json).collect::<Vec<_>>(),
        "codec": codec_in_json(&codec),
        "wrong": wrong,
        "verdict": verdict,
    });
    rings.into_iter().for_each(|ring| report.series(ring.series));
    report.text(&format!("\n{}", report.table()));
    report.text(&format!("messages lost or out of order: {wrong}\nverdict: {verdict}"));
    report.finish(&result).map_err(failure)?;
    if context.json {
        println!("{result}");
    }
    Ok(if wrong == 0 { Verdict::Holds } else { Verdict::Fails })
}

/// A plain order of the flow, as it goes through ring and codec.
fn plain_order(config: &Config, seed: u64) -> Result<NewOrder, Failure> {
    let mut flow =
        OrderFlow::new(config, Scenario::Normal, seed, 100).map_err(Failure::CannotStart)?;
    let order = decode::<NewOrder>(flow.next_record()).copied();
    order.map_err(|error| Failure::BrokeDown(format!("the flow begins with an order: {error}")))
}

fn ring_in_json(ring: &Ring) -> Value {
    let (each, there_and_back) =
        (Spread::of(&ring.ns_per_message()), Spread::of(&ring.round_trip_p50()));
    json!({
        "ring": ring.name,
        "ns_per_message": each.map(|s| s.median),
        "ns_per_message_range": each.map(|s| s.range()),
        "round_trip_p50_ns": there_and_back.map(|s| s.median),
        "round_trip_p50_ns_range": there_and_back.map(|s| s.range()),
        "wrong": ring.wrong(),
    })
}

fn codec_figures(codec: &[CodecRound]) -> [(&'static str, Option<Spread>); 3] {
    let of =
        |figure: fn(&CodecRound) -> f64| Spread::of(&codec.iter().map(figure).collect::<Vec<_>>());
    [
        ("encode", of(|round| round.encode_ns)),
        ("decode", of(|round| round.decode_ns)),
        ("copy", of(|round| round.copy_ns)),
    ]
}

fn codec_in_json(codec: &[CodecRound]) -> Value {
    let figures = codec_figures(codec)
        .map(|(name, spread)| (format!("{name}_ns"), json!(spread.map(|spread| spread.median))));
    Value::Object(figures.into_iter().collect())
}

fn table(rings: &[Ring], codec: &[CodecRound]) -> String {
    let spread = |figures: &[f64]| {
        let spread = Spread::of(figures);
        spread.map_or(String::new(), |s| format!("{:.1} ({:.1}..{:.1})", s.median, s.min, s.max))
    };
    let mut table = format!(
        "{:<18} {:<28} {:<28}\n",
        "ring", "ns per message, streaming", "ns there and back, p50"
    );
    for ring in rings {
        table.push_str(&format!(
            "{:<18} {:<28} {:<28}\n",
            ring.name,
            spread(&ring.ns_per_message()),
            spread(&ring.round_trip_p50())
        ));
    }
    table.push_str("\ncodec, one plain order     ns\n");
    for (name, figure) in codec_figures(codec) {
        if let Some(s) = figure {
            table.push_str(&format!("{name:<18} {:.1} ({:.1}..{:.1})\n", s.median, s.min, s.max));
        }
    }
    table
}
