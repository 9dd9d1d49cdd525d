//! Tensors as bytes: little-endian and row-major, texts and blobs as a 32-bit length and that many bytes.

use crate::engine::tensor::TensorData;
use crate::project::contract::Dtype;

macro_rules! decode {
    ($bytes:expr, $type:ty) => {
        $bytes
            .chunks_exact(size_of::<$type>())
            .map(|chunk| {
                let mut raw = [0; size_of::<$type>()];
                raw.copy_from_slice(chunk);
                <$type>::from_le_bytes(raw)
            })
            .collect()
    };
}

/// The elements in `bytes`, which must be exactly `n_expected`.
pub(super) fn decode(dtype: Dtype, bytes: &[u8], n_expected: usize) -> Result<TensorData, String> {
    if let Some(width) = width(dtype) {
        let wanted = n_expected.checked_mul(width);
        if wanted != Some(bytes.len()) {
            let wanted = wanted.map_or_else(|| "more".to_owned(), |wanted| wanted.to_string());
            return Err(format!("its shape asks for {wanted} bytes, given were {}", bytes.len()));
        }
    }
    Ok(match dtype {
        Dtype::Bool => {
            if let Some(wrong) = bytes.iter().find(|byte| 1 < **byte) {
                return Err(format!("{wrong} is no BOOL value"));
            }
            TensorData::Bool(bytes.iter().map(|byte| *byte == 1).collect())
        }
        Dtype::U8 => TensorData::U8(bytes.to_vec()),
        Dtype::U16 => TensorData::U16(decode!(bytes, u16)),
        Dtype::U32 => TensorData::U32(decode!(bytes, u32)),
        Dtype::U64 => TensorData::U64(decode!(bytes, u64)),
        Dtype::I8 => TensorData::I8(decode!(bytes, i8)),
        Dtype::I16 => TensorData::I16(decode!(bytes, i16)),
        Dtype::I32 => TensorData::I32(decode!(bytes, i32)),
        Dtype::I64 => TensorData::I64(decode!(bytes, i64)),
        Dtype::F16 => TensorData::F16(decode!(bytes, u16)),
        Dtype::F32 => TensorData::F32(decode!(bytes, f32)),
        Dtype::F64 => TensorData::F64(decode!(bytes, f64)),
        Dtype::Text => TensorData::Text(decode_texts(bytes, n_expected)?),
    })
}

/// Bytes per element; `None` for text.
fn width(dtype: Dtype) -> Option<usize> {
    match dtype {
        Dtype::Bool | Dtype::U8 | Dtype::I8 => Some(1),
        Dtype::U16 | Dtype::I16 | Dtype::F16 => Some(2),
        Dtype::U32 | Dtype::I32 | Dtype::F32 => Some(4),
        Dtype::U64 | Dtype::I64 | Dtype::F64 => Some(8),
        Dtype::Text => None,
    }
}

fn decode_texts(mut bytes: &[u8], n_expected: usize) -> Result<Vec<String>, String> {
    // Each text takes four bytes at least, which bounds what a shape can make us reserve.
    let mut texts = Vec::with_capacity(n_expected.min(bytes.len() / 4));
    while !bytes.is_empty() {
        let position = texts.len();
        let cut = || format!("element {position} is cut off");
        let (length, after) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (text, after) = after.split_at_checked(length).ok_or_else(cut)?;
        let text =
            std::str::from_utf8(text).map_err(|error| format!("element {position} is not UTF-8 text: {error}"))?;
        texts.push(text.to_owned());
        bytes = after;
    }
    if texts.len() != n_expected {
        return Err(format!("its shape asks for {n_expected} elements, given were {}", texts.len()));
    }
    Ok(texts)
}

macro_rules! encode {
    ($values:expr, $out:expr) => {
        for value in $values {
            $out.extend_from_slice(&value.to_le_bytes());
        }
    };
}

/// Appends the elements to `out`.
pub(super) fn encode(data: &TensorData, out: &mut Vec<u8>) -> Result<(), String> {
    out.reserve(data.len() * width(data.dtype()).unwrap_or(4));
    match data {
        TensorData::Bool(values) => out.extend(values.iter().map(|value| u8::from(*value))),
        TensorData::U8(values) => out.extend_from_slice(values),
        TensorData::U16(values) | TensorData::F16(values) => encode!(values, out),
        TensorData::U32(values) => encode!(values, out),
        TensorData::U64(values) => encode!(values, out),
        TensorData::I8(values) => encode!(values, out),
        TensorData::I16(values) => encode!(values, out),
        TensorData::I32(values) => encode!(values, out),
        TensorData::I64(values) => encode!(values, out),
        TensorData::F32(values) => encode!(values, out),
        TensorData::F64(values) => encode!(values, out),
        TensorData::Text(values) => {
            for value in values {
                let length =
                    u32::try_from(value.len()).map_err(|_too_long| "a text is longer than 4 GiB".to_owned())?;
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(value.as_bytes());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_the_way_out_and_in() {
        let all = [
            TensorData::Bool(vec![true, false]),
            TensorData::U8(vec![0, 255]),
            TensorData::U16(vec![1, 65535]),
            TensorData::U32(vec![1, u32::MAX]),
            TensorData::U64(vec![1, u64::MAX]),
            TensorData::I8(vec![-128, 127]),
            TensorData::I16(vec![-32768, 2]),
            TensorData::I32(vec![i32::MIN, 2]),
            TensorData::I64(vec![i64::MIN, 2]),
            TensorData::F16(vec![0x3C00, 0x7C00]),
            TensorData::F32(vec![0.1, f32::INFINITY]),
            TensorData::F64(vec![0.1, f64::NEG_INFINITY]),
            TensorData::Text(vec!["ü".into(), String::new()]),
        ];
        for data in all {
            let mut bytes = Vec::new();
            encode(&data, &mut bytes).unwrap();
            assert_eq!(decode(data.dtype(), &bytes, 2), Ok(data));
        }
    }

    #[test]
    fn what_does_not_fit_the_shape_is_refused() {
        let cases: [(Dtype, &[u8], usize, &str); 6] = [
            (Dtype::F32, &[0; 7], 2, "asks for 8 bytes, given were 7"),
            (Dtype::F64, &[0; 8], usize::MAX, "asks for more bytes"),
            (Dtype::Bool, &[2], 1, "2 is no BOOL value"),
            (Dtype::Text, &[1, 0, 0, 0], 1, "element 0 is cut off"),
            (Dtype::Text, &[1, 0, 0, 0, 0xFF], 1, "element 0 is not UTF-8"),
            (Dtype::Text, &[0, 0, 0, 0], 2, "asks for 2 elements, given were 1"),
        ];
        for (dtype, bytes, n_expected, reason) in cases {
            let error = decode(dtype, bytes, n_expected).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
