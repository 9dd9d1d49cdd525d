//! What the engine says about a service and its tasks, as a state to look at.

use std::cmp::Reverse;
use std::collections::HashMap;

use bollard::models::{
    Service, ServiceSpec, ServiceUpdateStatus, ServiceUpdateStatusStateEnum, SwarmInfo, Task, TaskState,
};
use jiff::Timestamp;
use serde::Serialize;

use super::spec::{
    CHANGE_LABEL, CREATED, DEPLOYMENT_LABEL, IMAGE_LABEL, NETWORK, VERSION_LABEL, fixed_port, label, mode_of,
    replicas_of, service_name,
};
use crate::package::dockerfile::PORT;
use crate::project::deployment::{
    DeployedService, DeployedTask, PublishMode, ServiceUpdate, SwarmStanding, UpdatePhase,
};

/// Ended tasks that are told.
const MOST_ENDED: usize = 10;
/// Tasks that are told at all.
const MOST_TASKS: usize = 200;
/// Longest message of the engine that is kept.
const MOST_CHARS: usize = 500;

/// A node, as far as a task needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeName {
    /// Its host name.
    pub(super) name: String,
    /// Where ports of it are reached from here.
    pub(super) address: String,
}

/// What is known beside the service itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// Nodes by identity.
    pub(super) nodes: HashMap<String, NodeName>,
    /// Addresses on the network of services without ports, by container.
    pub(super) containers: HashMap<String, String>,
    /// Where ingress ports are reached from here.
    pub(super) host: String,
}

/// What the engine is to a swarm.
pub(super) fn standing(info: Option<&SwarmInfo>, product: &str) -> SwarmStanding {
    use bollard::models::LocalNodeState;
    let Some(info) = info.filter(|_| !product.starts_with("Podman")) else { return SwarmStanding::Unsupported };
    let words = short(info.error.as_deref().unwrap_or_default());
    match info.local_node_state {
        Some(LocalNodeState::ACTIVE) if info.control_available == Some(true) => SwarmStanding::Manager,
        Some(LocalNodeState::ACTIVE) => SwarmStanding::Worker,
        Some(LocalNodeState::LOCKED) => SwarmStanding::Locked,
        Some(LocalNodeState::PENDING) => SwarmStanding::Unsettled(format!("it is joining {words}").trim().to_owned()),
        Some(LocalNodeState::ERROR) => SwarmStanding::Unsettled(words),
        Some(LocalNodeState::INACTIVE | LocalNodeState::EMPTY) | None => SwarmStanding::Inactive,
    }
}

/// A service with its tasks.
pub(super) fn service(service: &Service, tasks: &[Task], around: &Surroundings) -> DeployedService {
    let empty = ServiceSpec::default();
    let spec = service.spec.as_ref().unwrap_or(&empty);
    let mode = mode_of(spec);
    let container = spec.task_template.as_ref().and_then(|task| task.container_spec.as_ref());
    let deployment =
        container.and_then(|container| container.labels.as_ref()?.get(DEPLOYMENT_LABEL).cloned()).unwrap_or_default();
    let mut tasks: Vec<DeployedTask> = tasks.iter().map(|told| task(told, mode, &deployment, around)).collect();
    let running = tasks.iter().filter(|task| task.current && task.wanted() && task.runs()).count() as u64;
    keep_telling(&mut tasks);
    let ports = service.endpoint.iter().flat_map(|endpoint| endpoint.ports.iter().flatten());
    let published = ports.filter_map(|port| u16::try_from(port.published_port?).ok()).find(|port| *port != 0);
    let port = if mode == PublishMode::Ingress { published.or(fixed_port(spec)) } else { None };
    let update = service.update_status.as_ref().and_then(update);
    let change = label(spec, CHANGE_LABEL);
    let is_undone =
        matches!(update, Some(ServiceUpdate { phase: UpdatePhase::RolledBack | UpdatePhase::RollingBack, .. }));
    let name = spec.name.clone().unwrap_or_default();
    DeployedService {
        version: label(spec, VERSION_LABEL),
        image: label(spec, IMAGE_LABEL),
        replicas: replicas_of(spec),
        running,
        mode,
        port,
        port_fixed: fixed_port(spec).is_some(),
        answers: None,
        addresses: addresses(&name, mode, port, &tasks, &around.host),
        update,
        undoes: (!is_undone && !matches!(change.as_str(), "" | CREATED)).then_some(change),
        deployment,
        tasks,
        name,
    }
}

fn addresses(name: &str, mode: PublishMode, port: Option<u16>, tasks: &[DeployedTask], host: &str) -> Vec<String> {
    match mode {
        PublishMode::Ingress => port.iter().map(|port| format!("http://{host}:{port}")).collect(),
        PublishMode::Host => tasks
            .iter()
            .filter(|task| task.current && task.runs() && !task.address.is_empty())
            .map(|task| format!("http://{}", task.address))
            .collect(),
        PublishMode::DnsRoundRobin => vec![format!("http://{name}:{PORT} on the network {NETWORK}")],
    }
}

/// Leaves the tasks that are meant to run or do, and the last that failed; by slot, the newest first.
fn keep_telling(tasks: &mut Vec<DeployedTask>) {
    tasks.sort_by_key(|task| Reverse(task.created));
    let mut n_ended = 0;
    tasks.retain(|task| {
        if task.wanted() || task.runs() {
            return true;
        }
        let kept = (task.failed() || !task.error.is_empty()) && n_ended < MOST_ENDED;
        n_ended += usize::from(kept);
        kept
    });
    tasks.truncate(MOST_TASKS);
    // Stable: the newest of a slot stays first.
    tasks.sort_by_key(|task| task.slot);
}

fn task(told: &Task, mode: PublishMode, deployment: &str, around: &Surroundings) -> DeployedTask {
    let status = told.status.clone().unwrap_or_default();
    let container = status.container_status.as_ref();
    let container_id = container.and_then(|container| container.container_id.clone()).unwrap_or_default();
    let labels = told.spec.as_ref().and_then(|spec| spec.container_spec.as_ref()?.labels.as_ref());
    let label = |name: &str| labels.and_then(|labels| labels.get(name)).cloned().unwrap_or_default();
    let node = told.node_id.as_ref().and_then(|id| around.nodes.get(id));
    let ports = status.port_status.iter().flat_map(|ports| ports.ports.iter().flatten());
    let port = ports.filter_map(|port| u16::try_from(port.published_port?).ok()).find(|port| *port != 0);
    let address = match (mode, node, port) {
        (PublishMode::Host, Some(node), Some(port)) if !node.address.is_empty() => format!("{}:{port}", node.address),
        (PublishMode::DnsRoundRobin, ..) => around.containers.get(&container_id).cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let state = status.state.unwrap_or(TaskState::NEW);
    let mut error = short(status.err.as_deref().unwrap_or_default());
    let exit_code = container.and_then(|container| container.exit_code).filter(|code| *code != 0);
    if error.is_empty()
        && state == TaskState::FAILED
        && let Some(code) = exit_code
    {
        error = format!("exit code {code}");
    }
    let of = label(DEPLOYMENT_LABEL);
    DeployedTask {
        id: told.id.clone().unwrap_or_default(),
        slot: told.slot.and_then(|slot| u64::try_from(slot).ok()).unwrap_or(0),
        node: node.map(|node| node.name.clone()).unwrap_or_default(),
        version: label(VERSION_LABEL),
        state: state.to_string(),
        desired: told.desired_state.map(|state| state.to_string()).unwrap_or_default(),
        error,
        since: time(status.timestamp.as_ref()),
        created: time(told.created_at.as_ref()),
        container: container_id,
        address,
        current: of == deployment,
        deployment: of,
    }
}

fn update(status: &ServiceUpdateStatus) -> Option<ServiceUpdate> {
    let phase = match status.state? {
        ServiceUpdateStatusStateEnum::EMPTY => return None,
        ServiceUpdateStatusStateEnum::UPDATING => UpdatePhase::Updating,
        ServiceUpdateStatusStateEnum::PAUSED => UpdatePhase::Paused,
        ServiceUpdateStatusStateEnum::COMPLETED => UpdatePhase::Completed,
        ServiceUpdateStatusStateEnum::ROLLBACK_STARTED => UpdatePhase::RollingBack,
        ServiceUpdateStatusStateEnum::ROLLBACK_PAUSED => UpdatePhase::RollbackPaused,
        ServiceUpdateStatusStateEnum::ROLLBACK_COMPLETED => UpdatePhase::RolledBack,
    };
    Some(ServiceUpdate { phase, message: short(status.message.as_deref().unwrap_or_default()) })
}

/// A time of the engine's, whichever type its client gives it.
fn time(date: Option<&impl Serialize>) -> Option<Timestamp> {
    let value = serde_json::to_value(date?).ok()?;
    value.as_str()?.parse().ok()
}

fn short(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}

/// Whether a service of this name is the project's own.
pub(super) fn is_ours(spec: &ServiceSpec, slug: &str) -> bool {
    use super::spec::KIND_SERVICE;
    use crate::package::dockerfile::{KIND_LABEL, PROJECT_LABEL};
    spec.name.as_deref() == Some(service_name(slug).as_str())
        && label(spec, KIND_LABEL) == KIND_SERVICE
        && label(spec, PROJECT_LABEL) == slug
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn told(mode: &str, change: &str, update: Json) -> Service {
        let port = json!({"Protocol": "tcp", "TargetPort": 8080, "PublishMode": mode});
        let mut seen = port.clone();
        seen["PublishedPort"] = json!(30000);
        serde_json::from_value(json!({
            "ID": "s", "Version": {"Index": 15},
            "Spec": {
                "Name": "trestle-churn",
                "Labels": {"io.trestle": "service", "io.trestle.project": "churn", "io.trestle.version": "1.1.0",
                           "io.trestle.tag": "churn:1.1.0", "io.trestle.change": change},
                "TaskTemplate": {"ContainerSpec": {"Image": "sha256:1", "Labels": {"io.trestle.deployment": "d2"}}},
                "Mode": {"Replicated": {"Replicas": 2}},
                "EndpointSpec": {"Mode": "vip", "Ports": [port]}
            },
            "Endpoint": {"Spec": {}, "Ports": [seen]},
            "UpdateStatus": update
        }))
        .unwrap()
    }

    fn task(slot: u64, deployment: &str, created: &str, state: &str, desired: &str, error: &str) -> Task {
        serde_json::from_value(json!({
            "ID": format!("{slot}-{created}"), "CreatedAt": format!("2026-11-24T22:00:{created}Z"),
            "Slot": slot, "NodeID": "n1", "DesiredState": desired,
            "Spec": {"ContainerSpec": {"Labels": {"io.trestle.deployment": deployment, "io.trestle.version": "1"}}},
            "Status": {
                "Timestamp": "2026-11-24T22:01:00.123456789Z", "State": state, "Err": error,
                "ContainerStatus": {"ContainerID": "c1", "PID": 1, "ExitCode": 0},
                "PortStatus": {"Ports": [{"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 32768, "PublishMode": "host"}]}
            }
        }))
        .unwrap()
    }

    fn around() -> Surroundings {
        let node = NodeName { name: "vm".to_owned(), address: "127.0.0.1".to_owned() };
        Surroundings {
            nodes: HashMap::from([("n1".to_owned(), node)]),
            containers: HashMap::from([("c1".to_owned(), "10.0.1.2:8080".to_owned())]),
            host: "127.0.0.1".to_owned(),
        }
    }

    #[test]
    fn tasks_of_the_current_form_are_counted_and_the_last_failures_are_told() {
        let tasks = [
            task(2, "d1", "01", "shutdown", "shutdown", ""),
            task(2, "d2", "05", "running", "running", ""),
            task(1, "d2", "02", "failed", "shutdown", "task: non-zero exit (2)"),
            task(1, "d1", "03", "running", "running", ""),
            task(3, "d2", "04", "pending", "running", "no suitable node"),
        ];
        let service = service(&told("host", "update 1.0.0 to 1.1.0", Json::Null), &tasks, &around());
        assert_eq!((service.replicas, service.running), (2, 1));
        assert_eq!((service.mode, service.port, service.port_fixed), (PublishMode::Host, None, false));
        let seen: Vec<(u64, &str, bool)> =
            service.tasks.iter().map(|task| (task.slot, task.state.as_str(), task.current)).collect();
        let expected = [(1, "running", false), (1, "failed", true), (2, "running", true), (3, "pending", true)];
        assert_eq!(seen, expected);
        let first = &service.tasks[0];
        assert_eq!((first.node.as_str(), first.address.as_str()), ("vm", "127.0.0.1:32768"));
        assert_eq!(first.since, "2026-11-24T22:01:00.123456789Z".parse().ok());
        assert_eq!(service.tasks[1].error, "task: non-zero exit (2)");
        assert_eq!(service.addresses, ["http://127.0.0.1:32768"]);
        assert_eq!(service.undoes.as_deref(), Some("update 1.0.0 to 1.1.0"));
    }

    #[test]
    fn an_ingress_port_is_the_one_that_the_engine_gave() {
        let service = service(&told("ingress", "created", Json::Null), &[], &around());
        assert_eq!((service.port, service.port_fixed), (Some(30000), false));
        assert_eq!(service.addresses, ["http://127.0.0.1:30000"]);
        assert_eq!(service.undoes, None);
    }

    #[test]
    fn every_state_of_an_update_is_understood() {
        for (word, phase) in [
            ("updating", UpdatePhase::Updating),
            ("paused", UpdatePhase::Paused),
            ("completed", UpdatePhase::Completed),
            ("rollback_started", UpdatePhase::RollingBack),
            ("rollback_paused", UpdatePhase::RollbackPaused),
            ("rollback_completed", UpdatePhase::RolledBack),
        ] {
            let update = json!({"State": word, "StartedAt": "2026-11-24T22:23:03Z", "Message": "m"});
            let service = service(&told("ingress", "update a to b", update), &[], &around());
            assert_eq!(service.update, Some(ServiceUpdate { phase, message: "m".to_owned() }));
            let undone = matches!(phase, UpdatePhase::RolledBack | UpdatePhase::RollingBack);
            assert_eq!(service.undoes.is_none(), undone, "{word}");
        }
    }

    #[test]
    fn what_is_missing_or_huge_does_no_harm() {
        assert_eq!(service(&Service::default(), &[Task::default()], &around()).replicas, 0);
        let many: Vec<Task> =
            (0..5_000).map(|slot| task(slot, "d2", "01", "failed", "shutdown", &"x".repeat(10_000))).collect();
        let seen = service(&told("host", "", Json::Null), &many, &around());
        assert_eq!(seen.tasks.len(), MOST_ENDED);
        assert!(seen.tasks.iter().all(|task| task.error.len() <= MOST_CHARS));
    }

    #[test]
    fn the_engines_part_in_a_swarm_is_told() {
        #[track_caller]
        fn check(info: Json, expected: &SwarmStanding) {
            let info: SwarmInfo = serde_json::from_value(info).unwrap();
            assert_eq!(&standing(Some(&info), "Docker 28"), expected);
            assert_eq!(standing(Some(&info), "Podman 5"), SwarmStanding::Unsupported);
        }
        check(json!({"LocalNodeState": "inactive", "ControlAvailable": false}), &SwarmStanding::Inactive);
        check(json!({"LocalNodeState": "active", "ControlAvailable": true}), &SwarmStanding::Manager);
        check(json!({"LocalNodeState": "active", "ControlAvailable": false}), &SwarmStanding::Worker);
        check(json!({"LocalNodeState": "locked"}), &SwarmStanding::Locked);
        check(json!({"LocalNodeState": "error", "Error": "why"}), &SwarmStanding::Unsettled("why".to_owned()));
        check(json!({"LocalNodeState": ""}), &SwarmStanding::Inactive);
        assert_eq!(standing(None, "Docker 28"), SwarmStanding::Unsupported);
    }

    #[test]
    fn a_service_of_somebody_else_is_recognised() {
        let ours = told("host", "", Json::Null).spec.unwrap();
        assert!(is_ours(&ours, "churn"));
        assert!(!is_ours(&ours, "other"));
        assert!(!is_ours(&ServiceSpec { labels: None, ..ours }, "churn"));
    }
}
