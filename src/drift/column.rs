//! One column of both sides, measured.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::project::reports::{Bins, ColumnDrift, ColumnKind, ColumnRole, DriftTest, Unexpected};
use crate::statistics::{self, TestResult};
use crate::table::Cells;

/// Quantile bins of the reference.
const BINS: usize = 10;

/// Categories of the reference that have a bin of their own; rarer ones share one.
const CATEGORIES: usize = 30;

/// Categories that only the current data has, with a bin of their own.
const UNSEEN_CATEGORIES: usize = 10;

/// Unexpected values that are told.
const EXAMPLES: usize = 5;

/// Letters of an unexpected value that are kept.
const EXAMPLE_LETTERS: usize = 80;

/// Measures one column.
pub(super) fn measure(
    name: &str,
    role: ColumnRole,
    kind: ColumnKind,
    reference: &Cells,
    current: &Cells,
) -> ColumnDrift {
    let start = ColumnDrift { name: name.to_owned(), role, kind, ..ColumnDrift::default() };
    match kind {
        ColumnKind::Numeric => numeric(start, reference, current),
        ColumnKind::Categorical => categorical(start, reference, current),
    }
}

// ---- numbers

/// The numbers of a column, sorted, and what else is in it.
#[derive(Default)]
struct Parsed {
    sorted: Vec<f64>,
    n_missing: u64,
    not_numbers: Unexpected,
}

fn numbers(cells: &Cells) -> Parsed {
    let mut found = Parsed::default();
    let mut values: Vec<f64> = Vec::with_capacity(cells.len());
    let mut strange: HashMap<Cow<'_, str>, u64> = HashMap::new();
    match cells {
        Cells::Number(cells) => values.extend(cells.iter().filter(|value| !value.is_nan())),
        Cells::Integer(cells) => values.extend(cells.iter().flatten().map(|value| *value as f64)),
        Cells::Bool(cells) => values.extend(cells.iter().flatten().map(|value| f64::from(u8::from(*value)))),
        Cells::Text(cells) => {
            for text in cells.iter().flatten() {
                match text.trim().parse::<f64>() {
                    Ok(value) if !value.is_nan() => values.push(value),
                    _ => *strange.entry(Cow::Borrowed(text)).or_default() += 1,
                }
            }
        }
    }
    found.not_numbers = unexpected(&by_frequency(strange));
    found.n_missing = cells.len() as u64 - values.len() as u64 - found.not_numbers.n_values;
    values.sort_unstable_by(f64::total_cmp);
    found.sorted = values;
    found
}

fn numeric(column: ColumnDrift, reference: &Cells, current: &Cells) -> ColumnDrift {
    let (a, b) = (numbers(reference), numbers(current));
    let edges = statistics::quantile_edges(&a.sorted, BINS);
    let counts = (statistics::count_sorted(&a.sorted, &edges), statistics::count_sorted(&b.sorted, &edges));
    let outside = match (a.sorted.first(), a.sorted.last()) {
        (Some(low), Some(high)) => {
            let n_below = b.sorted.partition_point(|value| value < low);
            let n_up_to = b.sorted.partition_point(|value| value <= high);
            n_below + b.sorted.len() - n_up_to
        }
        _ => 0,
    };
    ColumnDrift {
        n_reference: a.sorted.len() as u64,
        n_current: b.sorted.len() as u64,
        missing_reference: a.n_missing,
        missing_current: b.n_missing,
        not_numbers: b.not_numbers,
        outside: outside as u64,
        psi: statistics::psi(&counts.0, &counts.1),
        psi_noise: statistics::psi_noise(&counts.0, &counts.1),
        test: test("Kolmogorov–Smirnov", statistics::ks(&a.sorted, &b.sorted)),
        bins: Bins::Numeric {
            edges,
            range: finite_range(&a.sorted),
            current_range: finite_range(&b.sorted),
            reference: counts.0,
            current: counts.1,
        },
        ..column
    }
}

fn test(name: &str, result: Option<TestResult>) -> Option<DriftTest> {
    result.map(|result| DriftTest { name: name.to_owned(), statistic: result.statistic, p: result.p })
}

/// Smallest and largest finite value of a sorted sample; zeros when there is none.
fn finite_range(sorted: &[f64]) -> (f64, f64) {
    let low = sorted.iter().find(|value| value.is_finite());
    let high = sorted.iter().rev().find(|value| value.is_finite());
    (low.copied().unwrap_or(0.0), high.copied().unwrap_or(0.0))
}

// ---- categories

type Category<'a> = (Cow<'a, str>, u64);

/// How often each category occurs, the most frequent first, and how many cells are missing.
fn categories<'a>(cells: &'a Cells, other: &Cells) -> (Vec<Category<'a>>, u64) {
    let mut counts: HashMap<Cow<'a, str>, u64> = HashMap::new();
    match cells {
        Cells::Text(texts) => {
            // Python writes `True`, and one odd cell makes a column of truth values text.
            let with_bools = matches!(other, Cells::Bool(_));
            for text in texts.iter().flatten() {
                let is_bool = with_bools && ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
                let name = if is_bool { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text.as_str()) };
                *counts.entry(name).or_default() += 1;
            }
        }
        Cells::Bool(values) => {
            let as_number = matches!(other, Cells::Integer(_) | Cells::Number(_)) && other.n_missing() < other.len();
            let names = if as_number { ["0", "1"] } else { ["false", "true"] };
            for value in values.iter().flatten() {
                *counts.entry(Cow::Borrowed(names[usize::from(*value)])).or_default() += 1;
            }
        }
        Cells::Integer(_) | Cells::Number(_) => {
            let sorted = numbers(cells).sorted;
            for run in sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()) {
                // `+ 0.0` makes one zero of two.
                *counts.entry(Cow::Owned((run[0] + 0.0).to_string())).or_default() += run.len() as u64;
            }
        }
    }
    let n: u64 = counts.values().sum();
    (by_frequency(counts), cells.len() as u64 - n)
}

fn by_frequency(counts: HashMap<Cow<'_, str>, u64>) -> Vec<Category<'_>> {
    let mut sorted: Vec<Category<'_>> = counts.into_iter().collect();
    sorted.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sorted
}

fn unexpected(values: &[Category<'_>]) -> Unexpected {
    let example = |value: &Category<'_>| value.0.chars().take(EXAMPLE_LETTERS).collect();
    Unexpected {
        n_values: values.iter().map(|value| value.1).sum(),
        n_distinct: values.len() as u64,
        examples: values.iter().take(EXAMPLES).map(example).collect(),
    }
}

fn categorical(column: ColumnDrift, reference: &Cells, current: &Cells) -> ColumnDrift {
    let (a, missing_reference) = categories(reference, current);
    let (b, missing_current) = categories(current, reference);
    let seen: HashMap<&str, u64> = a.iter().map(|(name, n)| (name.as_ref(), *n)).collect();
    let now: HashMap<&str, u64> = b.iter().map(|(name, n)| (name.as_ref(), *n)).collect();
    let unseen: Vec<Category<'_>> = b.iter().filter(|(name, _)| !seen.contains_key(name.as_ref())).cloned().collect();

    let mut shown: Vec<&str> = a.iter().take(CATEGORIES).map(|(name, _)| name.as_ref()).collect();
    shown.extend(unseen.iter().take(UNSEEN_CATEGORIES).map(|(name, _)| name.as_ref()));
    let number = |name: &&str| name.parse::<f64>().ok();
    if shown.iter().all(|name| number(name).is_some()) {
        shown.sort_by(|a, b| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)));
    }
    let count = |counts: &HashMap<&str, u64>| -> Vec<u64> {
        shown.iter().map(|name| counts.get(name).copied().unwrap_or(0)).collect()
    };
    let (mut reference, mut current) = (count(&seen), count(&now));
    let n_others = (a.len() + unseen.len() - shown.len()) as u64;
    let total = |values: &[Category<'_>]| -> u64 { values.iter().map(|value| value.1).sum() };
    let (n_reference, n_current) = (total(&a), total(&b));
    if 0 < n_others {
        reference.push(n_reference - reference.iter().sum::<u64>());
        current.push(n_current - current.iter().sum::<u64>());
    }
    ColumnDrift {
        n_reference,
        n_current,
        missing_reference,
        missing_current,
        unseen: unexpected(&unseen),
        psi: statistics::psi(&reference, &current),
        psi_noise: statistics::psi_noise(&reference, &current),
        test: test("chi-square", statistics::chi_square(&reference, &current)),
        bins: Bins::Categories { names: shown.into_iter().map(str::to_owned).collect(), n_others, reference, current },
        ..column
    }
}
