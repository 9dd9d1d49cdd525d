//! Where each feature goes in the model, checked once, then used for every row.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use serde_json::{Map, Value as Json};

use super::cells::{self, CellStyle};
use super::learn::{n_columns, text};
use super::values::{accepts_missing, expectation, said};
use super::{FeatureError, FieldError, encode};
use crate::engine::tensor::Tensor;
use crate::project::contract::{Dim, Dtype, ModelContract, TensorSpec};
use crate::project::documents::{Feature, FeatureContract, FeatureType, Value};
use crate::table::rows::Cell;
use crate::table::{self, Cells, ReadConfig, Table};

/// What to do with a named value that is no feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// Report it; it may be a misspelt feature.
    #[default]
    Refuse,
    /// Leave it out; data files carry identifiers and answers.
    Ignore,
}

/// A feature contract that is known to fit a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    features: Vec<Feature>,
    inputs: Vec<Slot>,
}

/// One model input and the features that fill it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    /// Rows it takes at a time, when that is fixed.
    pub(super) batch: Option<u64>,
    /// The axes of one row.
    pub(super) row_shape: Vec<usize>,
    /// The feature of each column.
    pub(super) features: Vec<usize>,
}

impl Mapping {
    /// Checks that the features fill the model's inputs: each column exactly once, with a type that fits.
    pub fn new(contract: &FeatureContract, model: &ModelContract) -> Result<Self, FeatureError> {
        let mut features = contract.features.clone();
        let mut names = BTreeSet::new();
        for feature in &mut features {
            if !names.insert(feature.name.clone()) {
                return Err(FeatureError::DuplicateFeature { feature: feature.name.clone() });
            }
            let input = model.inputs.iter().find(|input| input.name == feature.input);
            let Some(input) = input else {
                return Err(FeatureError::UnknownInput { feature: feature.name.clone(), input: feature.input.clone() });
            };
            let is_text = input.dtype == Dtype::Text;
            if is_text != (feature.kind == FeatureType::Text) {
                return Err(FeatureError::Kind {
                    feature: feature.name.clone(),
                    kind: kind_name(feature.kind).to_owned(),
                    input: input.name.clone(),
                    dtype: input.dtype.plain_name().to_owned(),
                });
            }
            // Only floating point has a value for "missing".
            feature.nullable =
                if is_text { feature.missing.is_some() } else { feature.nullable && input.dtype.is_float() };
        }
        let inputs = model.inputs.iter().map(|input| slot(input, &features)).collect::<Result<_, _>>()?;
        Ok(Self { features, inputs })
    }

    /// The features, in the order of rows.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Rows that the model takes at a time, when it takes no other number.
    pub fn batch(&self) -> Option<u64> {
        self.inputs.iter().find_map(|slot| slot.batch)
    }

    /// Columns that must be read as text, whatever their cells look like; for [`ReadConfig::text_columns`].
    pub fn text_columns(&self) -> BTreeSet<String> {
        let texts = self.features.iter().filter(|feature| feature.kind == FeatureType::Text);
        texts.map(|feature| feature.name.clone()).collect()
    }

    /// Rows in feature order as one tensor per model input, in the model's order.
    pub fn encode(&self, rows: &[Vec<Value>]) -> Result<Vec<Tensor>, FeatureError> {
        let expected = self.features.len();
        if let Some((row, values)) = rows.iter().enumerate().find(|(_, values)| values.len() != expected) {
            return Err(FeatureError::RowLength { row: row + 1, expected, given: values.len() });
        }
        for slot in &self.inputs {
            if let Some(expected) = slot.batch.filter(|batch| *batch != rows.len() as u64) {
                return Err(FeatureError::FixedBatch { input: slot.name.clone(), expected, given: rows.len() });
            }
        }
        self.inputs.iter().map(|slot| encode::encode(slot, &self.features, rows)).collect()
    }

    /// Whether the values of all rows can be given to the model; the first that cannot is named.
    pub fn check_rows(&self, rows: &[Vec<Value>]) -> Result<(), FeatureError> {
        self.inputs.iter().try_for_each(|slot| encode::encode(slot, &self.features, rows).map(drop))
    }

    /// Whether the values of one row can be given to the model.
    pub fn check_row(&self, row: &[Value]) -> Result<(), FieldError> {
        let one = [row.to_vec()];
        for slot in &self.inputs {
            let encoded = encode::encode(slot, &self.features, &one);
            if let Err(FeatureError::Value { feature, expected, given, .. }) = encoded {
                return Err(FieldError { field: feature, expected, given, hint: String::new() });
            }
        }
        Ok(())
    }

    /// The cells of a row as its values, in feature order; `cell` gives that of a feature, and whether the numbers of
    /// its column have decimal commas.
    pub fn row_from_cells<'a>(
        &self,
        mut cell: impl FnMut(usize) -> (Cell<'a>, CellStyle),
    ) -> Result<Vec<Value>, FieldError> {
        let one = |(index, feature)| {
            let (cell, style) = cell(index);
            cells::value(feature, &cell, style)
        };
        self.features.iter().enumerate().map(one).collect()
    }

    /// Named values, as in a request, as a row in feature order; all errors at once.
    ///
    /// Every feature must be named: one that is missing on purpose is null, one that is absent is an error.
    pub fn row_from_json(
        &self,
        object: &Map<String, Json>,
        unknown: UnknownFields,
    ) -> Result<Vec<Value>, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut row = Vec::with_capacity(self.features.len());
        for feature in &self.features {
            match object.get(&feature.name).map_or(Err("no field of that name".to_owned()), |json| value(feature, json))
            {
                Ok(value) => row.push(value),
                Err(given) => errors.push(FieldError {
                    field: feature.name.clone(),
                    expected: expectation(feature),
                    given,
                    hint: String::new(),
                }),
            }
        }
        if unknown == UnknownFields::Refuse && object.keys().len() + errors.len() != self.features.len() {
            let known: HashSet<&str> = self.features.iter().map(|feature| feature.name.as_str()).collect();
            errors.extend(
                object.keys().filter(|field| !known.contains(field.as_str())).map(|field| self.stranger(field)),
            );
        }
        if errors.is_empty() { Ok(row) } else { Err(errors) }
    }

    /// A field that is no feature, and the feature it may have meant.
    fn stranger(&self, field: &str) -> FieldError {
        let plain =
            |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let meant = self.features.iter().find(|feature| plain(&feature.name) == plain(field));
        FieldError {
            field: field.to_owned(),
            expected: String::new(),
            given: String::new(),
            hint: meant.map_or_else(String::new, |feature| format!("did you mean {}?", feature.name)),
        }
    }

    /// Reads a table and takes its rows, text features as the text they are.
    pub fn read_rows(&self, path: &Path, max_rows: Option<usize>) -> Result<Vec<Vec<Value>>, FeatureError> {
        let config = ReadConfig { max_rows, text_columns: self.text_columns() };
        self.rows_from_table(&table::read_with(path, &config)?)
    }

    /// The rows of a table in feature order; columns that are no features are left out.
    ///
    /// A text feature whose column was read as numbers with a fraction is refused, because its text is no longer
    /// known; read the table with [`Mapping::text_columns`] to avoid that.
    pub fn rows_from_table(&self, table: &Table) -> Result<Vec<Vec<Value>>, FeatureError> {
        let absent = self.features.iter().filter(|feature| table.column(&feature.name).is_none());
        let absent: Vec<String> = absent.map(|feature| feature.name.clone()).collect();
        if !absent.is_empty() {
            return Err(FeatureError::MissingColumns { columns: absent });
        }
        let mut rows = vec![Vec::with_capacity(self.features.len()); table.n_rows()];
        for feature in &self.features {
            let Some(column) = table.column(&feature.name) else { continue };
            for (index, row) in rows.iter_mut().enumerate() {
                row.push(cell(feature, &column.cells, index)?);
            }
        }
        Ok(rows)
    }
}

fn kind_name(kind: FeatureType) -> &'static str {
    match kind {
        FeatureType::Number => "a number",
        FeatureType::Integer => "a whole number",
        FeatureType::Text => "a text",
        FeatureType::Bool => "a truth value",
    }
}

/// The features of one input, in the order of its columns.
fn slot(input: &TensorSpec, features: &[Feature]) -> Result<Slot, FeatureError> {
    let own: Vec<(usize, &Feature)> =
        features.iter().enumerate().filter(|(_, feature)| feature.input == input.name).collect();
    let not_tabular = || FeatureError::NotTabular { input: input.name.clone(), shape: input.shape_text() };
    // [N, ?] is as wide as the features say.
    let open = matches!(input.shape.as_slice(), [_, Dim::Symbol(_)]) && !own.is_empty();
    let width = if open { own.len() } else { n_columns(input).ok_or_else(not_tabular)? as usize };

    let mut columns = vec![None; width];
    for (index, feature) in &own {
        let column = feature.column.unwrap_or(0);
        let free = columns.get_mut(column).filter(|place| place.is_none());
        let Some(place) = free else {
            return Err(FeatureError::Columns {
                input: input.name.clone(),
                expected: format!("{width} columns, numbered from 0"),
                given: format!("column {column} to {}, which is beyond them or taken", feature.name),
            });
        };
        *place = Some(*index);
    }
    let given = columns.iter().flatten().count();
    let filled: Option<Vec<usize>> = columns.into_iter().collect();
    let features = filled.ok_or_else(|| FeatureError::Columns {
        input: input.name.clone(),
        expected: format!("{width} {}", if width == 1 { "column" } else { "columns" }),
        given: given.to_string(),
    })?;

    let (batch, row_shape) = match input.shape.as_slice() {
        [Dim::Fixed(n)] if 1 < *n => (Some(1), None),
        [first, rest @ ..] => {
            let rest: Vec<usize> = rest.iter().map(|dim| dim.fixed().map_or(width, |n| n as usize)).collect();
            (first.fixed(), Some(rest))
        }
        [] => return Err(not_tabular()),
    };
    // `None`: a single row without a batch axis, whose only axis is the columns.
    let row_shape = row_shape.unwrap_or_default();
    Ok(Slot { name: input.name.clone(), dtype: input.dtype, batch, row_shape, features })
}

/// A JSON value as a feature's, or what was given instead.
fn value(feature: &Feature, json: &Json) -> Result<Value, String> {
    match (feature.kind, json) {
        (_, Json::Null) if accepts_missing(feature) => Ok(Value::Missing),
        (_, Json::Null) => Err("null".to_owned()),
        (FeatureType::Text, Json::String(text)) => Ok(Value::Text(text.clone())),
        (FeatureType::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (FeatureType::Number, Json::Bool(value)) => Ok(Value::Number(f64::from(u8::from(*value)))),
        (FeatureType::Number | FeatureType::Integer | FeatureType::Bool, Json::Number(number)) => {
            let parsed = number.as_f64().unwrap_or(f64::NAN);
            let fits = match feature.kind {
                FeatureType::Integer => parsed.fract() == 0.0 && parsed.abs() <= super::values::LARGEST_EXACT,
                FeatureType::Bool => parsed == 0.0 || (parsed - 1.0).abs() < f64::EPSILON,
                FeatureType::Number | FeatureType::Text => parsed.is_finite(),
            };
            if fits { Ok(Value::Number(parsed)) } else { Err(number.to_string()) }
        }
        (_, Json::String(text)) => Err(said(&Value::Text(text.clone()))),
        (_, Json::Array(_)) => Err("a list".to_owned()),
        (_, Json::Object(_)) => Err("an object".to_owned()),
        (_, other) => Err(other.to_string()),
    }
}

/// A table's cell as a feature's value.
fn cell(feature: &Feature, cells: &Cells, row: usize) -> Result<Value, FeatureError> {
    let wrong = |expected: String, given: String| FeatureError::Value {
        row: row + 1,
        feature: feature.name.clone(),
        expected,
        given,
    };
    match (feature.kind, cells) {
        (FeatureType::Text, Cells::Number(_)) => match cells.value(row) {
            Value::Number(number) if number.fract() != 0.0 => {
                Err(wrong("a text".to_owned(), format!("the number {number}")))
            }
            _ => Ok(text(cells, row).map_or(Value::Missing, Value::Text)),
        },
        (FeatureType::Text, _) => Ok(text(cells, row).map_or(Value::Missing, Value::Text)),
        // One stray word makes a whole column text; the others are numbers all the same.
        (_, Cells::Text(_)) => match text(cells, row) {
            None => Ok(Value::Missing),
            Some(text) => super::parse_value(feature, &text).map_err(|error| wrong(error.expected, error.given)),
        },
        _ => Ok(cells.value(row)),
    }
}
