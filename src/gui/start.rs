//! The page without a project: the one thing to do first, what the journey is, recent projects.

use egui::Ui;

use super::actions::fixed_of;
use super::shell::short_path;
use super::text;
use super::theme::{Look as _, space};
use super::ui_command::{Choosing, Outbox, Request, UiCommand};
use super::widgets::{
    Button, Card, Column, Field, Icon, Table, Tone, cell, cell_wrapped, icon_ui, page_header, quiet_button,
    secondary_button,
};
use crate::command::Command;
use crate::step::Step;
use crate::workbench::Workbench;

/// The start page.
#[derive(Debug, Default)]
pub(super) struct StartView {
    path: String,
}

impl StartView {
    pub(super) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let t = ui.tokens();
        ui.vertical_centered(|ui| {
            ui.set_max_width(760.0);
            ui.add_space(space::XXL);
            ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
                icon_ui(ui, Icon::Trestle, 36.0, t.accent, "");
                ui.add_space(space::XS);
                page_header(
                    ui,
                    "Carry a model from the notebook to production",
                    "Write down what it is for, bring the ONNX file, and get a container that was asked and answered.",
                    |_| (),
                );
                Self::begin_ui(ui, workbench, outbox);
                Self::recent_ui(ui, workbench, outbox);
                journey_ui(ui);
                Card::new("By its path").remark("for a display without file dialogs").show(ui, |ui| {
                    Field::new("Project folder", &mut self.path).mono().placeholder("projects/churn").show(ui);
                    ui.add_space(space::XS);
                    if secondary_button(ui, "Open this folder").clicked() && !self.path.trim().is_empty() {
                        outbox.send(Command::OpenProject(self.path.trim().into()));
                    }
                });
            });
        });
    }

    fn begin_ui(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        Card::new("New here").show(ui, |ui| {
            ui.label(text::body(
                "Begin with the example: a model that tells which subscribers leave, in two versions, with its data and \
                 its code. Every step works on it at once; follow the button at the foot of each page.",
            ));
            ui.add_space(space::S);
            let own = workbench.example_folder().map(|_| Request::from(Command::OpenExample));
            let choices = [Choosing::Example, Choosing::NewProject, Choosing::Project];
            let requests = own.into_iter().chain(choices.map(|choosing| UiCommand::Choose(choosing).into()));
            ui.horizontal(|ui| {
                for (idx, request) in requests.enumerate() {
                    let Some(action) = fixed_of(request.clone()) else { continue };
                    let tone = if idx == 0 { Tone::Primary } else { Tone::Secondary };
                    if ui.add(Button::new(tone, action.label)).on_hover_text(action.hint()).clicked() {
                        outbox.request(request);
                    }
                }
            });
        });
    }

    fn recent_ui(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let recent = &workbench.settings().recent;
        if recent.is_empty() {
            return;
        }
        Card::new("Recent").show(ui, |ui| {
            for recent in recent {
                ui.horizontal(|ui| {
                    if quiet_button(ui, &recent.name).on_hover_text(recent.root.display().to_string()).clicked() {
                        outbox.send(Command::OpenProject(recent.root.clone()));
                    }
                    ui.label(text::small(short_path(&recent.root)));
                });
            }
        });
    }
}

/// What lies ahead.
fn journey_ui(ui: &mut Ui) {
    let columns = [Column::text("").exact(24.0), Column::text("").exact(104.0), Column::text("")];
    Card::new("The journey").remark("in this order, or in yours").show(ui, |ui| {
        Table::new("The steps of the journey", &columns).show(ui, Step::ALL.len(), |ui, row, column| {
            let step = Step::ALL[row];
            match column {
                0 => drop(cell(ui, text::figures(step.number().to_string()).weak())),
                1 => drop(cell(ui, text::medium(step.label()))),
                _ => drop(cell_wrapped(ui, text::weak(step.purpose()))),
            }
        });
    });
}
