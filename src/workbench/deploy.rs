//! Commands on what is beyond this machine: pushing the image, and the service on a swarm.

use super::outcome::{Outcome, Slot};
use super::{Notice, Workbench, need_version, no_project};
use crate::jobs::JobError;
use crate::package::{self, DeployImage, DeployPlan, LiveState, PushPlan, PushProgress, Sizing};
use crate::problem::Problem;
use crate::project::deployment::{DeployOutcome, DeployRequest, Deployed, Pushed, PushedLayer, SwarmState};
use crate::project::reports::{BenchmarkReport, PackageReport};
use crate::step::StepState;

/// How the ledger's records of a push begin.
const PUSH: &str = "push ";

/// What went out, and what is going out.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    pub(super) pushed: StepState<Pushed>,
    progress: PushProgress,
    pub(super) deployed: StepState<Deployed>,
    live: LiveState,
}

impl Workbench {
    /// The last push.
    pub fn pushed(&self) -> &StepState<Pushed> {
        &self.delivery.pushed
    }

    /// The layers of the push that is going on, or was last.
    pub fn push_layers(&self) -> Vec<PushedLayer> {
        self.delivery.progress.layers()
    }

    /// What came of the last request about a deployment.
    pub fn deployed(&self) -> &StepState<Deployed> {
        &self.delivery.deployed
    }

    /// The swarm as it was last seen: while a request goes on, as it is now.
    pub fn swarm(&self) -> Option<SwarmState> {
        let running = self.delivery.deployed.running().and_then(|_| self.delivery.live.get());
        running.or_else(|| self.delivery.deployed.last.as_ref().map(|last| last.state.clone()))
    }

    /// The last image of the version at hand that passed verification.
    pub fn verified_image(&self) -> Option<&PackageReport> {
        let (project, version) = (self.project()?, &self.version()?.record);
        let is_of_version = |report: &&PackageReport| {
            report.passed() && report.version == version.version && report.evidence.model == version.model.sha256
        };
        project.packages().iter().rev().find(is_of_version)
    }

    /// The reference that a push of the version at hand usually gets: where the last one went; empty before the first.
    pub fn push_reference(&self) -> String {
        let (Some(project), Some(version)) = (self.project(), self.version()) else { return String::new() };
        let last = project.ledger().iter().rev().find_map(|record| record.what.strip_prefix(PUSH));
        let Some(last) = last else { return String::new() };
        let repository = match last.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => last,
        };
        format!("{repository}:{}", version.record.version)
    }

    /// How much a deployment of the version at hand asks for.
    pub fn sizing(&self) -> Option<Sizing> {
        let (project, version) = (self.project()?, self.version()?);
        let benchmarks: &[BenchmarkReport] = project.reports();
        let benchmark = benchmarks.iter().rev().find(|report| report.version == version.record.version);
        Some(Sizing::of(benchmark, project.documents.brief.latency.value.as_ref()))
    }

    fn need_image(&self) -> Result<&PackageReport, Problem> {
        let version = need_version(self)?.record.version;
        self.verified_image().ok_or_else(|| {
            Problem::new(format!("Version {version} has no verified image"), "", "Build it first (`trestle build`).")
        })
    }

    pub(super) fn push_image(&mut self, to: String) -> Result<(), Problem> {
        if self.delivery.pushed.running().is_some() {
            return Err(Problem::new("A push is going on", "", "Wait for it, or cancel it."));
        }
        let plan = PushPlan { image: self.need_image()?.image_id.clone(), reference: to, time: self.now() };
        let runtime = self.environment.runtime.clone();
        let progress = PushProgress::default();
        self.delivery.progress = progress.clone();
        self.spawn(Slot::Push, format!("Pushing {}", plan.reference), move |context| {
            match runtime.block_on(package::push(&plan, &progress, context)) {
                Ok(pushed) => Ok(Outcome::Pushed(Box::new(pushed))),
                Err(_) if context.cancelled() => Err(JobError::Cancelled),
                Err(error) => Err(error.into()),
            }
        });
        Ok(())
    }

    pub(super) fn take_pushed(&mut self, pushed: Pushed) -> Result<(), Problem> {
        let who = self.environment.who.clone();
        let (what, why) = (format!("{PUSH}{}", pushed.reference), pushed.digest.clone());
        self.told(format!("Pushed {}", pushed.reference));
        let time = pushed.time;
        self.delivery.pushed.last = Some(pushed);
        self.open_project()?.note(time, &who, &what, &why)?;
        Ok(())
    }

    pub(super) fn deploy(&mut self, request: DeployRequest) -> Result<(), Problem> {
        if self.delivery.deployed.running().is_some() {
            // One that is replaced would be put back; looking can wait.
            return match request {
                DeployRequest::Look => Ok(()),
                _ => Err(Problem::new("A deployment is going on", "", "Wait for it, or cancel it.")),
            };
        }
        let image = match &request {
            DeployRequest::Deploy(_) => {
                let report = self.need_image()?;
                let tag = report.tags.first().cloned().unwrap_or_default();
                let (version, id) = (report.version.to_string(), report.image_id.clone());
                Some(DeployImage { version, id, tag, sizing: self.sizing().ok_or_else(no_project)? })
            }
            _ => None,
        };
        let slug = self.project.as_ref().ok_or_else(no_project)?.slug();
        let name = match &request {
            DeployRequest::Look => "Looking at the swarm".to_owned(),
            DeployRequest::StartSwarm => "Starting a swarm".to_owned(),
            DeployRequest::Deploy(_) => {
                format!("Deploying {}", image.as_ref().map(|image| image.tag.clone()).unwrap_or_default())
            }
            DeployRequest::Scale(replicas) => format!("Scaling to {replicas}"),
            DeployRequest::RollBack => "Rolling back".to_owned(),
            DeployRequest::Remove => "Removing the service".to_owned(),
        };
        let plan = DeployPlan { slug, request, image, time: self.now() };
        let (runtime, live) = (self.environment.runtime.clone(), self.delivery.live.clone());
        self.spawn(Slot::Deploy, name, move |context| match runtime.block_on(package::deploy(&plan, &live, context)) {
            Ok(deployed) => Ok(Outcome::Deployed(Box::new(deployed))),
            Err(_) if context.cancelled() => Err(JobError::Cancelled),
            Err(error) => Err(error.into()),
        });
        Ok(())
    }

    pub(super) fn take_deployed(&mut self, deployed: Deployed) -> Result<(), Problem> {
        let who = self.environment.who.clone();
        let Deployed { action, outcome, reasons, time, .. } = &deployed;
        let (what, time) = (format!("deploy {action}"), *time);
        let why = [vec![outcome.label().to_owned()], reasons.clone()].concat().join("; ");
        let is_change = !matches!(outcome, DeployOutcome::Looked | DeployOutcome::Started);
        if is_change {
            let text = format!("Deployment: {action}, {}", outcome.label());
            self.notices.push(Notice { good: deployed.passed(), text });
        }
        self.delivery.deployed.last = Some(deployed);
        if is_change {
            self.open_project()?.note(time, &who, &what, &why)?;
        }
        Ok(())
    }
}
