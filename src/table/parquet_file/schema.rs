//! The end of a Parquet file and its columns, read here instead of by the crate.
//!
//! The crate builds the tree of columns by recursion and makes room for as many as are announced; running out of stack
//! or memory cannot be caught. Of a tree only its leaves matter here, and the crate is content with a flat list of them.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Repetition, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type};

use super::damaged;
use super::kind::Kind;
use super::thrift::{Fields, Reader};
use crate::table::TableError;
use crate::table::encoding::foreign;

/// Field numbers of `FileMetaData` and `SchemaElement` in `parquet.thrift`.
const SCHEMA: i16 = 2;
const TYPE: i16 = 1;
const TYPE_LENGTH: i16 = 2;
const REPETITION: i16 = 3;
const NAME: i16 = 4;
const N_CHILDREN: i16 = 5;

/// The types by their numbers.
const PHYSICAL: [Physical; 8] = [
    Physical::BOOLEAN,
    Physical::INT32,
    Physical::INT64,
    Physical::INT96,
    Physical::FLOAT,
    Physical::DOUBLE,
    Physical::BYTE_ARRAY,
    Physical::FIXED_LEN_BYTE_ARRAY,
];
const OPTIONAL: i64 = 1;
const REPEATED: i64 = 2;

/// The length of what stands at the end: the length of the metadata, and the magic word.
const TAIL: u64 = 8;

/// A column of values, perhaps within others.
#[derive(Debug)]
pub(super) struct Leaf {
    /// The name of the column of the table that it is, or is a part of.
    pub(super) name: String,
    /// What it is, or what it holds that is neither a number nor a text.
    pub(super) kind: Result<Kind, &'static str>,
    physical: Physical,
    optional: bool,
    length: i32,
}

/// The leaves of a file; refuses one that is not whole, or encrypted.
pub(super) fn leaves(path: &Path, mut file: &File) -> Result<Vec<Leaf>, TableError> {
    let failed = |error: io::Error| TableError::Open { path: path.to_owned(), reason: error.to_string() };
    let length = file.metadata().map_err(failed)?.len();
    if length == 0 {
        return Err(TableError::Empty { path: path.to_owned() });
    }
    let mut start = Vec::new();
    file.rewind().map_err(failed)?;
    file.take(64).read_to_end(&mut start).map_err(failed)?;
    let mut tail = [0; TAIL as usize];
    if TAIL + 4 <= length {
        file.seek(SeekFrom::Start(length - TAIL)).map_err(failed)?;
        file.read_exact(&mut tail).map_err(failed)?;
    }
    if start.starts_with(b"PARE") || &tail[4..] == b"PARE" {
        let (what, fix) = ("encrypted Parquet", "Write it again without encryption.");
        return Err(TableError::Unsupported { path: path.to_owned(), what: what.into(), fix: fix.into() });
    }
    if !start.starts_with(b"PAR1") {
        let other = ("named like Parquet and something else", "Name it after what it is: .csv or .jsonl.");
        let (what, fix) = foreign(&start).unwrap_or(other);
        return Err(TableError::Unsupported { path: path.to_owned(), what: what.into(), fix: fix.into() });
    }
    if &tail[4..] != b"PAR1" {
        return Err(damaged(path, "The end of the file", "it is missing; was the file copied whole?"));
    }
    let broken = |reason: String| damaged(path, "The list of columns", reason);
    let metadata = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    let start = (length - TAIL).checked_sub(metadata).filter(|start| 4 <= *start);
    let start = start.ok_or_else(|| broken("it is announced to be longer than the file".into()))?;
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let mut reader = Reader::new(io::BufReader::new(file.take(metadata)));
    let fields = reader.fields(SCHEMA).map_err(|error| broken(error.to_string()))?;
    flatten(&fields).map_err(|reason| broken(reason.to_owned()))
}

/// The leaves in their order. Elements stand in the order of a walk through the tree, each with its number of children.
fn flatten(metadata: &Fields) -> Result<Vec<Leaf>, &'static str> {
    let mut elements = metadata.structures(SCHEMA);
    let root = elements.next().ok_or("there is none")?;
    // How many children each open element still has.
    let mut open = vec![root.int(N_CHILDREN).unwrap_or(0)];
    let mut name = String::new();
    let mut leaves = Vec::new();
    for element in elements {
        while open.last().is_some_and(|left| *left <= 0) {
            open.pop();
        }
        let depth = open.len();
        *open.last_mut().ok_or("there are more parts than announced")? -= 1;
        if depth == 1 {
            name = element.text(NAME).ok_or("a column has no name")?;
        }
        let n_children = element.int(N_CHILDREN).unwrap_or(0);
        if 0 < n_children {
            open.push(n_children);
        } else if let Some(physical) = element.int(TYPE) {
            leaves.push(leaf(element, &name, 1 < depth, physical)?);
        }
    }
    if open.iter().any(|left| 0 < *left) {
        return Err("a column announces more parts than there are");
    }
    Ok(leaves)
}

fn leaf(element: &Fields, name: &str, is_part: bool, physical: i64) -> Result<Leaf, &'static str> {
    let physical = usize::try_from(physical).ok().and_then(|physical| PHYSICAL.get(physical)).copied();
    let physical = physical.ok_or("a column has an unknown type")?;
    let repetition = element.int(REPETITION).unwrap_or(0);
    let is_nested = is_part || repetition == REPEATED;
    Ok(Leaf {
        name: name.to_owned(),
        kind: if is_nested { Err(super::NESTED) } else { Kind::of(element, physical) },
        physical,
        optional: repetition == OPTIONAL,
        length: element.int(TYPE_LENGTH).and_then(|length| i32::try_from(length).ok()).unwrap_or(-1),
    })
}

/// The leaves as a list of columns without names or meaning, which is all that decoding needs.
pub(super) fn flat(leaves: &[Leaf]) -> Result<SchemaDescPtr, ParquetError> {
    let fields = leaves.iter().zip(0..).map(|(leaf, index): (&Leaf, u32)| {
        let repetition = if leaf.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let length = if leaf.physical == Physical::FIXED_LEN_BYTE_ARRAY { leaf.length } else { -1 };
        let name = index.to_string();
        let column = Type::primitive_type_builder(&name, leaf.physical);
        column.with_repetition(repetition).with_length(length).build().map(Arc::new)
    });
    let root = Type::group_type_builder("schema").with_fields(fields.collect::<Result<_, _>>()?).build()?;
    Ok(Arc::new(SchemaDescriptor::new(Arc::new(root))))
}
