//! The inference server: Open Inference Protocol V2, MLflow's protocol, `/predict` for people, `/docs` and `/metrics`;
//! the only module that names axum.
//!
//! It is what the image runs, what benchmarks load and what rollouts route to.
//! It never touches the workbench, and writes no file but the request log it was asked for.
//!
//! - Every error is `{"error": "…"}` with the status that says whose fault it is; no panic leaves a handler.
//! - Memory is bounded: bodies, requests in flight and connections each have a limit, and what exceeds one is
//!   answered at once instead of queued.
//! - A request line is logged with its id, never with its payload.
//! - The readiness endpoint turns false before anything is refused.

mod access;
mod answer;
mod app;
mod batch;
mod body;
mod breaker;
mod coding;
mod config;
mod docs;
mod entry;
mod error;
mod example;
mod fallback;
mod golden;
mod health;
mod lanes;
mod metrics;
mod mlflow;
mod model;
mod observe;
mod openapi;
mod predict;
mod request_log;
mod route;
mod rows;
mod run;
mod settings;
mod shallow;
mod tls;
mod v2;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use access::{NoHash, TokenHash};
pub use app::router;
pub use config::{BatchConfig, FallbackAnswer, FallbackConfig, RequestLogConfig, ServeConfig, TlsFiles};
pub use health::{health, health_over, is_loopback};
pub use model::{GoldenAtStart, Infer, ServedModel, served_folder, served_version_name, served_versions};
pub use run::{check, serve, serve_on};
pub use settings::{ServeSettings, UnknownFieldsSetting};

use crate::engine::EngineError;
use crate::features::FeatureError;
use crate::problem::Problem;
use crate::project::ProjectError;

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The project cannot be read, or has no such version.
    #[error("{source}")]
    Project {
        /// The project folder.
        root: PathBuf,
        /// Why.
        source: ProjectError,
    },
    /// A document the answers depend on cannot be read.
    #[error("{}", problem.what)]
    Document {
        /// What is wrong with it.
        problem: Problem,
    },
    /// The model cannot be loaded.
    #[error(transparent)]
    Model(#[from] EngineError),
    /// The feature contract does not fit the model.
    #[error("The features do not fit the model: {source}")]
    Features {
        /// The model file.
        path: PathBuf,
        /// What does not fit.
        source: FeatureError,
    },
    /// The model does not answer its golden rows as expected.
    #[error("The model does not answer its golden rows as expected: {reason}")]
    Golden {
        /// The golden rows.
        path: PathBuf,
        /// The first difference, or why they could not be asked.
        reason: String,
    },
    /// A bare model file has one version only.
    #[error("A model file outside a project has no version “{version}”")]
    NoVersions {
        /// The model file.
        path: PathBuf,
        /// What was asked for.
        version: String,
    },
    /// There is no such file or folder.
    #[error("There is no such file or folder")]
    Missing {
        /// What was asked for.
        path: PathBuf,
    },
    /// A setting is not what it should be.
    #[error("{name}: {reason}")]
    Setting {
        /// The setting, as it was named.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What should answer in place of a failing model cannot.
    #[error("The fallback does not fit: {reason}")]
    Fallback {
        /// Why.
        reason: String,
    },
    /// The request log cannot be written.
    #[error("The request log cannot be written: {source}")]
    RequestLog {
        /// Its folder.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("TLS cannot be used: {reason}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The metrics contradict each other.
    #[error("The metrics cannot be set up: {0}")]
    Metrics(prometheus::Error),
    /// The address cannot be listened on.
    #[error("Cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The system gave no signal handler.
    #[error("Cannot wait for signals: {0}")]
    Signals(io::Error),
    /// The threads for connections could not be started.
    #[error("Cannot start the threads for connections: {0}")]
    Lanes(io::Error),
}

impl From<ServeError> for Problem {
    fn from(error: ServeError) -> Self {
        let what = error.to_string();
        match error {
            ServeError::Project { root, source } => {
                let mut problem = Self::from(source);
                if problem.place.is_empty() {
                    problem.place = root.display().to_string();
                }
                problem
            }
            ServeError::Document { problem } => problem,
            ServeError::Model(error) => error.into(),
            ServeError::Features { path, source } => Self::new(what, path.display().to_string(), source.fix()),
            ServeError::Golden { path, .. } => Self::new(
                what,
                path.display().to_string(),
                "Compare with `trestle golden`; to serve it nevertheless, start it with --golden=warn.",
            ),
            ServeError::NoVersions { path, .. } => {
                Self::new(what, path.display().to_string(), "Leave the version out, or serve the project folder.")
            }
            ServeError::Missing { path } => {
                Self::new(what, path.display().to_string(), "Give a project folder or an .onnx file.")
            }
            ServeError::Bind { address, ref source } => {
                let fix = match source.kind() {
                    io::ErrorKind::AddrInUse => "Another program listens there; choose another port with --address.",
                    io::ErrorKind::PermissionDenied => "Ports below 1024 need a privilege; choose a higher one.",
                    _ => "Choose an address of this machine with --address.",
                };
                Self::new(what, address.to_string(), fix)
            }
            ServeError::Setting { name, reason } => {
                Self::new(reason, name, "Correct the setting; `trestle serve --help` says where settings come from.")
            }
            ServeError::Fallback { .. } => Self::new(what, "", "Correct fallback_version or fallback_answer."),
            ServeError::RequestLog { folder, .. } => {
                Self::new(what, folder.display().to_string(), "Give a folder that may be written, or leave it out.")
            }
            ServeError::Tls { path, .. } => {
                Self::new(what, path.display().to_string(), "Give PEM files of a certificate and its private key.")
            }
            ServeError::Metrics(_) => Self::new(what, "", "Report this; it is a mistake in Trestle."),
            ServeError::Signals(_) | ServeError::Lanes(_) => Self::new(what, "", "Close other programs and try again."),
        }
    }
}
