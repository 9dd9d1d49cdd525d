//! The evaluation's card on the model's page: metrics beside the brief, the table of answers, the curve.

use std::sync::Arc;

use egui::Ui;
use jiff::Timestamp;
use semver::Version;

use super::evaluation_figures::{RocFigure, ScatterFigure, confusion_ui, mistakes_ui};
use crate::command::Command;
use crate::gui::figure::{Figure, figure_ui};
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::Outbox;
use crate::gui::widgets::{
    Card, Column, DISMISS, Field, Table, cell, columns, judgement_chip, notice, primary_button, problem_panel,
    progress_bar, secondary_button, select,
};
use crate::judge::{self, Baseline, ConfusionTable, MetricLine, RocLine};
use crate::project::brief::Brief;
use crate::project::documents::DataFile;
use crate::project::reports::{EvaluationReport, Outcomes, Verdict as Judged};
use crate::project::{Project, documents::ProjectConfig};
use crate::step::Step;
use crate::workbench::Workbench;

/// Height of the curve and of the scatter, in points.
const FIGURE_HEIGHT: f32 = 250.0;

/// Classes whose table is drawn; of more, the most frequent mistakes are listed.
const MAX_TABLE: usize = 8;

/// The card and what it drew last.
#[derive(Debug, Default)]
pub(super) struct EvaluationCard {
    path: String,
    target: String,
    /// Whether other labelled data is being named.
    declaring: bool,
    class: usize,
    drawn: Option<Drawn>,
}

/// What is shown, computed once as long as nothing it stands on changes.
#[derive(Debug)]
struct Drawn {
    key: Key,
    brief: Arc<Brief>,
    lines: Vec<MetricLine>,
    confusion: Option<ConfusionTable>,
    curves: Vec<RocLine>,
    /// The figure and the position of the curve it shows.
    figure: Option<(usize, Arc<dyn Figure>)>,
}

/// The evaluation that is shown, and the one that its gain is counted from.
type Key = (Version, Timestamp, Option<(Version, Option<Timestamp>)>);

fn key(report: &EvaluationReport, baseline: &Baseline<'_>) -> Key {
    let from = match baseline {
        Baseline::Itself => None,
        Baseline::NotEvaluated(version) => Some((version.clone(), None)),
        Baseline::Evaluated(champion) => Some((champion.version.clone(), Some(champion.time))),
    };
    (report.version.clone(), report.time, from)
}

impl EvaluationCard {
    pub(super) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let Some(project) = workbench.project() else { return };
        let evaluated = workbench.evaluated();
        let remark = evaluated.map(remark).unwrap_or_default();
        Card::new("Evaluation").remark(&remark).show(ui, |ui| {
            let running = running_ui(ui, workbench, outbox);
            if let Some(problem) = workbench.evaluation().problem() {
                if problem_panel(ui, problem, Some(DISMISS)) {
                    outbox.send(Command::Dismiss(Step::Model));
                }
                ui.add_space(space::S);
            }
            let labelled = project.documents.config.data.labelled.as_ref();
            let is_declared = labelled.and_then(|file| file.target.as_ref()).is_some();
            if let Some(report) = evaluated {
                if let Some(why) = workbench.evaluation_staleness() {
                    notice(ui, Verdict::Stale, &format!("This evaluation is stale: {why}."));
                }
                self.report_ui(ui, workbench, project, report, outbox);
                ui.add_space(space::S);
            }
            if !is_declared || self.declaring {
                self.declare_ui(ui, project, labelled, is_declared, outbox);
            } else if !running {
                // While it runs, the buttons stay away.
                self.offers_ui(ui, labelled, evaluated.is_some(), outbox);
            }
        });
    }

    /// To evaluate, once more or for the first time, and to name other data.
    fn offers_ui(&mut self, ui: &mut Ui, labelled: Option<&DataFile>, is_evaluated: bool, outbox: &mut Outbox) {
        if !is_evaluated {
            let file = labelled.map(|file| file.path.as_str()).unwrap_or_default();
            ui.label(text::weak(format!(
                "This version was not asked the labelled rows of {file} yet. Their true answers tell how good it is, \
                 beside the success metrics of the brief."
            )));
            ui.add_space(space::S);
        }
        ui.horizontal(|ui| {
            let pressed = if is_evaluated {
                secondary_button(ui, "Evaluate again").clicked()
            } else {
                primary_button(ui, "Evaluate").clicked()
            };
            if pressed {
                outbox.send(Command::Evaluate);
            }
            if secondary_button(ui, "Other labelled data…").clicked() {
                self.path = labelled.map(|file| file.path.clone()).unwrap_or_default();
                self.target = labelled.and_then(|file| file.target.clone()).unwrap_or_default();
                self.declaring = true;
            }
        });
    }

    fn report_ui(
        &mut self,
        ui: &mut Ui,
        workbench: &Workbench,
        project: &Project,
        report: &EvaluationReport,
        outbox: &mut Outbox,
    ) {
        let (brief, baseline) = (&project.documents.brief, workbench.baseline());
        let now = key(report, &baseline);
        let is_fresh = self.drawn.as_ref().is_some_and(|drawn| drawn.key == now && Arc::ptr_eq(&drawn.brief, brief));
        if !is_fresh {
            self.drawn = Some(Drawn {
                lines: judge::metrics(report, &baseline, brief),
                confusion: judge::confusion_table(report, brief),
                curves: judge::roc_lines(report, brief),
                figure: None,
                key: now,
                brief: Arc::clone(brief),
            });
        }
        let Some(drawn) = &mut self.drawn else { return };
        metrics_ui(ui, &drawn.lines);
        self.class = self.class.min(drawn.curves.len().saturating_sub(1));
        if drawn.figure.as_ref().is_none_or(|(class, _)| *class != self.class) {
            let stem = format!("{}-{}", project.slug(), report.version);
            drawn.figure = figure(stem, report, drawn.curves.get(self.class)).map(|figure| (self.class, figure));
        }
        ui.add_space(space::M);
        let Some(confusion) = &drawn.confusion else {
            if let Some((_, figure)) = &drawn.figure {
                ui.label(text::medium("Answers beside the true values"));
                figure_ui(ui, figure, FIGURE_HEIGHT, outbox);
            }
            return;
        };
        let table = |ui: &mut Ui| {
            if confusion.names.len() <= MAX_TABLE { confusion_ui(ui, confusion) } else { mistakes_ui(ui, confusion) }
        };
        let Some((_, figure)) = &drawn.figure else {
            table(ui);
            return;
        };
        let (curves, class) = (&drawn.curves, &mut self.class);
        columns(ui, &[1.0, 1.0], |ui, index| {
            if index == 0 {
                table(ui);
                return;
            }
            if 1 < curves.len() {
                let classes: Vec<&str> = curves.iter().map(|curve| curve.class.as_str()).collect();
                select(ui, "ROC curve of class", class, &classes);
            }
            figure_ui(ui, figure, FIGURE_HEIGHT, outbox);
        });
    }

    /// Asks for the labelled file and its target.
    fn declare_ui(
        &mut self,
        ui: &mut Ui,
        project: &Project,
        known: Option<&DataFile>,
        is_declared: bool,
        outbox: &mut Outbox,
    ) {
        if let Some(file) = known.filter(|_| self.path.is_empty() && !self.declaring) {
            self.path.clone_from(&file.path);
        }
        ui.label(text::weak(
            "Name a file of rows with their true answers that the model was not trained on. The success metrics of the \
             brief are computed on them.",
        ));
        ui.add_space(space::S);
        columns(ui, &[1.6, 1.0], |ui, index| {
            let field = if index == 0 {
                Field::new("Path of the labelled data", &mut self.path).placeholder("data/labelled.csv")
            } else {
                Field::new("Column of the true answer", &mut self.target).placeholder("churned")
            };
            field.mono().show(ui);
        });
        ui.add_space(space::S);
        let (path, target) = (self.path.trim(), self.target.trim());
        let ready = !path.is_empty() && !target.is_empty();
        let (mut used, mut left) = (false, false);
        ui.horizontal(|ui| {
            used = ui.add_enabled_ui(ready, |ui| secondary_button(ui, "Use this data")).inner.clicked();
            left = is_declared && secondary_button(ui, "Keep the data as it is").clicked();
        });
        if used {
            outbox.send(Command::SetConfig(declared(project, path, target)));
            outbox.send(Command::SettleEdit);
        }
        self.declaring &= !used && !left;
    }
}

/// The project's settings with the labelled data declared; a path inside the project becomes relative to it.
fn declared(project: &Project, path: &str, target: &str) -> ProjectConfig {
    let mut config = project.documents.config.as_ref().clone();
    let inside = std::path::Path::new(path).strip_prefix(project.root()).ok().and_then(std::path::Path::to_str);
    let file = DataFile {
        path: inside.unwrap_or(path).to_owned(),
        target: Some(target.to_owned()),
        ..config.data.labelled.unwrap_or_default()
    };
    config.data.labelled = Some(file);
    config
}

fn remark(report: &EvaluationReport) -> String {
    let local = report.time.to_zoned(jiff::tz::TimeZone::system());
    let left_out = match report.n_unlabelled {
        0 => String::new(),
        n => format!(", {} without a label left out", judge::thousands(n)),
    };
    let n = judge::thousands(report.n());
    format!("{n} rows of {}{left_out} · {}", report.data, local.strftime("%Y-%m-%d %H:%M"))
}

/// The running evaluation, if one runs.
fn running_ui(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) -> bool {
    let Some(id) = workbench.evaluation().running() else { return false };
    let jobs = workbench.jobs();
    if let Some(job) = jobs.iter().find(|job| job.id == id) {
        let stage = job.context.stage();
        let words = if stage.is_empty() { "Starting" } else { stage.as_str() };
        ui.label(text::body(words));
        ui.add_space(space::XS);
        progress_bar(ui, words, job.context.fraction(), ui.available_width());
        ui.add_space(space::S);
        if secondary_button(ui, "Cancel the evaluation").clicked() {
            outbox.send(Command::Cancel(id));
        }
        ui.add_space(space::S);
    }
    true
}

fn metrics_ui(ui: &mut Ui, lines: &[MetricLine]) {
    let heads = [
        Column::text("metric").share(0.9),
        Column::text("brief says").share(0.9),
        Column::text("measured (95 % interval)").share(1.6),
        Column::text("").exact(120.0).right(),
    ];
    Table::new("metrics", &heads).show(ui, lines.len(), |ui, row, column| {
        let line = &lines[row];
        let judgement = &line.judgement;
        match column {
            0 => drop(cell(ui, text::medium(line.name()))),
            1 => match &line.asked {
                // The metric stands at the left already.
                Some(_) => {
                    let name = line.name();
                    let limit = judgement.asked.strip_prefix(&name).unwrap_or(&judgement.asked).trim();
                    cell(ui, text::body(limit)).on_hover_text(judgement.asked.as_str());
                }
                None => drop(cell(ui, text::weak("–"))),
            },
            2 => {
                let is_defined = !judgement.measured.is_empty();
                let words = if is_defined { judgement.measured.as_str() } else { "not defined" };
                let words = if is_defined { text::figures(words) } else { text::weak(words) };
                cell(ui, words);
                // What passes without a doubt needs no words.
                let tells = !is_defined
                    || matches!(judgement.verdict, Judged::Fail | Judged::Undecided)
                    || judgement.reason.contains(';');
                if tells && !judgement.reason.is_empty() {
                    ui.add(egui::Label::new(text::small(judgement.reason.as_str())).wrap());
                }
            }
            _ if line.asked.is_some() => drop(judgement_chip(ui, judgement)),
            _ => {}
        }
    });
}

fn figure(stem: String, report: &EvaluationReport, curve: Option<&RocLine>) -> Option<Arc<dyn Figure>> {
    match &report.outcomes {
        Outcomes::Classes(_) => {
            curve.map(|curve| Arc::new(RocFigure { stem, curve: curve.clone() }) as Arc<dyn Figure>)
        }
        Outcomes::Numbers(numbers) if numbers.pairs.is_empty() => None,
        Outcomes::Numbers(numbers) => {
            let (pairs, n) = (numbers.pairs.clone(), numbers.n);
            Some(Arc::new(ScatterFigure { stem, target: report.target.clone(), pairs, n }))
        }
    }
}
