//! The card "Cost by operator" on the model's page: what each operator and each node takes.

use std::sync::Arc;

use egui::Ui;
use jiff::Timestamp;

use super::cost_tables::{CostTable, detail_ui, operators_ui, steps_ui};
use crate::command::{Command, ProfileOptions};
use crate::gui::figure::{Export, Figure, FigureFormat};
use crate::gui::learn;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::{Outbox, UiCommand};
use crate::gui::widgets::{
    Card, DISMISS, Field, Sorting, Stat, columns, notice, problem_panel, progress_bar, row, secondary_button,
    segmented, small_button,
};
use crate::judge::{self, CostKey};
use crate::project::reports::{Profile, ProfileReport};
use crate::step::Step;
use crate::workbench::Workbench;

/// The batches that are offered.
const BATCHES: [(u32, &str); 3] = [(1, "1 row"), (32, "32 rows"), (256, "256 rows")];

/// What the columns of the operators sort by.
const OPERATOR_KEYS: [CostKey; 8] = [
    CostKey::Name,
    CostKey::Count,
    CostKey::Time,
    CostKey::Time,
    CostKey::Flops,
    CostKey::Moved,
    CostKey::Values,
    CostKey::RunsAs,
];
/// What the columns of the steps sort by.
const STEP_KEYS: [CostKey; 8] = [
    CostKey::Name,
    CostKey::Operator,
    CostKey::RunsAs,
    CostKey::Time,
    CostKey::Time,
    CostKey::Flops,
    CostKey::Moved,
    CostKey::Live,
];

/// The card and what it was set to.
#[derive(Debug)]
pub(super) struct CostCard {
    batch: usize,
    /// Whether nodes are listed, or operators.
    by_node: bool,
    filter: String,
    operators: Sorting,
    steps: Sorting,
    /// The step that is looked at, of the report of that time.
    picked: Option<(Timestamp, usize)>,
    listed: Option<Listed>,
}

impl Default for CostCard {
    fn default() -> Self {
        let by_time = |column| Sorting { column, descending: true };
        Self {
            batch: 0,
            by_node: false,
            filter: String::new(),
            operators: by_time(2),
            steps: by_time(3),
            picked: None,
            listed: None,
        }
    }
}

/// The rows that are shown, found once for as long as nothing they depend on changes.
#[derive(Debug)]
struct Listed {
    of: (Timestamp, bool, String, Sorting),
    rows: Vec<usize>,
    names: Vec<String>,
}

impl CostCard {
    pub(super) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let report = workbench.at_hand::<ProfileReport>();
        let remark = report.map(remark).unwrap_or_default();
        Card::new("Cost by operator").remark(&remark).show(ui, |ui| {
            let running = running_ui(ui, workbench, outbox);
            if let Some(problem) = workbench.profile().problem() {
                if problem_panel(ui, problem, Some(DISMISS)) {
                    outbox.send(Command::Dismiss(Step::Model));
                }
                ui.add_space(space::S);
            }
            if let Some(report) = report {
                if let Some(stale) = workbench.stale::<ProfileReport>() {
                    let words = format!("This says nothing about the version at hand: {stale}. Profile again.");
                    notice(ui, Verdict::Stale, &words);
                    ui.add_space(space::XS);
                }
                self.report_ui(ui, report, outbox);
            } else if running.is_none() {
                ui.label(text::weak(
                    "Which operators take the time, how much arithmetic and memory they need: rows of the reference \
                     data are run in a process of its own, and every step is timed.",
                ));
                ui.add_space(space::S);
            }
            if running.is_none() {
                self.offer_ui(ui, report.is_some(), outbox);
            }
        });
    }

    /// Lists nodes, and looks into the costliest.
    #[cfg(feature = "pictures")]
    pub(super) fn look_into_nodes(&mut self, workbench: &Workbench) {
        self.by_node = true;
        let report = workbench.at_hand::<ProfileReport>();
        let costliest = |report: &ProfileReport| {
            let order = judge::sorted_steps(&report.profile, "", CostKey::Time, true);
            order.first().map(|step| (report.time, *step))
        };
        self.picked = report.and_then(costliest);
    }

    fn offer_ui(&mut self, ui: &mut Ui, is_again: bool, outbox: &mut Outbox) {
        if is_again {
            ui.add_space(space::S);
        }
        row(ui, 32.0, |ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            if secondary_button(ui, if is_again { "Profile again" } else { "Profile" }).clicked() {
                let batch = BATCHES.get(self.batch).map(|(batch, _)| *batch);
                outbox.send(Command::RunProfile(ProfileOptions { batch, ..ProfileOptions::default() }));
            }
            segmented(ui, "Rows a call", &mut self.batch, &BATCHES.map(|(_, label)| label));
            learn::link(ui, "arithmetic and memory", outbox);
        });
    }

    fn report_ui(&mut self, ui: &mut Ui, report: &ProfileReport, outbox: &mut Outbox) {
        let profile = &report.profile;
        totals_ui(ui, report);
        ui.add_space(space::M);
        row(ui, 32.0, |ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            let mut by = usize::from(self.by_node);
            if segmented(ui, "Cost by", &mut by, &["By operator", "By node"]) {
                self.by_node = by == 1;
            }
            let name = if self.by_node { "Find a node" } else { "Find an operator" };
            Field::new(name, &mut self.filter).unlabelled().placeholder(name).width(220.0).show(ui);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let tooltip = "Export every row of this table";
                if small_button(ui, "CSV…").on_hover_text(tooltip).clicked() {
                    let figure: Arc<dyn Figure> = Arc::new(CostTable::new(report, self.by_node));
                    outbox.ask(UiCommand::ExportFigure(Export { figure, format: FigureFormat::Csv }));
                }
            });
        });
        ui.add_space(space::S);
        let listed = self.list(report);
        let (rows, names) = (listed.rows.clone(), listed.names.clone());
        if rows.is_empty() {
            ui.label(text::weak(format!("Nothing here is called “{}”", self.filter.trim())));
        } else if self.by_node {
            let picked = self.picked.filter(|(time, _)| *time == report.time).map(|(_, step)| step);
            let at = picked.and_then(|step| rows.iter().position(|row| *row == step));
            if let Some(row) = steps_ui(ui, profile, &rows, &names, at, &mut self.steps) {
                self.picked = Some((report.time, rows[row]));
            }
            if let Some(step) = picked.and_then(|step| profile.steps.get(step)) {
                detail_ui(ui, step);
            }
        } else {
            operators_ui(ui, profile, &rows, &mut self.operators);
        }
        ui.add_space(space::S);
        for line in remarks(report, self.by_node) {
            ui.label(text::small(line));
        }
    }

    /// The rows to show, found anew when something changed.
    fn list(&mut self, report: &ProfileReport) -> &Listed {
        let sorting = if self.by_node { self.steps } else { self.operators };
        let of = (report.time, self.by_node, self.filter.clone(), sorting);
        let listed = self.listed.take().filter(|listed| listed.of == of);
        self.listed.insert(listed.unwrap_or_else(|| {
            let profile = &report.profile;
            let keys: &[CostKey] = if self.by_node { &STEP_KEYS } else { &OPERATOR_KEYS };
            let key = keys.get(sorting.column).copied().unwrap_or(CostKey::Time);
            let rows = if self.by_node {
                judge::sorted_steps(profile, &self.filter, key, sorting.descending)
            } else {
                judge::sorted_operators(profile, &self.filter, key, sorting.descending)
            };
            let name = |idx: &usize| profile.steps.get(*idx).map(|step| format!("Node {}", judge::step_name(step)));
            let names = if self.by_node { rows.iter().filter_map(name).collect() } else { Vec::new() };
            Listed { of, rows, names }
        }))
    }
}

/// Progress and a way to stop; the job's number while it runs.
fn running_ui(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) -> Option<u64> {
    let id = workbench.profile().running()?;
    let jobs = workbench.jobs();
    let job = jobs.iter().find(|job| job.id == id)?;
    let stage = job.context.stage();
    ui.label(text::body(stage.as_str()));
    ui.add_space(space::XS);
    progress_bar(ui, &stage, job.context.fraction(), ui.available_width());
    ui.add_space(space::S);
    if secondary_button(ui, "Cancel the profile").clicked() {
        outbox.send(Command::Cancel(id));
    }
    ui.add_space(space::S);
    Some(id)
}

/// What was measured, at the right of the card's title.
fn remark(report: &ProfileReport) -> String {
    let local = report.time.to_zoned(jiff::tz::TimeZone::system());
    format!(
        "{} · batch {} · {} · {}",
        report.version,
        judge::thousands(report.batch),
        judge::counted(u64::from(report.threads), "thread"),
        local.strftime("%Y-%m-%d %H:%M")
    )
}

/// The five figures of the whole.
fn totals_ui(ui: &mut Ui, report: &ProfileReport) {
    let profile = &report.profile;
    // A number and its unit are set apart, as everywhere.
    let split = |words: String| {
        let (number, unit) = words.split_once(' ').unwrap_or((words.as_str(), ""));
        (number.to_owned(), unit.to_owned())
    };
    let (time, time_unit) = split(judge::duration(profile.plain.median));
    let (flops, flops_unit) = split(judge::quantity(profile.flops));
    // Nothing known and something unknown is not "at least nothing".
    let (flops, flops_unit) = match (profile.flops, profile.n_flops_unknown) {
        (0, 1..) => ("n/a".to_owned(), String::new()),
        (_, 0) => (flops, format!("{flops_unit} FLOPs")),
        (_, _) => (format!("≥ {flops}"), format!("{flops_unit} FLOPs")),
    };
    let flops_unit = flops_unit.trim().to_owned();
    let (values, values_unit) = split(judge::quantity(profile.n_parameters));
    let (weights, weights_unit) = split(judge::bytes(profile.weight_bytes));
    let (peak, peak_unit) = split(judge::bytes(profile.peak_activation_bytes));
    columns(ui, &[1.0, 1.2, 1.0, 1.0, 1.0], |ui, index| match index {
        0 => {
            let words = format!(
                "Half of {} took at most this, untimed inside; a quarter took at most {}, three quarters at most {}",
                judge::counted(profile.n_calls, "call"),
                judge::duration(profile.plain.lower),
                judge::duration(profile.plain.upper)
            );
            Stat::new("A call", &time).unit(&time_unit).show(ui).on_hover_text(words);
        }
        1 => {
            let mut words = "Floating-point operations of a call; a multiply-add counts as two".to_owned();
            if let Some(one) = profile.flops_one_row.filter(|_| report.batch != 1) {
                words.push_str(&format!(". One row takes {}", judge::quantity(one)));
            }
            Stat::new("Arithmetic", &flops).unit(&flops_unit).show(ui).on_hover_text(words);
        }
        2 => drop(Stat::new("Trained values", &values).unit(&values_unit).show(ui)),
        3 => {
            let words = "The trained values as the engine keeps them: packed, and some of them folded together";
            Stat::new("Weights", &weights).unit(&weights_unit).show(ui).on_hover_text(words);
        }
        _ => {
            let words = format!(
                "The most bytes of inputs, outputs and intermediate tensors needed at one time, which is at {}. A step \
                 that writes over its input needs less.",
                profile.peak_step
            );
            Stat::new("Peak activations", &peak).unit(&peak_unit).show(ui).on_hover_text(words);
        }
    });
}

/// What is to be known to read the tables.
fn remarks(report: &ProfileReport, by_node: bool) -> Vec<String> {
    let profile = &report.profile;
    let mut lines = vec![format!(
        "Shares are of the time in the steps, {} of a call. Timing every step makes a call {:.0} % longer.",
        judge::duration(profile.steps_ns),
        profile.overhead() * 100.0,
    )];
    if 0 < profile.n_flops_unknown {
        let nodes = judge::counted(profile.n_flops_unknown, "node");
        lines.push(format!(
            "n/a: the arithmetic of {nodes} cannot be said. Comparisons, as trees make them, are no arithmetic."
        ));
    }
    if 0 < profile.n_nodes_without_step {
        lines.push(format!(
            "{} of {} have no step of their own: the engine fused them with another, folded them into a constant, or \
             they change nothing.",
            judge::thousands(profile.n_nodes_without_step),
            judge::counted(profile.n_nodes, "node"),
        ));
    }
    if by_node {
        lines.push(left_out(profile));
    }
    lines.push(format!("Asked {}; on {}.", report.rows, report.machine.processor));
    lines.extend(report.notes.iter().map(|note| format!("{note}.")));
    lines.retain(|line| !line.is_empty());
    lines
}

fn left_out(profile: &Profile) -> String {
    match profile.n_steps.saturating_sub(profile.steps.len() as u64) {
        0 => String::new(),
        n => format!(
            "{} cheaper nodes are not listed; together they take {:.1} %.",
            judge::thousands(n),
            profile.share(profile.left_out_ns) * 100.0
        ),
    }
}
