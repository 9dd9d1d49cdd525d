//! The cards for what is beyond this machine, in their states: to be looked at without a registry and a swarm.

use std::time::Duration;

use egui::Ui;
use jiff::Timestamp;

use super::steps::deploy_push::{PushShown, PushView};
use super::steps::deploy_swarm::{SwarmShown, SwarmView};
use super::ui_command::Outbox;
use super::widgets::{heading_label, page_header};
use crate::gui::text;
use crate::jobs::{JobContext, no_wake};
use crate::problem::Problem;
use crate::project::deployment::{
    DeployOutcome, Deployed, DeployedService, DeployedTask, PublishMode, Pushed, PushedLayer, ServiceUpdate,
    SwarmStanding, SwarmState, UpdatePhase,
};
use crate::step::Step;
use crate::workbench::RunningJob;

/// A time of the pictures.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_557_600 + seconds).unwrap_or_default()
}

fn job(name: &str, stage: &str, share: f32) -> RunningJob {
    let context = JobContext::new(no_wake());
    context.progress(Some(share), stage);
    RunningJob { id: 1, step: Step::Container, name: name.to_owned(), context, elapsed: Duration::from_secs(12) }
}

fn layer(id: &str, state: &str, done_bytes: u64, total_bytes: u64) -> PushedLayer {
    PushedLayer { id: id.to_owned(), state: state.to_owned(), done_bytes, total_bytes }
}

/// A push that runs, one that was refused, and one that arrived.
pub(super) fn push_ui(ui: &mut Ui) {
    page_header(ui, "Push", "The card in its states.", |_| ());
    let reference = "registry.example/team/churn:1.1.0";
    let ready = PushShown { image: Some("churn:1.1.0"), engine: true, ..PushShown::default() };
    let mut outbox = Outbox::default();
    let layers = [
        layer("5f70bf18a086", "Layer already exists", 0, 0),
        layer("a3ed95caeb02", "Pushed", 6_411_264, 6_411_264),
        layer("c1f4b2e96d10", "Pushing", 18_350_080, 41_943_040),
        layer("0b8e12aa91cd", "Waiting", 0, 0),
    ];
    let running = job("Pushing registry.example/team/churn:1.1.0", "2 of 4 layers are there", 0.61);
    let cases = [
        PushShown::default(),
        PushShown { job: Some(&running), layers: &layers, ..ready },
        PushShown {
            problem: Some(&Problem::new(
                "registry.example refused the push (denied: requested access to the resource is denied); credentials \
                     were sent from docker-credential-secretservice",
                reference,
                "Sign in with `docker login registry.example` as an account that may push there, and check the name \
                     of the repository.",
            )),
            ..ready
        },
        PushShown {
            pushed: Some(&Pushed {
                reference: reference.to_owned(),
                digest: format!("sha256:{}", "9f2c41d07be1a5c3".repeat(4)),
                credentials: "docker-credential-secretservice".to_owned(),
                layers: layers[..1].to_vec(),
                time: at(0),
            }),
            ..ready
        },
    ];
    for (idx, shown) in cases.into_iter().enumerate() {
        ui.push_id(idx, |ui| {
            let mut view = PushView::default();
            if shown.image.is_some() {
                reference.clone_into(&mut view.reference);
            }
            view.card_ui(ui, shown, &mut outbox);
        });
    }
}

fn task(slot: u64, version: &str, state: &str, address: &str, error: &str) -> DeployedTask {
    let ended = matches!(state, "failed" | "rejected");
    DeployedTask {
        id: format!("t{slot}"),
        slot,
        node: if slot == 3 { "worker-2" } else { "worker-1" }.to_owned(),
        version: version.to_owned(),
        state: state.to_owned(),
        desired: if ended { "shutdown" } else { "running" }.to_owned(),
        error: error.to_owned(),
        since: Some(at(i64::try_from(slot).unwrap_or(0) * 17)),
        address: address.to_owned(),
        current: true,
        ..DeployedTask::default()
    }
}

fn service(mode: PublishMode, tasks: Vec<DeployedTask>) -> DeployedService {
    DeployedService {
        name: "trestle-churn".to_owned(),
        version: "1.0.0".to_owned(),
        image: "churn:1.0.0".to_owned(),
        replicas: 3,
        running: tasks.iter().filter(|task| task.runs()).count() as u64,
        mode,
        answers: Some(true),
        tasks,
        ..DeployedService::default()
    }
}

fn healthy() -> DeployedService {
    let tasks = vec![
        task(1, "1.0.0", "running", "10.0.0.11:32768", ""),
        task(2, "1.0.0", "running", "10.0.0.11:32769", ""),
        task(3, "1.0.0", "running", "10.0.0.12:32768", ""),
    ];
    let addresses = tasks.iter().map(|task| format!("http://{}", task.address)).collect();
    let message = "update completed".to_owned();
    DeployedService {
        addresses,
        update: Some(ServiceUpdate { phase: UpdatePhase::Completed, message }),
        undoes: Some("update from 0.9.0 to 1.0.0".to_owned()),
        ..service(PublishMode::Host, tasks)
    }
}

/// Which state of the deployment is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deployment {
    /// No swarm, and one without a service.
    Before,
    /// Healthy, and in the middle of an update.
    Healthy,
    /// An update that was put back, and a port that does not answer.
    Troubled,
}

/// The deployment's card, twice.
pub(super) fn deployment_ui(ui: &mut Ui, which: Deployment) {
    page_header(ui, "Beyond one machine", "The card in its states.", |_| ());
    let manager = SwarmState { standing: SwarmStanding::Manager, nodes: 3, ..SwarmState::default() };
    let with = |service: DeployedService| SwarmState { service: Some(service), ..manager.clone() };
    let shown = SwarmShown { version: Some("1.1.0"), replicas: 3, ..SwarmShown::default() };
    let deployed = |outcome: DeployOutcome, reasons: &[&str], state: SwarmState| Deployed {
        action: "update trestle-churn to churn:1.1.0".to_owned(),
        outcome,
        reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        state,
        time: at(0),
        seconds: 41.0,
    };
    match which {
        Deployment::Before => {
            let none = SwarmState::default();
            card(ui, "No swarm", SwarmShown { state: Some(&none), ..shown });
            let alone = SwarmState { nodes: 1, ipvs: Some(false), ..manager.clone() };
            card(ui, "A swarm without a service", SwarmShown { state: Some(&alone), ..shown });
        }
        Deployment::Healthy => {
            let state = with(healthy());
            let fine = deployed(DeployOutcome::Converged, &[], state.clone());
            card(ui, "Healthy", SwarmShown { state: Some(&state), deployed: Some(&fine), ..shown });
            let mut updating = healthy();
            updating.tasks[0] = task(1, "1.1.0", "running", "10.0.0.11:32770", "");
            updating.tasks.insert(1, task(1, "1.1.0", "starting", "", ""));
            updating.version = "1.1.0".to_owned();
            updating.running = 1;
            updating.answers = None;
            for old in updating.tasks.iter_mut().filter(|task| task.version == "1.0.0") {
                old.current = false;
            }
            updating.update =
                Some(ServiceUpdate { phase: UpdatePhase::Updating, message: "update in progress".to_owned() });
            let state = with(updating);
            let job = job("Deploying churn:1.1.0", "1 of 3 tasks run version 1.1.0", 0.33);
            card(ui, "Updating", SwarmShown { state: Some(&state), job: Some(&job), ..shown });
        }
        Deployment::Troubled => {
            let error = "starting container failed: exec: \"/trestle\": stat /trestle: no such file or directory";
            let mut back = healthy();
            back.tasks.insert(1, DeployedTask { current: false, ..task(1, "1.1.0", "failed", "", error) });
            let message = "rollback completed".to_owned();
            back.update = Some(ServiceUpdate { phase: UpdatePhase::RolledBack, message });
            back.undoes = None;
            let state = with(back);
            let put_back = "The engine put the earlier form back: rollback completed";
            let failed = deployed(DeployOutcome::RolledBack, &[put_back, error], state.clone());
            card(ui, "Rolled back", SwarmShown { state: Some(&state), deployed: Some(&failed), ..shown });
            let silent = DeployedService {
                answers: Some(false),
                port: Some(30_000),
                addresses: vec!["http://127.0.0.1:30000".to_owned()],
                ..service(PublishMode::Ingress, vec![task(1, "1.0.0", "running", "", "")])
            };
            let silent = DeployedService { replicas: 1, ..silent };
            let state = SwarmState { nodes: 1, ipvs: Some(false), ..with(silent) };
            let why = "The tasks are healthy, and the ingress port does not answer at http://127.0.0.1:30000. The kernel \
                       here shows no IPVS (/proc/net/ip_vs), which ingress needs. Deploy with host ports or DNS round \
                       robin in its place.";
            let silent = deployed(DeployOutcome::Converged, &[why], state.clone());
            card(ui, "Ingress does not answer", SwarmShown { state: Some(&state), deployed: Some(&silent), ..shown });
        }
    }
}

fn card(ui: &mut Ui, name: &str, shown: SwarmShown<'_>) {
    heading_label(ui, text::heading(name));
    ui.push_id(name, |ui| SwarmView::default().card_ui(ui, name, shown, &mut Outbox::default()));
}
