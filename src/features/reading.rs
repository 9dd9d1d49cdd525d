//! How a model's outputs are read as predictions, settled once, so that all rows get the same columns.

use serde::{Deserialize, Serialize};

use super::FeatureError;
use super::predict::{Prediction, RawOutputs};
use crate::engine::tensor::Tensor;
use crate::project::brief::{OutputKind, OutputSpec};
use crate::project::contract::{ClassLabel, ModelContract};
use crate::table::{Cells, Column, Table};

/// How all rows are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    output: OutputSpec,
    classes: Vec<ClassLabel>,
    meaning: Meaning,
    /// Scores of a row.
    width: usize,
    /// Whether rows get a label, and whether labels are texts.
    labelled: bool,
    text_labels: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Meaning {
    /// Nothing but a label.
    Label,
    /// One number.
    Number,
    /// The probability of the second of two classes; `of_first` when the brief asks for the first.
    Single { of_first: bool },
    /// A probability per class, of which one is the positive's.
    Probabilities { positive: usize },
    /// A score per class: the largest wins.
    Scores,
}

impl Reading {
    /// The reading that these outputs suggest.
    pub fn settle(model: &ModelContract, output: &OutputSpec, outputs: &[Tensor]) -> Result<Self, FeatureError> {
        Self::of(output, &RawOutputs::of(model, outputs)?)
    }

    pub(super) fn of(output: &OutputSpec, raw: &RawOutputs) -> Result<Self, FeatureError> {
        let RawOutputs { classes, rows, labels } = raw;
        let labels = labels.as_deref();
        let width = rows.first().map_or(0, Vec::len);
        let reading = |classes: Vec<ClassLabel>, meaning| {
            let is_text = |label: &ClassLabel| matches!(label, ClassLabel::Text(_));
            Self {
                output: output.clone(),
                labelled: labels.is_some() || !classes.is_empty(),
                text_labels: labels.unwrap_or(&classes).iter().any(is_text),
                classes,
                meaning,
                width,
            }
        };
        if width < 2 {
            let probability = output.kind == OutputKind::Probability && labels.is_none() && width == 1;
            let within = rows.iter().flatten().all(|score| (0.0..=1.0).contains(score) || score.is_nan());
            if !(probability && within) {
                let meaning = if width == 0 { Meaning::Label } else { Meaning::Number };
                return Ok(reading(Vec::new(), meaning));
            }
            let classes = vec![ClassLabel::Int(0), ClassLabel::Int(1)];
            let of_first = positive(output, &classes, 2)? == 0;
            return Ok(reading(classes, Meaning::Single { of_first }));
        }
        // Without names, classes are numbered, unless the model's own labels are of another kind.
        let numbered =
            |label: &ClassLabel| matches!(label, ClassLabel::Int(label) if (0..width as i64).contains(label));
        let classes = if classes.len() == width {
            classes.clone()
        } else if labels.is_none_or(|labels| labels.iter().all(numbered)) && output.kind != OutputKind::Number {
            (0..width as i64).map(ClassLabel::Int).collect()
        } else {
            Vec::new()
        };
        let meaning = if output.kind == OutputKind::Probability && rows.iter().all(|row| is_distribution(row)) {
            Meaning::Probabilities { positive: positive(output, &classes, width)? }
        } else {
            Meaning::Scores
        };
        Ok(reading(classes, meaning))
    }

    /// A prediction per row; a row that cannot be read in this way has a reason instead.
    pub fn rows(
        &self,
        model: &ModelContract,
        outputs: &[Tensor],
    ) -> Result<Vec<Result<Prediction, String>>, FeatureError> {
        let RawOutputs { rows, labels, .. } = RawOutputs::of(model, outputs)?;
        let own = |row: usize| labels.as_ref().and_then(|labels| labels.get(row).cloned());
        let one = |(row, scores): (usize, Vec<f64>)| {
            if scores.len() != self.width {
                return Err(format!("the model gave {} scores in place of {}", scores.len(), self.width));
            }
            let fits = match self.meaning {
                Meaning::Probabilities { .. } => is_distribution(&scores),
                Meaning::Single { .. } => scores.iter().all(|score| (0.0..=1.0).contains(score) || score.is_nan()),
                Meaning::Label | Meaning::Number | Meaning::Scores => true,
            };
            if fits {
                Ok(self.read(scores, own(row)))
            } else {
                Err(format!("the model's scores {scores:?} are not probabilities, as those of other rows are"))
            }
        };
        Ok(rows.into_iter().enumerate().map(one).collect())
    }

    pub(super) fn read(&self, scores: Vec<f64>, own: Option<ClassLabel>) -> Prediction {
        let (threshold, two) = (self.output.threshold, self.classes.len() == 2);
        let moved = f64::EPSILON < (threshold - 0.5).abs();
        let class = |index: usize| self.classes.get(index).cloned();
        match self.meaning {
            Meaning::Label => Prediction { label: own.clone(), model_label: own, ..Prediction::default() },
            Meaning::Number => {
                let is_answer = self.output.kind == OutputKind::Number;
                let level = scores.first().filter(|_| is_answer).and_then(|score| self.level(*score));
                Prediction { label: own.clone(), model_label: own, scores, level, ..Prediction::default() }
            }
            Meaning::Single { of_first } => {
                let second = scores.first().copied().unwrap_or(f64::NAN);
                let (first, positive) = (1.0 - second, usize::from(!of_first));
                let probability = if of_first { first } else { second };
                let model_label = if second.is_nan() { None } else { class(usize::from(0.5 <= second)) };
                let label = if moved { self.decided(probability, positive) } else { model_label.clone() };
                Prediction {
                    label,
                    model_label,
                    scores: vec![first, second],
                    classes: self.classes.clone(),
                    probability: Some(probability),
                    level: self.level(probability),
                }
            }
            Meaning::Probabilities { positive } => {
                let probability = scores.get(positive).copied().unwrap_or(f64::NAN);
                let model_label = own.or_else(|| class(largest(&scores)?));
                let label = if moved && two { self.decided(probability, positive) } else { model_label.clone() };
                let (classes, level) = (self.classes.clone(), self.level(probability));
                Prediction { label, model_label, scores, classes, probability: Some(probability), level }
            }
            Meaning::Scores => {
                let model_label = own.or_else(|| class(largest(&scores)?));
                let classes = self.classes.clone();
                Prediction { label: model_label.clone(), model_label, scores, classes, ..Prediction::default() }
            }
        }
    }

    /// The class that the brief's threshold decides for, of two; none when the probability is not a number.
    fn decided(&self, probability: f64, positive: usize) -> Option<ClassLabel> {
        let index = if self.output.threshold <= probability { positive } else { 1 - positive.min(1) };
        self.classes.get(index).filter(|_| !probability.is_nan()).cloned()
    }

    fn level(&self, score: f64) -> Option<String> {
        self.output.band(score).map(str::to_owned)
    }

    /// Predictions as columns, the same ones whatever the predictions are; a row without one has missing cells.
    ///
    /// `label`, `probability` (also that of each class) and `level` where there are any; `prediction` for a number;
    /// else a score per class.
    pub fn table(&self, predictions: &[Option<Prediction>]) -> Table {
        let mut columns = Vec::new();
        let mut add = |name: &str, cells: Cells| columns.push(Column { name: name.to_owned(), cells });
        let numbers = |number: &dyn Fn(&Prediction) -> Option<f64>| {
            let number = |prediction: &Option<Prediction>| prediction.as_ref().and_then(number).unwrap_or(f64::NAN);
            Cells::Number(predictions.iter().map(number).collect())
        };
        let score = |index: usize| numbers(&|prediction| prediction.scores.get(index).copied());
        if self.labelled {
            let label = |prediction: &Option<Prediction>| prediction.as_ref().and_then(|given| given.label.clone());
            let labels = predictions.iter().map(label);
            let integer = |label: Option<ClassLabel>| match label? {
                ClassLabel::Int(label) => Some(label),
                ClassLabel::Text(_) => None,
            };
            add(
                "label",
                if self.text_labels {
                    Cells::Text(labels.map(|label| label.map(|label| label.to_string())).collect())
                } else {
                    Cells::Integer(labels.map(integer).collect())
                },
            );
        }
        let probable = matches!(self.meaning, Meaning::Single { .. } | Meaning::Probabilities { .. });
        if probable {
            add("probability", numbers(&|prediction| prediction.probability));
        } else {
            for index in 0..self.width {
                let name = match self.classes.get(index) {
                    Some(class) => format!("score_{class}"),
                    None if self.width == 1 && !self.labelled => "prediction".to_owned(),
                    None if self.width == 1 => "score".to_owned(),
                    None => format!("score_{index}"),
                };
                add(&name, score(index));
            }
        }
        let is_number = self.meaning == Meaning::Number && self.output.kind == OutputKind::Number;
        if !self.output.bands.is_empty() && (probable || is_number) {
            let level = |prediction: &Option<Prediction>| prediction.as_ref().and_then(|given| given.level.clone());
            add("level", Cells::Text(predictions.iter().map(level).collect()));
        }
        if probable {
            for (index, class) in self.classes.iter().enumerate() {
                add(&format!("probability_{class}"), score(index));
            }
        }
        Table { columns }
    }
}

/// Position of the largest score; none when one is not a number.
fn largest(scores: &[f64]) -> Option<usize> {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if score.is_nan() {
            return None;
        }
        if scores[best] < *score {
            best = index;
        }
    }
    Some(best)
}

/// Whether a row is a distribution, up to single precision; one that is not of numbers is let through.
fn is_distribution(row: &[f64]) -> bool {
    let sum: f64 = row.iter().sum();
    sum.is_nan() || ((sum - 1.0).abs() <= 1e-2 && row.iter().all(|score| (-1e-6..=1.0 + 1e-6).contains(score)))
}

/// Position of the positive class; the last when the brief names none.
fn positive(output: &OutputSpec, classes: &[ClassLabel], width: usize) -> Result<usize, FeatureError> {
    let Some(wanted) = &output.positive_class else { return Ok(width.saturating_sub(1)) };
    // A brief in words cannot tell the label 1 from the label "1".
    classes.iter().position(|class| class.to_string() == wanted.to_string()).ok_or_else(|| FeatureError::UnknownClass {
        wanted: wanted.to_string(),
        known: classes.iter().map(ClassLabel::to_string).collect(),
    })
}
