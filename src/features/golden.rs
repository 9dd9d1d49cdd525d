//! Golden rows: expected answers against given ones.

use serde::{Deserialize, Serialize};

use super::Prediction;
use crate::project::documents::{GoldenRow, GoldenRows};

/// How answers compare with the golden rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GoldenComparison {
    /// Number of golden rows.
    pub n: usize,
    /// Rows that agree in label and scores.
    pub n_agree: usize,
    /// Largest difference between scores; infinite where one is NaN and the other is not.
    pub largest_error: f64,
    /// 99th percentile of each row's largest difference.
    pub quantile99_error: f64,
    /// Rows, counted from 0, whose class is another one, ties within the tolerance aside.
    pub flips: Vec<usize>,
    /// The first row that does not agree, in words.
    pub first_difference: Option<String>,
}

impl GoldenComparison {
    /// Whether every row agrees, and there is one.
    pub fn passed(&self) -> bool {
        0 < self.n && self.n_agree == self.n
    }
}

/// Compares answers with golden rows: scores within the tolerance, NaN equal to NaN, the model's own classes equal
/// except where its two best scores tie within the tolerance.
///
/// A golden row with a single score is compared with the probability of an answer that has several.
pub fn compare_golden(golden: &GoldenRows, got: &[Prediction]) -> GoldenComparison {
    let mut comparison = GoldenComparison { n: golden.rows.len(), ..GoldenComparison::default() };
    let mut errors = Vec::with_capacity(golden.rows.len());
    for (index, expected) in golden.rows.iter().enumerate() {
        let Some(prediction) = got.get(index) else {
            let difference = || format!("row {}: no answer", index + 1);
            comparison.first_difference.get_or_insert_with(difference);
            continue;
        };
        let error = row_error(expected, prediction);
        let flipped = expected.label.is_some()
            && expected.label != prediction.model_label
            && !is_tie(&expected.scores, golden.tolerance);
        if flipped {
            comparison.flips.push(index);
        }
        errors.push(error);
        if !flipped && error <= golden.tolerance {
            comparison.n_agree += 1;
        } else {
            comparison.first_difference.get_or_insert_with(|| difference(index, expected, prediction, flipped));
        }
    }
    errors.sort_by(f64::total_cmp);
    comparison.largest_error = errors.last().copied().unwrap_or(0.0);
    let position = (errors.len() as f64 * 0.99).ceil() as usize;
    comparison.quantile99_error = errors.get(position.saturating_sub(1)).copied().unwrap_or(0.0);
    comparison
}

/// The scores of an answer that stand against a golden row's.
fn answered<'a>(expected: &GoldenRow, prediction: &'a Prediction) -> &'a [f64] {
    match (&expected.scores[..], &prediction.probability) {
        ([_], Some(probability)) if 1 < prediction.scores.len() => std::slice::from_ref(probability),
        _ => &prediction.scores,
    }
}

fn row_error(expected: &GoldenRow, prediction: &Prediction) -> f64 {
    if expected.scores.is_empty() {
        return 0.0;
    }
    let scores = answered(expected, prediction);
    if scores.len() != expected.scores.len() {
        return f64::INFINITY;
    }
    let error = |(a, b): (&f64, &f64)| {
        let same = (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits();
        let difference = (a - b).abs();
        if same {
            0.0
        } else if difference.is_nan() {
            f64::INFINITY
        } else {
            difference
        }
    };
    expected.scores.iter().zip(scores).map(error).fold(0.0, f64::max)
}

fn is_tie(scores: &[f64], tolerance: f64) -> bool {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    matches!(sorted.as_slice(), [first, second, ..] if (first - second).abs() <= tolerance)
}

fn difference(index: usize, expected: &GoldenRow, prediction: &Prediction, flipped: bool) -> String {
    let row = index + 1;
    if flipped {
        let said = |label: Option<&crate::project::contract::ClassLabel>| {
            label.map_or("no class".to_owned(), ToString::to_string)
        };
        return format!(
            "row {row}: {} expected, {} answered",
            said(expected.label.as_ref()),
            said(prediction.model_label.as_ref())
        );
    }
    let scores = answered(expected, prediction);
    let worst = expected.scores.iter().zip(scores).max_by(|a, b| (a.0 - a.1).abs().total_cmp(&(b.0 - b.1).abs()));
    match worst {
        Some((wanted, given)) if scores.len() == expected.scores.len() => {
            format!("row {row}: {wanted} expected, {given} answered")
        }
        _ => format!("row {row}: {} scores expected, {} answered", expected.scores.len(), scores.len()),
    }
}
