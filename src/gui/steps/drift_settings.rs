//! The drift page's lower part: which files are compared, and the limits by which the result is judged.

use egui::{Ui, vec2};

use crate::command::{Command, DataRole};
use crate::gui::text;
use crate::gui::ui_command::{Choosing, Outbox, UiCommand};
use crate::gui::widgets::{Card, Field, cell, columns, row, small_button};
use crate::judge;
use crate::project::Project;
use crate::project::documents::{DataFile, DriftSettings};

/// The fields of the limits: what is typed, until it is a limit.
#[derive(Debug, Default)]
pub(super) struct SettingsView {
    /// What the fields were last filled from.
    from: Option<DriftSettings>,
    share: String,
    psi: String,
    missing: String,
}

impl SettingsView {
    pub(super) fn ui(&mut self, ui: &mut Ui, project: &Project, outbox: &mut Outbox) {
        let config = &project.documents.config;
        Card::new("Data").remark("dropped files are declared here").show(ui, |ui| {
            for (role, name, file) in [
                (DataRole::Reference, "Reference", &config.data.reference),
                (DataRole::Current, "Current", &config.data.current),
            ] {
                file_ui(ui, role, name, file.as_ref(), outbox);
            }
        });
        self.limits_ui(ui, project, outbox);
    }

    fn limits_ui(&mut self, ui: &mut Ui, project: &Project, outbox: &mut Outbox) {
        let settings = &project.documents.config.drift;
        let limits = |settings: &DriftSettings| [settings.share, settings.psi, settings.missing].map(f64::to_bits);
        if self.from.as_ref().is_none_or(|from| limits(from) != limits(settings)) {
            self.share = judge::value_text(settings.share * 100.0);
            self.psi = judge::value_text(settings.psi);
            self.missing = judge::value_text(settings.missing * 100.0);
            self.from = Some(settings.clone());
        }
        let mut changed = settings.clone();
        Card::new("Limits").remark("the comparison at hand is judged anew").show(ui, |ui| {
            columns(ui, &[1.0, 1.0, 1.0], |ui, index| match index {
                0 => limit_ui(ui, "Drifted features fail from, %", &mut self.share, 100.0, 1.0, &mut changed.share),
                1 => limit_ui(ui, "A column drifted from PSI", &mut self.psi, 1.0, 100.0, &mut changed.psi),
                _ => {
                    limit_ui(
                        ui,
                        "More missing fails from, points",
                        &mut self.missing,
                        100.0,
                        1.0,
                        &mut changed.missing,
                    );
                }
            });
        });
        if changed != *settings {
            // What was typed stays as it was typed.
            self.from = Some(changed.clone());
            let mut config = project.documents.config.as_ref().clone();
            config.drift = changed;
            outbox.send(Command::SetConfig(config));
        }
    }
}

/// A limit as text, `scale` times its value, from 0 to `most`.
fn limit_ui(ui: &mut Ui, label: &str, typed: &mut String, scale: f64, most: f64, limit: &mut f64) {
    let parsed = parse(typed, scale, most);
    let problem = parsed.is_none().then(|| format!("A number from 0 to {}", judge::value_text(most * scale)));
    let response = Field::new(label, typed).width(160.0).problem(problem.as_deref()).show(ui);
    if response.changed()
        && let Some(value) = parse(typed, scale, most)
    {
        *limit = value;
    }
}

fn parse(typed: &str, scale: f64, most: f64) -> Option<f64> {
    let value = typed.trim().trim_end_matches('%').trim().replace(',', ".").parse::<f64>().ok()? / scale;
    (0.0..=most).contains(&value).then_some(value)
}

fn file_ui(ui: &mut Ui, role: DataRole, name: &str, file: Option<&DataFile>, outbox: &mut Outbox) {
    row(ui, 26.0, |ui| {
        ui.allocate_ui_with_layout(vec2(96.0, 26.0), egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.set_min_width(96.0);
            cell(ui, text::small(name));
        });
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let label = format!("Choose {} data…", role.name());
            if small_button(ui, &label).clicked() {
                outbox.ask(UiCommand::Choose(Choosing::Data(role)));
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| match file {
                None => drop(cell(ui, text::weak("not declared"))),
                Some(file) => {
                    let named = [
                        ("label", &file.target),
                        ("prediction", &file.prediction),
                        ("time", &file.time),
                        ("id", &file.id),
                    ];
                    let named = named.iter().filter_map(|(what, name)| Some(format!("{what} {}", name.as_ref()?)));
                    let named: Vec<String> = named.collect();
                    ui.label(text::mono(file.path.as_str()));
                    cell(ui, text::small(named.join(" · ")));
                }
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_what_was_typed_when_it_is_one() {
        for (typed, expected) in [
            ("50", Some(0.5)),
            (" 33,3 % ", Some(0.333)),
            ("0", Some(0.0)),
            ("101", None),
            ("-1", None),
            ("NaN", None),
            ("", None),
            ("half", None),
        ] {
            let parsed = parse(typed, 100.0, 1.0);
            assert!(
                match (parsed, expected) {
                    (Some(a), Some(b)) => (a - b).abs() < 1e-12,
                    (a, b) => a == b,
                },
                "{typed}: {parsed:?}"
            );
        }
    }
}
