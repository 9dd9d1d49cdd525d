//! The outputs of a model as predictions, read as the brief says.

use super::{FeatureError, Reading};
use crate::engine::tensor::{Tensor, TensorData};
use crate::project::brief::{OutputKind, OutputSpec};
use crate::project::contract::{ClassLabel, Dim, ModelContract, TensorSpec};
use crate::table::{Cells, Column, Table};

/// The model's answer to one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// The class. It is the model's own label, unless the brief's threshold is not 0.5 and there are two classes:
    /// then the threshold decides.
    pub label: Option<ClassLabel>,
    /// The model's own class, whatever the brief says; golden rows are compared with it.
    pub model_label: Option<ClassLabel>,
    /// Class probabilities or decision scores in class order, or the one number of a regressor.
    pub scores: Vec<f64>,
    /// The classes of `scores`; empty when they are not known or there are none.
    pub classes: Vec<ClassLabel>,
    /// Probability of the positive class.
    pub probability: Option<f64>,
    /// The risk level of `probability` (or of the regressor's number).
    pub level: Option<String>,
}

/// The reading of the output: the brief's, or what the model's outputs suggest when the brief states none.
pub fn output_for(model: &ModelContract, stated: Option<&OutputSpec>) -> OutputSpec {
    stated.cloned().unwrap_or_else(|| {
        let kind = match (scores_output(model), label_output(model)) {
            (Some(scores), _) if is_wide(scores) => OutputKind::Probability,
            (Some(_), None) => OutputKind::Number,
            _ => OutputKind::Label,
        };
        OutputSpec { kind, ..OutputSpec::default() }
    })
}

/// Reads one prediction per row.
///
/// Scores are the float output that carries classes, else one named after probabilities, else the widest.
/// Scores that are not probabilities (they leave 0 to 1, or do not add up to 1) give a label and no probability.
/// A single column is a probability when the brief says so and the model gives no label; else it is a number.
pub fn predictions(
    model: &ModelContract,
    output: &OutputSpec,
    outputs: &[Tensor],
) -> Result<Vec<Prediction>, FeatureError> {
    let raw = RawOutputs::of(model, outputs)?;
    let reading = Reading::of(output, &raw)?;
    let RawOutputs { rows, labels, .. } = raw;
    let own = |row: usize| labels.as_ref().and_then(|labels| labels.get(row).cloned());
    Ok(rows.into_iter().enumerate().map(|(row, scores)| reading.read(scores, own(row))).collect())
}

/// The outputs that predictions are made of: the scores and the label of each row.
pub(super) struct RawOutputs {
    /// The classes of the scores, when the contract names them.
    pub(super) classes: Vec<ClassLabel>,
    /// The scores of each row; empty where there are only labels.
    pub(super) rows: Vec<Vec<f64>>,
    pub(super) labels: Option<Vec<ClassLabel>>,
}

impl RawOutputs {
    pub(super) fn of(model: &ModelContract, outputs: &[Tensor]) -> Result<Self, FeatureError> {
        let tensor =
            |spec: Option<&TensorSpec>| spec.and_then(|spec| outputs.iter().find(|tensor| tensor.name == spec.name));
        let scores_spec = scores_output(model);
        let (scores, labels) = (tensor(scores_spec), tensor(label_output(model)));
        let labels = labels.map(labels_of).transpose()?;
        let rows = scores.map(score_rows).transpose()?;
        let rows = match (rows, &labels) {
            (Some(rows), Some(labels)) if rows.len() != labels.len() => {
                return Err(unreadable(format!("{} rows of scores and {} labels", rows.len(), labels.len())));
            }
            (Some(rows), _) => rows,
            (None, Some(labels)) => vec![Vec::new(); labels.len()],
            (None, None) => return Err(unreadable("no output holds labels or scores".to_owned())),
        };
        Ok(Self { classes: scores_spec.map(|spec| spec.classes.clone()).unwrap_or_default(), rows, labels })
    }
}

fn unreadable(reason: String) -> FeatureError {
    FeatureError::Output { reason }
}

fn is_wide(spec: &TensorSpec) -> bool {
    !spec.classes.is_empty() || matches!(spec.shape.as_slice(), [_, Dim::Fixed(n)] if 1 < *n)
}

fn scores_output(model: &ModelContract) -> Option<&TensorSpec> {
    let floats = || model.outputs.iter().filter(|output| output.dtype.is_float());
    floats()
        .find(|output| !output.classes.is_empty())
        .or_else(|| floats().find(|output| output.name.to_lowercase().contains("prob")))
        .or_else(|| floats().find(|output| is_wide(output)))
        .or_else(|| floats().next())
}

fn label_output(model: &ModelContract) -> Option<&TensorSpec> {
    let labels = || model.outputs.iter().filter(|output| !output.dtype.is_float());
    let is_column = |spec: &&TensorSpec| match spec.shape.as_slice() {
        [] | [_] => true,
        [_, rest @ ..] => rest.iter().all(|dim| dim.fixed() == Some(1)),
    };
    labels().find(|output| output.name.to_lowercase().contains("label")).or_else(|| labels().find(is_column))
}

fn labels_of(tensor: &Tensor) -> Result<Vec<ClassLabel>, FeatureError> {
    let labels: Vec<ClassLabel> = match &tensor.data {
        TensorData::Text(labels) => labels.iter().cloned().map(ClassLabel::Text).collect(),
        data => {
            let numbers = integers(data).ok_or_else(|| unreadable(format!("{} holds no labels", tensor.name)))?;
            numbers.into_iter().map(ClassLabel::Int).collect()
        }
    };
    // A label per row; anything else is no label.
    if labels.len() == tensor.n_rows() {
        Ok(labels)
    } else {
        Err(unreadable(format!("{} has {} labels for {} rows", tensor.name, labels.len(), tensor.n_rows())))
    }
}

fn integers(data: &TensorData) -> Option<Vec<i64>> {
    fn all<T: Copy + Into<i64>>(numbers: &[T]) -> Vec<i64> {
        numbers.iter().map(|number| (*number).into()).collect()
    }
    Some(match data {
        TensorData::Bool(numbers) => all(numbers),
        TensorData::U8(numbers) => all(numbers),
        TensorData::U16(numbers) => all(numbers),
        TensorData::U32(numbers) => all(numbers),
        TensorData::U64(numbers) => numbers.iter().map(|number| i64::try_from(*number).ok()).collect::<Option<_>>()?,
        TensorData::I8(numbers) => all(numbers),
        TensorData::I16(numbers) => all(numbers),
        TensorData::I32(numbers) => all(numbers),
        TensorData::I64(numbers) => numbers.clone(),
        TensorData::F16(_) | TensorData::F32(_) | TensorData::F64(_) | TensorData::Text(_) => return None,
    })
}

fn score_rows(tensor: &Tensor) -> Result<Vec<Vec<f64>>, FeatureError> {
    let numbers: Vec<f64> = match &tensor.data {
        TensorData::F32(numbers) => numbers.iter().copied().map(f64::from).collect(),
        TensorData::F64(numbers) => numbers.clone(),
        TensorData::F16(bits) => bits.iter().copied().map(half).collect(),
        _ => return Err(unreadable(format!("{} holds no numbers", tensor.name))),
    };
    let n = tensor.n_rows();
    if n == 0 {
        return Ok(Vec::new());
    }
    let width = numbers.len() / n;
    if width == 0 || width * n != numbers.len() {
        return Err(unreadable(format!("{} has {} numbers for {n} rows", tensor.name, numbers.len())));
    }
    Ok(numbers.chunks(width).map(<[f64]>::to_vec).collect())
}

/// Half precision from its bits.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from((bits >> 10) & 0x1F), f64::from(bits & 0x3FF));
    match exponent {
        0 => sign * fraction * 2.0_f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1024.0 + fraction) * 2.0_f64.powi(exponent - 25),
    }
}

/// Predictions as columns, to be written beside or instead of the rows they answer.
///
/// `label`, `probability` (also that of each class) and `level` where there are any; `prediction` for a number;
/// else a score per class.
pub fn prediction_table(predictions: &[Prediction]) -> Table {
    let mut columns = Vec::new();
    let mut add = |name: &str, cells: Cells| columns.push(Column { name: name.to_owned(), cells });
    if predictions.iter().any(|prediction| prediction.label.is_some()) {
        add("label", label_cells(predictions));
    }
    if predictions.iter().any(|prediction| prediction.probability.is_some()) {
        let numbers = predictions.iter().map(|prediction| prediction.probability.unwrap_or(f64::NAN));
        add("probability", Cells::Number(numbers.collect()));
    } else {
        let width = predictions.iter().map(|prediction| prediction.scores.len()).max().unwrap_or(0);
        let classes = predictions.first().map_or(&[][..], |prediction| prediction.classes.as_slice());
        for index in 0..width {
            let name = match classes.get(index) {
                Some(class) => format!("score_{class}"),
                None if width == 1 && predictions.iter().all(|prediction| prediction.label.is_none()) => {
                    "prediction".to_owned()
                }
                None if width == 1 => "score".to_owned(),
                None => format!("score_{index}"),
            };
            let numbers =
                predictions.iter().map(|prediction| prediction.scores.get(index).copied().unwrap_or(f64::NAN));
            add(&name, Cells::Number(numbers.collect()));
        }
    }
    if predictions.iter().any(|prediction| prediction.level.is_some()) {
        add("level", Cells::Text(predictions.iter().map(|prediction| prediction.level.clone()).collect()));
    }
    if predictions.iter().any(|prediction| prediction.probability.is_some()) {
        let classes = predictions.first().map_or(&[][..], |prediction| prediction.classes.as_slice());
        for (index, class) in classes.iter().enumerate() {
            let numbers =
                predictions.iter().map(|prediction| prediction.scores.get(index).copied().unwrap_or(f64::NAN));
            add(&format!("probability_{class}"), Cells::Number(numbers.collect()));
        }
    }
    Table { columns }
}

fn label_cells(predictions: &[Prediction]) -> Cells {
    let labels = || predictions.iter().map(|prediction| prediction.label.as_ref());
    if labels().flatten().all(|label| matches!(label, ClassLabel::Int(_))) {
        let integer = |label: &ClassLabel| match label {
            ClassLabel::Int(label) => Some(*label),
            ClassLabel::Text(_) => None,
        };
        Cells::Integer(labels().map(|label| label.and_then(integer)).collect())
    } else {
        Cells::Text(labels().map(|label| label.map(ClassLabel::to_string)).collect())
    }
}
