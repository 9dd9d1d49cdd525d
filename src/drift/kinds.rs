//! What a column is taken for, and which columns are no data to compare.

use std::collections::HashSet;

use crate::project::reports::ColumnKind;
use crate::table::Cells;

/// Distinct whole numbers up to which they are names of things and not a scale (as Evidently has it).
const INTEGER_CATEGORIES: usize = 10;

/// Values from which it can be told that nearly all differ.
const MIN_TELLING: usize = 20;

/// Share of distinct values from which a text names its row.
const IDENTIFIER_SHARE: f64 = 0.9;

/// The kind that the cells of the reference suggest; `None` when they have no value.
pub(super) fn guess(cells: &Cells) -> Option<ColumnKind> {
    match cells {
        Cells::Text(cells) => cells.iter().any(Option::is_some).then_some(ColumnKind::Categorical),
        Cells::Bool(cells) => cells.iter().any(Option::is_some).then_some(ColumnKind::Categorical),
        Cells::Number(cells) => cells.iter().any(|cell| !cell.is_nan()).then_some(ColumnKind::Numeric),
        Cells::Integer(cells) => {
            let mut distinct: Vec<i64> = Vec::new();
            for value in cells.iter().flatten() {
                if !distinct.contains(value) {
                    distinct.push(*value);
                }
                if INTEGER_CATEGORIES < distinct.len() {
                    return Some(ColumnKind::Numeric);
                }
            }
            (!distinct.is_empty()).then_some(ColumnKind::Categorical)
        }
    }
}

/// Why a column says which row it is rather than what the row is like.
pub(super) fn names_rows(cells: &Cells) -> Option<&'static str> {
    match cells {
        Cells::Text(cells) => {
            let mut distinct: HashSet<&str> = HashSet::new();
            let mut n = 0_usize;
            let mut dates = true;
            for value in cells.iter().flatten() {
                n += 1;
                dates &= is_date(value);
                distinct.insert(value);
                // Repeats beyond what an identifier may have: no need to look at the rest.
                let n_repeats = n - distinct.len();
                if !dates && (1.0 - IDENTIFIER_SHARE) * (cells.len() as f64) < n_repeats as f64 {
                    return None;
                }
            }
            if n < MIN_TELLING {
                None
            } else if dates {
                Some("its values are dates")
            } else if IDENTIFIER_SHARE * n as f64 <= distinct.len() as f64 {
                Some("nearly every value is another, as in an identifier")
            } else {
                None
            }
        }
        Cells::Integer(cells) => {
            let counted = MIN_TELLING <= cells.len()
                && cells
                    .windows(2)
                    .all(|pair| matches!((pair[0], pair[1]), (Some(a), Some(b)) if a.checked_add(1) == Some(b)));
            counted.then_some("it counts the rows")
        }
        Cells::Number(_) | Cells::Bool(_) => None,
    }
}

/// Whether a text begins with a date as ISO 8601 writes it.
fn is_date(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    digits(0..4) && digits(5..7) && digits(8..10) && text.get(4..5) == Some("-") && text.get(7..8) == Some("-")
}

/// A word for the type of cells; `None` when all are missing.
pub(super) fn type_name(cells: &Cells) -> Option<&'static str> {
    let word = match cells {
        Cells::Number(_) | Cells::Integer(_) => "numbers",
        Cells::Bool(_) => "true and false",
        Cells::Text(_) => "text",
    };
    (cells.n_missing() < cells.len()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_guessed_from_the_values() {
        let integers = |n: i64| Cells::Integer((0..100).map(|i| Some(i % n)).collect());
        for (cells, expected) in [
            (integers(10), Some(ColumnKind::Categorical)),
            (integers(11), Some(ColumnKind::Numeric)),
            (Cells::Number(vec![0.5, 0.5]), Some(ColumnKind::Numeric)),
            (Cells::Number(vec![f64::NAN]), None),
            (Cells::Bool(vec![None, Some(true)]), Some(ColumnKind::Categorical)),
            (Cells::Text(vec![Some("a".to_owned())]), Some(ColumnKind::Categorical)),
            (Cells::Text(vec![None]), None),
        ] {
            assert_eq!(guess(&cells), expected, "{cells:?}");
        }
    }

    #[test]
    fn identifiers_dates_and_row_numbers_are_not_compared() {
        let text = |name: fn(usize) -> String| Cells::Text((0..100).map(|i| Some(name(i))).collect());
        for (cells, expected) in [
            (text(|i| format!("C-{i}")), true),
            (text(|i| format!("C-{}", i / 2)), false),
            (text(|i| format!("2026-01-0{} 10:00", 1 + i % 9)), true),
            (text(|i| ["red", "blue"][i % 2].to_owned()), false),
            (text(|_| "2026-1-1".to_owned()), false),
            (Cells::Integer((5..105).map(Some).collect()), true),
            (Cells::Integer((5..105).map(|i| Some(i * 2)).collect()), false),
            (Cells::Integer((0..5).map(Some).collect()), false),
            (Cells::Integer(vec![Some(i64::MAX); 30]), false),
        ] {
            assert_eq!(names_rows(&cells).is_some(), expected, "{cells:?}");
        }
    }
}
