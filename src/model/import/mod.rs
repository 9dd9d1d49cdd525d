//! The training framework's own predictions as golden rows.

use std::collections::HashMap;
use std::path::Path;

use crate::command::GoldenImport;
use crate::features::{FeatureError, Mapping};
use crate::problem::Problem;
use crate::project::contract::{ClassLabel, Dim, ModelContract, TensorSpec};
use crate::project::documents::{GoldenRow, GoldenRows, Value};
use crate::table::{self, Cells, Column, ReadConfig, Table};

/// The class and the scores that a row states.
type Answer = (Option<ClassLabel>, Vec<f64>);

/// Largest difference between the training framework and the exported model that still agrees.
pub const FRAMEWORK_TOLERANCE: f64 = 1e-4;

/// Most rows kept of an imported file.
const MAX_ROWS: usize = 10_000;

/// Names of a column that holds the predicted class, or the predicted number.
const LABELS: &[&str] =
    &["label", "prediction", "predicted", "predicted_label", "predicted_class", "pred", "y_pred", "yhat", "y_hat"];
/// Names of a column that holds the predicted number.
const VALUES: &[&str] =
    &["prediction", "value", "predicted", "predicted_value", "pred", "y_pred", "yhat", "y_hat", "score"];
/// Names of a column that holds the probability of the second of two classes.
const POSITIVES: &[&str] = &["probability", "proba", "prob", "score", "y_proba", "y_prob", "predicted_proba"];
/// What the names of a class's probability begin with.
const PREFIXES: &[&str] = &["probability", "proba", "prob", "score", "p", "predict_proba", "y_proba"];

/// Golden rows that were read, and what could not be used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// The rows.
    pub golden: GoldenRows,
    /// Rows that cannot be compared, counted from 0, each with the reason.
    pub skipped: Vec<(usize, String)>,
    /// What to know about how the file was read.
    pub remarks: Vec<String>,
}

/// Reads the predictions with their features.
///
/// A class is in a column `label` or `prediction` (and names like these); probabilities are in `probability` for the
/// second of two classes, or in one column a class: `probability_<class>`, `proba_0` and so on in the order of the
/// classes, or the classes' own names. A number is in `prediction` or `value`.
pub fn import_golden(import: &GoldenImport, mapping: &Mapping, model: &ModelContract) -> Result<Imported, Problem> {
    let path = &import.predictions;
    let expected = Expected::of(model);
    let read = |path: &Path| {
        let mut text_columns = mapping.text_columns();
        // `01` is not 1 when it names a class or a row.
        text_columns.extend(import.id.clone());
        if expected.has_text_classes() {
            text_columns.extend(LABELS.iter().map(|name| (*name).to_owned()));
        }
        table::read_with(path, &ReadConfig { max_rows: Some(MAX_ROWS), text_columns }).map_err(Problem::from)
    };
    let predictions = read(path)?;
    let (features, predictions) = match &import.rows {
        Some(rows) => joined(read(rows)?, predictions, import)?,
        None => (predictions.clone(), predictions),
    };
    let columns = expected.columns(&predictions, mapping).map_err(|problem| problem.at(path))?;
    let mut imported = Imported::default();
    let features = by_position(features, &columns, mapping, &mut imported.remarks);
    let place = import.rows.as_ref().unwrap_or(path);
    let values = mapping.rows_from_table(&features).map_err(|error| feature_problem(error, &features, place))?;
    for (index, values) in values.into_iter().enumerate() {
        match expected.row(&columns, &predictions, index) {
            Ok(Some((label, scores))) => match mapping.encode(std::slice::from_ref(&values)) {
                Ok(_) => imported.golden.rows.push(GoldenRow { values, label, scores }),
                Err(error) => imported.skipped.push((index, without_row(&error))),
            },
            Ok(None) => imported.skipped.push((index, "no prediction is given".to_owned())),
            Err(problem) => return Err(problem.at(path)),
        }
    }
    if imported.golden.rows.is_empty() {
        let why = imported.skipped.first().map_or("it has no rows", |(_, why)| why.as_str());
        return Err(Problem::new(
            format!("No row of this file can be compared: {why}"),
            path.display().to_string(),
            "Write one row per prediction, with the model's features and its answer.",
        ));
    }
    imported.golden.source = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    imported.golden.features = mapping.features().iter().map(|feature| feature.name.clone()).collect();
    imported.golden.tolerance = import.tolerance.unwrap_or(FRAMEWORK_TOLERANCE);
    Ok(imported)
}

/// A value that cannot be given to the model, without the number of a row that stands alone.
fn without_row(error: &FeatureError) -> String {
    match error {
        FeatureError::Value { feature, expected, given, .. } => {
            format!("{feature}: {expected} expected, {given} given")
        }
        other => other.to_string(),
    }
}

fn feature_problem(error: FeatureError, table: &Table, place: &Path) -> Problem {
    let has = table.names().take(12).collect::<Vec<_>>().join(", ");
    match error {
        FeatureError::MissingColumns { .. } => {
            let what = format!("{error}, which the model takes; it has {has}");
            Problem::new(what, place.display().to_string(), error.fix())
        }
        error => Problem::from(error).at(place),
    }
}

/// Names that are the same but for case, spaces and signs between words.
fn plain(name: &str) -> String {
    let joined: String = name
        .chars()
        .map(|letter| if letter.is_alphanumeric() { letter } else { '_' })
        .flat_map(char::to_lowercase)
        .collect();
    joined.trim_matches('_').to_owned()
}

/// The two files row by row: by an id, or by their order.
fn joined(features: Table, predictions: Table, import: &GoldenImport) -> Result<(Table, Table), Problem> {
    let (n_features, n_predictions) = (features.n_rows(), predictions.n_rows());
    let place = import.predictions.display().to_string();
    let Some(id) = &import.id else {
        if n_features != n_predictions {
            return Err(Problem::new(
                format!("There are {n_predictions} predictions and {n_features} rows of features"),
                place,
                "Give both files the same rows in the same order, or name the column that both have with --id.",
            ));
        }
        return Ok((features, predictions));
    };
    let ids = |table: &Table, place: &Path| {
        let column = table.column(id).ok_or_else(|| {
            let has = table.names().take(12).collect::<Vec<_>>().join(", ");
            let what = format!("There is no column {id} to match the rows by; there are {has}");
            Problem::new(what, place.display().to_string(), "Name the column that both files have.")
        })?;
        Ok::<_, Problem>((0..table.n_rows()).map(|row| written(column, row)).collect::<Vec<Option<String>>>())
    };
    let of_features = ids(&features, import.rows.as_deref().unwrap_or(&import.predictions))?;
    let mut at: HashMap<String, usize> = HashMap::new();
    for (row, id) in ids(&predictions, &import.predictions)?.into_iter().enumerate() {
        let Some(id) = id else { continue };
        if let Some(before) = at.insert(id.clone(), row) {
            return Err(Problem::new(
                format!("The id {id} is there twice, in rows {} and {}", before + 1, row + 1),
                place,
                "Keep one prediction per row.",
            ));
        }
    }
    let found: Vec<Option<usize>> = of_features.iter().map(|id| at.get(id.as_deref()?).copied()).collect();
    if found.iter().all(Option::is_none) {
        return Err(Problem::new(
            format!("No {id} of the features is among the predictions"),
            place,
            "Check that both files are about the same rows.",
        ));
    }
    let columns = predictions
        .columns
        .iter()
        .map(|column| Column { name: column.name.clone(), cells: picked(&column.cells, &found) });
    let columns = columns.collect();
    Ok((features, Table { columns }))
}

/// The cells at some rows; nothing where there is none.
fn picked(cells: &Cells, rows: &[Option<usize>]) -> Cells {
    fn some<T: Clone>(cells: &[Option<T>], rows: &[Option<usize>]) -> Vec<Option<T>> {
        rows.iter().map(|row| cells.get((*row)?).cloned().flatten()).collect()
    }
    match cells {
        Cells::Number(cells) => {
            let cell = |row: &Option<usize>| row.and_then(|row| cells.get(row).copied()).unwrap_or(f64::NAN);
            Cells::Number(rows.iter().map(cell).collect())
        }
        Cells::Integer(cells) => Cells::Integer(some(cells, rows)),
        Cells::Bool(cells) => Cells::Bool(some(cells, rows)),
        Cells::Text(cells) => Cells::Text(some(cells, rows)),
    }
}

/// A cell as it was written, as far as that is still known.
fn written(column: &Column, row: usize) -> Option<String> {
    match column.cells.value(row) {
        Value::Missing => None,
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Text(text) => Some(text),
    }
}

/// Which columns hold the predictions.
#[derive(Clone, Debug, Default)]
struct Columns {
    label: Option<String>,
    /// One per score.
    scores: Vec<String>,
    /// Whether the one score is the probability of the second of two classes.
    is_positive: bool,
}

impl Columns {
    fn holds(&self, name: &str) -> bool {
        self.label.as_deref() == Some(name) || self.scores.iter().any(|score| score == name)
    }
}

/// Without names of their own, the features of a model take those columns that are left, in their order.
fn by_position(mut table: Table, columns: &Columns, mapping: &Mapping, remarks: &mut Vec<String>) -> Table {
    let features = mapping.features();
    let is_numbered = features
        .iter()
        .all(|feature| feature.column.is_some_and(|column| feature.name == format!("{}_{column}", feature.input)));
    let named = features.iter().any(|feature| table.column(&feature.name).is_some());
    if named || !is_numbered {
        return table;
    }
    let free: Vec<usize> = (0..table.columns.len()).filter(|at| !columns.holds(&table.columns[*at].name)).collect();
    if free.len() == features.len() {
        let names: Vec<&str> = free.iter().map(|at| table.columns[*at].name.as_str()).collect();
        remarks.push(format!(
            "The columns {} were taken in their order, because the model's features have no names",
            names.iter().take(8).copied().collect::<Vec<_>>().join(", ")
        ));
        for (at, feature) in free.into_iter().zip(features) {
            table.columns[at].name.clone_from(&feature.name);
        }
    }
    table
}

/// What the model answers, and so what a prediction must say.
struct Expected {
    classes: Vec<ClassLabel>,
    /// Scores of one row, when that is known.
    width: Option<usize>,
    is_classifier: bool,
}

impl Expected {
    fn of(model: &ModelContract) -> Self {
        let classes = model.outputs.iter().map(|output| &output.classes).find(|classes| !classes.is_empty());
        let columns = |output: &TensorSpec| match output.shape.as_slice() {
            [_, Dim::Fixed(width)] if output.dtype.is_float() => usize::try_from(*width).ok(),
            _ => None,
        };
        let has_label = model.outputs.iter().any(|output| !output.dtype.is_float());
        let width = classes.map(Vec::len).or_else(|| model.outputs.iter().find_map(columns));
        Self {
            is_classifier: classes.is_some() || has_label || width.is_some_and(|width| 1 < width),
            classes: classes.cloned().unwrap_or_default(),
            width,
        }
    }

    fn has_text_classes(&self) -> bool {
        self.classes.iter().any(|class| matches!(class, ClassLabel::Text(_)))
    }

    /// Which columns of the table hold what this model answers.
    fn columns(&self, table: &Table, mapping: &Mapping) -> Result<Columns, Problem> {
        let free = |column: &&Column| !mapping.features().iter().any(|feature| feature.name == column.name);
        let find = |wanted: &str| table.columns.iter().filter(free).find(|column| plain(&column.name) == plain(wanted));
        let first = |names: &[&str]| names.iter().find_map(|name| find(name)).map(|column| column.name.clone());
        if !self.is_classifier {
            let value = first(VALUES).ok_or_else(|| self.no_prediction(table))?;
            return Ok(Columns { scores: vec![value], ..Columns::default() });
        }
        let mut columns = Columns { label: first(LABELS), ..Columns::default() };
        let class_names: Vec<String> = self.classes.iter().map(ToString::to_string).collect();
        let numbers: Vec<String> = (0..self.width.unwrap_or(0)).map(|index| index.to_string()).collect();
        let each = |names: &[String], prefix: Option<&str>| -> Option<Vec<String>> {
            let names = names.iter().map(|name| {
                let wanted = prefix.map_or_else(|| name.clone(), |prefix| format!("{prefix}_{name}"));
                Some(find(&wanted)?.name.clone())
            });
            names.collect::<Option<Vec<String>>>().filter(|names| !names.is_empty())
        };
        let prefixed = |names: &[String]| PREFIXES.iter().find_map(|prefix| each(names, Some(prefix)));
        let scores = prefixed(&class_names)
            .or_else(|| each(&class_names, None).filter(|_| self.has_text_classes()))
            .or_else(|| prefixed(&numbers));
        if let Some(scores) = scores {
            columns.scores = scores;
        } else if self.width.is_none_or(|width| width <= 2) {
            let second = class_names.get(1).or_else(|| numbers.get(1)).map(std::slice::from_ref);
            let positive = first(POSITIVES).or_else(|| prefixed(second?)?.pop());
            columns.is_positive = positive.is_some();
            columns.scores = positive.into_iter().collect();
        }
        // A column of numbers under a name for both is the probability, not the class.
        if columns.label.is_none() && columns.scores.is_empty() {
            return Err(self.no_prediction(table));
        }
        Ok(columns)
    }

    fn no_prediction(&self, table: &Table) -> Problem {
        let has = table.names().take(12).collect::<Vec<_>>().join(", ");
        let classes: Vec<String> = self.classes.iter().take(3).map(|class| format!("“probability_{class}”")).collect();
        let fix = match (self.is_classifier, classes.is_empty()) {
            (false, _) => "Name the predicted number “prediction” or “value”.".to_owned(),
            (true, true) => {
                "Name the predicted class “label”, and its probabilities “probability_<class>” or “proba_0”, “proba_1” ….".to_owned()
            }
            (true, false) => format!("Name the predicted class “label”, and its probabilities {}.", classes.join(", ")),
        };
        Problem::new(format!("No column of this file holds a prediction; it has {has}"), "", fix)
    }

    /// The class and the scores of one row; `None` when nothing is given.
    fn row(&self, columns: &Columns, table: &Table, row: usize) -> Result<Option<Answer>, Problem> {
        let cell = |name: &str| table.column(name).map_or(Value::Missing, |column| column.cells.value(row));
        let mut scores = Vec::with_capacity(columns.scores.len());
        for name in &columns.scores {
            match cell(name) {
                Value::Number(number) => scores.push(number),
                Value::Bool(value) => scores.push(f64::from(u8::from(value))),
                Value::Missing => return Ok(None),
                Value::Text(text) => {
                    return Err(Problem::new(
                        format!("Row {}: {name} must be a number, and is “{text}”", row + 1),
                        "",
                        "Correct the value, or leave the cell empty.",
                    ));
                }
            }
        }
        if columns.is_positive
            && let [positive] = scores[..]
        {
            // The one column that people export is that of the second class.
            scores = vec![1.0 - positive, positive];
        }
        let label = match columns.label.as_deref().map(cell) {
            None => None,
            Some(Value::Missing) => return Ok(None),
            Some(value) => Some(self.label(value, row)?),
        };
        Ok(Some((label, scores)))
    }

    /// The model's class that a cell means.
    fn label(&self, value: Value, row: usize) -> Result<ClassLabel, Problem> {
        let (words, read) = match value {
            Value::Bool(value) => {
                let number = i64::from(value);
                let title = if value { "True" } else { "False" };
                (vec![value.to_string(), title.to_owned(), number.to_string()], ClassLabel::Int(number))
            }
            Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                (vec![format!("{number:.0}"), format!("{number:.1}")], ClassLabel::Int(number as i64))
            }
            Value::Number(number) => (vec![number.to_string()], ClassLabel::Text(number.to_string())),
            Value::Text(text) => {
                // Whole numbers are sometimes written `1.0`.
                let whole = text.strip_suffix(".0").unwrap_or(&text).to_owned();
                (vec![text.clone(), whole], ClassLabel::Text(text))
            }
            Value::Missing => (Vec::new(), ClassLabel::Text(String::new())),
        };
        if self.classes.is_empty() {
            return Ok(read);
        }
        let known = self.classes.iter().find(|class| words.contains(&class.to_string()));
        known.cloned().ok_or_else(|| {
            let classes: Vec<String> = self.classes.iter().take(8).map(ToString::to_string).collect();
            Problem::new(
                format!("Row {}: “{read}” is none of the model's classes ({})", row + 1, classes.join(", ")),
                "",
                "Write the classes as the model was trained on them, or import the predictions of this model.",
            )
        })
    }
}

#[cfg(test)]
mod tests;
