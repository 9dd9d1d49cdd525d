//! The report of an evaluation on labelled data.

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::Judgement;
use crate::project::contract::ClassLabel;
use crate::project::documents::Evidence;

/// `reports/evaluation/<time>.ron`: how a version answered rows whose true answer is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// When it started.
    pub time: Timestamp,
    /// The version evaluated.
    pub version: Version,
    /// The labelled file, relative to the project.
    pub data: String,
    /// The column of the true answer.
    pub target: String,
    /// Rows of the file.
    pub n_rows: u64,
    /// Rows left out because their true answer is missing.
    pub n_unlabelled: u64,
    /// The answers beside the truth.
    pub outcomes: Outcomes,
    /// Hashes of what was evaluated.
    pub evidence: Evidence,
    /// What each success metric came to under the brief of its time.
    pub judged: Vec<Judgement>,
}

impl EvaluationReport {
    /// Rows evaluated.
    pub fn n(&self) -> u64 {
        self.n_rows - self.n_unlabelled.min(self.n_rows)
    }
}

/// Answers beside the truth, enough to compute every metric and its interval anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcomes {
    /// Of a classifier.
    Classes(ClassOutcomes),
    /// Of a regressor.
    Numbers(NumberOutcomes),
}

/// A classifier's answers beside the truth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassOutcomes {
    /// The model's classes in its order, then labels that only the data has.
    pub classes: Vec<ClassLabel>,
    /// How many of `classes` are the model's own.
    pub n_known: usize,
    /// Rows by true class and by the class the model itself answered, as positions in `classes`; each pair once,
    /// `None` is no answer.
    pub confusion: Vec<(usize, Option<usize>, u64)>,
    /// Whether the scores are probabilities.
    pub probabilities: bool,
    /// For each of the model's classes, the rows by their score for it; empty when the model gives no scores, or has
    /// too many classes to keep them.
    pub scores: Vec<ScoreCurve>,
    /// Rows with a score that is no number; they are in no curve.
    pub n_unscored: u64,
    /// The negative log-likelihood; `None` without probabilities.
    pub log_loss: Option<LogLoss>,
}

/// The negative logarithm of the probability given to the true class, added up over the rows whose label the model
/// knows; a probability below 2.2e-16 counts as that, as scikit-learn has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogLoss {
    /// Rows.
    pub n: u64,
    /// Sum.
    pub sum: f64,
    /// Sum of the squares.
    pub sum_of_squares: f64,
}

/// The rows by their score for one class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoreCurve {
    /// Distinct scores, ascending.
    pub points: Vec<ScorePoint>,
    /// When there were too many distinct scores: the step of the grid that they were rounded down to.
    pub grid: Option<f64>,
}

/// Rows that share a score for a class; `(score, of the class, of another known class, of an unknown label)` in the
/// file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(f64, u64, u64, u64)", into = "(f64, u64, u64, u64)")]
pub struct ScorePoint {
    /// The score.
    pub score: f64,
    /// Rows of the class.
    pub n_positive: u64,
    /// Rows of another class that the model knows.
    pub n_negative: u64,
    /// Rows whose label the model does not know.
    pub n_unknown: u64,
}

impl From<(f64, u64, u64, u64)> for ScorePoint {
    fn from((score, n_positive, n_negative, n_unknown): (f64, u64, u64, u64)) -> Self {
        Self { score, n_positive, n_negative, n_unknown }
    }
}

impl From<ScorePoint> for (f64, u64, u64, u64) {
    fn from(point: ScorePoint) -> Self {
        (point.score, point.n_positive, point.n_negative, point.n_unknown)
    }
}

/// A regressor's answers beside the truth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NumberOutcomes {
    /// True value and answer: of each row in the file's order, or of evenly spaced ones when there are very many.
    pub pairs: Vec<(f64, f64)>,
    /// Rows with an answer.
    pub n: u64,
    /// Rows whose answer is no number; they are in no sum.
    pub n_unanswered: u64,
    /// Sum of absolute errors.
    pub sum_absolute: f64,
    /// Sum of squared errors.
    pub sum_squared: f64,
    /// Sum of fourth powers of errors.
    pub sum_fourth: f64,
    /// Sum of squared distances of the true values from their mean.
    pub sum_distance: f64,
    /// Sum of fourth powers of those distances.
    pub sum_distance_fourth: f64,
    /// Sum of squared error times squared distance.
    pub sum_product: f64,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::project::format::{parse, render};

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let classes = ClassOutcomes {
            classes: vec![ClassLabel::Int(0), ClassLabel::Text("médium".to_owned())],
            n_known: 1,
            confusion: vec![(0, None, 1), (0, Some(0), 2), (1, Some(0), 3)],
            probabilities: true,
            scores: vec![ScoreCurve {
                points: [(f64::NEG_INFINITY, 1, 0, 0), (0.1 + 0.2, 1, 0, 3)].map(ScorePoint::from).to_vec(),
                grid: Some(0.5),
            }],
            n_unscored: 1,
            log_loss: Some(LogLoss { n: 5, sum: 0.3, sum_of_squares: 1e-300 }),
        };
        let numbers = NumberOutcomes { pairs: vec![(1.0, 1e300)], n: 1, ..NumberOutcomes::default() };
        for outcomes in [Outcomes::Classes(classes), Outcomes::Numbers(numbers)] {
            let report = EvaluationReport {
                time: Timestamp::UNIX_EPOCH,
                version: Version::new(1, 0, 0),
                data: "data/labelled.csv".to_owned(),
                target: "churned".to_owned(),
                n_rows: 7,
                n_unlabelled: 1,
                outcomes,
                evidence: Evidence::default(),
                judged: vec![Judgement::default()],
            };
            let text = render(&report).unwrap();
            assert_eq!(parse::<EvaluationReport>(&text, Path::new("report.ron")).unwrap().document, report, "{text}");
        }
    }
}
