//! Changing the service and following the change to its end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::errors::Error;
use bollard::models::{NetworkCreateRequest, Service, ServiceSpec, ServiceSpecMode, ServiceSpecModeReplicated};
use bollard::query_parameters::{InspectNetworkOptions, UpdateServiceOptionsBuilder};
use tokio::time::{sleep, timeout};

use super::error::SwarmError;
use super::look::{containers, find, look};
use super::phase::{Kind, Phase, failures, phase, progress};
use super::spec::{
    CHANGE_LABEL, CREATED, DEPLOYMENT_LABEL, Form, KIND_NETWORK, NETWORK, VERSION_LABEL, check_replicas, complete,
    fixed_port, label, mode_of, replicas_of, resolve, service_name,
};
use super::{DeployImage, DeployPlan, LiveState};
use crate::jobs::JobContext;
use crate::package::REQUEST_LIMIT;
use crate::package::build::{guarded, request};
use crate::package::discover::Engine;
use crate::package::dockerfile::KIND_LABEL;
use crate::package::error::PackageError;
use crate::package::push::{Credentials, DockerFiles, credentials_for, with_readable_credentials};
use crate::package::reference::Reference;
use crate::project::deployment::{DeployOutcome, DeploySettings, DeployedService, PublishMode};

/// Between two looks.
const TICK: Duration = Duration::from_millis(400);
/// How long a task may wait for a node before the rollout is given up.
const BLOCKED_LIMIT: Duration = Duration::from_secs(20);
/// How long a rollout may take, and how much longer for each task.
const ROLLOUT_LIMIT: Duration = Duration::from_mins(3);
const TASK_LIMIT: Duration = Duration::from_secs(45);
/// How long containers of a removed service may take to end: they get 30 s to drain.
const REMOVAL_LIMIT: Duration = Duration::from_secs(90);

/// What was done, what came of it, and why.
pub(super) type Done = (String, DeployOutcome, Vec<String>);

/// How following a change ended.
enum Followed {
    Converged,
    RolledBack(Vec<String>),
    Stuck(Vec<String>),
}

/// One request about a service.
pub(super) struct Rollout<'a> {
    pub(super) engine: &'a Engine,
    pub(super) plan: &'a DeployPlan,
    pub(super) live: &'a LiveState,
    pub(super) context: &'a JobContext,
    pub(super) files: &'a DockerFiles,
    /// Nodes of the swarm.
    pub(super) nodes: u64,
}

impl Rollout<'_> {
    /// Creates the service, or updates it.
    pub(super) async fn deploy(&self, settings: &DeploySettings) -> Result<Done, PackageError> {
        const STAGE: &str = "deploying the service";
        let name = service_name(&self.plan.slug);
        let image = self.plan.image.as_ref().ok_or_else(|| SwarmError::NoImage(name.clone()))?;
        let existing = find(self.engine, &self.plan.slug, self.context).await?;
        let existing_spec = existing.as_ref().and_then(|service| service.spec.as_ref());
        let resolved = resolve(settings, existing_spec, &image.sizing, self.nodes)?;
        let (source, credentials) = self.source(image).await?;
        let change = existing_spec.map_or_else(
            || CREATED.to_owned(),
            |spec| match label(spec, VERSION_LABEL) {
                version if version == image.version => "change of the settings".to_owned(),
                version => format!("update from {version} to {}", image.version),
            },
        );
        let deployment = format!("{:x}", self.plan.time.as_millisecond());
        let form = Form {
            slug: &self.plan.slug,
            version: &image.version,
            tag: &image.tag,
            image: &source,
            sizing: &image.sizing,
            settings: &resolved,
            deployment: &deployment,
            change: &change,
            os: &self.engine.os,
            architecture: &self.engine.architecture,
        };
        if resolved.mode == PublishMode::DnsRoundRobin {
            self.need_network().await?;
        }
        let spec = form.spec(existing_spec);
        let docker = with_readable_credentials(&self.engine.docker);
        let secret = credentials.map(|credentials| credentials.secret);
        let what = format!("{} tasks of {} ({})", resolved.replicas, image.tag, resolved.mode.id());
        if let Some(existing) = &existing {
            self.context.progress(Some(0.0), format!("Updating to {}", image.version));
            self.context.log(format!("Updating {name}: {what}"));
            let options = UpdateServiceOptionsBuilder::new().version(version_of(existing)).build();
            let update = docker.update_service(&name, spec, options, secret);
            request(self.context, STAGE, REQUEST_LIMIT, update).await?;
            let (outcome, reasons) = self.change(&deployment).await?;
            return Ok((format!("update {name} to {}", image.tag), outcome, reasons));
        }
        self.context.progress(Some(0.0), format!("Creating {name}"));
        self.context.log(format!("Creating {name}: {what}"));
        let created = request(self.context, STAGE, REQUEST_LIMIT, docker.create_service(spec, secret)).await;
        let followed = match created {
            Ok(created) => {
                for warning in created.warnings.iter().flatten() {
                    self.context.log(warning.clone());
                }
                self.follow(Kind::First, &deployment).await
            }
            Err(error) => Err(error),
        };
        let action = format!("{name} with {}", image.tag);
        match followed {
            Ok(Followed::Converged) => Ok((action, DeployOutcome::Converged, Vec::new())),
            Ok(Followed::RolledBack(reasons) | Followed::Stuck(reasons)) => {
                self.withdraw(&name).await;
                Ok((action, DeployOutcome::Withdrawn, reasons))
            }
            Err(error) => {
                // It may have come to be although nobody was told: what was cut off may not stay.
                self.withdraw(&name).await;
                Err(error)
            }
        }
    }

    /// Runs another number of tasks.
    pub(super) async fn scale(&self, replicas: u64) -> Result<Done, PackageError> {
        let (name, service, mut spec) = self.existing().await?;
        check_replicas(replicas, mode_of(&spec), fixed_port(&spec).unwrap_or(0), self.nodes)?;
        let before = replicas_of(&spec);
        spec.mode = Some(ServiceSpecMode {
            replicated: Some(ServiceSpecModeReplicated { replicas: i64::try_from(replicas).ok() }),
            ..ServiceSpecMode::default()
        });
        let labels = spec.labels.get_or_insert_default();
        labels.insert(CHANGE_LABEL.to_owned(), format!("scaling from {before} to {replicas} tasks"));
        let deployment = deployment_of(&spec);
        self.context.progress(Some(0.0), format!("Scaling to {replicas}"));
        let options = UpdateServiceOptionsBuilder::new().version(version_of(&service)).build();
        let update = self.engine.docker.update_service(&name, spec, options, None);
        request(self.context, "scaling the service", REQUEST_LIMIT, update).await?;
        let (outcome, reasons) = self.change(&deployment).await?;
        Ok((format!("scale {name} from {before} to {replicas}"), outcome, reasons))
    }

    /// Undoes the last change.
    pub(super) async fn roll_back(&self) -> Result<Done, PackageError> {
        let (name, service, spec) = self.existing().await?;
        let change = label(&spec, CHANGE_LABEL);
        self.context.progress(Some(0.0), "Rolling back");
        self.undo(&name, &service, spec).await?;
        let (outcome, reasons) = match self.follow(Kind::Back, "").await? {
            Followed::Converged => (DeployOutcome::Converged, Vec::new()),
            Followed::RolledBack(reasons) | Followed::Stuck(reasons) => (DeployOutcome::Stuck, reasons),
        };
        Ok((format!("rollback {name} ({change})"), outcome, reasons))
    }

    /// Takes the service away, and waits until its containers on this node are gone.
    pub(super) async fn remove(&self) -> Result<Done, PackageError> {
        let (name, ..) = self.existing().await?;
        self.context.progress(None, format!("Removing {name}"));
        let removal = self.engine.docker.delete_service(&name);
        request(self.context, "removing the service", REQUEST_LIMIT, removal).await?;
        let gone = guarded(self.context, "waiting for the containers", REMOVAL_LIMIT, self.gone(&name)).await;
        let reasons = match gone {
            Ok(()) => Vec::new(),
            Err(PackageError::TimedOut { limit, .. }) => {
                vec![format!("Some of its containers had not ended after {} s", limit.as_secs())]
            }
            Err(error) => return Err(error),
        };
        self.drop_network().await;
        Ok((format!("remove {name}"), DeployOutcome::Removed, reasons))
    }

    async fn existing(&self) -> Result<(String, Service, ServiceSpec), PackageError> {
        let name = service_name(&self.plan.slug);
        let found = find(self.engine, &self.plan.slug, self.context).await?;
        let service = found.ok_or_else(|| SwarmError::NoService(name.clone()))?;
        let mut spec = service.spec.clone().unwrap_or_default();
        complete(&mut spec);
        Ok((name, service, spec))
    }

    /// The image as the nodes are told of it, and what they show a registry for it.
    ///
    /// A digest of a registry is the same everywhere. Without one the image's identity does for the one node that has
    /// it. Its tag would not do: each node asks the registry for a tag first, and takes what that gives.
    async fn source(&self, image: &DeployImage) -> Result<(String, Option<Credentials>), PackageError> {
        const STAGE: &str = "looking at the image";
        let inspection = self.engine.docker.inspect_image(&image.id);
        let inspected = match guarded(self.context, STAGE, REQUEST_LIMIT, inspection).await? {
            Ok(inspected) => inspected,
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
                return Err(SwarmError::NoImage(image.tag.clone()).into());
            }
            Err(error) => return Err(PackageError::from_engine(STAGE, &error)),
        };
        let digests = inspected.repo_digests.unwrap_or_default();
        let Some(pushed) = pick_digest(&digests, self.nodes) else {
            if 1 < self.nodes {
                return Err(SwarmError::NotPushed { image: image.tag.clone(), nodes: self.nodes }.into());
            }
            return Ok((image.id.clone(), None));
        };
        let repository = pushed.split('@').next().unwrap_or(pushed);
        let reference = Reference::parse(repository)?;
        let credentials = match credentials_for(self.engine, &reference, self.files, self.context).await {
            Ok(credentials) => Some(credentials),
            Err(error) if self.nodes <= 1 && !matches!(error, PackageError::Cancelled) => {
                // The one node has the image already.
                self.context.log(error.to_string());
                None
            }
            Err(error) => return Err(error),
        };
        Ok((pushed.to_owned(), credentials))
    }

    /// Follows a change; what does not get to its end is put back.
    async fn change(&self, deployment: &str) -> Result<(DeployOutcome, Vec<String>), PackageError> {
        let reasons = match self.follow(Kind::Change, deployment).await {
            Ok(Followed::Converged) => return Ok((DeployOutcome::Converged, Vec::new())),
            Ok(Followed::RolledBack(reasons)) => return Ok((DeployOutcome::RolledBack, reasons)),
            Ok(Followed::Stuck(reasons)) => reasons,
            Err(PackageError::Cancelled) => {
                self.put_back_unseen().await;
                return Err(PackageError::Cancelled);
            }
            Err(error) => return Err(error),
        };
        self.context.log(format!("Putting it back: {}", reasons.join("; ")));
        let (name, service, spec) = self.existing().await?;
        self.undo(&name, &service, spec).await?;
        Ok(match self.follow(Kind::Back, "").await? {
            Followed::Converged => (DeployOutcome::RolledBack, reasons),
            Followed::RolledBack(more) | Followed::Stuck(more) => {
                (DeployOutcome::Stuck, reasons.into_iter().chain(more).collect())
            }
        })
    }

    /// Asks the engine to undo the last change.
    async fn undo(&self, name: &str, service: &Service, spec: ServiceSpec) -> Result<(), PackageError> {
        const STAGE: &str = "rolling the service back";
        let options = UpdateServiceOptionsBuilder::new().version(version_of(service)).rollback("previous").build();
        let update = self.engine.docker.update_service(name, spec, options, None);
        match guarded(self.context, STAGE, REQUEST_LIMIT, update).await? {
            Ok(_) => Ok(()),
            Err(Error::DockerResponseServerError { message, .. }) if message.contains("previous spec") => {
                Err(SwarmError::NothingToUndo(name.to_owned()).into())
            }
            Err(error) => Err(PackageError::from_engine(STAGE, &error)),
        }
    }

    /// Puts a change back after a cancellation: asked for, not waited for.
    async fn put_back_unseen(&self) {
        let name = service_name(&self.plan.slug);
        let undo = async {
            let service = self.engine.docker.inspect_service(&name, None).await?;
            let options = UpdateServiceOptionsBuilder::new().version(version_of(&service)).rollback("previous").build();
            let spec = service.spec.unwrap_or_default();
            self.engine.docker.update_service(&name, spec, options, None).await.map(drop)
        };
        match timeout(REQUEST_LIMIT, undo).await {
            Ok(Ok(())) => self.context.log("The engine puts the earlier form back"),
            Ok(Err(error)) => tracing::warn!(%error, service = %name, "a change could not be put back"),
            Err(_) => tracing::warn!(service = %name, "a change could not be put back in time"),
        }
    }

    /// Waits for the end of a change, showing it meanwhile.
    async fn follow(&self, kind: Kind, deployment: &str) -> Result<Followed, PackageError> {
        let started = Instant::now();
        let mut blocked: Option<Instant> = None;
        let mut told = String::new();
        loop {
            let state = look(self.engine, &self.plan.slug, self.context).await?;
            self.live.set(&state);
            let Some(service) = &state.service else {
                return Ok(Followed::Stuck(vec!["The service was removed meanwhile".to_owned()]));
            };
            let limit = ROLLOUT_LIMIT + TASK_LIMIT * u32::try_from(service.replicas).unwrap_or(u32::MAX);
            let reasons = |first: String| [vec![first], failures(service, deployment)].concat();
            let words = match phase(service, kind) {
                Phase::Converged => return Ok(Followed::Converged),
                Phase::RolledBack(message) => return Ok(Followed::RolledBack(reasons(rolled_back(&message)))),
                Phase::Hopeless(why) => return Ok(Followed::Stuck(reasons(why))),
                Phase::Blocked(why) => {
                    if BLOCKED_LIMIT < blocked.get_or_insert_with(Instant::now).elapsed() {
                        return Ok(Followed::Stuck(why));
                    }
                    why.join("; ")
                }
                Phase::Waiting(words) => {
                    blocked = None;
                    words
                }
            };
            if limit < started.elapsed() {
                let late = format!("It had not come to its end after {} s: {}", limit.as_secs(), progress(service));
                return Ok(Followed::Stuck(reasons(late)));
            }
            if words != told {
                self.context.log(words.clone());
                told.clone_from(&words);
            }
            self.context.progress(Some(share(service)), words);
            guarded(self.context, "waiting for the tasks", REQUEST_LIMIT, sleep(TICK)).await?;
        }
    }

    /// Takes a service away that did not come to run; whatever the engine says, the reason for it matters more.
    async fn withdraw(&self, name: &str) {
        let removal = async {
            self.engine.docker.delete_service(name).await?;
            drop(timeout(REMOVAL_LIMIT, self.gone(name)).await);
            Ok::<(), Error>(())
        };
        match timeout(REQUEST_LIMIT + REMOVAL_LIMIT, removal).await {
            Ok(Ok(()) | Err(Error::DockerResponseServerError { status_code: 404, .. })) => {}
            Ok(Err(error)) => tracing::warn!(%error, service = name, "a service could not be taken away"),
            Err(_) => tracing::warn!(service = name, "a service could not be taken away in time"),
        }
        self.drop_network().await;
    }

    /// Returns once no container of a service is on this node.
    async fn gone(&self, name: &str) {
        while containers(self.engine, name).await.is_ok_and(|n| 0 < n) {
            sleep(TICK).await;
        }
    }

    /// Makes the network of services without ports, when it is not there.
    async fn need_network(&self) -> Result<(), PackageError> {
        const STAGE: &str = "making the network";
        let docker = &self.engine.docker;
        let inspection = docker.inspect_network(NETWORK, None::<InspectNetworkOptions>);
        match guarded(self.context, STAGE, REQUEST_LIMIT, inspection).await? {
            Ok(network) if network.driver.as_deref() == Some("overlay") => return Ok(()),
            Ok(_) => {
                let reason = format!("the network `{NETWORK}` is there, and does not reach across nodes");
                return Err(PackageError::Engine { stage: STAGE, reason });
            }
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(error) => return Err(PackageError::from_engine(STAGE, &error)),
        }
        let wanted = NetworkCreateRequest {
            name: NETWORK.to_owned(),
            driver: Some("overlay".to_owned()),
            // Single containers may join it, to ask the service.
            attachable: Some(true),
            labels: Some(HashMap::from([(KIND_LABEL.to_owned(), KIND_NETWORK.to_owned())])),
            ..NetworkCreateRequest::default()
        };
        request(self.context, STAGE, REQUEST_LIMIT, docker.create_network(wanted)).await?;
        Ok(())
    }

    /// Removes that network when it is ours; the engine refuses while anything is on it.
    async fn drop_network(&self) {
        let docker = &self.engine.docker;
        let removal = async {
            let network = docker.inspect_network(NETWORK, None::<InspectNetworkOptions>).await?;
            let labels = network.labels.unwrap_or_default();
            if labels.get(KIND_LABEL).is_some_and(|kind| kind == KIND_NETWORK) {
                docker.remove_network(NETWORK).await?;
            }
            Ok::<(), Error>(())
        };
        if let Ok(Err(error)) = timeout(REQUEST_LIMIT, removal).await {
            tracing::debug!(%error, "the network stays");
        }
    }
}

fn rolled_back(message: &str) -> String {
    if message.is_empty() {
        "The engine put the earlier form back".to_owned()
    } else {
        format!("The engine put the earlier form back: {message}")
    }
}

fn share(service: &DeployedService) -> f32 {
    service.running as f32 / service.replicas.max(1) as f32
}

/// The version that a change of the service must name.
fn version_of(service: &Service) -> i32 {
    let index = service.version.as_ref().and_then(|version| version.index).unwrap_or(0);
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn deployment_of(spec: &ServiceSpec) -> String {
    let container = spec.task_template.as_ref().and_then(|task| task.container_spec.as_ref());
    let labels = container.and_then(|container| container.labels.as_ref());
    labels.and_then(|labels| labels.get(DEPLOYMENT_LABEL)).cloned().unwrap_or_default()
}

/// The digest that every node can fetch; of several nodes none can fetch from a registry on this machine.
fn pick_digest(digests: &[String], nodes: u64) -> Option<&str> {
    let is_here = |digest: &str| digest.starts_with("127.") || digest.starts_with("localhost");
    let mut fit: Vec<&str> =
        digests.iter().map(String::as_str).filter(|digest| nodes <= 1 || !is_here(digest)).collect();
    fit.sort_by_key(|digest| (is_here(digest), *digest));
    fit.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_nodes_are_not_sent_to_a_registry_of_this_machine() {
        let digests = |names: &[&str]| names.iter().map(|name| format!("{name}@sha256:1")).collect::<Vec<_>>();
        let both = digests(&["127.0.0.1:5000/churn", "registry.example/churn"]);
        assert_eq!(pick_digest(&both, 3), Some("registry.example/churn@sha256:1"));
        assert_eq!(pick_digest(&both, 1), Some("registry.example/churn@sha256:1"));
        let here = digests(&["localhost:5000/churn"]);
        assert_eq!(pick_digest(&here, 3), None);
        assert_eq!(pick_digest(&here, 1), Some("localhost:5000/churn@sha256:1"));
        assert_eq!(pick_digest(&[], 1), None);
    }
}
