//! Descriptions of a deployment, for tools that run containers: Compose, Kubernetes, KServe.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget,
    ResourceMetricSource,
};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, HTTPGetAction, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
    ResourceRequirements, SeccompProfile, SecurityContext, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::BuildPlan;
use super::dockerfile::PORT;
use super::error::PackageError;
use super::reference::Reference;
use super::sizing::Sizing;

/// Number of the user and the group that the server runs as.
const USER_ID: i64 = 65532;
/// Longest name of an object in Kubernetes.
const LONGEST_NAME: usize = 63;
/// Processor use at which copies are added, in percent of what is asked for.
const SCALE_AT_PERCENT: i32 = 70;
/// Seconds that requests get to finish before the container is killed.
const GRACE_SECONDS: i64 = 30;

/// A Compose file: one locked-down service.
pub(super) fn compose(plan: &BuildPlan, reference: &Reference, sizing: &Sizing) -> Result<String, PackageError> {
    let name = name(&plan.slug);
    let document = json!({
        "name": name,
        "services": {
            name.clone(): {
                "image": reference.full(),
                "ports": [format!("127.0.0.1:8080:{PORT}")],
                "read_only": true,
                "cap_drop": ["ALL"],
                "security_opt": ["no-new-privileges:true"],
                "restart": "unless-stopped",
                "stop_grace_period": format!("{GRACE_SECONDS}s"),
                "deploy": { "resources": { "limits": { "memory": format!("{}M", sizing.most_mebibytes) } } },
            }
        }
    });
    Ok([heading(plan, sizing, "Start it with: docker compose up"), yaml(&document)?].concat())
}

/// `Deployment`, `Service`, `HorizontalPodAutoscaler` and `PodDisruptionBudget`.
pub(super) fn kubernetes(plan: &BuildPlan, reference: &Reference, sizing: &Sizing) -> Result<String, PackageError> {
    let documents = [
        yaml(&deployment(plan, reference, sizing))?,
        yaml(&service(plan))?,
        yaml(&autoscaler(plan, sizing))?,
        yaml(&disruption_budget(plan))?,
    ];
    let heading =
        heading(plan, sizing, "Apply it with: kubectl apply -f FILE; the image must be where the cluster pulls from");
    Ok([heading, documents.join("---\n")].concat())
}

/// KServe's InferenceService, with the server as a custom predictor that speaks the Open Inference Protocol.
pub(super) fn kserve(plan: &BuildPlan, reference: &Reference, sizing: &Sizing) -> Result<String, PackageError> {
    let mut container = serde_json::to_value(container(plan, reference, sizing)).map_err(|error| unwritten(&error))?;
    container["name"] = json!("kserve-container");
    container["ports"] = json!([{ "name": "http1", "containerPort": PORT, "protocol": "TCP" }]);
    let document = json!({
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": serde_json::to_value(metadata(plan)).map_err(|error| unwritten(&error))?,
        "spec": { "predictor": {
            "minReplicas": sizing.replicas,
            "maxReplicas": sizing.most_replicas,
            "containers": [container],
        }},
    });
    let heading = heading(plan, sizing, "Apply it with: kubectl apply -f FILE, where KServe is installed");
    Ok([heading, yaml(&document)?].concat())
}

/// A name that Kubernetes and Compose accept.
pub(super) fn name(slug: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let name: String = slug.chars().map(plain).take(LONGEST_NAME).collect();
    let name = name.trim_matches('-');
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name.to_owned(),
        // Services must begin with a letter.
        _ => format!("model-{name}").trim_end_matches('-').chars().take(LONGEST_NAME).collect(),
    }
}

fn labels(plan: &BuildPlan) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("app.kubernetes.io/name".to_owned(), name(&plan.slug)),
        ("app.kubernetes.io/managed-by".to_owned(), "trestle".to_owned()),
    ])
}

/// What tells the copies of this deployment from others; it must not change between versions.
fn selector(plan: &BuildPlan) -> LabelSelector {
    LabelSelector { match_labels: Some(labels(plan)), ..LabelSelector::default() }
}

fn metadata(plan: &BuildPlan) -> ObjectMeta {
    let mut labels = labels(plan);
    labels.insert("app.kubernetes.io/version".to_owned(), label_value(&plan.version.to_string()));
    let annotations =
        [("io.trestle.model.sha256", &plan.evidence.model), ("io.trestle.brief.sha256", &plan.evidence.brief)];
    let annotations: BTreeMap<String, String> = annotations
        .into_iter()
        .filter(|(_, hash)| !hash.is_empty())
        .map(|(name, hash)| (name.to_owned(), hash.clone()))
        .collect();
    ObjectMeta {
        name: Some(name(&plan.slug)),
        labels: Some(labels),
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    }
}

/// A label's value has no `+`, which a semantic version may have.
fn label_value(text: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    text.chars().map(plain).take(LONGEST_NAME).collect()
}

fn container(plan: &BuildPlan, reference: &Reference, sizing: &Sizing) -> Container {
    let probe = |path: &str, period: i32, failures: i32| Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(i32::from(PORT)),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(2),
        failure_threshold: Some(failures),
        ..Probe::default()
    };
    let mebibytes = |amount: u64| Quantity(format!("{amount}Mi"));
    Container {
        name: name(&plan.slug),
        image: Some(reference.full()),
        ports: Some(vec![ContainerPort {
            name: Some("http".to_owned()),
            container_port: i32::from(PORT),
            ..ContainerPort::default()
        }]),
        startup_probe: Some(probe("/v2/health/ready", 1, 60)),
        readiness_probe: Some(probe("/v2/health/ready", 5, 2)),
        liveness_probe: Some(probe("/v2/health/live", 10, 3)),
        resources: Some(ResourceRequirements {
            requests: Some(BTreeMap::from([
                ("cpu".to_owned(), Quantity(format!("{}m", sizing.millicores))),
                ("memory".to_owned(), mebibytes(sizing.mebibytes)),
            ])),
            // A limit on processor time would only throttle; on memory it protects the neighbours.
            limits: Some(BTreeMap::from([("memory".to_owned(), mebibytes(sizing.most_mebibytes))])),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

fn deployment(plan: &BuildPlan, reference: &Reference, sizing: &Sizing) -> Deployment {
    let metadata = metadata(plan);
    Deployment {
        metadata: metadata.clone(),
        spec: DeploymentSpec {
            // The number of copies is the autoscaler's; one stated here would undo it with every change.
            replicas: None,
            selector: selector(plan),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: metadata.labels,
                    annotations: metadata.annotations,
                    ..ObjectMeta::default()
                }),
                spec: Some(PodSpec {
                    containers: vec![container(plan, reference, sizing)],
                    automount_service_account_token: Some(false),
                    termination_grace_period_seconds: Some(GRACE_SECONDS),
                    security_context: Some(PodSecurityContext {
                        run_as_non_root: Some(true),
                        run_as_user: Some(USER_ID),
                        run_as_group: Some(USER_ID),
                        seccomp_profile: Some(SeccompProfile {
                            type_: "RuntimeDefault".to_owned(),
                            ..SeccompProfile::default()
                        }),
                        ..PodSecurityContext::default()
                    }),
                    ..PodSpec::default()
                }),
            },
            ..DeploymentSpec::default()
        },
        ..Deployment::default()
    }
}

fn service(plan: &BuildPlan) -> Service {
    Service {
        metadata: metadata(plan),
        spec: Some(ServiceSpec {
            selector: Some(labels(plan)),
            ports: Some(vec![ServicePort {
                name: Some("http".to_owned()),
                port: 80,
                target_port: Some(IntOrString::String("http".to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn autoscaler(plan: &BuildPlan, sizing: &Sizing) -> HorizontalPodAutoscaler {
    HorizontalPodAutoscaler {
        metadata: metadata(plan),
        spec: HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: "Deployment".to_owned(),
                name: name(&plan.slug),
            },
            min_replicas: i32::try_from(sizing.replicas).ok(),
            max_replicas: i32::try_from(sizing.most_replicas).unwrap_or(i32::MAX),
            metrics: Some(vec![MetricSpec {
                type_: "Resource".to_owned(),
                resource: Some(ResourceMetricSource {
                    name: "cpu".to_owned(),
                    target: MetricTarget {
                        type_: "Utilization".to_owned(),
                        average_utilization: Some(SCALE_AT_PERCENT),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            }]),
            ..HorizontalPodAutoscalerSpec::default()
        },
        ..HorizontalPodAutoscaler::default()
    }
}

fn disruption_budget(plan: &BuildPlan) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(plan),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(selector(plan)),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}

fn heading(plan: &BuildPlan, sizing: &Sizing, how: &str) -> String {
    let mut lines = vec![format!("Made by trestle {} for {} {}", env!("CARGO_PKG_VERSION"), plan.slug, plan.version)];
    lines.push(how.to_owned());
    lines.extend(sizing.reasons.iter().cloned());
    lines.iter().flat_map(|line| ["# ", line, "\n"]).collect()
}

fn yaml(document: &impl Serialize) -> Result<String, PackageError> {
    // By way of JSON, so that what is not set is left out the same way in each.
    let json: Json = serde_json::to_value(document).map_err(|error| unwritten(&error))?;
    serde_saphyr::to_string(&json).map_err(|error| unwritten(&error))
}

fn unwritten(error: &dyn std::fmt::Display) -> PackageError {
    PackageError::Context { reason: format!("the description cannot be written ({error})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::testing::plan;

    fn made(what: fn(&BuildPlan, &Reference, &Sizing) -> Result<String, PackageError>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let reference = Reference::parse("team/standin:1.0.0").unwrap();
        what(&plan, &reference, &Sizing::of(None, None)).unwrap()
    }

    #[test]
    fn the_manifests_are_as_they_were() {
        insta::assert_snapshot!("compose", made(compose));
        insta::assert_snapshot!("kubernetes", made(kubernetes));
        insta::assert_snapshot!("kserve", made(kserve));
    }

    #[test]
    fn any_slug_becomes_a_name() {
        for (slug, expected) in
            [("churn", "churn"), ("7 days_Ahead", "model-7-days-ahead"), ("---", "model"), ("日本", "model")]
        {
            assert_eq!(name(slug), expected, "{slug}");
        }
        assert!(name(&"x".repeat(100)).len() <= LONGEST_NAME);
        assert!(name(&"7".repeat(100)).len() <= LONGEST_NAME);
    }
}
