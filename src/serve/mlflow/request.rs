//! The ways in which MLflow's clients write rows and tensors.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed as _, Error as _};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::Invocation;
use crate::engine::tensor::Tensor;
use crate::features::{Mapping, UnknownFields};
use crate::project::documents::Value;
use crate::serve::entry::Entry;
use crate::serve::error::ApiError;
use crate::serve::predict::{Wrong, encode, mapping};
use crate::serve::shallow::{self, Items, ItemsSeed};
use crate::serve::v2::{bad_json, check_tensors, tensor_from_json};
use crate::table::{self, ReadConfig};

/// A frame or tensors; exactly one is there.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    dataframe_split: Option<&'a RawValue>,
    #[serde(borrow)]
    dataframe_records: Option<&'a RawValue>,
    #[serde(borrow)]
    instances: Option<&'a RawValue>,
    #[serde(borrow)]
    inputs: Option<&'a RawValue>,
}

/// Understands JSON.
pub(super) fn from_json(entry: &Entry, body: &Bytes) -> Result<Invocation, ApiError> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(bad_json)?;
    match (body.dataframe_split, body.dataframe_records, body.instances, body.inputs) {
        (Some(split), None, None, None) => from_split(entry, split),
        (None, Some(records), None, None) => from_records(entry, records),
        (None, None, Some(instances), None) => from_instances(entry, instances),
        (None, None, None, Some(inputs)) => from_inputs(entry, inputs),
        _ => Err(ApiError::bad_request(
            "the body must have exactly one of dataframe_split, dataframe_records, instances and inputs",
        )),
    }
}

/// Understands a table with a header.
pub(super) fn from_csv(entry: &Entry, body: &Bytes) -> Result<Invocation, ApiError> {
    let mapping = mapping(entry)?;
    let config = ReadConfig { max_rows: None, text_columns: mapping.text_columns() };
    let wrong = |error: String| ApiError::bad_request(format!("the table cannot be read: {error}"));
    let table = table::read_csv(body.to_vec(), &config).map_err(|error| wrong(error.to_string()))?;
    let rows = mapping.rows_from_table(&table).map_err(|error| wrong(error.to_string()))?;
    from_rows(mapping, &rows)
}

fn from_rows(mapping: &Mapping, rows: &[Vec<Value>]) -> Result<Invocation, ApiError> {
    Ok(Invocation { inputs: encode(mapping, rows)?, n_rows: Some(rows.len()) })
}

/// `{"columns": […], "data": [[…], …]}`, in either order.
fn from_split(entry: &Entry, split: &RawValue) -> Result<Invocation, ApiError> {
    #[derive(Deserialize)]
    struct Split<'a> {
        columns: Option<Vec<String>>,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let mapping = mapping(entry)?;
    let split: Split<'_> = serde_json::from_str(split.get()).map_err(bad_json)?;
    let columns = split.columns.unwrap_or_else(|| mapping.features().iter().map(|f| f.name.clone()).collect());
    let mut errors = Wrong::default();
    let mut rows = Vec::new();
    let mut ragged = None;
    let data: Vec<&RawValue> = serde_json::from_str(split.data.get()).map_err(bad_json)?;
    for (position, row) in data.into_iter().enumerate() {
        let mut cells = Vec::with_capacity(columns.len());
        let mut deserializer = serde_json::Deserializer::from_str(row.get());
        Cells { cells: &mut cells, limit: columns.len() }.deserialize(&mut deserializer).map_err(bad_json)?;
        if cells.len() != columns.len() {
            ragged = Some((position, cells.len()));
            break;
        }
        let fields: Map<String, Json> = columns.iter().cloned().zip(cells).collect();
        rows.extend(errors.take_fields(mapping, position, &fields, UnknownFields::Ignore));
        if errors.is_full() {
            break;
        }
    }
    if let Some((row, given)) = ragged {
        let message = format!("row {row} of the data has {given} values for {} columns", columns.len());
        return Err(ApiError::bad_request(message));
    }
    from_rows(mapping, &errors.or(rows, true)?)
}

/// The cells of one row.
struct Cells<'a> {
    cells: &'a mut Vec<Json>,
    limit: usize,
}

impl<'de> serde::de::DeserializeSeed<'de> for Cells<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Cells<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(cell) = items.next_element_seed(shallow::Cell)? {
            if self.limit < self.cells.len() {
                return Err(A::Error::custom("a row has more values than there are columns"));
            }
            self.cells.push(cell);
        }
        Ok(())
    }
}

/// `[{…}, …]`.
fn from_records(entry: &Entry, records: &RawValue) -> Result<Invocation, ApiError> {
    let mapping = mapping(entry)?;
    let mut errors = Wrong::default();
    let mut rows = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(records.get());
    let take = |row: usize, item: Json| {
        rows.extend(errors.take(mapping, row, item, UnknownFields::Ignore));
        !errors.is_full()
    };
    match (ItemsSeed { take }).deserialize(&mut deserializer).map_err(bad_json)? {
        Items::Listed => from_rows(mapping, &errors.or(rows, true)?),
        Items::One | Items::Neither => Err(ApiError::bad_request("dataframe_records must be a list of objects")),
    }
}

/// A list with one item a row: objects of named features or of named tensors, or the rows of the only tensor.
fn from_instances(entry: &Entry, instances: &RawValue) -> Result<Invocation, ApiError> {
    let first = first_byte(instances.get(), b'[');
    if first != Some(b'{') {
        return from_only_tensor(entry, instances);
    }
    let contract = entry.served.model.contract();
    let items: Vec<Map<String, Json>> = serde_json::from_str(instances.get()).map_err(bad_json)?;
    let named = |name: &String| contract.inputs.iter().any(|spec| spec.name == *name);
    if !items.first().is_some_and(|first| first.keys().all(named) && first.len() == contract.inputs.len()) {
        return from_records(entry, instances);
    }
    let stacked = contract.inputs.iter().map(|spec| {
        let values = items.iter().map(|item| item.get(&spec.name).cloned());
        let values: Option<Vec<Json>> = values.collect();
        (spec.name.clone(), values.map_or(Json::Null, Json::Array))
    });
    let stacked: Map<String, Json> = stacked.collect();
    from_tensors(entry, stacked.iter().map(|(name, data)| (name.as_str(), data)))
}

/// One value a name, each a list: tensors, or columns of features; or the only tensor without its name.
fn from_inputs(entry: &Entry, inputs: &RawValue) -> Result<Invocation, ApiError> {
    if !inputs.get().trim_start().starts_with('{') {
        return from_only_tensor(entry, inputs);
    }
    let named: BTreeMap<String, &RawValue> = serde_json::from_str(inputs.get()).map_err(bad_json)?;
    let contract = entry.served.model.contract();
    // A feature may have the name of the input it goes to.
    let is_input = |name: &String| contract.inputs.iter().any(|spec| spec.name == *name);
    if named.keys().all(is_input) || entry.served.mapping.is_none() {
        let mut readers: Vec<_> =
            named.iter().map(|(name, raw)| (name, serde_json::Deserializer::from_str(raw.get()))).collect();
        return from_tensors(entry, readers.iter_mut().map(|(name, reader)| (name.as_str(), reader)));
    }
    from_columns(mapping(entry)?, &serde_json::from_str(inputs.get()).map_err(bad_json)?)
}

fn from_columns(mapping: &Mapping, columns: &Map<String, Json>) -> Result<Invocation, ApiError> {
    let mut n_rows = None;
    for (name, column) in columns {
        let length = column.as_array().map_or(1, Vec::len);
        if *n_rows.get_or_insert(length) != length {
            return Err(ApiError::bad_request(format!("the column {name} is longer or shorter than the others")));
        }
    }
    let mut errors = Wrong::default();
    let mut rows = Vec::new();
    for row in 0..n_rows.unwrap_or(0) {
        let fields = columns.iter().map(|(name, column)| {
            let cell = column.as_array().map_or(Some(column), |cells| cells.get(row));
            (name.clone(), cell.cloned().unwrap_or(Json::Null))
        });
        rows.extend(errors.take_fields(mapping, row, &fields.collect(), UnknownFields::Ignore));
        if errors.is_full() {
            break;
        }
    }
    from_rows(mapping, &errors.or(rows, true)?)
}

fn from_only_tensor(entry: &Entry, data: &RawValue) -> Result<Invocation, ApiError> {
    let inputs = &entry.served.model.contract().inputs;
    let [only] = inputs.as_slice() else {
        let names: Vec<&str> = inputs.iter().map(|spec| spec.name.as_str()).collect();
        return Err(ApiError::bad_request(format!("the model has several inputs; name them: {}", names.join(", "))));
    };
    let mut data = serde_json::Deserializer::from_str(data.get());
    from_tensors(entry, std::iter::once((only.name.as_str(), &mut data)))
}

fn from_tensors<'a, 'de, D: serde::Deserializer<'de>>(
    entry: &Entry,
    given: impl Iterator<Item = (&'a str, D)>,
) -> Result<Invocation, ApiError> {
    let contract = entry.served.model.contract();
    let mut tensors: Vec<Option<Tensor>> = vec![None; contract.inputs.len()];
    for (name, data) in given {
        let Some(position) = contract.inputs.iter().position(|spec| spec.name == name) else {
            return Err(ApiError::bad_request(format!("the model has no input `{name}`")));
        };
        let tensor = tensor_from_json(&contract.inputs[position], data);
        tensors[position] = Some(tensor.map_err(|error| ApiError::bad_request(format!("input `{name}`: {error}")))?);
    }
    if let Some(absent) = tensors.iter().position(Option::is_none) {
        return Err(ApiError::bad_request(format!("input `{}` is missing", contract.inputs[absent].name)));
    }
    let inputs: Vec<Tensor> = tensors.into_iter().flatten().collect();
    check_tensors(&inputs, contract)?;
    let consistent = inputs.iter().all(Tensor::is_consistent);
    if !consistent {
        return Err(ApiError::bad_request("a tensor's data does not fill its shape"));
    }
    Ok(Invocation { inputs, n_rows: None })
}

/// The first byte within a list.
fn first_byte(json: &str, open: u8) -> Option<u8> {
    let inside = json.trim_start().as_bytes().strip_prefix(&[open])?;
    inside.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}
