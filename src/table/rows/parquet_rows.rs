//! Parquet in stretches.

use std::fs::File;
use std::path::Path;

use super::{Data, Position, SAMPLE_ROWS, Sample, Stretch};
use crate::table::parquet_file::Stretches;
use crate::table::{Column, ReadConfig, Table, TableError};

/// A Parquet file between two rows.
pub(super) struct ParquetRows {
    inner: Stretches,
    pub(super) names: Vec<String>,
    single: Vec<bool>,
}

impl ParquetRows {
    pub(super) fn open(path: &Path, file: File, config: &ReadConfig) -> Result<(Self, Sample), TableError> {
        let (mut inner, findings) = Stretches::open(path, file, config)?;
        let table = inner.next(SAMPLE_ROWS)?;
        inner.go_to(0)?;
        let names: Vec<String> = inner.names().map(str::to_owned).collect();
        let (single, n) = (inner.single(), names.len());
        let sample = Sample { table, findings, commas: vec![false; n], decimal_comma: false };
        Ok((Self { inner, names, single }, sample))
    }

    /// Whether a column's numbers are of single precision.
    pub(super) fn is_single(&self, column: usize) -> bool {
        self.single.get(column) == Some(&true)
    }

    pub(super) fn position(&self) -> Position {
        Position { row: self.inner.progress().0, ..Position::default() }
    }

    pub(super) fn go_to(&mut self, position: Position) -> Result<(), TableError> {
        self.inner.go_to(position.row)
    }

    pub(super) fn fraction(&self) -> f64 {
        let (at, n) = self.inner.progress();
        at as f64 / n.max(1) as f64
    }

    pub(super) fn next_stretch(&mut self, n_rows: usize) -> Result<Stretch, TableError> {
        let first_row = self.inner.progress().0;
        let table: Table = self.inner.next(n_rows)?;
        let n_rows = table.n_rows();
        let columns = table.columns.into_iter().map(|Column { cells, .. }| cells).collect();
        let data = Data::Columns { columns, single: self.single.clone() };
        Ok(Stretch { first_row, n_rows, faults: Vec::new(), data })
    }
}
