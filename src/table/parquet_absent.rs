//! Stands in for Parquet in the build that only serves: whatever is asked of it is refused.

use std::convert::Infallible;
use std::fs::File;
use std::path::Path;

use super::{Read, ReadConfig, Table, TableError};

/// A Parquet file between two rows, which there never is.
pub(in crate::table) struct Stretches(Infallible);

fn absent(path: &Path) -> TableError {
    TableError::Unsupported {
        path: path.to_owned(),
        what: "Parquet, which this build does not read".to_owned(),
        fix: "Give CSV or JSON lines, or take the build with all commands.".to_owned(),
    }
}

/// Refuses the file.
pub(super) fn read(path: &Path, _file: File, _config: &ReadConfig) -> Result<Read, TableError> {
    Err(absent(path))
}

impl Stretches {
    pub(in crate::table) fn open(
        path: &Path,
        _file: File,
        _config: &ReadConfig,
    ) -> Result<(Self, Vec<String>), TableError> {
        Err(absent(path))
    }

    pub(in crate::table) fn names(&self) -> std::iter::Empty<&str> {
        match self.0 {}
    }

    pub(in crate::table) fn single(&self) -> Vec<bool> {
        match self.0 {}
    }

    pub(in crate::table) fn progress(&self) -> (u64, u64) {
        match self.0 {}
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "the signature of what reads Parquet")]
    pub(in crate::table) fn go_to(&mut self, _row: u64) -> Result<(), TableError> {
        match self.0 {}
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "the signature of what reads Parquet")]
    pub(in crate::table) fn next(&mut self, _n_rows: usize) -> Result<Table, TableError> {
        match self.0 {}
    }
}
