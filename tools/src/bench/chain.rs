//! `vesta bench chain`: the whole way of an order, and where the time goes.
//!
//! ```text
//!   client ~~> gateway --10--> sequencer --20--> engine --30--> gateway ~~> client
//!                                                   '---30--> md-publisher --40--> consumer
//! ```
//! Each a process, each with a trace of its own (`trace.rs`); the traces are joined here by `seq`.

use super::BenchError;
use super::trace::{DATAGRAMS, Entry, Trace, TracedTransport, Way, read};
use super::venue::embed;
use super::worker::{Parent, pin};
use crate::consumer::Consumer;
use crate::latency::Latency;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vesta_config::Config;
use vesta_netio::Idler;
use vesta_runner::{StartError, idle, link};
use vesta_transport::{Duty, Flow, Input, Subscription, Transport};
use vesta_types::InstrumentId;

/// Fragments of each stream taken in one duty cycle.
const FRAGMENTS_PER_CYCLE: usize = 64;

/// A process that rebuilds the books from market data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConsumeJob {
    /// The configuration, as TOML.
    pub config: String,
    /// The core to stay on.
    pub core: Option<usize>,
    /// Where its trace goes.
    pub trace: PathBuf,
}

/// Consumes until told to stop.
///
/// # Errors
/// When a stream can not be opened, or fails.
pub fn consume(parent: &Parent, job: &ConsumeJob) -> Result<(), BenchError> {
    pin(job.core)?;
    let config = Config::parse(&job.config, "bench")
        .map_err(|error| BenchError::not_started("configuration", error))?;
    let trace = Trace::new();
    let mut transport = TracedTransport::new(embed(&config, "bench-consumer")?, trace.clone());
    let channels = config.channels();
    let streams = [channels.market_data_subscription(), channels.snapshots_subscription()];
    let [market_data, snapshots] = streams.map(|channel| {
        let (uri, stream) = link(channel);
        transport.add_subscription(&uri, stream).map_err(|error| {
            BenchError::CannotStart(StartError::from(error).with_knob(&config).to_string())
        })
    });
    let (mut market_data, mut snapshots) = (market_data?, snapshots?);
    let instruments: Vec<InstrumentId> = config.instrument_list.iter().map(|i| i.id).collect();
    let mut consumer = Consumer::new(&instruments);
    let mut idler = Idler::new(idle(&config));
    parent.tell(&"ready");
    while !parent.stop().is_stopped() {
        let mut work =
            transport.do_work().map_err(|error| BenchError::broke("transport", error))?;
        work += market_data.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            match input {
                Input::Fragment(fragment) => consumer.on_market_data(fragment.bytes),
                Input::Joined { .. } | Input::Lost { .. } => consumer.on_feed_break(),
            }
            Flow::Taken
        });
        work += snapshots.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if let Input::Fragment(fragment) = input {
                consumer.on_snapshot(fragment.bytes);
            }
            Flow::Taken
        });
        idler.idle(work);
    }
    trace.write(&job.trace)
}

/// The traces of one run.
#[derive(Debug)]
pub struct Traces {
    /// The client's.
    pub client: Vec<Entry>,
    /// The gateway's.
    pub gateway: Vec<Entry>,
    /// The sequencer's.
    pub sequencer: Vec<Entry>,
    /// The engine's.
    pub engine: Vec<Entry>,
    /// The md-publisher's.
    pub md_publisher: Vec<Entry>,
    /// The consumer's.
    pub consumer: Vec<Entry>,
}

/// Names of the trace files, in the order of [`Traces`].
pub const FILES: [&str; 6] =
    ["client", "gateway", "sequencer", "engine", "md-publisher", "consumer"];

/// A file of [`FILES`] in `directory`.
#[must_use]
pub fn file(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.trace"))
}

impl Traces {
    /// Reads the files of a run.
    ///
    /// # Errors
    /// When one is missing.
    pub fn read(directory: &Path) -> Result<Self, BenchError> {
        let [client, gateway, sequencer, engine, md_publisher, consumer] =
            FILES.map(|name| read(&file(directory, name)));
        Ok(Self {
            client: client?,
            gateway: gateway?,
            sequencer: sequencer?,
            engine: engine?,
            md_publisher: md_publisher?,
            consumer: consumer?,
        })
    }
}

/// Time spent between two points of the way.
#[derive(Clone, Debug)]
pub struct Hop {
    /// From where to where, or in which process.
    pub name: &'static str,
    /// How long.
    pub latency: Latency,
}

/// Times of one point of the way, by `seq`; 0 where it was not seen.
struct Point(Vec<u64>);

impl Point {
    /// Of entries that know their `seq`.
    fn by_seq(entries: &[Entry], stream: u32, way: Way) -> Self {
        let here = entries.iter().filter(|e| e.stream == stream && e.way == way && e.seq > 0);
        Self::of(here.map(|entry| (entry.seq, entry.ticks)))
    }

    /// Of commands that are not sequenced yet: `seqs` says what became of each.
    fn by_key(entries: &[Entry], stream: u32, way: Way, seqs: &BTreeMap<u64, u64>) -> Self {
        let here = entries.iter().filter(|e| e.stream == stream && e.way == way && e.seq == 0);
        Self::of(here.filter_map(|entry| Some((*seqs.get(&entry.key)?, entry.ticks))))
    }

    /// The first time of each: what was sent again came later.
    fn of(times: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut point = Vec::new();
        for (seq, ticks) in times {
            let at = seq as usize;
            if at >= point.len() {
                point.resize((at + 1).next_power_of_two(), 0);
            }
            if point[at] == 0 {
                point[at] = ticks;
            }
        }
        Self(point)
    }

    fn at(&self, seq: u64) -> Option<u64> {
        self.0.get(seq as usize).copied().filter(|ticks| *ticks > 0)
    }
}

/// Market data has no `seq`: the first frame whose `event_seq` is not before an event's shows it.
struct MarketData<'a>(Vec<&'a Entry>);

impl<'a> MarketData<'a> {
    fn new(entries: &'a [Entry], stream: u32, way: Way) -> Self {
        Self(entries.iter().filter(|e| e.stream == stream && e.way == way).collect())
    }

    fn at(&self, event_seq: u64) -> Option<u64> {
        let at = self.0.partition_point(|entry| entry.key < event_seq);
        self.0.get(at).map(|entry| entry.ticks)
    }
}

/// Where the time of each order went that `due` names, with the ticks at which it was due.
#[must_use]
pub fn hops(traces: &Traces, due: &[(u64, u64)], config: &Config) -> Vec<Hop> {
    let streams = &config.streams;
    let [orders, input_log, event_log, market_data] =
        [streams.orders.id, streams.input_log.id, streams.event_log.id, streams.market_data.id]
            .map(i32::unsigned_abs);
    let sequenced = |e: &&Entry| e.stream == input_log && e.way == Way::Out;
    let seqs = traces.sequencer.iter().filter(sequenced).map(|e| (e.key, e.seq)).collect();
    let by_key = |entries, stream, way| Point::by_key(entries, stream, way, &seqs);
    let points = [
        Point::of(due.iter().copied()),
        by_key(&traces.client, DATAGRAMS, Way::Out),
        by_key(&traces.gateway, DATAGRAMS, Way::In),
        by_key(&traces.gateway, orders, Way::Out),
        by_key(&traces.sequencer, orders, Way::In),
        Point::by_seq(&traces.sequencer, input_log, Way::Out),
        Point::by_seq(&traces.engine, input_log, Way::In),
        Point::by_seq(&traces.engine, event_log, Way::Out),
        Point::by_seq(&traces.gateway, event_log, Way::In),
        Point::by_seq(&traces.gateway, DATAGRAMS, Way::Out),
        Point::by_seq(&traces.client, DATAGRAMS, Way::In),
    ];
    const NAMES: [&str; 10] = [
        "client waits",
        "client > gateway",
        "gateway in",
        "gateway > sequencer",
        "sequencer",
        "sequencer > engine",
        "engine",
        "engine > gateway",
        "gateway out",
        "gateway > client",
    ];
    let clock = quanta::Clock::new();
    let between = |name, pair: &dyn Fn(u64) -> Option<(u64, u64)>| {
        let mut latency = Latency::new();
        for (from, to) in due.iter().filter_map(|(seq, _)| pair(*seq)) {
            latency.record(clock.delta_as_nanos(from, to.max(from)));
        }
        Hop { name, latency }
    };
    let mut hops: Vec<Hop> = NAMES
        .iter()
        .zip(points.windows(2))
        .map(|(name, two)| between(*name, &|seq| two[0].at(seq).zip(two[1].at(seq))))
        .collect();
    let [first, last] = [&points[0], &points[10]];
    hops.push(between("client to client", &|seq| first.at(seq).zip(last.at(seq))));

    let events = traces.engine.iter().filter(|e| e.stream == event_log && e.way == Way::Out);
    let events = Point::of(events.map(|entry| (entry.seq, entry.key)));
    let heard = Point::by_seq(&traces.md_publisher, event_log, Way::In);
    let told = MarketData::new(&traces.md_publisher, market_data, Way::Out);
    let known = MarketData::new(&traces.consumer, market_data, Way::In);
    let told = |seq| told.at(events.at(seq)?);
    let known = |seq| known.at(events.at(seq)?);
    hops.push(between("engine > md-publisher", &|seq| points[7].at(seq).zip(heard.at(seq))));
    hops.push(between("md-publisher", &|seq| heard.at(seq).zip(told(seq))));
    hops.push(between("md-publisher > consumer", &|seq| told(seq).zip(known(seq))));
    hops.push(between("client to consumer", &|seq| first.at(seq).zip(known(seq))));
    hops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_joined_by_the_number_of_the_record() {
        let config = Config::default();
        let entry = |stream, way, seq, key, ticks| Entry { stream, way, seq, key, ticks };
        let (key, seq, event) = (77, 5, 9);
        let traces = Traces {
            client: vec![
                entry(DATAGRAMS, Way::Out, 0, key, 110),
                // Sent again: the first one counts.
                entry(DATAGRAMS, Way::Out, 0, key, 5_000),
                entry(DATAGRAMS, Way::In, seq, 0, 2_000),
            ],
            gateway: vec![
                entry(DATAGRAMS, Way::In, 0, key, 200),
                entry(10, Way::Out, 0, key, 300),
                entry(30, Way::In, seq, event, 900),
                entry(DATAGRAMS, Way::Out, seq, 0, 1_000),
            ],
            sequencer: vec![entry(10, Way::In, 0, key, 400), entry(20, Way::Out, seq, key, 500)],
            engine: vec![entry(20, Way::In, seq, key, 600), entry(30, Way::Out, seq, event, 700)],
            md_publisher: vec![
                entry(30, Way::In, seq, event, 800),
                entry(40, Way::Out, 0, event - 1, 810),
                entry(40, Way::Out, 0, event + 3, 1_100),
            ],
            consumer: vec![
                entry(40, Way::In, 0, event - 1, 1_150),
                entry(40, Way::In, 0, event + 3, 1_300),
            ],
        };
        let clock = quanta::Clock::new();
        let hops = hops(&traces, &[(seq, 100), (6, 100)], &config);
        let expected =
            [10, 90, 100, 100, 100, 100, 100, 200, 100, 1_000, 1_900, 100, 300, 200, 1_200];
        assert_eq!(hops.len(), expected.len());
        for (hop, ticks) in hops.iter().zip(expected) {
            assert_eq!(hop.latency.count(), 1, "{}: the other order was not seen", hop.name);
            let ns = clock.delta_as_nanos(0, ticks).max(1);
            assert_eq!(hop.latency.summary().max_ns, ns, "{}", hop.name);
        }
    }
}
