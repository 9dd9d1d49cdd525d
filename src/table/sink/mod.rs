//! Tables of any size, written a stretch of rows at a time: the cells as they were read, and columns beside them.

#[cfg(feature = "headless")]
mod parquet_sink;
mod text;

use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::rows::Stretch;
use super::{Table, TableError};
#[cfg(feature = "headless")]
pub use parquet_sink::ParquetSink;
pub use text::TextSink;

/// A form in which stretches are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Comma-separated values with a line of names.
    Csv,
    /// One JSON object per line.
    JsonLines,
    /// Parquet.
    Parquet,
}

impl Form {
    /// The form a file's name asks for.
    pub fn of(path: &Path) -> Result<Self, TableError> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("json" | "jsonl" | "ndjson") => Ok(Self::JsonLines),
            Some("parquet" | "pq") => Ok(Self::Parquet),
            _ => Err(TableError::Unsupported {
                path: path.to_owned(),
                what: "of an unknown kind".into(),
                fix: "Name it .csv, .jsonl or .parquet.".into(),
            }),
        }
    }
}

/// What a cell of a written column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellKind {
    /// Whole numbers.
    Integer,
    /// Real numbers.
    Number,
    /// Real numbers of single precision.
    Single,
    /// Truth values.
    Bool,
    /// Text.
    Text,
}

/// A column of the input that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its position in the input.
    pub column: usize,
    /// Its name in the output.
    pub name: String,
    /// What its cells are, as far as it is known.
    pub kind: CellKind,
}

/// The columns of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Columns of the input, in the order of the output.
    pub kept: Vec<Kept>,
    /// Whether JSON lines also keep fields that the first rows do not have.
    pub keeps_all: bool,
    /// Columns that are added, and what their cells are.
    pub added: Vec<(String, CellKind)>,
}

/// Writes stretches.
pub trait Sink {
    /// Writes rows with the cells that are added to them, one row of `added` for each of the stretch.
    fn write(&mut self, stretch: &Stretch, names: &[String], added: &Table) -> io::Result<()>;

    /// Writes what is still held back, and makes sure that it stays.
    ///
    /// Returns the length of the output up to here, when it can be cut there and be written on.
    fn commit(&mut self) -> io::Result<Option<u64>>;

    /// Fields of rows that had no column to go to.
    fn n_left_out(&self) -> u64 {
        0
    }

    /// Ends the output.
    fn finish(&mut self) -> io::Result<()>;
}

#[cfg(feature = "headless")]
/// A sink into a file that is there.
pub fn file_sink(form: Form, layout: Layout, file: File, is_new: bool) -> io::Result<Box<dyn Sink + Send>> {
    Ok(match form {
        Form::Parquet => Box::new(ParquetSink::new(layout, file)?),
        form => Box::new(TextSink::into_file(form, layout, file, is_new)?),
    })
}
