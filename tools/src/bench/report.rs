//! What a measurement leaves behind: a directory with everything that it found.
//!
//! ```text
//!   <out>/report.html    head, tables, plots and configuration, whole in itself
//!   <out>/report.txt     head and tables
//!   <out>/<name>.hlog    HdrHistogram interval log, values in ns, one tag for each series
//!   <out>/<series>.hgrm  HdrHistogram percentiles of each series, us
//!   <out>/<name>.toml    a configuration that was measured, with every key
//!   <out>/result.json    the object that `--json` prints, with the head
//! ```

use super::BenchError;
use super::machine::Header;
use crate::latency::{Latency, Summary};
use crate::plot::{self, Curve};
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vesta_types::TimeNs;

/// Values of an interval log are ns; its maximum is told in ms, as its readers expect.
const NS_PER_MS: f64 = 1e6;

/// What was recorded from one time on.
#[derive(Clone, Debug)]
pub struct Interval {
    /// When it began.
    pub began: TimeNs,
    /// How long it was, ns.
    pub duration_ns: u64,
    /// What was recorded.
    pub latency: Latency,
}

/// Latencies of one kind: a row of the table, a curve of the plot, a tag of the log.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// A word: letters, digits and dashes.
    pub name: String,
    /// Messages per second that were due; 0 where nothing was.
    pub rate: f64,
    /// In the order of time.
    pub intervals: Vec<Interval>,
}

impl Series {
    /// A series without an interval.
    #[must_use]
    pub fn new(name: impl Into<String>, rate: f64) -> Self {
        Self { name: name.into(), rate, intervals: Vec::new() }
    }

    /// All intervals in one.
    #[must_use]
    pub fn whole(&self) -> Latency {
        let mut whole = Latency::new();
        self.intervals.iter().for_each(|interval| whole.add(&interval.latency));
        whole
    }
}

/// A series on a plot.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name.
    pub series: String,
    /// What the legend calls it.
    pub label: String,
    /// Number of its colour.
    pub colour: usize,
    /// What is only there to be compared with.
    pub is_dashed: bool,
}

/// A plot: a title, and the series on it.
#[derive(Clone, Debug)]
struct Plot {
    title: String,
    lines: Vec<Line>,
}

/// A report that grows until it is written.
#[derive(Debug)]
pub struct Report {
    directory: PathBuf,
    header: Header,
    text: String,
    series: Vec<Series>,
    plots: Vec<Plot>,
    /// Name and text.
    configurations: Vec<(String, String)>,
}

impl Report {
    /// A report in `out`, by default `target/bench/<bench>-<date>`, which is made. What lies there
    /// under the same names is written over.
    ///
    /// # Errors
    /// When the directory can not be made.
    pub fn create(out: Option<&Path>, header: Header) -> Result<Self, BenchError> {
        let date: String = header.date.chars().filter(|c| !"-:".contains(*c)).collect();
        let by_default = || PathBuf::from(format!("target/bench/{}-{date}", header.bench));
        let directory = out.map_or_else(by_default, Path::to_owned);
        fs::create_dir_all(&directory).map_err(|error| {
            BenchError::not_started(&format!("--out {}", directory.display()), error)
        })?;
        let (text, series, plots, configurations) = Default::default();
        Ok(Self { directory, header, text, series, plots, configurations })
    }

    /// Where it will be.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds text: tables, verdicts.
    pub fn text(&mut self, text: &str) {
        self.text.push_str(text);
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Adds a series.
    pub fn series(&mut self, series: Series) {
        self.series.push(series);
    }

    /// Adds a plot of series that are there by the end, by their names.
    pub fn plot(&mut self, title: impl Into<String>, series: Vec<String>) {
        let line = |(colour, series): (usize, String)| {
            let label = series.clone();
            Line { series, label, colour, is_dashed: false }
        };
        self.plot_lines(title, series.into_iter().enumerate().map(line).collect());
    }

    /// The same, with other words and colours.
    pub fn plot_lines(&mut self, title: impl Into<String>, lines: Vec<Line>) {
        self.plots.push(Plot { title: title.into(), lines });
    }

    /// Adds a configuration that was measured, as the processes were given it.
    pub fn configuration(&mut self, name: impl Into<String>, toml: impl Into<String>) {
        self.configurations.push((name.into(), toml.into()));
    }

    /// The table of all series: rate and percentiles.
    #[must_use]
    pub fn table(&self) -> String {
        table(self.series.iter().map(|series| (series.name.as_str(), series.rate, series.whole())))
    }

    /// The head, as text.
    #[must_use]
    pub fn head(&self) -> String {
        self.header.lines().iter().map(|(name, value)| format!("{name:<10} {value}\n")).collect()
    }

    /// Writes all files, and prints head and text on stdout; `result` is what was found, as JSON.
    ///
    /// # Errors
    /// When a file can not be written.
    pub fn finish(self, result: &Value) -> Result<(), BenchError> {
        let head = self.head();
        print!("{head}\n{}", self.text);
        println!("report: {}", self.directory.display());
        let write = |name: &str, bytes: &[u8]| {
            let path = self.directory.join(name);
            fs::write(&path, bytes)
                .map_err(|error| BenchError::broke(&path.display().to_string(), error))
        };
        write("report.txt", format!("{head}\n{}", self.text).as_bytes())?;
        write("report.html", self.html()?.as_bytes())?;
        let whole = json!({ "header": self.header, "result": result });
        write("result.json", format!("{whole:#}\n").as_bytes())?;
        for (name, toml) in &self.configurations {
            write(&format!("{name}.toml"), toml.as_bytes())?;
        }
        for series in &self.series {
            let mut hgrm = Vec::new();
            series.whole().write_hgrm(&mut hgrm).map_err(|e| BenchError::broke("hgrm", e))?;
            write(&format!("{}.hgrm", series.name), &hgrm)?;
        }
        if !self.series.is_empty() {
            write(&format!("{}.hlog", self.header.bench), &self.hlog()?)?;
        }
        Ok(())
    }

    fn hlog(&self) -> Result<Vec<u8>, BenchError> {
        let failed = |error: &dyn std::fmt::Display| BenchError::broke("hlog", error);
        let mut intervals: Vec<(&Series, &Interval)> = self
            .series
            .iter()
            .flat_map(|series| series.intervals.iter().map(move |interval| (series, interval)))
            .collect();
        intervals.sort_by_key(|(_, interval)| interval.began);
        let first = intervals.first().map_or(0, |(_, interval)| interval.began.0);
        let since_epoch = Duration::from_nanos(first);
        let start = std::time::UNIX_EPOCH + since_epoch;
        let mut bytes = Vec::new();
        let mut serializer = V2DeflateSerializer::new();
        let mut builder = IntervalLogWriterBuilder::new();
        for (name, value) in self.header.lines() {
            builder.add_comment(&format!("[{name}: {value}]"));
        }
        builder.with_start_time(start).with_base_time(start).with_max_value_divisor(NS_PER_MS);
        let mut log =
            builder.begin_log_with(&mut bytes, &mut serializer).map_err(|error| failed(&error))?;
        for (series, interval) in intervals {
            log.write_histogram(
                interval.latency.histogram(),
                Duration::from_nanos(interval.began.0 - first),
                Duration::from_nanos(interval.duration_ns),
                Tag::new(&series.name),
            )
            .map_err(|error| failed(&error))?;
        }
        Ok(bytes)
    }

    fn html(&self) -> Result<String, BenchError> {
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n<title>vesta bench {}</title>\n\
             <style>body {{ font-family: sans-serif; margin: 2em; max-width: 70em }} \
             pre {{ overflow-x: auto }} th {{ text-align: left; padding-right: 1em }}</style>\n\
             <h1>vesta bench {}</h1>\n<table>\n",
            self.header.bench, self.header.bench
        );
        for (name, value) in self.header.lines() {
            let _ = writeln!(html, "<tr><th>{name}<td>{}", escaped(&value));
        }
        let _ = writeln!(html, "</table>\n<pre>\n{}</pre>", escaped(&self.text));
        for Plot { title, lines } in &self.plots {
            let shown: Vec<(&Line, Latency)> = lines
                .iter()
                .filter_map(|line| {
                    let series = self.series.iter().find(|series| series.name == line.series)?;
                    Some((line, series.whole()))
                })
                .collect();
            let curve = |(line, latency)| {
                let Line { label, colour, is_dashed, .. }: &Line = line;
                Curve { name: label, latency, colour: *colour, is_dashed: *is_dashed }
            };
            let curves: Vec<Curve<'_>> =
                shown.iter().map(|(line, latency)| curve((*line, latency))).collect();
            let svg =
                plot::svg(title, &curves).map_err(|error| BenchError::broke("plot", error))?;
            let _ = writeln!(html, "<p>{svg}");
        }
        for (name, toml) in &self.configurations {
            let toml = escaped(toml);
            let _ = writeln!(
                html,
                "<details><summary>{name}.toml</summary><pre>\n{toml}</pre></details>"
            );
        }
        Ok(html)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A table of latencies, us: name, rate, percentiles.
#[must_use]
pub fn table<'a>(rows: impl Iterator<Item = (&'a str, f64, Latency)>) -> String {
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0).max(12);
    let mut table = format!(
        "{:<width$} {:>10} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}\n",
        "latency, us", "rate /s", "count", "p50", "p90", "p99", "p99.9", "p99.99", "worst"
    );
    for (name, rate, latency) in rows {
        let Summary { p50_ns, p90_ns, p99_ns, p999_ns, p9999_ns, max_ns } = latency.summary();
        // Of what had no rate, none is told.
        let rate = if rate > 0.0 { format!("{rate:.0}") } else { "-".to_owned() };
        let _ = write!(table, "{name:<width$} {rate:>10} {:>9}", latency.count());
        for ns in [p50_ns, p90_ns, p99_ns, p999_ns, p9999_ns] {
            let _ = write!(table, " {:>8.2}", ns as f64 / 1e3);
        }
        let _ = writeln!(table, " {:>9.1}", max_ns as f64 / 1e3);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::machine::About;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn a_report_is_whole_and_its_log_can_be_read() {
        let directory = std::env::temp_dir().join(format!("vesta-report-{}", std::process::id()));
        let header = Header::new(About {
            bench: "wire",
            pinning: "0".into(),
            warm_up: "none".into(),
            seed: "42".into(),
            settings: "a < b".into(),
            configuration: "default".into(),
        });
        let mut report = Report::create(Some(&directory), header).expect("a directory");
        let mut series = Series::new("echo", 1_000.0);
        for round in 0..3_u64 {
            let mut latency = Latency::new();
            (1..=100).for_each(|us| latency.record((us + round) * 1_000));
            let began = TimeNs(1_700_000_000_000_000_000 + round * 1_000_000_000);
            series.intervals.push(Interval { began, duration_ns: 500_000_000, latency });
        }
        assert_eq!(series.whole().count(), 300);
        report.series(series);
        let table = report.table();
        assert!(table.contains("p99.99") && table.lines().count() == 2, "{table}");
        report.text(&table);
        report.plot("all", vec!["echo".to_owned()]);
        report.configuration("socket", "[transport]\nmtu_bytes = 1408\n");
        report.finish(&json!({"rounds": 3})).expect("written");

        let read = |name: &str| fs::read(directory.join(name)).expect(name);
        let text = |name: &str| String::from_utf8(read(name)).expect("text");
        assert!(text("report.html").contains("<svg") && text("report.html").contains("a &lt; b"));
        assert!(text("report.html").contains("<summary>socket.toml</summary>"));
        assert!(text("socket.toml").contains("mtu_bytes = 1408"));
        assert!(text("echo.hgrm").contains("Total count    =          300]"));
        assert!(text("result.json").contains("\"rounds\": 3"));
        let log = read("wire.hlog");
        let mut decoder = Deserializer::new();
        let mut counts = Vec::new();
        for entry in IntervalLogIterator::new(&log) {
            if let LogEntry::Interval(interval) = entry.expect("a good entry") {
                assert_eq!(interval.tag().map(|tag| tag.as_str().to_owned()), Some("echo".into()));
                let bytes = base64(interval.encoded_histogram());
                let histogram: Histogram<u64> =
                    decoder.deserialize(&mut bytes.as_slice()).expect("a histogram");
                counts.push((interval.start_timestamp().as_secs(), histogram.len()));
            }
        }
        assert_eq!(counts, [(0, 100), (1, 100), (2, 100)]);
        fs::remove_dir_all(&directory).expect("removed");
    }

    /// Decodes base64, which interval logs hold their histograms in.
    fn base64(text: &str) -> Vec<u8> {
        let value = |c: u8| match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let digits: Vec<u8> = text.bytes().filter(|c| *c != b'=').map(value).collect();
        let bits = |four: &[u8]| four.iter().fold(0_u32, |all, digit| all << 6 | u32::from(*digit));
        digits
            .chunks(4)
            .flat_map(|four| {
                let word = bits(four) << (6 * (4 - four.len()));
                word.to_be_bytes()[1..four.len()].to_vec()
            })
            .collect()
    }
}
