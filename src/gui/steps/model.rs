//! The model's page: the file that was dropped, the version at hand, and a row to try.

use egui::Ui;

use super::cost::CostCard;
use super::doctor::{doctor_ui, foreign_ui};
use super::evaluation::EvaluationCard;
use super::golden::golden_ui;
use super::model_cards::{contract_ui, features_ui, operators_ui, versions_ui};
use super::try_form::TryForm;
use crate::command::Command;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::{Choosing, Outbox, UiCommand};
use crate::gui::widgets::{
    Card, DISMISS, Field, Icon, KeyValues, Stat, columns, empty_state, notice, page_header, primary_button,
    problem_panel, secondary_button,
};
use crate::judge;
use crate::project::ModelVersion;
use crate::project::reports::ProfileReport;
use crate::step::Step;
use crate::workbench::Workbench;

/// The model's page.
#[derive(Debug, Default)]
pub(in crate::gui) struct ModelView {
    form: TryForm,
    evaluation: EvaluationCard,
    cost: CostCard,
    path: String,
}

impl ModelView {
    pub(in crate::gui) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, drops_work: bool, outbox: &mut Outbox) {
        let version = workbench.version();
        page_header(ui, Step::Model.label(), Step::Model.purpose(), |ui| {
            // One primary action a page: a model that could be evaluated is evaluated first.
            let add = if workbench.can_evaluate() { secondary_button } else { primary_button };
            if add(ui, "Add model…").clicked() {
                outbox.ask(UiCommand::Choose(Choosing::Model));
            }
            if version.is_some() {
                let checking = workbench.golden().running().is_some();
                let label = if checking { "Asking…" } else { "Check golden rows" };
                if ui.add_enabled_ui(!checking, |ui| secondary_button(ui, label)).inner.clicked() {
                    outbox.send(Command::CheckGolden);
                }
                if secondary_button(ui, "Import predictions…")
                    .on_hover_text("Take the training framework's own predictions as golden rows")
                    .clicked()
                {
                    outbox.ask(UiCommand::Choose(Choosing::Predictions));
                }
            }
        });
        Self::examined_ui(ui, workbench, outbox);
        if let Some(problem) = workbench.golden().problem()
            && problem_panel(ui, problem, Some(DISMISS))
        {
            outbox.send(Command::Dismiss(Step::Model));
        }
        let Some(version) = version else {
            self.empty_ui(ui, drops_work, outbox);
            return;
        };
        summary_ui(ui, workbench, version);
        golden_ui(ui, workbench);
        self.evaluation.ui(ui, workbench, outbox);
        self.form.ui(ui, workbench, version, outbox);
        versions_ui(ui, workbench, version, outbox);
        self.cost.ui(ui, workbench, outbox);
        contract_ui(ui, &version.record.model);
        doctor_ui(ui, &version.record.model);
        features_ui(ui, workbench, outbox);
        if workbench.at_hand::<ProfileReport>().is_none() {
            // The costs list the operators too.
            operators_ui(ui, &version.record.model);
        }
        if !drops_work {
            self.path_ui(ui, outbox);
        }
    }

    /// Lists the costs by node, and looks into the costliest.
    #[cfg(feature = "pictures")]
    pub(in crate::gui) fn look_into_nodes(&mut self, workbench: &Workbench) {
        self.cost.look_into_nodes(workbench);
    }

    /// The file that was examined last: on its way, refused, or failed.
    fn examined_ui(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let examined = workbench.examined();
        if examined.running().is_some() {
            notice(
                ui,
                Verdict::Running,
                "The file is read and run in a process of its own; nothing is registered before it answered.",
            );
        }
        if let Some(problem) = examined.problem() {
            if problem_panel(ui, problem, Some(DISMISS)) {
                outbox.send(Command::Dismiss(Step::Model));
            }
            if let Some(last) = examined.last.as_ref().filter(|last| last.accepted.is_none()) {
                match &last.foreign {
                    Some(foreign) => foreign_ui(ui, foreign, outbox),
                    None => doctor_ui(ui, &last.inspection),
                }
            }
        }
    }

    fn empty_ui(&mut self, ui: &mut Ui, drops_work: bool, outbox: &mut Outbox) {
        let what = if drops_work {
            "Drop an ONNX file anywhere on this window. It is inspected, run on example rows in a process of its own, and \
             registered as version 1.0.0."
        } else {
            "Choose an ONNX file, or paste its path below: this display cannot drop files on windows. It is inspected, run \
             on example rows in a process of its own, and registered as version 1.0.0."
        };
        empty_state(ui, Icon::Plus, "No model yet", what, |ui| {
            if secondary_button(ui, "Browse…").clicked() {
                outbox.ask(UiCommand::Choose(Choosing::Model));
            }
        });
        self.path_ui(ui, outbox);
    }

    /// For displays that cannot drop files, and for people who have the path at hand.
    fn path_ui(&mut self, ui: &mut Ui, outbox: &mut Outbox) {
        Card::new("By its path").show(ui, |ui| {
            Field::new("Path of the ONNX file", &mut self.path).mono().placeholder("build/model.onnx").show(ui);
            ui.add_space(space::XS);
            let typed = !self.path.trim().is_empty();
            if ui.add_enabled_ui(typed, |ui| secondary_button(ui, "Add this file")).inner.clicked() {
                outbox.ask(UiCommand::UsePath(self.path.trim().into()));
            }
        });
    }
}

/// Four figures about the version at hand.
fn summary_ui(ui: &mut Ui, workbench: &Workbench, version: &ModelVersion) {
    let record = &version.record;
    let number = record.version.to_string();
    let parameters = judge::thousands(record.model.n_parameters);
    let (size, unit) = text_of_size(record.model.size_bytes);
    let n_golden = version.golden.as_ref().map_or(0, |golden| golden.rows.len());
    let check = workbench.golden().last.as_ref();
    let golden = check.map_or_else(|| n_golden.to_string(), |check| check.comparison.n_agree.to_string());
    let golden_unit = check.map_or_else(|| "rows".to_owned(), |check| format!("of {} agree", check.comparison.n));
    Card::bare().show(ui, |ui| {
        columns(ui, &[1.2, 1.0, 1.0, 1.2], |ui, index| match index {
            0 => {
                let stat = Stat::new("Version", &number).unit(&record.model.producer);
                let registry = workbench.project().map(|project| project.registry().clone()).unwrap_or_default();
                let aliases: Vec<&str> = registry
                    .aliases
                    .iter()
                    .filter(|(_, aliased)| *aliased == record.version)
                    .map(|(alias, _)| alias.as_str())
                    .collect();
                let words = aliases.join(", ");
                if aliases.is_empty() {
                    stat.show(ui)
                } else {
                    stat.verdict(Verdict::Pass, &words).show(ui)
                };
            }
            1 => {
                Stat::new("Trained values", &parameters).show(ui);
            }
            2 => {
                Stat::new("File", &size).unit(unit).show(ui);
            }
            _ => {
                let stat = Stat::new("Golden rows", &golden).unit(&golden_unit);
                match check {
                    Some(check) if check.comparison.n_agree == check.comparison.n => {
                        let error = check.comparison.largest_error;
                        let exact = error <= 0.0;
                        let words =
                            if exact { "no difference".to_owned() } else { format!("largest difference {error:.0e}") };
                        stat.verdict(Verdict::Pass, &words).show(ui);
                    }
                    Some(check) => {
                        let words = check.comparison.first_difference.clone().unwrap_or_default();
                        stat.verdict(Verdict::Fail, "they differ").show(ui).on_hover_text(words);
                    }
                    None => {
                        stat.show(ui);
                    }
                }
            }
        });
        ui.add_space(space::S);
        let registered = record.registered.to_zoned(jiff::tz::TimeZone::system());
        let why = [record.bump_reason.as_str(), record.why.as_str()];
        let why = why.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
        let mut pairs = vec![("Registered", text::body(registered.strftime("%Y-%m-%d %H:%M").to_string()))];
        if !why.is_empty() {
            pairs.push(("Why", text::body(why)));
        }
        if let Some(check) = check {
            pairs.push(("Golden rows", text::body(check.source.clone())));
        }
        KeyValues::default().show(ui, &pairs);
    });
}

/// A size and its unit.
pub(super) fn text_of_size(bytes: u64) -> (String, &'static str) {
    match bytes {
        0..=999 => (bytes.to_string(), "bytes"),
        1_000..=999_999 => (format!("{:.1}", bytes as f64 / 1e3), "kB"),
        _ => (format!("{:.1}", bytes as f64 / 1e6), "MB"),
    }
}
