//! The inference server: Open Inference Protocol V2, `/predict` for people, `/docs`; the only module that names axum.
//!
//! It is what the image runs, what benchmarks load and what rollouts route to.
//! It never touches the workbench and never writes a file.
//!
//! - Every error is `{"error": "…"}` with the status that says whose fault it is; no panic leaves a handler.
//! - Memory is bounded: bodies, requests in flight and connections each have a limit, and what exceeds one is
//!   answered at once instead of queued.
//! - A request line is logged with its id, never with its payload.
//! - The readiness endpoint turns false before anything is refused.

mod app;
mod body;
mod docs;
mod error;
mod example;
mod golden;
mod health;
mod model;
mod observe;
mod openapi;
mod predict;
mod run;
mod v2;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use app::router;
pub use health::health;
pub use model::{GoldenAtStart, Infer, ServedModel, served_folder, served_folder_with};
pub use run::{serve, serve_on};

use crate::engine::EngineError;
use crate::features::FeatureError;
use crate::problem::Problem;
use crate::project::ProjectError;

/// Where and within which limits models are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Address and port to listen on.
    pub address: SocketAddr,
    /// How long requests under way may take to finish once the server was asked to stop.
    pub drain: Duration,
    /// How long new requests are still served after readiness turned false, so that a load balancer can notice.
    pub notice: Duration,
    /// Largest request body.
    pub max_body_bytes: usize,
    /// Largest request head: path and headers together.
    pub max_head_bytes: usize,
    /// How long reading a body, and then answering it, may each take.
    pub request_timeout: Duration,
    /// How long a connection may stay idle or take to send a request's head.
    pub idle_timeout: Duration,
    /// Requests to models under way at once; one more is answered 429.
    pub max_in_flight: usize,
    /// Open connections; one more is answered 503 and closed.
    pub max_connections: usize,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            drain: Duration::from_secs(20),
            notice: Duration::from_millis(500),
            max_body_bytes: 32 * 1024 * 1024,
            max_head_bytes: 16 * 1024,
            request_timeout: Duration::from_secs(30),
            // Above the 60 s that load balancers keep idle connections, so that they close first.
            idle_timeout: Duration::from_secs(75),
            max_in_flight: 256,
            max_connections: 4096,
        }
    }
}

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
            ServeError::Signals(_) => Self::new(what, "", "Close other programs and try again."),
        }
    }
}
