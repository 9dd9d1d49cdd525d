//! The fence around tract: its errors become strings, its panics become errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::EngineError;
use crate::jobs::panic_message;

/// Runs `work`, turning a panic into an error; what `work` itself returns is passed on.
pub(crate) fn guarded<T>(during: &'static str, work: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let reason = panic_message(panic.as_ref());
        // tract panics where its tensors get no memory; elsewhere Rust ends the process.
        if reason.contains("failed to allocate") || reason.contains("capacity overflow") {
            EngineError::Memory { during }
        } else {
            EngineError::Panicked { during, reason }
        }
    })
}

/// An error chain in one line, innermost last, without the dumps of protobuf nodes that tract adds.
pub(crate) fn one_line(error: &tract_onnx::prelude::TractError) -> String {
    const LONGEST: usize = 400;
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let line = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let line = match line.find("NodeProto {") {
            Some(at) => line[..at].trim_end_matches(['"', ' ', ':']).to_owned(),
            None => line,
        };
        if !line.is_empty() && parts.last() != Some(&line) {
            parts.push(line);
        }
    }
    let mut text = parts.join(": ");
    if let Some((cut, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let result = guarded("testing", || -> u8 { panic!("boom") });
        assert!(matches!(result, Err(EngineError::Panicked { during: "testing", reason }) if reason == "boom"));
    }
}
