//! The containers of Trestle's images: those it runs, those of its builds, and those that somebody else started.

use std::collections::HashMap;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, HealthStatusEnum};
use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::package::dockerfile::{KIND_LABEL, KIND_VERIFICATION, PORT, PROJECT_LABEL};
use crate::package::leftovers::{OWNER_LABEL, is_orphan};
use crate::project::running::{ContainerInfo, Health, Maker, Phase};

/// Label with the version, which images carry for everybody.
const VERSION_LABEL: &str = "org.opencontainers.image.version";

/// Label that a swarm puts on the containers of its tasks.
const TASK_LABEL: &str = "com.docker.swarm.task.id";

/// Containers that are looked at; more is no workbench's business any more.
const MOST: usize = 200;

/// Every container that carries Trestle's label, by name.
pub(super) async fn all(docker: &Docker, host: &str) -> Result<Vec<ContainerInfo>, Error> {
    let filters = HashMap::from([("label", vec![KIND_LABEL.to_owned()])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let summaries = docker.list_containers(Some(options)).await?;
    let mut containers = Vec::with_capacity(summaries.len());
    for id in summaries.into_iter().filter_map(|summary| summary.id).take(MOST) {
        match docker.inspect_container(&id, None).await {
            Ok(inspected) => containers.push(info(&inspected, host)),
            // Removed in between.
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    containers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(containers)
}

/// What an engine's long description of a container comes to; `host` is where its ports are reached.
pub(super) fn info(inspected: &ContainerInspectResponse, host: &str) -> ContainerInfo {
    let config = inspected.config.as_ref();
    let labels = config.and_then(|config| config.labels.as_ref());
    let label = |name: &str| labels.and_then(|labels| labels.get(name)).cloned().unwrap_or_default();
    let owner = label(OWNER_LABEL);
    let maker = if label(KIND_LABEL) == KIND_VERIFICATION {
        Maker::Build
    } else if !label(TASK_LABEL).is_empty() {
        Maker::Swarm
    } else if owner.is_empty() {
        Maker::Other
    } else {
        Maker::Run
    };
    let state = inspected.state.clone().unwrap_or_default();
    let phase = match state.status {
        Some(ContainerStateStatusEnum::CREATED) => Phase::Created,
        Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING) => Phase::Running,
        Some(ContainerStateStatusEnum::PAUSED) => Phase::Paused,
        Some(ContainerStateStatusEnum::RESTARTING) => Phase::Restarting,
        Some(ContainerStateStatusEnum::REMOVING | ContainerStateStatusEnum::DEAD) => Phase::Removing,
        Some(ContainerStateStatusEnum::EXITED) => Phase::Exited,
        // An engine that has no such word, or another one.
        Some(ContainerStateStatusEnum::EMPTY) | None if state.running == Some(true) => Phase::Running,
        Some(ContainerStateStatusEnum::EMPTY) | None => Phase::Exited,
    };
    let health = match state.health.and_then(|health| health.status) {
        _ if phase != Phase::Running => None,
        Some(HealthStatusEnum::STARTING) => Some(Health::Starting),
        Some(HealthStatusEnum::HEALTHY) => Some(Health::Healthy),
        Some(HealthStatusEnum::UNHEALTHY) => Some(Health::Unhealthy),
        Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => None,
    };
    let host_config = inspected.host_config.as_ref();
    let memory = host_config.and_then(|host| host.memory).and_then(|bytes| u64::try_from(bytes).ok());
    let nano_cpus = host_config.and_then(|host| host.nano_cpus).filter(|nano| 0 < *nano);
    let id = inspected.id.clone().unwrap_or_default();
    let named = inspected.name.as_deref().unwrap_or_default().trim_start_matches('/');
    ContainerInfo {
        name: if named.is_empty() { id.chars().take(12).collect() } else { named.to_owned() },
        maker,
        // One that was started is somebody's to stop, whatever became of the process that started it.
        orphan: match maker {
            Maker::Build => is_orphan(&owner),
            Maker::Run => phase == Phase::Created && is_orphan(&owner),
            Maker::Swarm | Maker::Other => false,
        },
        image: config.and_then(|config| config.image.clone()).or_else(|| inspected.image.clone()).unwrap_or_default(),
        project: label(PROJECT_LABEL),
        version: label(VERSION_LABEL),
        phase,
        health,
        exit_code: state.exit_code.filter(|_| phase == Phase::Exited),
        out_of_memory: state.oom_killed == Some(true),
        addresses: published(inspected, host),
        started: instant(state.started_at.as_deref()),
        finished: instant(state.finished_at.as_deref()),
        memory_limit_bytes: memory.filter(|bytes| 0 < *bytes),
        cpu_limit: nano_cpus.map(|nano| nano as f64 / 1e9),
        id,
    }
}

/// A time of the engine's; year 1 stands for never.
fn instant(text: Option<&str>) -> Option<jiff::Timestamp> {
    let time: jiff::Timestamp = text?.parse().ok()?;
    (0 < time.as_second()).then_some(time)
}

/// Where the server's port is published, once each.
fn published(inspected: &ContainerInspectResponse, host: &str) -> Vec<String> {
    let ports = inspected.network_settings.as_ref().and_then(|network| network.ports.as_ref());
    let bindings = ports.and_then(|ports| ports.get(&format!("{PORT}/tcp"))).into_iter().flatten().flatten();
    let mut addresses: Vec<String> = Vec::new();
    for binding in bindings {
        let Some(port) = binding.host_port.as_deref().filter(|port| !port.is_empty()) else { continue };
        // Everywhere is reached like the loopback; another address only at itself.
        let at = match binding.host_ip.as_deref() {
            None | Some("" | "0.0.0.0" | "::" | "127.0.0.1") => host.to_owned(),
            Some(ip) if ip.contains(':') => format!("[{ip}]"),
            Some(ip) => ip.to_owned(),
        };
        let address = format!("{at}:{port}");
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn container(json: &Json) -> ContainerInfo {
        info(&serde_json::from_value(json.clone()).unwrap(), "127.0.0.1")
    }

    fn running() -> Json {
        json!({
            "Id": "3f9c", "Name": "/trestle-churn-1.0.0", "Image": "sha256:77",
            "Config": {"Image": "churn:1.0.0", "Labels": {
                "io.trestle": "image", "io.trestle.owner": "a-b-c-1-2-0",
                "io.trestle.project": "churn", "org.opencontainers.image.version": "1.0.0",
            }},
            "State": {
                "Status": "running", "Running": true, "ExitCode": 0, "OOMKilled": false,
                "StartedAt": "2026-11-24T20:00:00.5Z", "FinishedAt": "0001-01-01T00:00:00Z",
                "Health": {"Status": "healthy", "FailingStreak": 0},
            },
            "HostConfig": {"Memory": 536_870_912, "NanoCpus": 1_500_000_000},
            "NetworkSettings": {"Ports": {"8080/tcp": [
                {"HostIp": "0.0.0.0", "HostPort": "8081"}, {"HostIp": "::", "HostPort": "8081"},
            ]}},
        })
    }

    #[test]
    fn a_container_of_ours_that_runs() {
        let info = container(&running());
        assert_eq!((info.name.as_str(), info.image.as_str()), ("trestle-churn-1.0.0", "churn:1.0.0"));
        assert_eq!((info.project.as_str(), info.version.as_str()), ("churn", "1.0.0"));
        assert_eq!((info.maker, info.phase, info.health), (Maker::Run, Phase::Running, Some(Health::Healthy)));
        assert_eq!(info.addresses, ["127.0.0.1:8081"], "both families of addresses are one place");
        assert_eq!((info.exit_code, info.finished, info.orphan), (None, None, false));
        assert_eq!(info.started.map(|at| at.to_string()).as_deref(), Some("2026-11-24T20:00:00.5Z"));
        assert_eq!((info.memory_limit_bytes, info.cpu_limit), (Some(512 << 20), Some(1.5)));
    }

    #[test]
    fn one_that_ended_has_an_exit_code_and_no_health() {
        let mut json = running();
        json["State"] = json!({
            "Status": "exited", "Running": false, "ExitCode": 137, "OOMKilled": true,
            "StartedAt": "2026-11-24T20:00:00Z", "FinishedAt": "2026-11-24T20:05:00Z",
            "Health": {"Status": "unhealthy"},
        });
        json["NetworkSettings"] = json!({"Ports": {}});
        let info = container(&json);
        assert_eq!((info.phase, info.exit_code, info.health), (Phase::Exited, Some(137), None));
        assert!(info.out_of_memory && info.addresses.is_empty() && info.finished.is_some());
    }

    #[test]
    fn who_made_it_is_told_by_its_labels() {
        let mut json = running();
        json["Config"]["Labels"]["io.trestle"] = json!("verification");
        assert_eq!(container(&json).maker, Maker::Build);
        assert!(!container(&json).orphan, "nothing is known about a process of another machine");
        let here = crate::package::leftovers::build_name();
        let (process, _) = here.rsplit_once('-').unwrap();
        let (machine, _) = process.rsplit_once('-').unwrap();
        // The same process number, started at another time.
        json["Config"]["Labels"]["io.trestle.owner"] = json!(format!("{machine}-1x-0"));
        #[cfg(target_os = "linux")]
        assert!(container(&json).orphan);
        json["Config"]["Labels"]["io.trestle"] = json!("image");
        assert!(!container(&json).orphan, "it runs");
        json["State"]["Status"] = json!("created");
        #[cfg(target_os = "linux")]
        assert!(container(&json).orphan);
        json["Config"]["Labels"].as_object_mut().unwrap().remove("io.trestle.owner");
        let other = container(&json);
        assert_eq!((other.maker, other.orphan), (Maker::Other, false));
        json["Config"]["Labels"]["com.docker.swarm.task.id"] = json!("t1");
        let task = container(&json);
        assert_eq!((task.maker, task.orphan), (Maker::Swarm, false));
    }

    #[test]
    fn an_engine_that_tells_little_gives_no_wrong_answer() {
        let info = container(&json!({"Id": "0123456789abcdef", "State": {"Running": true}}));
        assert_eq!((info.name.as_str(), info.phase), ("0123456789ab", Phase::Running));
        assert_eq!((info.started, info.memory_limit_bytes), (None, None));
        assert_eq!(container(&json!({})).phase, Phase::Exited);
    }
}
