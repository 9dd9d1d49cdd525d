//! The model page's tables: versions, contract, features, operators, findings.

use egui::Ui;
use semver::Version;

use crate::command::Command;
use crate::gui::text;
use crate::gui::theme::Verdict;
use crate::gui::ui_command::Outbox;
use crate::gui::widgets::{
    Card, Column, Field, KeyValues, Table, cell, cell_number, chip, secondary_button, small_button,
};
use crate::project::contract::{Inspection, TensorSpec};
use crate::project::documents::{Feature, FeatureType};
use crate::project::{CHAMPION, ModelVersion};
use crate::workbench::Workbench;

/// Class names shown in one cell.
const SHOWN_CLASSES: usize = 6;

pub(super) fn versions_ui(ui: &mut Ui, workbench: &Workbench, at_hand: &ModelVersion, outbox: &mut Outbox) {
    let Some(project) = workbench.project() else { return };
    let newest_first: Vec<&ModelVersion> = project.versions().iter().rev().collect();
    let selected = newest_first.iter().position(|version| version.record.version == at_hand.record.version);
    let names: Vec<String> = newest_first.iter().map(|version| format!("Version {}", version.record.version)).collect();
    let columns = [
        Column::text("version").exact(80.0),
        Column::text("why").share(1.0),
        Column::text("model").exact(80.0),
        Column::text("registered").exact(120.0),
        Column::text("").exact(150.0).right(),
    ];
    Card::new("Versions").remark("pick one to work on it").show(ui, |ui| {
        let table = Table::new("versions", &columns).pick(selected).named(&names);
        let picked = table.show(ui, newest_first.len(), |ui, row, column| {
            let record = &newest_first[row].record;
            match column {
                0 => drop(cell(ui, text::medium(record.version.to_string()))),
                1 => {
                    let why =
                        if record.bump_reason.is_empty() { "the first version" } else { record.bump_reason.as_str() };
                    let why = if record.why.is_empty() { why.to_owned() } else { format!("{}; {why}", record.why) };
                    drop(cell(ui, text::weak(why.as_str())).on_hover_text(why));
                }
                2 => drop(cell(ui, text::mono(record.model.sha256.get(..8).unwrap_or_default()))),
                3 => {
                    let local = record.registered.to_zoned(jiff::tz::TimeZone::system());
                    drop(cell(ui, text::weak(local.strftime("%Y-%m-%d %H:%M").to_string())));
                }
                _ => alias_ui(ui, workbench, &record.version, outbox),
            }
        });
        if let Some(row) = picked {
            outbox.send(Command::SelectVersion(Some(newest_first[row].record.version.clone())));
        }
    });
}

fn alias_ui(ui: &mut Ui, workbench: &Workbench, version: &Version, outbox: &mut Outbox) {
    let Some(project) = workbench.project() else { return };
    let aliases = &project.registry().aliases;
    let own: Vec<&str> =
        aliases.iter().filter(|(_, aliased)| aliased == version).map(|(alias, _)| alias.as_str()).collect();
    if own.contains(&CHAMPION) {
        chip(ui, Verdict::Pass, &own.join(", "));
        return;
    }
    if small_button(ui, "Make champion").clicked() {
        outbox.send(Command::SetAlias {
            alias: CHAMPION.to_owned(),
            version: version.clone(),
            why: "chosen in the window".to_owned(),
        });
    }
    if !own.is_empty() {
        chip(ui, Verdict::None, &own.join(", "));
    }
}

pub(super) fn contract_ui(ui: &mut Ui, model: &Inspection) {
    let specs: Vec<(&str, &TensorSpec)> = model
        .contract
        .inputs
        .iter()
        .map(|spec| ("input", spec))
        .chain(model.contract.outputs.iter().map(|spec| ("output", spec)))
        .collect();
    let columns = [
        Column::text("").exact(60.0),
        Column::text("name").share(1.2),
        Column::text("type").exact(80.0),
        Column::text("shape").exact(110.0),
        Column::text("classes").share(1.0),
    ];
    let opsets: Vec<String> = model
        .opsets
        .iter()
        .map(|(domain, version)| format!("{} {version}", if domain.is_empty() { "ai.onnx" } else { domain }))
        .collect();
    let remark = format!("{} · IR {}", opsets.join(", "), model.ir_version);
    Card::new("Contract").remark(&remark).show(ui, |ui| {
        Table::new("contract", &columns).show(ui, specs.len(), |ui, row, column| {
            let (kind, spec) = specs[row];
            match column {
                0 => drop(cell(ui, text::weak(kind))),
                1 => drop(cell(ui, text::medium(spec.name.as_str()))),
                2 => drop(cell(ui, spec.dtype.plain_name())),
                3 => drop(cell(ui, text::mono(spec.shape_text()))),
                _ => drop(cell(ui, text::weak(classes(spec)))),
            }
        });
        ui.add_space(crate::gui::theme::space::S);
        let mut pairs =
            vec![("SHA-256", text::mono(model.sha256.as_str())), ("Producer", text::body(model.producer.as_str()))];
        pairs.extend(model.metadata.iter().map(|(key, value)| (key.as_str(), text::body(value.as_str()))));
        KeyValues::default().show(ui, &pairs);
    });
}

fn classes(spec: &TensorSpec) -> String {
    let shown: Vec<String> = spec.classes.iter().take(SHOWN_CLASSES).map(ToString::to_string).collect();
    let more = spec.classes.len().saturating_sub(SHOWN_CLASSES);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// Where each named feature goes; names and the category for missing values can be changed.
pub(super) fn features_ui(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
    let Some(project) = workbench.project() else { return };
    let features = &project.documents.features.features;
    if features.is_empty() {
        return;
    }
    let columns = [
        Column::text("feature").share(1.1),
        Column::text("type").exact(80.0),
        Column::text("seen in the reference data").share(1.4),
        Column::text("if missing").exact(130.0),
        Column::text("goes to").share(0.9),
    ];
    let remark = format!("{} features, shared by requests, files and forms", features.len());
    Card::new("Features").remark(&remark).show(ui, |ui| {
        Table::new("features", &columns).show(ui, features.len(), |ui, row, column| {
            let feature = &features[row];
            match column {
                0 => {
                    let name = edited(ui, &format!("Name of feature {}", row + 1), &feature.name, outbox);
                    if let Some(name) = name.filter(|name| !name.trim().is_empty()) {
                        outbox.send(Command::SetFeature(row, Feature { name, ..feature.clone() }));
                    }
                }
                1 => drop(cell(ui, kind(feature.kind))),
                2 => drop(cell(ui, text::weak(seen(feature)))),
                3 if feature.kind == FeatureType::Text => {
                    let stands = feature.missing.clone().unwrap_or_default();
                    let label = format!("Category of a missing {}", feature.name);
                    if let Some(missing) = edited(ui, &label, &stands, outbox) {
                        let missing = (!missing.trim().is_empty()).then_some(missing);
                        outbox.send(Command::SetFeature(row, Feature { missing, ..feature.clone() }));
                    }
                }
                3 => drop(cell(ui, text::weak(if feature.kind == FeatureType::Number { "NaN" } else { "refused" }))),
                _ => {
                    let place = feature.column.map_or_else(String::new, |column| format!("[{column}]"));
                    drop(cell(ui, text::mono(format!("{}{place}", feature.input))));
                }
            }
        });
        ui.add_space(crate::gui::theme::space::S);
        if project.reference_path().is_some() && secondary_button(ui, "Learn again from the reference data").clicked() {
            outbox.send(Command::LearnFeatures);
        }
    });
}

/// A field in a table; what was typed, when it changed.
fn edited(ui: &mut Ui, label: &str, value: &str, outbox: &mut Outbox) -> Option<String> {
    let mut typed = value.to_owned();
    let response = Field::new(label, &mut typed).unlabelled().show(ui);
    if response.lost_focus() {
        outbox.send(Command::SettleEdit);
    }
    response.changed().then_some(typed)
}

fn kind(kind: FeatureType) -> &'static str {
    match kind {
        FeatureType::Number => "number",
        FeatureType::Integer => "integer",
        FeatureType::Text => "text",
        FeatureType::Bool => "true/false",
    }
}

fn seen(feature: &Feature) -> String {
    match (&feature.range, feature.categories.is_empty()) {
        (_, false) => feature.categories.join(", "),
        (Some((from, to)), true) => format!("{from} to {to}"),
        (None, true) => String::new(),
    }
}

pub(super) fn operators_ui(ui: &mut Ui, model: &Inspection) {
    let columns =
        [Column::text("operator").share(1.0), Column::text("domain").share(1.0), Column::number("nodes").exact(80.0)];
    let n_nodes: u64 = model.operators.iter().map(|operator| operator.count).sum();
    Card::new("Operators").remark(&format!("{n_nodes} nodes")).show(ui, |ui| {
        Table::new("operators", &columns).show(ui, model.operators.len(), |ui, row, column| {
            let operator = &model.operators[row];
            match column {
                0 => drop(cell(ui, text::medium(operator.operator.as_str()))),
                1 => {
                    let domain = if operator.domain.is_empty() { "ai.onnx" } else { operator.domain.as_str() };
                    drop(cell(ui, text::weak(domain)));
                }
                _ => drop(cell_number(ui, &operator.count.to_string())),
            }
        });
    });
}
