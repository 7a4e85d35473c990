//! Which rows are measured, in which order, and what was found of each.
//!
//! Each is two fresh processes. The first row moves to the end from round to round, so that drift hits all
//! alike; ratios are taken within a round.

use super::{Arrived, Back, Delivery, End, Length, Measurement, Sent};
use crate::bench::network::Link;
use crate::bench::report::{Interval, Line, Series};
use crate::bench::statistics::Spread;
use crate::bench::worker::Worker;
use crate::bench::{BenchError, Job};
use crate::latency::Latency;
use serde_json::{Value, json};
use std::time::Duration;
use vesta_netio::StopFlag;
use vesta_types::TimeNs;

/// How long a process may take to start.
const START_MAX: Duration = Duration::from_secs(20);

/// A datapath, and how many datagrams its sender gathers for one send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// As `transport.datapath` names it.
    pub datapath: String,
    /// See there.
    pub messages_per_send: u32,
}

impl Path {
    /// Aeron's own, as it comes: what all others are compared with.
    #[must_use]
    pub fn reference() -> Self {
        Self { datapath: "socket".to_owned(), messages_per_send: 4 }
    }
}

/// What is the same in all measurements of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration, as TOML.
    pub config: String,
    /// Cores of the first and the second end.
    pub cores: [Option<usize>; 2],
    /// Before anything is counted, ms.
    pub warm_up_ms: u64,
    /// Counted, ms.
    pub measure_ms: u64,
}

/// One row, and what was found of it, by round.
#[derive(Debug)]
pub struct Row {
    link: Link,
    path: Path,
    delivery: Delivery,
    length: Length,
    measurement: Measurement,
    length_bytes: usize,
    sent: Vec<Sent>,
    arrived: Vec<Arrived>,
    back: Vec<Interval>,
    /// Messages that were not what they should be.
    pub wrong: u64,
}

impl Row {
    /// A row before its first round.
    #[must_use]
    pub const fn new(
        link: Link,
        path: Path,
        delivery: Delivery,
        length: Length,
        measurement: Measurement,
    ) -> Self {
        Self {
            link,
            path,
            delivery,
            length,
            measurement,
            length_bytes: 0,
            sent: Vec::new(),
            arrived: Vec::new(),
            back: Vec::new(),
            wrong: 0,
        }
    }

    /// True for a row of [`Measurement::Stream`].
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.measurement == Measurement::Stream
    }

    /// What output calls it.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { link, path, delivery, .. } = self;
        let Path { datapath, messages_per_send } = path;
        let length = match self.length {
            Length::Bytes(bytes) => bytes.to_string(),
            Length::Datagram => "datagram".to_owned(),
        };
        format!("{}-{datapath}-{messages_per_send}-{delivery}-{length}", link.name)
    }

    fn measure(&mut self, settings: &Settings, stop: &StopFlag) -> Result<(), BenchError> {
        let end = |core| End {
            measurement: self.measurement,
            config: settings.config.clone(),
            datapath: self.path.datapath.clone(),
            messages_per_send: self.path.messages_per_send,
            delivery: self.delivery,
            length: self.length,
            addresses: [self.link.ends[0].address, self.link.ends[1].address],
            interface: self.link.ends[0].interface.clone(),
            core,
            warm_up_ms: settings.warm_up_ms,
            measure_ms: settings.measure_ms,
        };
        let name = self.name();
        let start = |which: usize, job: Job| {
            let name = format!("{name} {}", ["first", "second"][which]);
            Worker::start(&name, &self.link.ends[which].host, &job)
        };
        let mut second = start(1, Job::LinkSecond(end(settings.cores[1])))?;
        second.hear(START_MAX, stop)?;
        let mut first = start(0, Job::LinkFirst(end(settings.cores[0])))?;
        let span = Duration::from_millis(settings.warm_up_ms + settings.measure_ms);
        let patience = START_MAX + span + START_MAX;
        match self.measurement {
            Measurement::Stream => {
                let arrived: Arrived = second.hear_as(patience, stop)?;
                first.say(&"counted")?;
                let sent: Sent = first.hear_as(START_MAX, stop)?;
                self.length_bytes = sent.length;
                self.wrong += arrived.wrong;
                self.sent.push(sent);
                self.arrived.push(arrived);
            }
            Measurement::RoundTrips => {
                let back: Back = first.hear_as(patience, stop)?;
                self.length_bytes = back.length;
                self.wrong += back.wrong;
                self.back.push(Interval {
                    began: TimeNs(back.began_ns),
                    duration_ns: back.duration_ns,
                    latency: Latency::from(&back.counts),
                });
            }
        }
        // Told together: each would take the end of the other for a fault.
        first.tell_to_end();
        second.tell_to_end();
        first.end()?;
        second.end()?;
        Ok(())
    }

    /// True when `other` is the same but for its datapath.
    fn is_like(&self, other: &Self) -> bool {
        (self.link.name, self.delivery, self.length, self.measurement)
            == (other.link.name, other.delivery, other.length, other.measurement)
    }

    /// What it is judged by, in each round: messages per second, or the median round trip in ns.
    fn figures(&self) -> Vec<f64> {
        match self.measurement {
            Measurement::Stream => {
                let rate = |it: &Arrived| it.messages as f64 * 1e9 / it.duration_ns.max(1) as f64;
                self.arrived.iter().map(rate).collect()
            }
            Measurement::RoundTrips => {
                self.back.iter().map(|it| it.latency.summary().p50_ns as f64).collect()
            }
        }
    }

    fn p99(&self) -> Vec<f64> {
        self.back.iter().map(|it| it.latency.summary().p99_ns as f64).collect()
    }

    /// Its figures over those of [`Path::reference`] in the same rounds, where that was measured.
    fn vs_reference(&self, rows: &[Self]) -> Option<Spread> {
        let reference = Path::reference();
        let other = rows.iter().find(|row| row.path == reference && row.is_like(self))?;
        Spread::of_ratios(&self.figures(), &other.figures())
    }

    /// Over all rounds: datagrams per call of the sender and of the receiver; `None` where the driver does
    /// not count them.
    fn datagrams_per_call(&self) -> [Option<f64>; 2] {
        let ratio = |pairs: Vec<(u64, u64)>| {
            let (above, below) =
                pairs.into_iter().fold((0, 0), |(a, b), (above, below)| (a + above, b + below));
            (below > 0).then(|| above as f64 / below as f64)
        };
        [
            ratio(self.sent.iter().map(|it| (it.datagrams, it.calls)).collect()),
            ratio(self.arrived.iter().map(|it| (it.datagrams, it.calls)).collect()),
        ]
    }

    /// Median ns that the process of either end was on a core, for each message.
    fn cpu_ns_per_message(&self) -> [Option<f64>; 2] {
        let each = |cpu_ns: Option<u64>, messages: u64| {
            cpu_ns.map(|cpu_ns| cpu_ns as f64 / messages.max(1) as f64)
        };
        let sent: Vec<f64> =
            self.sent.iter().filter_map(|it| each(it.cpu_ns, it.messages)).collect();
        let arrived: Vec<f64> =
            self.arrived.iter().filter_map(|it| each(it.cpu_ns, it.messages)).collect();
        [sent, arrived].map(|figures| Spread::of(&figures).map(|spread| spread.median))
    }

    /// Its round trips over all rounds; `None` for a stream.
    #[must_use]
    pub fn series(&self) -> Option<Series> {
        let intervals = self.back.clone();
        (!self.is_stream()).then(|| Series { name: self.name(), rate: 0.0, intervals })
    }
}

/// One round of all rows; the number of the round, from 0, says which is first.
///
/// # Errors
/// When a process fails, or `stop` is set.
pub fn round(
    rows: &mut [Row],
    settings: &Settings,
    number: usize,
    stop: &StopFlag,
) -> Result<(), BenchError> {
    let count = rows.len();
    (0..count).try_for_each(|turn| rows[(number + turn) % count].measure(settings, stop))
}

/// Plots of round trips: of each link, delivery and length one, with every datapath. Each has a title.
#[must_use]
pub fn plots(rows: &[Row]) -> Vec<(String, Vec<Line>)> {
    let trips: Vec<&Row> = rows.iter().filter(|row| !row.is_stream()).collect();
    let is_first = |at: &usize| !trips[..*at].iter().any(|before| before.is_like(trips[*at]));
    (0..trips.len())
        .filter(is_first)
        .map(|at| {
            let first = trips[at];
            let alike = trips.iter().filter(|other| other.is_like(first));
            let line = |(colour, row): (usize, &&Row)| Line {
                series: row.name(),
                label: row.path.datapath.clone(),
                colour,
                is_dashed: false,
            };
            let title =
                format!("{}, {}, {} bytes", first.link.name, first.delivery, first.length_bytes);
            (title, alike.enumerate().map(line).collect())
        })
        .collect()
}

/// A row, as output has it.
#[must_use]
pub fn in_json(row: &Row, rows: &[Row]) -> Value {
    let Path { datapath, messages_per_send } = &row.path;
    let (spread, ratio) = (Spread::of(&row.figures()), row.vs_reference(rows));
    let mut object = json!({
        "link": row.link.name,
        "datapath": datapath,
        "messages_per_send": messages_per_send,
        "delivery": row.delivery.name(),
        "length_bytes": row.length_bytes,
        "vs_socket": ratio.map(|it| it.median),
        "vs_socket_range": ratio.map(|it| it.range()),
        "wrong": row.wrong,
    });
    let more = match row.measurement {
        Measurement::Stream => {
            let ([sent, received], [first, second]) =
                (row.datagrams_per_call(), row.cpu_ns_per_message());
            json!({
                "messages_per_s": spread.map(|it| it.median),
                "messages_per_s_range": spread.map(|it| it.range()),
                "sender_cpu_ns_per_message": first,
                "receiver_cpu_ns_per_message": second,
                "datagrams_per_send_call": sent,
                "datagrams_per_receive_call": received,
            })
        }
        Measurement::RoundTrips => json!({
            "p50": spread.map(|it| it.median),
            "p50_range": spread.map(|it| it.range()),
            "p99": Spread::of(&row.p99()).map(|it| it.median),
        }),
    };
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

/// The rows as tables: medians over rounds, and ratios with their ranges.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name().len()).max().unwrap_or(0);
    let or_dash = |figure: Option<f64>, digits: usize| {
        figure.map_or("-".to_owned(), |figure| format!("{figure:.digits$}"))
    };
    let ratio = |row: &Row| {
        row.vs_reference(rows)
            .map_or(String::new(), |it| format!("{:.2} ({:.2}..{:.2})", it.median, it.min, it.max))
    };
    let mut table = format!(
        "{:<width$} {:>9} {:>17} {:>17}   {:<20}\n",
        "a stream", "million/s", "datagrams / call", "CPU ns / message", "/ socket",
    );
    for row in rows.iter().filter(|row| row.is_stream()) {
        let [sent, received] = row.datagrams_per_call().map(|it| or_dash(it, 1));
        let [first, second] = row.cpu_ns_per_message().map(|it| or_dash(it, 0));
        table.push_str(&format!(
            "{:<width$} {:>9} {:>17} {:>17}   {:<20}\n",
            row.name(),
            or_dash(Spread::of(&row.figures()).map(|it| it.median / 1e6), 3),
            format!("{sent} / {received}"),
            format!("{first} / {second}"),
            ratio(row),
        ));
    }
    table.push_str(&format!(
        "\n{:<width$} {:>9} {:>9}   {:<20}\n",
        "round trips", "p50 us", "p99 us", "/ socket, p50"
    ));
    for row in rows.iter().filter(|row| !row.is_stream()) {
        table.push_str(&format!(
            "{:<width$} {:>9} {:>9}   {:<20}\n",
            row.name(),
            or_dash(Spread::of(&row.figures()).map(|it| it.median / 1e3), 2),
            or_dash(Spread::of(&row.p99()).map(|it| it.median / 1e3), 2),
            ratio(row),
        ));
    }
    table
}
