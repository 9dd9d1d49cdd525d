//! The brief's page: the answers, and under each what was understood.

use std::sync::Arc;

use egui::Ui;

use crate::brief::{completeness, hint, question};
use crate::command::{BriefField, Command};
use crate::gui::learn;
use crate::gui::text;
use crate::gui::theme::Verdict;
use crate::gui::ui_command::{Choosing, Outbox, UiCommand};
use crate::gui::widgets::{
    Card, Column, Field, Table, cell, chip, columns, judgement_chip, notice, page_header, primary_button,
    problem_panel, secondary_button,
};
use crate::judge::{Limit, LimitKind};
use crate::project::brief::{Brief, SuccessMetric};
use crate::project::reports::Judgement;
use crate::project::{DocumentKind, DocumentState};
use crate::step::Step;
use crate::workbench::{Measured, Workbench};

/// The brief's page.
#[derive(Debug, Default)]
pub(in crate::gui) struct BriefView {
    judged: Option<Judged>,
}

/// The limits as they were judged, kept as long as nothing they stand on changes.
#[derive(Debug)]
struct Judged {
    brief: Arc<Brief>,
    measured: Option<Measured>,
    limits: Vec<Limit>,
}

impl BriefView {
    /// What the limits come to now.
    fn limits(&mut self, workbench: &Workbench, brief: &Arc<Brief>) -> &[Limit] {
        let measured = workbench.measured();
        let is_fresh = |judged: &Judged| Arc::ptr_eq(&judged.brief, brief) && judged.measured == measured;
        let fresh = self.judged.take().filter(is_fresh);
        let made = || Judged { brief: Arc::clone(brief), measured: measured.clone(), limits: workbench.limits() };
        &self.judged.insert(fresh.unwrap_or_else(made)).limits
    }

    pub(in crate::gui) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let Some(project) = workbench.project() else { return };
        let brief = &project.documents.brief;
        let complete = completeness(brief);
        page_header(ui, Step::Brief.label(), Step::Brief.purpose(), |ui| {
            if primary_button(ui, "Continue to model").clicked() {
                outbox.ask(UiCommand::GoTo(Step::Model));
            }
            if secondary_button(ui, "Export…").clicked() {
                outbox.ask(UiCommand::Choose(Choosing::BriefExport));
            }
            if secondary_button(ui, "Copy").on_hover_text("Copy the brief as Markdown").clicked() {
                outbox.ask(UiCommand::CopyBrief);
            }
        });
        match project.state(DocumentKind::Brief) {
            DocumentState::Protected { problem } => {
                if problem_panel(ui, problem, Some("Reload")) {
                    outbox.send(Command::Reload(DocumentKind::Brief));
                }
                return;
            }
            DocumentState::Absent | DocumentState::Known { .. } => {}
        }
        if complete.n_answered == 0 {
            notice(
                ui,
                Verdict::None,
                "Start with the problem. Answer in your own words; what can be measured is picked out and shown under the field.",
            );
        }
        let remark = format!("{} of {} answered", complete.n_answered, complete.n_questions);
        Card::new("Purpose").remark(&remark).show(ui, |ui| {
            pair_ui(ui, brief, [BriefField::Problem, BriefField::EndUser], outbox);
            pair_ui(ui, brief, [BriefField::Data, BriefField::MinimumViableModel], outbox);
        });
        Card::new("Input and output").show(ui, |ui| {
            pair_ui(ui, brief, [BriefField::Input, BriefField::Output], outbox);
        });
        Card::new("Limits").remark(&remark_on(workbench)).show(ui, |ui| {
            limits_ui(ui, brief, self.limits(workbench, brief), outbox);
        });
        Card::new("Scope").remark("one item a line").show(ui, |ui| {
            columns(ui, &[1.0, 1.0], |ui, index| {
                let field = [BriefField::InScope, BriefField::OutOfScope][index];
                let mut words = field.words(brief).to_owned();
                let asked = question(field);
                let response = Field::new(asked.label, &mut words).placeholder(asked.example).rows(2).show(ui);
                answered(field, words, &response, outbox);
            });
        });
    }
}

/// Two questions side by side.
fn pair_ui(ui: &mut Ui, brief: &Brief, fields: [BriefField; 2], outbox: &mut Outbox) {
    columns(ui, &[1.0, 1.0], |ui, index| {
        let field = fields[index];
        let asked = question(field);
        let mut words = field.words(brief).to_owned();
        let understood = field.understood(brief);
        let said = hint(field, brief);
        let edit =
            Field::new(asked.label, &mut words).placeholder(asked.example).wraps().understood(understood.as_deref());
        let edit = match &said {
            Some(said) => edit.hint(said),
            None => edit,
        };
        let response = edit.show(ui).on_hover_text(asked.help);
        answered(field, words, &response, outbox);
    });
}

/// What the measurements in the table are of.
fn remark_on(workbench: &Workbench) -> String {
    let version = workbench.version().map(|version| version.record.version.to_string());
    version.map_or_else(
        || "what later steps are judged by".to_owned(),
        |version| format!("brief says · measured of {version}"),
    )
}

/// The measurable answers as a table: the words, what they were understood as, and what was measured.
fn limits_ui(ui: &mut Ui, brief: &Brief, limits: &[Limit], outbox: &mut Outbox) {
    let fields = [BriefField::Latency, BriefField::Retraining, BriefField::Success];
    // The concept behind each.
    let names = ["latency budget", "data drift", "precision and recall"];
    let columns = [
        Column::text("question").exact(148.0),
        Column::text("answer").share(1.1),
        Column::text("understood as").share(1.0),
        Column::text("measured").share(0.9),
        Column::text("").exact(112.0).right(),
    ];
    Table::new("limits", &columns).show(ui, fields.len(), |ui, row, column| {
        let field = fields[row];
        let asked = question(field);
        let understood = field.understood(brief);
        let said = hint(field, brief);
        match column {
            0 => {
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    cell(ui, text::medium(asked.label)).on_hover_text(asked.help);
                    learn::link(ui, names[row], outbox);
                });
            }
            1 => {
                let mut words = field.words(brief).to_owned();
                let edit = Field::new(asked.label, &mut words).unlabelled().placeholder(asked.example).wraps();
                let response = edit.show(ui);
                answered(field, words, &response, outbox);
            }
            2 => {
                ui.vertical(|ui| {
                    let lines = lines(field, brief);
                    // Several stand each beside its measurement.
                    let is_one = lines.len() == 1;
                    for line in lines {
                        let label = egui::Label::new(text::body(line));
                        ui.add(if is_one { label.wrap() } else { label.truncate() });
                    }
                    if let Some(said) = &said {
                        ui.label(text::small(said));
                    }
                });
            }
            3 => {
                ui.vertical(|ui| {
                    for judgement in of_field(limits, field) {
                        let is_measured = !judgement.measured.is_empty();
                        let words = if is_measured { judgement.measured.as_str() } else { "–" };
                        let shown = ui.add(egui::Label::new(text::body(words)).truncate());
                        if !judgement.reason.is_empty() {
                            shown.on_hover_text(judgement.reason.as_str());
                        }
                    }
                });
            }
            _ => {
                let words = field.words(brief).trim();
                match (&understood, &said) {
                    _ if words.is_empty() => drop(chip(ui, Verdict::None, "not answered")),
                    (None, _) => drop(chip(ui, Verdict::Warn, "vague")),
                    (Some(_), Some(_)) => drop(chip(ui, Verdict::Warn, "check this")),
                    (Some(_), None) => {
                        for judgement in of_field(limits, field) {
                            judgement_chip(ui, judgement);
                        }
                    }
                }
            }
        }
    });
}

/// The judgements of a question's limits, in the order of its lines.
fn of_field(limits: &[Limit], field: BriefField) -> impl Iterator<Item = &Judgement> {
    let of = move |limit: &&Limit| match limit.kind {
        LimitKind::Latency => field == BriefField::Latency,
        LimitKind::Retraining => field == BriefField::Retraining,
        LimitKind::Success(_) => field == BriefField::Success,
    };
    limits.iter().filter(of).map(|limit| &limit.judgement)
}

/// What was understood, one value a line.
fn lines(field: BriefField, brief: &Brief) -> Vec<String> {
    match (field, &brief.success.value) {
        (BriefField::Success, Some(metrics)) => metrics.iter().map(SuccessMetric::describe).collect(),
        _ => field.understood(brief).into_iter().collect(),
    }
}

/// Sends what was typed; leaving the field ends the edit for undo.
fn answered(field: BriefField, words: String, response: &egui::Response, outbox: &mut Outbox) {
    if response.changed() {
        outbox.send(Command::AnswerBrief(field, words));
    }
    if response.lost_focus() {
        outbox.send(Command::SettleEdit);
    }
}
