//! The feature contract at work: named values in, tensors out, and the model's outputs read as predictions.
//!
//! `/predict`, the try-it form, batch scoring and the benchmark all go through this one mapping.
//! Missing values are the same everywhere: a missing number is NaN, a missing text becomes the category named in
//! the contract, and a missing integer or truth value is an error that names the feature.

mod cells;
mod encode;
mod error;
mod golden;
mod learn;
mod mapping;
mod predict;
mod reading;
mod values;

pub use cells::CellStyle;
pub use error::{FeatureError, FieldError};
pub use golden::{DIFFERENCE_STEPS, GoldenComparison, RowDifference, compare_golden};
pub use learn::{contract_from_model, learn, mismatches};
pub use mapping::{Mapping, UnknownFields};
pub use predict::{Prediction, output_for, prediction_table, predictions};
pub use reading::Reading;
pub use values::{expectation, parse_value, plain_value};

#[cfg(test)]
mod tests;
