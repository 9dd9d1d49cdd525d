//! The page without a project: recent ones, the example, and the one thing to do first.

use egui::Ui;

use super::actions::fixed_of;
use super::shell::short_path;
use super::text;
use super::theme::{Look as _, space};
use super::ui_command::{Choosing, Outbox, UiCommand};
use super::widgets::{Button, Card, Field, Icon, Tone, icon_ui, page_header, quiet_button, secondary_button};
use crate::command::Command;
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
            ui.set_max_width(720.0);
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
                Card::new("Start").show(ui, |ui| {
                    ui.label(text::body(
                        "The example is a finished project: churn of a subscription service, with two model versions. \
                         Walk through its steps to see what each one is for.",
                    ));
                    ui.add_space(space::S);
                    ui.horizontal(|ui| {
                        for (choosing, tone) in [
                            (Choosing::Example, Tone::Primary),
                            (Choosing::NewProject, Tone::Secondary),
                            (Choosing::Project, Tone::Secondary),
                        ] {
                            let Some(action) = fixed_of(UiCommand::Choose(choosing)) else { continue };
                            if ui.add(Button::new(tone, action.label)).on_hover_text(action.hint()).clicked() {
                                outbox.ask(UiCommand::Choose(choosing));
                            }
                        }
                    });
                });
                Self::recent_ui(ui, workbench, outbox);
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
