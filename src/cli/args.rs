//! The command line as data.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::command::Bump;

/// Carry a trained model across the gap between a notebook and production.
#[derive(Debug, Parser)]
#[command(name = "trestle", version, about, args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Exit code: 0 done and the verdict passes, 1 a verdict fails, 2 it could not be done, 130 cancelled."
)]
pub struct Cli {
    /// The project to open in the window; without one: this folder, else ./projects/churn, else the start page.
    pub project: Option<PathBuf>,
    /// What to do without the window.
    #[command(subcommand)]
    pub command: Option<Action>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Make a project, or a copy of the example.
    New {
        /// The folder, empty or absent.
        dir: PathBuf,
        /// Copy the churn example.
        #[arg(long)]
        example: bool,
        /// The project's name for people; the folder's name without it.
        #[arg(long, conflicts_with = "example")]
        name: Option<String>,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the brief: what was answered, what was understood, what is missing.
    Brief {
        /// The project.
        dir: PathBuf,
        /// Print it as Markdown.
        #[arg(long)]
        markdown: bool,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Read a model file: contract, operators, and whether it would be refused.
    Inspect {
        /// The ONNX file.
        model: PathBuf,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Register a model as a version.
    Add {
        /// The project.
        dir: PathBuf,
        /// The ONNX file.
        model: PathBuf,
        /// Raise this part of the version instead of the proposed one.
        #[arg(long)]
        bump: Option<BumpArg>,
        /// Why, for the ledger.
        #[arg(long, default_value = "")]
        why: String,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Let a name stand for a version.
    Alias {
        /// The project.
        dir: PathBuf,
        /// The alias, such as champion.
        name: String,
        /// The version or another alias.
        target: String,
        /// Why, for the ledger.
        #[arg(long, default_value = "")]
        why: String,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Ask the golden rows, or take them from the training framework's predictions.
    Golden {
        /// The project.
        dir: PathBuf,
        /// A CSV file of features and predictions.
        #[arg(long)]
        from: Option<PathBuf>,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Score the rows of a file.
    Predict {
        /// A project or an ONNX file.
        model: PathBuf,
        /// Rows as CSV, JSON lines or Parquet.
        #[arg(long)]
        input: PathBuf,
        /// Where the scored rows go, CSV or JSON lines; standard output without it.
        #[arg(long = "output")]
        output_file: Option<PathBuf>,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Build an image, verify it in a container, and tag it.
    Build {
        /// The project.
        dir: PathBuf,
        /// The whole reference; `<slug>:<version>` without it.
        #[arg(long)]
        tag: Option<String>,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Serve a model over HTTP.
    Serve {
        /// A project or an ONNX file.
        model: PathBuf,
        /// Where to listen; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:8080")]
        address: SocketAddr,
        /// Seconds that running requests get to finish after SIGTERM.
        #[arg(long, default_value_t = 10)]
        drain: u64,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
    },
    /// Ask a server whether it is ready.
    Health {
        /// The address to ask, such as `http://127.0.0.1:8080/v2/health/ready`.
        url: String,
    },
    /// Render every page to PNG.
    #[cfg(feature = "pictures")]
    Pictures {
        /// The folder for the pictures.
        out: PathBuf,
    },
    /// Run models for another process; not for people.
    #[command(hide = true)]
    Worker,
}

/// How results are printed.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct OutputArgs {
    /// Print exactly one JSON object on standard output.
    #[arg(long)]
    pub json: bool,
}

/// Which version is meant.
#[derive(Args, Clone, Debug, Default)]
pub struct VersionArgs {
    /// A version or an alias; the champion without it.
    #[arg(long = "version", value_name = "VERSION")]
    pub version: Option<String>,
}

/// A part of the version number.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum BumpArg {
    /// Features or output format changed.
    Major,
    /// Same contract, another model.
    Minor,
    /// Only preprocessing or metadata changed.
    Patch,
}

impl From<BumpArg> for Bump {
    fn from(bump: BumpArg) -> Self {
        match bump {
            BumpArg::Major => Self::Major,
            BumpArg::Minor => Self::Minor,
            BumpArg::Patch => Self::Patch,
        }
    }
}
