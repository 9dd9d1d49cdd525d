//! Everything a person or a pipeline can ask for, as one enum.
//!
//! The window, the command line and the tests send the same commands. What the window calls a command, why it may
//! not be had now, and its keys stand in one table, `gui::actions`, so that menu, palette and keyboard cannot disagree.

use std::path::PathBuf;

use jiff::civil::Date;
use semver::Version;

use crate::project::DocumentKind;
use crate::project::brief::{Brief, Stated, Understand};
use crate::project::deployment::DeployRequest;
use crate::project::documents::{Feature, ProjectConfig, Value};
use crate::project::running::{ContainerAction, RunSettings};
use crate::step::JobId;

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// Dockerfile and archives, as one archive that `docker build -` takes.
    Context,
    /// The image itself, in one file that `docker load` and OCI tools take.
    Image,
    /// Dockerfile and archives that compile the server from Trestle's sources.
    Source,
    /// A Compose file.
    Compose,
    /// Kubernetes manifests.
    Kubernetes,
    /// A KServe InferenceService.
    Kserve,
    /// The bill of materials, as CycloneDX.
    Sbom,
}

impl ExportKind {
    /// Every kind, in the order of a menu.
    pub const ALL: [Self; 7] =
        [Self::Image, Self::Context, Self::Source, Self::Compose, Self::Kubernetes, Self::Kserve, Self::Sbom];

    /// A name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Image => "image",
            Self::Source => "source",
            Self::Compose => "compose",
            Self::Kubernetes => "kubernetes",
            Self::Kserve => "kserve",
            Self::Sbom => "sbom",
        }
    }

    /// The kind of that name.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }

    /// What it is, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Context => "Build context (tar)",
            Self::Image => "Image as a file (OCI and docker load)",
            Self::Source => "Build context that compiles the server (tar)",
            Self::Compose => "Compose file",
            Self::Kubernetes => "Kubernetes manifests",
            Self::Kserve => "KServe InferenceService",
            Self::Sbom => "Bill of materials (CycloneDX)",
        }
    }

    /// What it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Context => "For a machine with an engine: docker build - < FILE",
            Self::Image => "For a machine without Trestle: docker load -i FILE, podman load -i FILE, or any OCI tool",
            Self::Source => {
                "For an engine of another architecture: BuildKit compiles Trestle's sources; the Dockerfile says how"
            }
            Self::Compose => "One locked-down service for docker compose",
            Self::Kubernetes => "Deployment, Service, autoscaler and disruption budget, sized by the benchmark",
            Self::Kserve => "The server as a predictor that speaks the Open Inference Protocol",
            Self::Sbom => {
                "What is in the image, with hashes and licences, for scanners and audits; the image has it too"
            }
        }
    }

    /// The name a file of it gets when nobody chooses one.
    pub fn file_name(self, slug: &str, version: &Version) -> String {
        match self {
            Self::Context => format!("{slug}-{version}-context.tar"),
            Self::Image => format!("{slug}-{version}.tar"),
            Self::Source => format!("{slug}-{version}-source.tar"),
            Self::Compose => "compose.yaml".to_owned(),
            Self::Kubernetes => format!("{slug}-kubernetes.yaml"),
            Self::Kserve => format!("{slug}-kserve.yaml"),
            Self::Sbom => format!("{slug}-{version}.cdx.json"),
        }
    }
}

/// Which part of a version number is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// Features or output format changed.
    Major,
    /// Same contract, another model.
    Minor,
    /// Only preprocessing or metadata changed.
    Patch,
}

impl Bump {
    /// The version after `version`.
    pub fn apply(self, version: &Version) -> Version {
        match self {
            Self::Major => Version::new(version.major + 1, 0, 0),
            Self::Minor => Version::new(version.major, version.minor + 1, 0),
            Self::Patch => Version::new(version.major, version.minor, version.patch + 1),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Patch => "patch",
        }
    }
}

/// How long is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BenchmarkLength {
    /// A few seconds.
    Quick,
    /// Half a minute.
    #[default]
    Standard,
    /// Five minutes.
    Long,
}

impl BenchmarkLength {
    /// Every length.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Standard, Self::Long];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Long => "long",
        }
    }

    /// Seconds that are measured and warmed up in all.
    pub fn seconds(self) -> f64 {
        match self {
            Self::Quick => 3.0,
            Self::Standard => 30.0,
            Self::Long => 300.0,
        }
    }
}

/// What is measured, where the defaults are not wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BenchmarkRequest {
    /// How long is measured.
    pub length: BenchmarkLength,
    /// Seconds in place of those of `length`.
    pub seconds: Option<f64>,
    /// Rows a request, one run each; empty takes 1, 32 and the brief's.
    pub batches: Vec<u32>,
    /// Threads that one run of the model uses, each with every batch; empty takes 1.
    pub threads: Vec<u32>,
}

/// What is taken as golden rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GoldenImport {
    /// The file with the predictions, and with the features unless `rows` has them.
    pub predictions: PathBuf,
    /// A file with the features, when they are in one of their own.
    pub rows: Option<PathBuf>,
    /// The column that names a row in both files; without it, the rows are in the same order.
    pub id: Option<String>,
    /// Largest difference that agrees.
    pub tolerance: Option<f64>,
}

impl From<PathBuf> for GoldenImport {
    fn from(predictions: PathBuf) -> Self {
        Self { predictions, ..Self::default() }
    }
}

impl From<BenchmarkLength> for BenchmarkRequest {
    fn from(length: BenchmarkLength) -> Self {
        Self { length, ..Self::default() }
    }
}

/// What is profiled, where the defaults are not wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileOptions {
    /// Rows a call; 1 without it.
    pub batch: Option<u32>,
    /// A file of rows in place of the reference data.
    pub rows: Option<PathBuf>,
    /// How often the model is called; without it for some seconds.
    pub calls: Option<u64>,
}

/// What a data file is to the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataRole {
    /// What the model was trained to expect.
    Reference,
    /// What it sees now.
    Current,
    /// Held-out rows with the true answer.
    Labelled,
}

impl DataRole {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Current => "current",
            Self::Labelled => "labelled",
        }
    }
}

/// A question of the brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BriefField {
    /// What problem does the model solve.
    Problem,
    /// Who is the end user.
    EndUser,
    /// What data is needed.
    Data,
    /// Expected input.
    Input,
    /// Expected output.
    Output,
    /// Latency per prediction.
    Latency,
    /// How often it is trained again.
    Retraining,
    /// Success metric.
    Success,
    /// What belongs to the project.
    InScope,
    /// What does not.
    OutOfScope,
    /// The simplest model of use.
    MinimumViableModel,
}

impl BriefField {
    /// Every question: the eight, then scope and the minimum viable model.
    pub const ALL: [Self; 11] = [
        Self::Problem,
        Self::EndUser,
        Self::Data,
        Self::Input,
        Self::Output,
        Self::Latency,
        Self::Retraining,
        Self::Success,
        Self::InScope,
        Self::OutOfScope,
        Self::MinimumViableModel,
    ];

    /// A name for undo and for the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::EndUser => "end_user",
            Self::Data => "data",
            Self::Input => "input",
            Self::Output => "output",
            Self::Latency => "latency",
            Self::Retraining => "retraining",
            Self::Success => "success",
            Self::InScope => "in_scope",
            Self::OutOfScope => "out_of_scope",
            Self::MinimumViableModel => "minimum_viable_model",
        }
    }

    /// The answer in words.
    pub fn words(self, brief: &Brief) -> &str {
        match self {
            Self::Problem => &brief.problem,
            Self::EndUser => &brief.end_user,
            Self::Data => &brief.data,
            Self::Input => &brief.input.words,
            Self::Output => &brief.output.words,
            Self::Latency => &brief.latency.words,
            Self::Retraining => &brief.retraining.words,
            Self::Success => &brief.success.words,
            Self::InScope => &brief.in_scope,
            Self::OutOfScope => &brief.out_of_scope,
            Self::MinimumViableModel => &brief.minimum_viable_model,
        }
    }

    /// What was understood, in words; `None` for answers that hold no value.
    pub fn understood(self, brief: &Brief) -> Option<String> {
        match self {
            Self::Input => brief.input.understood(),
            Self::Output => brief.output.understood(),
            Self::Latency => brief.latency.understood(),
            Self::Retraining => brief.retraining.understood(),
            Self::Success => brief.success.understood(),
            Self::Problem
            | Self::EndUser
            | Self::Data
            | Self::InScope
            | Self::OutOfScope
            | Self::MinimumViableModel => None,
        }
    }

    /// Answers the question in words; values are understood from them.
    pub fn answer(self, brief: &mut Brief, words: String) {
        fn state<T: Understand + PartialEq>(place: &mut Stated<T>, words: String) {
            *place = Stated::from_words(words);
        }
        match self {
            Self::Problem => brief.problem = words,
            Self::EndUser => brief.end_user = words,
            Self::Data => brief.data = words,
            Self::Input => state(&mut brief.input, words),
            Self::Output => state(&mut brief.output, words),
            Self::Latency => state(&mut brief.latency, words),
            Self::Retraining => state(&mut brief.retraining, words),
            Self::Success => state(&mut brief.success, words),
            Self::InScope => brief.in_scope = words,
            Self::OutOfScope => brief.out_of_scope = words,
            Self::MinimumViableModel => brief.minimum_viable_model = words,
        }
    }
}

/// One thing asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Open the project in a folder.
    OpenProject(PathBuf),
    /// Make a project in a folder and open it.
    NewProject {
        /// The folder, empty or absent.
        root: PathBuf,
        /// Its name for people.
        name: String,
    },
    /// Make a copy of the churn example in a folder and open it.
    NewFromExample(PathBuf),
    /// Open the person's own copy of the example, made when it is not there yet.
    OpenExample,
    /// Close the project.
    CloseProject,
    /// Answer a question of the brief.
    AnswerBrief(BriefField, String),
    /// Replace the project's settings.
    SetConfig(ProjectConfig),
    /// Replace the feature at a position.
    SetFeature(usize, Feature),
    /// End the running edit, so that undo treats the next one apart.
    SettleEdit,
    /// Take back the last edit.
    Undo,
    /// Make the edit that was taken back again.
    Redo,
    /// Save now; saving is otherwise automatic.
    Save,
    /// Take a document as another program left it.
    Reload(DocumentKind),
    /// Replace what another program wrote with what is in memory.
    KeepMine(DocumentKind),
    /// Complete the registrations that a crash interrupted.
    CompleteUnfinished,
    /// Examine an ONNX file and register it as a version.
    AddModel {
        /// The file.
        source: PathBuf,
        /// The part to raise; `None` takes the proposal.
        bump: Option<Bump>,
        /// Why, in words.
        why: String,
    },
    /// Work on a version, or on the champion.
    SelectVersion(Option<Version>),
    /// Let an alias stand for a version.
    SetAlias {
        /// The alias.
        alias: String,
        /// The version.
        version: Version,
        /// Why, in words.
        why: String,
    },
    /// Learn the feature contract anew from the reference data.
    LearnFeatures,
    /// Ask the selected version one row, in feature order.
    TryRow(Vec<Value>),
    /// Run the golden rows on the selected version here.
    CheckGolden,
    /// Replace the golden rows: by the answers of this model, or by a file of the training framework's predictions.
    MakeGolden {
        /// A table of features and predictions.
        from: Option<PathBuf>,
    },
    /// Replace the golden rows by the training framework's predictions, from one file or two.
    ImportGolden(GoldenImport),
    /// Keep a row that was tried as a golden row.
    KeepAsGolden(Vec<Value>),
    /// Measure how fast the selected version answers.
    RunBenchmark(BenchmarkLength),
    /// Measure it with batch sizes or a duration of one's own.
    RunBenchmarkOf(BenchmarkRequest),
    /// Time the selected version step by step, and count what each operator costs.
    RunProfile(ProfileOptions),
    /// Ask the selected version the labelled rows.
    Evaluate,
    /// Compare the current data with the reference.
    CompareData,
    /// Look at what the readiness checklist stands on.
    CheckReadiness,
    /// Say that an item of the checklist is met.
    Attest {
        /// The item.
        item: String,
        /// How that is known.
        note: String,
    },
    /// Accept for a while that an item is not met.
    Waive {
        /// The item.
        item: String,
        /// Why it may wait.
        reason: String,
        /// Who answers for it; `None` is whoever asks.
        owner: Option<String>,
        /// The last day it holds.
        expires: Date,
    },
    /// Take back what was said about an item, attestation and waiver alike.
    Withdraw {
        /// The item.
        item: String,
        /// Why.
        why: String,
    },
    /// Declare a data file, relative to the project or absolute.
    UseData(DataRole, PathBuf),
    /// Look for a container engine.
    FindEngine,
    /// Package this executable from now on; `None` takes the smallest that is at hand.
    ChooseExecutable(Option<PathBuf>),
    /// Build, verify and tag an image of the selected version.
    BuildImage {
        /// The whole reference; `None` is `<slug>:<version>`.
        tag: Option<String>,
    },
    /// Write what describes or holds the image of the selected version to a file; no engine is needed.
    ExportImage {
        /// What is written.
        kind: ExportKind,
        /// Where to.
        target: PathBuf,
        /// The whole reference; `None` is `<slug>:<version>`.
        tag: Option<String>,
    },
    /// Run the image of the selected version in a container.
    RunImage(RunSettings),
    /// List the containers of Trestle's images, of every project.
    ListContainers,
    /// Do something with a container, told by its name or identity.
    ActOnContainer(ContainerAction, String),
    /// Remove what dead processes left: containers and images of builds, and containers that were never started.
    CleanContainers,
    /// Look at the containers from now on, and at the log and the use of the one of this identity.
    WatchContainers(Option<String>),
    /// Look at the containers no more.
    LeaveContainers,
    /// Push the verified image of the selected version to a registry.
    PushImage {
        /// The whole reference there.
        to: String,
    },
    /// Do something about the service on a swarm.
    Deploy(DeployRequest),
    /// Stop a job.
    Cancel(JobId),
    /// Forget a job's failure.
    Dismiss(crate::step::Step),
}
