//! The items of the checklist and the limits of the brief as tables; the picked row opens to its evidence.

use egui::Ui;
use jiff::Timestamp;

use super::readiness::moment;
use super::readiness_dialogs::Asking;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::{Outbox, UiCommand};
use crate::gui::widgets::{Card, Column, Table, cell, cell_wrapped, chip, small_button};
use crate::project::reports::{ChecklistCategory, ChecklistItem, ItemStatus, ReadinessReport};
use crate::step::Step;
use crate::workbench::Workbench;

/// The eleven items.
pub(super) fn checklist_ui(
    ui: &mut Ui,
    report: &ReadinessReport,
    now: Timestamp,
    open: &mut Option<String>,
    asking: &mut Option<Asking>,
    workbench: &Workbench,
    outbox: &mut Outbox,
) {
    let table_columns = [
        Column::text("").exact(72.0),
        Column::text("").exact(148.0),
        Column::text("").exact(98.0),
        Column::text(""),
        Column::text("").exact(60.0).right(),
    ];
    let items = &report.items;
    Card::new("Checklist").remark(&keyed_to(report)).show(ui, |ui| {
        let picked = picked(items, open.as_deref());
        let names = names(items);
        let table = Table::new("checklist", &table_columns).pick(picked).named(&names);
        let pressed = table.show(ui, items.len(), |ui, row, column| {
            let item = &items[row];
            let is_first = row == 0 || items[row - 1].category != item.category;
            match column {
                0 if is_first => drop(cell(ui, text::weak(item.category.label()))),
                0 => {}
                1 => drop(cell(ui, text::medium(item.label.as_str()))),
                2 => status_ui(ui, item),
                3 => reason_ui(ui, item, picked == Some(row), asking, workbench, outbox),
                _ => when_ui(ui, item, now),
            }
        });
        press(pressed, picked, items, open);
    });
}

/// What the brief asks, what was measured, and what that comes to.
pub(super) fn brief_ui(
    ui: &mut Ui,
    report: &ReadinessReport,
    now: Timestamp,
    open: &mut Option<String>,
    asking: &mut Option<Asking>,
    workbench: &Workbench,
    outbox: &mut Outbox,
) {
    let table_columns = [
        Column::text("limit").exact(92.0),
        Column::text("brief says").exact(128.0),
        Column::text("measured").exact(98.0),
        Column::text("").exact(98.0),
        Column::text("why"),
        Column::text("").exact(60.0).right(),
    ];
    let items = &report.brief;
    Card::new("Brief").remark("judged by the brief as it is now").show(ui, |ui| {
        if items.is_empty() {
            ui.label(text::weak(
                "The brief states no limit that can be measured: latency, success metric, retraining.",
            ));
            ui.add_space(space::S);
            if small_button(ui, "Go to the brief").clicked() {
                outbox.ask(UiCommand::GoTo(Step::Brief));
            }
            return;
        }
        let picked = picked(items, open.as_deref());
        let names = names(items);
        let table = Table::new("limits of the brief", &table_columns).pick(picked).named(&names);
        let pressed = table.show(ui, items.len(), |ui, row, column| {
            let item = &items[row];
            let judged = item.judged.as_ref();
            match column {
                0 => drop(cell(ui, text::medium(item.label.as_str()))),
                1 => drop(cell_wrapped(ui, text::figures(judged.map_or("", |judged| judged.asked.as_str())))),
                2 => {
                    let measured = judged.map_or("", |judged| judged.measured.as_str());
                    drop(cell_wrapped(ui, text::figures(if measured.is_empty() { "–" } else { measured })));
                }
                3 => status_ui(ui, item),
                4 => reason_ui(ui, item, picked == Some(row), asking, workbench, outbox),
                _ => when_ui(ui, item, now),
            }
        });
        press(pressed, picked, items, open);
    });
}

/// `evidence keyed to model 9f2c41a, code 7b10de0`
fn keyed_to(report: &ReadinessReport) -> String {
    let evidence = &report.evidence;
    let parts: Vec<String> = [("model", &evidence.model), ("code", &evidence.code), ("commit", &evidence.commit)]
        .into_iter()
        .filter(|(_, hash)| !hash.is_empty())
        .map(|(name, hash)| format!("{name} {}", hash.get(..7).unwrap_or(hash)))
        .collect();
    format!("evidence keyed to {}", parts.join(", "))
}

fn picked(items: &[ChecklistItem], open: Option<&str>) -> Option<usize> {
    items.iter().position(|item| Some(item.id.as_str()) == open)
}

/// What a screen reader says for each row.
fn names(items: &[ChecklistItem]) -> Vec<String> {
    items.iter().map(|item| format!("{}, {}", item.label, word(item))).collect()
}

/// A pressed row opens, and closes when it was open.
fn press(pressed: Option<usize>, picked: Option<usize>, items: &[ChecklistItem], open: &mut Option<String>) {
    if let Some(row) = pressed {
        *open = (picked != Some(row)).then(|| items[row].id.clone());
    }
}

fn word(item: &ChecklistItem) -> &'static str {
    let is_limit = item.category == ChecklistCategory::Brief;
    match item.status {
        ItemStatus::Pass if is_limit => "met",
        ItemStatus::Fail if is_limit => "not met",
        ItemStatus::Pass => "passes",
        ItemStatus::Fail => "fails",
        ItemStatus::Stale => "stale",
        ItemStatus::Unchecked => "unchecked",
        ItemStatus::Waived => "waived",
        ItemStatus::Attested => "attested",
    }
}

fn status_ui(ui: &mut Ui, item: &ChecklistItem) {
    let verdict = match item.status {
        ItemStatus::Pass | ItemStatus::Attested => Verdict::Pass,
        ItemStatus::Fail => Verdict::Fail,
        ItemStatus::Stale => Verdict::Stale,
        ItemStatus::Unchecked => Verdict::None,
        ItemStatus::Waived => Verdict::Warn,
    };
    chip(ui, verdict, word(item));
}

fn when_ui(ui: &mut Ui, item: &ChecklistItem, now: Timestamp) {
    if let Some(when) = item.when {
        let local = when.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
        cell(ui, text::figures(moment(when, now)).weak()).on_hover_text(local);
    }
}

/// The page where an item is measured or built.
fn measured_on(item: &ChecklistItem) -> Option<(Step, &'static str)> {
    match (item.category, item.id.as_str()) {
        (ChecklistCategory::Model, _) => Some((Step::Model, "Go to the model")),
        (ChecklistCategory::Api | ChecklistCategory::Monitoring, _) => Some((Step::Container, "Go to the container")),
        (ChecklistCategory::Brief, "brief.latency") => Some((Step::Benchmark, "Go to the benchmark")),
        (ChecklistCategory::Brief, _) => Some((Step::Model, "Go to the model")),
        (ChecklistCategory::Code | ChecklistCategory::Testing, _) => None,
    }
}

/// The reason; when the row is open, also what it stands on and what can be done.
fn reason_ui(
    ui: &mut Ui,
    item: &ChecklistItem,
    is_open: bool,
    asking: &mut Option<Asking>,
    workbench: &Workbench,
    outbox: &mut Outbox,
) {
    cell_wrapped(ui, text::body(item.reason.as_str()));
    if !is_open {
        return;
    }
    for line in &item.evidence {
        let words = text::join(ui, [text::small_medium(format!("{}  ", line.kind)), text::small(line.detail.as_str())]);
        ui.add(egui::Label::new(words).wrap().selectable(true));
    }
    if !item.fix.is_empty() {
        ui.add_space(space::XS);
        ui.label(text::strong("How to fix"));
        cell_wrapped(ui, text::body(item.fix.as_str()));
    }
    ui.add_space(space::XS);
    ui.horizontal_wrapped(|ui| {
        if let Some((step, label)) = measured_on(item)
            && small_button(ui, label).clicked()
        {
            outbox.ask(UiCommand::GoTo(step));
        }
        // Only what evidence leaves open can be answered by a word.
        let is_open = !matches!(item.status, ItemStatus::Pass | ItemStatus::Fail);
        if is_open && item.category != ChecklistCategory::Brief && small_button(ui, "Attest…").clicked() {
            *asking = Some(Asking::attest(item));
        }
        if (item.status.blocks() || item.status == ItemStatus::Waived) && small_button(ui, "Waive…").clicked() {
            *asking = Some(Asking::waive(item, workbench.waiver_days()));
        }
        if is_vouched(workbench, &item.id) && small_button(ui, "Withdraw…").clicked() {
            *asking = Some(Asking::withdraw(item));
        }
    });
}

/// Whether somebody attested or waived it.
fn is_vouched(workbench: &Workbench, id: &str) -> bool {
    workbench.project().is_some_and(|project| {
        let checklist = &project.documents.checklist;
        checklist.attestations.iter().any(|attestation| attestation.item == id)
            || checklist.waivers.iter().any(|waiver| waiver.item == id)
    })
}
