//! Golden rows: expected answers against given ones.

use serde::{Deserialize, Serialize};

use super::Prediction;
use crate::project::documents::{GoldenRow, GoldenRows};

/// Rows listed with what was expected and what was answered.
const MOST_LISTED: usize = 20;

/// Upper ends of the classes that differences are counted in; the last class has none.
pub const DIFFERENCE_STEPS: [f64; 7] = [0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2];

/// A row whose answer is not the expected one, or is farthest from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RowDifference {
    /// The row, counted from 0.
    pub row: usize,
    /// What was expected: the class, and the score that differs most.
    pub expected: String,
    /// What was answered.
    pub answered: String,
    /// The largest difference of its scores; infinite where one is NaN and the other is not.
    pub error: f64,
    /// Whether its class is another one.
    pub flipped: bool,
    /// Whether it counts as agreeing.
    pub agrees: bool,
}

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
    /// Difference that counts as none, for scores up to 1; for larger ones it is a share of the score.
    #[serde(default)]
    pub tolerance: f64,
    /// How many rows differ by at most each of [`DIFFERENCE_STEPS`] and by more than the step before; the last entry
    /// counts those beyond all.
    #[serde(default)]
    pub histogram: Vec<usize>,
    /// The rows that differ most, other classes first; rows without any difference are not among them.
    #[serde(default)]
    pub worst: Vec<RowDifference>,
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
/// A golden row with a single score is compared with the probability of an answer that has several. The tolerance is a
/// difference for scores up to 1, and a share of the expected score beyond: a price in the thousands has no more digits.
pub fn compare_golden(golden: &GoldenRows, got: &[Prediction]) -> GoldenComparison {
    let mut comparison = GoldenComparison {
        n: golden.rows.len(),
        tolerance: golden.tolerance,
        histogram: vec![0; DIFFERENCE_STEPS.len() + 1],
        ..GoldenComparison::default()
    };
    let mut errors = Vec::with_capacity(golden.rows.len());
    let mut differing = Vec::new();
    for (index, expected) in golden.rows.iter().enumerate() {
        let Some(prediction) = got.get(index) else {
            let difference = || format!("row {}: no answer", index + 1);
            comparison.first_difference.get_or_insert_with(difference);
            continue;
        };
        let (error, within) = row_error(expected, prediction, golden.tolerance);
        let flipped = expected.label.is_some()
            && expected.label != prediction.model_label
            && !is_tie(&expected.scores, golden.tolerance);
        if flipped {
            comparison.flips.push(index);
        }
        errors.push(error);
        let step = DIFFERENCE_STEPS.iter().position(|step| error <= *step).unwrap_or(DIFFERENCE_STEPS.len());
        comparison.histogram[step] += 1;
        let agrees = !flipped && within;
        if agrees {
            comparison.n_agree += 1;
        } else {
            comparison.first_difference.get_or_insert_with(|| difference(index, expected, prediction, flipped));
        }
        if flipped || 0.0 < error {
            let (expected, answered) = words(expected, prediction);
            differing.push(RowDifference { row: index, expected, answered, error, flipped, agrees });
        }
    }
    errors.sort_by(f64::total_cmp);
    comparison.largest_error = errors.last().copied().unwrap_or(0.0);
    let position = (errors.len() as f64 * 0.99).ceil() as usize;
    comparison.quantile99_error = errors.get(position.saturating_sub(1)).copied().unwrap_or(0.0);
    differing.sort_by(|a, b| {
        let key = |row: &RowDifference| (row.agrees, !row.flipped);
        key(a).cmp(&key(b)).then(b.error.total_cmp(&a.error)).then(a.row.cmp(&b.row))
    });
    differing.truncate(MOST_LISTED);
    comparison.worst = differing;
    comparison
}

/// What was expected of a row and what was answered: the class, and the score that differs most.
fn words(expected: &GoldenRow, prediction: &Prediction) -> (String, String) {
    let scores = answered(expected, prediction);
    let distance = |(wanted, given): (&f64, &f64)| {
        let difference = (wanted - given).abs();
        if difference.is_nan() && wanted.is_nan() != given.is_nan() { f64::INFINITY } else { difference }
    };
    let pairs = || expected.scores.iter().zip(scores);
    let worst = (0..pairs().count()).max_by(|a, b| {
        let of = |index: usize| pairs().nth(index).map_or(0.0, distance);
        of(*a).total_cmp(&of(*b))
    });
    let said = |label: Option<&crate::project::contract::ClassLabel>, scores: &[f64]| {
        let score = worst.and_then(|index| scores.get(index));
        match (label, score) {
            (Some(label), Some(score)) => format!("{label} ({})", short(*score)),
            (Some(label), None) => label.to_string(),
            (None, Some(score)) => short(*score).to_string(),
            (None, None) => format!("{} scores", scores.len()),
        }
    };
    let answered_label = prediction.model_label.as_ref().filter(|_| expected.label.is_some());
    (said(expected.label.as_ref(), &expected.scores), said(answered_label, scores))
}

/// A score to nine digits, which is more than single precision holds.
fn short(score: f64) -> f64 {
    format!("{score:.8e}").parse().unwrap_or(score)
}

/// The scores of an answer that stand against a golden row's.
fn answered<'a>(expected: &GoldenRow, prediction: &'a Prediction) -> &'a [f64] {
    match (&expected.scores[..], &prediction.probability) {
        ([_], Some(probability)) if 1 < prediction.scores.len() => std::slice::from_ref(probability),
        _ => &prediction.scores,
    }
}

/// The largest difference of a row's scores, and whether all of them are within the tolerance.
fn row_error(expected: &GoldenRow, prediction: &Prediction, tolerance: f64) -> (f64, bool) {
    if expected.scores.is_empty() {
        return (0.0, true);
    }
    let scores = answered(expected, prediction);
    if scores.len() != expected.scores.len() {
        return (f64::INFINITY, false);
    }
    let (mut largest, mut within) = (0.0_f64, true);
    for (wanted, given) in expected.scores.iter().zip(scores) {
        let same = (wanted.is_nan() && given.is_nan()) || wanted.to_bits() == given.to_bits();
        let difference = (wanted - given).abs();
        let error = match difference {
            _ if same => 0.0,
            difference if difference.is_nan() => f64::INFINITY,
            difference => difference,
        };
        largest = largest.max(error);
        // An infinite score has no share.
        within &= error.is_finite() && error <= tolerance * wanted.abs().max(1.0);
    }
    (largest, within)
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
