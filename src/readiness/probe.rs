//! Looking at what is there: hashes, version control, dependencies. Slow, so it belongs in a job.

use std::path::PathBuf;

use jiff::Timestamp;
use semver::Version;

use super::dependencies::{self, Dependencies};
use super::version_control::{self, VersionControl};
use crate::jobs::{JobContext, JobError};
use crate::problem::Problem;
use crate::project::documents::Evidence;
use crate::project::git::Git;
use crate::project::{DocumentKind, DocumentState, Project};

/// What the probes saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// When they looked.
    pub time: Timestamp,
    /// The version they looked at.
    pub version: Option<Version>,
    /// Hashes of what is there.
    pub evidence: Evidence,
    /// What git says.
    pub version_control: VersionControl,
    /// What the code needs.
    pub dependencies: Dependencies,
}

/// What is looked at.
#[derive(Clone, Debug)]
pub struct ProbeRequest {
    /// The project folder.
    pub root: PathBuf,
    /// The version.
    pub version: Option<Version>,
    /// The git to ask.
    pub git: Git,
    /// Hashes of code, model and data that are still good, when only documents were saved since.
    pub known: Option<Evidence>,
}

/// Looks at everything, from disk; changes nothing.
pub fn probe(request: &ProbeRequest, time: Timestamp, context: &JobContext) -> Result<Probe, JobError> {
    context.progress(None, "Reading the project");
    // The project is read anew: this thread may not touch the one on display.
    let project = Project::open(&request.root).map_err(Problem::from)?;
    let version = request.version.as_ref().and_then(|version| project.version(version));
    let evidence = if let Some(known) = &request.known {
        let document = |kind| match project.state(kind) {
            DocumentState::Known { sha256 } => sha256.clone(),
            DocumentState::Absent | DocumentState::Protected { .. } => String::new(),
        };
        Evidence { brief: document(DocumentKind::Brief), features: document(DocumentKind::Features), ..known.clone() }
    } else {
        context.progress(None, "Hashing the code, the model and the data");
        project.evidence(version).map_err(Problem::from)?
    };
    context.check()?;
    context.progress(None, "Asking git");
    let code = &project.documents.config.code;
    let version_control = version_control::look(&request.git, &request.root, code);
    context.check()?;
    context.progress(None, "Reading the requirements");
    let dependencies = dependencies::look(&request.root, code);
    let commit = match &version_control {
        VersionControl::Repository(repository) => repository.commit.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let evidence = Evidence { commit, ..evidence };
    Ok(Probe {
        time,
        version: version.map(|version| version.record.version.clone()),
        evidence,
        version_control,
        dependencies,
    })
}
