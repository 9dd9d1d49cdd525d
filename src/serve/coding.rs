//! Bodies packed with gzip or deflate, both ways; what is unpacked is bounded.

use std::io::{Read, Write as _};

use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use axum::http::{HeaderMap, HeaderValue};
use flate2::Compression;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

use super::error::ApiError;

/// Shorter answers are sent as they are: packing them costs more than it saves.
const MIN_PACKED_BYTES: usize = 1024;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 without its frame, which some clients send under the same name.
    Deflate,
}

/// How the body of a request is packed; `None` when it is not.
pub(super) fn of_request(headers: &HeaderMap) -> Result<Option<Coding>, ApiError> {
    let mut coding = None;
    for name in headers.get_all(CONTENT_ENCODING).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
    {
        let this = match name.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => continue,
            b"gzip" | b"x-gzip" => Coding::Gzip,
            b"deflate" => Coding::Deflate,
            _ => return Err(ApiError::unsupported("bodies are taken plain, or packed with gzip or deflate")),
        };
        if coding.replace(this).is_some() {
            return Err(ApiError::unsupported("a body that is packed twice is not taken"));
        }
    }
    Ok(coding)
}

/// How an answer may be packed; `None` when it may not.
pub(super) fn of_answer(headers: &HeaderMap) -> Option<Coding> {
    let mut best: Option<(Coding, f32)> = None;
    for value in headers.get_all(ACCEPT_ENCODING) {
        for part in value.to_str().ok()?.split(',') {
            let mut pieces = part.split(';').map(str::trim);
            let coding = match pieces.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                _ => continue,
            };
            let weight = pieces.find_map(|piece| piece.strip_prefix("q=")).map_or(Ok(1.0), str::parse).unwrap_or(0.0);
            if 0.0 < weight && best.is_none_or(|(_, other)| other < weight) {
                best = Some((coding, weight));
            }
        }
    }
    best.map(|(coding, _)| coding)
}

/// Whether an answer may be packed with gzip, whatever else is taken as well.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let is_gzip = |part: &str| {
        let mut pieces = part.split(';').map(str::trim);
        let named = pieces.next().is_some_and(|name| matches!(name.to_ascii_lowercase().as_str(), "gzip" | "x-gzip"));
        let weight = pieces.find_map(|piece| piece.strip_prefix("q=")).map_or(Ok(1.0), str::parse).unwrap_or(0.0);
        named && 0.0 < weight
    };
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(is_gzip))
}

/// The plain bytes, of which there may be `limit`.
pub(super) fn unpack(coding: Coding, packed: &[u8], limit: usize) -> Result<Vec<u8>, ApiError> {
    match coding {
        Coding::Gzip => read(MultiGzDecoder::new(packed), limit),
        Coding::Deflate if has_frame(packed) => {
            let mut decoder = ZlibDecoder::new(packed);
            let plain = read(&mut decoder, limit)?;
            nothing_left(packed.len() as u64 - decoder.total_in())?;
            Ok(plain)
        }
        Coding::Deflate => {
            let mut decoder = DeflateDecoder::new(packed);
            let plain = read(&mut decoder, limit)?;
            nothing_left(packed.len() as u64 - decoder.total_in())?;
            Ok(plain)
        }
    }
}

/// Whether deflated bytes begin with the two of RFC 1950.
fn has_frame(packed: &[u8]) -> bool {
    let [first, second, ..] = packed else { return false };
    first & 0x0F == 8 && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31)
}

fn nothing_left(n_bytes: u64) -> Result<(), ApiError> {
    if n_bytes == 0 { Ok(()) } else { Err(ApiError::bad_request(format!("{n_bytes} bytes follow the packed body"))) }
}

fn read(reader: impl Read, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut plain = Vec::new();
    // One byte more than allowed tells that there are more.
    reader
        .take(limit as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| ApiError::bad_request(format!("the body cannot be unpacked: {error}")))?;
    if limit < plain.len() {
        return Err(ApiError::too_large(limit));
    }
    Ok(plain)
}

/// The body as it is sent, and the header that says so.
pub(super) fn pack(coding: Option<Coding>, plain: Vec<u8>) -> (Vec<u8>, Option<HeaderValue>) {
    let Some(coding) = coding.filter(|_| MIN_PACKED_BYTES <= plain.len()) else { return (plain, None) };
    // Speed over size: the network between a service and its client is fast.
    let buffer = Vec::with_capacity(plain.len() / 4);
    let (packed, name) = match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(buffer, Compression::fast());
            (encoder.write_all(&plain).and_then(|()| encoder.finish()), "gzip")
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(buffer, Compression::fast());
            (encoder.write_all(&plain).and_then(|()| encoder.finish()), "deflate")
        }
    };
    match packed {
        Ok(packed) if packed.len() < plain.len() => (packed, Some(HeaderValue::from_static(name))),
        _ => (plain, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_within_the_limit() {
        let plain = b"0123456789".repeat(1000);
        for coding in [Coding::Gzip, Coding::Deflate] {
            let (packed, header) = pack(Some(coding), plain.clone());
            assert!(header.is_some() && packed.len() < 1000);
            assert_eq!(unpack(coding, &packed, 10_000).unwrap(), plain);
            assert!(unpack(coding, &packed, 9_999).is_err());
            assert!(unpack(coding, &packed[..packed.len() / 2], 10_000).is_err());
            assert!(unpack(coding, &[&packed[..], b"more"].concat(), 10_000).is_err());
            assert!(unpack(coding, b"plain text", 10_000).is_err());
        }
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(&plain).unwrap();
        assert_eq!(unpack(Coding::Deflate, &raw.finish().unwrap(), 10_000).unwrap(), plain);
        assert_eq!(pack(Some(Coding::Gzip), b"short".to_vec()), (b"short".to_vec(), None));
    }

    #[test]
    fn the_client_chooses() {
        let choice = |accepted: &'static str| {
            of_answer(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))]))
        };
        assert_eq!(choice("gzip, deflate, br"), Some(Coding::Gzip));
        assert_eq!(choice("br, deflate"), Some(Coding::Deflate));
        assert_eq!(choice("gzip;q=0.1, deflate;q=0.5"), Some(Coding::Deflate));
        assert_eq!(choice("gzip;q=0, br"), None);
        assert_eq!(choice("gzip;q=x"), None);
        assert_eq!(choice("identity"), None);
    }
}
