//! The plot of latencies, with the percentile and the brief's limit drawn in it.

use std::fmt::Write as _;

use egui::{Align2, Color32, Stroke, Ui};
use egui_plot::{Bar, BarChart, GridMark, HLine, PlotPoint, Text, VLine};

use super::scale::Scale;
use crate::gui::figure::Figure;
use crate::gui::text;
use crate::gui::theme::Look as _;
use crate::gui::widgets::{marker, plot};
use crate::judge;
use crate::statistics::LatencyHistogram;

/// The most bars over the whole width.
const MOST_BARS: usize = 64;
/// Steps of the histogram that a bar spans at least; with fewer, its height depends on where its edges fall.
const STEPS_A_BAR: f64 = 6.0;
/// Percentage of the answers that stand in the even part of the axis, where they are not far apart.
const BULK: f64 = 99.0;
/// Up to so many times the third quartile is even, so that a few slow answers do not squeeze all others.
const NEAR: f64 = 2.0;

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) struct LatencyFigure {
    file_stem: String,
    /// Latency in nanoseconds and requests, for the table.
    counted: Vec<(u64, u64)>,
    n: u64,
    bars: Vec<LatencyBar>,
    scale: Scale,
    /// The percentile that is looked at, with its name and its latency in milliseconds.
    measured: Option<(String, f64)>,
    limit_ms: Option<f64>,
}

/// Requests between two latencies in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct LatencyBar {
    from_ms: f64,
    to_ms: f64,
    n: u64,
}

impl LatencyFigure {
    /// A figure of a distribution; `percentile` is the one to mark.
    pub(super) fn new(file_stem: String, histogram: &LatencyHistogram, percentile: f64, limit_ms: Option<f64>) -> Self {
        let ms = |nanos: u64| nanos as f64 / 1e6;
        let limit_ms = limit_ms.filter(|limit| limit.is_finite() && 0.0 < *limit);
        let value = |percentile: f64| histogram.percentile_nanos(percentile).map_or(0.0, ms);
        let measured = value(percentile);
        let bulk = value(BULK).min(NEAR * value(75.0));
        let scale = Scale::new(ms(histogram.min_nanos()), bulk * 1.04, ms(histogram.max_nanos()), limit_ms);
        let bars = bars(histogram, &scale);
        let marked = histogram.supports(percentile).then(|| (judge::percentile_name(percentile), measured));
        Self {
            file_stem,
            counted: histogram.counted().collect(),
            n: histogram.n(),
            bars,
            scale,
            measured: marked,
            limit_ms,
        }
    }

    fn share(&self, bar: &LatencyBar) -> f64 {
        100.0 * bar.n as f64 / self.n.max(1) as f64
    }
}

/// Bars of equal width on the axis; none where no answer was.
fn bars(histogram: &LatencyHistogram, scale: &Scale) -> Vec<LatencyBar> {
    let even = scale.place(scale.split());
    // A step of the histogram is at most a thousandth of its value.
    let step = scale.split() / 1_024.0;
    let fitting = (scale.split() - scale.start()) / (step * STEPS_A_BAR);
    let n_even = fitting.clamp(6.0, (MOST_BARS as f64 * even).max(6.0)) as usize;
    let width = even / n_even as f64;
    let n_bars = ((1.0 / width).ceil() as usize).clamp(n_even, 2 * MOST_BARS);
    let edge = |idx: usize| scale.at((idx as f64 * width).min(1.0));
    let nanos = |ms: f64| (ms * 1e6) as u64;
    let mut bars = Vec::new();
    let mut below = 0;
    for idx in 0..n_bars {
        let is_last = idx + 1 == n_bars;
        let up_to = if is_last { histogram.n() } else { histogram.n_up_to(nanos(edge(idx + 1)).saturating_sub(1)) };
        // A step that an edge falls into counts for the bar at its left.
        let n = up_to.saturating_sub(below);
        below = below.max(up_to);
        if 0 < n {
            bars.push(LatencyBar { from_ms: edge(idx), to_ms: edge(idx + 1), n });
        }
    }
    bars
}

impl Figure for LatencyFigure {
    fn file_stem(&self) -> String {
        self.file_stem.clone()
    }

    fn ui(&self, ui: &mut Ui, height: f32) {
        histogram_plot_ui(ui, self, height);
    }

    fn csv(&self) -> String {
        let mut text = "latency_ms,requests\n".to_owned();
        for (nanos, n) in &self.counted {
            // Writing to a string does not fail.
            let _written = writeln!(text, "{},{n}", *nanos as f64 / 1e6);
        }
        text
    }
}

/// Draws the figure over the width there is.
fn histogram_plot_ui(ui: &mut Ui, figure: &LatencyFigure, height: f32) {
    let t = ui.tokens();
    let scale = figure.scale;
    let highest = figure.bars.iter().map(|bar| figure.share(bar)).fold(0.0, f64::max).max(1e-9);
    // Room above the bars for what the lines say.
    let top = highest * 1.22;
    let ticks: Vec<(f64, String)> =
        scale.ticks().into_iter().map(|tick| (scale.place(tick), judge::millis(tick))).collect();
    let marks = ticks.clone();
    let x_label = scale.label();
    let bars: Vec<Bar> = figure.bars.iter().map(|bar| drawn(bar, figure, t.reference)).collect();
    let heights = [0.0, 0.5, 1.0].map(|part| nice_share(highest) * part);
    plot(ui, "latencies", height, &x_label, "% of requests")
        .set_margin_fraction(egui::Vec2::ZERO)
        .show_x(false)
        .show_y(false)
        .x_grid_spacer(move |_| marks.iter().map(|(value, _)| GridMark { value: *value, step_size: 1.0 }).collect())
        .x_axis_formatter(move |mark, _| {
            let tick = ticks.iter().find(|(place, _)| (place - mark.value).abs() < 1e-9);
            tick.map(|(_, label)| label.clone()).unwrap_or_default()
        })
        .y_grid_spacer(move |_| heights.map(|value| GridMark { value, step_size: top }).to_vec())
        .y_axis_formatter(|mark, _| judge::millis(mark.value))
        .show(ui, |plot_ui| {
            plot_ui.set_plot_bounds_x(-0.005..=1.005);
            plot_ui.set_plot_bounds_y(0.0..=top);
            plot_ui.bar_chart(BarChart::new("requests", bars).element_formatter(Box::new(|bar, _| bar.name.clone())));
            plot_ui.hline(HLine::new("no request", 0.0).stroke(Stroke::new(1.0, t.line)).allow_hover(false));
            let even = scale.place(scale.split());
            if even < 1.0 {
                plot_ui.vline(VLine::new("split", even).stroke(Stroke::new(1.0, t.line)).allow_hover(false));
            }
            let measured = figure.measured.as_ref().map(|(name, ms)| (scale.place(*ms), name, *ms));
            let limit = figure.limit_ms.map(|limit| (scale.place(limit), limit));
            if let Some((place, limit)) = limit {
                plot_ui.vline(marker("brief", place, t.fail, false).allow_hover(false));
                let words = format!("brief {} ms", judge::millis(limit));
                plot_ui.text(beside("limit", place, top, &words, t.fail, place < 0.5));
            }
            if let Some((place, name, ms)) = measured {
                plot_ui.vline(marker("measured", place, t.text, true).allow_hover(false));
                let words = format!("{name} {} ms", judge::millis(ms));
                // Below the limit's words where the two lines are close.
                let close = limit.is_some_and(|(other, _)| (other - place).abs() < 0.3);
                let height = if close { top * 0.92 } else { top };
                plot_ui.text(beside("percentile", place, height, &words, t.text, place < 0.8));
            }
        });
}

fn drawn(bar: &LatencyBar, figure: &LatencyFigure, color: Color32) -> Bar {
    let (from, to) = (figure.scale.place(bar.from_ms), figure.scale.place(bar.to_ms));
    let share = figure.share(bar);
    let words = format!(
        "{} – {} ms\n{} requests, {} %",
        judge::millis(bar.from_ms),
        judge::millis(bar.to_ms),
        judge::thousands(bar.n),
        judge::millis(share)
    );
    // A hairline of ground between bars keeps them apart.
    Bar::new(f64::midpoint(from, to), share).width((to - from) * 0.88).fill(color).stroke(Stroke::NONE).name(words)
}

/// Words at the top of a line, on the side where there is room.
fn beside(name: &str, place: f64, height: f64, words: &str, color: Color32, right: bool) -> Text {
    let (anchor, words) =
        if right { (Align2::LEFT_TOP, format!("  {words}")) } else { (Align2::RIGHT_TOP, format!("{words}  ")) };
    Text::new(name, PlotPoint::new(place, height), text::small(words).color(color))
        .anchor(anchor)
        .color(color)
        .allow_hover(false)
}

/// The largest round share that is not above the highest bar.
fn nice_share(highest: f64) -> f64 {
    let decade = 10_f64.powf(highest.log10().floor());
    let digit = [8.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0].into_iter().find(|digit| digit * decade <= highest);
    digit.unwrap_or(1.0) * decade
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: impl IntoIterator<Item = u64>) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::new().unwrap();
        samples.into_iter().for_each(|nanos| histogram.record(nanos));
        histogram
    }

    #[test]
    fn every_request_stands_in_one_bar() {
        let spread = (0..5_000).map(|k| 20_000 + k * 7 % 9_000).chain([400_000, 90_000_000]);
        for (histogram, limit) in [
            (of(spread.clone()), Some(200.0)),
            (of(spread.clone()), Some(0.001)),
            (of(spread), None),
            (of([1_000]), Some(200.0)),
            (of([5_000_000; 300]), Some(5.0)),
            (of([u64::MAX]), None),
        ] {
            let figure = LatencyFigure::new("latency".to_owned(), &histogram, 95.0, limit);
            let drawn: u64 = figure.bars.iter().map(|bar| bar.n).sum();
            assert_eq!(drawn, histogram.n(), "{figure:?}");
            assert!(figure.bars.iter().all(|bar| bar.from_ms < bar.to_ms), "{:?}", figure.bars);
            let table: u64 =
                figure.csv().lines().skip(1).map(|line| line.split_once(',').unwrap().1.parse::<u64>().unwrap()).sum();
            assert_eq!(table, histogram.n());
        }
    }

    #[test]
    fn nothing_measured_is_an_empty_plot() {
        let figure = LatencyFigure::new("latency".to_owned(), &of([]), 95.0, Some(200.0));
        assert!(figure.bars.is_empty() && figure.measured.is_none());
        assert_eq!(figure.csv(), "latency_ms,requests\n");
    }

    #[test]
    fn a_percentile_without_support_is_not_marked() {
        let marked = |n: u64| LatencyFigure::new(String::new(), &of((0..n).map(|_| 5_000)), 99.0, None).measured;
        assert_eq!(marked(999), None);
        assert_eq!(marked(1_000).map(|(name, _)| name).as_deref(), Some("p99"));
    }
}
