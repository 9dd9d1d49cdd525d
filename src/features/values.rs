//! Single values: what a feature takes, in words, and from words.

use super::FieldError;
use crate::project::documents::{Feature, FeatureType, Value};

/// Whole numbers up to here are exact as `f64`; a larger one may not be the one that was written.
pub(super) const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;

/// What a feature takes, in words: `a number or nothing`, `a text: basic, team, …`.
pub fn expectation(feature: &Feature) -> String {
    let kind = match feature.kind {
        FeatureType::Number => "a number",
        FeatureType::Integer => "a whole number",
        FeatureType::Text => "a text",
        FeatureType::Bool => "true or false",
    };
    if accepts_missing(feature) { format!("{kind} or nothing") } else { kind.to_owned() }
}

/// Whether a missing value can be given to the model.
pub(super) fn accepts_missing(feature: &Feature) -> bool {
    match feature.kind {
        FeatureType::Text => feature.missing.is_some(),
        FeatureType::Number => feature.nullable,
        // A whole number or a truth value has no way to say that it is missing, unless the input is floating point;
        // `Mapping::new` clears the mark where it is not.
        FeatureType::Integer | FeatureType::Bool => feature.nullable,
    }
}

/// A value in words.
pub(super) fn said(value: &Value) -> String {
    match value {
        Value::Missing => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_nan() => "nothing".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => {
            let shown: String = text.chars().take(40).collect();
            let rest = if shown.len() < text.len() { "…" } else { "" };
            format!("the text “{shown}{rest}”")
        }
    }
}

/// A number with a decimal point or comma; no other decoration.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let parsed = text.parse().ok().or_else(|| {
        let one_comma = text.matches(',').count() == 1 && !text.contains('.');
        one_comma.then(|| text.replace(',', ".").parse().ok()).flatten()
    });
    parsed.filter(|number: &f64| number.is_finite())
}

/// The value that typed text states for a feature; empty text is missing.
pub fn parse_value(feature: &Feature, text: &str) -> Result<Value, FieldError> {
    let trimmed = text.trim();
    let wrong = || FieldError {
        field: feature.name.clone(),
        expected: expectation(feature),
        given: if trimmed.is_empty() { "nothing".to_owned() } else { said(&Value::Text(text.to_owned())) },
        hint: String::new(),
    };
    if trimmed.is_empty() {
        return if accepts_missing(feature) { Ok(Value::Missing) } else { Err(wrong()) };
    }
    let value = match feature.kind {
        FeatureType::Text => Some(Value::Text(text.to_owned())),
        FeatureType::Number => number(trimmed).map(Value::Number),
        FeatureType::Integer => {
            number(trimmed).filter(|number| number.fract() == 0.0 && number.abs() <= LARGEST_EXACT).map(Value::Number)
        }
        FeatureType::Bool => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
    };
    value.ok_or_else(wrong)
}

/// An ordinary value of a feature, for a made-up row: the middle of its range or its most frequent category.
pub fn plain_value(feature: &Feature) -> Value {
    match feature.kind {
        FeatureType::Number => Value::Number(feature.range.map_or(0.0, |(low, high)| f64::midpoint(low, high))),
        FeatureType::Integer => {
            Value::Number(feature.range.map_or(0.0, |(low, high)| f64::midpoint(low, high).round()))
        }
        FeatureType::Bool => Value::Bool(false),
        FeatureType::Text => {
            let known = feature.categories.first().or(feature.missing.as_ref());
            Value::Text(known.cloned().unwrap_or_default())
        }
    }
}
