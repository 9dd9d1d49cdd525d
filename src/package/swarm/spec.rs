//! The service as the engine is asked for it: locked down like the container that was verified, replaced task by task,
//! and put back when that fails.

use std::collections::HashMap;

use bollard::models::{
    EndpointPortConfig, EndpointPortConfigProtocolEnum, EndpointPortConfigPublishModeEnum, EndpointSpec,
    EndpointSpecModeEnum, HealthConfig, Limit, NetworkAttachmentConfig, Platform, ResourceObject, ServiceSpec,
    ServiceSpecMode, ServiceSpecModeReplicated, ServiceSpecRollbackConfig, ServiceSpecRollbackConfigFailureActionEnum,
    ServiceSpecRollbackConfigOrderEnum, ServiceSpecUpdateConfig, ServiceSpecUpdateConfigFailureActionEnum,
    ServiceSpecUpdateConfigOrderEnum, TaskSpec, TaskSpecContainerSpec, TaskSpecContainerSpecPrivileges,
    TaskSpecPlacement, TaskSpecResources, TaskSpecRestartPolicy, TaskSpecRestartPolicyConditionEnum,
};

use super::error::SwarmError;
use crate::package::dockerfile::{KIND_LABEL, PORT, PROJECT_LABEL};
use crate::package::manifests;
use crate::package::sizing::Sizing;
use crate::project::deployment::{DeploySettings, PublishMode};

/// Value of [`KIND_LABEL`] on a service.
pub(super) const KIND_SERVICE: &str = "service";
/// Value of [`KIND_LABEL`] on the container of a task.
const KIND_TASK: &str = "task";
/// Value of [`KIND_LABEL`] on the network of services without ports.
pub(super) const KIND_NETWORK: &str = "network";
/// The network that services without ports are on.
pub(super) const NETWORK: &str = "trestle";
/// Label of the tasks of one form of a service: another one is another form, and replaces them.
pub(super) const DEPLOYMENT_LABEL: &str = "io.trestle.deployment";
/// Label with the model's version.
pub(super) const VERSION_LABEL: &str = "io.trestle.version";
/// Label with the image's reference, for people.
pub(super) const IMAGE_LABEL: &str = "io.trestle.tag";
/// Label with what the last change was, which a roll back undoes.
pub(super) const CHANGE_LABEL: &str = "io.trestle.change";
/// Value of [`CHANGE_LABEL`] on a service that was not changed yet.
pub(super) const CREATED: &str = "created";

/// Longest name of a service.
const LONGEST_NAME: usize = 63;
/// Most tasks of a service.
const MOST_REPLICAS: u64 = 1_000;
/// One second in the engine's unit.
const SECOND: i64 = 1_000_000_000;
/// Between two health checks: a task counts as running after the first that passes, and each update waits for that.
/// The image's own interval is for containers that nobody waits for.
const HEALTH_SECONDS: i64 = 3;
/// Longer than the server drains, 9 s unless it is told otherwise.
const GRACE_SECONDS: i64 = 30;
/// How long a new task is watched before the next one is replaced.
const MONITOR_SECONDS: i64 = 10;
/// Processes and threads that a container may have.
const MOST_PROCESSES: i64 = 1_024;

/// The name of a project's service.
pub(super) fn service_name(slug: &str) -> String {
    let name: String = format!("trestle-{}", manifests::name(slug)).chars().take(LONGEST_NAME).collect();
    name.trim_end_matches('-').to_owned()
}

/// Settings with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) replicas: u64,
    pub(super) mode: PublishMode,
    /// 0 is whichever the engine chooses.
    pub(super) port: u16,
    pub(super) env: Vec<String>,
}

/// What is asked for, else what is there, else the usual.
pub(super) fn resolve(
    settings: &DeploySettings,
    existing: Option<&ServiceSpec>,
    sizing: &Sizing,
    nodes: u64,
) -> Result<Resolved, SwarmError> {
    let mode = settings.mode.or_else(|| existing.map(mode_of)).unwrap_or_default();
    let replicas = settings.replicas.or_else(|| existing.map(replicas_of)).unwrap_or(sizing.replicas);
    let port = match (mode, settings.port) {
        (PublishMode::DnsRoundRobin, Some(port)) if port != 0 => return Err(SwarmError::PortWithoutPublishing(port)),
        (PublishMode::DnsRoundRobin, _) => 0,
        (_, Some(port)) => port,
        (_, None) => existing.and_then(fixed_port).unwrap_or(0),
    };
    let env = settings.env.clone().or_else(|| existing.map(env_of)).unwrap_or_default();
    if let Some(idx) = env.iter().position(|variable| !is_variable(variable)) {
        return Err(SwarmError::Variable { number: idx + 1 });
    }
    check_replicas(replicas, mode, port, nodes)?;
    Ok(Resolved { replicas, mode, port, env })
}

/// Whether so many tasks can be.
pub(super) fn check_replicas(replicas: u64, mode: PublishMode, port: u16, nodes: u64) -> Result<(), SwarmError> {
    if !(1..=MOST_REPLICAS).contains(&replicas) {
        return Err(SwarmError::Replicas(replicas));
    }
    if mode == PublishMode::Host && port != 0 && nodes < replicas {
        return Err(SwarmError::FixedPort { replicas, nodes, port });
    }
    Ok(())
}

fn is_variable(text: &str) -> bool {
    let Some((name, _)) = text.split_once('=') else { return false };
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(inner) && !text.contains('\0')
}

/// How a service is reached.
pub(super) fn mode_of(spec: &ServiceSpec) -> PublishMode {
    let Some(endpoint) = &spec.endpoint_spec else { return PublishMode::default() };
    if endpoint.mode == Some(EndpointSpecModeEnum::DNSRR) && ports(spec).next().is_none() {
        return PublishMode::DnsRoundRobin;
    }
    let is_host = |port: &EndpointPortConfig| port.publish_mode == Some(EndpointPortConfigPublishModeEnum::HOST);
    if ports(spec).any(is_host) { PublishMode::Host } else { PublishMode::Ingress }
}

fn ports(spec: &ServiceSpec) -> impl Iterator<Item = &EndpointPortConfig> {
    spec.endpoint_spec.iter().flat_map(|endpoint| endpoint.ports.iter().flatten())
}

/// The published port that was chosen; `None` where the engine chose or there is none.
pub(super) fn fixed_port(spec: &ServiceSpec) -> Option<u16> {
    ports(spec).find_map(|port| u16::try_from(port.published_port?).ok()).filter(|port| *port != 0)
}

/// Tasks that a service asks for.
pub(super) fn replicas_of(spec: &ServiceSpec) -> u64 {
    let replicated = spec.mode.as_ref().and_then(|mode| mode.replicated.as_ref());
    replicated.and_then(|replicated| replicated.replicas).and_then(|replicas| u64::try_from(replicas).ok()).unwrap_or(0)
}

fn env_of(spec: &ServiceSpec) -> Vec<String> {
    let container = spec.task_template.as_ref().and_then(|task| task.container_spec.as_ref());
    container.and_then(|container| container.env.clone()).unwrap_or_default()
}

/// A label of a service.
pub(super) fn label(spec: &ServiceSpec, name: &str) -> String {
    spec.labels.as_ref().and_then(|labels| labels.get(name)).cloned().unwrap_or_default()
}

/// A service in the form that is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form<'a> {
    pub(super) slug: &'a str,
    pub(super) version: &'a str,
    /// The reference, for people.
    pub(super) tag: &'a str,
    /// Identity or digest: never a tag, which a node might fetch from elsewhere or take for another image.
    pub(super) image: &'a str,
    pub(super) sizing: &'a Sizing,
    pub(super) settings: &'a Resolved,
    /// Tells its tasks from those of other forms.
    pub(super) deployment: &'a str,
    /// What this change is.
    pub(super) change: &'a str,
    pub(super) os: &'a str,
    pub(super) architecture: &'a str,
}

impl Form<'_> {
    /// The whole service; `existing` is what it replaces.
    pub(super) fn spec(&self, existing: Option<&ServiceSpec>) -> ServiceSpec {
        let Resolved { replicas, mode, .. } = *self.settings;
        let holds_port = |mode: PublishMode, port: Option<u16>| mode == PublishMode::Host && port.is_some();
        // A new task cannot have a port of its node that the old one still has.
        let stop_first = holds_port(mode, Some(self.settings.port).filter(|port| *port != 0))
            || existing.is_some_and(|spec| holds_port(mode_of(spec), fixed_port(spec)));
        ServiceSpec {
            name: Some(service_name(self.slug)),
            labels: Some(self.labels(KIND_SERVICE, [(CHANGE_LABEL, self.change), (IMAGE_LABEL, self.tag)])),
            task_template: Some(self.task()),
            mode: Some(ServiceSpecMode {
                replicated: Some(ServiceSpecModeReplicated { replicas: i64::try_from(replicas).ok() }),
                ..ServiceSpecMode::default()
            }),
            update_config: Some(update_config(replicas, stop_first)),
            rollback_config: Some(rollback_config(replicas, stop_first)),
            networks: None,
            endpoint_spec: Some(self.endpoint()),
        }
    }

    fn labels<const N: usize>(&self, kind: &str, more: [(&str, &str); N]) -> HashMap<String, String> {
        let own = [(KIND_LABEL, kind), (PROJECT_LABEL, self.slug), (VERSION_LABEL, self.version)];
        own.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn task(&self) -> TaskSpec {
        let Sizing { millicores, mebibytes, most_mebibytes, .. } = *self.sizing;
        let bytes = |mebibytes: u64| i64::try_from(mebibytes << 20).ok();
        let on_network = self.settings.mode == PublishMode::DnsRoundRobin;
        TaskSpec {
            container_spec: Some(self.container()),
            resources: Some(TaskSpecResources {
                // A limit on processor time would only throttle; one on memory protects the neighbours.
                limits: Some(Limit {
                    memory_bytes: bytes(most_mebibytes),
                    pids: Some(MOST_PROCESSES),
                    nano_cpus: None,
                }),
                reservations: Some(ResourceObject {
                    nano_cpus: i64::try_from(millicores.saturating_mul(1_000_000)).ok(),
                    memory_bytes: bytes(mebibytes),
                    ..ResourceObject::default()
                }),
                ..TaskSpecResources::default()
            }),
            restart_policy: Some(TaskSpecRestartPolicy {
                condition: Some(TaskSpecRestartPolicyConditionEnum::ANY),
                delay: Some(2 * SECOND),
                ..TaskSpecRestartPolicy::default()
            }),
            placement: Some(TaskSpecPlacement {
                platforms: Some(vec![Platform {
                    architecture: Some(self.architecture.to_owned()),
                    os: Some(self.os.to_owned()),
                }]),
                ..TaskSpecPlacement::default()
            }),
            networks: on_network
                .then(|| vec![NetworkAttachmentConfig { target: Some(NETWORK.to_owned()), ..Default::default() }]),
            ..TaskSpec::default()
        }
    }

    fn container(&self) -> TaskSpecContainerSpec {
        TaskSpecContainerSpec {
            image: Some(self.image.to_owned()),
            labels: Some(self.labels(KIND_TASK, [(DEPLOYMENT_LABEL, self.deployment)])),
            env: Some(self.settings.env.clone()).filter(|env| !env.is_empty()),
            read_only: Some(true),
            capability_drop: Some(vec!["ALL".to_owned()]),
            privileges: Some(TaskSpecContainerSpecPrivileges {
                no_new_privileges: Some(true),
                ..TaskSpecContainerSpecPrivileges::default()
            }),
            stop_grace_period: Some(GRACE_SECONDS * SECOND),
            health_check: Some(health_check()),
            ..TaskSpecContainerSpec::default()
        }
    }

    fn endpoint(&self) -> EndpointSpec {
        let publish_mode = match self.settings.mode {
            PublishMode::DnsRoundRobin => {
                return EndpointSpec { mode: Some(EndpointSpecModeEnum::DNSRR), ports: None };
            }
            PublishMode::Ingress => EndpointPortConfigPublishModeEnum::INGRESS,
            PublishMode::Host => EndpointPortConfigPublishModeEnum::HOST,
        };
        EndpointSpec {
            mode: Some(EndpointSpecModeEnum::VIP),
            ports: Some(vec![EndpointPortConfig {
                protocol: Some(EndpointPortConfigProtocolEnum::TCP),
                target_port: Some(i64::from(PORT)),
                published_port: Some(i64::from(self.settings.port)).filter(|port| *port != 0),
                publish_mode: Some(publish_mode),
                ..EndpointPortConfig::default()
            }]),
        }
    }
}

/// The health check of a task: what is asked, and how long it may take, is the image's own.
fn health_check() -> HealthConfig {
    HealthConfig { interval: Some(HEALTH_SECONDS * SECOND), ..HealthConfig::default() }
}

/// Makes a specification that was read fit to be sent again.
///
/// The engine writes `Healthcheck` and bollard reads `HealthCheck`: without this, the check is lost on the way and
/// every task is replaced for that.
pub(super) fn complete(spec: &mut ServiceSpec) {
    let container = spec.task_template.as_mut().and_then(|task| task.container_spec.as_mut());
    if let Some(container) = container.filter(|container| container.health_check.is_none()) {
        container.health_check = Some(health_check());
    }
}

/// Tasks replaced at a time: one of a few, a quarter of many.
fn parallelism(replicas: u64) -> i64 {
    i64::try_from((replicas / 4).max(1)).unwrap_or(1)
}

fn update_config(replicas: u64, stop_first: bool) -> ServiceSpecUpdateConfig {
    use ServiceSpecUpdateConfigOrderEnum::{START_FIRST, STOP_FIRST};
    ServiceSpecUpdateConfig {
        parallelism: Some(parallelism(replicas)),
        delay: Some(SECOND),
        failure_action: Some(ServiceSpecUpdateConfigFailureActionEnum::ROLLBACK),
        monitor: Some(MONITOR_SECONDS * SECOND),
        max_failure_ratio: Some(0.0),
        order: Some(if stop_first { STOP_FIRST } else { START_FIRST }),
    }
}

fn rollback_config(replicas: u64, stop_first: bool) -> ServiceSpecRollbackConfig {
    use ServiceSpecRollbackConfigOrderEnum::{START_FIRST, STOP_FIRST};
    ServiceSpecRollbackConfig {
        parallelism: Some(parallelism(replicas)),
        delay: Some(0),
        failure_action: Some(ServiceSpecRollbackConfigFailureActionEnum::PAUSE),
        monitor: Some(MONITOR_SECONDS * SECOND / 2),
        max_failure_ratio: Some(0.0),
        order: Some(if stop_first { STOP_FIRST } else { START_FIRST }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(mode: PublishMode, port: u16, replicas: u64) -> DeploySettings {
        DeploySettings { replicas: Some(replicas), port: Some(port), mode: Some(mode), env: None }
    }

    fn spec_of(resolved: &Resolved, existing: Option<&ServiceSpec>) -> ServiceSpec {
        let sizing = Sizing::of(None, None);
        let form = Form {
            slug: "churn",
            version: "1.1.0",
            tag: "churn:1.1.0",
            image: "sha256:1",
            sizing: &sizing,
            settings: resolved,
            deployment: "d2",
            change: "update 1.0.0 to 1.1.0",
            os: "linux",
            architecture: "amd64",
        };
        form.spec(existing)
    }

    fn spec(mode: PublishMode, port: u16, existing: Option<&ServiceSpec>) -> ServiceSpec {
        let sizing = Sizing::of(None, None);
        spec_of(&resolve(&settings(mode, port, 3), existing, &sizing, 3).unwrap(), existing)
    }

    #[test]
    fn tasks_get_nothing_they_do_not_need_and_time_to_drain() {
        let task = spec(PublishMode::Ingress, 8080, None).task_template.unwrap();
        let container = task.container_spec.unwrap();
        assert_eq!(container.read_only, Some(true));
        assert_eq!(container.capability_drop.unwrap(), ["ALL"]);
        assert_eq!(container.privileges.unwrap().no_new_privileges, Some(true));
        assert_eq!(container.user, None, "the image's own user is what was verified");
        assert!(9 * SECOND < container.stop_grace_period.unwrap());
        assert_eq!(container.health_check.unwrap().test, None, "the image's own question is asked");
        let resources = task.resources.unwrap();
        let (limits, reserved) = (resources.limits.unwrap(), resources.reservations.unwrap());
        assert_eq!((limits.memory_bytes, limits.nano_cpus), (Some(512 << 20), None));
        assert_eq!((reserved.memory_bytes, reserved.nano_cpus), (Some(256 << 20), Some(100_000_000)));
        assert_eq!(task.networks, None);
    }

    #[test]
    fn updates_roll_back_and_stop_first_only_where_a_port_is_taken() {
        use ServiceSpecUpdateConfigOrderEnum::{START_FIRST, STOP_FIRST};
        #[track_caller]
        fn check(spec: &ServiceSpec, order: ServiceSpecUpdateConfigOrderEnum) {
            let update = spec.update_config.clone().unwrap();
            assert_eq!(update.failure_action, Some(ServiceSpecUpdateConfigFailureActionEnum::ROLLBACK));
            assert_eq!(update.max_failure_ratio, Some(0.0));
            assert_eq!(update.order, Some(order));
            let rollback = spec.rollback_config.clone().unwrap();
            assert_eq!(rollback.failure_action, Some(ServiceSpecRollbackConfigFailureActionEnum::PAUSE));
        }
        let fixed = spec(PublishMode::Host, 9000, None);
        check(&fixed, STOP_FIRST);
        check(&spec(PublishMode::Host, 0, None), START_FIRST);
        check(&spec(PublishMode::Ingress, 9000, None), START_FIRST);
        check(&spec(PublishMode::DnsRoundRobin, 0, None), START_FIRST);
        // The tasks that are replaced have the port of their nodes.
        check(&spec(PublishMode::Ingress, 9000, Some(&fixed)), STOP_FIRST);
        assert_eq!([1, 3, 8, 40].map(parallelism), [1, 1, 2, 10]);
    }

    #[test]
    fn each_mode_is_published_as_it_says_and_recognised_again() {
        for mode in PublishMode::ALL {
            let port = if mode == PublishMode::DnsRoundRobin { 0 } else { 9000 };
            let spec = spec(mode, port, None);
            assert_eq!(mode_of(&spec), mode);
            assert_eq!(fixed_port(&spec).unwrap_or(0), port);
            assert_eq!(replicas_of(&spec), 3);
            let on_network = spec.task_template.unwrap().networks.is_some();
            assert_eq!(on_network, mode == PublishMode::DnsRoundRobin);
        }
        assert_eq!(fixed_port(&spec(PublishMode::Host, 0, None)), None);
    }

    #[test]
    fn what_is_not_asked_for_stays_as_it_is() {
        let sizing = Sizing::of(None, None);
        let usual = resolve(&DeploySettings::default(), None, &sizing, 1).unwrap();
        assert_eq!(usual, Resolved { replicas: 2, mode: PublishMode::Ingress, port: 0, env: Vec::new() });
        let first = DeploySettings { env: Some(vec!["A=b=c".to_owned()]), ..settings(PublishMode::Host, 9000, 1) };
        let first = resolve(&first, None, &sizing, 1).unwrap();
        let existing = spec_of(&first, None);
        assert_eq!(resolve(&DeploySettings::default(), Some(&existing), &sizing, 1).unwrap(), first);
        let free = DeploySettings { port: Some(0), ..DeploySettings::default() };
        assert_eq!(resolve(&free, Some(&existing), &sizing, 1).unwrap().port, 0);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        #[track_caller]
        fn check(settings: &DeploySettings, nodes: u64, expected: &SwarmError) {
            assert_eq!(&resolve(settings, None, &Sizing::of(None, None), nodes).unwrap_err(), expected);
        }
        let taken = SwarmError::FixedPort { replicas: 2, nodes: 1, port: 9000 };
        check(&settings(PublishMode::Host, 9000, 2), 1, &taken);
        check(&settings(PublishMode::DnsRoundRobin, 9000, 2), 1, &SwarmError::PortWithoutPublishing(9000));
        check(&settings(PublishMode::Ingress, 0, 0), 1, &SwarmError::Replicas(0));
        check(&settings(PublishMode::Ingress, 0, 1_001), 1, &SwarmError::Replicas(1_001));
        for wrong in ["s3cret", "=s3cret", "A B=s3cret", "A=\0"] {
            let env = Some(vec!["A=1".to_owned(), wrong.to_owned()]);
            let settings = DeploySettings { env, ..DeploySettings::default() };
            let error = resolve(&settings, None, &Sizing::of(None, None), 1).unwrap_err();
            assert_eq!(error, SwarmError::Variable { number: 2 });
            assert!(!error.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn what_is_read_and_sent_again_is_the_same() {
        let sent = spec(PublishMode::Host, 0, None);
        // As the engine writes it.
        let told = serde_json::to_string(&sent).unwrap().replace("\"HealthCheck\"", "\"Healthcheck\"");
        let mut read: ServiceSpec = serde_json::from_str(&told).unwrap();
        assert_ne!(read, sent, "bollard reads it by itself now: `complete` can go");
        complete(&mut read);
        assert_eq!(read, sent);
    }

    #[test]
    fn any_slug_names_a_service() {
        assert_eq!(service_name("churn"), "trestle-churn");
        assert_eq!(service_name("7 days"), "trestle-model-7-days");
        let long = service_name(&"ab-".repeat(40));
        assert!(long.len() <= LONGEST_NAME && !long.ends_with('-'), "{long}");
    }
}
