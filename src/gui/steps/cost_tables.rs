//! The tables of the cost card, and what is exported of them.

use egui::{Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::gui::figure::Figure;
use crate::gui::text;
use crate::gui::theme::{Look as _, space};
use crate::gui::widgets::{Column, KeyValues, Sorting, Table, cell, cell_number, title_line};
use crate::judge;
use crate::project::reports::{Profile, ProfileReport, StepCost};

/// Room for a share's number beside its bar.
const SHARE_NUMBER: f32 = 50.0;
/// Height of a bar.
const BAR: f32 = 8.0;

/// What the file has and what runs for it, operator by operator.
pub(super) fn operators_ui(ui: &mut Ui, profile: &Profile, rows: &[usize], sorting: &mut Sorting) {
    let columns = [
        Column::text("operator").share(1.4),
        Column::number("nodes").exact(46.0),
        Column::number("time").exact(66.0),
        Column::number("share").exact(132.0),
        Column::number("FLOPs").exact(60.0),
        Column::number("moved").exact(64.0),
        Column::number("values").exact(54.0),
        Column::text("runs as").share(1.2),
    ];
    let longest = profile.operators.iter().map(|operator| profile.share(operator.time_ns)).fold(0.0, f64::max);
    Table::new("cost by operator", &columns).sorted(sorting).show(ui, rows.len(), |ui, row, column| {
        let operator = &profile.operators[rows[row]];
        match column {
            0 => {
                let name = judge::operator_name(operator);
                let own = "A step of the engine's own, which belongs to no node of the file";
                // The domain is in the tooltip: names are long enough.
                let shown = if operator.is_engines_own() { &name } else { &operator.operator };
                let response = cell(ui, text::medium(shown.as_str()));
                response.on_hover_text(if operator.is_engines_own() { own } else { name.as_str() });
            }
            1 if operator.is_engines_own() => drop(cell_number(ui, "–")),
            1 => {
                let response = cell_number(ui, &judge::thousands(operator.n_nodes));
                if 0 < operator.n_without_step {
                    let n = judge::thousands(operator.n_without_step);
                    response.on_hover_text(format!("{n} of them have no step of their own"));
                }
            }
            2 | 3 | 5 if operator.n_steps == 0 => drop(cell_number(ui, "–")),
            2 => drop(cell_number(ui, &judge::duration(operator.time_ns))),
            3 => share_ui(ui, profile.share(operator.time_ns), longest),
            4 => flops_ui(ui, operator.flops, operator.n_flops_unknown),
            5 => drop(cell_number(ui, &judge::bytes(judge::operator_moved(operator))).on_hover_text(format!(
                "{} read, {} written",
                judge::bytes(operator.bytes_read),
                judge::bytes(operator.bytes_written)
            ))),
            6 => drop(cell_number(ui, &judge::quantity(operator.n_parameters))),
            _ if operator.runs_as.is_empty() => drop(cell(ui, text::weak("no step of its own"))),
            _ => {
                let runs_as = operator.runs_as.join(", ");
                cell(ui, text::weak(runs_as.as_str())).on_hover_text(runs_as);
            }
        }
    });
}

/// What runs, step by step; returns the row that was picked just now.
pub(super) fn steps_ui(
    ui: &mut Ui,
    profile: &Profile,
    rows: &[usize],
    names: &[String],
    picked: Option<usize>,
    sorting: &mut Sorting,
) -> Option<usize> {
    let columns = [
        Column::text("node").share(1.3),
        Column::text("operator").share(0.9),
        Column::text("runs as").share(1.0),
        Column::number("time").exact(62.0),
        Column::number("share").exact(116.0),
        Column::number("FLOPs").exact(56.0),
        Column::number("moved").exact(62.0),
        Column::number("live").exact(62.0),
    ];
    let longest = profile.steps.iter().map(|step| profile.share(step.time.median)).fold(0.0, f64::max);
    let table = Table::new("cost by node", &columns).sorted(sorting).pick(picked).named(names);
    table.show(ui, rows.len(), |ui, row, column| {
        let step = &profile.steps[rows[row]];
        match column {
            0 if step.node.is_empty() => drop(cell(ui, text::weak(step.name.as_str()))),
            0 => drop(cell(ui, text::medium(step.node.as_str()))),
            1 => drop(cell(ui, text::weak(step.node_operator.as_str()))),
            2 => drop(cell(ui, text::weak(step.operator.as_str()))),
            3 => drop(cell_number(ui, &judge::duration(step.time.median))),
            4 => share_ui(ui, profile.share(step.time.median), longest),
            5 => flops_ui(ui, step.flops, 0),
            6 => drop(cell_number(ui, &judge::bytes(judge::step_moved(step)))),
            _ => drop(cell_number(ui, &judge::bytes(step.live_bytes))),
        }
    })
}

/// Everything that is known of one step.
pub(super) fn detail_ui(ui: &mut Ui, step: &StepCost) {
    ui.add_space(space::M);
    title_line(ui, text::card_title(judge::step_name(step)), &format!("step {}", judge::thousands(step.idx + 1)));
    ui.add_space(space::XS);
    let mut runs_as = step.operator.clone();
    if !step.detail.is_empty() {
        runs_as = format!("{runs_as}: {}", step.detail);
    }
    if step.name != step.node && !step.node.is_empty() {
        runs_as = format!("{runs_as}, called {}", step.name);
    }
    let mut pairs = Vec::new();
    if !step.fused.is_empty() {
        pairs.push(("Fused with", text::body(step.fused.join(", "))));
    }
    let known = |words: &[String]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    pairs.insert(0, ("Runs as", text::body(runs_as)));
    pairs.push(("Takes", text::mono(known(&step.inputs))));
    pairs.push(("Gives", text::mono(known(&step.outputs))));
    pairs.push((
        "Time",
        text::body(format!(
            "{} median, {} mean, half between {} and {}, {}",
            judge::duration(step.time.median),
            judge::duration(step.time.mean),
            judge::duration(step.time.lower),
            judge::duration(step.time.upper),
            judge::counted(step.n_calls, "call")
        )),
    ));
    if let Some(flops) = step.flops.filter(|flops| 0 < *flops && 0.0 < step.time.median) {
        let per_second = (flops as f64 / step.time.median * 1e9) as u64;
        let words = format!("{} FLOPs, {}FLOP/s", judge::quantity(flops), judge::quantity(per_second));
        pairs.push(("Arithmetic", text::body(words)));
    }
    pairs.push((
        "Memory",
        text::body(format!(
            "{} of inputs and {} of weights read, {} written, {} needed at that time",
            judge::bytes(step.bytes_read),
            judge::bytes(step.weight_bytes),
            judge::bytes(step.bytes_written),
            judge::bytes(step.live_bytes)
        )),
    ));
    KeyValues::default().show(ui, &pairs);
}

/// Arithmetic, or that it cannot be said of all or some.
fn flops_ui(ui: &mut Ui, flops: Option<u64>, n_unknown: u64) {
    match flops {
        None => drop(cell_number(ui, "n/a").on_hover_text("Its arithmetic cannot be said")),
        Some(flops) if 0 < n_unknown => {
            let words = format!("Without {} whose arithmetic cannot be said", judge::counted(n_unknown, "node"));
            cell_number(ui, &format!("≥ {}", judge::quantity(flops))).on_hover_text(words);
        }
        Some(flops) => drop(cell_number(ui, &judge::quantity(flops))),
    }
}

/// A bar as long as the share is of the longest, and the share in figures.
fn share_ui(ui: &mut Ui, share: f64, longest: f64) {
    let t = ui.tokens();
    let words = share_text(share);
    let galley = text::line(ui, text::figures(words.as_str()), SHARE_NUMBER);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), galley.size().y), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words.as_str()));
    let track = Rect::from_min_max(
        pos2(rect.left(), rect.center().y - BAR / 2.0),
        pos2((rect.right() - SHARE_NUMBER).max(rect.left()), rect.center().y + BAR / 2.0),
    );
    let part = if 0.0 < longest { (share / longest).clamp(0.0, 1.0) as f32 } else { 0.0 };
    ui.painter().rect_filled(track, 2.0, t.line.gamma_multiply(0.5));
    if 0.0 < part {
        let width = (track.width() * part).max(1.5);
        ui.painter().rect_filled(Rect::from_min_size(track.min, vec2(width, BAR)), 2.0, t.reference);
    }
    ui.painter().galley(pos2(rect.right() - galley.size().x, rect.top()), galley, t.text);
}

/// One decimal, and never a zero for what is there.
fn share_text(share: f64) -> String {
    let percent = share * 100.0;
    if 0.0 < percent && percent < 0.05 { "< 0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

/// A table on its way to a file.
#[derive(Debug)]
pub(super) struct CostTable {
    stem: String,
    csv: String,
}

impl CostTable {
    pub(super) fn new(report: &ProfileReport, by_node: bool) -> Self {
        let profile = &report.profile;
        let (what, csv) =
            if by_node { ("nodes", judge::steps_csv(profile)) } else { ("operators", judge::operators_csv(profile)) };
        Self { stem: format!("{}-batch-{}-cost-{what}", report.version, report.batch), csv }
    }
}

impl Figure for CostTable {
    fn file_stem(&self) -> String {
        self.stem.clone()
    }

    fn ui(&self, ui: &mut Ui, _height: f32) {
        ui.label(text::mono(self.csv.as_str()));
    }

    fn csv(&self) -> String {
        self.csv.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::share_text;

    #[test]
    fn a_small_share_is_not_called_nothing() {
        assert_eq!(
            [0.0, 0.000_4, 0.001, 0.25, 1.0].map(share_text),
            ["0.0 %", "< 0.1 %", "0.1 %", "25.0 %", "100.0 %"]
        );
    }
}
