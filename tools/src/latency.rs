//! Latency: recorded, summed up, drawn. Honest only if the caller records from the *intended* time.

use hdrhistogram::Histogram;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
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

    /// Draws all percentiles to an SVG file: latency over percentile, both on scales that give the
    /// slowest few as much room as the rest.
    ///
    /// # Errors
    /// When the file can not be written.
    pub fn plot(&self, file: &Path, title: &str) -> Result<(), String> {
        // In memory first: given a file, plotters panics when it can not write it.
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, PLOT_SIZE).into_drawing_area();
        self.draw(&area, title).map_err(|error| error.to_string())?;
        drop(area);
        std::fs::write(file, svg).map_err(|error| error.to_string())
    }

    fn draw<'a>(
        &self,
        root: &DrawingArea<SVGBackend<'a>, Shift>,
        title: &str,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
        root.fill(&WHITE)?;
        let area = root.margin(10, 0, 0, 0).titled(title, ("sans-serif", 18))?;
        let nines = nines_max(self.count());
        let (low, high) = self.decades();
        let mut chart = ChartBuilder::on(&area)
            .margin(14)
            .margin_right(50)
            .x_label_area_size(46)
            .y_label_area_size(86)
            .build_cartesian_2d(0.0..nines, (low..high).log_scale())?;
        chart
            .configure_mesh()
            .x_max_light_lines(0)
            .light_line_style(RGBColor(238, 238, 238))
            .bold_line_style(RGBColor(205, 205, 205))
            .x_desc("percentile")
            .y_desc("microseconds")
            .x_labels(nines as usize + 1)
            .x_label_formatter(&|nines| percentile_label(*nines))
            .y_label_formatter(&|us| us_label(*us))
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 15))
            .draw()?;

        let curve = self.histogram.iter_quantiles(CURVE_TICKS_PER_HALF).map(|step| {
            let value = step.value_iterated_to().min(self.max_ns);
            (nines_of(step.quantile_iterated_to()).min(nines), plotted_us(value))
        });
        let blue = RGBColor(20, 80, 160);
        chart.draw_series(LineSeries::new(curve, blue.stroke_width(2)))?;

        let s = self.summary();
        let named = [
            (0.5, s.p50_ns),
            (0.9, s.p90_ns),
            (0.99, s.p99_ns),
            (0.999, s.p999_ns),
            (1.0, s.max_ns),
        ];
        // One that so few latencies can not tell from the maximum would be drawn on top of it.
        let shown = named.into_iter().filter(|(q, _)| *q == 1.0 || nines_of(*q) < nines - 0.01);
        // To the left and above, where a curve that climbs leaves room.
        let style = ("sans-serif", 14).into_font().into_text_style(root);
        let style = style.pos(Pos::new(HPos::Right, VPos::Bottom));
        chart.draw_series(shown.filter(|_| self.count() > 0).map(|(quantile, value)| {
            EmptyElement::at((nines_of(quantile).min(nines), plotted_us(value)))
                + Circle::new((0, 0), 4, blue.filled())
                + Text::new(format!("{:.1}", plotted_us(value)), (-4, -6), style.clone())
        }))?;
        root.present()
    }

    /// The powers of ten, in microseconds, between which all latencies lie.
    fn decades(&self) -> (f64, f64) {
        let (mut low, mut high) = (MIN_PLOTTED_US, 10.0 * MIN_PLOTTED_US);
        while low * 10.0 <= plotted_us(self.histogram.min()) {
            low *= 10.0;
        }
        while high <= plotted_us(self.max_ns) || high <= low {
            high *= 10.0;
        }
        (low, high)
    }
}

/// Width and height of the plot, in pixels.
const PLOT_SIZE: (u32, u32) = (900, 560);
/// Points of the curve on each halving of the distance to 100 %.
const CURVE_TICKS_PER_HALF: u32 = 10;
/// A logarithm has no place for 0: what is shorter is drawn as this much. It is the resolution.
const MIN_PLOTTED_US: f64 = 0.001;

fn plotted_us(ns: u64) -> f64 {
    (ns as f64 / 1_000.0).max(MIN_PLOTTED_US)
}

/// How many nines a quantile has: 0.9 has one, 0.99 two; 0 has none. Without end for 1.
fn nines_of(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

/// The right end of the plot: the nines that so many latencies can tell apart, 2 to 6.
fn nines_max(count: u64) -> f64 {
    f64::from(count.max(1).ilog10().clamp(2, 6))
}

fn percentile_label(nines: f64) -> String {
    match nines.round() as usize {
        0 => "0 %".to_owned(),
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        more => format!("99.{} %", "9".repeat(more - 2)),
    }
}

fn us_label(us: f64) -> String {
    if us < 0.99 { format!("{us:.3}").trim_end_matches('0').to_owned() } else { format!("{us:.0}") }
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
