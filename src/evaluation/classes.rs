//! A classifier's answers counted beside true labels.

use std::collections::{BTreeMap, HashMap};

use super::labels::Labels;
use super::scores::{Kind, Scores};
use crate::features::Prediction;
use crate::problem::Problem;
use crate::project::contract::ClassLabel;
use crate::project::documents::Value;
use crate::project::reports::{ClassOutcomes, LogLoss};

/// Most distinct scores kept of a model with two classes; one with more classes shares twice as many among them.
const MAX_SCORES: usize = 20_000;

/// A model with more classes keeps no scores.
const MAX_CURVES: usize = 100;

/// Most classes there may be.
const MAX_CLASSES: usize = 1_000;

/// The smallest probability whose logarithm is taken, as `sklearn.metrics.log_loss` has it in double precision.
const SMALLEST_PROBABILITY: f64 = f64::EPSILON;

/// Counts on the way.
#[derive(Debug)]
pub(super) struct Tally {
    /// There once the model named the classes of its scores.
    scored: Option<Scored>,
    /// Answers of all rows, as positions in `answered`.
    answers: Vec<Option<usize>>,
    answered: Vec<ClassLabel>,
    by_label: HashMap<ClassLabel, usize>,
}

/// Scores of named classes.
#[derive(Debug)]
struct Scored {
    labels: Labels,
    curves: Vec<Scores>,
    probabilities: bool,
    n_unscored: u64,
    log_loss: LogLoss,
}

impl Scored {
    fn new(classes: &[ClassLabel]) -> Self {
        let n = classes.len();
        let limit = if n <= 2 { MAX_SCORES } else { 2 * MAX_SCORES / n };
        let curves = if n <= MAX_CURVES { (0..n).map(|_| Scores::new(limit)).collect() } else { Vec::new() };
        Self { labels: Labels::new(classes), curves, probabilities: true, n_unscored: 0, log_loss: LogLoss::default() }
    }

    fn add(&mut self, prediction: &Prediction, truth: &Value) {
        let (truth, n_known) = (self.labels.place(truth), self.labels.n_known());
        self.probabilities &= prediction.probability.is_some();
        let scores = &prediction.scores;
        if scores.len() != n_known || scores.iter().any(|score| score.is_nan()) {
            self.n_unscored += 1;
            return;
        }
        for (class, (curve, score)) in self.curves.iter_mut().zip(scores).enumerate() {
            let kind = match truth {
                truth if truth == class => Kind::Positive,
                truth if truth < n_known => Kind::Negative,
                _ => Kind::Unknown,
            };
            curve.add(*score, kind);
        }
        if let Some(probability) = scores.get(truth) {
            let loss = -probability.clamp(SMALLEST_PROBABILITY, 1.0).ln();
            self.log_loss.n += 1;
            self.log_loss.sum += loss;
            self.log_loss.sum_of_squares += loss * loss;
        }
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { scored: None, answers: Vec::new(), answered: Vec::new(), by_label: HashMap::new() }
    }

    /// Counts one row.
    pub(super) fn add(&mut self, prediction: &Prediction, truth: &Value) -> Result<(), Problem> {
        if !prediction.classes.is_empty() {
            self.scored.get_or_insert_with(|| Scored::new(&prediction.classes)).add(prediction, truth);
        }
        let answer = prediction.model_label.as_ref().map(|label| {
            self.by_label.get(label).copied().unwrap_or_else(|| {
                self.by_label.insert(label.clone(), self.answered.len());
                self.answered.push(label.clone());
                self.answered.len() - 1
            })
        });
        self.answers.push(answer);
        let n_classes = self.answered.len().max(prediction.classes.len());
        if n_classes <= MAX_CLASSES {
            return Ok(());
        }
        Err(Problem::new(
            format!("The model has more than {MAX_CLASSES} classes"),
            "",
            "Evaluate it where it was trained; a table of so many classes would tell nothing.",
        ))
    }

    /// The counts, once every row was added; `truths` are the labels of the rows in their order.
    pub(super) fn outcomes<'a>(
        self,
        truths: impl Iterator<Item = &'a Value>,
        target: &str,
    ) -> Result<ClassOutcomes, Problem> {
        let scored = self.scored.unwrap_or_else(|| {
            let mut classes = self.answered.clone();
            classes.sort();
            Scored { labels: Labels::new(&classes), curves: Vec::new(), probabilities: false, ..Scored::new(&[]) }
        });
        let Scored { mut labels, curves, probabilities, n_unscored, log_loss } = scored;
        let places: Vec<usize> = self.answered.iter().map(|label| labels.place(&as_cell(label))).collect();
        let mut cells = BTreeMap::new();
        let mut matched = false;
        for (truth, answer) in truths.zip(&self.answers) {
            let truth = labels.place(truth);
            matched |= truth < labels.n_known();
            *cells.entry((truth, answer.map(|answer| places[answer]))).or_insert(0) += 1;
        }
        let n_known = labels.n_known();
        let classes = labels.into_classes();
        if !matched {
            let shown = |classes: &[ClassLabel]| {
                let names = classes.iter().take(4).map(|class| format!("“{class}”"));
                let more = (4 < classes.len()).then(|| "…".to_owned());
                names.chain(more).collect::<Vec<_>>().join(", ")
            };
            let (known, unknown) = classes.split_at(n_known);
            return Err(Problem::new(
                format!(
                    "No label in {target} is a class of the model: the data has {}, the model {}",
                    shown(unknown),
                    shown(known)
                ),
                "",
                "Name the column of the true answer under data.labelled.target in project.ron, with the model's own labels.",
            ));
        }
        let confusion = cells.into_iter().map(|((truth, answer), n)| (truth, answer, n)).collect();
        Ok(ClassOutcomes {
            classes,
            n_known,
            confusion,
            probabilities,
            scores: curves.into_iter().map(Scores::curve).collect(),
            n_unscored,
            log_loss: probabilities.then_some(log_loss),
        })
    }
}

/// A label as a data file would hold it.
fn as_cell(label: &ClassLabel) -> Value {
    match label {
        ClassLabel::Int(label) => Value::Number(*label as f64),
        ClassLabel::Text(label) => Value::Text(label.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(label: Option<i64>, scores: &[f64]) -> Prediction {
        Prediction {
            model_label: label.map(ClassLabel::Int),
            scores: scores.to_vec(),
            classes: if scores.is_empty() { Vec::new() } else { vec![ClassLabel::Int(0), ClassLabel::Int(1)] },
            probability: scores.last().copied(),
            ..Prediction::default()
        }
    }

    fn tallied(rows: &[(Prediction, Value)]) -> Result<ClassOutcomes, Problem> {
        let mut tally = Tally::new();
        for (prediction, truth) in rows {
            tally.add(prediction, truth)?;
        }
        tally.outcomes(rows.iter().map(|(_, truth)| truth), "churned")
    }

    #[test]
    fn every_row_is_in_the_table_also_with_a_strange_label_or_without_an_answer() {
        let rows = [
            (answer(Some(1), &[0.25, 0.75]), Value::Bool(true)),
            (answer(Some(0), &[0.75, 0.25]), Value::Number(1.0)),
            (answer(Some(0), &[0.5, 0.5]), Value::Text("maybe".to_owned())),
            (answer(None, &[f64::NAN, f64::NAN]), Value::Number(0.0)),
        ];
        let found = tallied(&rows).unwrap();
        assert_eq!(found.classes, [ClassLabel::Int(0), ClassLabel::Int(1), ClassLabel::Text("maybe".to_owned())]);
        assert_eq!(found.confusion, [(0, None, 1), (1, Some(0), 1), (1, Some(1), 1), (2, Some(0), 1)]);
        assert_eq!((found.n_known, found.n_unscored, found.probabilities), (2, 1, true));
        let points: Vec<(f64, u64, u64, u64)> = found.scores[1].points.iter().copied().map(Into::into).collect();
        assert_eq!(points, [(0.25, 1, 0, 0), (0.5, 0, 0, 1), (0.75, 1, 0, 0)]);
        // -ln 0.75 - ln 0.25
        let loss = found.log_loss.unwrap();
        assert!(loss.n == 2 && (loss.sum - 1.673_976_433_571_671_5).abs() < 1e-15, "{loss:?}");
    }

    #[test]
    fn a_model_that_gives_only_labels_has_the_classes_it_answers() {
        let rows = [
            (answer(Some(7), &[]), Value::Number(7.0)),
            (answer(Some(-2), &[]), Value::Number(7.0)),
            (answer(Some(7), &[]), Value::Number(3.0)),
        ];
        let found = tallied(&rows).unwrap();
        assert_eq!(found.classes, [-2, 7, 3].map(ClassLabel::Int));
        assert_eq!(found.confusion, [(1, Some(0), 1), (1, Some(1), 1), (2, Some(1), 1)]);
        assert!(found.n_known == 2 && found.scores.is_empty() && found.log_loss.is_none());
    }

    #[test]
    fn labels_of_which_the_model_knows_none_are_refused_with_both_sides_named() {
        let rows = [(answer(Some(1), &[0.25, 0.75]), Value::Text("stays".to_owned()))];
        let problem = tallied(&rows).unwrap_err();
        for part in ["churned", "“stays”", "“0”, “1”"] {
            assert!(problem.what.contains(part), "{problem}");
        }
    }
}
