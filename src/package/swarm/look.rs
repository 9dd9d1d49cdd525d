//! Asking the engine about the swarm and the project's service.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{Node, Service, Task};
use bollard::query_parameters::{ListNodesOptions, ListTasksOptionsBuilder};
use tokio::time::sleep;

use super::error::SwarmError;
use super::spec::{NETWORK, service_name};
use super::state::{NodeName, Surroundings, is_ours, service, standing};
use crate::jobs::JobContext;
use crate::package::build::{guarded, request};
use crate::package::discover::Engine;
use crate::package::dockerfile::PORT;
use crate::package::error::PackageError;
use crate::package::http::Client;
use crate::package::{REQUEST_LIMIT, leftovers};
use crate::project::deployment::{PublishMode, SwarmStanding, SwarmState};

const STAGE: &str = "asking about the swarm";

/// How long a published port may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How often one that does not is tried again.
const N_TRIES: usize = 5;

/// The swarm, with the project's service and its tasks.
pub(super) async fn look(engine: &Engine, slug: &str, context: &JobContext) -> Result<SwarmState, PackageError> {
    let docker = &engine.docker;
    let info = request(context, STAGE, REQUEST_LIMIT, docker.info()).await?;
    let swarm = info.swarm.as_ref();
    let standing = standing(swarm, &engine.description);
    let is_here = engine.socket.starts_with("unix://");
    let mut state = SwarmState {
        nodes: swarm.and_then(|swarm| u64::try_from(swarm.nodes?).ok()).unwrap_or(0),
        address: swarm.and_then(|swarm| swarm.node_addr.clone()).unwrap_or_default(),
        ipvs: is_here.then(|| Path::new("/proc/net/ip_vs").exists()),
        service: None,
        standing,
    };
    if state.standing != SwarmStanding::Manager {
        return Ok(state);
    }
    let Some(found) = find(engine, slug, context).await? else { return Ok(state) };
    let filters = HashMap::from([("service", vec![service_name(slug)])]);
    let options = ListTasksOptionsBuilder::new().filters(&filters).build();
    let tasks = request(context, STAGE, REQUEST_LIMIT, docker.list_tasks(Some(options))).await?;
    let nodes = request(context, STAGE, REQUEST_LIMIT, docker.list_nodes(None::<ListNodesOptions>)).await?;
    let here = swarm.and_then(|swarm| swarm.node_id.clone()).unwrap_or_default();
    let around = Surroundings {
        nodes: nodes.iter().filter_map(|node| named(node, &here, engine.host())).collect(),
        containers: addresses(engine, &tasks, &here, context).await?,
        host: engine.host().to_owned(),
    };
    state.service = Some(service(&found, &tasks, &around));
    Ok(state)
}

/// The project's service; one of its name that is somebody else's is an error.
pub(super) async fn find(engine: &Engine, slug: &str, context: &JobContext) -> Result<Option<Service>, PackageError> {
    let name = service_name(slug);
    let inspection = engine.docker.inspect_service(&name, None);
    match guarded(context, STAGE, REQUEST_LIMIT, inspection).await? {
        Ok(service) if service.spec.as_ref().is_some_and(|spec| is_ours(spec, slug)) => Ok(Some(service)),
        // The engine also takes the beginning of an identity for a name.
        Ok(service) if service.spec.as_ref().is_none_or(|spec| spec.name.as_ref() != Some(&name)) => Ok(None),
        Ok(_) => Err(SwarmError::Foreign(name).into()),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(PackageError::from_engine(STAGE, &error)),
    }
}

fn named(node: &Node, here: &str, host: &str) -> Option<(String, NodeName)> {
    let id = node.id.clone()?;
    let name = node.description.as_ref().and_then(|description| description.hostname.clone()).unwrap_or_default();
    let address = if id == here {
        host.to_owned()
    } else {
        let address = node.status.as_ref().and_then(|status| status.addr.clone()).unwrap_or_default();
        if address == "0.0.0.0" { String::new() } else { address }
    };
    Some((id, NodeName { name, address }))
}

/// Addresses of this node's containers on the network of services without ports.
async fn addresses(
    engine: &Engine,
    tasks: &[Task],
    here: &str,
    context: &JobContext,
) -> Result<HashMap<String, String>, PackageError> {
    let on_network = |task: &&Task| {
        let networks = task.spec.as_ref().and_then(|spec| spec.networks.as_ref());
        networks.is_some_and(|networks| !networks.is_empty()) && task.node_id.as_deref() == Some(here)
    };
    let running = tasks.iter().filter(on_network).filter_map(|task| {
        let status = task.status.as_ref()?;
        let runs = status.state == Some(bollard::models::TaskState::RUNNING);
        status.container_status.as_ref().filter(|_| runs)?.container_id.clone()
    });
    let mut addresses = HashMap::new();
    for id in running {
        let inspection = engine.docker.inspect_container(&id, None);
        // One that is gone meanwhile has no address.
        let Ok(inspected) = guarded(context, STAGE, REQUEST_LIMIT, inspection).await? else { continue };
        let networks = inspected.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        let address = networks.get(NETWORK).and_then(|endpoint| endpoint.ip_address.clone());
        if let Some(address) = address.filter(|address| !address.is_empty()) {
            addresses.insert(id, format!("{address}:{PORT}"));
        }
    }
    Ok(addresses)
}

/// Asks the published port, or the ports, of a service that runs; what there is none of, or runs on other nodes only,
/// is not asked.
pub(super) async fn knock(state: &mut SwarmState, patient: bool, context: &JobContext) -> Result<(), PackageError> {
    let Some(service) = &mut state.service else { return Ok(()) };
    if service.running == 0 || service.mode == PublishMode::DnsRoundRobin || service.addresses.is_empty() {
        return Ok(());
    }
    let mut answers = true;
    for address in &service.addresses {
        let authority = address.strip_prefix("http://").unwrap_or(address);
        let mut answered = false;
        for attempt in 0..if patient { N_TRIES } else { 1 } {
            if 0 < attempt {
                guarded(context, STAGE, REQUEST_LIMIT, sleep(ANSWER_LIMIT / 4)).await?;
            }
            let mut client = Client::new(authority, ANSWER_LIMIT);
            let answer = guarded(context, STAGE, REQUEST_LIMIT, client.get("/v2/health/ready")).await?;
            answered = answer.is_ok_and(|answer| answer.status == 200);
            if answered {
                break;
            }
        }
        answers &= answered;
    }
    service.answers = Some(answers);
    Ok(())
}

/// Containers of a service that are on this node, running or not.
pub(super) async fn containers(engine: &Engine, name: &str) -> Result<usize, Error> {
    let found = leftovers::labelled_containers(&engine.docker, "com.docker.swarm.service.name", name).await?;
    Ok(found.len())
}
