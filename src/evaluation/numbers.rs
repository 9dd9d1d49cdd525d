//! A regressor's answers beside true numbers.

use crate::problem::Problem;
use crate::project::documents::Value;
use crate::project::reports::NumberOutcomes;
use crate::statistics::ErrorMoments;

/// Most pairs kept for drawing.
const MAX_PAIRS: usize = 2_000;

/// The true number in a cell.
pub(super) fn truth(cell: &Value, row: usize, target: &str) -> Result<f64, Problem> {
    let number = match cell {
        Value::Number(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Bool(_) | Value::Missing => None,
    };
    number.filter(|number| number.is_finite()).ok_or_else(|| {
        let shown = match cell {
            Value::Text(text) => text.chars().take(40).collect(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Missing => "nothing".to_owned(),
        };
        Problem::new(
            format!("The model answers numbers, and row {row} has “{shown}” in {target}"),
            "",
            "Name the column of the true number under data.labelled.target in project.ron.",
        )
    })
}

/// Sums over all pairs of truth and answer, and some of the pairs.
pub(super) fn outcomes(all: &[(f64, f64)]) -> NumberOutcomes {
    let answered: Vec<(f64, f64)> = all.iter().copied().filter(|(_, answer)| answer.is_finite()).collect();
    let moments = ErrorMoments::of(&answered);
    let kept = answered.len().min(MAX_PAIRS);
    NumberOutcomes {
        pairs: (0..kept).map(|index| answered[index * answered.len() / kept]).collect(),
        n: moments.n,
        n_unanswered: (all.len() - answered.len()) as u64,
        sum_absolute: moments.sum_absolute,
        sum_squared: moments.sum_squared,
        sum_fourth: moments.sum_fourth,
        sum_distance: moments.sum_distance,
        sum_distance_fourth: moments.sum_distance_fourth,
        sum_product: moments.sum_product,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_an_answer_are_counted_apart_and_pairs_are_spread_over_the_file() {
        let mut all: Vec<(f64, f64)> = (0..10_000).map(|index| (f64::from(index), f64::from(index) + 1.0)).collect();
        all[3].1 = f64::NAN;
        let found = outcomes(&all);
        assert_eq!((found.n, found.n_unanswered, found.pairs.len()), (9_999, 1, MAX_PAIRS));
        assert!(9_990.0 < found.pairs[MAX_PAIRS - 1].0, "{:?}", found.pairs[MAX_PAIRS - 1]);
        assert!((found.sum_squared - 9_999.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_number_is_named_with_its_row() {
        for cell in [Value::Text("high".to_owned()), Value::Number(f64::INFINITY), Value::Bool(true)] {
            let problem = truth(&cell, 7, "price").unwrap_err();
            assert!(problem.what.contains("row 7") && problem.what.contains("price"), "{problem}");
        }
        assert!((truth(&Value::Text(" 2.5 ".to_owned()), 1, "price").unwrap() - 2.5).abs() < f64::EPSILON);
    }
}
