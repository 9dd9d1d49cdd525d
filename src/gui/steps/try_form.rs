//! The try-it form: one field a feature, and the answer beside it.

use egui::Ui;
use semver::Version;

use crate::command::Command;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::Outbox;
use crate::gui::widgets::{Card, Field, Stat, chip, columns, hairline, problem_panel, secondary_button};
use crate::project::ModelVersion;
use crate::project::brief::OutputSpec;
use crate::project::documents::{Feature, FeatureType, Value};
use crate::workbench::{Tried, Workbench};

/// Fields side by side.
const PER_LINE: usize = 4;

/// More features than this are not a form any more.
const MAX_FIELDS: usize = 60;

/// What is typed into the form.
#[derive(Debug, Default)]
pub(super) struct TryForm {
    /// The version whose golden row filled the form; another version fills it anew.
    filled_for: Option<Version>,
    fields: Vec<String>,
    next_row: usize,
}

impl TryForm {
    pub(super) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, version: &ModelVersion, outbox: &mut Outbox) {
        let Some(project) = workbench.project() else { return };
        let features = &project.documents.features.features;
        if self.filled_for.as_ref() != Some(&version.record.version) || self.fields.len() != features.len() {
            self.next_row = 0;
            self.fill(version, features);
        }
        let remark = if version.golden.is_some() {
            "filled with a row of the golden rows; empty is missing"
        } else {
            "empty is missing"
        };
        Card::new("Try it").remark(remark).show(ui, |ui| {
            if MAX_FIELDS < features.len() {
                ui.label(text::body(format!(
                    "This model takes {} features, too many for a form. Score a file with “trestle predict”.",
                    features.len()
                )));
                return;
            }
            let row = self.fields_ui(ui, features);
            ui.add_space(space::S);
            ui.horizontal(|ui| {
                let asking = workbench.tried().running().is_some();
                let label = if asking { "Asking…" } else { "Ask the model" };
                let ready = row.is_some() && !asking;
                if ui.add_enabled_ui(ready, |ui| secondary_button(ui, label)).inner.clicked()
                    && let Some(row) = &row
                {
                    outbox.send(Command::TryRow(row.clone()));
                }
                if version.golden.as_ref().is_some_and(|golden| 1 < golden.rows.len())
                    && secondary_button(ui, "Next row").clicked()
                {
                    self.next_row += 1;
                    self.fill(version, features);
                }
                let fresh = workbench.tried().last.as_ref().filter(|tried| Some(&tried.row) == row.as_ref());
                if let Some(tried) = fresh
                    && secondary_button(ui, "Keep as golden row").clicked()
                {
                    outbox.send(Command::KeepAsGolden(tried.row.clone()));
                }
            });
            if let Some(problem) = workbench.tried().problem() {
                ui.add_space(space::S);
                problem_panel(ui, problem, None);
            } else if let Some(tried) = &workbench.tried().last {
                let output = project.documents.brief.output.value.clone().unwrap_or_default();
                answer_ui(ui, tried, &output, row.as_ref() != Some(&tried.row));
            }
        });
    }

    /// The fields; the row they state, unless one of them cannot be read.
    fn fields_ui(&mut self, ui: &mut Ui, features: &[Feature]) -> Option<Vec<Value>> {
        let mut row = Some(Vec::with_capacity(features.len()));
        for (line, chunk) in features.chunks(PER_LINE).enumerate() {
            columns(ui, &[1.0; PER_LINE], |ui, index| {
                let (Some(feature), Some(typed)) = (chunk.get(index), self.fields.get_mut(line * PER_LINE + index))
                else {
                    return;
                };
                let read = read(feature, typed);
                let example = example(feature);
                let problem = read.as_ref().err().map(String::as_str);
                let unseen = unseen(feature, typed);
                let field = Field::new(&feature.name, typed).placeholder(&example).problem(problem);
                match &unseen {
                    Some(unseen) => field.hint(unseen).show(ui),
                    None => field.show(ui),
                };
                match (read, row.as_mut()) {
                    (Ok(value), Some(values)) => values.push(value),
                    _ => row = None,
                }
            });
            ui.add_space(space::XS);
        }
        row
    }

    fn fill(&mut self, version: &ModelVersion, features: &[Feature]) {
        self.filled_for = Some(version.record.version.clone());
        let golden = version.golden.as_ref().filter(|golden| !golden.rows.is_empty());
        self.fields = features
            .iter()
            .map(|feature| {
                let value = golden.and_then(|golden| {
                    let column = golden.features.iter().position(|name| *name == feature.name)?;
                    golden.rows[self.next_row % golden.rows.len()].values.get(column).cloned()
                });
                show(&value.unwrap_or_else(|| crate::features::plain_value(feature)))
            })
            .collect();
    }
}

/// A value as it is typed.
fn show(value: &Value) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

/// An example of a value, for an empty field.
fn example(feature: &Feature) -> String {
    match (&feature.range, feature.categories.as_slice()) {
        (_, [first, second, ..]) => format!("{first}, {second}, …"),
        (_, [only]) => only.clone(),
        (Some((from, to)), []) => format!("{from} to {to}"),
        (None, []) => String::new(),
    }
}

/// What is said of a category that the reference data does not have: the model may know it, or take it for none.
fn unseen(feature: &Feature, typed: &str) -> Option<String> {
    let typed = typed.trim();
    let is_known =
        typed.is_empty() || feature.categories.is_empty() || feature.categories.iter().any(|known| known == typed);
    (!is_known).then(|| format!("not in the reference data, which has {}", example(feature)))
}

/// The value that was typed, or what is wrong with it.
fn read(feature: &Feature, typed: &str) -> Result<Value, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(Value::Missing);
    }
    match feature.kind {
        FeatureType::Text => Ok(Value::Text(typed.to_owned())),
        FeatureType::Bool => match typed.to_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(Value::Bool(true)),
            "false" | "no" | "0" => Ok(Value::Bool(false)),
            _ => Err("true or false".to_owned()),
        },
        FeatureType::Number | FeatureType::Integer => {
            let number: f64 = typed.replace(',', ".").parse().ok().ok_or("a number is expected")?;
            let whole = feature.kind == FeatureType::Number || number.fract() == 0.0;
            if number.is_finite() && whole {
                Ok(Value::Number(number))
            } else {
                Err("a whole number is expected".to_owned())
            }
        }
    }
}

fn answer_ui(ui: &mut Ui, tried: &Tried, output: &OutputSpec, outdated: bool) {
    let prediction = &tried.prediction;
    let took = format!("{:.0}", tried.micros);
    ui.add_space(space::M);
    hairline(ui);
    ui.add_space(space::M);
    let label = prediction.label.as_ref().map(ToString::to_string);
    let number = prediction.scores.first().map(|score| format!("{score:.4}"));
    let probability = prediction.probability.map(|probability| format!("{probability:.3}"));
    let mut shown: Vec<Stat<'_>> = Vec::new();
    if let Some(label) = &label {
        shown.push(Stat::new("Label", label));
    }
    if let Some(probability) = &probability {
        let stat = Stat::new("Probability of the positive class", probability);
        shown.push(stat);
    } else if let (None, Some(number)) = (&label, &number) {
        shown.push(Stat::new("Prediction", number));
    }
    columns(ui, &[1.0; 4], |ui, index| {
        if let Some(stat) = shown.get(index) {
            stat.show(ui);
        } else if index == shown.len()
            && let Some(level) = &prediction.level
        {
            ui.label(text::small("Level"));
            ui.add_space(space::XS);
            // The level is the brief's word for the score; only the highest is a warning.
            let highest = output.bands.last().is_some_and(|band| band.name == *level);
            chip(ui, if highest { Verdict::Warn } else { Verdict::Pass }, level);
        } else if index == 3 {
            Stat::new("Inside the model", &took).unit("µs").show(ui);
        }
    });
    if outdated {
        ui.label(text::small("The fields changed since; ask again."));
    }
}
