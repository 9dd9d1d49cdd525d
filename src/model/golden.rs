//! Golden rows: rows with known answers that are asked wherever the model runs.

use std::path::Path;

use crate::features::{GoldenComparison, Mapping, Prediction, compare_golden};
use crate::jobs::{JobContext, JobError};
use crate::problem::Problem;
use crate::project::contract::{ClassLabel, ModelContract};
use crate::project::documents::{GoldenRow, GoldenRows, Value};
use crate::session::{Asked, SharedSession, ask};
use crate::table::{self, Table};

/// Largest difference between two runs of one model: single precision, another order of additions.
const OWN_TOLERANCE: f64 = 1e-5;

/// Largest difference between the training framework and the exported model that still agrees.
const FRAMEWORK_TOLERANCE: f64 = 1e-4;

/// Most rows kept of an imported file.
const MAX_ROWS: usize = 10_000;

/// What came of asking the golden rows.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenCheck {
    /// Where the expected answers come from.
    pub source: String,
    /// How they compare.
    pub comparison: GoldenComparison,
}

/// Rows with the answers the model itself gave.
pub fn made_golden(mapping: &Mapping, rows: Vec<Vec<Value>>, answers: &[Prediction], origin: &str) -> GoldenRows {
    let rows = rows
        .into_iter()
        .zip(answers)
        .map(|(values, answer)| GoldenRow { values, label: answer.model_label.clone(), scores: answer.scores.clone() })
        .collect();
    GoldenRows { source: origin.to_owned(), features: names(mapping), rows, tolerance: OWN_TOLERANCE }
}

fn names(mapping: &Mapping) -> Vec<String> {
    mapping.features().iter().map(|feature| feature.name.clone()).collect()
}

/// Asks the golden rows here and compares.
pub fn check_golden(
    session: &SharedSession,
    asked: &Asked,
    golden: &GoldenRows,
    context: &JobContext,
) -> Result<GoldenCheck, JobError> {
    let rows: Vec<Vec<Value>> = golden.rows.iter().map(|row| row.values.clone()).collect();
    let (answers, _) = ask(session, asked, &rows, context)?;
    Ok(GoldenCheck { source: golden.source.clone(), comparison: compare_golden(golden, &answers) })
}

/// Reads the training framework's own predictions: the feature columns, and the label, probability or value columns.
///
/// Recognised are `label` or `prediction` for the label, `probability` or `score` for the positive class of two,
/// `probability_<class>` for each class, and `prediction` or `value` for a number.
pub fn import_golden(path: &Path, mapping: &Mapping, model: &ModelContract) -> Result<GoldenRows, Problem> {
    let table = table::read(path, Some(MAX_ROWS))?;
    let values = mapping.rows_from_table(&table)?;
    let classes = model.outputs.iter().map(|output| &output.classes).find(|classes| !classes.is_empty());
    let labels = first_column(&table, &["label", "prediction", "predicted"]);
    let is_classifier = classes.is_some() || model.outputs.len() == 2;
    let mut rows = Vec::with_capacity(values.len());
    for (index, values) in values.into_iter().enumerate() {
        let cell = |name: &str| table.column(name).map(|column| column.cells.value(index));
        let scores = if is_classifier {
            class_scores(classes.map_or(&[][..], Vec::as_slice), &cell)
        } else {
            ["prediction", "value", "predicted", "score"]
                .iter()
                .find_map(|name| number(cell(name)?))
                .into_iter()
                .collect()
        };
        let label = labels.filter(|_| is_classifier).and_then(cell).and_then(label_of);
        rows.push(GoldenRow { values, label, scores });
    }
    if rows.iter().all(|row| row.label.is_none() && row.scores.is_empty()) {
        return Err(Problem::new(
            "No column of this file holds a prediction",
            path.display().to_string(),
            "Name it “label”, “probability”, “probability_<class>” or “prediction”.",
        ));
    }
    let source = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(GoldenRows { source, features: names(mapping), rows, tolerance: FRAMEWORK_TOLERANCE })
}

fn first_column<'a>(table: &Table, names: &[&'a str]) -> Option<&'a str> {
    names.iter().copied().find(|name| table.column(name).is_some())
}

fn class_scores(classes: &[ClassLabel], cell: &impl Fn(&str) -> Option<Value>) -> Vec<f64> {
    let each: Option<Vec<f64>> = classes.iter().map(|class| number(cell(&format!("probability_{class}"))?)).collect();
    if let Some(scores) = each.filter(|scores| !scores.is_empty()) {
        return scores;
    }
    let positive = ["probability", "score"].iter().find_map(|name| number(cell(name)?));
    match positive {
        // The one column people export is that of the second class.
        Some(probability) if classes.len() <= 2 => vec![1.0 - probability, probability],
        _ => Vec::new(),
    }
}

fn number(value: Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(number),
        Value::Bool(_) | Value::Text(_) | Value::Missing => None,
    }
}

fn label_of(value: Value) -> Option<ClassLabel> {
    match value {
        Value::Missing => None,
        Value::Bool(value) => Some(ClassLabel::Int(i64::from(value))),
        Value::Number(number) if number.fract() == 0.0 => Some(ClassLabel::Int(number as i64)),
        Value::Number(number) => Some(ClassLabel::Text(number.to_string())),
        Value::Text(text) => Some(ClassLabel::Text(text)),
    }
}
