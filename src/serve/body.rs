//! Reading a request's body: bounded in size and time, without a copy when it came in one piece.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use futures_util::StreamExt as _;

use super::error::ApiError;

/// How far beyond the limit a body is read and thrown away, so that its sender sees the answer and not a reset.
const DISCARD_FACTOR: usize = 4;

/// The whole body, or why not.
pub(super) async fn read(body: Body, headers: &HeaderMap, limit: usize, patience: Duration) -> Result<Bytes, ApiError> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(ApiError::unsupported_encoding(
            "compressed bodies are not accepted; send it without Content-Encoding",
        ));
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    // Who announces and waits for `100 Continue` has not sent anything yet.
    if announced.is_some_and(|length| limit.saturating_mul(DISCARD_FACTOR) < length)
        || (announced.is_some_and(|length| limit < length) && headers.contains_key(EXPECT))
    {
        return Err(ApiError::too_large(limit));
    }
    match tokio::time::timeout(patience, collect(body, announced.unwrap_or(0), limit)).await {
        Ok(result) => result,
        Err(_elapsed) => {
            Err(ApiError::request_timeout(format!("the body did not arrive within {} s", patience.as_secs_f64())))
        }
    }
}

async fn collect(body: Body, announced: usize, limit: usize) -> Result<Bytes, ApiError> {
    let broken = |error: axum::Error| ApiError::bad_request(format!("the body could not be read: {error}"));
    let mut chunks = body.into_data_stream();
    let first = match chunks.next().await {
        Some(chunk) => chunk.map_err(broken)?,
        None => Bytes::new(),
    };
    if announced != 0 && first.len() == announced && first.len() <= limit {
        return Ok(first);
    }
    let mut whole: Option<Vec<u8>> = None;
    let mut length = first.len();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(broken)?;
        length = length.saturating_add(chunk.len());
        if limit < length {
            whole = None;
            if limit.saturating_mul(DISCARD_FACTOR) < length {
                break;
            }
            continue;
        }
        let whole = whole.get_or_insert_with(|| {
            let mut buffer = Vec::with_capacity(announced.min(limit).max(first.len() + chunk.len()));
            buffer.extend_from_slice(&first);
            buffer
        });
        whole.extend_from_slice(&chunk);
    }
    if limit < length {
        return Err(ApiError::too_large(limit));
    }
    Ok(whole.map_or(first, Bytes::from))
}
