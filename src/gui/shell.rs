//! What frames every page: the rail at the left, the activity bar below, and the log above it.

use egui::{Align, Layout, ScrollArea, Ui};

use super::app::View;
use super::theme::{self, Look as _, Verdict, space};
use super::ui_command::{Choosing, Outbox, Request, UiCommand};
use super::widgets::{
    Icon, RailItem, activity, hairline, menu_item, project_button, rail_button, rail_line, row, small_button,
};
use super::{actions, text};
use crate::command::Command;
use crate::step::{Standing, Step};
use crate::workbench::Workbench;

/// The verdict that a standing is shown as.
pub(super) fn verdict_of(standing: Standing) -> Verdict {
    match standing {
        Standing::NotStarted => Verdict::None,
        Standing::Running => Verdict::Running,
        Standing::Pass => Verdict::Pass,
        Standing::Warn => Verdict::Warn,
        Standing::Fail => Verdict::Fail,
        Standing::Stale => Verdict::Stale,
    }
}

pub(super) fn rail_ui(ui: &mut Ui, workbench: &Workbench, view: &View, outbox: &mut Outbox) {
    let Some(project) = workbench.project() else { return };
    ui.spacing_mut().item_spacing.y = 2.0;
    let response = project_button(ui, &project.name(), &short_path(project.root()));
    egui::Popup::menu(&response).show(|ui| project_menu_ui(ui, workbench, outbox));
    ui.add_space(space::S);
    for step in Step::ALL {
        let (standing, substance) = workbench.standing(step);
        let item = RailItem::new(step.number(), step.label(), &substance)
            .verdict(verdict_of(standing))
            .selected(view.step == step);
        if item.show(ui).clicked() {
            outbox.ask(UiCommand::GoTo(step));
        }
    }
    ui.with_layout(Layout::bottom_up(Align::Min), |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        if rail_button(ui, Icon::Help, "Learn", &actions::keys_of(UiCommand::ToggleLearn)).clicked() {
            outbox.ask(UiCommand::ToggleLearn);
        }
        if rail_button(ui, Icon::Search, "Commands", &actions::keys_of(UiCommand::TogglePalette)).clicked() {
            outbox.ask(UiCommand::TogglePalette);
        }
        let dark = ui.theme() == egui::Theme::Dark;
        let (icon, words) = if dark { (Icon::Sun, "Light theme") } else { (Icon::Moon, "Dark theme") };
        if rail_button(ui, icon, words, "").clicked() {
            outbox.ask(UiCommand::SwitchTheme);
        }
        engine_line_ui(ui, workbench, outbox);
        ui.add_space(space::S);
        hairline(ui);
    });
}

fn engine_line_ui(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
    let engine = workbench.engine();
    if engine.running().is_some() {
        rail_line(ui, Icon::Container, "Looking for Docker");
    } else if engine.problem().is_some() {
        if rail_button(ui, Icon::Container, "No container engine", "").clicked() {
            outbox.ask(UiCommand::GoTo(Step::Container));
        }
    } else if let Some(found) = &engine.last {
        // Product and version fit the rail; the rest is on the page.
        let short = found.description.split([',', '+']).next().unwrap_or_default();
        rail_line(ui, Icon::Container, short).on_hover_text(format!("{} at {}", found.description, found.socket));
    } else if rail_button(ui, Icon::Container, "Look for Docker", "").clicked() {
        outbox.send(Command::FindEngine);
    }
}

fn project_menu_ui(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
    ui.set_min_width(240.0);
    let open = workbench.project().map(|project| project.root().to_owned());
    for recent in workbench.settings().recent.iter().filter(|recent| Some(&recent.root) != open.as_ref()).take(6) {
        let label = format!("{}  ·  {}", recent.name, short_path(&recent.root));
        if menu_item(ui, &label, false).clicked() {
            outbox.send(Command::OpenProject(recent.root.clone()));
        }
    }
    let requests: [Request; 4] = [
        UiCommand::Choose(Choosing::Project).into(),
        UiCommand::Choose(Choosing::NewProject).into(),
        UiCommand::Choose(Choosing::Example).into(),
        Command::CloseProject.into(),
    ];
    for request in requests {
        let Some(action) = actions::fixed_of(request.clone()) else { continue };
        if menu_item(ui, action.label, false).on_hover_text(action.hint()).clicked() {
            outbox.request(request);
        }
    }
}

/// The last two parts of a path: enough to tell projects apart.
pub(super) fn short_path(path: &std::path::Path) -> String {
    let mut parts: Vec<String> =
        path.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.reverse();
    parts.retain(|part| part != "/");
    parts.join("/")
}

pub(super) fn activity_bar_ui(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
    let t = ui.tokens();
    let top = ui.max_rect().x_range();
    ui.painter().hline(top, ui.max_rect().top(), t.hairline());
    row(ui, theme::ACTIVITY_HEIGHT, |ui| {
        ui.add_space(space::M);
        let jobs = workbench.jobs();
        match jobs.first() {
            Some(job) => {
                let more = if jobs.len() < 2 { String::new() } else { format!(" (and {} more)", jobs.len() - 1) };
                let stage = job.context.stage();
                let stage = if stage.is_empty() {
                    format!("{}{more}", job.name)
                } else {
                    format!("{}: {stage}{more}", job.name)
                };
                if activity(ui, &stage, job.context.fraction(), &clock(job.elapsed.as_secs())) {
                    outbox.send(Command::Cancel(job.id));
                }
                if small_button(ui, "Log").clicked() {
                    outbox.ask(UiCommand::ToggleLog);
                }
            }
            None => {
                ui.label(text::small("Nothing running"));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(space::M);
            if workbench.has_unsaved() {
                ui.label(text::small("not saved yet"));
            } else if let Some(saved) = workbench.saved_at() {
                let local = saved.to_zoned(jiff::tz::TimeZone::system());
                ui.label(text::small(format!("saved {}", local.strftime("%H:%M:%S"))));
            } else if workbench.project().is_some() {
                ui.label(text::small("saved"));
            }
        });
    });
}

/// Minutes and seconds.
pub(super) fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

pub(super) fn log_ui(ui: &mut Ui, workbench: &Workbench) {
    let lines = workbench.jobs().first().map(|job| job.context.log_lines()).unwrap_or_default();
    let height = 16.0;
    ScrollArea::vertical().auto_shrink(false).stick_to_bottom(true).show_rows(
        ui,
        height,
        lines.len().max(1),
        |ui, range| {
            for index in range {
                let line = lines.get(index).map_or("Nothing was logged yet", String::as_str);
                ui.add(egui::Label::new(text::mono(line)).truncate());
            }
        },
    );
}
