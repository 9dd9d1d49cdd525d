//! Parquet by stretches of rows: all columns in step, a page of each in memory.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::column::reader::ColumnReader;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;

use super::kind::Kind;
use super::{Planned, Stop, append, column_reader, damaged, left_out, open_file, stopped};
use crate::table::{Cells, Column, ReadConfig, Table, TableError};

/// A Parquet file between two rows.
pub(in crate::table) struct Stretches {
    path: PathBuf,
    file: Arc<File>,
    reader: SerializedFileReader<File>,
    columns: Vec<Planned>,
    /// Columns to be given in the form in which they are written.
    as_text: Vec<bool>,
    /// The row group being read, and the rows of it that are left.
    group: usize,
    left: usize,
    readers: Vec<ColumnReader>,
    n_rows: u64,
    at: u64,
}

impl Stretches {
    /// Opens a file; tells what is odd about its columns.
    pub(in crate::table) fn open(
        path: &Path,
        file: File,
        config: &ReadConfig,
    ) -> Result<(Self, Vec<String>), TableError> {
        fenced(path, || {
            let (file, reader, columns, mut findings) = open_file(path, file)?;
            let groups = reader.metadata().row_groups();
            let n_rows =
                groups.iter().try_fold(0_u64, |sum, group| sum.checked_add(u64::try_from(group.num_rows()).ok()?));
            let n_rows = n_rows.ok_or_else(|| damaged(path, "The number of rows", "it is impossible"))?;
            let mut stretches = Self {
                path: path.to_owned(),
                file,
                reader,
                as_text: Vec::new(),
                columns,
                group: 0,
                left: 0,
                readers: Vec::new(),
                n_rows,
                at: 0,
            };
            // Columns of bytes that are no text show when they are read.
            let mut index = 0;
            while let Some(column) = stretches.columns.get(index) {
                match stretches.first_cells(column) {
                    Err(Stop::NotText) => {
                        findings.push(left_out(&column.name, "binary data"));
                        stretches.columns.remove(index);
                    }
                    Err(stop) => return Err(stopped(path, &column.name, stop)),
                    Ok(()) => index += 1,
                }
            }
            if stretches.columns.is_empty() {
                return Err(TableError::NoColumns { path: path.to_owned(), findings });
            }
            stretches.as_text =
                stretches.columns.iter().map(|column| config.text_columns.contains(&column.name)).collect();
            Ok((stretches, findings))
        })
    }

    fn first_cells(&self, column: &Planned) -> Result<(), Stop> {
        let metadata = self.reader.metadata();
        let Some(group) = metadata.row_groups().iter().find(|group| 0 < group.num_rows()) else { return Ok(()) };
        let mut reader = column_reader(&self.file, metadata, group, column.index)?;
        let n = usize::try_from(group.num_rows()).unwrap_or(0).min(256);
        append(&mut reader, column.kind, n, &mut column.kind.empty_cells(), &mut 0)
    }

    /// The names of the columns.
    pub(in crate::table) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// For each column whether its numbers are of single precision.
    pub(in crate::table) fn single(&self) -> Vec<bool> {
        self.columns.iter().map(|column| column.kind == Kind::Float).collect()
    }

    /// The next row, and the number of rows.
    pub(in crate::table) fn progress(&self) -> (u64, u64) {
        (self.at, self.n_rows)
    }

    /// Goes to a row.
    pub(in crate::table) fn go_to(&mut self, row: u64) -> Result<(), TableError> {
        (self.group, self.left, self.at) = (0, 0, 0);
        self.readers.clear();
        loop {
            let n = self.reader.metadata().row_groups().get(self.group).map_or(0, RowGroupMetaData::num_rows);
            let n = u64::try_from(n).unwrap_or(0);
            if self.reader.metadata().row_groups().len() <= self.group || row < self.at + n {
                break;
            }
            self.at += n;
            self.group += 1;
        }
        // Within a group, the rows before are decoded and left.
        while self.at < row {
            let n = (row - self.at).min(4_096) as usize;
            if self.next(n)?.n_rows() == 0 {
                break;
            }
        }
        Ok(())
    }

    /// The next rows, at most `n_rows`; fewer at the end of a row group, none at the end.
    pub(in crate::table) fn next(&mut self, n_rows: usize) -> Result<Table, TableError> {
        let path = self.path.clone();
        fenced(&path, || self.next_rows(n_rows))
    }

    fn next_rows(&mut self, n_rows: usize) -> Result<Table, TableError> {
        let metadata = self.reader.metadata();
        while self.left == 0 {
            let Some(group) = metadata.row_groups().get(self.group) else {
                let columns = self
                    .columns
                    .iter()
                    .map(|column| Column { name: column.name.clone(), cells: column.kind.empty_cells() });
                return Ok(Table { columns: columns.collect() });
            };
            self.left = usize::try_from(group.num_rows()).unwrap_or(0);
            self.group += 1;
            let open = |column: &Planned| {
                column_reader(&self.file, metadata, group, column.index)
                    .map_err(|stop| stopped(&self.path, &column.name, stop))
            };
            self.readers = self.columns.iter().map(open).collect::<Result<_, _>>()?;
        }
        let n = n_rows.min(self.left);
        let mut columns = Vec::with_capacity(self.columns.len());
        for ((column, reader), as_text) in self.columns.iter().zip(&mut self.readers).zip(&self.as_text) {
            let mut cells = column.kind.empty_cells();
            append(reader, column.kind, n, &mut cells, &mut 0)
                .map_err(|stop| stopped(&self.path, &column.name, stop))?;
            if cells.len() != n {
                let reason = format!("it has {} values where {n} are announced", cells.len());
                return Err(stopped(&self.path, &column.name, Stop::Damaged(reason)));
            }
            // A stretch must not decide on the type: unsigned numbers that may be beyond an `i64` are text throughout.
            let is_wide = column.kind == Kind::Unsigned && matches!(reader, ColumnReader::Int64ColumnReader(_));
            let cells = match () {
                () if is_wide => unsigned_text(cells),
                () if *as_text => column.kind.as_text(cells),
                () => cells,
            };
            columns.push(Column { name: column.name.clone(), cells });
        }
        self.left -= n;
        self.at += n as u64;
        Ok(Table { columns })
    }
}

/// Unsigned numbers beyond an `i64` as text.
fn unsigned_text(cells: Cells) -> Cells {
    match cells {
        Cells::Integer(cells) => {
            Cells::Text(cells.into_iter().map(|cell| cell.map(|number| number.cast_unsigned().to_string())).collect())
        }
        other => other,
    }
}

/// The crate asserts in places what a damaged file does not keep.
fn fenced<T>(path: &Path, work: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(damaged(path, "The file", "its parts contradict one another")))
}
