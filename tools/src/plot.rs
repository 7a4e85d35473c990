//! Percentiles drawn: latency over percentile, one curve for each that is compared.

use crate::latency::Latency;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// One curve of a plot.
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    /// What the legend calls it.
    pub name: &'a str,
    /// What it shows.
    pub latency: &'a Latency,
    /// Which of the colours, from 0; they come again when there are no more.
    pub colour: usize,
    /// What is only there to be compared with.
    pub is_dashed: bool,
}

/// Width and height of the plot, in pixels.
const PLOT_SIZE: (u32, u32) = (900, 560);
/// Points of the curve on each halving of the distance to 100 %.
const CURVE_TICKS_PER_HALF: u32 = 10;
/// A logarithm has no place for 0: what is shorter is drawn as this much. It is the resolution.
const MIN_PLOTTED_US: f64 = 0.001;
/// Dashes, and gaps between them, in pixels.
const DASH: (u32, u32) = (7, 4);
/// Colours that are told apart in print, too; with more curves they come again.
const COLOURS: [RGBColor; 8] = [
    RGBColor(20, 80, 160),
    RGBColor(200, 70, 20),
    RGBColor(30, 130, 70),
    RGBColor(130, 50, 140),
    RGBColor(90, 90, 90),
    RGBColor(190, 150, 0),
    RGBColor(0, 150, 170),
    RGBColor(220, 60, 120),
];

/// Draws all percentiles of each curve as an SVG picture, on scales that give the slowest few as
/// much room as the rest; a dot is the slowest of all. A curve that stands alone has its values written on
/// it; several have a legend, where curves that climb leave room.
///
/// # Errors
/// What the plotting library finds wrong.
pub fn svg(title: &str, curves: &[Curve<'_>]) -> Result<String, String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, PLOT_SIZE).into_drawing_area();
    draw(&area, title, curves).map_err(|error| error.to_string())?;
    drop(area);
    Ok(svg)
}

fn draw<'a>(
    root: &DrawingArea<SVGBackend<'a>, Shift>,
    title: &str,
    curves: &[Curve<'_>],
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    root.fill(&WHITE)?;
    let area = root.margin(10, 0, 0, 0).titled(title, ("sans-serif", 18))?;
    let nines = nines_max(curves.iter().map(|curve| curve.latency.count()).max().unwrap_or(0));
    let (low, high) = decades(curves);
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

    // Half of all are below it, and it is on no power of ten.
    let (half, light) = (nines_of(0.5), RGBColor(205, 205, 205));
    chart.draw_series(std::iter::once(PathElement::new([(half, low), (half, high)], light)))?;
    let below = Pos::new(HPos::Center, VPos::Top);
    let style = ("sans-serif", 14).into_font().into_text_style(root).pos(below);
    let under = EmptyElement::at((half, low)) + Text::new("50 %", (0, 11), style);
    chart.draw_series(std::iter::once(under))?;

    for Curve { name, latency, colour, is_dashed } in curves {
        let max_ns = latency.summary().max_ns;
        let steps = latency.histogram().iter_quantiles(CURVE_TICKS_PER_HALF);
        let points: Vec<(f64, f64)> = steps
            .map(|step| {
                let value = step.value_iterated_to().min(max_ns);
                (nines_of(step.quantile_iterated_to()).min(nines), plotted_us(value))
            })
            .collect();
        let colour = COLOURS[colour % COLOURS.len()];
        let (line, is_dashed) = (colour.stroke_width(2), *is_dashed);
        let series = if is_dashed {
            chart.draw_series(DashedLineSeries::new(points, DASH.0, DASH.1, line))?
        } else {
            chart.draw_series(LineSeries::new(points, line))?
        };
        if curves.len() > 1 {
            let stroke = colour.stroke_width(3);
            series.label(*name).legend(move |(x, y)| {
                let part = |from, to| PathElement::new([(from, 0), (to, 0)], stroke);
                let gap = if is_dashed { (7, 11) } else { (9, 9) };
                EmptyElement::at((x, y)) + part(0, gap.0) + part(gap.1, 18)
            });
        }
        if latency.count() > 0 {
            let worst = (nines, plotted_us(max_ns));
            chart.draw_series(std::iter::once(Circle::new(worst, 3, colour.filled())))?;
        }
    }
    if let [only] = curves {
        let s = only.latency.summary();
        let named = [
            (0.5, s.p50_ns),
            (0.9, s.p90_ns),
            (0.99, s.p99_ns),
            (0.999, s.p999_ns),
            (0.9999, s.p9999_ns),
            (1.0, s.max_ns),
        ];
        // One that so few latencies can not tell from the maximum would be drawn on top of it.
        let shown = named.into_iter().filter(|(q, _)| *q == 1.0 || nines_of(*q) < nines - 0.01);
        // To the left and above, where a curve that climbs leaves room.
        let style = ("sans-serif", 14).into_font().into_text_style(root);
        let style = style.pos(Pos::new(HPos::Right, VPos::Bottom));
        let shown = shown.filter(|_| only.latency.count() > 0);
        chart.draw_series(shown.map(|(quantile, value)| {
            EmptyElement::at((nines_of(quantile).min(nines), plotted_us(value)))
                + Circle::new((0, 0), 4, COLOURS[0].filled())
                + Text::new(format!("{:.1}", plotted_us(value)), (-4, -6), style.clone())
        }))?;
    } else {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(205, 205, 205))
            .label_font(("sans-serif", 13))
            .draw()?;
    }
    root.present()
}

/// The powers of ten, in microseconds, between which all latencies lie.
fn decades(curves: &[Curve<'_>]) -> (f64, f64) {
    let recorded =
        || curves.iter().map(|curve| curve.latency).filter(|latency| latency.count() > 0);
    let shortest = recorded().map(|latency| latency.histogram().min()).min().unwrap_or(0);
    let longest = recorded().map(|latency| latency.summary().max_ns).max().unwrap_or(0);
    let (mut low, mut high) = (MIN_PLOTTED_US, 10.0 * MIN_PLOTTED_US);
    while low * 10.0 <= plotted_us(shortest) {
        low *= 10.0;
    }
    while high <= plotted_us(longest) || high <= low {
        high *= 10.0;
    }
    (low, high)
}

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
    fn several_curves_have_a_legend_and_one_has_its_values() {
        let mut slow = Latency::new();
        let mut fast = Latency::new();
        (1..=20_000_u64).for_each(|n| {
            fast.record(n * 37 % 9_973 + 5_000);
            slow.record(n * 37 % 9_973 + 90_000);
        });
        let curve = |name, latency, is_dashed| Curve { name, latency, colour: 3, is_dashed };
        let curves = [curve("fast", &fast, false), curve("slow", &slow, true)];
        let both = svg("two", &curves).expect("drawn");
        for word in ["fast", "slow", "50 %", "99.99 %"] {
            assert!(both.contains(word), "no {word}: {both}");
        }
        let one = svg("one", &curves[..1]).expect("drawn");
        assert!(!one.contains("fast") && one.contains("<circle"), "{one}");
        assert!(svg("none", &[]).is_ok());
    }
}
