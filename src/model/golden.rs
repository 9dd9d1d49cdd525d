//! Golden rows: rows with known answers that are asked wherever the model runs.

use crate::features::{GoldenComparison, Mapping, Prediction, compare_golden};
use crate::jobs::{JobContext, JobError};
use crate::project::documents::{GoldenRow, GoldenRows, Value};
use crate::session::{Asked, SharedSession, ask};

/// Largest difference between two runs of one model: single precision, another order of additions.
const OWN_TOLERANCE: f64 = 1e-5;

/// What came of asking the golden rows.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenCheck {
    /// Where the expected answers come from.
    pub source: String,
    /// How they compare.
    pub comparison: GoldenComparison,
    /// Rows of an imported file that cannot be compared, counted from 0, each with the reason.
    pub skipped: Vec<(usize, String)>,
    /// What to know about how an imported file was read.
    pub remarks: Vec<String>,
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
    let comparison = compare_golden(golden, &answers);
    Ok(GoldenCheck { source: golden.source.clone(), comparison, skipped: Vec::new(), remarks: Vec::new() })
}
