//! The drift's page: what was compared, the columns by severity, and how each differs.

use std::sync::Arc;

use egui::Ui;

use super::drift_figure::{BinsFigure, figure_height};
use super::drift_settings::SettingsView;
use crate::command::{Command, DataRole};
use crate::gui::figure::{Figure, figure_ui};
use crate::gui::shell::clock;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::{Choosing, Outbox, UiCommand};
use crate::gui::widgets::{
    Card, Column, DISMISS, Icon, Stat, Table, cell, cell_number, check, chip, columns, empty_state, notice,
    page_header, primary_button, problem_panel, progress_bar, row, secondary_button, segmented, verdict_line,
};
use crate::judge::{self, DriftCount, DriftState};
use crate::project::Project;
use crate::project::documents::{DriftSettings, Evidence};
use crate::project::reports::{self, ColumnDrift, ColumnKind, ColumnRole, DriftReport, DriftSide, Judgement};
use crate::step::Step;
use crate::workbench::{RunningJob, Workbench};

/// Findings, and columns of one side alone, that are shown; the report has all.
const SHOWN: usize = 12;

/// The drift's page.
#[derive(Debug, Default)]
pub(in crate::gui) struct DriftView {
    judged: Option<Judged>,
    /// The column whose figure is shown, by name, so that it stays when the order changes.
    picked: Option<String>,
    /// The figure of a column of the report at hand.
    figure: Option<(String, Arc<dyn Figure>)>,
    settings: SettingsView,
}

/// What a report comes to under settings, computed once for as long as neither changes.
#[derive(Debug)]
struct Judged {
    of: ReportKey,
    settings: DriftSettings,
    judgement: Judgement,
    reasons: Vec<String>,
    counted: DriftCount,
    /// The columns of the report, the most severe first.
    order: Vec<usize>,
    /// Their names, in that order.
    names: Vec<String>,
    /// What failed of each, in that order.
    failed: Vec<String>,
}

/// What tells one report from another, cheaper than the whole.
#[derive(Debug, PartialEq)]
struct ReportKey {
    time: jiff::Timestamp,
    sides: [DriftSide; 2],
    evidence: Evidence,
    n_columns: usize,
    n_numeric: usize,
}

impl ReportKey {
    fn new(report: &DriftReport) -> Self {
        Self {
            time: report.time,
            sides: [report.reference.clone(), report.current.clone()],
            evidence: report.evidence.clone(),
            n_columns: report.columns.len(),
            n_numeric: report.columns.iter().filter(|column| column.kind == ColumnKind::Numeric).count(),
        }
    }
}

impl Judged {
    fn new(report: &DriftReport, settings: &DriftSettings) -> Self {
        let mut order: Vec<usize> = (0..report.columns.len()).collect();
        order.sort_by(|a, b| judge::by_severity(&report.columns[*a], &report.columns[*b], settings));
        let names = order.iter().map(|idx| report.columns[*idx].name.clone()).collect();
        let failed = |idx: &usize| {
            let checks = judge::quality_checks(&report.columns[*idx], settings).into_iter();
            checks.filter(|check| !check.pass).map(|check| check.name).collect::<Vec<_>>().join(", ")
        };
        Self {
            of: ReportKey::new(report),
            settings: settings.clone(),
            judgement: judge::drift(report, settings),
            reasons: judge::drift_reasons(report, settings),
            counted: judge::drift_count(report, settings),
            failed: order.iter().map(failed).collect(),
            order,
            names,
        }
    }
}

impl DriftView {
    pub(in crate::gui) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let Some(project) = workbench.project() else { return };
        let data = &project.documents.config.data;
        let running = workbench.drift().running();
        let ready = data.reference.is_some() && data.current.is_some() && running.is_none();
        page_header(ui, Step::Drift.label(), Step::Drift.purpose(), |ui| {
            if ui.add_enabled_ui(ready, |ui| primary_button(ui, "Compare data")).inner.clicked() {
                outbox.send(Command::CompareData);
            }
        });
        let jobs = workbench.jobs();
        if let Some(job) = running.and_then(|id| jobs.iter().find(|job| job.id == id)) {
            running_ui(ui, job, outbox);
        }
        if let Some(problem) = workbench.drift().problem()
            && problem_panel(ui, problem, Some(DISMISS))
        {
            outbox.send(Command::Dismiss(Step::Drift));
        }
        match &workbench.drift().last {
            Some(report) => self.report_ui(ui, workbench, project, report, outbox),
            None if running.is_none() => nothing_ui(ui, project, outbox),
            None => {}
        }
        self.settings.ui(ui, project, outbox);
    }

    fn report_ui(
        &mut self,
        ui: &mut Ui,
        workbench: &Workbench,
        project: &Project,
        report: &DriftReport,
        outbox: &mut Outbox,
    ) {
        if let Some(why) = workbench.drift_stale() {
            notice(ui, Verdict::Stale, &format!("This comparison is out of date: {why}. Compare again."));
        }
        let settings = &project.documents.config.drift;
        let key = ReportKey::new(report);
        let is_known = self.judged.as_ref().is_some_and(|judged| judged.of == key);
        if !is_known {
            self.figure = None;
        }
        if !is_known || self.judged.as_ref().is_none_or(|judged| judged.settings != *settings) {
            self.judged = Some(Judged::new(report, settings));
        }
        let Some(judged) = &self.judged else { return };
        summary_ui(ui, report, judged);
        let picked = self.picked.as_ref().and_then(|name| judged.names.iter().position(|other| other == name));
        let picked = picked.unwrap_or(0);
        if let Some(column) = judged.order.get(picked).and_then(|idx| report.columns.get(*idx)) {
            let drawn = self.figure.take().filter(|(name, _)| *name == column.name);
            let (_, figure) = self.figure.insert(drawn.unwrap_or_else(|| {
                let figure: Arc<dyn Figure> = Arc::new(BinsFigure::new(column));
                (column.name.clone(), figure)
            }));
            column_ui(ui, project, column, figure, outbox);
        }
        if let Some(row) = table_ui(ui, report, judged, picked) {
            self.picked = judged.names.get(row).cloned();
        }
        findings_ui(ui, report);
    }
}

fn running_ui(ui: &mut Ui, job: &RunningJob, outbox: &mut Outbox) {
    let elapsed = clock(job.elapsed.as_secs());
    Card::new(&job.name).remark(&elapsed).show(ui, |ui| {
        let stage = job.context.stage();
        ui.label(text::body(stage.as_str()));
        ui.add_space(space::XS);
        progress_bar(ui, &stage, job.context.fraction(), ui.available_width());
        ui.add_space(space::S);
        if secondary_button(ui, "Cancel the comparison").clicked() {
            outbox.send(Command::Cancel(job.id));
        }
    });
}

fn nothing_ui(ui: &mut Ui, project: &Project, outbox: &mut Outbox) {
    let data = &project.documents.config.data;
    let browse = |ui: &mut Ui, role: DataRole, label: &str, outbox: &mut Outbox| {
        if secondary_button(ui, label).clicked() {
            outbox.ask(UiCommand::Choose(Choosing::Data(role)));
        }
    };
    let reference =
        |ui: &mut Ui, outbox: &mut Outbox| browse(ui, DataRole::Reference, "Browse for the reference…", outbox);
    let current = |ui: &mut Ui, outbox: &mut Outbox| browse(ui, DataRole::Current, "Browse for current data…", outbox);
    match (&data.reference, &data.current) {
        (None, None) => empty_state(
            ui,
            Icon::Drop,
            "No data to compare yet",
            "Drop two CSV or Parquet files on the window: first what the model was trained on, then what it sees now.",
            |ui| {
                reference(ui, outbox);
                current(ui, outbox);
            },
        ),
        (None, Some(_)) => empty_state(
            ui,
            Icon::Drop,
            "No reference data is declared",
            "Drop the CSV or Parquet file that the model was trained on.",
            |ui| reference(ui, outbox),
        ),
        (Some(_), None) => empty_state(
            ui,
            Icon::Drop,
            "No current data is declared",
            "Drop a CSV or Parquet file of what the model sees now.",
            |ui| current(ui, outbox),
        ),
        (Some(_), Some(_)) => empty_state(
            ui,
            Icon::Search,
            "Not compared yet",
            "Each column of the current data is compared with the reference: its distribution, its missing values, and \
             values that were never seen before.",
            |ui| {
                if secondary_button(ui, "Compare now").clicked() {
                    outbox.send(Command::CompareData);
                }
            },
        ),
    }
}

fn summary_ui(ui: &mut Ui, report: &DriftReport, judged: &Judged) {
    let Judged { judgement, reasons, counted, settings, .. } = judged;
    let label = format!("Features drifted, limit {}", judge::share_text(judge::share_limit(settings)));
    let of = format!("of {}, {}", counted.n, judge::share_text(counted.share));
    let (verdict, word) = match judgement.verdict {
        reports::Verdict::Pass => (Verdict::Pass, "passes"),
        _ => (Verdict::Fail, "fails"),
    };
    Card::bare().show(ui, |ui| {
        columns(ui, &[1.2, 1.0, 1.1, 1.1], |ui, index| match index {
            0 => drop(Stat::new(&label, &counted.n_drifted.to_string()).unit(&of).verdict(verdict, word).show(ui)),
            1 => drop(Stat::new("Checks failed", &counted.n_failed_checks.to_string()).show(ui)),
            2 => drop(Stat::new("Reference", &grouped(report.reference.n_rows)).unit("rows").show(ui)),
            _ => drop(Stat::new("Current", &grouped(report.current.n_rows)).unit("rows").show(ui)),
        });
        ui.add_space(space::S);
        ui.spacing_mut().item_spacing.y = 2.0;
        for reason in reasons {
            row(ui, 20.0, |ui| verdict_line(ui, Verdict::Fail, &capitalised(reason)).on_hover_text(reason));
        }
        if reasons.is_empty() {
            ui.label(text::body(capitalised(&judgement.reason)));
        }
    });
}

/// Digits in groups of three.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if 0 < idx && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn verdict_of(state: DriftState) -> Verdict {
    match state {
        DriftState::Noise => Verdict::Pass,
        DriftState::Small => Verdict::Warn,
        DriftState::Material | DriftState::Unknown => Verdict::Fail,
    }
}

/// What a column is, in a remark.
fn remark_of(column: &ColumnDrift) -> String {
    let mut parts = vec![column.kind.name().to_owned()];
    if column.role != ColumnRole::Feature {
        parts.push(column.role.name().to_owned());
    }
    if let Some(psi) = column.psi {
        parts.push(format!("PSI {psi:.3}, noise {:.3}", column.psi_noise));
    }
    if let Some(test) = &column.test {
        // A distance of distributions is below 1; a sum of squares is not.
        let statistic =
            if test.statistic < 1.0 { format!("{:.3}", test.statistic) } else { judge::value_text(test.statistic) };
        parts.push(format!("{} {statistic}, p {}", test.name, p_text(test.p)));
    }
    parts.join(" · ")
}

/// A probability, which is small rather than zero.
fn p_text(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

fn column_ui(ui: &mut Ui, project: &Project, column: &ColumnDrift, figure: &Arc<dyn Figure>, outbox: &mut Outbox) {
    let settings = &project.documents.config.drift;
    Card::new(&column.name).remark(&remark_of(column)).show(ui, |ui| {
        figure_ui(ui, figure, figure_height(&column.bins), outbox);
        for check in judge::quality_checks(column, settings) {
            row(ui, 22.0, |ui| {
                ui.spacing_mut().item_spacing.x = space::M;
                chip(ui, if check.pass { Verdict::Pass } else { Verdict::Fail }, &check.name);
                cell(ui, text::weak(check.detail));
            });
        }
        ui.add_space(space::S);
        let mut decided = settings.column(&column.name);
        let mut changed = false;
        row(ui, 32.0, |ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            let kinds = [None, Some(ColumnKind::Numeric), Some(ColumnKind::Categorical)];
            let mut kind = kinds.iter().position(|kind| *kind == decided.kind).unwrap_or(0);
            if segmented(ui, "Type", &mut kind, &["Type as guessed", "Numeric", "Categorical"]) {
                decided.kind = kinds[kind];
                changed = true;
            }
            changed |= check(ui, &mut decided.critical, "Critical")
                .on_hover_text("The drift of this column alone fails the verdict")
                .changed();
            changed |=
                check(ui, &mut decided.ignored, "Ignore").on_hover_text("Compared, and counted nowhere").changed();
        });
        if changed {
            let retyped = decided.kind != settings.column(&column.name).kind;
            let mut config = project.documents.config.as_ref().clone();
            config.drift.decide(decided);
            outbox.send(Command::SetConfig(config));
            if retyped {
                outbox.send(Command::CompareData);
            }
        }
    });
}

fn table_ui(ui: &mut Ui, report: &DriftReport, judged: &Judged, picked: usize) -> Option<usize> {
    let head = [
        Column::text("").exact(124.0),
        Column::text("column").share(1.0),
        Column::text("type").exact(84.0),
        Column::number("PSI").exact(54.0),
        Column::number("noise").exact(54.0),
        Column::number("p").exact(68.0),
        Column::text("checks that fail").share(1.2),
    ];
    let settings = &judged.settings;
    let remark = format!("drifted from PSI {} on; pick one to see it", judge::value_text(judge::psi_limit(settings)));
    let title = format!("{} columns", judged.order.len());
    let table = Table::new("columns", &head).pick(Some(picked)).named(&judged.names);
    let shown = Card::new(&title).remark(&remark).show(ui, |ui| {
        table.show(ui, judged.order.len(), |ui, row, part| {
            let column = &report.columns[judged.order[row]];
            match part {
                0 if settings.is_ignored(&column.name) => drop(chip(ui, Verdict::None, "ignored")),
                0 => {
                    let state = judge::drift_state(column, settings);
                    chip(ui, verdict_of(state), state.words());
                }
                1 => {
                    let mut words = column.name.clone();
                    if column.role != ColumnRole::Feature {
                        words.push_str(&format!(" ({})", column.role.name()));
                    }
                    if settings.is_critical(&column.name) {
                        words.push_str(" (critical)");
                    }
                    cell(ui, text::medium(words));
                }
                2 => drop(cell(ui, text::weak(column.kind.name()))),
                3 => {
                    let psi = column.psi.map_or_else(|| "–".to_owned(), |psi| format!("{psi:.3}"));
                    cell_number(ui, &psi);
                }
                4 => drop(cell(ui, text::figures(format!("{:.3}", column.psi_noise)).weak())),
                5 => {
                    let p = column.test.as_ref().map_or_else(|| "–".to_owned(), |test| p_text(test.p));
                    cell(ui, text::figures(p).weak());
                }
                _ => {
                    let failed = &judged.failed[row];
                    if failed.is_empty() {
                        cell(ui, text::weak("none"));
                    } else {
                        cell(ui, text::body(failed.as_str()));
                    }
                }
            }
        })
    });
    shown.inner
}

fn findings_ui(ui: &mut Ui, report: &DriftReport) {
    let mut lines: Vec<(String, String)> = Vec::new();
    for (names, what) in
        [(&report.only_in_reference, "Only in the reference"), (&report.only_in_current, "Only in the current data")]
    {
        if !names.is_empty() {
            let told = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = names.len().saturating_sub(SHOWN);
            let told = if more == 0 { told } else { format!("{told} and {more} more") };
            lines.push((format!("{what}: {told}"), String::new()));
        }
    }
    lines.extend(report.findings.iter().take(SHOWN).map(|finding| (finding.what.clone(), finding.fix.clone())));
    let more = report.findings.len().saturating_sub(SHOWN);
    if 0 < more {
        lines.push((format!("{more} more findings are in the report"), String::new()));
    }
    if lines.is_empty() {
        return;
    }
    Card::new("What else was found").show(ui, |ui| {
        for (what, fix) in lines {
            ui.label(text::body(what));
            if !fix.is_empty() {
                ui.label(text::small(fix));
            }
            ui.add_space(space::XS);
        }
    });
}
