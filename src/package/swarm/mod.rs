//! Beyond one machine: the image as a service of a Docker swarm, through the same API as everything else.
//!
//! [`deploy`] creates or updates the service, waits until every task runs in the new form or the engine has put the
//! earlier one back, and says which.
//!
//! **Invariant:** no swarm is made unless it was asked for by name.
//! **Invariant:** a service that Trestle did not make is not touched.
//! **Invariant:** a first deployment that fails or is cancelled leaves no service behind; a change that fails or is
//! cancelled is put back.

mod error;
mod look;
mod phase;
mod rollout;
mod spec;
mod state;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bollard::models::SwarmInitRequest;
use bollard::query_parameters::LeaveSwarmOptionsBuilder;
use jiff::Timestamp;

pub use error::SwarmError;

use super::REQUEST_LIMIT;
use super::build::{guarded, request};
use super::discover::{Engine, discover_in};
use super::environment::Environment;
use super::error::PackageError;
use super::push::DockerFiles;
use super::sizing::Sizing;
use crate::jobs::JobContext;
use crate::project::deployment::{DeployOutcome, DeployRequest, Deployed, PublishMode, SwarmStanding, SwarmState};

/// Where a swarm of one machine listens: nobody else can join it, or speak to it.
const LOOPBACK: &str = "127.0.0.1";

/// How long making and leaving a swarm may take.
const SWARM_LIMIT: Duration = Duration::from_mins(2);

/// The image that a service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployImage {
    /// Version of the model in it.
    pub version: String,
    /// Its identity.
    pub id: String,
    /// Its reference, for people.
    pub tag: String,
    /// How much each task asks for.
    pub sizing: Sizing,
}

/// What to do about a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployPlan {
    /// The project's name for machines.
    pub slug: String,
    /// What is asked for.
    pub request: DeployRequest,
    /// The image; only [`DeployRequest::Deploy`] needs one.
    pub image: Option<DeployImage>,
    /// Now.
    pub time: Timestamp,
}

/// The swarm as it was last seen, to be looked at while a request goes on.
#[derive(Clone, Debug, Default)]
pub struct LiveState {
    seen: Arc<Mutex<Option<SwarmState>>>,
}

impl LiveState {
    /// The last state.
    pub fn get(&self) -> Option<SwarmState> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: &SwarmState) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(state.clone());
    }
}

/// Does what is asked for with the engine and the credentials of this process's environment.
pub async fn deploy(plan: &DeployPlan, live: &LiveState, context: &JobContext) -> Result<Deployed, PackageError> {
    deploy_in(plan, live, context, &Environment::from_process(), &DockerFiles::from_process()).await
}

/// The same with an engine of this environment and credentials of these files.
pub async fn deploy_in(
    plan: &DeployPlan,
    live: &LiveState,
    context: &JobContext,
    environment: &Environment,
    files: &DockerFiles,
) -> Result<Deployed, PackageError> {
    let started = Instant::now();
    context.progress(None, "Looking for a container engine");
    let engine = guarded(context, "looking for an engine", REQUEST_LIMIT, discover_in(environment)).await??;
    let before = look::look(&engine, &plan.slug, context).await?;
    live.set(&before);
    let name = spec::service_name(&plan.slug);
    let task = rollout::Rollout { engine: &engine, plan, live, context, files, nodes: before.nodes.max(1) };
    let (action, outcome, mut reasons) = match &plan.request {
        DeployRequest::Look => ("look".to_owned(), DeployOutcome::Looked, Vec::new()),
        DeployRequest::StartSwarm => {
            start(&engine, &before, context).await?;
            ("start a swarm of this machine".to_owned(), DeployOutcome::Started, Vec::new())
        }
        request => {
            need_manager(&before.standing)?;
            match request {
                DeployRequest::Deploy(settings) => Box::pin(task.deploy(settings)).await?,
                DeployRequest::Scale(replicas) => Box::pin(task.scale(*replicas)).await?,
                DeployRequest::RollBack => Box::pin(task.roll_back()).await?,
                _ => Box::pin(task.remove()).await?,
            }
        }
    };
    let mut state = look::look(&engine, &plan.slug, context).await?;
    look::knock(&mut state, outcome == DeployOutcome::Converged, context).await?;
    reasons.extend(unanswered(&state));
    live.set(&state);
    for reason in &reasons {
        context.log(reason.clone());
    }
    let seconds = started.elapsed().as_secs_f64();
    tracing::debug!(service = %name, %action, ?outcome, seconds, "deployment");
    Ok(Deployed { action, outcome, reasons, state, time: plan.time, seconds })
}

fn need_manager(standing: &SwarmStanding) -> Result<(), SwarmError> {
    match standing {
        SwarmStanding::Manager => Ok(()),
        SwarmStanding::Inactive => Err(SwarmError::NoSwarm),
        SwarmStanding::Worker => Err(SwarmError::Worker),
        SwarmStanding::Locked => Err(SwarmError::Locked),
        SwarmStanding::Unsettled(words) => Err(SwarmError::Unsettled(words.clone())),
        SwarmStanding::Unsupported => Err(SwarmError::Unsupported),
    }
}

/// Makes the engine a swarm of one node that only this machine reaches.
async fn start(engine: &Engine, before: &SwarmState, context: &JobContext) -> Result<(), PackageError> {
    match before.standing {
        SwarmStanding::Inactive => {}
        SwarmStanding::Unsupported => return Err(SwarmError::Unsupported.into()),
        _ => return Err(SwarmError::AlreadyInSwarm.into()),
    }
    context.progress(None, "Starting a swarm of one node");
    let config = SwarmInitRequest {
        listen_addr: Some(format!("{LOOPBACK}:2377")),
        advertise_addr: Some(LOOPBACK.to_owned()),
        data_path_addr: Some(LOOPBACK.to_owned()),
        ..SwarmInitRequest::default()
    };
    request(context, "starting a swarm", SWARM_LIMIT, engine.docker.init_swarm(config)).await?;
    Ok(())
}

/// Ends the engine's part in its swarm; of a swarm of one node, everything that ran on it ends too.
pub async fn leave_swarm(engine: &Engine, context: &JobContext) -> Result<(), PackageError> {
    let options = LeaveSwarmOptionsBuilder::new().force(true).build();
    request(context, "leaving the swarm", SWARM_LIMIT, engine.docker.leave_swarm(Some(options))).await
}

/// Why a service whose tasks are healthy cannot be reached, and what to do.
fn unanswered(state: &SwarmState) -> Option<String> {
    let service = state.service.as_ref().filter(|service| service.answers == Some(false))?;
    let at = service.addresses.join(", ");
    Some(match service.mode {
        PublishMode::Ingress => {
            let kernel = match state.ipvs {
                Some(false) => "The kernel here shows no IPVS (/proc/net/ip_vs), which ingress needs",
                _ => "Usually the kernel of a node has no IPVS, or a firewall is between the nodes",
            };
            format!(
                "The tasks are healthy, and the ingress port does not answer at {at}. {kernel}. Deploy with host ports \
                 or DNS round robin in its place."
            )
        }
        PublishMode::Host | PublishMode::DnsRoundRobin => {
            format!("The tasks are healthy, and not every one answers at its port from here: {at}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;
    use crate::project::deployment::DeployedService;

    #[test]
    fn only_a_manager_takes_services_and_every_other_standing_says_what_to_do() {
        assert_eq!(need_manager(&SwarmStanding::Manager), Ok(()));
        for (standing, expected) in [
            (SwarmStanding::Inactive, "docker swarm init"),
            (SwarmStanding::Worker, "docker node ls"),
            (SwarmStanding::Locked, "docker swarm unlock"),
            (SwarmStanding::Unsettled("why".to_owned()), "docker info"),
            (SwarmStanding::Unsupported, "Podman"),
        ] {
            let problem = Problem::from(PackageError::from(need_manager(&standing).unwrap_err()));
            assert!(problem.fix.contains(expected), "{problem}");
        }
    }

    #[test]
    fn an_ingress_port_that_does_not_answer_is_told_with_another_way() {
        let service = |answers, mode| DeployedService {
            answers,
            mode,
            addresses: vec!["http://127.0.0.1:30000".to_owned()],
            ..DeployedService::default()
        };
        let state = |ipvs, service| SwarmState { ipvs, service: Some(service), ..SwarmState::default() };
        let without = unanswered(&state(Some(false), service(Some(false), PublishMode::Ingress))).unwrap();
        assert!(without.contains("/proc/net/ip_vs") && without.contains("host ports"), "{without}");
        let remote = unanswered(&state(None, service(Some(false), PublishMode::Ingress))).unwrap();
        assert!(!remote.contains("/proc/net/ip_vs") && remote.contains("127.0.0.1:30000"), "{remote}");
        for answers in [None, Some(true)] {
            assert_eq!(unanswered(&state(Some(false), service(answers, PublishMode::Ingress))), None);
        }
    }
}
