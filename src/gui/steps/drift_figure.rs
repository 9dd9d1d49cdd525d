//! How one column differs, drawn: the shares of both sides in the bins that PSI compares.

use egui::{Align2, Color32, Rect, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2};
use egui_plot::{Bar, BarChart, GridMark};

use crate::gui::figure::Figure;
use crate::gui::text;
use crate::gui::theme::{Look as _, Tokens, size, space};
use crate::gui::widgets::{legend, plot};
use crate::judge::{share_text, value_text};
use crate::project::reports::{Bins, ColumnDrift};

/// Height of a category's two bars, in points.
const ROW_HEIGHT: f32 = 28.0;

/// The legend and what is between it and the drawing, in points.
const LEGEND_HEIGHT: f32 = 30.0;

/// Width of the column of shares, in points.
const SHARE_WIDTH: f32 = 52.0;

/// The shares of both sides.
#[derive(Debug)]
pub(super) struct BinsFigure {
    name: String,
    is_numeric: bool,
    bins: Vec<Bin>,
    /// Where bins of numbers meet.
    edges: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Bin {
    label: String,
    n: [u64; 2],
    share: [f64; 2],
}

impl BinsFigure {
    pub(super) fn new(column: &ColumnDrift) -> Self {
        let (reference, current) = column.bins.counts();
        let (labels, edges) = match &column.bins {
            Bins::Numeric { edges, .. } => (ranges(edges), edges.clone()),
            Bins::Categories { names, n_others, .. } => {
                let others = (0 < *n_others).then(|| format!("{n_others} others"));
                (names.iter().cloned().chain(others).collect(), Vec::new())
            }
        };
        let share = |n: u64, all: &[u64]| n as f64 / all.iter().sum::<u64>().max(1) as f64;
        let bin = |((label, r), c): ((String, &u64), &u64)| Bin {
            label,
            n: [*r, *c],
            share: [share(*r, reference), share(*c, current)],
        };
        Self {
            name: column.name.clone(),
            is_numeric: matches!(column.bins, Bins::Numeric { .. }),
            bins: labels.into_iter().zip(reference).zip(current).map(bin).collect(),
            edges,
        }
    }

    fn highest(&self) -> f64 {
        self.bins.iter().flat_map(|bin| bin.share).fold(0.0, f64::max).max(1e-9)
    }
}

/// The height at which the figure of a column shows best; many categories do not all fit.
pub(super) fn figure_height(bins: &Bins) -> f32 {
    const MOST_ROWS: usize = 10;
    match bins {
        Bins::Numeric { .. } => 220.0,
        Bins::Categories { reference, .. } => LEGEND_HEIGHT + reference.len().clamp(2, MOST_ROWS) as f32 * ROW_HEIGHT,
    }
}

/// The bins between inner edges, in words.
fn ranges(edges: &[f64]) -> Vec<String> {
    let Some((first, last)) = edges.first().zip(edges.last()) else { return vec!["all values".to_owned()] };
    let between = edges.windows(2).map(|pair| format!("{} to {}", value_text(pair[0]), value_text(pair[1])));
    let below = format!("below {}", value_text(*first));
    let above = format!("{} and above", value_text(*last));
    std::iter::once(below).chain(between).chain([above]).collect()
}

/// A cell of a CSV file, quoted where it must be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

impl Figure for BinsFigure {
    fn file_stem(&self) -> String {
        let plain = |letter: char| if letter.is_alphanumeric() || letter == '_' { letter } else { '-' };
        let name: String = self.name.chars().take(60).map(plain).collect();
        format!("drift-{name}")
    }

    fn ui(&self, ui: &mut Ui, height: f32) {
        let t = ui.tokens();
        legend(ui, &[("reference", if self.is_numeric { behind(t) } else { t.reference }), ("current", t.current)]);
        let height = height - LEGEND_HEIGHT;
        if self.is_numeric { bins_plot_ui(ui, self, height) } else { categories_ui(ui, self, height) }
    }

    fn csv(&self) -> String {
        let line =
            |bin: &Bin| format!("{},{},{},{},{}\n", quoted(&bin.label), bin.n[0], bin.n[1], bin.share[0], bin.share[1]);
        let head = "bin,reference_count,current_count,reference_share,current_share\n".to_owned();
        std::iter::once(head).chain(self.bins.iter().map(line)).collect()
    }
}

/// The reference's colour where the current data is drawn over it.
fn behind(t: &Tokens) -> Color32 {
    t.card.lerp_to_gamma(t.reference, 0.6)
}

/// Bins of equal width, though they are not so on the scale: what is compared is how much each holds.
fn bins_plot_ui(ui: &mut Ui, figure: &BinsFigure, height: f32) {
    let t = ui.tokens();
    let n_bins = figure.bins.len();
    let top = figure.highest() * 108.0;
    let chart = |side: usize, name: &str, width: f64, color: Color32| {
        let bars = figure.bins.iter().enumerate().map(|(idx, bin)| {
            let said =
                format!("{}\nreference {}\ncurrent {}", bin.label, share_text(bin.share[0]), share_text(bin.share[1]));
            Bar::new(idx as f64 + 0.5, bin.share[side] * 100.0).width(width).fill(color).name(said)
        });
        BarChart::new(name, bars.collect()).element_formatter(Box::new(|bar, _| bar.name.clone()))
    };
    let charts =
        [chart(0, "reference", 0.9, t.card.lerp_to_gamma(t.reference, 0.55)), chart(1, "current", 0.42, t.current)];
    let labels: Vec<String> = figure.edges.iter().map(|edge| value_text(*edge)).collect();
    plot(ui, "bins", height, &figure.name, "% of values")
        .set_margin_fraction(Vec2::ZERO)
        .show_x(false)
        .show_y(false)
        .x_grid_spacer(move |_| (1..n_bins).map(|edge| GridMark { value: edge as f64, step_size: 1.0 }).collect())
        .x_axis_formatter(move |mark, _| {
            let edge = (mark.value.round() as usize).checked_sub(1);
            edge.and_then(|edge| labels.get(edge)).cloned().unwrap_or_default()
        })
        .show(ui, |plot_ui| {
            plot_ui.set_plot_bounds_x(0.0..=n_bins as f64);
            plot_ui.set_plot_bounds_y(0.0..=top);
            for chart in charts {
                plot_ui.bar_chart(chart);
            }
        });
}

/// A row a category: its name, a bar for each side, and both shares. Where not all fit, those that changed most stay.
fn categories_ui(ui: &mut Ui, figure: &BinsFigure, height: f32) {
    let t = ui.tokens();
    let n_fit = ((height / ROW_HEIGHT) as usize).max(2);
    let mut shown: Vec<&Bin> = figure.bins.iter().collect();
    let n_hidden = if shown.len() <= n_fit { 0 } else { shown.len() - (n_fit - 1) };
    if 0 < n_hidden {
        let change = |bin: &Bin| (bin.share[1] - bin.share[0]).abs();
        let mut changes: Vec<f64> = shown.iter().map(|bin| change(bin)).collect();
        changes.sort_by(|a, b| b.total_cmp(a));
        let least = changes.get(n_fit - 2).copied().unwrap_or(0.0);
        shown.retain(|bin| least <= change(bin));
        shown.truncate(n_fit - 1);
    }
    let n_rows = shown.len() + usize::from(0 < n_hidden);
    let room = ui.available_width();
    let (area, response) = ui.allocate_exact_size(vec2(room, n_rows as f32 * ROW_HEIGHT), Sense::hover());
    let said: Vec<String> = shown
        .iter()
        .map(|bin| {
            format!("{}: {} of the reference, {} now", bin.label, share_text(bin.share[0]), share_text(bin.share[1]))
        })
        .collect();
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, said.join("; ")));
    let name_width = (room * 0.24).clamp(80.0, 200.0);
    let bars = area.left() + name_width + space::M..area.right() - 2.0 * SHARE_WIDTH - space::M;
    let per_share = (bars.end - bars.start).max(1.0) / figure.highest() as f32;
    for (idx, bin) in shown.iter().enumerate() {
        let top = area.top() + idx as f32 * ROW_HEIGHT;
        let middle = top + ROW_HEIGHT / 2.0;
        let name = text::line(ui, text::body(bin.label.as_str()), name_width);
        ui.painter().galley(pos2(area.left(), middle - name.size().y / 2.0), name, t.text);
        for (side, color) in [t.reference, t.current].into_iter().enumerate() {
            let y = middle + if side == 0 { -9.0 } else { 1.0 };
            let width = (bin.share[side] as f32 * per_share).max(1.0);
            let rect = Rect::from_min_size(pos2(bars.start, y), vec2(width, 8.0));
            if 0 < bin.n[side] {
                ui.painter().rect_filled(rect, 1.0, color);
            }
            let words = text::figures(share_text(bin.share[side])).size(size::SMALL).color(color);
            let galley = text::line(ui, words, SHARE_WIDTH);
            let right = area.right() - if side == 0 { SHARE_WIDTH } else { 0.0 };
            let at = Align2::RIGHT_CENTER.anchor_size(pos2(right, middle), galley.size());
            ui.painter().galley(at.min, galley, color);
        }
    }
    if 0 < n_hidden {
        let words = format!("{n_hidden} more changed less; the CSV export has them");
        let galley = text::line(ui, text::small(words), room);
        let middle = area.bottom() - ROW_HEIGHT / 2.0;
        ui.painter().galley(pos2(area.left(), middle - galley.size().y / 2.0), galley, t.mute);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_export_has_every_bin_with_its_counts_and_shares() {
        let column = ColumnDrift {
            name: "plan, of all".to_owned(),
            bins: Bins::Categories {
                names: vec!["a".to_owned(), "b, \"c\"".to_owned()],
                n_others: 3,
                reference: vec![2, 1, 1],
                current: vec![0, 5, 0],
            },
            ..ColumnDrift::default()
        };
        let figure = BinsFigure::new(&column);
        assert_eq!(
            figure.csv(),
            "bin,reference_count,current_count,reference_share,current_share\na,2,0,0.5,0\n\
             \"b, \"\"c\"\"\",1,5,0.25,1\n3 others,1,0,0.25,0\n"
        );
        assert_eq!(figure.file_stem(), "drift-plan--of-all");
    }

    #[test]
    fn numeric_bins_are_told_by_their_edges() {
        assert_eq!(ranges(&[1.5, 3.0]), ["below 1.5", "1.5 to 3", "3 and above"]);
        assert_eq!(ranges(&[]), ["all values"]);
    }
}
