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

/// Answers beside the truth, enough to compute every metric and its interval anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcomes {
    /// Of a classifier.
    Classes {
        /// The classes, in the model's order, then those that only the data has.
        classes: Vec<ClassLabel>,
        /// Rows by true class and by the class the model itself answered.
        confusion: Vec<Vec<u64>>,
        /// For each class whose probability the model gives: the distinct scores, ascending, and how many rows with
        /// that score are of the class and how many are not.
        scores: Vec<Vec<ScorePoint>>,
        /// Sum of -ln p(true class) over all rows, p limited to 1e-15 from below; `None` without probabilities.
        log_loss_sum: Option<f64>,
    },
    /// Of a regressor.
    Numbers {
        /// True value and answer of each row, in the file's order; a sample of them when there are very many.
        pairs: Vec<(f64, f64)>,
        /// Rows.
        n: u64,
        /// Sum of squared errors.
        sum_squared_error: f64,
        /// Sum of absolute errors.
        sum_absolute_error: f64,
        /// Sum of squared distances of the true values from their mean.
        sum_squared_distance: f64,
    },
}

/// Rows that share a score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScorePoint {
    /// The score.
    pub score: f64,
    /// Rows of the class.
    pub n_positive: u64,
    /// Other rows.
    pub n_negative: u64,
}
