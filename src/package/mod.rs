//! The container step: an image of this executable and one model version, verified before it is named.
//!
//! [`build`] finds an engine, builds the image from nothing, runs it locked down, asks it the golden rows, stops it,
//! and only then tags it. [`push`] sends it to a registry, [`deploy`] runs it as a service of a swarm. It is the only
//! module that names bollard.
//!
//! **Invariant:** a tag is moved only to an image that passed every check.
//! **Invariant:** whatever the outcome (failure, cancellation, an engine that goes away), nothing of the build is left
//! but the tagged image; what a killed process leaves, the next build removes.

mod build;
mod connect;
mod container;
mod contents;
mod context;
mod debian;
mod discover;
mod dockerfile;
mod drain;
mod elf;
mod environment;
mod error;
mod executable;
mod export;
mod golden;
mod http;
mod inventory;
mod leftovers;
mod libraries;
mod licences;
mod load;
mod manifests;
mod metrics;
mod oci;
mod outside;
mod push;
mod reference;
mod refusals;
pub mod running;
mod sbom;
mod sizing;
mod source;
mod swarm;
mod tarball;
mod tensors;
#[cfg(test)]
mod testing;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod verify;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bollard::query_parameters::TagImageOptionsBuilder;
use jiff::Timestamp;
use semver::Version;
use tokio::time::timeout;

pub use discover::{Candidate, Engine, EngineInfo, Security, candidates, discover, discover_in};
pub use environment::{DockerContext, Environment, TlsMaterial};
pub use error::{PackageError, Tried, Unreachable};
pub use executable::{ChosenExecutable, Reason, SERVE_NAME, choose};
pub use export::export;
pub use leftovers::{Labelled, LabelledKind, cleanup, list};
pub use load::LOAD_TIME;
pub use push::{DockerFiles, PushError, PushPlan, PushProgress, push, push_in};
pub use sizing::Sizing;
pub use swarm::{DeployImage, DeployPlan, LiveState, SwarmError, deploy, deploy_in, leave_swarm};

use crate::features::Mapping;
use crate::jobs::JobContext;
use crate::project::brief::OutputSpec;
use crate::project::contract::ModelContract;
use crate::project::documents::{Evidence, GoldenRows};
use crate::project::reports::PackageReport;
use build::{guarded, request};
use leftovers::Leftovers;
use reference::Reference;

/// How long one short request to the engine may take.
const REQUEST_LIMIT: Duration = Duration::from_mins(1);

/// The stage that cancellation does not cut off.
const TAGGING: &str = "tagging the image";

/// What to build.
pub struct BuildPlan {
    /// The executable that goes into the image.
    pub executable: PathBuf,
    /// The project's name for machines; the model's name on the server.
    pub slug: String,
    /// The project's name for people.
    pub title: String,
    /// One sentence.
    pub description: String,
    /// The version to package.
    pub version: Version,
    /// When it was registered.
    pub registered: Timestamp,
    /// Its folder, with the record and the golden rows.
    pub version_folder: PathBuf,
    /// The model file.
    pub model_path: PathBuf,
    /// `brief.ron`
    pub brief: PathBuf,
    /// `features.ron`, when there is one.
    pub features: Option<PathBuf>,
    /// `project.ron`
    pub project_config: PathBuf,
    /// Rows with the answers of the local run.
    pub golden: GoldenRows,
    /// Where named features go in the model.
    pub mapping: Mapping,
    /// Inputs and outputs of the model.
    pub model: ModelContract,
    /// How the answer is read.
    pub output: OutputSpec,
    /// The reference the image gets.
    pub tag: String,
    /// Hashes of what the image stands on.
    pub evidence: Evidence,
    /// Now.
    pub created: Timestamp,
    /// How long the container is asked one request after another, usually [`LOAD_TIME`].
    pub load_time: Duration,
}

impl std::fmt::Debug for BuildPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildPlan").field("tag", &self.tag).field("version", &self.version).finish_non_exhaustive()
    }
}

/// How long each stage took.
#[derive(Debug)]
struct Stopwatch {
    last: Instant,
    laps: Vec<(String, u64)>,
}

impl Stopwatch {
    fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }

    fn lap(&mut self, stage: &str) {
        let now = Instant::now();
        self.laps.push((stage.to_owned(), now.duration_since(self.last).as_millis() as u64));
        self.last = now;
    }
}

/// Builds the image with the engine of this process's environment, runs and verifies it, and tags it when all is well.
///
/// A container that answers wrongly gives a report without tags whose checks say so; what could not be done at all is
/// an error. Either way an earlier image keeps its tag.
pub async fn build(plan: &BuildPlan, context: &JobContext) -> Result<PackageReport, PackageError> {
    build_in(plan, context, &Environment::from_process()).await
}

/// The same with an engine of this environment.
pub async fn build_in(
    plan: &BuildPlan,
    context: &JobContext,
    environment: &Environment,
) -> Result<PackageReport, PackageError> {
    let mut stopwatch = Stopwatch::start();
    let reference = Reference::parse(&plan.tag)?;
    golden::check_plan(plan)?;
    context.progress(None, "Looking for a container engine");
    let engine = guarded(context, "looking for an engine", REQUEST_LIMIT, discover_in(environment)).await??;
    context.log(format!("Engine: {} at {}", engine.description, engine.socket));
    let name = leftovers::build_name();
    let listing = Leftovers::watch(&engine.docker, &name);
    let leftovers = request(context, "listing images", REQUEST_LIMIT, listing).await?;
    match guarded(context, "removing orphans", REQUEST_LIMIT, cleanup(&engine, plan.created)).await? {
        Ok(0) => {}
        Ok(removed) => context.log(format!("Removed {removed} left by a build that was killed")),
        // Another build's debris is no reason not to build.
        Err(error) => context.log(error.to_string()),
    }
    stopwatch.lap("find engine");
    let result = build_and_verify(plan, context, &engine, &name, &leftovers, &reference, stopwatch).await;
    match &result {
        Ok(report) if !report.tags.is_empty() => leftovers.keep_image().await,
        _ => {
            context.progress(None, "Cleaning up");
            leftovers.clear().await;
        }
    }
    result
}

async fn build_and_verify(
    plan: &BuildPlan,
    context: &JobContext,
    engine: &Engine,
    name: &str,
    leftovers: &Leftovers,
    reference: &Reference,
    mut stopwatch: Stopwatch,
) -> Result<PackageReport, PackageError> {
    context.progress(None, "Assembling the build context");
    let build = context::assemble(plan, &engine.os, &engine.architecture)?;
    for note in &build.notes {
        context.log(note.clone());
    }
    stopwatch.lap("assemble context");
    let image_id = build::build_image(plan, engine, build, leftovers, context).await?;
    stopwatch.lap("build image");
    context.progress(Some(0.5), "Starting the container");
    let (checks, load) = verify::verify(plan, engine, &image_id, name, context, &mut stopwatch).await?;
    for check in &checks {
        context.log(format!("{}: {} ({})", check.name, if check.pass { "passed" } else { "FAILED" }, check.detail));
    }
    let inspection = engine.docker.inspect_image(&image_id);
    let image = request(context, "inspecting the image", REQUEST_LIMIT, inspection).await?;
    let mut report = PackageReport {
        time: plan.created,
        version: plan.version.clone(),
        image_id: image_id.clone(),
        tags: Vec::new(),
        size_bytes: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        engine: engine.description.clone(),
        timings_ms: Vec::new(),
        checks,
        evidence: Evidence { image: image_id.clone(), ..plan.evidence.clone() },
        load: Some(load),
    };
    if report.passed() {
        context.progress(Some(0.95), format!("Tagging {}", reference.full()));
        let options = TagImageOptionsBuilder::new().repo(&reference.repository).tag(&reference.tag).build();
        // Not to be cut off by cancellation: the tag would then be moved or not, and nobody could say which.
        timeout(REQUEST_LIMIT, engine.docker.tag_image(&image_id, Some(options)))
            .await
            .map_err(|_elapsed| PackageError::TimedOut { stage: TAGGING, limit: REQUEST_LIMIT })?
            .map_err(|error| PackageError::from_engine(TAGGING, &error))?;
        report.tags.push(reference.full());
        stopwatch.lap("tag");
        context.progress(Some(1.0), "Done");
    }
    report.timings_ms = stopwatch.laps;
    Ok(report)
}
