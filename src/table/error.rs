//! What can be wrong with a table on disk.

use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// Why a table could not be read or written; every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened.
    #[error("The file cannot be opened ({reason}): {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Reading stopped in the middle.
    #[error("The file cannot be read further than line {line} ({reason}): {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What the system or the parser said.
        reason: String,
    },
    /// Reading row by row stopped in the middle.
    #[error("The file cannot be read further than row {row} ({reason}): {}", path.display())]
    ReadRow {
        /// The file.
        path: PathBuf,
        /// The row, counted from 1 without the header.
        row: u64,
        /// What the system or the parser said.
        reason: String,
    },
    /// Nothing is in the file.
    #[error("The file is empty: {}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else than a table in text form.
    #[error("The file is {what}, not a table: {}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
        /// What to do instead.
        fix: String,
    },
    /// The characters cannot be told.
    #[error("Line {line} has characters in another encoding than the rest: {}", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
    },
    /// A byte that text does not have.
    #[error("Line {line} holds a NUL byte, which is not text: {}", path.display())]
    Nul {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
    },
    /// A row has more or fewer cells than there are columns.
    #[error("Line {line} has {} where the header has {expected}: {}", cells(*found), path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// Number of columns.
        expected: u64,
        /// Number of cells found.
        found: u64,
    },
    /// The first line holds numbers instead of names.
    #[error("The first line holds numbers ({first_line}), not column names: {}", path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
        /// The start of the first line.
        first_line: String,
    },
    /// Two columns have one name.
    #[error("Columns {first} and {second} are both named {name}: {}", path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// Position of the first, counted from 1.
        first: usize,
        /// Position of the second, counted from 1.
        second: usize,
    },
    /// A line is not a JSON object.
    #[error("Line {line} is not a JSON object ({reason}): {}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What the parser said.
        reason: String,
    },
    /// A field holds a list or an object.
    #[error("Line {line}, field {field} holds a list or an object: {}", path.display())]
    Nested {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The field.
        field: String,
    },
    /// A Parquet file is not what a Parquet file is.
    #[error("{part} cannot be read ({reason}): {}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part of it, as the beginning of a sentence.
        part: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No column is left to read.
    #[error("No column of the file can be read{}: {}", reasons(findings), path.display())]
    NoColumns {
        /// The file.
        path: PathBuf,
        /// Why each was left out.
        findings: Vec<String>,
    },
    /// More than can be held.
    #[error("The file has {what}, more than is read at once: {}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How much it has.
        what: String,
    },
    /// The file cannot be written.
    #[error("The file cannot be written ({reason}): {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl TableError {
    /// What the reader can do about it.
    pub fn fix(&self) -> String {
        match self {
            Self::Open { .. } => "Check the path and the permissions.".into(),
            Self::Read { .. } => "Check the quotation marks from that line on, and the disk.".into(),
            Self::ReadRow { .. } => "Check the quotation marks from that row on, and the disk.".into(),
            Self::Empty { .. } => {
                "Give a CSV file with a line of column names, a JSON object per line, or Parquet.".into()
            }
            Self::Unsupported { fix, .. } => fix.clone(),
            Self::Encoding { .. } => "Save the file as UTF-8.".into(),
            Self::Nul { .. } => {
                "Remove it, or export the table again; a program may have stopped while writing.".into()
            }
            Self::Ragged { .. } => {
                "Give that line one cell per column; a cell that holds the delimiter needs quotation marks.".into()
            }
            Self::NoHeader { .. } => "Add a first line with the name of each column, such as age,income,plan.".into(),
            Self::DuplicateColumn { .. } => "Rename one of them.".into(),
            Self::Json { .. } => {
                "Write one object per line, such as {\"age\": 41, \"plan\": null}; a missing value is null.".into()
            }
            Self::Nested { .. } => "Give each value a field of its own.".into(),
            Self::Damaged { .. } => "Check that the file was written and copied to its end, or write it again.".into(),
            Self::NoColumns { .. } => "Write columns of numbers, texts or truth values.".into(),
            Self::TooLarge { .. } => "Give a sample of it.".into(),
            Self::Write { .. } => "Check the folder, its permissions and the free space.".into(),
        }
    }

    /// The file.
    fn path(&self) -> &Path {
        match self {
            Self::Read { path, .. }
            | Self::ReadRow { path, .. }
            | Self::Encoding { path, .. }
            | Self::Nul { path, .. }
            | Self::Ragged { path, .. }
            | Self::Json { path, .. }
            | Self::Nested { path, .. }
            | Self::Open { path, .. }
            | Self::Empty { path }
            | Self::Unsupported { path, .. }
            | Self::NoHeader { path, .. }
            | Self::DuplicateColumn { path, .. }
            | Self::Damaged { path, .. }
            | Self::NoColumns { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Write { path, .. } => path,
        }
    }

    /// The file and, where it is known, the line.
    fn place(&self) -> String {
        let path = self.path().display();
        match self {
            Self::Read { line, .. }
            | Self::Encoding { line, .. }
            | Self::Nul { line, .. }
            | Self::Ragged { line, .. }
            | Self::Json { line, .. }
            | Self::Nested { line, .. } => format!("{path}:{line}"),
            _ => path.to_string(),
        }
    }
}

/// The first findings behind semicolons.
fn reasons(findings: &[String]) -> String {
    findings.iter().take(3).flat_map(|finding| ["; ", finding]).collect()
}

fn cells(n: u64) -> String {
    if n == 1 { "1 cell".to_owned() } else { format!("{n} cells") }
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        let text = error.to_string();
        // The message ends with the path, which `place` says better.
        let what = text.strip_suffix(&format!(": {}", error.path().display())).unwrap_or(&text);
        Self::new(what, error.place(), error.fix())
    }
}
