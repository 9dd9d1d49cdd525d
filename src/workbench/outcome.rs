//! What jobs give back, and the place each belongs to.

use semver::Version;

use super::container::Exported;
use super::model::Tried;
use crate::command::DataRole;
use crate::model::{Examination, GoldenCheck};
use crate::package::{ChosenExecutable, EngineInfo};
use crate::project::deployment::{Deployed, Pushed};
use crate::project::documents::{DataFile, Evidence, FeatureContract, GoldenRows};
use crate::project::reports::{BenchmarkReport, DriftReport, EvaluationReport, PackageReport, ProfileReport};
use crate::project::running::{ContainerAction, ContainerInfo};
use crate::readiness::Probe;
use crate::step::Step;

/// A kind of job; one of a kind runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Examine,
    Try,
    Golden,
    Benchmark,
    Profile,
    Evaluate,
    Probe,
    Drift,
    Engine,
    Executable,
    Build,
    Export,
    Run,
    List,
    Act,
    Watch,
    Push,
    Deploy,
}

impl Slot {
    pub(super) const ALL: [Self; 18] = [
        Self::Examine,
        Self::Try,
        Self::Golden,
        Self::Benchmark,
        Self::Profile,
        Self::Evaluate,
        Self::Probe,
        Self::Drift,
        Self::Engine,
        Self::Executable,
        Self::Build,
        Self::Export,
        Self::Run,
        Self::List,
        Self::Act,
        Self::Watch,
        Self::Push,
        Self::Deploy,
    ];

    pub(super) fn step(self) -> Step {
        match self {
            Self::Examine | Self::Try | Self::Golden | Self::Profile | Self::Evaluate => Step::Model,
            Self::Benchmark => Step::Benchmark,
            Self::Probe => Step::Readiness,
            Self::Drift => Step::Drift,
            Self::Engine
            | Self::Executable
            | Self::Build
            | Self::Export
            | Self::Run
            | Self::List
            | Self::Act
            | Self::Watch
            | Self::Push
            | Self::Deploy => Step::Container,
        }
    }

    /// Whether its result is evidence, or may stand on hashes that the probes have not seen yet.
    pub(super) fn changes_evidence(self) -> bool {
        match self {
            Self::Examine | Self::Golden | Self::Benchmark | Self::Evaluate | Self::Drift | Self::Build => true,
            Self::Try | Self::Profile | Self::Probe | Self::Engine | Self::Executable | Self::Export => false,
            Self::Run | Self::List | Self::Act | Self::Watch | Self::Push | Self::Deploy => false,
        }
    }

    /// Whether it goes on until somebody looks away, and is no work to wait for.
    pub(super) fn is_watching(self) -> bool {
        self == Self::Watch
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Examine => "Adding the model",
            Self::Try => "The trial",
            Self::Golden => "The golden rows",
            Self::Benchmark => "The benchmark",
            Self::Profile => "The profile",
            Self::Evaluate => "The evaluation",
            Self::Probe => "Looking at the evidence",
            Self::Drift => "The comparison",
            Self::Engine => "Looking for an engine",
            Self::Executable => "Looking at the executable",
            Self::Build => "The build",
            Self::Export => "The export",
            Self::Run => "The run",
            Self::List => "Listing the containers",
            Self::Act => "The work on the container",
            Self::Watch => "Looking at the containers",
            Self::Push => "The push",
            Self::Deploy => "The deployment",
        }
    }
}

/// A job's result.
#[derive(Debug)]
pub(super) enum Outcome {
    Examined {
        examination: Box<Examination>,
        evidence: Evidence,
        why: String,
    },
    Tried(Box<Tried>),
    GoldenChecked(GoldenCheck),
    GoldenMade {
        version: Version,
        golden: GoldenRows,
        check: GoldenCheck,
    },
    FeaturesLearned(FeatureContract),
    EngineFound(EngineInfo),
    ExecutableSeen(Box<ChosenExecutable>),
    Benchmarked(Box<BenchmarkReport>),
    Profiled(Box<ProfileReport>),
    Evaluated(Box<EvaluationReport>),
    Probed(Box<Probe>),
    DataRead {
        role: DataRole,
        file: DataFile,
    },
    Compared(Box<DriftReport>),
    Built(Box<PackageReport>),
    Exported(Exported),
    Ran(Box<ContainerInfo>),
    Listed(Vec<ContainerInfo>),
    Acted(ContainerAction, Box<ContainerInfo>),
    Cleaned(usize),
    /// Nobody looks any more.
    LookedAway,
    Pushed(Box<Pushed>),
    Deployed(Box<Deployed>),
}
