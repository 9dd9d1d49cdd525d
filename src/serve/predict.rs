//! `/predict`: named features in, the brief's output out, for people and small programs.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::answer::{self, Asked, Written, model_failed};
use super::app::App;
use super::entry::Entry;
use super::error::{ApiError, WrongField};
use super::shallow::{self, Items};
use super::v2::bad_json;
use crate::engine::tensor::Tensor;
use crate::features::{FieldError, Mapping, Prediction, UnknownFields, predictions};
use crate::project::contract::ClassLabel;
use crate::project::documents::Value;

/// Field errors that are listed of one request.
const MAX_LISTED: usize = 100;

pub(super) async fn predict(State(app): State<Arc<App>>, request: Request) -> Response {
    let Some(entry) = app.models.first() else { return ApiError::not_found("no model is served").into_response() };
    let (parts, body) = request.into_parts();
    let unknown = app.config.unknown_fields;
    answer::answer(&app, entry, &parts, body, move |entry, body| Rows::parse(entry, body, unknown)).await
}

/// The rows of a request.
#[expect(clippy::struct_field_names, reason = "counts are called so")]
struct Rows {
    inputs: Vec<Tensor>,
    n_rows: usize,
    /// Whether a list was sent, which is then answered by a list.
    listed: bool,
}

impl Rows {
    fn parse(entry: &Entry, body: &Bytes, unknown: UnknownFields) -> Result<Self, ApiError> {
        let mapping = mapping(entry)?;
        let mut errors = Wrong::default();
        let mut values = Vec::new();
        let read = shallow::items(body, |row, item| {
            let Some(taken) = errors.take(mapping, row, item, unknown) else { return !errors.is_full() };
            values.push(taken);
            true
        });
        let listed = match read.map_err(bad_json)? {
            Items::One => false,
            Items::Listed => true,
            Items::Neither => {
                let message = "the body must be one object of named features, or a list of such objects";
                return Err(ApiError::unprocessable(message, Vec::new()));
            }
        };
        let values = errors.or(values, listed)?;
        Ok(Self { inputs: encode(mapping, &values)?, n_rows: values.len(), listed })
    }
}

/// Rows in feature order as the model's inputs.
pub(super) fn encode(mapping: &Mapping, rows: &[Vec<Value>]) -> Result<Vec<Tensor>, ApiError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    mapping.encode(rows).map_err(|error| ApiError::unprocessable(error.to_string(), Vec::new()))
}

impl Asked for Rows {
    fn take_inputs(&mut self) -> Vec<Tensor> {
        std::mem::take(&mut self.inputs)
    }

    fn at_once(&self) -> Option<Written> {
        (self.n_rows == 0).then(|| b"[]".to_vec().into())
    }

    fn write(&self, entry: &Entry, outputs: &[Tensor]) -> Result<Written, ApiError> {
        let predicted = predictions(entry.served.model.contract(), &entry.served.output, outputs)
            .map_err(|error| model_failed(error.to_string()))?;
        if predicted.len() != self.n_rows {
            return Err(model_failed(format!("it gave {} answers to {} rows", predicted.len(), self.n_rows)));
        }
        let written = match predicted.first() {
            Some(only) if !self.listed => serde_json::to_vec(&Answer::from(only)),
            _ => serde_json::to_vec(&predicted.iter().map(Answer::from).collect::<Vec<_>>()),
        };
        let failed =
            |error: serde_json::Error| ApiError::internal("the answer could not be written", error.to_string());
        written.map(Into::into).map_err(failed)
    }
}

pub(super) fn mapping(entry: &Entry) -> Result<&Mapping, ApiError> {
    entry.served.mapping.as_ref().ok_or_else(|| {
        let name = &entry.served.name;
        ApiError::not_found(format!("model `{name}` takes no named features; send tensors to /v2/models/{name}/infer"))
    })
}

/// The wrong fields of a request.
#[derive(Default)]
pub(super) struct Wrong {
    fields: Vec<WrongField>,
}

impl Wrong {
    /// Takes a row, or remembers what is wrong with it.
    pub(super) fn take(
        &mut self,
        mapping: &Mapping,
        row: usize,
        item: Json,
        unknown: UnknownFields,
    ) -> Option<Vec<Value>> {
        match item {
            Json::Object(fields) => self.take_fields(mapping, row, &fields, unknown),
            other => {
                self.fields.push(WrongField {
                    row: Some(row),
                    field: String::new(),
                    expected: "an object of named features".to_owned(),
                    given: kind(&other).to_owned(),
                    hint: String::new(),
                });
                None
            }
        }
    }

    /// Takes a row's fields, or remembers what is wrong with them.
    pub(super) fn take_fields(
        &mut self,
        mapping: &Mapping,
        row: usize,
        fields: &Map<String, Json>,
        unknown: UnknownFields,
    ) -> Option<Vec<Value>> {
        match mapping.row_from_json(fields, unknown) {
            Ok(values) => Some(values),
            Err(errors) => {
                self.fields.extend(errors.into_iter().map(|error| field(error, Some(row))));
                None
            }
        }
    }

    /// Whether enough is known to be wrong.
    pub(super) fn is_full(&self) -> bool {
        MAX_LISTED <= self.fields.len()
    }

    /// `values`, unless a field was wrong; places are told when a list was sent.
    pub(super) fn or<T>(mut self, values: T, listed: bool) -> Result<T, ApiError> {
        if self.fields.is_empty() {
            return Ok(values);
        }
        if !listed {
            self.fields.iter_mut().for_each(|field| field.row = None);
        }
        Err(wrong_fields(self.fields))
    }
}

fn field(error: FieldError, row: Option<usize>) -> WrongField {
    let FieldError { field, expected, given, hint } = error;
    if expected.is_empty() {
        let (expected, given) = ("only the model's features".to_owned(), "a field of another name".to_owned());
        return WrongField { row, field, expected, given, hint };
    }
    WrongField { row, field, expected, given, hint }
}

fn wrong_fields(fields: Vec<WrongField>) -> ApiError {
    let first = fields.first().map_or_else(String::new, |first| {
        let row = first.row.map_or_else(String::new, |row| format!("row {row}, "));
        let hint = if first.hint.is_empty() { String::new() } else { format!(" ({})", first.hint) };
        format!(": {row}field `{}`: {} expected, {} given{hint}", first.field, first.expected, first.given)
    });
    let message = match fields.len() {
        1 => format!("one field is wrong{first}"),
        n if MAX_LISTED <= n => format!("{n} fields or more are wrong, the first{first}"),
        n => format!("{n} fields are wrong, the first{first}"),
    };
    ApiError::unprocessable(message, fields)
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// One prediction as it is sent; what the model does not give is left out.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a ClassLabel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<Short>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_level: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<ByClass<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<ByClass<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Short>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<Short>,
}

impl<'a> From<&'a Prediction> for Answer<'a> {
    fn from(prediction: &'a Prediction) -> Self {
        let Prediction { label, scores, classes, probability, level, .. } = prediction;
        let by_class = (!classes.is_empty() && classes.len() == scores.len()).then_some(ByClass { classes, scores });
        let numbers = if by_class.is_some() { &[][..] } else { scores };
        // Scores of a margin or an unnormalised vote are not called probabilities.
        let (probabilities, scores) = if probability.is_some() { (by_class, None) } else { (None, by_class) };
        Self {
            label: label.as_ref(),
            probability: probability.map(Short),
            risk_level: level.as_deref(),
            probabilities,
            scores,
            value: if let [value] = numbers { Some(Short(*value)) } else { None },
            values: if 1 < numbers.len() { numbers.iter().copied().map(Short).collect() } else { Vec::new() },
        }
    }
}

/// The score of each class, as an object.
struct ByClass<'a> {
    classes: &'a [ClassLabel],
    scores: &'a [f64],
}

impl Serialize for ByClass<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scores = self.scores.iter().copied().map(Short);
        serializer.collect_map(self.classes.iter().map(ToString::to_string).zip(scores))
    }
}

/// A number that is written as short as its precision allows: what was an `f32` gets no digits an `f32` has not.
struct Short(f64);

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let narrow = self.0 as f32;
        // Bits, so that NaN takes the other way and becomes null.
        if f64::from(narrow).to_bits() == self.0.to_bits() {
            serializer.serialize_f32(narrow)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}
