//! What can be wrong between values, features and tensors.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::table::TableError;

/// Why values could not be given to a model, or its answer not be read.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// An input is not a list of columns.
    #[error("Input {input} {shape} is not a table of columns")]
    NotTabular {
        /// The input.
        input: String,
        /// Its shape.
        shape: String,
    },
    /// A feature goes to an input that the model lacks.
    #[error("Feature {feature} goes to input {input}, which the model does not have")]
    UnknownInput {
        /// The feature.
        feature: String,
        /// The input it names.
        input: String,
    },
    /// A column of an input has no feature, two, or does not exist.
    #[error("Input {input} takes {expected}, and the features give {given}")]
    Columns {
        /// The input.
        input: String,
        /// What it takes.
        expected: String,
        /// What the features give.
        given: String,
    },
    /// A feature's type does not fit its input's.
    #[error("Feature {feature} is {kind}, and input {input} takes {dtype}")]
    Kind {
        /// The feature.
        feature: String,
        /// Its type.
        kind: String,
        /// The input.
        input: String,
        /// The input's type.
        dtype: String,
    },
    /// Two features have one name.
    #[error("Two features are named {feature}")]
    DuplicateFeature {
        /// The name.
        feature: String,
    },
    /// A value cannot be given to the model.
    #[error("Row {row}, {feature}: {expected} expected, {given} given")]
    Value {
        /// The row, counted from 1.
        row: usize,
        /// The feature.
        feature: String,
        /// What it takes.
        expected: String,
        /// What was given.
        given: String,
    },
    /// A row is too short or too long.
    #[error("Row {row} has {given} values for {expected} features")]
    RowLength {
        /// The row, counted from 1.
        row: usize,
        /// Number of features.
        expected: usize,
        /// Number of values.
        given: usize,
    },
    /// The model takes a fixed number of rows.
    #[error("Input {input} takes exactly {expected} rows at a time, and {given} were given")]
    FixedBatch {
        /// The input.
        input: String,
        /// Its batch.
        expected: u64,
        /// Number of rows.
        given: usize,
    },
    /// A table lacks columns.
    #[error("The table has no column {}", list(columns))]
    MissingColumns {
        /// The names.
        columns: Vec<String>,
    },
    /// A table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The brief's positive class is none of the model's.
    #[error("The model has no class {wanted}; it has {}", list(known))]
    UnknownClass {
        /// The class of the brief.
        wanted: String,
        /// The model's classes.
        known: Vec<String>,
    },
    /// The outputs do not say what a prediction needs.
    #[error("The model's output cannot be read as predictions ({reason})")]
    Output {
        /// Why.
        reason: String,
    },
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() <= SHOWN { shown } else { format!("{shown} and {} more", names.len() - SHOWN) }
}

impl FeatureError {
    /// What the reader can do about it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::NotTabular { .. } => "Ask this model with tensors, through the server's /v2 address.",
            Self::UnknownInput { .. } | Self::Columns { .. } | Self::Kind { .. } | Self::DuplicateFeature { .. } => {
                "Learn the features anew, or correct features.ron."
            }
            Self::Value { given, .. } if given == "nothing" => {
                "Give a value, or say in features.ron what stands for a missing one."
            }
            Self::Value { .. } => "Correct the value.",
            Self::RowLength { .. } => "Give one value per feature, in the order of features.ron.",
            Self::FixedBatch { .. } => "Export the model with a free batch axis.",
            Self::MissingColumns { .. } => "Add the columns, or rename the features to match the table's header.",
            Self::Table(_) => "",
            Self::UnknownClass { .. } => "Name one of the model's classes in the brief's expected output.",
            Self::Output { .. } => "Export the model with its label, its probabilities or its number as an output.",
        }
    }
}

impl From<FeatureError> for Problem {
    fn from(error: FeatureError) -> Self {
        match error {
            FeatureError::Table(error) => error.into(),
            error => Self::new(error.to_string(), "", error.fix()),
        }
    }
}

/// What is wrong with one named value of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// What it takes; empty for a field that is not a feature.
    pub expected: String,
    /// What was given.
    pub given: String,
    /// What to do, when that is known.
    pub hint: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.expected.is_empty() {
            write!(f, "{} is not a feature of this model", self.field)?;
        } else {
            write!(f, "{}: {} expected, {} given", self.field, self.expected, self.given)?;
        }
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}

impl std::error::Error for FieldError {}
