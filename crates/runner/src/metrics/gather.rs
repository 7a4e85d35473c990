//! From the counters files of a process, and its driver's own counters, to samples.

use super::names::{METRICS, Metric, Scope, place_of};
use std::collections::BTreeMap;
use std::path::PathBuf;
use vesta_hotmem::{Entry, Kind, Reading, Touch, bucket_limit_ns};
use vesta_netio::{DriverCounts, DriverReading};

/// One role of this process, as whoever asks is told of it.
#[derive(Clone, Debug)]
pub struct RoleSource {
    /// Its name.
    pub role: String,
    /// The shard that it serves.
    pub shard: u32,
    /// Its counters file; `None` where it could not be made.
    pub counters: Option<PathBuf>,
    /// True for the one role of the process that tells of the driver.
    pub tells_driver: bool,
    /// Name of the datapath.
    pub datapath: String,
}

/// Labels of a sample, with their values.
pub type Labels = Vec<(&'static str, String)>;

/// What a sample says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Count(u64),
    /// A number that may have a fraction.
    Number(f64),
    /// Durations: how many were at most so many seconds (each alone, not added up), and their sum.
    Durations(Vec<(f64, u64)>, f64),
}

/// Samples, by the place of their metric in [`METRICS`].
#[derive(Clone, Debug, Default)]
pub struct Samples {
    by_metric: BTreeMap<usize, Vec<(Labels, Value)>>,
    /// What runs: the labels of `vesta_build_info`.
    pub builds: Vec<Labels>,
}

const NS_IN_S: f64 = 1e9;
/// Clients' decimals, and with them the sizes of ticks and lots, count units of 10^-8.
const E8: f64 = 1e8;

impl Samples {
    /// The metrics that have samples, in the order of the list.
    pub fn families(&self) -> impl Iterator<Item = (&'static Metric, &[(Labels, Value)])> {
        self.by_metric.iter().map(|(index, samples)| (&METRICS[*index], samples.as_slice()))
    }

    /// Takes in what a role counted until `now_ns` (UTC). Of one whose counters can not be read, only its
    /// build is told.
    pub fn add(&mut self, source: &RoleSource, reading: Option<&Reading>, now_ns: u64) {
        let base = vec![("role", source.role.clone()), ("shard", source.shard.to_string())];
        self.builds.push(
            [
                vec![
                    ("version", env!("CARGO_PKG_VERSION").to_owned()),
                    ("commit", env!("VESTA_RUNS_COMMIT").to_owned()),
                    ("datapath", source.datapath.clone()),
                ],
                base.clone(),
            ]
            .concat(),
        );
        let Some(reading) = reading else { return };
        let mut role = RoleSamples { samples: self, base };
        role.times(reading, now_ns);
        for entry in &reading.entries {
            role.entry(entry, reading);
        }
        // A driver that is gone, or not there yet, is told by the counters of its role.
        if let Ok(driver) = DriverReading::of(&reading.driver) {
            role.streams(reading, &driver);
            if source.tells_driver {
                role.driver(&driver);
            }
        }
    }
}

/// The metric that shows a number of the counters file, and what its `*` stands for.
pub fn metric_of(entry: &Entry) -> Option<(&'static Metric, &str)> {
    METRICS.iter().find_map(|metric| {
        metric.from.iter().find_map(|(scope, name)| {
            let in_scope = match scope {
                Scope::Role => entry.scope.is_empty(),
                Scope::Stream => !entry.scope.is_empty(),
                Scope::Named(scope) => entry.scope == *scope && entry.stream == 0,
            };
            let rest = match name.strip_suffix('*') {
                Some(start) => entry.name.strip_prefix(start),
                None => (entry.name == *name).then_some(""),
            };
            rest.filter(|_| in_scope).map(|rest| (metric, rest))
        })
    })
}

struct RoleSamples<'a> {
    samples: &'a mut Samples,
    base: Labels,
}

impl RoleSamples<'_> {
    fn put(&mut self, name: &str, more: Labels, value: Value) {
        let samples = self.samples.by_metric.entry(place_of(name)).or_default();
        samples.push(([self.base.clone(), more].concat(), value));
    }

    fn times(&mut self, reading: &Reading, now_ns: u64) {
        let seconds = |ns: u64| Value::Number(ns as f64 / NS_IN_S);
        self.put("vesta_start_time", Labels::new(), seconds(reading.started_ns));
        let age_ns = now_ns.saturating_sub(reading.published_ns);
        self.put("vesta_counters_age", Labels::new(), seconds(age_ns));
        self.put("vesta_counters_left_out", Labels::new(), Value::Count(reading.lost_count));
    }

    fn entry(&mut self, entry: &Entry, reading: &Reading) {
        if let Some(touch) = entry.touch() {
            self.touch(&entry.scope, touch);
            return;
        }
        let Some((metric, rest)) = metric_of(entry) else {
            let labels = vec![("scope", entry.scope.clone()), ("counter", entry.name.clone())];
            self.put("vesta_other", labels, Value::Count(entry.value()));
            return;
        };
        let more = match metric.labels {
            ["stream", "stream_id"] => stream_labels(&entry.scope, entry.stream),
            [label] => vec![(*label, rest.to_owned())],
            _ => Labels::new(),
        };
        match (metric.kind, entry.kind) {
            (Kind::Histogram, Kind::Histogram) => {
                let sum = reading.find(&entry.scope, &format!("{}_sum", entry.name));
                let sum_s = sum.map_or(0.0, |sum| sum.value() as f64 / NS_IN_S);
                self.put(metric.name, more, durations(&entry.values, sum_s));
            }
            // The sum of a histogram, which is told with it.
            (Kind::Histogram, _) => {}
            _ => self.put(metric.name, more, Value::Count(entry.value())),
        }
    }

    fn touch(&mut self, instrument: &str, touch: Touch) {
        let sides =
            [("bid", touch.bid_ticks, touch.bid_lots), ("ask", touch.ask_ticks, touch.ask_lots)];
        for (side, ticks, lots) in sides.into_iter().filter(|(_, ticks, _)| *ticks > 0) {
            let labels = || vec![("instrument", instrument.to_owned()), ("side", side.to_owned())];
            let decimal =
                |count: u64, unit_e8: u64| Value::Number(count as f64 * unit_e8 as f64 / E8);
            self.put("vesta_book_price", labels(), decimal(ticks, touch.tick_e8));
            self.put("vesta_book_quantity", labels(), decimal(lots, touch.lot_e8));
        }
    }

    /// Where the streams of a role stand, from Aeron's own counters. A driver that others share has both
    /// ends of some: of each only what is of the end that the role has.
    fn streams(&mut self, reading: &Reading, driver: &DriverReading) {
        let mut ends: BTreeMap<(i32, &str), (bool, bool)> = BTreeMap::new();
        for entry in reading.entries.iter().filter(|entry| entry.stream > 0) {
            let (writes, reads) = ends.entry((entry.stream, &entry.scope)).or_default();
            *writes |= entry.name == "messages_out";
            *reads |= entry.name == "messages_in";
        }
        for ((id, name), (writes, reads)) in ends {
            let at = driver.positions(id);
            let unsent = at.published.zip(at.sent).map(|(offered, sent)| offered - sent);
            for (metric, value, is_ours) in [
                ("vesta_stream_receivers", at.readers, writes),
                ("vesta_stream_window_left", at.window_left(), writes),
                ("vesta_stream_unsent", unsent, writes),
                ("vesta_stream_at_window", Some(at.at_window), writes),
                ("vesta_stream_unread", at.unread(), reads),
                ("vesta_stream_naks", Some(at.naks), writes || reads),
            ] {
                let value =
                    value.filter(|_| is_ours).map(|value| u64::try_from(value).unwrap_or(0));
                if let Some(value) = value {
                    self.put(metric, stream_labels(name, id), Value::Count(value));
                }
            }
        }
    }

    fn driver(&mut self, driver: &DriverReading) {
        let DriverCounts {
            bytes_sent,
            bytes_received,
            naks_sent,
            naks_received,
            retransmits_sent,
            flow_control_over_runs,
            flow_control_under_runs,
            invalid_packets,
            sender_limits,
            short_sends,
            loss_gap_fills,
            errors,
            conductor_cycle_max_ns,
            sender_cycle_max_ns,
            receiver_cycle_max_ns,
        } = driver.counts();
        for (metric, count) in [
            ("vesta_driver_sent", bytes_sent),
            ("vesta_driver_received", bytes_received),
            ("vesta_driver_naks_sent", naks_sent),
            ("vesta_driver_naks_received", naks_received),
            ("vesta_driver_retransmits_sent", retransmits_sent),
            ("vesta_driver_flow_control_over_runs", flow_control_over_runs),
            ("vesta_driver_flow_control_under_runs", flow_control_under_runs),
            ("vesta_driver_invalid_packets", invalid_packets),
            ("vesta_driver_sender_limits", sender_limits),
            ("vesta_driver_short_sends", short_sends),
            ("vesta_driver_loss_gap_fills", loss_gap_fills),
            ("vesta_driver_errors", errors),
        ] {
            self.put(metric, Labels::new(), Value::Count(count));
        }
        for (agent, ns) in [
            ("conductor", conductor_cycle_max_ns),
            ("sender", sender_cycle_max_ns),
            ("receiver", receiver_cycle_max_ns),
        ] {
            let labels = vec![("agent", agent.to_owned())];
            self.put("vesta_driver_cycle_max", labels, Value::Number(ns as f64 / NS_IN_S));
        }
        for (control, count) in driver.mdc_destinations() {
            self.put("vesta_mdc_destinations", vec![("control", control)], Value::Count(count));
        }
    }
}

fn stream_labels(name: &str, id: i32) -> Labels {
    // What is no stream of Aeron's, such as the clients' datagrams, has no id.
    let id = if id > 0 { id.to_string() } else { String::new() };
    vec![("stream", name.to_owned()), ("stream_id", id)]
}

/// The buckets of a histogram; what the last one holds has no limit.
fn durations(buckets: &[u64], sum_s: f64) -> Value {
    let limit_s = |index: usize| match index + 1 == buckets.len() {
        true => f64::INFINITY,
        false => bucket_limit_ns(index) as f64 / NS_IN_S,
    };
    let buckets = buckets.iter().enumerate().map(|(index, count)| (limit_s(index), *count));
    Value::Durations(buckets.collect(), sum_s)
}
