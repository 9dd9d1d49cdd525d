//! What is said about a file before it is used: which runtimes take it, what was found, and how another format is
//! converted.

use egui::Ui;

use crate::foreign::Foreign;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::{Choosing, Outbox, UiCommand};
use crate::gui::widgets::{
    Card, Column, KeyValues, Table, cell, cell_wrapped, chip, code_block, notice, row, secondary_button,
};
use crate::project::contract::{Inspection, Severity};
use crate::project::runtimes::runtimes;

/// Feature names shown.
const SHOWN_NAMES: usize = 12;

fn words(severity: Severity) -> (Verdict, &'static str) {
    match severity {
        Severity::Note => (Verdict::None, "note"),
        Severity::Warning => (Verdict::Warn, "warning"),
        Severity::Refused => (Verdict::Fail, "refused"),
    }
}

/// Which runtimes take the model, and what is to be known before it is used, worst first.
pub(super) fn doctor_ui(ui: &mut Ui, model: &Inspection) {
    let count = |severity| model.findings.iter().filter(|finding| finding.severity == severity).count();
    let counts = [(Severity::Refused, "refused"), (Severity::Warning, "warnings"), (Severity::Note, "notes")];
    let said: Vec<String> = counts
        .into_iter()
        .filter_map(|(severity, word)| match (count(severity), word) {
            (0, _) => None,
            (1, _) if severity != Severity::Refused => Some(format!("1 {}", word.trim_end_matches('s'))),
            (n, _) => Some(format!("{n} {word}")),
        })
        .collect();
    let remark = if said.is_empty() { "no findings".to_owned() } else { said.join(", ") };
    Card::new("Doctor").remark(&remark).show(ui, |ui| {
        let runtimes = runtimes(model);
        let columns = [Column::text("").exact(120.0), Column::text("").exact(96.0), Column::text("").share(1.0)];
        Table::new("runtimes", &columns).show(ui, runtimes.len(), |ui, row, column| {
            let support = &runtimes[row];
            match column {
                0 => drop(cell(ui, text::medium(support.runtime))),
                1 => {
                    let (verdict, word) = match support.severity {
                        None => (Verdict::Pass, "runs"),
                        Some(Severity::Note | Severity::Warning) => (Verdict::Warn, "perhaps"),
                        Some(Severity::Refused) => (Verdict::Fail, "no"),
                    };
                    chip(ui, verdict, word);
                }
                _ => drop(cell_wrapped(ui, support.reason.as_str())),
            }
        });
        if model.findings.is_empty() {
            return;
        }
        ui.add_space(space::S);
        let columns =
            [Column::text("").exact(96.0), Column::text("finding").share(1.0), Column::text("what to do").share(1.0)];
        Table::new("findings", &columns).show(ui, model.findings.len(), |ui, row, column| {
            let finding = &model.findings[row];
            match column {
                0 => {
                    let (verdict, word) = words(finding.severity);
                    chip(ui, verdict, word);
                }
                1 => drop(cell_wrapped(ui, finding.what.as_str())),
                _ => drop(cell_wrapped(ui, text::weak(finding.fix.as_str()))),
            }
        });
    });
}

/// A model of another framework: what it is, why it is not loaded, and the program that converts it.
pub(super) fn foreign_ui(ui: &mut Ui, found: &Foreign, outbox: &mut Outbox) {
    for (name, what) in &found.suspicious {
        let words = format!("It names {name}, which {what}. No model needs that: do not load this file anywhere.");
        notice(ui, Verdict::Fail, &words);
    }
    for warning in &found.warnings {
        notice(ui, Verdict::Warn, warning);
    }
    Card::new("What is in it").remark("read, never loaded").show(ui, |ui| {
        let mut pairs = vec![("File", text::body(found.found.as_str()))];
        if !found.class.is_empty() {
            pairs.push(("Class", text::mono(found.class.as_str())));
        }
        let parts: Vec<&str> = found.parts.iter().map(|part| part.rsplit('.').next().unwrap_or(part)).collect();
        if !parts.is_empty() {
            pairs.push(("Within it", text::body(parts.join(", "))));
        }
        let made_with: Vec<String> =
            found.made_with.iter().map(|(name, version)| format!("{name} {version}").trim_end().to_owned()).collect();
        if !made_with.is_empty() {
            pairs.push(("Made with", text::body(made_with.join(", "))));
        }
        if let Some(n_features) = found.n_features {
            let names: Vec<&str> = found.feature_names.iter().take(SHOWN_NAMES).map(String::as_str).collect();
            let more = found.feature_names.len().saturating_sub(SHOWN_NAMES);
            let names = match (names.is_empty(), more) {
                (true, _) => String::new(),
                (false, 0) => format!(": {}", names.join(", ")),
                (false, more) => format!(": {} and {more} more", names.join(", ")),
            };
            pairs.push(("Features", text::body(format!("{n_features}{names}"))));
        }
        KeyValues::default().show(ui, &pairs);
    });
    if found.script.is_empty() {
        return;
    }
    Card::new("Convert it").remark("run it where the model was made, then drop model.onnx here").show(ui, |ui| {
        row(ui, crate::gui::theme::CONTROL_HEIGHT, |ui| {
            if secondary_button(ui, "Save script…").clicked() {
                outbox.ask(UiCommand::Choose(Choosing::ScriptExport));
            }
            if secondary_button(ui, "Copy").on_hover_text("Put the script on the clipboard").clicked() {
                ui.copy_text(found.script.clone());
            }
        });
        ui.add_space(space::S);
        egui::ScrollArea::vertical().id_salt("script").max_height(380.0).show(ui, |ui| {
            code_block(ui, "Script", &found.script);
        });
    });
}
