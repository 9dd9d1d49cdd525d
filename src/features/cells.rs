//! Cells as they are written in a table, as values of features: each is judged alone.

use super::values::{LARGEST_EXACT, said};
use super::{FieldError, expectation, parse_value};
use crate::project::documents::{Feature, FeatureType, Value};
use crate::table::rows::Cell;
use crate::table::{number_in_cell, says_missing};

/// How the cells of a column of CSV are written, as its first rows show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellStyle {
    /// Its numbers have decimal commas.
    pub comma: bool,
    /// The file may have decimal commas where this column has none so far.
    pub comma_file: bool,
    /// It holds truth values.
    pub truth: bool,
}

/// The value of a feature in a cell.
pub(super) fn value(feature: &Feature, cell: &Cell<'_>, style: CellStyle) -> Result<Value, FieldError> {
    let wrong = |given: String| FieldError {
        field: feature.name.clone(),
        expected: expectation(feature),
        given,
        hint: String::new(),
    };
    let is_text = feature.kind == FeatureType::Text;
    match cell {
        Cell::Absent | Cell::Missing => Ok(Value::Missing),
        Cell::Raw(text) if says_missing(text) => Ok(Value::Missing),
        Cell::Raw(text) if is_text => Ok(Value::Text((*text).to_owned())),
        Cell::Raw(text) => written(feature, text, style),
        Cell::Text(text) if is_text => Ok(Value::Text(text.clone().into_owned())),
        Cell::Text(text) => parse_value(feature, text),
        Cell::Json(raw) => match raw.as_bytes().first() {
            Some(b'[') => Err(wrong("a list".to_owned())),
            Some(b'{') => Err(wrong("an object".to_owned())),
            _ if is_text => Ok(Value::Text((*raw).to_owned())),
            _ => raw.parse().ok().and_then(|number| fitting(feature, number)).ok_or_else(|| wrong((*raw).to_owned())),
        },
        Cell::Bool(value) if is_text => Ok(Value::Text(value.to_string())),
        Cell::Bool(value) => Ok(Value::Bool(*value)),
        Cell::Integer(number) if is_text => Ok(Value::Text(number.to_string())),
        Cell::Integer(number) => fitting(feature, *number as f64).ok_or_else(|| wrong(number.to_string())),
        // 1.10 and 1.1 can no longer be told apart.
        Cell::Number(number) if is_text && number.fract() != 0.0 => Err(wrong(format!("the number {number}"))),
        Cell::Number(number) if is_text => Ok(Value::Text(number.to_string())),
        Cell::Number(number) => fitting(feature, *number).ok_or_else(|| wrong(said(&Value::Number(*number)))),
        Cell::Single(number) => value(feature, &Cell::Number((*number).into()), style),
    }
}

/// A number or a truth value as a cell of CSV writes it.
fn written(feature: &Feature, text: &str, style: CellStyle) -> Result<Value, FieldError> {
    if feature.kind != FeatureType::Bool {
        let number = number_in_cell(text, style.comma);
        let number = number.or_else(|| number_in_cell(text, true).filter(|_| style.comma_file && text.contains(',')));
        if let Some(value) = number.and_then(|number| fitting(feature, number)) {
            return Ok(value);
        }
        if style.truth {
            match text.trim() {
                text if text.eq_ignore_ascii_case("true") => return Ok(Value::Bool(true)),
                text if text.eq_ignore_ascii_case("false") => return Ok(Value::Bool(false)),
                _ => {}
            }
        }
    }
    let parsed = parse_value(feature, text);
    match (&parsed, number_in_cell(text, style.comma)) {
        (Err(_), Some(number)) if feature.kind == FeatureType::Bool => fitting(feature, number).map_or(parsed, Ok),
        // What would be another number in this column is no number.
        (Ok(Value::Number(_)), None) if style.comma => Err(FieldError {
            field: feature.name.clone(),
            expected: format!("{} with a decimal comma", expectation(feature)),
            given: said(&Value::Text(text.to_owned())),
            hint: String::new(),
        }),
        _ => parsed,
    }
}

/// A number that the feature takes; NaN is missing.
fn fitting(feature: &Feature, number: f64) -> Option<Value> {
    let fits = match feature.kind {
        _ if number.is_nan() => return Some(Value::Missing),
        FeatureType::Integer => number.fract() == 0.0 && number.abs() <= LARGEST_EXACT,
        FeatureType::Bool => number == 0.0 || (number - 1.0).abs() < f64::EPSILON,
        FeatureType::Number | FeatureType::Text => number.is_finite(),
    };
    fits.then_some(Value::Number(number))
}
