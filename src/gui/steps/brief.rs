//! The brief's page: the answers, and under each what was understood.

use egui::Ui;

use crate::brief::{completeness, hint, question};
use crate::command::{BriefField, Command};
use crate::gui::learn;
use crate::gui::text;
use crate::gui::theme::Verdict;
use crate::gui::ui_command::{Choosing, Outbox, UiCommand};
use crate::gui::widgets::{
    Card, Column, Field, Table, cell, chip, columns, notice, page_header, primary_button, problem_panel,
    secondary_button,
};
use crate::project::brief::{Brief, SuccessMetric};
use crate::project::{DocumentKind, DocumentState};
use crate::step::Step;
use crate::workbench::Workbench;

/// The brief's page.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::gui) struct BriefView;

impl BriefView {
    pub(in crate::gui) fn ui(self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
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
        Card::new("Limits").remark("what later steps are judged by").show(ui, |ui| limits_ui(ui, brief, outbox));
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

/// The measurable answers as a table: the words, and what they were understood as.
fn limits_ui(ui: &mut Ui, brief: &Brief, outbox: &mut Outbox) {
    let fields = [BriefField::Latency, BriefField::Retraining, BriefField::Success];
    // The concept behind each.
    let names = ["latency budget", "data drift", "precision and recall"];
    let columns = [
        Column::text("question").exact(160.0),
        Column::text("answer").share(1.1),
        Column::text("understood as").share(1.0),
        Column::text("").exact(120.0).right(),
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
                    for line in lines(field, brief) {
                        ui.label(text::body(line));
                    }
                    if let Some(said) = &said {
                        ui.label(text::small(said));
                    }
                });
            }
            _ => {
                let words = field.words(brief).trim();
                let (verdict, word) = match (&understood, &said) {
                    _ if words.is_empty() => (Verdict::None, "not answered"),
                    (None, _) => (Verdict::Warn, "vague"),
                    (Some(_), Some(_)) => (Verdict::Warn, "check this"),
                    (Some(_), None) => (Verdict::Pass, "understood"),
                };
                chip(ui, verdict, word);
            }
        }
    });
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
