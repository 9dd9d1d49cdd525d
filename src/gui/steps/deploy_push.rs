//! The container's page: pushing the image to a registry.

use egui::Ui;

use super::model::text_of_size;
use crate::command::Command;
use crate::gui::shell::clock;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::Outbox;
use crate::gui::widgets::{
    Card, Column, DISMISS, Field, KeyValues, Table, cell, cell_number, chip, problem_panel, progress_bar, row,
    secondary_button,
};
use crate::problem::Problem;
use crate::project::deployment::{Pushed, PushedLayer};
use crate::step::Step;
use crate::workbench::{RunningJob, Workbench};

/// Layers that are listed before the list scrolls.
const LAYERS_HEIGHT: f32 = 220.0;

/// How far below the top of its row a layer's bar stands.
const BAR_DROP: f32 = 6.0;

/// What there is to see of a push.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::gui) struct PushShown<'a> {
    /// The image's reference here; `None` without a verified one.
    pub(in crate::gui) image: Option<&'a str>,
    /// Whether an engine answers.
    pub(in crate::gui) engine: bool,
    /// The push that goes on.
    pub(in crate::gui) job: Option<&'a RunningJob>,
    /// Its layers.
    pub(in crate::gui) layers: &'a [PushedLayer],
    /// The last push.
    pub(in crate::gui) pushed: Option<&'a Pushed>,
    /// Why the last one did not succeed.
    pub(in crate::gui) problem: Option<&'a Problem>,
}

/// The card that pushes.
#[derive(Debug, Default)]
pub(in crate::gui) struct PushView {
    pub(in crate::gui) reference: String,
    /// The project and version that the reference was proposed for.
    proposed: Option<(String, String)>,
}

impl PushView {
    pub(super) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let (Some(project), Some(version)) = (workbench.project(), workbench.version()) else { return };
        let of = (project.root().display().to_string(), version.record.version.to_string());
        if self.proposed.as_ref() != Some(&of) {
            self.reference = workbench.push_reference();
            self.proposed = Some(of);
        }
        let jobs = workbench.jobs();
        let state = workbench.pushed();
        let layers = workbench.push_layers();
        let shown = PushShown {
            image: workbench.verified_image().and_then(|report| report.tags.first()).map(String::as_str),
            engine: workbench.engine().last.is_some() && workbench.engine().problem().is_none(),
            job: state.running().and_then(|id| jobs.iter().find(|job| job.id == id)),
            layers: &layers,
            pushed: state.last.as_ref(),
            problem: state.problem(),
        };
        self.card_ui(ui, shown, outbox);
    }

    /// The card, whatever it shows.
    pub(in crate::gui) fn card_ui(&mut self, ui: &mut Ui, shown: PushShown<'_>, outbox: &mut Outbox) {
        let remark = shown.image.unwrap_or("nothing verified to push yet");
        Card::new("Push to a registry").remark(remark).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = space::S;
            let typed = Field::new("Reference in the registry", &mut self.reference)
                .placeholder("registry.example/team/churn:1.0.0")
                .mono()
                .width(520.0)
                .show(ui);
            let ready = shown.image.is_some() && shown.engine && shown.job.is_none();
            let ready = ready && !self.reference.trim().is_empty();
            row(ui, 32.0, |ui| {
                let pressed = ui.add_enabled_ui(ready, |ui| secondary_button(ui, "Push")).inner.clicked();
                let entered = typed.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                if pressed || ready && entered {
                    outbox.send(Command::PushImage { to: self.reference.trim().to_owned() });
                }
                ui.add_space(space::XS);
                let words = match (shown.image, shown.engine) {
                    (None, _) => "Build and verify an image of this version first.",
                    (_, false) => "No container engine answers.",
                    _ => "Signed in with what “docker login” kept, credential helpers included; nothing of it is stored here.",
                };
                ui.label(text::small(words));
            });
            if let Some(problem) = shown.problem
                && problem_panel(ui, problem, Some(DISMISS))
            {
                outbox.send(Command::Dismiss(Step::Container));
            }
            if let Some(job) = shown.job {
                running_ui(ui, job, shown.layers, outbox);
            } else if let Some(pushed) = shown.pushed {
                pushed_ui(ui, pushed);
            }
        });
    }
}

fn running_ui(ui: &mut Ui, job: &RunningJob, layers: &[PushedLayer], outbox: &mut Outbox) {
    let stage = job.context.stage();
    row(ui, 20.0, |ui| {
        ui.label(text::body(stage.as_str()));
        ui.label(text::small(clock(job.elapsed.as_secs())));
    });
    progress_bar(ui, &stage, job.context.fraction(), ui.available_width());
    layers_ui(ui, layers);
    if secondary_button(ui, "Cancel the push").clicked() {
        outbox.send(Command::Cancel(job.id));
    }
}

fn layers_ui(ui: &mut Ui, layers: &[PushedLayer]) {
    if layers.is_empty() {
        return;
    }
    let columns = [
        Column::text("layer").exact(120.0),
        Column::text("").share(1.0),
        Column::number("bytes").exact(150.0),
        Column::text("").exact(180.0).right(),
    ];
    Table::new("layers", &columns).max_height(LAYERS_HEIGHT).show(ui, layers.len(), |ui, row, column| {
        let layer = &layers[row];
        let share = (0 < layer.total_bytes).then(|| layer.done_bytes as f32 / layer.total_bytes as f32);
        match column {
            0 => drop(cell(ui, text::mono(layer.id.as_str()))),
            1 => {
                let width = ui.available_width().min(320.0);
                ui.add_space(BAR_DROP);
                let done = if layer.done() { 1.0 } else { share.unwrap_or(0.0) };
                progress_bar(ui, &layer.id, Some(done), width);
            }
            2 => drop(cell_number(ui, &bytes_of(layer))),
            _ => {
                let verdict = if layer.done() { Verdict::Pass } else { Verdict::None };
                chip(ui, verdict, &layer.state.to_lowercase());
            }
        }
    });
}

fn bytes_of(layer: &PushedLayer) -> String {
    let text = |bytes: u64| {
        let (number, unit) = text_of_size(bytes);
        format!("{number} {unit}")
    };
    match (layer.done(), layer.total_bytes) {
        (_, 0) => String::new(),
        (true, total) => text(total),
        (false, total) => format!("{} of {}", text(layer.done_bytes), text(total)),
    }
}

fn pushed_ui(ui: &mut Ui, pushed: &Pushed) {
    let n_there = pushed.layers.iter().filter(|layer| layer.state.contains("already exists")).count();
    let layers = format!("{}, of which {n_there} were there already", pushed.layers.len());
    let credentials = if pushed.credentials.is_empty() { "none were sent" } else { pushed.credentials.as_str() };
    KeyValues::default().pair_ui(ui, "Last push", |ui| {
        row(ui, 20.0, |ui| {
            chip(ui, Verdict::Pass, "pushed");
            ui.label(text::mono(pushed.reference.as_str()));
        })
    });
    KeyValues::default().show(
        ui,
        &[
            ("Digest", text::mono(pushed.digest.as_str())),
            ("Layers", text::body(layers)),
            ("Credentials", text::body(credentials)),
        ],
    );
}
