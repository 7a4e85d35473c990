//! Latency: recorded, summed up, handed on. Honest only if the caller records from the *intended*
//! time.

use crate::plot::{self, Curve};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::Path;

/// A recorder of latencies up to a minute, at 3 significant digits.
#[derive(Clone, Debug)]
pub struct Latency {
    histogram: Histogram<u64>,
    max_ns: u64,
}

/// The percentiles that reports name, ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Half were faster.
    pub p50_ns: u64,
    /// 90 %.
    pub p90_ns: u64,
    /// 99 %.
    pub p99_ns: u64,
    /// 99.9 %.
    pub p999_ns: u64,
    /// 99.99 %.
    pub p9999_ns: u64,
    /// The slowest, exactly.
    pub max_ns: u64,
}

/// Longest latency that the percentiles tell apart, ns; a longer one counts as this, and only the
/// maximum shows it.
const LONGEST_NS: u64 = 60_000_000_000;

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

impl Latency {
    /// Nothing recorded.
    #[must_use]
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("valid bounds");
        Self { histogram, max_ns: 0 }
    }

    /// Records one latency.
    pub fn record(&mut self, ns: u64) {
        self.max_ns = self.max_ns.max(ns);
        self.histogram.saturating_record(ns.clamp(1, LONGEST_NS));
    }

    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The percentiles; zeros when nothing was recorded.
    #[must_use]
    pub fn summary(&self) -> Summary {
        // A bucket's upper end may lie above all that was recorded.
        let at = |quantile| self.histogram.value_at_quantile(quantile).min(self.max_ns);
        Summary {
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            p9999_ns: at(0.9999),
            max_ns: self.max_ns,
        }
    }

    /// The summary as a table for people, us; `saturated` marks a run without a rate of its own.
    #[must_use]
    pub fn table(&self, saturated: bool) -> String {
        let s = self.summary();
        let columns = [
            ("p50", s.p50_ns),
            ("p90", s.p90_ns),
            ("p99", s.p99_ns),
            ("p99.9", s.p999_ns),
            ("max", s.max_ns),
        ];
        let mut table = String::from("latency, us");
        for (name, _) in columns {
            table.push_str(&format!(" {name:>10}"));
        }
        table.push_str("\n           ");
        for (_, ns) in columns {
            table.push_str(&format!(" {:>10.1}", ns as f64 / 1e3));
        }
        if saturated {
            table.push_str("   saturated: no rate was kept");
        }
        table
    }

    /// Adds all that another has recorded.
    pub fn add(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("all have the same bounds");
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// The histogram, for those who write it to a file. Its own maximum is that of a bucket.
    #[must_use]
    pub const fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    /// What was recorded, for another process to read.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let recorded = self.histogram.iter_recorded();
        let counts = recorded.map(|step| (step.value_iterated_to(), step.count_at_value()));
        Counts { counts: counts.collect(), max_ns: self.max_ns }
    }

    /// Draws all percentiles to an SVG file: latency over percentile, both on scales that give the
    /// slowest few as much room as the rest.
    ///
    /// # Errors
    /// When the file can not be written.
    pub fn plot(&self, file: &Path, title: &str) -> Result<(), String> {
        let svg =
            plot::svg(title, &[Curve { name: "", latency: self, colour: 0, is_dashed: false }])?;
        std::fs::write(file, svg).map_err(|error| error.to_string())
    }

    /// Writes the percentile distribution as the tools around HdrHistogram read it (`.hgrm`), in
    /// microseconds.
    ///
    /// # Errors
    /// `out`'s.
    pub fn write_hgrm(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{:>12} {:>14} {:>10} {:>14}\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        )?;
        for step in self.histogram.iter_quantiles(HGRM_TICKS_PER_HALF) {
            let us = step.value_iterated_to().min(self.max_ns) as f64 / 1e3;
            let quantile = step.quantile_iterated_to();
            let total = self.histogram.count_between(0, step.value_iterated_to());
            write!(out, "{us:12.3} {quantile:14.12} {total:10}")?;
            if quantile < 1.0 {
                write!(out, " {:14.2}", 1.0 / (1.0 - quantile))?;
            }
            writeln!(out)?;
        }
        let (mean, deviation) = (self.histogram.mean() / 1e3, self.histogram.stdev() / 1e3);
        writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]")?;
        let max = self.max_ns as f64 / 1e3;
        writeln!(out, "#[Max     = {max:12.3}, Total count    = {:12}]", self.count())?;
        let buckets = self.histogram.buckets();
        writeln!(out, "#[Buckets = {buckets:12}, SubBuckets     = {:12}]", 2048)
    }
}

/// Lines of a `.hgrm` file on each halving of the distance to 100 %: what its tools write.
const HGRM_TICKS_PER_HALF: u32 = 5;

/// What a [`Latency`] holds, in a form that travels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Each value that was recorded, ns, to 3 digits, and how often.
    pub counts: Vec<(u64, u64)>,
    /// The longest, ns, exactly.
    pub max_ns: u64,
}

impl From<&Counts> for Latency {
    fn from(counts: &Counts) -> Self {
        let mut latency = Self { max_ns: counts.max_ns, ..Self::new() };
        for &(ns, count) in &counts.counts {
            latency.histogram.saturating_record_n(ns.clamp(1, LONGEST_NS), count);
        }
        latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latency = Latency::new();
        (1..=1_000).for_each(|us| latency.record(us * 1_000));
        let s = latency.summary();
        let near = |ns: u64, us: u64| ns.abs_diff(us * 1_000) <= us;
        assert!(near(s.p50_ns, 500) && near(s.p90_ns, 900) && near(s.p99_ns, 990), "{s:?}");
        assert!(near(s.p999_ns, 999) && near(s.max_ns, 1_000), "{s:?}");
        assert_eq!(latency.count(), 1_000);
        let table = latency.table(true);
        assert!(table.contains("p99.9") && table.contains("saturated"), "{table}");
        let widths: Vec<usize> = table.lines().map(str::len).collect();
        assert!(widths[1] >= widths[0], "the figures stand below their names: {table}");
    }

    #[test]
    fn a_plot_is_a_picture_and_a_bad_path_is_named() {
        let file = std::env::temp_dir().join(format!("vesta-plot-{}.svg", std::process::id()));
        let mut latency = Latency::new();
        latency.plot(&file, "empty").expect("nothing recorded can be drawn too");
        (1..=100_000_u64).for_each(|n| latency.record(n * 37 % 9_973 + 50_000));
        latency.plot(&file, "some").expect("drawn");
        let svg = std::fs::read_to_string(&file).expect("written");
        std::fs::remove_file(&file).expect("removed");
        assert!(svg.contains("<polyline") && svg.contains("99.9 %"), "axis and curve: {svg}");
        assert!(latency.plot(Path::new("/nowhere/at/all.svg"), "lost").is_err());
    }

    #[test]
    fn what_travels_arrives_and_adds_up() {
        let mut latency = Latency::new();
        (1..=10_000_u64).for_each(|n| latency.record(n * 7_919 % 100_003));
        let arrived = Latency::from(&latency.counts());
        assert_eq!((arrived.summary(), arrived.count()), (latency.summary(), 10_000));
        let mut both = arrived;
        both.record(2_000_000);
        both.add(&latency);
        assert_eq!((both.count(), both.summary().max_ns), (20_001, 2_000_000));
    }

    #[test]
    fn a_hgrm_file_has_every_percentile_and_ends_with_all() {
        let mut latency = Latency::new();
        (1..=1_000).for_each(|us| latency.record(us * 1_000));
        let mut text = Vec::new();
        latency.write_hgrm(&mut text).expect("memory");
        let text = String::from_utf8(text).expect("text");
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|n| n.parse().expect("a number")).collect())
            .collect();
        assert!(rows.windows(2).all(|two| two[0][0] <= two[1][0] && two[0][2] <= two[1][2]));
        let last = rows.last().expect("rows");
        assert_eq!(last[..], [1_000.0, 1.0, 1_000.0]);
        let half = rows.iter().find(|row| row[1] >= 0.5).expect("a median");
        assert!((half[0] - 500.0).abs() < 1.0 && (half[2] - 500.0).abs() < 2.0, "{half:?}");
        assert!(text.contains("Total count    =         1000]"), "{text}");
    }

    #[test]
    fn a_latency_beyond_the_scale_counts_as_the_longest() {
        let mut latency = Latency::new();
        latency.record(0);
        latency.record(u64::MAX);
        assert_eq!(latency.count(), 2);
        let s = latency.summary();
        assert_eq!(s.max_ns, u64::MAX, "the maximum is exact");
        assert!(s.p999_ns.abs_diff(LONGEST_NS) <= LONGEST_NS / 500, "{s:?}");
    }

    #[test]
    fn no_percentile_is_above_the_maximum() {
        let mut latency = Latency::new();
        for ns in [1, 41_249, 12_345_678] {
            latency.record(ns);
            let s = latency.summary();
            assert!(s.p50_ns <= s.p90_ns && s.p999_ns <= s.max_ns, "{s:?}");
            assert_eq!(s.max_ns, ns);
        }
    }
}
