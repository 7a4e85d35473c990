//! Which pairs are measured, in which order, and what was found of each.
//!
//! ```text
//!   round 1    pair A: raw echo engine   pair B: echo engine   ...
//!   round 2    pair B: raw engine echo   ...                   pair A: engine echo
//! ```
//! Each is two fresh processes. Raw UDP knows neither datapath nor endpoints: once a round is enough
//! for the pairs that have link and kind of addressing in common. The first pair moves to the end from round to round, and echo and
//! engine change places: drift hits all alike.

use super::probe::Found;
use super::{Side, Subject};
use crate::bench::network::{Link, Place};
use crate::bench::report::{Interval, Line, Series};
use crate::bench::statistics::Spread;
use crate::bench::worker::Worker;
use crate::bench::{BenchError, Job};
use crate::latency::Latency;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use vesta_netio::StopFlag;
use vesta_types::TimeNs;

/// The datapath that all others are compared with: Aeron's own.
pub const REFERENCE: &str = "socket";
/// How long a process may take to start.
const START_MAX: Duration = Duration::from_secs(20);

/// What is the same in all measurements of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration, as TOML.
    pub config: String,
    /// Cores of probe and answer.
    pub cores: [Option<usize>; 2],
    /// Orders per second.
    pub rate: f64,
    /// Before anything is recorded, ms.
    pub warm_up_ms: u64,
    /// Recorded, ms.
    pub measure_ms: u64,
    /// Of the order flow.
    pub seed: u64,
}

/// One row, and what was found of it, by round.
#[derive(Debug)]
pub struct Pair {
    link: Link,
    datapath: String,
    multicast: bool,
    endpoints: usize,
    raw: Vec<Interval>,
    echo: Vec<Interval>,
    engine: Vec<Interval>,
    /// Answers that were not what they should be.
    pub wrong: u64,
    /// Raw datagrams without an answer.
    lost: u64,
}

impl Pair {
    /// A row before its first round.
    #[must_use]
    pub fn new(link: Link, datapath: String, multicast: bool, endpoints: usize) -> Self {
        let (raw, echo, engine) = (Vec::new(), Vec::new(), Vec::new());
        Self { link, datapath, multicast, endpoints, raw, echo, engine, wrong: 0, lost: 0 }
    }

    /// What output calls it.
    #[must_use]
    pub fn name(&self) -> String {
        let cast = if self.multicast { "multicast" } else { "unicast" };
        format!("{}-{}-{cast}-{}", self.link.name, self.datapath, self.endpoints)
    }

    /// One round of this pair. `floor` is raw UDP of its link and kind of addressing, if that was
    /// measured in this round; it is measured here otherwise, and returned.
    ///
    /// # Errors
    /// When a process fails, or `stop` is set.
    fn measure(
        &mut self,
        settings: &Settings,
        engine_first: bool,
        floor: Option<Found>,
        stop: &StopFlag,
    ) -> Result<Found, BenchError> {
        let interval = |found: &Found| Interval {
            began: TimeNs(found.began_ns),
            duration_ns: found.duration_ns,
            latency: Latency::from(&found.counts),
        };
        let floor = match floor {
            Some(floor) => floor,
            None => self.run(settings, Subject::Raw, stop)?,
        };
        self.lost += floor.lost;
        self.raw.push(interval(&floor));
        let subjects = [Subject::Echo, Subject::Engine];
        for turn in 0..2 {
            let subject = subjects[(turn + usize::from(engine_first)) % 2];
            let found = self.run(settings, subject, stop)?;
            self.wrong += found.wrong;
            let of_subject =
                if subject == Subject::Echo { &mut self.echo } else { &mut self.engine };
            of_subject.push(interval(&found));
        }
        Ok(floor)
    }

    fn run(
        &self,
        settings: &Settings,
        subject: Subject,
        stop: &StopFlag,
    ) -> Result<Found, BenchError> {
        let side = |own: &Place, peer: &Place, core| Side {
            subject,
            config: settings.config.clone(),
            datapath: self.datapath.clone(),
            multicast: self.multicast,
            endpoints: self.endpoints,
            own: own.address,
            peer: peer.address,
            interface: own.interface.clone(),
            core,
            rate: settings.rate,
            warm_up_ms: settings.warm_up_ms,
            measure_ms: settings.measure_ms,
            seed: settings.seed,
        };
        let [probe, answer] = &self.link.ends;
        let [probe_core, answer_core] = settings.cores;
        let name = |end: &str| format!("{} {subject:?} {end}", self.name());
        let jobs = [
            Job::WireProbe(side(probe, answer, probe_core)),
            Job::WireAnswer(side(answer, probe, answer_core)),
        ];
        let mut answer = Worker::start(&name("answer"), &answer.host, &jobs[1])?;
        answer.hear(START_MAX, stop)?;
        let mut probe = Worker::start(&name("probe"), &probe.host, &jobs[0])?;
        let span = Duration::from_millis(settings.warm_up_ms + settings.measure_ms);
        let found = probe.hear_as(START_MAX + span + START_MAX, stop)?;
        probe.end()?;
        answer.end()?;
        Ok(found)
    }

    /// The three kinds of latencies, over all rounds.
    #[must_use]
    pub fn series(&self, rate: f64) -> [Series; 3] {
        let name = self.name();
        [("raw", &self.raw), ("echo", &self.echo), ("engine", &self.engine)].map(
            |(kind, intervals)| Series {
                name: format!("{name}-{kind}"),
                rate,
                intervals: intervals.clone(),
            },
        )
    }

    /// True when `other` is the same but for its datapath.
    fn is_like(&self, other: &Self) -> bool {
        (self.link.name, self.multicast, self.endpoints)
            == (other.link.name, other.multicast, other.endpoints)
    }
}

/// One round of all pairs; the number of the round, from 0, says which is first.
///
/// # Errors
/// When a process fails, or `stop` is set.
pub fn round(
    pairs: &mut [Pair],
    settings: &Settings,
    number: usize,
    stop: &StopFlag,
) -> Result<(), BenchError> {
    let mut floors: BTreeMap<(&'static str, bool), Found> = BTreeMap::new();
    for turn in 0..pairs.len() {
        let at = (number + turn) % pairs.len();
        let pair = &mut pairs[at];
        let place = (pair.link.name, pair.multicast);
        let floor = pair.measure(settings, number % 2 == 1, floors.get(&place).cloned(), stop)?;
        floors.insert(place, floor);
    }
    Ok(())
}

/// Plots: of each link, kind of addressing and number of endpoints one, with engine and echo (dashed) on
/// every datapath, in a colour each, beside raw UDP. Each has a title.
#[must_use]
pub fn plots(pairs: &[Pair]) -> Vec<(String, Vec<Line>)> {
    let is_first = |at: &usize| !pairs[..*at].iter().any(|before| before.is_like(&pairs[*at]));
    let line = |pair: &Pair, kind: &str, label: String, colour| {
        let series = format!("{}-{kind}", pair.name());
        Line { series, label, colour, is_dashed: kind != "engine" }
    };
    (0..pairs.len())
        .filter(is_first)
        .map(|at| {
            let first = &pairs[at];
            let mut lines = vec![line(first, "raw", "raw UDP".to_owned(), 0)];
            let alike = pairs.iter().filter(|other| other.is_like(first));
            for (colour, pair) in alike.enumerate() {
                for kind in ["engine", "echo"] {
                    let label = format!("{}, {kind}", pair.datapath);
                    lines.push(line(pair, kind, label, colour + 1));
                }
            }
            let cast = if first.multicast { "multicast" } else { "unicast" };
            let endpoints = if first.endpoints == 1 { "endpoint" } else { "endpoints" };
            (format!("{}, {cast}, {} {endpoints}", first.link.name, first.endpoints), lines)
        })
        .collect()
}

fn p50(intervals: &[Interval]) -> Vec<f64> {
    intervals.iter().map(|interval| interval.latency.summary().p50_ns as f64).collect()
}

fn p99(intervals: &[Interval]) -> Vec<f64> {
    intervals.iter().map(|interval| interval.latency.summary().p99_ns as f64).collect()
}

/// What a row says, in figures.
#[derive(Clone, Copy, Debug)]
pub struct Ratios {
    /// Engine / echo.
    pub p50: Spread,
    /// Engine / echo.
    pub p99: Spread,
    /// Echo / raw.
    pub echo_vs_raw: Spread,
    /// Echo / echo of [`REFERENCE`] in the same round, where that was measured.
    pub echo_vs_reference: Option<Spread>,
}

impl Ratios {
    /// Of one of `pairs`; `None` before its first round.
    #[must_use]
    pub fn of(pair: &Pair, pairs: &[Pair]) -> Option<Self> {
        let like = |other: &&Pair| other.datapath == REFERENCE && other.is_like(pair);
        let reference = pairs.iter().find(like);
        Some(Self {
            p50: Spread::of_ratios(&p50(&pair.engine), &p50(&pair.echo))?,
            p99: Spread::of_ratios(&p99(&pair.engine), &p99(&pair.echo))?,
            echo_vs_raw: Spread::of_ratios(&p50(&pair.echo), &p50(&pair.raw))?,
            echo_vs_reference: reference
                .and_then(|other| Spread::of_ratios(&p50(&pair.echo), &p50(&other.echo))),
        })
    }
}

/// A row, as output has it.
#[must_use]
pub fn in_json(pair: &Pair, pairs: &[Pair]) -> Value {
    let figures = |intervals: &[Interval]| {
        let median = |figures: &[f64]| Spread::of(figures).map(|spread| spread.median);
        let mut whole = Latency::new();
        intervals.iter().for_each(|interval| whole.add(&interval.latency));
        let s = whole.summary();
        json!({
            "p50": median(&p50(intervals)),
            "p99": median(&p99(intervals)),
            "all": {
                "count": whole.count(), "p50": s.p50_ns, "p90": s.p90_ns, "p99": s.p99_ns,
                "p99_9": s.p999_ns, "p99_99": s.p9999_ns, "max": s.max_ns,
            },
        })
    };
    let ratios = Ratios::of(pair, pairs);
    json!({
        "link": pair.link.name,
        "datapath": pair.datapath,
        "multicast": pair.multicast,
        "endpoints": pair.endpoints,
        "raw_udp": figures(&pair.raw),
        "echo": figures(&pair.echo),
        "engine": figures(&pair.engine),
        "ratio_p50": ratios.map(|r| r.p50.median),
        "ratio_p50_range": ratios.map(|r| r.p50.range()),
        "ratio_p99": ratios.map(|r| r.p99.median),
        "ratio_p99_range": ratios.map(|r| r.p99.range()),
        "echo_vs_raw_p50": ratios.map(|r| r.echo_vs_raw.median),
        "echo_vs_socket_p50": ratios.and_then(|r| r.echo_vs_reference).map(|s| s.median),
        "echo_vs_socket_p50_range": ratios.and_then(|r| r.echo_vs_reference).map(|s| s.range()),
        "wrong": pair.wrong,
        "raw_udp_lost": pair.lost,
    })
}

/// The rows as a table: medians over rounds, us, and ratios with their ranges.
#[must_use]
pub fn table(pairs: &[Pair]) -> String {
    let width = pairs.iter().map(|pair| pair.name().len()).max().unwrap_or(0);
    let mut table = format!(
        "{:<width$} {:>7} {:>7} {:>7} {:>7}   {:<20} {:<20} {:<20}\n",
        "median us",
        "raw",
        "echo",
        "engine",
        "e.p99",
        "engine/echo p50",
        "engine/echo p99",
        "echo/socket p50"
    );
    for pair in pairs {
        let Some(ratios) = Ratios::of(pair, pairs) else { continue };
        let median = |figures: &[f64]| Spread::of(figures).map_or(f64::NAN, |s| s.median / 1e3);
        let spread = |s: Spread| format!("{:.2} ({:.2}..{:.2})", s.median, s.min, s.max);
        table.push_str(&format!(
            "{:<width$} {:>7.2} {:>7.2} {:>7.2} {:>7.2}   {:<20} {:<20} {:<20}\n",
            pair.name(),
            median(&p50(&pair.raw)),
            median(&p50(&pair.echo)),
            median(&p50(&pair.engine)),
            median(&p99(&pair.engine)),
            spread(ratios.p50),
            spread(ratios.p99),
            ratios.echo_vs_reference.map_or(String::new(), spread),
        ));
    }
    table
}
