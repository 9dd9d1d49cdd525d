//! The report of a benchmark.

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::Judgement;
use crate::project::documents::Evidence;

/// `reports/benchmark/<time>.ron`: how fast a version answers on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkReport {
    /// When it started.
    pub time: Timestamp,
    /// The version measured.
    pub version: Version,
    /// How long was measured: `quick`, `standard` or `long`.
    pub preset: String,
    /// What lies between the clock and the model.
    pub scope: Scope,
    /// The machine.
    pub machine: Machine,
    /// Where the rows come from: `256 rows of data/reference.csv`.
    pub rows: String,
    /// What else is to be known about the measurement, each in one sentence without a period.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Loading and preparing the model, in milliseconds.
    pub load_ms: f64,
    /// The first answer after loading, in milliseconds.
    pub first_call_ms: f64,
    /// Peak resident memory of the process that ran the model; `None` where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// One run a batch size, in the order they were made.
    pub runs: Vec<BenchmarkRun>,
    /// Hashes of what was measured.
    pub evidence: Evidence,
    /// What it came to under the brief of its time.
    pub judged: Judgement,
}

/// What lies between the clock and the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// The model alone, timed inside the process that runs it.
    InProcess,
    /// `trestle serve` on this machine.
    Serve,
    /// The container.
    Container,
}

impl Scope {
    /// A name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::InProcess => "in_process",
            Self::Serve => "serve",
            Self::Container => "container",
        }
    }
}

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scenario {
    /// Each request is sent when the one before was answered.
    ClosedLoop,
}

impl Scenario {
    /// A name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::ClosedLoop => "closed_loop",
        }
    }
}

/// The machine a measurement was made on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Operating system and architecture: `linux x86_64`.
    pub system: String,
    /// The processor's name.
    pub processor: String,
    /// Logical processors.
    pub n_processors: u32,
    /// Memory.
    pub memory_bytes: u64,
    /// Version of Trestle, and how it was built when that was not for release.
    pub trestle: String,
}

impl Machine {
    /// Whether measurements on the two can be compared; the memory a system offers changes with its kernel.
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |machine: &Self| {
            (machine.system.clone(), machine.processor.clone(), machine.n_processors, machine.trestle.clone())
        };
        key(self) == key(other)
    }
}

/// One run of a benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkRun {
    /// How requests follow each other.
    pub scenario: Scenario,
    /// Rows a request.
    pub batch: u32,
    /// Threads that run the model.
    pub threads: u32,
    /// Requests that were not counted, because they warmed up.
    pub n_warm_up: u64,
    /// Requests measured.
    pub n: u64,
    /// Time measured, in seconds.
    pub seconds: f64,
    /// Requests and seconds of each window that the time was divided into.
    #[serde(default)]
    pub windows: Vec<(u64, f64)>,
    /// The whole distribution in nanoseconds: an HDR histogram in its V2 format, compressed, in base 64.
    pub histogram: String,
    /// p50, p90, p95, p99 and the maximum in milliseconds, for readers of the file; pages read the histogram.
    pub percentiles_ms: [f64; 5],
}
