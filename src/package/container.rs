//! The container that verifies an image: started with nothing it does not need, watched, and stopped.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::exec::StartExecResults;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerState, ExecConfig, HealthConfig, HealthStatusEnum,
    HostConfig, PortBinding,
};
use bollard::query_parameters::{CreateContainerOptions, KillContainerOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt as _;
use tokio::time::{sleep, timeout};

use super::build::{guarded, request};
use super::discover::Engine;
use super::dockerfile::{KIND_LABEL, KIND_VERIFICATION, PORT, health_command};
use super::error::{PackageError, is_of_a_moment};
use super::http::Client;
use super::leftovers::OWNER_LABEL;
use crate::jobs::JobContext;

/// How long one request to the engine may take.
const ENGINE_LIMIT: Duration = Duration::from_mins(1);

/// How long the server may take to get ready.
pub(super) const READY_LIMIT: Duration = Duration::from_mins(1);

/// How long the server may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How long the server may take from SIGTERM to its end; it drains for up to 9 s.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How often the image's health check runs during verification; 10 s in the image itself.
const HEALTH_INTERVAL: Duration = Duration::from_millis(300);

/// How long the engine may take to begin with the health check.
const HEALTH_PATIENCE: Duration = Duration::from_secs(5);

/// Memory that the server gets beyond twice the model's size.
const BASE_MEMORY_BYTES: i64 = 512 << 20;

/// The stage of its end.
const STOPPING: &str = "stopping the container";

/// Lines of the log that an error shows.
const LOG_TAIL: usize = 20;

/// A running container, and a client of the server in it.
pub(super) struct Running<'a> {
    docker: &'a Docker,
    context: &'a JobContext,
    id: String,
    /// Asks the server.
    pub(super) client: Client,
    /// How long it took from start to ready.
    pub(super) ready_millis: u64,
}

/// How a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// Its exit code.
    pub(super) exit_code: i64,
    /// Time from the signal to the end.
    pub(super) millis: u64,
}

/// The memory that the server of a model may have, in bytes.
pub(super) fn memory_for(model_bytes: u64) -> i64 {
    BASE_MEMORY_BYTES.saturating_add(i64::try_from(model_bytes.saturating_mul(2)).unwrap_or(i64::MAX))
}

/// What to create: the image as it is, locked down.
fn create_body(image_id: &str, build_name: &str, host: &str, model_bytes: u64) -> ContainerCreateBody {
    // A port of an engine on another machine must be reachable from here.
    let host_ip = if host == "127.0.0.1" { host } else { "0.0.0.0" };
    let binding = PortBinding { host_ip: Some(host_ip.to_owned()), host_port: Some(String::new()) };
    ContainerCreateBody {
        image: Some(image_id.to_owned()),
        labels: Some(HashMap::from([
            (KIND_LABEL.to_owned(), KIND_VERIFICATION.to_owned()),
            (OWNER_LABEL.to_owned(), build_name.to_owned()),
        ])),
        healthcheck: Some(HealthConfig {
            interval: Some(HEALTH_INTERVAL.as_nanos() as i64),
            ..HealthConfig::default()
        }),
        host_config: Some(HostConfig {
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            memory: Some(memory_for(model_bytes)),
            pids_limit: Some(1_024),
            port_bindings: Some(HashMap::from([(format!("{PORT}/tcp"), Some(vec![binding]))])),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// Starts a container of the image and waits until its server is ready.
pub(super) async fn start<'a>(
    engine: &'a Engine,
    image_id: &str,
    build_name: &str,
    model_bytes: u64,
    context: &'a JobContext,
) -> Result<Running<'a>, PackageError> {
    const STAGE: &str = "starting the container";
    let docker = &engine.docker;
    let body = create_body(image_id, build_name, engine.host(), model_bytes);
    let creation = docker.create_container(None::<CreateContainerOptions>, body);
    let id = request(context, STAGE, ENGINE_LIMIT, creation).await?.id;
    let started = Instant::now();
    request(context, STAGE, ENGINE_LIMIT, docker.start_container(&id, None)).await?;
    let inspected = request(context, STAGE, ENGINE_LIMIT, docker.inspect_container(&id, None)).await?;
    let mut running =
        Running { docker, context, client: Client::new(String::new(), ANSWER_LIMIT), id, ready_millis: 0 };
    let addresses = addresses(&inspected, engine.host());
    running.client = Client::new(running.wait_ready(&addresses, started).await?, ANSWER_LIMIT);
    running.ready_millis = started.elapsed().as_millis() as u64;
    Ok(running)
}

/// Where the server may be reached: the published port, else the container itself, as when Trestle runs in a
/// container beside it.
pub(super) fn addresses(inspected: &ContainerInspectResponse, host: &str) -> Vec<String> {
    let Some(network) = &inspected.network_settings else { return Vec::new() };
    let published = network
        .ports
        .iter()
        .flatten()
        .filter(|(port, _)| **port == format!("{PORT}/tcp"))
        .flat_map(|(_, bindings)| bindings.iter().flatten())
        .filter_map(|binding| binding.host_port.as_ref())
        .map(|port| format!("{host}:{port}"));
    let mut addresses: Vec<String> = published.collect();
    let mut own: Vec<String> = network
        .networks
        .iter()
        .flatten()
        .filter_map(|(_, endpoint)| endpoint.ip_address.as_ref().filter(|ip| !ip.is_empty()))
        .map(|ip| format!("{ip}:{PORT}"))
        .collect();
    own.sort();
    addresses.extend(own);
    addresses
}

impl Running<'_> {
    /// The address at which the server answers that it is ready.
    async fn wait_ready(&self, addresses: &[String], started: Instant) -> Result<String, PackageError> {
        let mut pause = Duration::from_millis(10);
        while started.elapsed() < READY_LIMIT {
            for address in addresses {
                let mut client = Client::new(address.clone(), Duration::from_secs(2));
                let answer = self.within(ANSWER_LIMIT, client.get("/v2/health/ready")).await?;
                if answer.is_ok_and(|answer| answer.status == 200) {
                    return Ok(address.clone());
                }
            }
            let state = self.state().await?;
            if state.running == Some(false) {
                let log = self.tail().await;
                return Err(PackageError::Stopped { exit_code: state.exit_code.unwrap_or(-1), log });
            }
            self.within(READY_LIMIT, sleep(pause)).await?;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
        Err(PackageError::NotReady { limit: READY_LIMIT, log: self.tail().await })
    }

    /// Its identity.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Waits for `work`, but neither beyond `limit` nor beyond cancellation.
    pub(super) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, PackageError> {
        guarded(self.context, "verifying the container", limit, work).await
    }

    /// What the engine says about it.
    pub(super) async fn inspect(&self) -> Result<ContainerInspectResponse, PackageError> {
        let inspection = self.docker.inspect_container(&self.id, None);
        request(self.context, "inspecting the container", ENGINE_LIMIT, inspection).await
    }

    async fn state(&self) -> Result<ContainerState, PackageError> {
        Ok(self.inspect().await?.state.unwrap_or_default())
    }

    /// Waits for the first result of the image's health check; `None` when the engine knows of none, `STARTING` when
    /// it knows of one and does not run it, as Podman without systemd.
    pub(super) async fn health(&self) -> Result<Option<HealthStatusEnum>, PackageError> {
        let deadline = Instant::now() + HEALTH_PATIENCE;
        loop {
            let status = self.state().await?.health.and_then(|health| health.status);
            match status {
                Some(HealthStatusEnum::STARTING) if Instant::now() < deadline => {
                    self.within(ENGINE_LIMIT, sleep(Duration::from_millis(50))).await?;
                }
                None | Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) => return Ok(None),
                status => return Ok(status),
            }
        }
    }

    /// Runs the image's health check once; its exit code and what it said.
    pub(super) async fn run_health_check(&self) -> Result<(i64, String), PackageError> {
        const STAGE: &str = "running the health check";
        let config = ExecConfig {
            cmd: Some(health_command()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let created = request(self.context, STAGE, ENGINE_LIMIT, self.docker.create_exec(&self.id, config)).await?;
        let run = async {
            let mut said = String::new();
            // Detached, Podman calls it running for ever.
            if let StartExecResults::Attached { mut output, input: _ } =
                self.docker.start_exec(&created.id, None).await?
            {
                while let Some(piece) = output.next().await {
                    said.push_str(&piece?.to_string());
                }
            }
            let ended = self.docker.inspect_exec(&created.id).await?;
            Ok((ended.exit_code.unwrap_or(-1), said.trim().to_owned()))
        };
        request(self.context, STAGE, ENGINE_LIMIT, run).await
    }

    /// The lines that it has written so far.
    pub(super) async fn log(&self) -> Result<Vec<String>, PackageError> {
        let collected = self.collect_log();
        let lines = request(self.context, "reading the container's log", ENGINE_LIMIT, collected).await?;
        Ok(lines)
    }

    async fn collect_log(&self) -> Result<Vec<String>, bollard::errors::Error> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut stream = Box::pin(self.docker.logs(&self.id, Some(options)));
        let mut text = String::new();
        while let Some(output) = stream.next().await {
            text.push_str(&output?.to_string());
        }
        Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// The end of the log, in one line for an error; empty when it cannot be had.
    async fn tail(&self) -> String {
        let lines = timeout(ENGINE_LIMIT, self.collect_log()).await.ok().and_then(Result::ok).unwrap_or_default();
        for line in &lines {
            self.context.log(line.clone());
        }
        lines[lines.len().saturating_sub(LOG_TAIL)..].join(" | ")
    }

    /// Closes the client's connection, which the server would otherwise wait for.
    pub(super) fn hang_up(&mut self) {
        self.client = Client::new(self.client.authority().to_owned(), ANSWER_LIMIT);
    }

    /// The exit code, when it runs no more.
    pub(super) async fn has_ended(&self) -> Result<Option<i64>, PackageError> {
        let state = self.state().await?;
        Ok((state.running == Some(false)).then(|| state.exit_code.unwrap_or(-1)))
    }

    /// Sends SIGTERM.
    pub(super) async fn terminate(&self) -> Result<(), PackageError> {
        let options = KillContainerOptionsBuilder::new().signal("SIGTERM").build();
        let killed = self.docker.kill_container(&self.id, Some(options));
        request(self.context, STOPPING, ENGINE_LIMIT, killed).await
    }

    /// Waits for the end after a signal of that moment, and tells how it went; one that goes on and on is an ending
    /// with exit code −1.
    pub(super) async fn ended(&self, signalled: Instant) -> Result<Ending, PackageError> {
        let mut pause = Duration::from_millis(5);
        loop {
            let inspection = self.docker.inspect_container(&self.id, None);
            let inspected = guarded(self.context, STOPPING, ENGINE_LIMIT, inspection).await?;
            let millis = signalled.elapsed().as_millis() as u64;
            let state = match inspected {
                Ok(inspected) => inspected.state.unwrap_or_default(),
                Err(error) if is_of_a_moment(&error) => ContainerState::default(),
                Err(error) => return Err(PackageError::from_engine(STOPPING, &error)),
            };
            if state.running == Some(false) {
                return Ok(Ending { exit_code: state.exit_code.unwrap_or(-1), millis });
            }
            if STOP_LIMIT < signalled.elapsed() {
                return Ok(Ending { exit_code: -1, millis });
            }
            self.within(ENGINE_LIMIT, sleep(pause)).await?;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_gets_nothing_it_does_not_need() {
        let body = create_body("sha256:1", "b", "127.0.0.1", 1 << 20);
        let host = body.host_config.unwrap();
        assert_eq!(host.readonly_rootfs, Some(true));
        assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
        assert_eq!(host.security_opt.unwrap(), ["no-new-privileges"]);
        assert_eq!(host.memory, Some((512 << 20) + (2 << 20)));
        assert_eq!(host.privileged, None);
        assert_eq!(body.user, None, "the image's own user is what is verified");
        let bindings = host.port_bindings.unwrap()["8080/tcp"].clone().unwrap();
        assert_eq!(bindings[0].host_ip.as_deref(), Some("127.0.0.1"));
        let remote = create_body("sha256:1", "b", "build.example", 0).host_config.unwrap().port_bindings.unwrap();
        assert_eq!(remote["8080/tcp"].clone().unwrap()[0].host_ip.as_deref(), Some("0.0.0.0"));
    }

    #[test]
    fn the_server_is_looked_for_at_its_port_and_then_at_the_container() {
        let inspected: ContainerInspectResponse = serde_json::from_value(serde_json::json!({
            "NetworkSettings": {
                "Ports": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "49153"}], "9/tcp": null},
                "Networks": {"bridge": {"IPAddress": "172.17.0.2"}}
            }
        }))
        .unwrap();
        assert_eq!(addresses(&inspected, "127.0.0.1"), ["127.0.0.1:49153", "172.17.0.2:8080"]);
        assert!(addresses(&ContainerInspectResponse::default(), "127.0.0.1").is_empty());
    }
}
