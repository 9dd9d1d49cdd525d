//! Tests of the headless core: no network, GPU, display, Python or container engine needed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod architecture;
mod cli;
mod docker;
mod engine;
mod evaluate;
mod inspect;
mod onnx;
mod project_format;
mod saving;
mod serve;
mod worker;
