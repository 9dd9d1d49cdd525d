//! Reading a request's body: bounded in size, time and memory, without a copy when it came in one piece.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use futures_util::StreamExt as _;
use tokio::sync::OwnedSemaphorePermit;

use super::app::App;
use super::coding::{self, Coding};
use super::error::ApiError;

/// How far beyond the limit a body is read and thrown away, so that its sender sees the answer and not a reset.
const DISCARD_FACTOR: usize = 4;

/// Bodies up to this are not counted: as many as may be under way fit in little memory.
const UNCOUNTED_BYTES: usize = 16 * 1024;

/// Packed bodies up to this are unpacked on the connection's thread.
const UNPACKED_INLINE_BYTES: usize = 1024;

/// Bytes that one permit of the memory for bodies stands for.
pub(super) const UNIT_BYTES: usize = 1024;

/// A whole body, and the memory it was granted.
pub(super) struct Whole {
    /// The bytes, unpacked.
    pub(super) bytes: Bytes,
    grant: Grant,
}

impl Whole {
    /// The bytes, and what must live as long as they do.
    pub(super) fn into_parts(self) -> (Bytes, Grant) {
        (self.bytes, self.grant)
    }
}

/// Memory granted to a body; given back when dropped.
pub(super) struct Grant {
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Grant {
    /// Room for `bytes`, or 503.
    fn grow(&mut self, app: &App, bytes: usize) -> Result<(), ApiError> {
        if bytes <= UNCOUNTED_BYTES.max(self.bytes) {
            return Ok(());
        }
        // In steps, so that a body in many pieces does not ask for each.
        let bytes = bytes.next_multiple_of(64 * UNIT_BYTES);
        let units = u32::try_from((bytes - self.bytes) / UNIT_BYTES).unwrap_or(u32::MAX);
        let granted = std::sync::Arc::clone(&app.body_memory).try_acquire_many_owned(units);
        let Ok(granted) = granted else {
            app.metrics.rejected("memory");
            return Err(ApiError::unavailable("requests under way take all memory that is set aside for bodies", 1));
        };
        match &mut self.permit {
            Some(permit) => permit.merge(granted),
            None => self.permit = Some(granted),
        }
        self.bytes = bytes;
        Ok(())
    }
}

/// The whole body, or why not.
pub(super) async fn read(app: &App, body: Body, headers: &HeaderMap) -> Result<Whole, ApiError> {
    let (limit, patience) = (app.config.max_body_bytes, app.config.request_timeout);
    let coding = coding::of_request(headers)?;
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    // Who announces and waits for `100 Continue` has not sent anything yet.
    if announced.is_some_and(|length| limit.saturating_mul(DISCARD_FACTOR) < length)
        || (announced.is_some_and(|length| limit < length) && headers.contains_key(EXPECT))
    {
        return Err(ApiError::too_large(limit));
    }
    let mut grant = Grant { permit: None, bytes: 0 };
    let bytes = match tokio::time::timeout(patience, collect(app, body, announced.unwrap_or(0), &mut grant)).await {
        Ok(bytes) => bytes?,
        Err(_elapsed) => {
            let message = format!("the body did not arrive within {} s", patience.as_secs_f64());
            return Err(ApiError::request_timeout(message));
        }
    };
    let Some(coding) = coding else { return Ok(Whole { bytes, grant }) };
    let bytes = unpack(app, coding, bytes, &mut grant).await?;
    Ok(Whole { bytes, grant })
}

async fn collect(app: &App, body: Body, announced: usize, grant: &mut Grant) -> Result<Bytes, ApiError> {
    let limit = app.config.max_body_bytes;
    let broken = |error: axum::Error| ApiError::bad_request(format!("the body could not be read: {error}"));
    let mut chunks = body.into_data_stream();
    let first = match chunks.next().await {
        Some(chunk) => chunk.map_err(broken)?,
        None => Bytes::new(),
    };
    if announced != 0 && first.len() == announced && first.len() <= limit {
        grant.grow(app, first.len())?;
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
        // On the word of the sender no more is reserved than it has begun to send.
        grant.grow(app, length)?;
        let whole = whole.get_or_insert_with(|| first.to_vec());
        whole.extend_from_slice(&chunk);
    }
    if limit < length {
        return Err(ApiError::too_large(limit));
    }
    grant.grow(app, length)?;
    Ok(whole.map_or(first, Bytes::from))
}

async fn unpack(app: &App, coding: Coding, packed: Bytes, grant: &mut Grant) -> Result<Bytes, ApiError> {
    let limit = app.config.max_body_bytes;
    if packed.is_empty() {
        return Ok(packed);
    }
    if packed.len() <= UNPACKED_INLINE_BYTES {
        // Deflate makes 1,032 bytes of one at most.
        let bytes = coding::unpack(coding, &packed, limit.min(1032 * UNPACKED_INLINE_BYTES))?;
        grant.grow(app, bytes.len())?;
        return Ok(Bytes::from(bytes));
    }
    // Granted before: a small body may unpack to a large one.
    grant.grow(app, packed.len().saturating_mul(1032).min(limit) + packed.len())?;
    let task = tokio::task::spawn_blocking(move || coding::unpack(coding, &packed, limit));
    let unpacked =
        task.await.map_err(|error| ApiError::internal("the body could not be unpacked", error.to_string()))?;
    unpacked.map(Bytes::from)
}
