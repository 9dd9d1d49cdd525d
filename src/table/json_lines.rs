//! Reading JSON lines: an object per line, or one array of objects.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::{Map, Value};

use super::encoding::TextFile;
use super::{Cells, Column, Read, ReadConfig, Table, TableError};

/// Largest file that is one array, which cannot be read line by line.
const ARRAY_BYTES: u64 = 256 * 1024 * 1024;

/// Cells that no row has, because other rows have a field of that name; a name a row makes their square.
const ABSENT_CELLS: usize = 20_000_000;

/// Columns in the order of their first appearance; a row without one is missing there.
#[derive(Default)]
pub(super) struct Builder {
    columns: Vec<(String, Vec<Value>)>,
    positions: std::collections::HashMap<String, usize>,
    n_rows: usize,
    n_absent: usize,
}

impl Builder {
    pub(super) fn push(&mut self, path: &Path, line: u64, object: Map<String, Value>) -> Result<(), TableError> {
        let n_fields = object.len();
        for (field, value) in object {
            if value.is_array() || value.is_object() {
                return Err(TableError::Nested { path: path.to_owned(), line, field });
            }
            let position = *self.positions.entry(field).or_insert_with_key(|field| {
                self.n_absent += self.n_rows;
                self.columns.push((field.clone(), vec![Value::Null; self.n_rows]));
                self.columns.len() - 1
            });
            self.columns[position].1.push(value);
        }
        self.n_rows += 1;
        self.n_absent += self.columns.len() - n_fields;
        if ABSENT_CELLS < self.n_absent {
            let what = format!("{} fields, most of which most rows lack", self.columns.len());
            return Err(TableError::TooLarge { path: path.to_owned(), what });
        }
        for (_, cells) in &mut self.columns {
            cells.resize(self.n_rows, Value::Null);
        }
        Ok(())
    }

    pub(super) fn finish(self, config: &ReadConfig) -> Read {
        let mut findings = Vec::new();
        let columns = self.columns.into_iter().map(|(name, cells)| {
            if cells.iter().any(Value::is_number)
                && cells.iter().any(Value::is_string)
                && !config.text_columns.contains(&name)
            {
                findings.push(format!("Column {name} holds numbers and texts; it is taken as text"));
            }
            let cells = typed(cells, config.text_columns.contains(&name));
            Column { name, cells }
        });
        let columns = columns.collect();
        Read { table: Table { columns }, findings }
    }
}

/// Reads JSON lines.
pub(super) fn read(path: &Path, file: TextFile, config: &ReadConfig) -> Result<Read, TableError> {
    let array = file.first_character() == Some(b'[');
    let counters = file.counters;
    let mut reader = BufReader::new(file.reader);
    let mut builder = Builder::default();
    let more = |builder: &Builder| config.max_rows.is_none_or(|max_rows| builder.n_rows < max_rows);
    if array {
        let mut text = Vec::new();
        reader.take(ARRAY_BYTES).read_to_end(&mut text).map_err(|error| TableError::Read {
            path: path.to_owned(),
            line: 0,
            reason: error.to_string(),
        })?;
        if ARRAY_BYTES <= text.len() as u64 {
            let what = format!("one array of more than {} MiB", ARRAY_BYTES >> 20);
            return Err(TableError::TooLarge { path: path.to_owned(), what });
        }
        let objects: Vec<Map<String, Value>> = serde_json::from_slice(&text).map_err(|error| json(path, &error, 0))?;
        for (object, number) in objects.into_iter().zip(1..) {
            if !more(&builder) {
                break;
            }
            builder.push(path, number, object)?;
        }
        return Ok(builder.finish(config));
    }
    let mut bytes = Vec::new();
    let mut line = 0;
    while more(&builder) {
        counters.since_record.set(0);
        bytes.clear();
        line += 1;
        let n = reader.read_until(b'\n', &mut bytes).map_err(|error| TableError::Read {
            path: path.to_owned(),
            line,
            reason: error.to_string(),
        })?;
        if n == 0 {
            break;
        }
        if !bytes.trim_ascii().is_empty() {
            let object = serde_json::from_slice(&bytes).map_err(|error| json(path, &error, line))?;
            builder.push(path, line, object)?;
        }
    }
    Ok(builder.finish(config))
}

pub(super) fn json(path: &Path, error: &serde_json::Error, line: u64) -> TableError {
    let line = if line == 0 { error.line() as u64 } else { line };
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
    TableError::Json { path: path.to_owned(), line, reason: format!("{reason}, column {}", error.column()) }
}

fn typed(cells: Vec<Value>, as_text: bool) -> Cells {
    let present = || cells.iter().filter(|cell| !cell.is_null());
    if as_text {
        return Cells::Text(cells.into_iter().map(text).collect());
    }
    if present().next().is_none() {
        Cells::Number(vec![f64::NAN; cells.len()])
    } else if present().all(Value::is_boolean) {
        Cells::Bool(cells.iter().map(Value::as_bool).collect())
    } else if present().all(Value::is_i64) {
        Cells::Integer(cells.iter().map(Value::as_i64).collect())
    } else if present().all(Value::is_number) {
        Cells::Number(cells.iter().map(|cell| cell.as_f64().unwrap_or(f64::NAN)).collect())
    } else {
        Cells::Text(cells.into_iter().map(text).collect())
    }
}

fn text(cell: Value) -> Option<String> {
    match cell {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}
