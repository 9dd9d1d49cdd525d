//! Columns in and out: CSV and JSON lines, with their types guessed from the cells, and Parquet, which has types.
//!
//! Reading is strict where a guess could be silently wrong (ragged rows, doubled or absent column names, mixed
//! encodings) and lenient where it cannot (delimiter, byte order mark, decimal commas). It knows nothing of models.

mod csv_file;
mod encoding;
mod error;
mod guess;
mod json_lines;
mod names;
#[cfg(not(feature = "headless"))]
#[path = "parquet_absent.rs"]
mod parquet_file;
#[cfg(feature = "headless")]
mod parquet_file;
pub mod rows;
pub mod sink;
mod write;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;

use crate::project::documents::Value;

pub use error::TableError;
pub use guess::{number_in_cell, says_missing};
pub use write::{Format, write, write_to};

/// Named columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns, in the order of the file.
    pub columns: Vec<Column>,
}

/// One named column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its cells.
    pub cells: Cells,
}

/// The cells of a [`Column`]; a missing one is NaN or `None`.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Real numbers; a column without any value is one of these.
    Number(Vec<f64>),
    /// Whole numbers.
    Integer(Vec<Option<i64>>),
    /// Truth values.
    Bool(Vec<Option<bool>>),
    /// Text.
    Text(Vec<Option<String>>),
}

/// How a file is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadConfig {
    /// Rows after which reading stops; all when `None`.
    pub max_rows: Option<usize>,
    /// Columns kept as the text they are, whatever they look like: `1.10` is not 1.1 when it is a category.
    pub text_columns: BTreeSet<String>,
}

/// What was read, and what a person should know about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// The columns that could be read.
    pub table: Table,
    /// Sentences without a full stop: columns left out, columns that are almost numbers.
    pub findings: Vec<String>,
}

/// Reads a CSV, JSON lines or Parquet file, types guessed, at most `max_rows` rows.
pub fn read(path: &Path, max_rows: Option<usize>) -> Result<Table, TableError> {
    read_with(path, &ReadConfig { max_rows, ..ReadConfig::default() })
}

/// Reads a CSV, JSON lines or Parquet file as `config` says.
pub fn read_with(path: &Path, config: &ReadConfig) -> Result<Table, TableError> {
    read_with_findings(path, config).map(|read| read.table)
}

/// Reads a CSV, JSON lines or Parquet file as `config` says, and tells what is odd about it.
pub fn read_with_findings(path: &Path, config: &ReadConfig) -> Result<Read, TableError> {
    let mut file = open(path)?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let is_named_parquet = matches!(extension.as_deref(), Some("parquet" | "pq"));
    if is_named_parquet || has_parquet_magic(&mut file).map_err(|error| unreadable(path, &error))? {
        return parquet_file::read(path, file, config);
    }
    let file = encoding::decode(path, file)?;
    let json = match extension.as_deref() {
        Some("json" | "jsonl" | "ndjson") => true,
        Some("csv" | "tsv") => false,
        _ => file.first_character() == Some(b'{'),
    };
    if json { json_lines::read(path, file, config) } else { csv_file::read(path, file, config) }
}

/// Reads CSV that came by another way than a file.
pub fn read_csv(bytes: Vec<u8>, config: &ReadConfig) -> Result<Table, TableError> {
    let path = Path::new("the table");
    let text = encoding::decode_any(path, Box::new(io::Cursor::new(bytes)), encoding::SAMPLE_BYTES)?;
    csv_file::read(path, text, config).map(|read| read.table)
}

/// Opens a file that is no folder.
fn open(path: &Path) -> Result<File, TableError> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    if file.metadata().map_err(|error| unreadable(path, &error))?.is_dir() {
        return Err(TableError::Open { path: path.to_owned(), reason: "it is a folder".into() });
    }
    Ok(file)
}

fn unreadable(path: &Path, error: &io::Error) -> TableError {
    TableError::Open { path: path.to_owned(), reason: error.to_string() }
}

fn has_parquet_magic(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.take(4).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start == b"PAR1" || start == b"PARE")
}

impl Cells {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Number(cells) => cells.len(),
            Self::Integer(cells) => cells.len(),
            Self::Bool(cells) => cells.len(),
            Self::Text(cells) => cells.len(),
        }
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cell of a row; [`Value::Missing`] past the end.
    pub fn value(&self, row: usize) -> Value {
        let value = match self {
            Self::Number(cells) => {
                cells.get(row).filter(|number| !number.is_nan()).map(|number| Value::Number(*number))
            }
            Self::Integer(cells) => cells.get(row).copied().flatten().map(|number| Value::Number(number as f64)),
            Self::Bool(cells) => cells.get(row).copied().flatten().map(Value::Bool),
            Self::Text(cells) => cells.get(row).cloned().flatten().map(Value::Text),
        };
        value.unwrap_or_default()
    }

    /// Number of missing cells.
    pub fn n_missing(&self) -> usize {
        match self {
            Self::Number(cells) => cells.iter().filter(|number| number.is_nan()).count(),
            Self::Integer(cells) => cells.iter().filter(|cell| cell.is_none()).count(),
            Self::Bool(cells) => cells.iter().filter(|cell| cell.is_none()).count(),
            Self::Text(cells) => cells.iter().filter(|cell| cell.is_none()).count(),
        }
    }
}

impl Table {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The cells of one row, in the order of the columns.
    pub fn row(&self, row: usize) -> Vec<Value> {
        self.columns.iter().map(|column| column.cells.value(row)).collect()
    }

    /// The table without the named columns, such as the true answer or a row's name.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.columns.retain(|column| !names.contains(&column.name.as_str()));
        self
    }
}

#[cfg(test)]
mod tests;
