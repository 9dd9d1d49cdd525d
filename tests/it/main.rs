//! Tests of the headless core: no network, GPU, display, Python or container engine needed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod architecture;
mod bench;
mod check;
mod cli;
mod contents;
mod deploy_cli;
mod docker;
mod drift;
mod engine;
#[cfg(target_os = "linux")]
mod engines;
mod evaluate;
mod inspect;
mod mutants;
mod node_tests;
mod onnx;
mod profile;
mod project_format;
mod push;
mod registry;
mod running;
mod saving;
mod scoring;
mod serve;
mod swarm;
mod tables;
mod worker;
