//! The types of columns, told from their cells.

use super::{Cells, Column, Read, ReadConfig, Table};

/// Words for a missing cell.
pub(super) const MISSING: [&str; 10] = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>", "#N/A"];

/// Cells as text in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: String,
    /// A record, and so a cell, is far shorter than 4 GiB.
    lengths: Vec<u32>,
}

impl Texts {
    /// Adds a cell.
    pub(super) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.lengths.push(text.len() as u32);
    }

    /// Whether there is no cell.
    pub(super) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.bytes.as_str();
        self.lengths.iter().map(move |length| {
            let (text, after) = rest.split_at(*length as usize);
            rest = after;
            text
        })
    }

    /// The cells, trimmed; `None` is missing.
    fn values(&self) -> impl Iterator<Item = Option<&str>> {
        self.iter().map(|text| Some(text.trim()).filter(|text| !MISSING.contains(text)))
    }
}

/// Whether a cell of CSV says that a value is missing.
pub fn says_missing(cell: &str) -> bool {
    MISSING.contains(&cell.trim())
}

/// The number in a cell of CSV: with decimal commas and points between thousands, or with a decimal point.
pub fn number_in_cell(cell: &str, decimal_comma: bool) -> Option<f64> {
    let cell = cell.trim();
    if decimal_comma { number_with_comma(cell) } else { cell.parse().ok().filter(|_| has_digit(cell)) }
}

/// What a column is taken for.
enum Guess {
    Settled(Cells),
    /// Numbers with a decimal point, which may as well be whole numbers with points between thousands.
    PointOrThousands(Vec<f64>, Texts),
    /// Numbers, some with a decimal comma.
    Comma(Texts),
}

/// Columns with their types, and those whose type a few cells decided.
pub(super) fn guess(names: Vec<String>, columns: Vec<Texts>, decimal_comma: bool, config: &ReadConfig) -> Read {
    guess_with_commas(names, columns, decimal_comma, config).0
}

/// Columns with their types, and for each whether its numbers have decimal commas.
pub(super) fn guess_with_commas(
    names: Vec<String>,
    columns: Vec<Texts>,
    decimal_comma: bool,
    config: &ReadConfig,
) -> (Read, Vec<bool>) {
    let mut findings = Vec::new();
    let guesses: Vec<Guess> = names
        .iter()
        .zip(columns)
        .map(|(name, texts)| {
            if config.text_columns.contains(name) {
                return Guess::Settled(text_cells(&texts));
            }
            guess_column(texts, decimal_comma).unwrap_or_else(|texts| {
                findings.extend(almost_numbers(name, &texts, decimal_comma));
                Guess::Settled(text_cells(&texts))
            })
        })
        .collect();
    // One column with decimal commas settles what 1.234 means in the others.
    let comma_file = guesses.iter().any(|guess| matches!(guess, Guess::Comma(_)));
    let commas = guesses
        .iter()
        .map(|guess| match guess {
            Guess::Comma(_) => true,
            Guess::PointOrThousands(..) => comma_file,
            Guess::Settled(_) => false,
        })
        .collect();
    let with_commas = |texts: &Texts| Cells::Number(numbers(texts, number_with_comma).unwrap_or_default());
    let columns = names.into_iter().zip(guesses).map(|(name, guess)| {
        let cells = match guess {
            Guess::Settled(cells) => cells,
            Guess::PointOrThousands(_, texts) if comma_file => with_commas(&texts),
            Guess::PointOrThousands(numbers, _) => Cells::Number(numbers),
            Guess::Comma(texts) => with_commas(&texts),
        };
        Column { name, cells }
    });
    (Read { table: Table { columns: columns.collect() }, findings }, commas)
}

/// What all cells of a column have in common; the cells themselves when it is nothing.
fn guess_column(texts: Texts, decimal_comma: bool) -> Result<Guess, Texts> {
    let values = || texts.values().flatten();
    if values().next().is_none() {
        return Ok(Guess::Settled(Cells::Number(vec![f64::NAN; texts.lengths.len()])));
    }
    if let Some(cells) = all(&texts, bool_from) {
        return Ok(Guess::Settled(Cells::Bool(cells)));
    }
    if let Some(cells) = all(&texts, integer) {
        return Ok(Guess::Settled(Cells::Integer(cells)));
    }
    if let Some(numbers) = numbers(&texts, number).filter(|_| values().any(has_digit)) {
        let thousands = values().all(|text| number_with_comma(text).is_some());
        return Ok(if thousands {
            Guess::PointOrThousands(numbers, texts)
        } else {
            Guess::Settled(Cells::Number(numbers))
        });
    }
    if decimal_comma && values().all(|text| number_with_comma(text).is_some()) {
        return Ok(Guess::Comma(texts));
    }
    Err(texts)
}

/// The cells, parsed; `None` when one that is there cannot be.
fn all<T>(texts: &Texts, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<Option<T>>> {
    texts.values().map(|text| text.map_or(Some(None), |text| parse(text).map(Some))).collect()
}

/// The cells as numbers, a missing one as NaN; `None` when one that is there is none.
fn numbers(texts: &Texts, parse: impl Fn(&str) -> Option<f64>) -> Option<Vec<f64>> {
    texts.values().map(|text| text.map_or(Some(f64::NAN), &parse)).collect()
}

/// Text keeps its spaces: a model trained on them sees them.
fn text_cells(texts: &Texts) -> Cells {
    Cells::Text(texts.iter().zip(texts.values()).map(|(whole, value)| value.map(|_| whole.to_owned())).collect())
}

/// Share of numbers from which a column of text may have been meant as numbers.
const ALMOST: f64 = 0.8;

/// Characters of a cell that are shown.
const SHOWN: usize = 40;

/// Says so when a few cells made text of a column of numbers.
fn almost_numbers(name: &str, texts: &Texts, decimal_comma: bool) -> Option<String> {
    let is_parsed = |text: &&str| text.parse::<f64>().is_ok() || (decimal_comma && number_with_comma(text).is_some());
    let (n, n_numbers) = texts
        .values()
        .flatten()
        .fold((0_usize, 0_usize), |(n, n_numbers), text| (n + 1, n_numbers + usize::from(is_parsed(&text))));
    // A number that is kept as it is written, such as 00123, makes the column one of codes.
    let is_code = |text: &str| has_leading_zero(text) || is_long(text);
    if (n_numbers as f64) < n as f64 * ALMOST || texts.values().flatten().any(is_code) {
        return None;
    }
    let stray = texts.values().flatten().find(|text| !is_parsed(text))?;
    let shown: String = stray.chars().take(SHOWN).collect();
    let dots = if shown.len() < stray.len() { "…" } else { "" };
    let n_stray = n - n_numbers;
    let are = if n_stray == 1 { "is not a number" } else { "are not numbers" };
    Some(format!("{n_stray} of {n} values of column {name} {are}, such as “{shown}{dots}”; it is taken as text"))
}

/// The number that a name is, when it is one.
pub(super) fn written_number(name: &str, decimal_comma: bool) -> Option<f64> {
    let number = name.parse().ok().or_else(|| number_with_comma(name).filter(|_| decimal_comma));
    number.filter(|_| has_digit(name))
}

fn bool_from(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Digits after an optional sign.
fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// Whether a zero stands before other digits, as in a postcode.
fn has_leading_zero(text: &str) -> bool {
    let digits = unsigned(text).as_bytes();
    matches!(digits, [b'0', next, ..] if next.is_ascii_digit())
}

/// A whole number that can be written back as it was; longer ones are names of things.
fn integer(text: &str) -> Option<i64> {
    if text.starts_with('+') || has_leading_zero(text) { None } else { text.parse().ok() }
}

/// A number with an optional decimal point and exponent.
fn number(text: &str) -> Option<f64> {
    if is_long(text) || has_leading_zero(text) { None } else { text.parse().ok() }
}

/// More digits than a number keeps: the name of a thing.
fn is_long(text: &str) -> bool {
    18 < text.len() && unsigned(text).bytes().all(|byte| byte.is_ascii_digit())
}

/// A number with a decimal comma and, perhaps, points between thousands.
pub(super) fn number_with_comma(text: &str) -> Option<f64> {
    if has_leading_zero(text) || is_long(text) {
        return None;
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = unsigned(text).split_once(',').map_or((unsigned(text), None), |(a, b)| (a, Some(b)));
    let mut groups = whole.split('.');
    let first = groups.next().unwrap_or_default();
    let mut others = groups.peekable();
    let well_formed = digits(first)
        && (others.peek().is_none() || first.len() <= 3)
        && others.all(|group| group.len() == 3 && digits(group))
        && fraction.is_none_or(digits);
    well_formed.then(|| text.replace('.', "").replace(',', ".").parse().ok()).flatten()
}
