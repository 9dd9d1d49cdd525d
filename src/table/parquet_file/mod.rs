//! Reading Parquet by its columns, without Arrow.
//!
//! A file from outside may announce anything. Nothing is reserved from what it announces beyond a bound, its schema and
//! its pages are looked at before they are decoded, and a panic of the decoder becomes an error.

mod kind;
mod pages;
mod schema;
mod stretches;
mod thrift;

pub(super) use stretches::Stretches;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetStatisticsPolicy, RowGroupMetaData};
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

use self::kind::{Kind, uuid};
use self::pages::Pages;
use self::schema::Leaf;
use super::{Cells, Column, Read, ReadConfig, Table, TableError, names};

/// Cells read at most, 4 GB as numbers.
const MAX_CELLS: u64 = 500_000_000;

/// Text of a column at most; a dictionary repeats a long text in few bits.
const MAX_TEXT_BYTES: usize = 2 * 1024 * 1024 * 1024;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 8 * 1024;

/// What a column of lists, structures or maps holds.
const NESTED: &str = "nested values";

/// A column of the table to come.
struct Planned {
    /// Its position among all leaves of the schema.
    index: usize,
    name: String,
    kind: Kind,
}

/// Why a column is not read.
enum Stop {
    /// Its bytes are no text.
    NotText,
    /// It holds more text than is read.
    TooLong,
    Damaged(String),
}

impl From<ParquetError> for Stop {
    fn from(error: ParquetError) -> Self {
        let text = error.to_string();
        // `Parquet error: …`, `EOF: …`
        let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
        Self::Damaged(reason.to_owned())
    }
}

/// Reads a Parquet file; columns that are not flat are left out and named among the findings.
pub(super) fn read(path: &Path, file: File, config: &ReadConfig) -> Result<Read, TableError> {
    // The crate asserts in places what a damaged file does not keep; its readers are dropped with the panic.
    catch_unwind(AssertUnwindSafe(|| read_file(path, file, config)))
        .unwrap_or_else(|_| Err(damaged(path, "The file", "its parts contradict one another")))
}

fn read_file(path: &Path, file: File, config: &ReadConfig) -> Result<Read, TableError> {
    let (file, reader, leaves, mut findings) = open_file(path, file)?;
    let metadata = reader.metadata();
    let n_rows = rows_to_read(path, metadata, leaves.len(), config)?;

    let mut columns = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        match read_column(&file, metadata, &leaf, n_rows) {
            Ok(cells) => {
                let as_text = config.text_columns.contains(&leaf.name);
                let cells = if as_text { leaf.kind.as_text(cells) } else { cells };
                columns.push(Column { name: leaf.name, cells });
            }
            Err(Stop::NotText) => findings.push(left_out(&leaf.name, "binary data")),
            Err(stop) => return Err(stopped(path, &leaf.name, stop)),
        }
    }
    if columns.is_empty() {
        return Err(TableError::NoColumns { path: path.to_owned(), findings });
    }
    Ok(Read { table: Table { columns }, findings })
}

/// Why a column stopped the reading.
fn stopped(path: &Path, name: &str, stop: Stop) -> TableError {
    match stop {
        Stop::NotText => damaged(path, &format!("Column {name}"), "it holds binary data in some of its rows"),
        Stop::TooLong => {
            let what = format!("more than {} GiB of text in column {name}", MAX_TEXT_BYTES >> 30);
            TableError::TooLarge { path: path.to_owned(), what }
        }
        Stop::Damaged(reason) => damaged(path, &format!("Column {name}"), reason),
    }
}

/// A file that was opened: itself, its description, the columns to read, and what is odd about the others.
type Opened = (Arc<File>, SerializedFileReader<File>, Vec<Planned>, Vec<String>);

/// Opens a file and plans its columns.
fn open_file(path: &Path, file: File) -> Result<Opened, TableError> {
    let leaves = schema::leaves(path, &file)?;
    let file = Arc::new(file);
    let failed = |error: ParquetError| match Stop::from(error) {
        Stop::Damaged(reason) => damaged(path, "The list of columns", reason),
        Stop::NotText | Stop::TooLong => damaged(path, "The list of columns", "it is no text"),
    };
    let options = ReadOptionsBuilder::new()
        .with_parquet_schema(schema::flat(&leaves).map_err(failed)?)
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .build();
    let shared =
        file.try_clone().map_err(|error| TableError::Open { path: path.to_owned(), reason: error.to_string() })?;
    let reader = SerializedFileReader::new_with_options(shared, options).map_err(failed)?;
    let mut findings = Vec::new();
    let leaves = plan(path, reader.metadata(), leaves, &mut findings)?;
    Ok((file, reader, leaves, findings))
}

/// The columns to read; the others become findings.
fn plan(
    path: &Path,
    metadata: &ParquetMetaData,
    leaves: Vec<Leaf>,
    findings: &mut Vec<String>,
) -> Result<Vec<Planned>, TableError> {
    let index_columns = pandas_index(metadata);
    let (mut planned, mut names) = (Vec::new(), Vec::new());
    for (index, leaf) in leaves.into_iter().enumerate() {
        match leaf.kind {
            Ok(_) if index_columns.contains(&leaf.name) => {
                findings.push(format!("Column {} is the row index that pandas saved and is left out", leaf.name));
            }
            Ok(kind) => {
                names.push(leaf.name);
                planned.push((index, kind));
            }
            Err(what) => {
                let finding = left_out(&leaf.name, what);
                // A structure has several leaves; they stand together.
                if findings.last() != Some(&finding) {
                    findings.push(finding);
                }
            }
        }
    }
    let names = names::settled(path, names)?;
    let one = |((index, kind), name)| Planned { index, name, kind };
    Ok(planned.into_iter().zip(names).map(one).collect())
}

fn left_out(name: &str, what: &str) -> String {
    format!("Column {name} holds {what} and is left out")
}

/// The names that pandas gave to row indexes which had none.
fn pandas_index(metadata: &ParquetMetaData) -> Vec<String> {
    let entries = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    let pandas = entries.filter(|entry| entry.key == "pandas").find_map(|entry| entry.value.as_deref());
    let Some(pandas) = pandas.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok()) else {
        return Vec::new();
    };
    let names = pandas.get("index_columns").and_then(serde_json::Value::as_array).into_iter().flatten();
    let names = names.filter_map(serde_json::Value::as_str);
    names.filter(|name| name.starts_with("__index_level_")).map(str::to_owned).collect()
}

/// The number of rows to read, once it is certain that they can be held.
fn rows_to_read(
    path: &Path,
    metadata: &ParquetMetaData,
    n_columns: usize,
    config: &ReadConfig,
) -> Result<usize, TableError> {
    let announced = metadata
        .row_groups()
        .iter()
        .try_fold(0_u64, |sum, group| u64::try_from(group.num_rows()).ok().and_then(|n_rows| sum.checked_add(n_rows)));
    let announced = announced.ok_or_else(|| damaged(path, "The number of rows", "it is impossible"))?;
    let n_rows = config.max_rows.map_or(announced, |max_rows| announced.min(max_rows as u64));
    if MAX_CELLS / (n_columns.max(1) as u64) < n_rows {
        let what = format!("{announced} rows of {n_columns} columns");
        return Err(TableError::TooLarge { path: path.to_owned(), what });
    }
    Ok(n_rows as usize)
}

fn read_column(file: &Arc<File>, metadata: &ParquetMetaData, leaf: &Planned, n_rows: usize) -> Result<Cells, Stop> {
    let mut cells = leaf.kind.empty_cells();
    let mut text_bytes = 0;
    for group in metadata.row_groups() {
        let left = n_rows - cells.len();
        let expected = left.min(usize::try_from(group.num_rows()).unwrap_or(0));
        if expected == 0 {
            continue;
        }
        let mut reader = column_reader(file, metadata, group, leaf.index)?;
        let before = cells.len();
        append(&mut reader, leaf.kind, expected, &mut cells, &mut text_bytes)?;
        let n = cells.len() - before;
        if n != expected {
            return Err(Stop::Damaged(format!("it has {n} values where {expected} are announced")));
        }
    }
    Ok(without_wrapped(leaf.kind, cells))
}

/// A reader of one column in one row group.
fn column_reader(
    file: &Arc<File>,
    metadata: &ParquetMetaData,
    group: &RowGroupMetaData,
    index: usize,
) -> Result<ColumnReader, Stop> {
    let chunk = group.columns().get(index);
    let chunk = chunk.ok_or_else(|| Stop::Damaged("a group of rows does not have it".into()))?;
    if chunk.file_path().is_some() {
        return Err(Stop::Damaged("its values are in another file".into()));
    }
    let pages = Pages::new(file, chunk, u64::try_from(group.num_rows()).unwrap_or(0))?;
    let column = metadata.file_metadata().schema_descr().column(index);
    Ok(get_column_reader(column, Box::new(pages)))
}

/// Unsigned numbers as they are meant: those beyond an `i64` were read as negative.
fn without_wrapped(kind: Kind, cells: Cells) -> Cells {
    if let (Kind::Unsigned, Cells::Integer(whole)) = (kind, &cells)
        && whole.iter().flatten().any(|number| *number < 0)
    {
        // More than an `i64` holds: these are magnitudes or hashes, no counts.
        let number = |cell: &Option<i64>| cell.map_or(f64::NAN, |number| number.cast_unsigned() as f64);
        return Cells::Number(whole.iter().map(number).collect());
    }
    cells
}

/// Decodes `n_rows` rows of one row group behind the cells.
fn append(
    reader: &mut ColumnReader,
    kind: Kind,
    n_rows: usize,
    cells: &mut Cells,
    text_bytes: &mut usize,
) -> Result<(), Stop> {
    let mut text = |bytes: &[u8]| {
        *text_bytes += bytes.len();
        if MAX_TEXT_BYTES < *text_bytes {
            return Err(Stop::TooLong);
        }
        if kind == Kind::Uuid {
            return Ok(uuid(bytes));
        }
        std::str::from_utf8(bytes).map(str::to_owned).or(Err(Stop::NotText))
    };
    let number = |whole: i128| kind.number(whole);
    match (reader, cells) {
        (ColumnReader::BoolColumnReader(reader), Cells::Bool(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.copied()))
        }
        (ColumnReader::Int32ColumnReader(reader), Cells::Integer(cells)) if kind == Kind::Unsigned => {
            fill(reader, n_rows, cells, |value| Ok(value.map(|value| i64::from(value.cast_unsigned()))))
        }
        (ColumnReader::Int32ColumnReader(reader), Cells::Integer(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.map(|value| i64::from(*value))))
        }
        (ColumnReader::Int64ColumnReader(reader), Cells::Integer(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.copied()))
        }
        (ColumnReader::Int32ColumnReader(reader), Cells::Number(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.map_or(f64::NAN, |value| number((*value).into()))))
        }
        (ColumnReader::Int64ColumnReader(reader), Cells::Number(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.map_or(f64::NAN, |value| number((*value).into()))))
        }
        (ColumnReader::FloatColumnReader(reader), Cells::Number(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.map_or(f64::NAN, |value| f64::from(*value))))
        }
        (ColumnReader::DoubleColumnReader(reader), Cells::Number(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.copied().unwrap_or(f64::NAN)))
        }
        (ColumnReader::ByteArrayColumnReader(reader), Cells::Number(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.map_or(f64::NAN, |value| kind.number_of_bytes(value.data()))))
        }
        (ColumnReader::FixedLenByteArrayColumnReader(reader), Cells::Number(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.map_or(f64::NAN, |value| kind.number_of_bytes(value.data()))))
        }
        (ColumnReader::Int32ColumnReader(reader), Cells::Text(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.map(|value| kind.moment((*value).into()))))
        }
        (ColumnReader::Int64ColumnReader(reader), Cells::Text(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.map(|value| kind.moment((*value).into()))))
        }
        (ColumnReader::Int96ColumnReader(reader), Cells::Text(cells)) => {
            fill(reader, n_rows, cells, |value| Ok(value.map(|value| kind.moment(int96_nanos(value.data())))))
        }
        (ColumnReader::ByteArrayColumnReader(reader), Cells::Text(cells)) => {
            fill(reader, n_rows, cells, |value| value.map(|value| text(value.data())).transpose())
        }
        (ColumnReader::FixedLenByteArrayColumnReader(reader), Cells::Text(cells)) => {
            fill(reader, n_rows, cells, |value| value.map(|value| text(value.data())).transpose())
        }
        _ => Err(Stop::Damaged("its type and its meaning contradict each other".into())),
    }
}

/// Makes a cell of each of the next `n_rows` rows, from `None` where the value is missing.
fn fill<T: DataType, C>(
    reader: &mut ColumnReaderImpl<T>,
    n_rows: usize,
    cells: &mut Vec<C>,
    mut cell: impl FnMut(Option<&T::T>) -> Result<C, Stop>,
) -> Result<(), Stop> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let mut left = n_rows;
    while 0 < left {
        values.clear();
        levels.clear();
        let (n, ..) = reader.read_records(left.min(BATCH_ROWS), Some(&mut levels), None, &mut values)?;
        if n == 0 {
            break;
        }
        left = left.saturating_sub(n);
        let mut present = values.iter();
        if levels.is_empty() {
            for value in present {
                cells.push(cell(Some(value))?);
            }
        } else {
            for level in &levels {
                cells.push(cell(if *level == 0 { None } else { present.next() })?);
            }
        }
    }
    Ok(())
}

/// Nanoseconds since 1970 of nanoseconds in a day and the Julian day, which is 2,440,588 for 1970-01-01.
fn int96_nanos(parts: &[u32]) -> i128 {
    let part = |index: usize| i128::from(parts.get(index).copied().unwrap_or(0));
    (part(2) - 2_440_588) * 86_400_000_000_000 + (part(1) << 32 | part(0))
}

fn damaged(path: &Path, part: &str, reason: impl Into<String>) -> TableError {
    TableError::Damaged { path: path.to_owned(), part: part.to_owned(), reason: reason.into() }
}
