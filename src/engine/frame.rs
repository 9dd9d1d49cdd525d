//! The frames between the window's process and the worker's: a length, a JSON header, raw tensors.
//!
//! `u32` little-endian header length, the header, then the bytes of each tensor in the header's order, little-endian.
//! Text is a `u32` length and the bytes of each element. Both sides check everything they read: a frame from a broken
//! or hostile peer is an error, never a panic, and never makes the reader reserve more than has arrived.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::tensor::{Tensor, TensorData};
use crate::project::contract::Dtype;

/// The largest frame, header and tensors together.
pub(crate) const LARGEST_FRAME_BYTES: u64 = 1 << 30;
/// The largest header.
const LARGEST_HEADER_BYTES: u32 = 1 << 26;
/// More tensors than any model has.
const MOST_TENSORS: usize = 1 << 16;

/// What a frame is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Asks for the inspection of the file in the body.
    Inspect,
    /// Asks to load the file in the body; later runs use it.
    Load,
    /// Asks how the graphs of two files differ.
    Compare,
    /// Asks to run the loaded model on the tensors.
    Run,
    /// Asks to run the loaded model again and again on the tensors, and to time it.
    Bench,
    /// Asks what each step of the loaded model costs.
    Profile,
    /// Says how far a request is; any number of them.
    Progress,
    /// Ends a request: it was done.
    Done,
    /// Ends a request: it could not be done; the body is a problem.
    Error,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The request's number; replies repeat it.
    pub(crate) id: u64,
    /// What it is about.
    pub(crate) kind: Kind,
    /// What the kind asks for.
    pub(crate) body: serde_json::Value,
    /// Inputs or outputs.
    pub(crate) tensors: Vec<Tensor>,
}

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The pipe broke.
    #[error("the pipe broke ({0})")]
    Pipe(#[from] io::Error),
    /// The other side stopped in the middle of a frame.
    #[error("the message ends in the middle")]
    Cut,
    /// The frame is larger than allowed.
    #[error("a message of {size_bytes} bytes is larger than the {limit_bytes} allowed; use a smaller batch")]
    TooLarge {
        /// Its size, or what it announces.
        size_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The frame is not what the protocol says.
    #[error("the message is malformed: {0}")]
    Malformed(String),
}

#[derive(Serialize, Deserialize)]
struct Header {
    id: u64,
    kind: Kind,
    #[serde(default)]
    body: serde_json::Value,
    #[serde(default)]
    tensors: Vec<TensorHeader>,
}

#[derive(Serialize, Deserialize)]
struct TensorHeader {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    bytes: u64,
}

/// Bytes of one element; `None` for text.
fn element_bytes(dtype: Dtype) -> Option<u64> {
    super::proto::element_bytes(dtype)
}

/// Number of bytes of a tensor on the wire.
fn wire_bytes(tensor: &Tensor) -> u64 {
    match &tensor.data {
        TensorData::Text(words) => words.iter().map(|word| 4 + word.len() as u64).sum(),
        data => element_bytes(data.dtype()).unwrap_or(0) * data.len() as u64,
    }
}

/// Fails when the frame's tensors are too large to be written.
pub(crate) fn check_tensors(tensors: &[Tensor]) -> Result<(), FrameError> {
    check_size(0, tensors.iter().map(wire_bytes).fold(0, u64::saturating_add))
}

/// Writes one frame and flushes it.
pub(crate) fn write(writer: &mut impl Write, frame: &Frame) -> Result<(), FrameError> {
    let tensors: Vec<TensorHeader> = frame
        .tensors
        .iter()
        .map(|tensor| TensorHeader {
            name: tensor.name.clone(),
            dtype: tensor.data.dtype().v2_name().to_owned(),
            shape: tensor.shape.clone(),
            bytes: wire_bytes(tensor),
        })
        .collect();
    let n_bytes: u64 = tensors.iter().map(|tensor| tensor.bytes).fold(0, u64::saturating_add);
    let header = Header { id: frame.id, kind: frame.kind, body: frame.body.clone(), tensors };
    let header = serde_json::to_vec(&header).map_err(|error| FrameError::Malformed(error.to_string()))?;
    let header_length = u32::try_from(header.len()).unwrap_or(u32::MAX);
    check_size(header_length, n_bytes)?;
    writer.write_all(&header_length.to_le_bytes())?;
    writer.write_all(&header)?;
    for tensor in &frame.tensors {
        write_elements(writer, &tensor.data)?;
    }
    writer.flush()?;
    Ok(())
}

fn check_size(header_length: u32, tensor_bytes: u64) -> Result<(), FrameError> {
    if header_length > LARGEST_HEADER_BYTES {
        let limit_bytes = u64::from(LARGEST_HEADER_BYTES);
        return Err(FrameError::TooLarge { size_bytes: u64::from(header_length), limit_bytes });
    }
    let size_bytes = tensor_bytes.saturating_add(u64::from(header_length));
    if size_bytes > LARGEST_FRAME_BYTES {
        return Err(FrameError::TooLarge { size_bytes, limit_bytes: LARGEST_FRAME_BYTES });
    }
    Ok(())
}

/// Writes elements in blocks, so that a large tensor is never copied as a whole.
fn write_elements(writer: &mut impl Write, data: &TensorData) -> io::Result<()> {
    const BLOCK_ELEMENTS: usize = 1 << 14;
    macro_rules! numbers {
        ($elements:expr) => {
            for block in $elements.chunks(BLOCK_ELEMENTS) {
                let bytes: Vec<u8> = block.iter().flat_map(|element| element.to_le_bytes()).collect();
                writer.write_all(&bytes)?;
            }
        };
    }
    match data {
        TensorData::Bool(elements) => {
            for block in elements.chunks(BLOCK_ELEMENTS) {
                writer.write_all(&block.iter().map(|element| u8::from(*element)).collect::<Vec<u8>>())?;
            }
        }
        TensorData::U8(elements) => writer.write_all(elements)?,
        TensorData::U16(elements) | TensorData::F16(elements) => numbers!(elements),
        TensorData::U32(elements) => numbers!(elements),
        TensorData::U64(elements) => numbers!(elements),
        TensorData::I8(elements) => numbers!(elements),
        TensorData::I16(elements) => numbers!(elements),
        TensorData::I32(elements) => numbers!(elements),
        TensorData::I64(elements) => numbers!(elements),
        TensorData::F32(elements) => numbers!(elements),
        TensorData::F64(elements) => numbers!(elements),
        TensorData::Text(words) => {
            for word in words {
                let length = u32::try_from(word.len()).map_err(|_too_long| io::ErrorKind::InvalidInput)?;
                writer.write_all(&length.to_le_bytes())?;
                writer.write_all(word.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// Reads one frame; `None` when the other side closed the pipe between frames.
pub(crate) fn read(reader: &mut impl Read) -> Result<Option<Frame>, FrameError> {
    let mut length = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut length)?;
    if length.is_empty() {
        return Ok(None);
    }
    let length: [u8; 4] = length.try_into().map_err(|_short| FrameError::Cut)?;
    let length = u32::from_le_bytes(length);
    check_size(length, 0)?;
    let header = read_exactly(reader, u64::from(length))?;
    let header: Header = serde_json::from_slice(&header).map_err(|error| FrameError::Malformed(error.to_string()))?;
    if header.tensors.len() > MOST_TENSORS {
        return Err(FrameError::Malformed(format!("{} tensors", header.tensors.len())));
    }
    check_size(length, header.tensors.iter().map(|tensor| tensor.bytes).fold(0, u64::saturating_add))?;
    let tensors = header.tensors.into_iter().map(|tensor| read_tensor(reader, tensor)).collect::<Result<_, _>>()?;
    Ok(Some(Frame { id: header.id, kind: header.kind, body: header.body, tensors }))
}

fn read_exactly(reader: &mut impl Read, n_bytes: u64) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::new();
    reader.by_ref().take(n_bytes).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == n_bytes { Ok(bytes) } else { Err(FrameError::Cut) }
}

fn read_tensor(reader: &mut impl Read, header: TensorHeader) -> Result<Tensor, FrameError> {
    let malformed = |what: &str| FrameError::Malformed(format!("the tensor `{}` {what}", header.name));
    let Some(dtype) = Dtype::from_v2_name(&header.dtype) else { return Err(malformed("has an unknown type")) };
    let n_elements = header.shape.iter().try_fold(1_u64, |product, length| product.checked_mul(*length as u64));
    let Some(n_elements) = n_elements else { return Err(malformed("has an impossible shape")) };
    let expected = n_elements.checked_mul(element_bytes(dtype).unwrap_or(4));
    let fits = match (expected, dtype) {
        (Some(at_least), Dtype::Text) => at_least <= header.bytes,
        (expected, _) => expected == Some(header.bytes),
    };
    if !fits {
        return Err(malformed("does not have the bytes its shape asks for"));
    }
    let bytes = read_exactly(reader, header.bytes)?;
    let data = elements(dtype, &bytes, n_elements as usize).map_err(|what| malformed(&what))?;
    Ok(Tensor::new(header.name, header.shape, data))
}

fn elements(dtype: Dtype, bytes: &[u8], n_elements: usize) -> Result<TensorData, String> {
    macro_rules! numbers {
        ($number:ty) => {
            bytes.as_chunks().0.iter().map(|bytes| <$number>::from_le_bytes(*bytes)).collect()
        };
    }
    Ok(match dtype {
        Dtype::Bool => {
            if bytes.iter().any(|byte| *byte > 1) {
                return Err("has a truth value that is neither 0 nor 1".to_owned());
            }
            TensorData::Bool(bytes.iter().map(|byte| *byte == 1).collect())
        }
        Dtype::U8 => TensorData::U8(bytes.to_vec()),
        Dtype::U16 => TensorData::U16(numbers!(u16)),
        Dtype::U32 => TensorData::U32(numbers!(u32)),
        Dtype::U64 => TensorData::U64(numbers!(u64)),
        Dtype::I8 => TensorData::I8(numbers!(i8)),
        Dtype::I16 => TensorData::I16(numbers!(i16)),
        Dtype::I32 => TensorData::I32(numbers!(i32)),
        Dtype::I64 => TensorData::I64(numbers!(i64)),
        Dtype::F16 => TensorData::F16(numbers!(u16)),
        Dtype::F32 => TensorData::F32(numbers!(f32)),
        Dtype::F64 => TensorData::F64(numbers!(f64)),
        Dtype::Text => TensorData::Text(words(bytes, n_elements)?),
    })
}

fn words(mut bytes: &[u8], n_words: usize) -> Result<Vec<String>, String> {
    let mut words = Vec::with_capacity(n_words.min(bytes.len() / 4));
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some((word, rest)) = rest.split_at_checked(length) else {
            return Err("has a text that is longer than the tensor".to_owned());
        };
        words.push(String::from_utf8(word.to_vec()).map_err(|_bad| "has a text that is not UTF-8".to_owned())?);
        bytes = rest;
    }
    if bytes.is_empty() && words.len() == n_words {
        Ok(words)
    } else {
        Err(format!("has {} texts in place of {n_words}", words.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(tensors: Vec<Tensor>) -> Frame {
        Frame { id: 7, kind: Kind::Run, body: serde_json::json!({"a": 1}), tensors }
    }

    fn written(frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, frame).unwrap();
        bytes
    }

    fn every_type() -> Vec<Tensor> {
        let data = [
            TensorData::Bool(vec![true, false]),
            TensorData::U8(vec![1, 2]),
            TensorData::U16(vec![1, 65535]),
            TensorData::U32(vec![1, u32::MAX]),
            TensorData::U64(vec![1, u64::MAX]),
            TensorData::I8(vec![-1, 1]),
            TensorData::I16(vec![-1, 1]),
            TensorData::I32(vec![-1, 1]),
            TensorData::I64(vec![i64::MIN, 1]),
            TensorData::F16(vec![0x3c00, 0]),
            TensorData::F32(vec![1.5, f32::INFINITY]),
            TensorData::F64(vec![1.5, -0.0]),
            TensorData::Text(vec!["œuf".to_owned(), String::new()]),
        ];
        data.into_iter().enumerate().map(|(idx, data)| Tensor::new(format!("t{idx}"), vec![2, 1], data)).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let frame = frame(every_type());
        let mut bytes = written(&frame);
        bytes.extend(written(&frame));
        let mut reader = bytes.as_slice();
        assert_eq!(read(&mut reader).unwrap(), Some(frame.clone()));
        assert_eq!(read(&mut reader).unwrap(), Some(frame));
        assert_eq!(read(&mut reader).unwrap(), None);
    }

    #[test]
    fn every_cut_is_an_error() {
        let bytes = written(&frame(every_type()));
        for length in 1..bytes.len() {
            assert!(read(&mut &bytes[..length]).is_err(), "{length}");
        }
    }

    #[track_caller]
    fn check_error(bytes: &[u8], expected: &str) {
        let error = read(&mut &*bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    fn with_header(header: &str, rest: &[u8]) -> Vec<u8> {
        [&(header.len() as u32).to_le_bytes(), header.as_bytes(), rest].concat()
    }

    #[test]
    fn hostile_frames_are_errors() {
        check_error(&[255; 4], "larger than");
        check_error(&with_header("no json", b""), "malformed");
        check_error(&with_header(r#"{"id":1,"kind":"dance"}"#, b""), "malformed");
        let tensor = |dtype: &str, shape: &str, bytes: u64, rest: &[u8]| {
            let header = format!(
                r#"{{"id":1,"kind":"run","tensors":[{{"name":"x","dtype":"{dtype}","shape":{shape},"bytes":{bytes}}}]}}"#
            );
            with_header(&header, rest)
        };
        check_error(&tensor("FP32", "[2]", 1 << 40, b""), "larger than");
        check_error(&tensor("FP32", "[2]", 4, b"1234"), "bytes its shape asks for");
        check_error(&tensor("FP32", "[2]", 8, b"1234"), "ends in the middle");
        check_error(&tensor("FP8", "[2]", 2, b"12"), "unknown type");
        check_error(&tensor("FP32", "[4294967296,4294967296,4]", 8, b""), "impossible shape");
        check_error(&tensor("BOOL", "[1]", 1, &[2]), "neither 0 nor 1");
        check_error(&tensor("BYTES", "[1]", 4, &[9, 0, 0, 0]), "longer than the tensor");
        check_error(&tensor("BYTES", "[1]", 5, &[1, 0, 0, 0, 255]), "not UTF-8");
        check_error(&tensor("BYTES", "[1]", 8, &[0; 8]), "2 texts in place of 1");
        check_error(&tensor("BYTES", "[1000000000]", 8, &[0; 8]), "bytes its shape asks for");
    }

    #[test]
    fn a_frame_that_is_too_large_is_not_written() {
        let tensor = Tensor::new("x", vec![1 << 27], TensorData::F64(vec![0.0; 1 << 27]));
        assert!(matches!(write(&mut io::sink(), &frame(vec![tensor])), Err(FrameError::TooLarge { .. })));
    }
}
