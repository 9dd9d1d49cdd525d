//! Tables of any size, read a stretch of rows at a time.
//!
//! Where the whole-table reader tells a column's type from all of its cells, here it is told from the first rows
//! alone, and each cell is handed on as it is written. A row that cannot be read is marked and keeps its place.

mod csv_rows;
mod json_rows;
mod parquet_rows;

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::sink::CellKind;
use super::{Cells, ReadConfig, Table, TableError, encoding, has_parquet_magic, open, unreadable};
use csv_rows::CsvRows;
use json_rows::JsonRows;
use parquet_rows::ParquetRows;

/// Bytes of text from which types are told, and what a row reader looks at before it starts.
const SAMPLE_BYTES: usize = 1024 * 1024;

/// Rows from which types are told.
const SAMPLE_ROWS: usize = 10_000;

/// Text of one stretch, after which it ends early; rows may be long.
const STRETCH_BYTES: usize = 32 * 1024 * 1024;

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input, as CSV or JSON lines.
    StandardInput,
}

/// A place between two rows, from which reading can go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Rows before it.
    pub row: u64,
    /// Bytes before it, decoded; 0 for Parquet.
    pub offset: u64,
    /// Whether characters of UTF-8, and of another encoding, were seen before it.
    pub seen: (bool, bool),
}

/// A cell as it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// The row does not have it.
    Absent,
    /// It is null.
    Missing,
    /// A cell of CSV, which may stand for anything.
    Raw(&'a str),
    /// Text.
    Text(Cow<'a, str>),
    /// A number, a list or an object as JSON writes it.
    Json(&'a str),
    /// A number; never NaN.
    Number(f64),
    /// A number of single precision; never NaN.
    Single(f32),
    /// A whole number.
    Integer(i64),
    /// A truth value.
    Bool(bool),
}

/// Consecutive rows.
#[derive(Debug, Default)]
pub struct Stretch {
    /// Number of rows before the first.
    pub first_row: u64,
    n_rows: usize,
    /// Why rows cannot be read, by position in the stretch.
    faults: Vec<(usize, String)>,
    data: Data,
}

/// The cells of a stretch.
#[derive(Debug)]
enum Data {
    /// Texts one after the other, row by row, and where each ends; `n_columns` a row.
    Csv { text: String, ends: Vec<u32>, n_columns: usize },
    /// Fields row by row as (column, start, end), and how many fields there are before the end of each row.
    Json { text: String, fields: Vec<(u32, u32, u32)>, row_ends: Vec<u32> },
    /// Cells by column, and whether a column's numbers are of single precision.
    Columns { columns: Vec<Cells>, single: Vec<bool> },
}

impl Default for Data {
    fn default() -> Self {
        Self::Columns { columns: Vec::new(), single: Vec::new() }
    }
}

impl Stretch {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.n_rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// Rows that cannot be read, by position in the stretch, in order, and why.
    pub fn faults(&self) -> &[(usize, String)] {
        &self.faults
    }

    /// A cell by its row in the stretch and its column.
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        match &self.data {
            Data::Csv { text, ends, n_columns } => {
                let at = row * n_columns + column;
                if *n_columns <= column {
                    return Cell::Absent;
                }
                let start = if at == 0 { 0 } else { ends.get(at - 1).copied().unwrap_or(0) };
                let end = ends.get(at).copied().unwrap_or(start);
                Cell::Raw(text.get(start as usize..end as usize).unwrap_or_default())
            }
            Data::Json { text, .. } => {
                let fields = self.fields(row);
                // Rows mostly have the same fields in the same order.
                let field = fields.get(column).filter(|field| field.0 as usize == column);
                let field = field.or_else(|| fields.iter().find(|field| field.0 as usize == column));
                field.map_or(Cell::Absent, |field| json_cell(text, *field))
            }
            Data::Columns { columns, single } => {
                let is_single = single.get(column) == Some(&true);
                columns.get(column).map_or(Cell::Absent, |cells| typed_cell(cells, row, is_single))
            }
        }
    }

    /// The columns that a row has, in its own order; `None` when all rows have all columns.
    pub fn own_columns(&self, row: usize) -> Option<impl Iterator<Item = usize> + '_> {
        matches!(self.data, Data::Json { .. }).then(|| self.fields(row).iter().map(|field| field.0 as usize))
    }

    fn fields(&self, row: usize) -> &[(u32, u32, u32)] {
        let Data::Json { fields, row_ends, .. } = &self.data else { return &[] };
        let start = if row == 0 { 0 } else { row_ends.get(row - 1).copied().unwrap_or(0) };
        let end = row_ends.get(row).copied().unwrap_or(start);
        fields.get(start as usize..end as usize).unwrap_or_default()
    }
}

fn json_cell(text: &str, (_, start, end): (u32, u32, u32)) -> Cell<'_> {
    let raw = text.get(start as usize..end as usize).unwrap_or_default();
    match raw.as_bytes().first() {
        Some(b'n') => Cell::Missing,
        Some(b't') => Cell::Bool(true),
        Some(b'f') => Cell::Bool(false),
        Some(b'"') => {
            let inside = raw.get(1..raw.len() - 1).unwrap_or_default();
            if inside.contains('\\') {
                // Half a surrogate pair is no text.
                serde_json::from_str(raw).map_or(Cell::Json(raw), |text: String| Cell::Text(text.into()))
            } else {
                Cell::Text(inside.into())
            }
        }
        _ => Cell::Json(raw),
    }
}

fn typed_cell(cells: &Cells, row: usize, is_single: bool) -> Cell<'_> {
    match cells {
        Cells::Number(cells) => match cells.get(row) {
            Some(number) if number.is_nan() => Cell::Missing,
            Some(number) if is_single => Cell::Single(*number as f32),
            Some(number) => Cell::Number(*number),
            None => Cell::Absent,
        },
        Cells::Integer(cells) => cells.get(row).map_or(Cell::Absent, |cell| cell.map_or(Cell::Missing, Cell::Integer)),
        Cells::Bool(cells) => cells.get(row).map_or(Cell::Absent, |cell| cell.map_or(Cell::Missing, Cell::Bool)),
        Cells::Text(cells) => cells
            .get(row)
            .map_or(Cell::Absent, |cell| cell.as_deref().map_or(Cell::Missing, |text| Cell::Text(text.into()))),
    }
}

/// What the first rows show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The first rows with their types guessed.
    pub table: Table,
    /// Sentences without a full stop.
    pub findings: Vec<String>,
    /// For each column whether its numbers have decimal commas.
    pub commas: Vec<bool>,
    /// Whether numbers with decimal commas are expected at all.
    pub decimal_comma: bool,
}

/// Reads rows in stretches.
pub struct RowReader {
    inner: Inner,
    sample: Sample,
    n_bytes: Option<u64>,
}

enum Inner {
    Csv(Box<CsvRows>),
    Json(Box<JsonRows>),
    Parquet(Box<ParquetRows>),
}

impl std::fmt::Debug for RowReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowReader").field("names", &self.names()).finish_non_exhaustive()
    }
}

impl RowReader {
    /// Opens a table and looks at its first rows; `config` is for these.
    pub fn open(source: &Source, config: &ReadConfig) -> Result<Self, TableError> {
        let config = ReadConfig { max_rows: Some(SAMPLE_ROWS), ..config.clone() };
        let Source::File(path) = source else {
            let path = PathBuf::from("standard input");
            let text = encoding::decode_any(&path, Box::new(io::stdin()), SAMPLE_BYTES)?;
            let json = matches!(text.first_character(), Some(b'{' | b'['));
            return Self::over_text(path, text, json, None, &config);
        };
        let mut file = open(path)?;
        let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
        let n_bytes = metadata.is_file().then_some(metadata.len());
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let is_named_parquet = matches!(extension.as_deref(), Some("parquet" | "pq"));
        if is_named_parquet
            || (n_bytes.is_some() && has_parquet_magic(&mut file).map_err(|error| unreadable(path, &error))?)
        {
            let (rows, sample) = ParquetRows::open(path, file, &config)?;
            return Ok(Self { inner: Inner::Parquet(Box::new(rows)), sample, n_bytes });
        }
        let text = encoding::decode_any(path, Box::new(file), SAMPLE_BYTES)?;
        let json = match extension.as_deref() {
            Some("json" | "jsonl" | "ndjson") => true,
            Some("csv" | "tsv") => false,
            _ => text.first_character() == Some(b'{'),
        };
        Self::over_text(path.clone(), text, json, n_bytes, &config)
    }

    fn over_text(
        path: PathBuf,
        text: encoding::TextFile,
        json: bool,
        n_bytes: Option<u64>,
        config: &ReadConfig,
    ) -> Result<Self, TableError> {
        let (inner, sample) = if json {
            let (rows, sample) = JsonRows::new(path, text, config)?;
            (Inner::Json(Box::new(rows)), sample)
        } else {
            let (rows, sample) = CsvRows::new(path, text, config)?;
            (Inner::Csv(Box::new(rows)), sample)
        };
        Ok(Self { inner, sample, n_bytes })
    }

    /// The names of the columns known so far; JSON lines may bring more.
    pub fn names(&self) -> &[String] {
        match &self.inner {
            Inner::Csv(rows) => &rows.names,
            Inner::Json(rows) => &rows.names,
            Inner::Parquet(rows) => &rows.names,
        }
    }

    /// What the first rows show.
    pub fn sample(&self) -> &Sample {
        &self.sample
    }

    /// Whether the table has types of its own.
    pub fn is_typed(&self) -> bool {
        matches!(self.inner, Inner::Parquet(_))
    }

    /// What the cells of a column are, as far as their form tells: text where a file has no types.
    pub fn kind(&self, column: usize) -> CellKind {
        let cells = self.sample.table.columns.get(column).map(|column| &column.cells);
        match (&self.inner, cells) {
            (Inner::Parquet(rows), _) if rows.is_single(column) => CellKind::Single,
            (Inner::Json(_), _) | (_, None | Some(Cells::Text(_))) => CellKind::Text,
            (_, Some(Cells::Number(_))) => CellKind::Number,
            (_, Some(Cells::Integer(_))) => CellKind::Integer,
            (_, Some(Cells::Bool(_))) => CellKind::Bool,
        }
    }

    /// How much of the file is read, 0 to 1, when that can be known.
    pub fn fraction(&self) -> Option<f64> {
        match &self.inner {
            Inner::Parquet(rows) => Some(rows.fraction()),
            _ => Some(self.position().offset as f64 / self.n_bytes? as f64).map(|fraction| fraction.min(1.0)),
        }
    }

    /// Where the next row begins.
    pub fn position(&self) -> Position {
        match &self.inner {
            Inner::Csv(rows) => rows.position(),
            Inner::Json(rows) => rows.position(),
            Inner::Parquet(rows) => rows.position(),
        }
    }

    /// Goes on from a position of the same file, with the names that were known there.
    pub fn go_to(&mut self, position: Position, names: &[String]) -> Result<(), TableError> {
        match &mut self.inner {
            Inner::Csv(rows) => rows.go_to(position),
            Inner::Json(rows) => rows.go_to(position, names),
            Inner::Parquet(rows) => rows.go_to(position),
        }
    }

    /// The next rows, at most `n_rows`; `None` at the end.
    pub fn next_stretch(&mut self, n_rows: usize) -> Result<Option<Stretch>, TableError> {
        let stretch = match &mut self.inner {
            Inner::Csv(rows) => rows.next_stretch(n_rows)?,
            Inner::Json(rows) => rows.next_stretch(n_rows)?,
            Inner::Parquet(rows) => rows.next_stretch(n_rows)?,
        };
        Ok(Some(stretch).filter(|stretch| !stretch.is_empty()))
    }
}

/// Opens a file again, for what was already read.
fn again(path: &Path) -> Result<File, TableError> {
    open(path)
}
