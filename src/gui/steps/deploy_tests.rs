//! The cards for what is beyond this machine: what they say, and what each button asks for.

use std::time::Duration;

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::deploy_push::{PushShown, PushView};
use super::deploy_swarm::{SwarmShown, SwarmView};
use crate::command::Command;
use crate::gui::theme;
use crate::gui::ui_command::Outbox;
use crate::jobs::{JobContext, no_wake};
use crate::project::deployment::{
    DeployOutcome, DeployRequest, DeploySettings, Deployed, DeployedService, DeployedTask, PublishMode, SwarmStanding,
    SwarmState,
};
use crate::step::Step;
use crate::workbench::RunningJob;

/// A card, what it shows, and what it asked for.
struct Shown {
    push: PushView,
    swarm: SwarmView,
    version: Option<&'static str>,
    state: Option<SwarmState>,
    deployed: Option<Deployed>,
    job: Option<RunningJob>,
    outbox: Outbox,
}

fn shown(state: Option<SwarmState>) -> Shown {
    Shown {
        push: PushView::default(),
        swarm: SwarmView::default(),
        version: Some("1.1.0"),
        state,
        deployed: None,
        job: None,
        outbox: Outbox::default(),
    }
}

fn card(shown: Shown, draw: fn(&mut egui::Ui, &mut Shown)) -> Harness<'static, Shown> {
    let setup = |ctx: &egui::Context| {
        theme::install(ctx);
        ctx.all_styles_mut(|style| style.animation_time = 0.0);
    };
    let builder = Harness::builder().with_size([1200.0, 1400.0]).with_context_setup(setup);
    let mut harness = builder.build_ui_state(draw, shown);
    harness.run_ok();
    harness
}

fn swarm(state: Option<SwarmState>) -> Harness<'static, Shown> {
    swarm_of(shown(state))
}

fn swarm_of(shown: Shown) -> Harness<'static, Shown> {
    card(shown, |ui, shown| {
        let Shown { swarm, version, state, deployed, job, outbox, .. } = shown;
        let seen = SwarmShown {
            version: *version,
            state: state.as_ref(),
            deployed: deployed.as_ref(),
            job: job.as_ref(),
            replicas: 2,
            ..SwarmShown::default()
        };
        swarm.card_ui(ui, "a project", seen, outbox);
    })
}

/// Presses a button and gives what was asked for since the last look.
#[track_caller]
fn press(harness: &mut Harness<'static, Shown>, label: &str) -> Vec<Command> {
    harness.get_by_role_and_label(Role::Button, label).click();
    harness.run_ok();
    std::mem::take(&mut harness.state_mut().outbox.commands)
}

#[track_caller]
fn enabled(harness: &Harness<'static, Shown>, label: &str) -> bool {
    !harness.get_by_role_and_label(Role::Button, label).accesskit_node().is_disabled()
}

#[track_caller]
fn says(harness: &Harness<'static, Shown>, part: &str) {
    let all: Vec<String> = harness
        .query_all_by(|_| true)
        .flat_map(|node| [node.accesskit_node().label(), node.accesskit_node().value()])
        .flatten()
        .collect();
    assert!(all.iter().any(|words| words.contains(part)), "{part:?} is not said; the card says\n{}", all.join("\n"));
}

#[track_caller]
fn fill(harness: &mut Harness<'static, Shown>, label: &str, words: &str) {
    let field = harness.get_by_role_and_label(Role::TextInput, label);
    field.click();
    harness.run_ok();
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, label).type_text(words);
    harness.run_ok();
}

fn manager(service: Option<DeployedService>) -> SwarmState {
    SwarmState { standing: SwarmStanding::Manager, nodes: 1, service, ..SwarmState::default() }
}

fn service() -> DeployedService {
    let task = DeployedTask {
        slot: 1,
        state: "failed".to_owned(),
        desired: "shutdown".to_owned(),
        error: "exit code 2".to_owned(),
        ..DeployedTask::default()
    };
    DeployedService {
        name: "trestle-churn".to_owned(),
        version: "1.0.0".to_owned(),
        replicas: 2,
        running: 2,
        mode: PublishMode::Host,
        undoes: Some("update from 0.9.0 to 1.0.0".to_owned()),
        tasks: vec![task],
        ..DeployedService::default()
    }
}

#[test]
fn without_a_swarm_one_is_explained_and_only_made_when_asked_for() {
    let mut harness = swarm(Some(SwarmState::default()));
    says(&harness, "docker swarm init");
    says(&harness, "no other machine can join");
    assert!(harness.state().outbox.commands.is_empty());
    assert_eq!(press(&mut harness, "Start a one-node swarm here"), [Command::Deploy(DeployRequest::StartSwarm)]);
    for (standing, words) in [
        (SwarmStanding::Worker, "DOCKER_HOST"),
        (SwarmStanding::Locked, "docker swarm unlock"),
        (SwarmStanding::Unsettled("no leader".to_owned()), "no leader"),
        (SwarmStanding::Unsupported, "knows no swarms"),
    ] {
        let harness = swarm(Some(SwarmState { standing, ..SwarmState::default() }));
        says(&harness, words);
    }
}

#[test]
fn a_first_deployment_begins_with_what_works_here() {
    let settings = |mode| DeploySettings { replicas: Some(2), port: Some(0), mode: Some(mode), env: None };
    let mut harness = swarm(Some(SwarmState { ipvs: Some(false), ..manager(None) }));
    let asked = press(&mut harness, "Deploy 1.1.0");
    assert_eq!(asked, [Command::Deploy(DeployRequest::Deploy(settings(PublishMode::Host)))]);
    let mut harness = swarm(Some(SwarmState { ipvs: Some(true), ..manager(None) }));
    let asked = press(&mut harness, "Deploy 1.1.0");
    assert_eq!(asked, [Command::Deploy(DeployRequest::Deploy(settings(PublishMode::Ingress)))]);
    let mut unbuilt = shown(Some(manager(None)));
    unbuilt.version = None;
    let harness = swarm_of(unbuilt);
    assert!(!enabled(&harness, "Deploy"));
    says(&harness, "Build and verify an image of this version first.");
}

#[test]
fn a_fixed_host_port_of_more_tasks_than_nodes_is_told_while_it_is_typed() {
    let mut harness = swarm(Some(SwarmState { ipvs: Some(false), ..manager(None) }));
    fill(&mut harness, "Port", "9000");
    says(&harness, "2 tasks cannot share port 9000 of 1 node(s)");
    assert!(!enabled(&harness, "Deploy 1.1.0"));
    fill(&mut harness, "Replicas", "1");
    assert!(enabled(&harness, "Deploy 1.1.0"));
    fill(&mut harness, "Port", "99999");
    says(&harness, "A port from 1 to 65535");
    fill(&mut harness, "Replicas", "none");
    says(&harness, "A number from 1 to 1000");
    assert!(!enabled(&harness, "Deploy 1.1.0"));
}

#[test]
fn a_service_is_updated_scaled_put_back_and_removed_after_a_question() {
    let mut harness = swarm(Some(manager(Some(service()))));
    says(&harness, "exit code 2");
    says(&harness, "of 2 run");
    let settings = DeploySettings { replicas: Some(2), port: Some(0), mode: Some(PublishMode::Host), env: None };
    assert_eq!(press(&mut harness, "Update to 1.1.0"), [Command::Deploy(DeployRequest::Deploy(settings))]);
    assert!(!enabled(&harness, "Scale"));
    fill(&mut harness, "Replicas", "5");
    assert_eq!(press(&mut harness, "Scale to 5"), [Command::Deploy(DeployRequest::Scale(5))]);
    assert_eq!(press(&mut harness, "Roll back"), [Command::Deploy(DeployRequest::RollBack)]);
    assert_eq!(press(&mut harness, "Remove…"), []);
    says(&harness, "then nothing answers");
    assert_eq!(press(&mut harness, "Remove the service"), [Command::Deploy(DeployRequest::Remove)]);
    let undone = DeployedService { undoes: None, ..service() };
    assert!(!enabled(&swarm(Some(manager(Some(undone)))), "Roll back"));
}

#[test]
fn what_was_put_back_is_told_with_its_reason() {
    let state = manager(Some(service()));
    let mut shown = shown(Some(state.clone()));
    shown.deployed = Some(Deployed {
        action: "update trestle-churn to churn:1.1.0".to_owned(),
        outcome: DeployOutcome::RolledBack,
        reasons: vec!["no such file".to_owned()],
        state,
        time: "2026-11-24T12:00:00Z".parse().unwrap(),
        seconds: 1.0,
    });
    let harness = swarm_of(shown);
    says(&harness, "the form before it runs again");
    says(&harness, "no such file");
}

#[test]
fn while_something_goes_on_it_can_only_be_stopped() {
    let context = JobContext::new(no_wake());
    context.progress(Some(0.5), "1 of 2 tasks run version 1.1.0");
    let mut shown = shown(Some(manager(Some(service()))));
    let (step, name) = (Step::Container, "Deploying churn:1.1.0".to_owned());
    shown.job = Some(RunningJob { id: 7, step, name, context, elapsed: Duration::ZERO });
    let mut harness = swarm_of(shown);
    says(&harness, "1 of 2 tasks run version 1.1.0");
    for label in ["Update to 1.1.0", "Roll back", "Look again", "Remove…"] {
        assert!(!enabled(&harness, label), "{label}");
    }
    assert_eq!(press(&mut harness, "Cancel the deployment"), [Command::Cancel(7)]);
}

#[test]
fn a_push_needs_an_image_an_engine_and_a_reference() {
    let draw: fn(&mut egui::Ui, &mut Shown) = |ui, shown| {
        let image = shown.version.map(|_| "churn:1.1.0");
        let seen = PushShown { image, engine: shown.state.is_some(), ..PushShown::default() };
        shown.push.card_ui(ui, seen, &mut shown.outbox);
    };
    let mut harness = card(shown(Some(SwarmState::default())), draw);
    assert!(!enabled(&harness, "Push"));
    fill(&mut harness, "Reference in the registry", " host:5000/team/churn:1.1.0 ");
    let to = "host:5000/team/churn:1.1.0".to_owned();
    assert_eq!(press(&mut harness, "Push"), [Command::PushImage { to }]);
    let mut unbuilt = shown(Some(SwarmState::default()));
    unbuilt.version = None;
    for (without, words) in [(unbuilt, "Build and verify an image"), (shown(None), "No container engine answers")] {
        let mut harness = card(without, draw);
        fill(&mut harness, "Reference in the registry", "host:5000/churn:1");
        assert!(!enabled(&harness, "Push"), "{words}");
        says(&harness, words);
    }
}
