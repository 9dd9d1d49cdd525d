//! The types of columns, told from their cells.

use super::{Cells, Column, Read, ReadConfig, Table};

/// Words for a missing cell.
const MISSING: [&str; 10] = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>", "#N/A"];

/// Cells as text in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Adds a cell.
    pub(super) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// The cells, trimmed; `None` is missing.
    fn values(&self) -> impl Iterator<Item = Option<&str>> {
        self.iter().map(|text| Some(text.trim()).filter(|text| !MISSING.contains(text)))
    }
}

/// What all cells of a column have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Empty,
    Integer,
    /// Numbers with a decimal point; `thousands` when every one may as well be a whole number with thousands.
    Number {
        thousands: bool,
    },
    /// Numbers, some with a decimal comma.
    Comma,
    Bool,
    Text,
}

/// Columns with their types, and those whose type a few cells decided.
pub(super) fn guess(names: Vec<String>, columns: Vec<Texts>, decimal_comma: bool, config: &ReadConfig) -> Read {
    let kinds: Vec<Kind> = names
        .iter()
        .zip(&columns)
        .map(|(name, texts)| if config.text_columns.contains(name) { Kind::Text } else { kind(texts, decimal_comma) })
        .collect();
    let texts = names.iter().zip(&columns).zip(&kinds);
    let texts = texts.filter(|((name, _), kind)| **kind == Kind::Text && !config.text_columns.contains(*name));
    let findings = texts.filter_map(|((name, texts), _)| almost_numbers(name, texts, decimal_comma)).collect();
    // One column with decimal commas settles what 1.234 means in the others.
    let comma_file = kinds.contains(&Kind::Comma);
    let columns = names.into_iter().zip(columns).zip(kinds).map(|((name, texts), kind)| {
        let kind = if comma_file && kind == (Kind::Number { thousands: true }) { Kind::Comma } else { kind };
        Column { name, cells: cells(&texts, kind) }
    });
    Read { table: Table { columns: columns.collect() }, findings }
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

fn kind(texts: &Texts, decimal_comma: bool) -> Kind {
    let values = || texts.values().flatten();
    if values().next().is_none() {
        Kind::Empty
    } else if values().all(|text| bool_from(text).is_some()) {
        Kind::Bool
    } else if values().all(is_integer) {
        Kind::Integer
    } else if values().all(is_number) && values().any(has_digit) {
        Kind::Number { thousands: values().all(|text| number_with_comma(text).is_some()) }
    } else if decimal_comma && values().all(|text| number_with_comma(text).is_some()) {
        Kind::Comma
    } else {
        Kind::Text
    }
}

fn cells(texts: &Texts, kind: Kind) -> Cells {
    let number = |parse: fn(&str) -> Option<f64>| {
        Cells::Number(texts.values().map(|text| text.and_then(parse).unwrap_or(f64::NAN)).collect())
    };
    match kind {
        Kind::Empty | Kind::Number { .. } => number(|text| text.parse().ok()),
        Kind::Comma => number(number_with_comma),
        Kind::Integer => Cells::Integer(texts.values().map(|text| text.and_then(|text| text.parse().ok())).collect()),
        Kind::Bool => Cells::Bool(texts.values().map(|text| text.and_then(bool_from)).collect()),
        // Text keeps its spaces: a model trained on them sees them.
        Kind::Text => {
            let cells = texts.iter().zip(texts.values()).map(|(whole, value)| value.map(|_| whole.to_owned()));
            Cells::Text(cells.collect())
        }
    }
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
fn is_integer(text: &str) -> bool {
    !text.starts_with('+') && !has_leading_zero(text) && text.parse::<i64>().is_ok()
}

/// A number with an optional decimal point and exponent.
fn is_number(text: &str) -> bool {
    !is_long(text) && !has_leading_zero(text) && text.parse::<f64>().is_ok()
}

/// More digits than a number keeps: the name of a thing.
fn is_long(text: &str) -> bool {
    18 < text.len() && unsigned(text).bytes().all(|byte| byte.is_ascii_digit())
}

/// A number with a decimal comma and, perhaps, points between thousands.
fn number_with_comma(text: &str) -> Option<f64> {
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
