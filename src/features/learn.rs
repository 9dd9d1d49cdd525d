//! The feature contract: made from a model's inputs, then learned from reference data.

use std::collections::HashMap;

use crate::project::contract::{Dim, Dtype, Finding, ModelContract, Severity, TensorSpec};
use crate::project::documents::{Feature, FeatureContract, FeatureType};
use crate::table::{Cells, Column, Table};

/// Most columns of one input that become features; a wider one is a picture or a sound.
const MAX_COLUMNS: u64 = 10_000;

/// Most categories kept of a text column.
const MAX_CATEGORIES: usize = 50;

/// The category for a missing text, when the data has missing ones and the contract names none.
const MISSING: &str = "missing";

/// Number of columns of an input, when it is a batch of rows; the axes after the first are laid out in a row.
pub(super) fn n_columns(input: &TensorSpec) -> Option<u64> {
    let columns = match input.shape.as_slice() {
        [] => return None,
        // One axis without a free length is a single row.
        [Dim::Fixed(n)] => *n,
        [Dim::Symbol(_)] => 1,
        [_, rest @ ..] => rest.iter().map(Dim::fixed).try_fold(1_u64, |product, n| product.checked_mul(n?))?,
    };
    (0 < columns && columns <= MAX_COLUMNS).then_some(columns)
}

/// The contract that a model's inputs alone give: a feature per column, named `X_0`, `X_1`, … or after its input.
///
/// Inputs that are not columns (pictures, free lengths) give none; [`super::Mapping::new`] says so.
pub fn contract_from_model(model: &ModelContract) -> FeatureContract {
    let mut features = Vec::new();
    for input in &model.inputs {
        let kind = match input.dtype {
            dtype if dtype.is_float() => FeatureType::Number,
            Dtype::Text => FeatureType::Text,
            Dtype::Bool => FeatureType::Bool,
            _ => FeatureType::Integer,
        };
        let feature =
            Feature { kind, nullable: input.dtype.is_float(), input: input.name.clone(), ..Feature::default() };
        match n_columns(input) {
            None => {}
            Some(1) => features.push(Feature { name: input.name.clone(), ..feature }),
            Some(n) => features.extend((0..n as usize).map(|column| Feature {
                name: automatic_name(&input.name, column),
                column: Some(column),
                ..feature.clone()
            })),
        }
    }
    FeatureContract { features }
}

fn automatic_name(input: &str, column: usize) -> String {
    format!("{input}_{column}")
}

/// The contract with what the reference data shows: names, types, ranges, categories, missing values.
///
/// Features with automatic names take the header's when there are as many columns left over as such features,
/// so leave the target and identifiers out of `reference`. A feature without a column stays as it is.
#[must_use]
pub fn learn(contract: &FeatureContract, reference: &Table) -> FeatureContract {
    let mut features = contract.features.clone();
    rename(&mut features, reference);
    for feature in &mut features {
        if let Some(column) = reference.column(&feature.name) {
            learn_one(feature, column);
        }
    }
    FeatureContract { features }
}

fn rename(features: &mut [Feature], reference: &Table) {
    let known: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).collect();
    let free: Vec<&str> = reference.names().filter(|name| !known.contains(name)).collect();
    let is_automatic = |feature: &Feature| {
        let automatic = feature.column.is_some_and(|column| feature.name == automatic_name(&feature.input, column));
        automatic && reference.column(&feature.name).is_none()
    };
    // Over several inputs the header's order says nothing about which column goes where.
    let mut inputs: Vec<&str> =
        features.iter().filter(|feature| is_automatic(feature)).map(|feature| feature.input.as_str()).collect();
    let n_automatic = inputs.len();
    inputs.dedup();
    if n_automatic == free.len() && inputs.len() == 1 {
        let unnamed = features.iter_mut().filter(|feature| is_automatic(feature));
        for (feature, name) in unnamed.zip(free) {
            feature.name = name.to_owned();
        }
    }
}

fn learn_one(feature: &mut Feature, column: &Column) {
    if feature.kind == FeatureType::Text {
        feature.categories = categories(&column.cells);
        if 0 < column.cells.n_missing() {
            feature.missing.get_or_insert_with(|| MISSING.to_owned());
        }
        feature.nullable = feature.missing.is_some();
        return;
    }
    // That all numbers seen were whole does not make the next one so: only truth values narrow the type.
    if feature.kind == FeatureType::Number && matches!(column.cells, Cells::Bool(_)) {
        feature.kind = FeatureType::Bool;
    }
    feature.range = range(&column.cells);
}

fn range(cells: &Cells) -> Option<(f64, f64)> {
    let numbers: Vec<f64> = match cells {
        Cells::Number(cells) => cells.iter().copied().filter(|number| number.is_finite()).collect(),
        Cells::Integer(cells) => cells.iter().flatten().map(|number| *number as f64).collect(),
        Cells::Bool(_) | Cells::Text(_) => Vec::new(),
    };
    let low = numbers.iter().copied().reduce(f64::min)?;
    let high = numbers.iter().copied().reduce(f64::max)?;
    Some((low, high))
}

/// The distinct texts, most frequent first, then by name; empty when there are too many to be categories.
fn categories(cells: &Cells) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for row in 0..cells.len() {
        if let Some(text) = text(cells, row) {
            *counts.entry(text).or_default() += 1;
            if MAX_CATEGORIES < counts.len() {
                return Vec::new();
            }
        }
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.into_iter().map(|(text, _)| text).collect()
}

/// A cell as the text it was.
pub(super) fn text(cells: &Cells, row: usize) -> Option<String> {
    match cells {
        Cells::Text(cells) => cells.get(row).cloned().flatten(),
        Cells::Integer(cells) => cells.get(row).copied().flatten().map(|number| number.to_string()),
        Cells::Number(cells) => cells.get(row).filter(|number| !number.is_nan()).map(f64::to_string),
        Cells::Bool(cells) => cells.get(row).copied().flatten().map(|value| value.to_string()),
    }
}

/// Where contract and reference data do not go together.
pub fn mismatches(contract: &FeatureContract, reference: &Table) -> Vec<Finding> {
    let finding = |what: String, fix: &str| Finding {
        id: "features.learnt".to_owned(),
        severity: Severity::Warning,
        what,
        fix: fix.to_owned(),
    };
    let mut findings = Vec::new();
    for feature in &contract.features {
        let name = &feature.name;
        let Some(column) = reference.column(name) else {
            findings.push(finding(
                format!("The reference data has no column {name}"),
                "Rename the feature after its column, or choose other reference data.",
            ));
            continue;
        };
        let is_text = matches!(column.cells, Cells::Text(_));
        if is_text && feature.kind != FeatureType::Text {
            findings.push(finding(
                format!("Column {name} of the reference data holds text, and the model takes numbers there"),
                "Look for a stray word in the column, or check that the features are in the model's order.",
            ));
        }
    }
    findings
}
