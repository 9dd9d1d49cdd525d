//! The end of a Parquet file and its tree of columns, looked at before the crate builds it by recursion.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::super::TableError;
use super::damaged;
use super::thrift::{Fields, Reader};

/// Levels of nesting; deeper ones are made to exhaust the stack.
const MAX_DEPTH: usize = 64;

/// Field numbers of `FileMetaData` and `SchemaElement` in `parquet.thrift`.
const SCHEMA: i16 = 2;
const N_CHILDREN: i16 = 5;

/// The length of what stands at the end: the length of the metadata, and the magic word.
const TAIL: u64 = 8;

/// Refuses a file that is not whole, encrypted, or has an impossible tree of columns.
pub(super) fn check(path: &Path, mut file: &File) -> Result<(), TableError> {
    let failed = |error: io::Error| TableError::Open { path: path.to_owned(), reason: error.to_string() };
    let length = file.metadata().map_err(failed)?.len();
    if length == 0 {
        return Err(TableError::Empty { path: path.to_owned() });
    }
    let mut start = [0; 4];
    let mut tail = [0; TAIL as usize];
    file.rewind().map_err(failed)?;
    // A shorter file leaves the words as they are, and they match nothing.
    if TAIL + 4 <= length {
        file.read_exact(&mut start).map_err(failed)?;
        file.seek(SeekFrom::Start(length - TAIL)).map_err(failed)?;
        file.read_exact(&mut tail).map_err(failed)?;
    }
    let encrypted = &tail[4..] == b"PARE";
    if encrypted || &start == b"PARE" {
        let (what, fix) = ("encrypted Parquet", "Write it again without encryption.");
        return Err(TableError::Unsupported { path: path.to_owned(), what: what.into(), fix: fix.into() });
    }
    if &start != b"PAR1" && TAIL + 4 <= length {
        return Err(TableError::Unsupported {
            path: path.to_owned(),
            what: "named like Parquet and something else".into(),
            fix: "Name it after what it is: .csv or .jsonl.".into(),
        });
    }
    if &tail[4..] != b"PAR1" {
        return Err(damaged(path, "The end of the file", "it is missing; was the file copied whole?"));
    }
    let metadata = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    let Some(start) = (length - TAIL).checked_sub(metadata).filter(|start| 4 <= *start) else {
        return Err(damaged(path, "The list of columns", "it is announced to be longer than the file"));
    };
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let reader = io::BufReader::new(file.take(metadata));
    let fields = Reader::new(reader).fields(SCHEMA);
    let fields = fields.map_err(|error| damaged(path, "The list of columns", error.to_string()))?;
    check_tree(&fields).map_err(|reason| damaged(path, "The list of columns", reason))
}

/// The elements stand in the order of a walk through the tree, each with the number of its children.
fn check_tree(fields: &Fields) -> Result<(), &'static str> {
    let n_elements = fields.structures(SCHEMA).count() as i64;
    let mut open: Vec<i64> = Vec::new();
    for element in fields.structures(SCHEMA) {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(children) = open.last_mut() {
            *children -= 1;
        }
        let children = element.int(N_CHILDREN).unwrap_or(0);
        if !(0..n_elements).contains(&children) {
            return Err("a column announces more parts than there are");
        }
        if 0 < children {
            open.push(children);
        }
        if MAX_DEPTH < open.len() {
            return Err("columns are nested too deep");
        }
    }
    Ok(())
}
