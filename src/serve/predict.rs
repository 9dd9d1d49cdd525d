//! `/predict`: named features in, the brief's output out, for people and small programs.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::app::{App, Entry};
use super::body;
use super::error::{ApiError, WrongField, json};
use super::observe::Answered;
use super::v2::{bad_json, model_failed};
use crate::features::{FieldError, Mapping, Prediction, UnknownFields, predictions};
use crate::project::contract::ClassLabel;
use crate::project::documents::Value;

/// Bodies up to this are parsed on the connection's thread.
const PARSED_INLINE_BYTES: usize = 16 * 1024;

/// Field errors that are listed of one request.
const MAX_LISTED: usize = 100;

pub(super) async fn predict(State(app): State<Arc<App>>, request: Request) -> Response {
    let Some(entry) = app.models.first() else { return ApiError::not_found("no model is served").into_response() };
    let mut response = answer(&app, entry, request).await.unwrap_or_else(ApiError::into_response);
    response.extensions_mut().insert(Answered(Arc::clone(entry)));
    response
}

async fn answer(app: &App, entry: &Arc<Entry>, request: Request) -> Result<Response, ApiError> {
    let permit = app.admit()?;
    let (parts, body) = request.into_parts();
    let body = body::read(body, &parts.headers, app.config.max_body_bytes, app.config.request_timeout).await?;
    let model = Arc::clone(entry);
    if PARSED_INLINE_BYTES < body.len() {
        return app.compute(entry, usize::MAX, permit, move || Rows::parse(&model, &body)?.predict(&model)).await;
    }
    let rows = Rows::parse(entry, &body)?;
    app.compute(entry, rows.values.len(), permit, move || rows.predict(&model)).await
}

/// The rows of a request, in feature order.
struct Rows {
    values: Vec<Vec<Value>>,
    /// Whether a list was sent, which is then answered by a list.
    listed: bool,
}

impl Rows {
    fn parse(entry: &Entry, body: &Bytes) -> Result<Self, ApiError> {
        let mapping = mapping(entry)?;
        match serde_json::from_slice(body).map_err(bad_json)? {
            Json::Object(row) => {
                let values = mapping.row_from_json(&row, UnknownFields::Refuse);
                let fields = |errors: Vec<FieldError>| errors.into_iter().map(|error| field(error, None)).collect();
                Ok(Self { values: vec![values.map_err(|errors| wrong_fields(fields(errors)))?], listed: false })
            }
            Json::Array(items) => Ok(Self { values: rows(mapping, &items)?, listed: true }),
            _ => Err(ApiError::unprocessable(
                "the body must be one object of named features, or a list of such objects",
                Vec::new(),
            )),
        }
    }

    fn predict(&self, entry: &Entry) -> Result<Response, ApiError> {
        let model = &entry.served.model;
        if self.values.is_empty() {
            return Ok(json(&[(); 0]));
        }
        let inputs = mapping(entry)?
            .encode(&self.values)
            .map_err(|error| ApiError::unprocessable(error.to_string(), Vec::new()))?;
        let outputs = model.run(&inputs).map_err(model_failed)?;
        let predicted = predictions(model.contract(), &entry.served.output, &outputs)
            .map_err(|error| model_failed(error.to_string()))?;
        if predicted.len() != self.values.len() {
            return Err(model_failed(format!("it gave {} answers to {} rows", predicted.len(), self.values.len())));
        }
        match predicted.first() {
            Some(only) if !self.listed => Ok(json(&Answer::from(only))),
            _ => Ok(json(&predicted.iter().map(Answer::from).collect::<Vec<_>>())),
        }
    }
}

fn mapping(entry: &Entry) -> Result<&Mapping, ApiError> {
    entry.served.mapping.as_ref().ok_or_else(|| {
        let name = &entry.served.name;
        ApiError::not_found(format!("model `{name}` takes no named features; send tensors to /v2/models/{name}/infer"))
    })
}

fn rows(mapping: &Mapping, items: &[Json]) -> Result<Vec<Vec<Value>>, ApiError> {
    let mut rows = Vec::with_capacity(items.len());
    let mut wrong = Vec::new();
    for (idx, item) in items.iter().enumerate() {
        match item {
            Json::Object(row) => match mapping.row_from_json(row, UnknownFields::Refuse) {
                Ok(row) => rows.push(row),
                Err(errors) => wrong.extend(errors.into_iter().map(|error| field(error, Some(idx)))),
            },
            other => wrong.push(WrongField {
                row: Some(idx),
                field: String::new(),
                expected: "an object of named features".to_owned(),
                given: kind(other).to_owned(),
                hint: String::new(),
            }),
        }
        if MAX_LISTED <= wrong.len() {
            break;
        }
    }
    if wrong.is_empty() { Ok(rows) } else { Err(wrong_fields(wrong)) }
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
