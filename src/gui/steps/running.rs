//! The run panel: how the image is run, which containers there are, and what one of them says and uses.

use std::sync::Arc;

use egui::{Label, Margin, OpenUrl, Role, ScrollArea, Ui, UiBuilder};
use jiff::Timestamp;

use super::running_figures::{UsageFigure, Used};
use super::running_form::RunForm;
use crate::command::Command;
use crate::gui::figure::{Figure, figure_ui};
use crate::gui::shell::clock;
use crate::gui::text;
use crate::gui::theme::{Look as _, RADIUS, Verdict, space};
use crate::gui::ui_command::Outbox;
use crate::gui::widgets::{
    Button, Card, Column, DISMISS, Stat, Table, Tone, cell, chip, columns, notice_with, problem_panel, progress_bar,
    small_button,
};
use crate::project::running::{ContainerAction, ContainerInfo, Health, Maker, Phase};
use crate::step::{Activity, Step};
use crate::workbench::{Containers, RunningJob, Watched, Workbench};

/// Height of one figure of what is used, in points.
const FIGURE_HEIGHT: f32 = 172.0;

/// Height of the log, in points, and of one of its lines.
const LOG_HEIGHT: f32 = 200.0;
const LINE_HEIGHT: f32 = 18.0;

/// The run panel.
#[derive(Clone, Debug, Default)]
pub(in crate::gui) struct RunView {
    form: RunForm,
}

/// What the panel shows.
pub(in crate::gui) struct Shown<'a> {
    /// The containers, and what is going on with them.
    pub(in crate::gui) containers: &'a Containers,
    /// The image that can be run, when it is built.
    pub(in crate::gui) image: Option<&'a str>,
    /// The project whose containers come first.
    pub(in crate::gui) project: &'a str,
    /// Jobs that run.
    pub(in crate::gui) jobs: &'a [RunningJob],
    /// Now, for how long ago something was.
    pub(in crate::gui) now: Timestamp,
}

/// Sees to it that the containers are looked at while the page is open, and no longer.
pub(in crate::gui) fn look(workbench: &Workbench, is_open: bool, outbox: &mut Outbox) {
    let containers = workbench.containers();
    let project = workbench.project().map(crate::project::Project::slug);
    let has_engine = workbench.engine().last.is_some() && workbench.engine().problem().is_none();
    let wanted = is_open && has_engine && project.is_some();
    let watched = containers.watched.as_ref().map(|watched| watched.id.clone());
    match &containers.watching {
        // Why it failed stands on the page, with a way to try again.
        Activity::Failed(_) => {}
        Activity::Idle if wanted => outbox.send(Command::WatchContainers(watched)),
        Activity::Running(_) if !wanted => outbox.send(Command::LeaveContainers),
        Activity::Running(_) if watched.is_none() => {
            let project = project.unwrap_or_default();
            let first = containers.list.last.iter().flatten().find(|container| {
                container.is_running() && container.maker != Maker::Build && container.project == project
            });
            if let Some(first) = first {
                outbox.send(Command::WatchContainers(Some(first.id.clone())));
            }
        }
        Activity::Idle | Activity::Running(_) => {}
    }
}

impl RunView {
    pub(in crate::gui) fn ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, outbox: &mut Outbox) {
        let containers = shown.containers;
        if let Some(image) = shown.image {
            self.form_ui(ui, shown, image, outbox);
        }
        if let Activity::Failed(problem) = &containers.watching
            && problem_panel(ui, problem, Some("Look again"))
        {
            let watched = containers.watched.as_ref().map(|watched| watched.id.clone());
            outbox.send(Command::WatchContainers(watched));
        }
        if let Some(problem) = containers.acted.problem()
            && problem_panel(ui, problem, Some(DISMISS))
        {
            outbox.send(Command::Dismiss(Step::Container));
        }
        list_ui(ui, shown, outbox);
        if let (Some(watched), Some(container)) = (&containers.watched, containers.at_hand()) {
            detail_ui(ui, container, watched, outbox);
        }
    }

    fn form_ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, image: &str, outbox: &mut Outbox) {
        let running = shown.containers.ran.running();
        if let Some(problem) = shown.containers.ran.problem()
            && problem_panel(ui, problem, Some(DISMISS))
        {
            outbox.send(Command::Dismiss(Step::Container));
        }
        Card::new("Run it").remark("read-only, without privileges, as it was verified").show(ui, |ui| {
            if let Some(settings) = self.form.ui(ui, image, !shown.containers.is_busy()) {
                outbox.send(Command::RunImage(settings));
            }
            if let Some(job) = running.and_then(|id| shown.jobs.iter().find(|job| job.id == id)) {
                ui.add_space(space::S);
                let stage = job.context.stage();
                ui.label(text::small(stage.as_str()));
                progress_bar(ui, &stage, job.context.fraction(), 240.0);
                ui.add_space(space::XS);
                if small_button(ui, "Cancel the run").clicked() {
                    outbox.send(Command::Cancel(job.id));
                }
            }
        });
    }
}

fn list_ui(ui: &mut Ui, shown: &Shown<'_>, outbox: &mut Outbox) {
    let Some(all) = &shown.containers.list.last else {
        if shown.containers.is_watching() {
            Card::new("Containers").show(ui, |ui| ui.label(text::weak("Looking for containers")));
        }
        return;
    };
    let mut sorted: Vec<&ContainerInfo> = all.iter().collect();
    // The project's own first; those that run before those that ended; otherwise as listed, by name.
    sorted.sort_by_key(|container| (container.orphan, container.project != shown.project, !container.is_running()));
    let n_orphans = all.iter().filter(|container| container.orphan).count();
    let n_running = all.iter().filter(|container| container.is_running()).count();
    let remark = format!("{n_running} of {} running, of every project", all.len());
    Card::new("Containers").remark(if all.is_empty() { "" } else { &remark }).show(ui, |ui| {
        if all.is_empty() {
            ui.label(text::weak("No container of Trestle's. What is run here or by “trestle run” is listed here."));
            return;
        }
        if 0 < n_orphans {
            let words = match n_orphans {
                1 => "One container was left by a process that was killed.".to_owned(),
                n => format!("{n} containers were left by processes that were killed."),
            };
            notice_with(ui, Verdict::Stale, &words, |ui| {
                let can = !shown.containers.is_busy();
                if ui.add_enabled_ui(can, |ui| small_button(ui, "Clean up")).inner.clicked() {
                    outbox.send(Command::CleanContainers);
                }
            });
        }
        table_ui(ui, shown, &sorted, outbox);
    });
}

fn table_ui(ui: &mut Ui, shown: &Shown<'_>, sorted: &[&ContainerInfo], outbox: &mut Outbox) {
    let table_columns = [
        Column::text("name").share(1.3),
        Column::text("state").exact(132.0),
        Column::text("address").share(1.0),
        Column::text("since").exact(80.0),
        Column::text("").exact(150.0).right(),
    ];
    let names: Vec<String> = sorted.iter().map(|container| container.name.clone()).collect();
    let watched = shown.containers.watched.as_ref().map(|watched| watched.id.as_str());
    let picked = sorted.iter().position(|container| Some(container.id.as_str()) == watched);
    let table = Table::new("containers", &table_columns).pick(picked).named(&names);
    let pressed = table.show(ui, sorted.len(), |ui, row, column| {
        let container = sorted[row];
        match column {
            0 => {
                ui.spacing_mut().item_spacing.y = 0.0;
                cell(ui, text::medium(container.name.as_str()));
                let image = container
                    .image
                    .strip_prefix("sha256:")
                    .map_or(container.image.as_str(), |id| id.get(..12).unwrap_or(id));
                let said = match container.maker.words() {
                    "" => image.to_owned(),
                    whose => format!("{image}, {whose}"),
                };
                cell(ui, text::small(said));
            }
            1 => {
                let (verdict, words) = standing(container);
                chip(ui, verdict, &words);
            }
            2 => address_ui(ui, container),
            3 => drop(cell(ui, text::weak(since(container, shown.now)))),
            _ => actions_ui(ui, shown, container, outbox),
        }
    });
    if let Some(container) = pressed.and_then(|row| sorted.get(row)) {
        outbox.send(Command::WatchContainers(Some(container.id.clone())));
    }
}

/// How a container stands, as glyph and words.
fn standing(container: &ContainerInfo) -> (Verdict, String) {
    if container.orphan {
        return (Verdict::Stale, "left over".to_owned());
    }
    let verdict = match (container.phase, container.health) {
        (Phase::Running, Some(Health::Starting)) => Verdict::Running,
        (Phase::Running, Some(Health::Unhealthy)) => Verdict::Fail,
        (Phase::Running, _) => Verdict::Pass,
        (Phase::Paused | Phase::Restarting | Phase::Removing, _) => Verdict::Warn,
        (Phase::Exited, _) if container.out_of_memory || container.exit_code != Some(0) => Verdict::Fail,
        (Phase::Created | Phase::Exited, _) => Verdict::None,
    };
    (verdict, container.words())
}

/// Where it can be asked, and a way to its description of itself.
fn address_ui(ui: &mut Ui, container: &ContainerInfo) {
    let Some(url) = container.docs_url() else {
        cell(ui, text::weak("–"));
        return;
    };
    let address = container.addresses.first().map(String::as_str).unwrap_or_default();
    let label = format!("{address}/docs");
    if ui.add(egui::Link::new(text::body(label.as_str()))).on_hover_text(format!("Open {url} in a browser")).clicked() {
        ui.open_url(OpenUrl::new_tab(url));
    }
}

/// How long it has been running, or how long ago it ended.
fn since(container: &ContainerInfo, now: Timestamp) -> String {
    let at = if container.is_running() { container.started } else { container.finished };
    let Some(at) = at else { return String::new() };
    let seconds = u64::try_from(now.duration_since(at).as_secs()).unwrap_or(0);
    match seconds {
        0..3_600 => clock(seconds),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn actions_ui(ui: &mut Ui, shown: &Shown<'_>, container: &ContainerInfo, outbox: &mut Outbox) {
    // A build and a swarm see to their own containers, and cleaning to those that were left.
    if matches!(container.maker, Maker::Build | Maker::Swarm) || container.orphan {
        return;
    }
    let actions = if container.is_running() {
        [(ContainerAction::Stop, "Stop"), (ContainerAction::Restart, "Restart")]
    } else {
        [(ContainerAction::Start, "Start"), (ContainerAction::Remove, "Remove")]
    };
    ui.add_enabled_ui(!shown.containers.is_busy(), |ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
            for (action, label) in actions.into_iter().rev() {
                let tone = if action == ContainerAction::Remove { Tone::Danger } else { Tone::Secondary };
                let name = format!("{label} {}", container.name);
                if ui.add(Button::new(tone, label).small().name(&name)).clicked() {
                    outbox.send(Command::ActOnContainer(action, container.id.clone()));
                }
            }
        });
    });
}

/// What one container uses and says.
fn detail_ui(ui: &mut Ui, container: &ContainerInfo, watched: &Watched, outbox: &mut Outbox) {
    let runs = container.is_running();
    if runs || !watched.usage.is_empty() {
        let remark = if runs { "the last five minutes" } else { "until it ended" };
        Card::new(&format!("What {} uses", container.name)).remark(remark).show(ui, |ui| {
            if let Some(reason) = &watched.no_usage {
                ui.label(text::weak(reason.as_str()));
            }
            columns(ui, &[1.0, 1.0, 1.0], |ui, column| {
                let used = Used::ALL[column];
                let (number, unit) = used.now(watched.usage.back().filter(|_| runs), container);
                Stat::new(used.label(), &number).unit(&unit).show(ui);
                ui.add_space(space::XS);
                let figure: Arc<dyn Figure> =
                    Arc::new(UsageFigure::new(used, watched.usage.iter().copied(), container));
                figure_ui(ui, &figure, FIGURE_HEIGHT, outbox);
            });
        });
    }
    let title = format!("Log of {}", container.name);
    let remark = match watched.lines.len() {
        1 => "1 line".to_owned(),
        n => format!("the last {n} lines"),
    };
    Card::new(&title).remark(if watched.lines.is_empty() { "" } else { &remark }).show(ui, |ui| {
        if watched.lines.is_empty() {
            ui.label(text::weak("It has written nothing yet"));
        } else {
            log_ui(ui, &title, watched);
        }
    });
}

/// The end of the log; only the lines in view are laid out.
fn log_ui(ui: &mut Ui, name: &str, watched: &Watched) {
    let t = ui.tokens();
    let frame = egui::Frame::new().fill(t.bg).stroke(t.hairline()).corner_radius(RADIUS);
    let builder = UiBuilder::new().id_salt("log").accessibility_label(name).accessibility_role(Role::Log);
    ui.scope_builder(builder, |ui| {
        frame.inner_margin(Margin::symmetric(10, 6)).show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 0.0;
            // Below the lines is room for the bar that scrolls them sideways.
            let height = LOG_HEIGHT.min(watched.lines.len() as f32 * LINE_HEIGHT + space::S);
            let area = ScrollArea::both().max_height(height).min_scrolled_height(height);
            let area = area.auto_shrink([false, true]).stick_to_bottom(true);
            area.show_rows(ui, LINE_HEIGHT, watched.lines.len(), |ui, rows| {
                for line in watched.lines.range(rows) {
                    let line = text::mono(line.as_str()).line_height(Some(LINE_HEIGHT));
                    ui.add(Label::new(line).extend().selectable(true));
                }
            });
        });
    });
    ui.add_space(space::XS);
    if small_button(ui, "Copy the log").clicked() {
        ui.copy_text(watched.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n"));
    }
}
