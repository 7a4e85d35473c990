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

    /// Draws all percentiles to an SVG file: latency over percentile, both on scales that give the
    /// slowest few as much room as the rest.
    ///
    /// # Errors
    /// When the file can not be written.
    pub fn plot(&self, file: &Path, title: &str) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        // plotters writes only when all is drawn, and then panics: so ask first.
        std::fs::File::create(file).map_err(|e| text(&e))?;
        let points: Vec<(f64, f64)> = self
            .histogram
            .iter_quantiles(10)
            .map(|step| {
                let us = step.value_iterated_to() as f64 / 1e3;
                (nines(step.quantile_iterated_to()), us.max(f64::MIN_POSITIVE))
            })
            .filter(|(nines, _)| nines.is_finite())
            .collect();
        let nines_max = points.last().map_or(1.0, |(nines, _)| nines.max(1.0));
        let us = |edge: fn(f64, f64) -> f64, start: f64| {
            points.iter().map(|(_, us)| *us).fold(start, edge)
        };
        let (low, high) = (us(f64::min, 1e9).min(1e6), us(f64::max, 1.0));
        let area = SVGBackend::new(file, PLOT_SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|e| text(&e))?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(15)
            .x_label_area_size(45)
            .y_label_area_size(80)
            .build_cartesian_2d(0.0..nines_max, (low * 0.8..high * 1.25).log_scale())
            .map_err(|e| text(&e))?;
        chart
            .configure_mesh()
            .x_desc("percentile")
            .y_desc("latency, us")
            .x_labels(nines_max.ceil() as usize + 1)
            .x_label_formatter(&|nines| percentile(*nines))
            .y_label_formatter(&|us| format!("{us}"))
            .draw()
            .map_err(|e| text(&e))?;
        chart.draw_series(LineSeries::new(points, &BLUE)).map_err(|e| text(&e))?;
        area.present().map_err(|e| text(&e))
    }
}

/// Width and height of a plot, in pixels.
const PLOT_SIZE: (u32, u32) = (1000, 520);

/// How many nines a quantile has: 0.9 is 1, 0.99 is 2.
fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

/// The percentile of so many nines.
fn percentile(nines: f64) -> String {
    let percent = 100.0 * (1.0 - 10f64.powf(-nines));
    let digits = (nines.ceil() as usize).saturating_sub(2);
    format!("{percent:.digits$} %")
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
    fn a_latency_beyond_the_scale_counts_as_the_longest() {
        let mut latency = Latency::new();
        latency.record(0);
        latency.record(u64::MAX);
        assert_eq!(latency.count(), 2);
        assert!(latency.summary().max_ns >= LONGEST_NS);
    }
}
