//! Writing tables.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Number, Value as Json};

use super::{Cells, Table, TableError};
use crate::project::documents::Value;

/// A form in which tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a line of names; a missing cell is empty.
    Csv,
    /// One JSON object per line; a missing cell, or a number that is not finite, is null.
    JsonLines,
}

impl Format {
    /// The form a file's name asks for.
    pub fn of(path: &Path) -> Result<Self, TableError> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("json" | "jsonl" | "ndjson") => Ok(Self::JsonLines),
            Some("parquet") => Err(TableError::Unsupported {
                path: path.to_owned(),
                what: "to be Parquet".into(),
                fix: "Parquet is read and not written: name it .csv or .jsonl.".into(),
            }),
            _ => Err(TableError::Unsupported {
                path: path.to_owned(),
                what: "of an unknown kind".into(),
                fix: "Name it .csv or .jsonl.".into(),
            }),
        }
    }
}

/// Writes a table whole or not at all, in the form that the name asks for.
pub fn write(path: &Path, table: &Table) -> Result<(), TableError> {
    let format = Format::of(path)?;
    let failed = |error: io::Error| TableError::Write { path: path.to_owned(), reason: error.to_string() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".table-").tempfile_in(folder).map_err(failed)?;
    write_to(&mut file, format, table).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Writes a table to anything.
pub fn write_to(out: &mut dyn Write, format: Format, table: &Table) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match format {
        Format::Csv => write_csv(&mut out, table)?,
        Format::JsonLines => write_json_lines(&mut out, table)?,
    }
    out.flush()
}

fn write_csv(out: &mut impl Write, table: &Table) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(table.names())?;
    for row in 0..table.n_rows() {
        for column in &table.columns {
            match &column.cells {
                // An `i64` would lose digits as a `Value`.
                Cells::Integer(cells) => {
                    let cell = cells.get(row).copied().flatten();
                    writer.write_field(cell.map_or_else(String::new, |number| number.to_string()))?;
                }
                cells => writer.write_field(match cells.value(row) {
                    Value::Missing => String::new(),
                    Value::Bool(value) => value.to_string(),
                    Value::Number(value) => value.to_string(),
                    Value::Text(value) => value,
                })?,
            }
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}

fn write_json_lines(out: &mut impl Write, table: &Table) -> io::Result<()> {
    for row in 0..table.n_rows() {
        let mut object = Map::new();
        for column in &table.columns {
            let cell = match &column.cells {
                Cells::Integer(cells) => cells.get(row).copied().flatten().map_or(Json::Null, Json::from),
                cells => match cells.value(row) {
                    Value::Missing => Json::Null,
                    Value::Bool(value) => Json::Bool(value),
                    Value::Number(value) => Number::from_f64(value).map_or(Json::Null, Json::Number),
                    Value::Text(value) => Json::String(value),
                },
            };
            object.insert(column.name.clone(), cell);
        }
        serde_json::to_writer(&mut *out, &object)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
