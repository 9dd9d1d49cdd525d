//! A deployment on a real swarm of one node. It runs when the engine is a manager already, or when
//! `TRESTLE_TEST_SWARM=1` allows to make a swarm and leave it again; otherwise it says loudly that it did not.
#![expect(clippy::print_stderr, reason = "what did not run, and what was seen, is told whoever runs the tests")]

use std::collections::BTreeSet;

use bollard::models::{ServiceSpec, TaskSpec, TaskSpecContainerSpec};
use bollard::query_parameters::{BuildImageOptionsBuilder, RemoveImageOptionsBuilder};
use futures_util::StreamExt as _;
use trestle::jobs::{JobContext, no_wake};
use trestle::package::{
    self, DeployImage, DeployPlan, DockerFiles, Engine, Environment, LiveState, PackageError, Sizing, SwarmError,
};
use trestle::project::deployment::{
    DeployOutcome, DeployRequest, DeploySettings, Deployed, DeployedService, PublishMode, SwarmStanding, UpdatePhase,
};

use crate::docker::{Stage, build};

/// The network that engines make for swarms, and keep.
const GATEWAY: &str = "docker_gwbridge";

/// An engine with a swarm.
struct Swarm {
    engine: Engine,
    /// Whether it is this test's, to be left.
    ours: bool,
    had_gateway: bool,
}

async fn ask(slug: &str, request: DeployRequest, image: Option<DeployImage>) -> Result<Deployed, PackageError> {
    let plan = DeployPlan { slug: slug.to_owned(), request, image, time: trestle::clock::now() };
    let context = JobContext::new(no_wake());
    let (environment, files) = (Environment::from_process(), DockerFiles::default());
    let result = package::deploy_in(&plan, &LiveState::default(), &context, &environment, &files).await;
    eprintln!("{:?}: {}", plan.request, context.log_lines().join("; "));
    result
}

impl Swarm {
    async fn find() -> Option<Self> {
        let skip = |why: &str| {
            eprintln!("\nNOT RUN, because {why}: swarm\n");
            None
        };
        let Ok(engine) = package::discover().await else { return skip("it needs a container engine") };
        let had_gateway = engine.docker.inspect_network(GATEWAY, None).await.is_ok();
        let standing = ask("nothing", DeployRequest::Look, None).await.unwrap().state.standing;
        let allowed = std::env::var("TRESTLE_TEST_SWARM").is_ok_and(|value| value == "1");
        match standing {
            SwarmStanding::Manager => Some(Self { engine, ours: false, had_gateway }),
            SwarmStanding::Inactive if allowed => {
                let refused = ask("nothing", DeployRequest::Scale(2), None).await.unwrap_err();
                assert!(matches!(refused, PackageError::Swarm(SwarmError::NoSwarm)), "{refused}");
                let started = ask("nothing", DeployRequest::StartSwarm, None).await.unwrap();
                assert_eq!(started.state.standing, SwarmStanding::Manager);
                Some(Self { engine, ours: true, had_gateway })
            }
            SwarmStanding::Inactive => {
                skip("the engine is in no swarm, and TRESTLE_TEST_SWARM=1 is not set to make one")
            }
            _ => skip("the engine takes no services"),
        }
    }

    /// Leaves the engine as it was.
    async fn leave(self) {
        if self.ours {
            package::leave_swarm(&self.engine, &JobContext::new(no_wake())).await.unwrap();
            if !self.had_gateway {
                drop(self.engine.docker.remove_network(GATEWAY).await);
            }
        }
    }
}

fn deploy(mode: PublishMode, port: u16, replicas: u64) -> DeployRequest {
    let settings = DeploySettings { replicas: Some(replicas), port: Some(port), mode: Some(mode), env: None };
    DeployRequest::Deploy(settings)
}

/// Asks for what has to come about.
async fn converge(slug: &str, request: DeployRequest, image: Option<DeployImage>) -> DeployedService {
    let deployed = ask(slug, request, image).await.unwrap();
    assert_eq!(deployed.outcome, DeployOutcome::Converged, "{deployed:#?}");
    deployed.state.service.unwrap()
}

fn containers(service: &DeployedService) -> BTreeSet<String> {
    service.tasks.iter().filter(|task| task.runs()).map(|task| task.container.clone()).collect()
}

/// The same image with a command that is not in it.
async fn broken(engine: &Engine, image: &DeployImage) -> DeployImage {
    let tag = image.tag.replace(":1.0.0", ":broken");
    let dockerfile = format!("FROM {}\nCMD [\"/nothing\"]\n", image.tag);
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).unwrap();
    let body = bollard::body_full(archive.into_inner().unwrap().into());
    let options = BuildImageOptionsBuilder::new().t(&tag).rm(true).build();
    let mut answers = engine.docker.build_image(options, None, Some(body));
    while let Some(answer) = answers.next().await {
        answer.unwrap();
    }
    drop(answers);
    let id = engine.docker.inspect_image(&tag).await.unwrap().id.unwrap();
    DeployImage { version: "1.0.1".to_owned(), id, tag, sizing: image.sizing.clone() }
}

#[tokio::test]
async fn a_service_is_deployed_scaled_changed_put_back_and_removed() {
    let Some(stage) = Stage::set("swarm").await else { return };
    let Some(swarm) = Swarm::find().await else { return };
    let plan = stage.plan("1.0.0", "1.0.0");
    let report = build(&plan).await.unwrap();
    let good =
        DeployImage { version: "1.0.0".to_owned(), id: report.image_id, tag: plan.tag, sizing: Sizing::of(None, None) };
    let bad = broken(&swarm.engine, &good).await;
    let (slug, engine, bad_tag) = (plan.slug, swarm.engine.clone(), bad.tag.clone());
    let name = slug.clone();
    // Whatever it finds, the engine is left as it was.
    let run = tokio::spawn(async move {
        Box::pin(in_host_mode_and_by_name(&engine, &slug, &good, &bad)).await;
        through_ingress(&engine, &slug, &good).await;
        what_does_not_run_is_withdrawn(&engine, &slug, &bad).await;
        what_is_not_ours_is_left_alone(&engine, &slug, &good).await;
    })
    .await;
    drop(swarm.engine.docker.delete_service(&format!("trestle-{name}")).await);
    let options = RemoveImageOptionsBuilder::new().force(true).build();
    swarm.leave().await;
    drop(stage.engine().docker.remove_image(&bad_tag, Some(options), None).await);
    stage.strike().await;
    run.unwrap();
}

async fn in_host_mode_and_by_name(engine: &Engine, slug: &str, good: &DeployImage, bad: &DeployImage) {
    let first = converge(slug, deploy(PublishMode::Host, 0, 2), Some(good.clone())).await;
    assert_eq!((first.running, first.replicas, first.mode), (2, 2, PublishMode::Host));
    assert_eq!((first.answers, first.addresses.len()), (Some(true), 2), "{first:#?}");
    assert!(first.tasks.iter().all(|task| task.current && !task.node.is_empty() && task.since.is_some()));
    assert_eq!(first.undoes, None);
    let container = engine.docker.inspect_container(&first.tasks[0].container, None).await.unwrap();
    let host = container.host_config.unwrap();
    assert_eq!((host.readonly_rootfs, host.memory), (Some(true), Some(512 << 20)));
    assert_eq!(host.cap_drop.unwrap(), ["ALL"]);

    let scaled = converge(slug, DeployRequest::Scale(3), None).await;
    assert_eq!(scaled.running, 3);
    assert!(containers(&first).is_subset(&containers(&scaled)), "scaling leaves the tasks that there are");
    assert_eq!(scaled.undoes.as_deref(), Some("scaling from 2 to 3 tasks"));

    // Refused before anything is changed.
    let refused = ask(slug, deploy(PublishMode::Host, 9_000, 2), Some(good.clone())).await.unwrap_err();
    assert!(matches!(refused, PackageError::Swarm(SwarmError::FixedPort { .. })), "{refused}");

    let settings = DeployRequest::Deploy(DeploySettings::default());
    let deployed = ask(slug, settings, Some(bad.clone())).await.unwrap();
    assert_eq!(deployed.outcome, DeployOutcome::RolledBack, "{deployed:#?}");
    assert!(deployed.reasons.iter().any(|reason| reason.contains("/nothing")), "{:?}", deployed.reasons);
    assert!(!deployed.passed());
    let back = deployed.state.service.unwrap();
    assert_eq!((back.version.as_str(), back.running), ("1.0.0", 3));
    assert_eq!(back.update.as_ref().map(|update| update.phase), Some(UpdatePhase::RolledBack));
    let refused = ask(slug, DeployRequest::RollBack, None).await.unwrap_err();
    assert!(matches!(refused, PackageError::Swarm(SwarmError::NothingToUndo(_))), "{refused}");

    let by_name = converge(slug, deploy(PublishMode::DnsRoundRobin, 0, 2), Some(good.clone())).await;
    assert_eq!((by_name.mode, by_name.answers), (PublishMode::DnsRoundRobin, None));
    assert!(
        by_name.tasks.iter().filter(|task| task.runs()).all(|task| task.address.ends_with(":8080")),
        "{by_name:#?}"
    );
    let undone = converge(slug, DeployRequest::RollBack, None).await;
    assert_eq!((undone.mode, undone.running, undone.answers), (PublishMode::Host, 3, Some(true)));

    let removed = ask(slug, DeployRequest::Remove, None).await.unwrap();
    assert_eq!((removed.outcome, removed.state.service.as_ref()), (DeployOutcome::Removed, None), "{removed:#?}");
    for container in containers(&undone) {
        assert!(engine.docker.inspect_container(&container, None).await.is_err(), "{container} is still there");
    }
    assert!(engine.docker.inspect_network("trestle", None).await.is_err(), "its network is still there");
}

async fn through_ingress(engine: &Engine, slug: &str, good: &DeployImage) {
    let deployed = ask(slug, deploy(PublishMode::Ingress, 0, 1), Some(good.clone())).await.unwrap();
    assert_eq!(deployed.outcome, DeployOutcome::Converged, "{deployed:#?}");
    let service = deployed.state.service.as_ref().unwrap();
    assert!(service.port.is_some_and(|port| port != 0), "{service:#?}");
    eprintln!("ingress answers here: {:?}; {:?}", service.answers, deployed.reasons);
    match service.answers {
        Some(true) => assert!(deployed.passed()),
        _ => assert!(!deployed.passed() && deployed.reasons.iter().any(|reason| reason.contains("host ports"))),
    }
    ask(slug, DeployRequest::Remove, None).await.unwrap();
    assert!(engine.docker.inspect_service(&format!("trestle-{slug}"), None).await.is_err());
}

async fn what_does_not_run_is_withdrawn(engine: &Engine, slug: &str, bad: &DeployImage) {
    let deployed = ask(slug, deploy(PublishMode::Host, 0, 1), Some(bad.clone())).await.unwrap();
    assert_eq!(deployed.outcome, DeployOutcome::Withdrawn, "{deployed:#?}");
    assert!(deployed.reasons.iter().any(|reason| reason.contains("/nothing")), "{:?}", deployed.reasons);
    assert!(engine.docker.inspect_service(&format!("trestle-{slug}"), None).await.is_err());
}

async fn what_is_not_ours_is_left_alone(engine: &Engine, slug: &str, good: &DeployImage) {
    let name = format!("trestle-{slug}");
    let spec = ServiceSpec {
        name: Some(name.clone()),
        task_template: Some(TaskSpec {
            container_spec: Some(TaskSpecContainerSpec { image: Some(good.id.clone()), ..Default::default() }),
            ..TaskSpec::default()
        }),
        ..ServiceSpec::default()
    };
    engine.docker.create_service(spec, None).await.unwrap();
    for request in [DeployRequest::Remove, DeployRequest::Scale(2), deploy(PublishMode::Host, 0, 1)] {
        let refused = ask(slug, request, Some(good.clone())).await.unwrap_err();
        assert!(matches!(refused, PackageError::Swarm(SwarmError::Foreign(_))), "{refused}");
    }
    engine.docker.delete_service(&name).await.unwrap();
}
