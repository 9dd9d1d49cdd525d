//! The golden rows, asked once before the server is ready.
//!
//! A server that answers otherwise than what was registered must not take the place of one that answers rightly, so it
//! does not start: an orchestrator then keeps the old one, and says why.

use crate::features::{GoldenComparison, Mapping, compare_golden, predictions};
use crate::project::brief::OutputSpec;
use crate::project::documents::{GoldenRow, GoldenRows, Value};

use super::Infer;

/// Rows asked at most, evenly spaced, so that starting stays quick.
const MOST_ROWS: usize = 64;

/// Smallest difference that keeps a server from starting: another processor adds up in another order.
const LEAST_TOLERANCE: f64 = 1e-4;

/// Asks the model its golden rows; `None` when there are none that it can be asked.
pub(super) fn ask(
    model: &dyn Infer,
    mapping: &Mapping,
    output: &OutputSpec,
    golden: &GoldenRows,
) -> Result<Option<GoldenComparison>, String> {
    let position = |name: &str| golden.features.iter().position(|known| known == name);
    let order: Option<Vec<usize>> = mapping.features().iter().map(|feature| position(&feature.name)).collect();
    // Renamed features: the rows are about others.
    let Some(order) = order else { return Ok(None) };
    let wanted = MOST_ROWS.min(golden.rows.len());
    let chosen: Vec<&GoldenRow> = (0..wanted).map(|k| &golden.rows[k * golden.rows.len() / wanted]).collect();
    let batch = mapping.batch().map_or(chosen.len(), |batch| batch as usize).max(1);
    let (mut asked, mut answers) = (Vec::new(), Vec::new());
    // A model of a fixed batch is asked whole batches only.
    for rows in chosen.chunks(batch).filter(|rows| mapping.batch().is_none() || rows.len() == batch) {
        let values: Option<Vec<Vec<Value>>> =
            rows.iter().map(|row| order.iter().map(|at| row.values.get(*at).cloned()).collect()).collect();
        let values = values.ok_or_else(|| "a golden row has fewer values than there are features".to_owned())?;
        let inputs = mapping.encode(&values).map_err(|error| error.to_string())?;
        let outputs = model.run(&inputs)?;
        answers.extend(predictions(model.contract(), output, &outputs).map_err(|error| error.to_string())?);
        asked.extend(rows.iter().map(|row| (*row).clone()));
    }
    if asked.is_empty() {
        return Ok(None);
    }
    let tolerance = golden.tolerance.max(LEAST_TOLERANCE);
    let golden = GoldenRows { rows: asked, features: Vec::new(), source: String::new(), tolerance };
    Ok(Some(compare_golden(&golden, &answers)))
}
