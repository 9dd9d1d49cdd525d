//! A service on a swarm as it stands: its figures, how it is reached, and each of its tasks.

use egui::Ui;

use crate::gui::text;
use crate::gui::theme::Verdict;
use crate::gui::widgets::{Column, Stat, Table, cell, cell_number, cell_wrapped, chip, code_block, columns, notice};
use crate::project::deployment::{DeployOutcome, Deployed, DeployedService, DeployedTask, PublishMode, UpdatePhase};

/// Tasks that are listed before the list scrolls.
const TASKS_HEIGHT: f32 = 320.0;

/// What did not come about, and why.
pub(super) fn failure_ui(ui: &mut Ui, deployed: &Deployed) {
    if deployed.passed() && deployed.reasons.is_empty() {
        return;
    }
    let what = match deployed.outcome {
        DeployOutcome::RolledBack => "Rolled back: the form before it runs again.",
        DeployOutcome::Withdrawn => "Not deployed: its tasks did not get healthy, and it was taken away.",
        DeployOutcome::Stuck => "Stuck: neither the change nor the way back came to its end.",
        _ => "",
    };
    let words: Vec<&str> =
        [what].into_iter().chain(deployed.reasons.iter().map(String::as_str)).filter(|part| !part.is_empty()).collect();
    if !words.is_empty() {
        notice(ui, if deployed.passed() { Verdict::Warn } else { Verdict::Fail }, &words.join("\n"));
    }
}

/// The service's figures.
pub(super) fn service_ui(ui: &mut Ui, service: &DeployedService) {
    let running = service.running.to_string();
    let of = format!("of {} run", service.replicas);
    let complete = service.replicas <= service.running;
    let (reached, port) = match (service.mode, service.port) {
        (PublishMode::DnsRoundRobin, _) => ("By name", String::new()),
        (mode, Some(port)) => (mode.label(), format!("port {port}")),
        (mode, None) => (mode.label(), String::new()),
    };
    columns(ui, &[1.0, 1.0, 1.2, 1.2], |ui, idx| match idx {
        0 => drop(Stat::new(&service.name, &service.version).show(ui)),
        1 => {
            let (verdict, word) =
                if complete { (Verdict::Pass, "healthy") } else { (Verdict::Warn, "not all healthy") };
            Stat::new("Tasks", &running).unit(&of).verdict(verdict, word).show(ui);
        }
        2 => {
            let stat = Stat::new("How it is reached", reached).unit(&port);
            match service.answers {
                Some(true) => stat.verdict(Verdict::Pass, "answers").show(ui),
                Some(false) => stat.verdict(Verdict::Fail, "does not answer").show(ui),
                None => stat.show(ui),
            };
        }
        _ => {
            let (word, verdict) = match service.update.as_ref().map(|update| update.phase) {
                None => ("none yet", Verdict::None),
                Some(phase @ UpdatePhase::Completed) => (phase.label(), Verdict::Pass),
                Some(phase @ (UpdatePhase::RolledBack | UpdatePhase::Paused | UpdatePhase::RollbackPaused)) => {
                    (phase.label(), Verdict::Fail)
                }
                Some(phase @ (UpdatePhase::Updating | UpdatePhase::RollingBack)) => (phase.label(), Verdict::None),
            };
            let message = service.update.as_ref().map(|update| update.message.as_str()).unwrap_or_default();
            ui.label(text::small("Last update"));
            chip(ui, verdict, word).on_hover_text(message);
        }
    });
    if !service.addresses.is_empty() {
        code_block(ui, "Where it is reached", &service.addresses.join("\n"));
    }
}

/// Each task, with what went wrong.
pub(super) fn tasks_ui(ui: &mut Ui, tasks: &[DeployedTask]) {
    let columns = [
        Column::number("task").exact(48.0),
        Column::text("").exact(130.0),
        Column::text("version").exact(72.0),
        Column::text("node").exact(100.0),
        Column::text("since").exact(76.0),
        Column::text("where").exact(150.0),
        Column::text("error").share(1.0),
    ];
    Table::new("tasks", &columns).max_height(TASKS_HEIGHT).show(ui, tasks.len(), |ui, row, column| {
        let task = &tasks[row];
        match column {
            0 => drop(cell_number(ui, &task.slot.to_string())),
            1 => {
                let verdict = match task {
                    task if task.failed() => Verdict::Fail,
                    task if task.runs() && task.wanted() && task.current => Verdict::Pass,
                    task if !task.error.is_empty() => Verdict::Warn,
                    _ => Verdict::None,
                };
                let words = match (task.runs(), task.wanted()) {
                    (true, false) => "stopping".to_owned(),
                    _ => task.state.clone(),
                };
                chip(ui, verdict, &words);
            }
            2 => drop(cell(ui, text::body(task.version.as_str()))),
            3 => drop(cell(ui, text::weak(task.node.as_str()))),
            4 => {
                let since = task.since.map(|since| since.to_zoned(jiff::tz::TimeZone::system()));
                drop(cell(ui, text::figures(since.map(|at| at.strftime("%H:%M:%S").to_string()).unwrap_or_default())));
            }
            5 => drop(cell(ui, text::mono(task.address.as_str()))),
            _ => drop(cell_wrapped(ui, text::weak(task.error.as_str()))),
        }
    });
}
