//! The container's page: the image as a service of a Docker swarm.

use egui::Ui;

use super::deploy_tasks::{failure_ui, service_ui, tasks_ui};
use crate::command::Command;
use crate::gui::shell::clock;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::Outbox;
use crate::gui::widgets::{
    Answer, Card, Confirm, DISMISS, Field, code_block, columns, danger_button, hairline, notice, problem_panel,
    progress_bar, row, secondary_button, segmented,
};
use crate::problem::Problem;
use crate::project::deployment::{
    DeployRequest, DeploySettings, Deployed, DeployedService, PublishMode, SwarmStanding, SwarmState,
};
use crate::step::Step;
use crate::workbench::{RunningJob, Workbench};

/// Most tasks of a service.
const MOST_REPLICAS: u64 = 1_000;

/// What there is to see of a deployment.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::gui) struct SwarmShown<'a> {
    /// The version at hand, when it has a verified image.
    pub(in crate::gui) version: Option<&'a str>,
    /// The swarm as it was last seen.
    pub(in crate::gui) state: Option<&'a SwarmState>,
    /// What came of the last request.
    pub(in crate::gui) deployed: Option<&'a Deployed>,
    /// The request that goes on.
    pub(in crate::gui) job: Option<&'a RunningJob>,
    /// Why the last one could not be done.
    pub(in crate::gui) problem: Option<&'a Problem>,
    /// Tasks that the brief's rate and the benchmark ask for.
    pub(in crate::gui) replicas: u64,
}

/// The card that deploys.
#[derive(Debug, Default)]
pub(in crate::gui) struct SwarmView {
    pub(in crate::gui) mode: PublishMode,
    replicas: String,
    port: String,
    /// What the fields were last filled from: the project and the service's form.
    filled: Option<String>,
    /// The project whose swarm was looked at.
    looked: Option<String>,
    removing: bool,
}

impl SwarmView {
    pub(super) fn ui(&mut self, ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
        let Some(project) = workbench.project() else { return };
        let has_engine = workbench.engine().last.is_some() && workbench.engine().problem().is_none();
        if !has_engine {
            return;
        }
        let root = project.root().display().to_string();
        let deployed = workbench.deployed();
        if self.looked.as_ref() != Some(&root) {
            self.looked = Some(root.clone());
            if deployed.last.is_none() {
                outbox.send(Command::Deploy(DeployRequest::Look));
            }
        }
        let jobs = workbench.jobs();
        let state = workbench.swarm();
        let version = workbench.verified_image().map(|report| report.version.to_string());
        let shown = SwarmShown {
            version: version.as_deref(),
            state: state.as_ref(),
            deployed: deployed.last.as_ref(),
            job: deployed.running().and_then(|id| jobs.iter().find(|job| job.id == id)),
            problem: deployed.problem(),
            replicas: workbench.sizing().map_or(1, |sizing| sizing.replicas),
        };
        self.card_ui(ui, &root, shown, outbox);
    }

    /// The card, whatever it shows; `of` tells one project's fields from another's.
    pub(in crate::gui) fn card_ui(&mut self, ui: &mut Ui, of: &str, shown: SwarmShown<'_>, outbox: &mut Outbox) {
        let remark = shown.state.map(remark).unwrap_or_default();
        Card::new("Beyond one machine").remark(&remark).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = space::S;
            if let Some(problem) = shown.problem
                && problem_panel(ui, problem, Some(DISMISS))
            {
                outbox.send(Command::Dismiss(Step::Container));
            }
            if let Some(job) = shown.job {
                running_ui(ui, job, outbox);
            }
            match shown.state {
                None if shown.job.is_none() => look_ui(ui, outbox),
                None => {}
                Some(state) if state.standing == SwarmStanding::Manager => {
                    self.fill(of, state, shown.replicas);
                    self.manager_ui(ui, state, shown, outbox);
                }
                Some(state) => elsewhere_ui(ui, &state.standing, shown.job.is_none(), outbox),
            }
        });
        if self.removing {
            self.confirm_ui(ui, shown, outbox);
        }
    }

    /// Fills the fields from the service, or with what a new one begins with.
    fn fill(&mut self, of: &str, state: &SwarmState, replicas: u64) {
        let form = state.service.as_ref().map(|service| (&service.deployment, service.replicas));
        let from = format!("{of} {form:?}");
        if self.filled.as_ref() == Some(&from) {
            return;
        }
        self.filled = Some(from);
        let service = state.service.as_ref();
        self.mode = match service {
            Some(service) => service.mode,
            None if state.ipvs == Some(false) => PublishMode::Host,
            None => PublishMode::Ingress,
        };
        self.replicas = service.map_or(replicas, |service| service.replicas).to_string();
        let port = service.filter(|service| service.port_fixed).and_then(|service| service.port);
        self.port = port.map(|port| port.to_string()).unwrap_or_default();
    }

    fn manager_ui(&mut self, ui: &mut Ui, state: &SwarmState, shown: SwarmShown<'_>, outbox: &mut Outbox) {
        if shown.job.is_none()
            && let Some(deployed) = shown.deployed
        {
            failure_ui(ui, deployed);
        }
        let service = state.service.as_ref();
        if let Some(service) = service {
            service_ui(ui, service);
            tasks_ui(ui, &service.tasks);
            hairline(ui);
        }
        self.form_ui(ui, state, shown.replicas);
        self.actions_ui(ui, service, shown, outbox);
    }

    fn form_ui(&mut self, ui: &mut Ui, state: &SwarmState, asked_for: u64) {
        let mut chosen = PublishMode::ALL.iter().position(|mode| *mode == self.mode).unwrap_or(0);
        ui.label(text::small("How it is reached"));
        if segmented(ui, "How it is reached", &mut chosen, &PublishMode::ALL.map(PublishMode::label)) {
            self.mode = PublishMode::ALL[chosen];
        }
        ui.label(text::weak(self.mode.purpose()));
        if self.mode == PublishMode::Ingress && state.ipvs == Some(false) {
            let words = "The kernel here shows no IPVS (/proc/net/ip_vs is missing), so the ingress port may not answer. \
                         Host ports and DNS round robin do without it.";
            notice(ui, Verdict::Warn, words);
        }
        let taken = self.taken(state.nodes);
        columns(ui, &[1.0, 1.0, 1.0], |ui, idx| match idx {
            0 => {
                let wrong = self.replicas().is_none().then(|| format!("A number from 1 to {MOST_REPLICAS}"));
                let hint = format!("{asked_for} by the brief's rate and the benchmark");
                Field::new("Replicas", &mut self.replicas).problem(wrong.as_deref()).hint(&hint).show(ui);
            }
            1 if self.mode != PublishMode::DnsRoundRobin => {
                let wrong =
                    self.port().is_none().then(|| "A port from 1 to 65535, or none".to_owned()).or(taken.clone());
                Field::new("Port", &mut self.port)
                    .placeholder("automatic")
                    .problem(wrong.as_deref())
                    .hint("Open on every address of a node")
                    .show(ui);
            }
            _ => {}
        });
    }

    fn actions_ui(
        &mut self,
        ui: &mut Ui,
        service: Option<&DeployedService>,
        shown: SwarmShown<'_>,
        outbox: &mut Outbox,
    ) {
        let nodes = shown.state.map_or(0, |state| state.nodes);
        let idle = shown.job.is_none();
        let fits = self.replicas().is_some() && self.port().is_some() && self.taken(nodes).is_none();
        let mut send = |request: DeployRequest| outbox.send(Command::Deploy(request));
        row(ui, 32.0, |ui| {
            let label = match (shown.version, service) {
                (None, _) => "Deploy".to_owned(),
                (Some(version), None) => format!("Deploy {version}"),
                (Some(version), Some(service)) if service.version == version => "Apply the settings".to_owned(),
                (Some(version), Some(_)) => format!("Update to {version}"),
            };
            let ready = idle && fits && shown.version.is_some();
            if ui.add_enabled_ui(ready, |ui| secondary_button(ui, &label)).inner.clicked() {
                let settings =
                    DeploySettings { replicas: self.replicas(), port: self.port(), mode: Some(self.mode), env: None };
                send(DeployRequest::Deploy(settings));
            }
            if let Some(service) = service {
                let wanted = self.replicas().filter(|replicas| *replicas != service.replicas);
                let label = wanted.map_or_else(|| "Scale".to_owned(), |replicas| format!("Scale to {replicas}"));
                let scales = idle && fits && wanted.is_some();
                let pressed = ui.add_enabled_ui(scales, |ui| secondary_button(ui, &label)).inner.clicked();
                if let Some(replicas) = wanted.filter(|_| pressed) {
                    send(DeployRequest::Scale(replicas));
                }
                let undo = ui.add_enabled_ui(idle && service.undoes.is_some(), |ui| secondary_button(ui, "Roll back"));
                let hint = service
                    .undoes
                    .as_ref()
                    .map_or_else(|| "There is no change to undo".to_owned(), |change| format!("Undoes the {change}"));
                if undo.inner.on_hover_text(hint.as_str()).on_disabled_hover_text(hint).clicked() {
                    send(DeployRequest::RollBack);
                }
            }
            if ui.add_enabled_ui(idle, |ui| secondary_button(ui, "Look again")).inner.clicked() {
                send(DeployRequest::Look);
            }
            if service.is_some() && ui.add_enabled_ui(idle, |ui| danger_button(ui, "Remove…")).inner.clicked() {
                self.removing = true;
            }
            if shown.version.is_none() {
                ui.label(text::small("Build and verify an image of this version first."));
            }
        });
    }

    fn confirm_ui(&mut self, ui: &Ui, shown: SwarmShown<'_>, outbox: &mut Outbox) {
        let service = shown.state.and_then(|state| state.service.as_ref());
        let Some(service) = service else {
            self.removing = false;
            return;
        };
        let title = format!("Remove {}?", service.name);
        let body = format!("Its {} tasks get 30 s to finish what they are at; then nothing answers.", service.replicas);
        let answer = Confirm::new(&title, &body, "Remove the service").danger().show(ui.ctx());
        if answer == Some(Answer::Yes) {
            outbox.send(Command::Deploy(DeployRequest::Remove));
        }
        self.removing = answer.is_none();
    }

    fn replicas(&self) -> Option<u64> {
        self.replicas.trim().parse().ok().filter(|replicas| (1..=MOST_REPLICAS).contains(replicas))
    }

    /// The port; 0 for whichever the engine chooses.
    fn port(&self) -> Option<u16> {
        let is_free = self.port.trim().is_empty() || self.mode == PublishMode::DnsRoundRobin;
        if is_free { Some(0) } else { self.port.trim().parse().ok() }
    }

    /// Why so many tasks cannot have this port, if so.
    fn taken(&self, nodes: u64) -> Option<String> {
        let port = self.port().filter(|port| *port != 0 && self.mode == PublishMode::Host)?;
        let replicas = self.replicas().filter(|replicas| nodes < *replicas)?;
        Some(format!("{replicas} tasks cannot share port {port} of {nodes} node(s); leave it automatic"))
    }
}

fn remark(state: &SwarmState) -> String {
    match &state.standing {
        SwarmStanding::Manager if state.nodes == 1 => "a swarm of this one node".to_owned(),
        SwarmStanding::Manager => format!("a swarm of {} nodes, this one a manager", state.nodes),
        SwarmStanding::Inactive => "not part of a swarm".to_owned(),
        SwarmStanding::Worker => "a worker of its swarm".to_owned(),
        SwarmStanding::Locked => "locked".to_owned(),
        SwarmStanding::Unsettled(_) => "not settled".to_owned(),
        SwarmStanding::Unsupported => "no swarms here".to_owned(),
    }
}

fn running_ui(ui: &mut Ui, job: &RunningJob, outbox: &mut Outbox) {
    let stage = job.context.stage();
    row(ui, 24.0, |ui| {
        ui.label(text::medium(job.name.as_str()));
        ui.label(text::weak(stage.as_str()));
        ui.label(text::small(clock(job.elapsed.as_secs())));
    });
    progress_bar(ui, &stage, job.context.fraction(), ui.available_width());
    row(ui, 32.0, |ui| {
        if secondary_button(ui, "Cancel the deployment").clicked() {
            outbox.send(Command::Cancel(job.id));
        }
        ui.add_space(space::XS);
        ui.label(text::small("A new service is taken away again; a change is put back."));
    });
}

fn look_ui(ui: &mut Ui, outbox: &mut Outbox) {
    if secondary_button(ui, "Look at the swarm").clicked() {
        outbox.send(Command::Deploy(DeployRequest::Look));
    }
}

/// An engine that takes no services, and what to do about it.
fn elsewhere_ui(ui: &mut Ui, standing: &SwarmStanding, idle: bool, outbox: &mut Outbox) {
    let send_look = |ui: &mut Ui, outbox: &mut Outbox| {
        if ui.add_enabled_ui(idle, |ui| secondary_button(ui, "Look again")).inner.clicked() {
            outbox.send(Command::Deploy(DeployRequest::Look));
        }
    };
    match standing {
        SwarmStanding::Inactive => {
            ui.label(text::body(
                "A swarm runs the image as a service: as many copies as asked for, on as many machines as there are, \
                 replaced one after the other, and put back when a new version does not get healthy.",
            ));
            ui.label(text::weak(
                "A swarm of this machine alone is enough to try it. It listens on 127.0.0.1, so that no other machine \
                 can join or reach it; “docker swarm leave --force” ends it.",
            ));
            row(ui, 32.0, |ui| {
                let start = ui.add_enabled_ui(idle, |ui| secondary_button(ui, "Start a one-node swarm here"));
                if start.inner.clicked() {
                    outbox.send(Command::Deploy(DeployRequest::StartSwarm));
                }
                send_look(ui, outbox);
            });
            ui.label(text::small("For a swarm that other machines join, in a terminal"));
            code_block(ui, "Command to make a swarm", "docker swarm init");
        }
        other => {
            let words = match other {
                SwarmStanding::Worker => {
                    "This engine is a worker of its swarm, and only managers take services. Point DOCKER_HOST at a \
                     manager."
                        .to_owned()
                }
                SwarmStanding::Locked => {
                    "The swarm's manager is locked since its restart. Unlock it with “docker swarm unlock”.".to_owned()
                }
                SwarmStanding::Unsettled(words) => format!("The swarm does not answer: {words}"),
                _ => {
                    "This engine knows no swarms; Docker's own does. The exports above describe the same for Compose, \
                      Kubernetes and KServe."
                        .to_owned()
                }
            };
            notice(ui, Verdict::Warn, &words);
            send_look(ui, outbox);
        }
    }
}
