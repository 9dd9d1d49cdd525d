//! The front end of the build that only serves: the smallest image, `serve` and `health` and nothing else.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Handle;

use super::serve;
use super::serve_args::{HealthArgs, ServeArgs};

/// Serve a trained ONNX model; this build of Trestle does nothing else.
#[derive(Debug, Parser)]
#[command(name = "trestle", version, about = "Serve a trained ONNX model; this build of Trestle does nothing else")]
#[command(after_help = "Exit code: 0 done, 1 not ready (health), 2 it could not be done.")]
pub struct SmallCli {
    /// What to do.
    #[command(subcommand)]
    pub command: SmallAction,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum SmallAction {
    /// Serve a model over HTTP.
    Serve(ServeArgs),
    /// Ask a server whether it is ready.
    Health(HealthArgs),
}

impl SmallAction {
    /// The arguments of `serve`, if that is asked for.
    pub fn serve(&self) -> Option<&ServeArgs> {
        match self {
            Self::Serve(args) => Some(args),
            Self::Health(_) => None,
        }
    }
}

/// Runs one command.
pub fn run(action: SmallAction, runtime: &Handle) -> ExitCode {
    match action {
        SmallAction::Serve(args) => serve::serve(runtime, args),
        SmallAction::Health(args) => serve::health(runtime, args),
    }
}
