//! The command line as data.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::deploy::DeployArgs;
use super::running::{ContainersArgs, RunArgs};
pub(super) use super::serve_args::{HealthArgs, OutputArgs, ServeArgs};
use crate::command::{Bump, ExportKind};

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
    /// Read a model file: contract, operators, and whether it would be refused; other formats are told how to be converted.
    Inspect {
        /// The ONNX file, or a model of another framework.
        model: PathBuf,
        /// Print nothing but the Python program that converts a model of another framework.
        #[arg(long, conflicts_with = "json")]
        script: bool,
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
        /// What is taken from the training framework.
        #[command(flatten)]
        golden: GoldenArgs,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Ask a version the labelled rows, and judge its metrics by the brief.
    Evaluate {
        /// The project.
        dir: PathBuf,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Score the rows of a file, of any size.
    ///
    /// Every row of the input is one row of the output, in the same order. A row that cannot be scored keeps its
    /// cells and gets the reason in the column `error`. Ended in the middle, the same command goes on where it was,
    /// unless the output is Parquet.
    #[command(
        after_help = "Exit code: 0 rows were scored, perhaps not all of them (see the column error, or `failed` \
                            with --json), 2 none could be, 130 cancelled."
    )]
    Predict(PredictArgs),
    /// Measure how fast a version answers, and hold it against the brief's limit.
    Bench {
        /// A project or an ONNX file; a file is measured on one made-up row, and nothing is kept.
        #[arg(value_name = "DIR|MODEL.onnx")]
        place: PathBuf,
        /// What is measured.
        #[command(flatten)]
        bench: BenchArgs,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Time a version step by step, and count what each operator costs: arithmetic, bytes, memory.
    Profile {
        /// A project or an ONNX file; of a file nothing is kept.
        #[arg(value_name = "DIR|MODEL.onnx")]
        place: PathBuf,
        /// What is profiled.
        #[command(flatten)]
        profile: ProfileArgs,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Compare current data with the reference: the project's, or two files.
    #[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["dir", "reference", "current"])))]
    Drift(DriftArgs),
    /// Look at what production asks: the checklist with its evidence, and the brief's limits.
    Check {
        /// The project.
        dir: PathBuf,
        /// Print it as Markdown, for a reviewer.
        #[arg(long)]
        markdown: bool,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Say that an item of the checklist is met; it goes stale with what it was said about.
    Attest {
        /// The project.
        dir: PathBuf,
        /// The item, such as unit-tests.
        item: String,
        /// How that is known.
        #[arg(long, value_name = "TEXT")]
        note: String,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Accept for a while that an item of the checklist or a limit of the brief is not met.
    Waive {
        /// The project.
        dir: PathBuf,
        /// The item, such as unit-tests or brief.latency.
        item: String,
        /// Why it may wait.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The last day it holds, at most a year from now.
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: String,
        /// Who answers for it; whoever waives it without one.
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Take back what was attested and waived about an item.
    Withdraw {
        /// The project.
        dir: PathBuf,
        /// The item.
        item: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        why: String,
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
        /// What the image runs.
        #[command(flatten)]
        runs: ExecutableArgs,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Write the image, or what describes its deployment, to a file; no engine is needed.
    Export {
        /// The project.
        dir: PathBuf,
        /// What is written.
        #[arg(value_parser = PossibleValuesParser::new(ExportKind::ALL.map(ExportKind::id)))]
        kind: String,
        /// Where to; a folder gets a file of the usual name.
        out: PathBuf,
        /// The whole reference; `<slug>:<version>` without it.
        #[arg(long)]
        tag: Option<String>,
        /// What the image runs.
        #[command(flatten)]
        runs: ExecutableArgs,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Run the image of a version in a container, and wait until it is ready; it then works on by itself.
    Run(RunArgs),
    /// List, stop, start and look at the containers of Trestle's images.
    Containers(ContainersArgs),
    /// Push the verified image to a registry, with the credentials of the docker command line.
    Push {
        /// The project.
        dir: PathBuf,
        /// The whole reference in the registry, such as `registry.example/team/churn:1.0.0`.
        #[arg(long, value_name = "REF")]
        to: String,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Run the verified image as a service of a Docker swarm; the service is created, or updated task by task.
    #[command(after_help = "Exit code: 0 every task runs and answers, 1 it was rolled back, withdrawn or does not \
                            answer, 2 it could not be done, 130 cancelled.")]
    Deploy {
        /// The project.
        dir: PathBuf,
        /// What is to be done.
        #[command(flatten)]
        deploy: DeployArgs,
        /// Which version is meant.
        #[command(flatten)]
        which: VersionArgs,
        /// How the result is printed.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Serve a model over HTTP.
    Serve(ServeArgs),
    /// Ask a server whether it is ready.
    Health(HealthArgs),
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

/// What is scored, and into what.
#[derive(Args, Clone, Debug)]
pub struct PredictArgs {
    /// A project or an ONNX file.
    pub model: PathBuf,
    /// Rows as CSV, JSON lines or Parquet; `-` is standard input, as CSV or JSON lines.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Where the scored rows go: .csv, .jsonl or .parquet; standard output without it, or with `-`.
    ///
    /// Parquet keeps the types of Parquet; the cells of CSV and JSON lines are text in it.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The form of what goes to standard output.
    #[arg(long, value_enum, default_value_t = FormArg::Csv)]
    pub format: FormArg,
    /// Columns of the input that are kept; all without it.
    #[arg(long, value_name = "COL,…", value_delimiter = ',', conflicts_with = "only_predictions")]
    pub keep: Vec<String>,
    /// Keep no column of the input.
    #[arg(long)]
    pub only_predictions: bool,
    /// Rows that the model is asked at a time.
    #[arg(long, value_name = "ROWS", default_value_t = crate::scoring::DEFAULT_BATCH, value_parser = batch)]
    pub batch: usize,
    /// Start anew where an earlier run was ended in the middle.
    #[arg(long)]
    pub restart: bool,
    /// Milliseconds between commits of what was written.
    #[arg(long, default_value_t = 3_000, hide = true)]
    pub commit_millis: u64,
    /// Stop moving after so many batches, for tests.
    #[arg(long, hide = true)]
    pub hang_after: Option<u64>,
    /// Which version is meant.
    #[command(flatten)]
    pub which: VersionArgs,
    /// How the summary is printed.
    #[command(flatten)]
    pub report: OutputArgs,
}

fn batch(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("a batch has at least one row".to_owned()),
        Ok(n) => Ok(n),
        Err(error) => Err(format!("{error}")),
    }
}

/// A form of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormArg {
    /// Comma-separated values.
    Csv,
    /// A JSON object per line.
    Jsonl,
}

/// What is compared.
#[derive(Args, Clone, Debug)]
pub struct DriftArgs {
    /// The project.
    #[arg(conflicts_with_all = ["reference", "current", "target", "prediction", "time", "id", "categorical", "numeric"])]
    pub dir: Option<PathBuf>,
    /// What a model was trained to expect: CSV, JSON lines or Parquet.
    #[arg(long, requires = "current")]
    pub reference: Option<PathBuf>,
    /// What it sees now.
    #[arg(long, requires = "reference")]
    pub current: Option<PathBuf>,
    /// The column with the true answer.
    #[arg(long, value_name = "COL")]
    pub target: Option<String>,
    /// The column with a model's answer.
    #[arg(long, value_name = "COL")]
    pub prediction: Option<String>,
    /// The column with the time of a row; it is not compared.
    #[arg(long, value_name = "COL")]
    pub time: Option<String>,
    /// The column that names a row; it is not compared.
    #[arg(long, value_name = "COL")]
    pub id: Option<String>,
    /// Columns whose values are names of things, whatever they look like.
    #[arg(long, value_name = "COL,…", value_delimiter = ',')]
    pub categorical: Vec<String>,
    /// Columns whose values are numbers on a scale.
    #[arg(long, value_name = "COL,…", value_delimiter = ',')]
    pub numeric: Vec<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What is taken from the training framework.
#[derive(Args, Clone, Debug, Default)]
pub struct GoldenArgs {
    /// A table of features and predictions: CSV, JSON lines or Parquet.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// A table with the features, when they are not in the other one; row by row the same, or matched by --id.
    #[arg(long, value_name = "FILE", requires = "from")]
    pub rows: Option<PathBuf>,
    /// The column that names a row in both tables.
    #[arg(long, value_name = "COL", requires = "rows")]
    pub id: Option<String>,
    /// Largest difference that still agrees, for scores up to 1; of larger ones, the share. 1e-4 without it.
    #[arg(long, value_name = "NUMBER", requires = "from")]
    pub tolerance: Option<f64>,
}

/// What is measured, and for how long.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct BenchArgs {
    /// Measure for about 3 seconds.
    #[arg(long, group = "length")]
    pub quick: bool,
    /// Measure for about 30 seconds; this is the default.
    #[arg(long, group = "length")]
    pub standard: bool,
    /// Measure for about 5 minutes.
    #[arg(long, group = "length")]
    pub long: bool,
    /// Measure for so many seconds.
    #[arg(long, group = "length", hide = true)]
    pub seconds: Option<f64>,
    /// Measure nothing: judge the last benchmark of this version by the brief as it is now.
    #[arg(long, group = "length", conflicts_with = "batch")]
    pub last: bool,
    /// Rows a request, one run each; without it 1, 32 and the brief's.
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    pub batch: Vec<u32>,
    /// Threads that one run of the model uses, each with every batch; 1 without it. The brief is judged by the first.
    #[arg(long, value_delimiter = ',', value_name = "N,N", conflicts_with = "last")]
    pub threads: Vec<u32>,
}

/// What is profiled.
#[derive(Args, Clone, Debug, Default)]
pub struct ProfileArgs {
    /// Rows a call.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: u32,
    /// Rows to call it with, as CSV, JSON lines or Parquet; without it the reference data, else a made-up row.
    #[arg(long, value_name = "FILE")]
    pub rows: Option<PathBuf>,
    /// How often it is called; without it for about 3 seconds.
    #[arg(long, value_name = "N")]
    pub calls: Option<u64>,
    /// How many of the costliest steps are listed.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// Run nothing: show the last profile of this version.
    #[arg(long, conflicts_with_all = ["batch", "rows", "calls"])]
    pub last: bool,
}

/// Which version is meant.
#[derive(Args, Clone, Debug, Default)]
pub struct VersionArgs {
    /// A version or an alias; the champion without it.
    #[arg(long = "version", value_name = "VERSION")]
    pub version: Option<String>,
}

/// What an image runs.
#[derive(Args, Clone, Debug, Default)]
pub struct ExecutableArgs {
    /// Package this build of Trestle for Linux; without it `trestle-serve` beside this program, else this program.
    #[arg(long, value_name = "PATH")]
    pub executable: Option<PathBuf>,
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
