//! The report of a drift comparison.
//!
//! Everything in it is measured; what it comes to under today's settings is `judge::drift`'s to say.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Judgement;
use crate::problem::Problem;
use crate::project::documents::Evidence;

/// `reports/drift/<time>.ron`: how current data differs from the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// When it started.
    pub time: Timestamp,
    /// What the model was trained to expect.
    pub reference: DriftSide,
    /// What it sees now.
    pub current: DriftSide,
    /// The compared columns, the largest PSI first.
    pub columns: Vec<ColumnDrift>,
    /// Features that only the reference has.
    pub only_in_reference: Vec<String>,
    /// Columns that only the current data has.
    pub only_in_current: Vec<String>,
    /// What else the reader should know: columns that were left out, types that differ.
    #[serde(default)]
    pub findings: Vec<Problem>,
    /// Hashes of what was compared.
    pub evidence: Evidence,
    /// What it came to under the settings of its time.
    pub judged: Judgement,
}

/// One side of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriftSide {
    /// The file, relative to the project where it is inside of it.
    pub path: String,
    /// Its rows.
    pub n_rows: u64,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnKind {
    /// Numbers on a scale.
    #[default]
    Numeric,
    /// Names of things, also when they are written as numbers.
    Categorical,
}

impl ColumnKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
        }
    }
}

/// What a column is to the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnRole {
    /// Something it is given, or that describes the row.
    #[default]
    Feature,
    /// The true answer.
    Target,
    /// A model's answer.
    Prediction,
}

impl ColumnRole {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feature => "feature",
            Self::Target => "target",
            Self::Prediction => "prediction",
        }
    }
}

/// How one column differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnDrift {
    /// Its name.
    pub name: String,
    /// What it is to the model.
    pub role: ColumnRole,
    /// What its values were taken for.
    pub kind: ColumnKind,
    /// Values of the reference that were compared.
    pub n_reference: u64,
    /// Values of the current data that were compared.
    pub n_current: u64,
    /// Missing values of the reference.
    pub missing_reference: u64,
    /// Missing values of the current data.
    pub missing_current: u64,
    /// Values of a numeric column that are no numbers.
    pub not_numbers: Unexpected,
    /// Values of a categorical column that the reference does not have.
    pub unseen: Unexpected,
    /// Values of a numeric column below or above all of the reference's.
    pub outside: u64,
    /// Population stability index over `bins`; `None` when a side has no value.
    pub psi: Option<f64>,
    /// PSI that two samples of these sizes from one distribution exceed in 5 of 100 cases.
    pub psi_noise: f64,
    /// The test beside it; `None` when a side has no value.
    pub test: Option<DriftTest>,
    /// The compared shares.
    pub bins: Bins,
}

/// Values of the current data that were not to be expected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unexpected {
    /// How many there are.
    pub n_values: u64,
    /// How many distinct ones.
    pub n_distinct: u64,
    /// The most frequent of them.
    pub examples: Vec<String>,
}

/// A two-sample test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftTest {
    /// `Kolmogorov–Smirnov` or `chi-square`.
    pub name: String,
    /// Its statistic.
    pub statistic: f64,
    /// Probability of such a statistic, or a larger one, when nothing has changed.
    pub p: f64,
}

/// Counts of both sides in the same bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Bins {
    /// Bins over a scale, frozen on the reference.
    Numeric {
        /// Inner edges, ascending, one fewer than bins: bin `i` holds `edge[i-1] ≤ x < edge[i]`, the first and the last
        /// are open.
        edges: Vec<f64>,
        /// Smallest and largest finite value of the reference.
        range: (f64, f64),
        /// Smallest and largest finite value of the current data.
        current_range: (f64, f64),
        /// Values of the reference in each bin.
        reference: Vec<u64>,
        /// Values of the current data in each bin.
        current: Vec<u64>,
    },
    /// One bin a category.
    Categories {
        /// The categories, the reference's most frequent first, or in order where they are numbers; then those that only
        /// the current data has.
        names: Vec<String>,
        /// How many further categories stand together in one more bin at the end; 0 is no such bin.
        n_others: u64,
        /// Values of the reference in each.
        reference: Vec<u64>,
        /// Values of the current data in each.
        current: Vec<u64>,
    },
}

impl Default for Bins {
    fn default() -> Self {
        Self::Categories { names: Vec::new(), n_others: 0, reference: Vec::new(), current: Vec::new() }
    }
}

impl Bins {
    /// The counts of the reference and of the current data.
    pub fn counts(&self) -> (&[u64], &[u64]) {
        match self {
            Self::Numeric { reference, current, .. } | Self::Categories { reference, current, .. } => {
                (reference, current)
            }
        }
    }
}

/// A check of a column's quality, as it comes to under settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityCheck {
    /// What, in a few words: `missing values`, `unseen categories`.
    pub name: String,
    /// Whether it held.
    pub pass: bool,
    /// What was seen, with its limit.
    pub detail: String,
}
