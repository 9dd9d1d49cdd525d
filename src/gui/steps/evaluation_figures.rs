//! The evaluation's drawings: the table of answers, the ROC curve, answers against true numbers.

use egui::{Align2, Color32, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_plot::{GridMark, HoverPosition, Line, LineStyle, PlotPoints, Points};

use crate::gui::figure::Figure;
use crate::gui::text;
use crate::gui::theme::{Look as _, RADIUS_SMALL, space};
use crate::gui::widgets::{Column, Table, cell, cell_number, legend, plot};
use crate::judge::{self, ConfusionTable, RocLine};

/// Mistakes listed.
const MAX_MISTAKES: usize = 12;

/// Height of a cell of the table of answers.
const CELL: f32 = 44.0;

fn share(n: u64, of: u64) -> f32 {
    if of == 0 { 0.0 } else { (n as f64 / of as f64) as f32 }
}

/// Rows by true and by answered class; the tint of a cell is its share of the true class.
pub(super) fn confusion_ui(ui: &mut Ui, table: &ConfusionTable) {
    let t = ui.tokens();
    heading_ui(ui, table);
    let answers = table.answers();
    let gap = 2.0;
    let left = (ui.available_width() * 0.26).clamp(64.0, 140.0);
    let n = answers.len().max(1) as f32;
    let width = ((ui.available_width() - left - gap * n) / n).floor().max(24.0);
    let head = 20.0;
    let height = head + (CELL + gap) * table.names.len() as f32;
    let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let x = |column: usize| area.left() + left + gap + (width + gap) * column as f32;
    let write = |ui: &Ui, words: egui::RichText, room: f32, at: egui::Pos2, align: Align2, color: Color32| {
        let galley = text::line(ui, words, room);
        let rect = align.anchor_size(at, galley.size());
        ui.painter().galley_with_override_text_color(rect.min, galley, color);
    };
    let named = |answer: &Option<usize>| answer.map_or("no answer", |class| table.names[class].as_str());
    for (column, answer) in answers.iter().enumerate() {
        let at = pos2(x(column) + width / 2.0, area.top());
        let head = if answer.is_some() { format!("answered {}", named(answer)) } else { named(answer).to_owned() };
        write(ui, text::small_medium(head), width, at, Align2::CENTER_TOP, t.mute);
    }
    for (truth, name) in table.names.iter().enumerate() {
        let top = area.top() + head + (CELL + gap) * truth as f32;
        let label = if truth < table.n_known { format!("true {name}") } else { format!("true {name} (unknown)") };
        let at = pos2(area.left(), top + CELL / 2.0);
        write(ui, text::small_medium(label), left, at, Align2::LEFT_CENTER, t.mute);
        let of = table.confusion.n_true(truth);
        for (column, answer) in answers.iter().enumerate() {
            let rows = table.confusion.count(truth, *answer);
            let part = share(rows, of);
            let rect = Rect::from_min_size(pos2(x(column), top), vec2(width, CELL));
            let is_right = *answer == Some(truth);
            let hue = if is_right { t.reference } else { t.current };
            ui.painter().rect_filled(rect, RADIUS_SMALL, t.card.lerp_to_gamma(hue, 0.06 + 0.34 * part));
            let percent = format!("{:.0} %", part * 100.0);
            let center = rect.center();
            write(
                ui,
                text::medium(judge::thousands(rows)),
                width,
                center - vec2(0.0, 8.0),
                Align2::CENTER_CENTER,
                t.text,
            );
            write(ui, text::small(percent.as_str()), width, center + vec2(0.0, 9.0), Align2::CENTER_CENTER, t.text);
            let said = format!("true {name}, answered {}: {rows} rows, {percent}", named(answer));
            let response = ui.interact(rect, ui.scope_id().with(("cell", truth, column)), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, said.as_str()));
            response.on_hover_text(said.as_str());
        }
    }
    ui.add_space(space::S);
    ui.label(text::small("Shares are of the rows of a true class; blue is right, orange wrong."));
}

fn heading_ui(ui: &mut Ui, table: &ConfusionTable) {
    ui.label(text::medium("True and answered classes"));
    let words = match &table.called_from {
        Some((class, threshold)) => format!("{class} is answered from a probability of {threshold}, as the brief says"),
        None => "as the model itself answers".to_owned(),
    };
    ui.label(text::small(words));
    ui.add_space(space::XS);
}

/// The most frequent mistakes, where there are too many classes for a table.
pub(super) fn mistakes_ui(ui: &mut Ui, table: &ConfusionTable) {
    heading_ui(ui, table);
    let mut mistakes: Vec<&(usize, Option<usize>, u64)> =
        table.confusion.cells().iter().filter(|(truth, answer, _)| *answer != Some(*truth)).collect();
    mistakes.sort_by_key(|(_, _, n)| std::cmp::Reverse(*n));
    mistakes.truncate(MAX_MISTAKES);
    let heads = [
        Column::text("true").share(1.0),
        Column::text("answered").share(1.0),
        Column::number("rows").exact(56.0),
        Column::number("share").exact(56.0),
    ];
    Table::new("most frequent mistakes", &heads).show(ui, mistakes.len(), |ui, row, column| {
        let (truth, answer, n) = mistakes[row];
        let part = share(*n, table.confusion.n_true(*truth));
        match column {
            0 => drop(cell(ui, table.names[*truth].as_str())),
            1 => drop(cell(ui, answer.map_or("no answer", |class| table.names[class].as_str()))),
            2 => drop(cell_number(ui, &judge::thousands(*n))),
            _ => drop(cell_number(ui, &format!("{:.0} %", part * 100.0))),
        }
    });
}

/// A ROC curve with the point that the brief's threshold picks on it.
#[derive(Debug)]
pub(super) struct RocFigure {
    pub(super) stem: String,
    pub(super) curve: RocLine,
}

impl Figure for RocFigure {
    fn file_stem(&self) -> String {
        format!("{}-roc", self.stem)
    }

    fn ui(&self, ui: &mut Ui, height: f32) {
        let t = ui.tokens();
        let curve = &self.curve;
        let area = curve.auc.map_or_else(String::new, |auc| match auc.interval {
            Some((low, high)) => format!(", AUC {:.3} ({low:.3} – {high:.3})", auc.value),
            None => format!(", AUC {:.3}", auc.value),
        });
        let line = format!("class {}{area}", curve.class);
        let threshold = curve.at_threshold.map(|(_, _, threshold)| format!("threshold {threshold}"));
        let mut entries = vec![(line.as_str(), t.reference)];
        entries.extend(threshold.as_deref().map(|threshold| (threshold, t.current)));
        legend(ui, &entries);
        let hovered = |position: &HoverPosition<'_>| match position {
            HoverPosition::NearDataPoint { position, .. } => {
                Some(format!("{:.1} % found\n{:.1} % false alarms", position.y * 100.0, position.x * 100.0))
            }
            HoverPosition::Elsewhere { .. } => None,
        };
        let drawing = plot(ui, &self.stem, (height - 22.0).max(80.0), "false positive rate", "true positive rate")
            .include_x(0.0)
            .include_x(1.0)
            .include_y(0.0)
            .include_y(1.0)
            .x_grid_spacer(|_| fifths())
            .y_grid_spacer(|_| fifths())
            .label_formatter(hovered);
        drawing.show(ui, |plot| {
            let chance = Line::new("chance", PlotPoints::from(vec![[0.0, 0.0], [1.0, 1.0]]));
            let dashed = LineStyle::Dashed { length: 4.0 };
            plot.line(chance.color(t.line_strong).width(1.0).style(dashed).allow_hover(false));
            let points: Vec<[f64; 2]> = curve.points.iter().map(|(fpr, tpr, _)| [*fpr, *tpr]).collect();
            plot.line(Line::new(line.as_str(), PlotPoints::from(points)).color(t.reference).width(2.0));
            if let Some((fpr, tpr, threshold)) = curve.at_threshold {
                let point = Points::new(format!("threshold {threshold}"), PlotPoints::from(vec![[fpr, tpr]]));
                plot.points(point.color(t.current).radius(5.0));
            }
        });
    }

    fn csv(&self) -> String {
        let mut text = "false_positive_rate,true_positive_rate,score_from\n".to_owned();
        for (fpr, tpr, score) in &self.curve.points {
            text.push_str(&format!("{fpr},{tpr},{score}\n"));
        }
        text
    }
}

/// Grid lines of an axis of shares.
fn fifths() -> Vec<GridMark> {
    (0..=5).map(|k| GridMark { value: f64::from(k) / 5.0, step_size: 0.2 }).collect()
}

/// A regressor's answers against the true values.
#[derive(Debug)]
pub(super) struct ScatterFigure {
    pub(super) stem: String,
    pub(super) target: String,
    pub(super) pairs: Vec<(f64, f64)>,
    /// Rows there are; fewer may be drawn.
    pub(super) n: u64,
}

impl Figure for ScatterFigure {
    fn file_stem(&self) -> String {
        format!("{}-answers", self.stem)
    }

    fn ui(&self, ui: &mut Ui, height: f32) {
        let t = ui.tokens();
        let n = self.pairs.len() as u64;
        let rows = if n < self.n {
            format!("{} of {} rows, evenly spaced", judge::thousands(n), judge::thousands(self.n))
        } else {
            format!("{} rows", judge::thousands(n))
        };
        legend(ui, &[(rows.as_str(), t.reference), ("answer equals truth", t.line_strong)]);
        let truths = || self.pairs.iter().map(|(truth, _)| *truth);
        let (low, high) = (truths().fold(f64::INFINITY, f64::min), truths().fold(f64::NEG_INFINITY, f64::max));
        let x = format!("true {}", self.target);
        plot(ui, &self.stem, (height - 22.0).max(80.0), &x, "answer").show(ui, |plot| {
            let same = Line::new("answer equals truth", PlotPoints::from(vec![[low, low], [high, high]]));
            plot.line(same.color(t.line_strong).width(1.0).allow_hover(false));
            let points: Vec<[f64; 2]> = self.pairs.iter().map(|(truth, answer)| [*truth, *answer]).collect();
            plot.points(Points::new(rows.as_str(), PlotPoints::from(points)).color(t.reference).radius(2.0));
        });
    }

    fn csv(&self) -> String {
        let mut text = "truth,answer\n".to_owned();
        for (truth, answer) in &self.pairs {
            text.push_str(&format!("{truth},{answer}\n"));
        }
        text
    }
}
