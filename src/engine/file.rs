//! From a path to a parsed ONNX file, with bounded reads and a clear answer for everything that is not one.
//!
//! Before the file is read, its size, its first bytes and its outermost fields are checked; those take a few reads
//! whatever the size is. What is inside the graph is not judged here.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tract_onnx::pb;
use tract_onnx::prelude::Framework as _;

use super::error::EngineError;
use super::guard::guarded;

/// The largest protobuf message, and so the largest ONNX file.
pub(crate) const LARGEST_FILE_BYTES: u64 = 1 << 31;

/// Outermost fields looked at before parsing; a model has a dozen.
const MOST_FIELDS_SCANNED: usize = 10_000;

/// An ONNX file as read.
#[derive(Debug)]
pub(crate) struct ModelFile {
    /// Its content.
    pub(crate) proto: pb::ModelProto,
    /// Its size.
    pub(crate) size_bytes: u64,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub(crate) sha256: String,
}

/// Reads and parses the file.
pub(crate) fn read(path: &Path) -> Result<ModelFile, EngineError> {
    let unreadable = |source| EngineError::Unreadable { path: path.to_owned(), source };
    // Asked before opening: opening a pipe without a writer would wait for ever.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(not_onnx(path, "a folder", "Choose the .onnx file inside it."));
    }
    if !metadata.is_file() {
        return Err(not_onnx(path, "a device or a pipe", "Choose a regular file."));
    }
    let size_bytes = metadata.len();
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::with_capacity(512);
    file.by_ref().take(512).read_to_end(&mut head).map_err(unreadable)?;
    if head.is_empty() {
        return Err(not_onnx(path, "an empty file", "Export the model again."));
    }
    if let Some((found, fix)) = super::magic::recognise(&head) {
        return Err(not_onnx(path, found, fix));
    }
    if size_bytes > LARGEST_FILE_BYTES {
        return Err(EngineError::TooLarge { path: path.to_owned(), size_bytes, limit_bytes: LARGEST_FILE_BYTES });
    }
    file.rewind().map_err(unreadable)?;
    let mut reader = BufReader::new(file);
    let functions = scan_outermost(&mut reader, path, size_bytes)?;
    reader.rewind().map_err(unreadable)?;

    // One byte more than was seen, so that a growing file is noticed and never followed.
    let mut hashing = Hashing { inner: reader.take(size_bytes + 1), hash: Sha256::new(), n_bytes: 0 };
    let parsed = guarded("reading the file", || {
        tract_onnx::tract_hir::prelude::TractResult::Ok(tract_onnx::onnx().proto_model_for_read(&mut hashing))
    })?;
    let parsed = parsed.unwrap_or_else(Err);
    if hashing.n_bytes != size_bytes {
        let reason = "it changed while it was being read".to_owned();
        return Err(EngineError::Damaged { path: path.to_owned(), reason });
    }
    let mut proto = parsed
        .map_err(|error| EngineError::Damaged { path: path.to_owned(), reason: format!("{:#}", error.root_cause()) })?;
    if proto.graph.is_none() {
        return Err(not_onnx(
            path,
            "a protobuf file without a graph",
            "Export the model to ONNX (other formats use protobuf too), or copy the file again if it was cut short.",
        ));
    }
    proto.graph.iter_mut().for_each(super::maps::type_inputs);
    if !proto.functions.is_empty() {
        let mut reader = hashing.inner.into_inner();
        let defaults = functions.into_iter().map(|(from, length)| {
            let mut bytes = Vec::new();
            reader.seek(SeekFrom::Start(from)).and_then(|_| reader.by_ref().take(length).read_to_end(&mut bytes))?;
            Ok(super::functions::defaults(&bytes))
        });
        let defaults = defaults.collect::<std::io::Result<Vec<_>>>().map_err(unreadable)?;
        super::functions::inline(&mut proto, defaults);
    }
    Ok(ModelFile { proto, size_bytes, sha256: hexadecimal(&hashing.hash.finalize()) })
}

fn not_onnx(path: &Path, found: &str, fix: &str) -> EngineError {
    EngineError::NotOnnx { path: path.to_owned(), found: found.to_owned(), fix: fix.to_owned() }
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

struct Hashing<R> {
    inner: R,
    hash: Sha256,
    n_bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n_read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n_read]);
        self.n_bytes += n_read as u64;
        Ok(n_read)
    }
}

/// Walks over the outermost fields by their announced lengths, without reading what is in them; gives position and
/// length of each function.
fn scan_outermost(reader: &mut BufReader<File>, path: &Path, size_bytes: u64) -> Result<Vec<(u64, u64)>, EngineError> {
    const FUNCTIONS: u64 = 25;
    let mut functions = Vec::new();
    const NOT_PROTOBUF: (&str, &str) =
        ("a file of another kind (it is not protobuf)", "Export the model to ONNX, and choose the .onnx file.");
    let mut position = 0_u64;
    let truncated = |missing_bytes| EngineError::Truncated { path: path.to_owned(), size_bytes, missing_bytes };
    for _ in 0..MOST_FIELDS_SCANNED {
        if position == size_bytes {
            return Ok(functions);
        }
        let (key, key_length) = match varint(reader) {
            Ok(Some(read)) => read,
            Ok(None) => return Err(truncated(1)),
            Err(source) => return Err(EngineError::Unreadable { path: path.to_owned(), source }),
        };
        position += key_length;
        let (field, wire_type) = (key >> 3, key & 7);
        let expected = match field {
            1 | 5 => Some(0),
            2..=4 | 6..=8 | 14 | 20 | 25 | 26 => Some(2),
            _ => None,
        };
        if field == 0 || wire_type > 5 || expected.is_some_and(|expected| expected != wire_type) {
            return Err(not_onnx(path, NOT_PROTOBUF.0, NOT_PROTOBUF.1));
        }
        let length = match wire_type {
            0 | 2 => match varint(reader) {
                Ok(Some((value, length))) => {
                    position += length;
                    if wire_type == 2 { value } else { 0 }
                }
                Ok(None) => return Err(truncated(1)),
                Err(source) => return Err(EngineError::Unreadable { path: path.to_owned(), source }),
            },
            1 => 8,
            5 => 4,
            // Groups: no ONNX file has any; the parser decides.
            _ => return Ok(functions),
        };
        let left = size_bytes - position;
        if left < length {
            return Err(truncated(length - left));
        }
        if field == FUNCTIONS {
            functions.push((position, length));
        }
        position += length;
        if let Err(source) = reader.seek_relative(length.cast_signed()) {
            return Err(EngineError::Unreadable { path: path.to_owned(), source });
        }
    }
    Ok(functions)
}

/// A protobuf integer and its length in bytes; `None` at the end of the file.
fn varint(reader: &mut impl BufRead) -> std::io::Result<Option<(u64, u64)>> {
    let mut value = 0_u64;
    for idx in 0..10 {
        let mut byte = [0_u8];
        if reader.read(&mut byte)? == 0 {
            return Ok(None);
        }
        value |= u64::from(byte[0] & 127) << (7 * idx).min(63);
        if byte[0] < 128 {
            return Ok(Some((value, idx + 1)));
        }
    }
    // No key and no length: refused as either.
    Ok(Some((u64::MAX, 10)))
}
