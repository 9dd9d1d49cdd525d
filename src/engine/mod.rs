//! Loading and running models; the only module that names tract.
//!
//! A model is read and judged ([`inspect`]), prepared ([`Model::load`]) and run ([`Model::run`]). The server does that
//! in its own process; everything else does it in a [`Worker`], because a model can crash, hang or take all memory.
//! What cannot be run correctly is refused with its reason: no answer is better than a wrong one.

#[cfg(feature = "headless")]
mod bench;
#[cfg(feature = "headless")]
mod client;
mod convert;
mod error;
mod file;
mod fingerprint;
#[cfg(feature = "headless")]
mod frame;
mod functions;
mod guard;
mod inspect;
mod kernels;
mod magic;
mod maps;
mod model;
mod nonfinite;
mod operators;
mod plan;
mod profile;
mod proto;
mod registry;
mod rewrite;
pub mod tensor;
mod threads;
#[cfg(feature = "headless")]
mod worker;

#[cfg(feature = "headless")]
pub use bench::{BenchRequest, BenchResult};
#[cfg(feature = "headless")]
pub use client::{Worker, WorkerConfig, WorkerRun};
pub use error::EngineError;
pub use fingerprint::{GraphDifference, GraphFingerprint, bump, graph_fingerprint};
pub use inspect::inspect;
pub use model::Model;
pub use profile::ProfileRequest;
pub use threads::{DEFAULT_THREADS, MOST_THREADS, set_threads, threads};
#[cfg(feature = "headless")]
pub use worker::run_worker;
