//! Tests of the headless core: no network, GPU, display, Python or container engine needed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod docker;
mod engine;
mod inspect;
mod onnx;
mod saving;
mod serve;
mod worker;
