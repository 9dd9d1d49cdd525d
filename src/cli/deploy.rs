//! Commands on what is beyond this machine: push, deploy.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::args::OutputArgs;
use super::progress::Progress;
use super::report::{Report, Verdict, table};
use super::{open, report_on};
use crate::command::Command;
use crate::jobs::JobError;
use crate::project::deployment::{
    DeployRequest, DeploySettings, Deployed, DeployedService, DeployedTask, PublishMode, SwarmState,
};
use crate::workbench::Environment;

/// Letters of an identity that are shown to people.
const SHORT: usize = 12;

/// What is to be done about a deployment.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct DeployArgs {
    /// Tasks; of a new service as many as the brief's rate and the benchmark ask for.
    #[arg(long, value_name = "N", conflicts_with = "what")]
    pub replicas: Option<u64>,
    /// The published port; 0 lets the engine choose, as does a new service without it.
    ///
    /// Swarm publishes on every address of a node, not only on this machine.
    #[arg(long, value_name = "N", conflicts_with = "what")]
    pub port: Option<u16>,
    /// How it is reached: one port on every node (ingress, the default of a new service), a port for each task (host),
    /// or by name from containers on the network `trestle` (dnsrr).
    #[arg(long, value_name = "MODE", conflicts_with = "what")]
    #[arg(value_parser = PossibleValuesParser::new(PublishMode::ALL.map(PublishMode::id)))]
    pub mode: Option<String>,
    /// A variable of the server, as often as needed; whoever may look at the service can read it.
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "what")]
    pub env: Vec<String>,
    /// Change nothing: show the swarm, the service and its tasks.
    #[arg(long, group = "what")]
    pub status: bool,
    /// Run another number of tasks.
    #[arg(long, value_name = "N", group = "what")]
    pub scale: Option<u64>,
    /// Undo the last change.
    #[arg(long, group = "what")]
    pub rollback: bool,
    /// Take the service away.
    #[arg(long, group = "what")]
    pub remove: bool,
    /// Make this machine's engine a swarm of its own, which no other machine can join.
    #[arg(long, group = "what")]
    pub start_swarm: bool,
}

impl DeployArgs {
    fn request(self) -> DeployRequest {
        if let Some(replicas) = self.scale {
            DeployRequest::Scale(replicas)
        } else if self.status {
            DeployRequest::Look
        } else if self.rollback {
            DeployRequest::RollBack
        } else if self.remove {
            DeployRequest::Remove
        } else if self.start_swarm {
            DeployRequest::StartSwarm
        } else {
            DeployRequest::Deploy(DeploySettings {
                replicas: self.replicas,
                port: self.port,
                mode: self.mode.as_deref().and_then(PublishMode::from_id),
                env: (!self.env.is_empty()).then_some(self.env),
            })
        }
    }
}

pub(super) fn push(
    environment: Environment,
    dir: PathBuf,
    to: String,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, version)?;
    workbench.run(Command::PushImage { to }, |jobs| progress.show(jobs))?;
    drop(progress);
    let mut report = report_on("push", &workbench);
    let Some(pushed) = &workbench.pushed().last else { return Err(JobError::Cancelled) };
    report.set("reference", &pushed.reference);
    report.set("digest", &pushed.digest);
    report.set("credentials", &pushed.credentials);
    report.set("layers", &pushed.layers);
    let n_there = pushed.layers.iter().filter(|layer| layer.state.contains("already exists")).count();
    report.say(format!("Pushed {}", pushed.reference));
    report.say(format!("{} layers, {n_there} of which were there already", pushed.layers.len()));
    report.say(format!("Digest {}", pushed.digest));
    Ok(report)
}

pub(super) fn deploy(
    environment: Environment,
    dir: PathBuf,
    args: DeployArgs,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, version)?;
    let request = args.request();
    let id = request.id();
    workbench.run(Command::Deploy(request), |jobs| progress.show(jobs))?;
    drop(progress);
    let mut report = report_on("deploy", &workbench);
    let Some(deployed) = &workbench.deployed().last else { return Err(JobError::Cancelled) };
    let Deployed { action, outcome, reasons, state, seconds, .. } = deployed;
    let is_judged = state.service.is_some() || !deployed.passed();
    report.judge(
        match (is_judged, deployed.passed()) {
            (false, _) => Verdict::None,
            (true, true) => Verdict::Pass,
            (true, false) => Verdict::Fail,
        },
        reasons,
    );
    report.set("request", id);
    report.set("action", action);
    report.set("outcome", outcome);
    report.set("seconds", seconds);
    report.set("swarm", state);
    report.say(format!("{action}: {} ({seconds:.1} s)", outcome.label()));
    for reason in reasons {
        report.say(reason);
    }
    say_state(&mut report, state);
    Ok(report)
}

fn say_state(report: &mut Report, state: &SwarmState) {
    use crate::project::deployment::SwarmStanding;
    let words = match &state.standing {
        SwarmStanding::Manager => format!("A swarm of {} node(s)", state.nodes),
        SwarmStanding::Inactive => {
            "This engine is not part of a swarm; `--start-swarm` makes one of this machine alone".to_owned()
        }
        SwarmStanding::Worker => "This engine is a worker of its swarm; ask a manager".to_owned(),
        SwarmStanding::Locked => "The swarm's manager is locked; `docker swarm unlock`".to_owned(),
        SwarmStanding::Unsettled(words) => format!("The swarm does not answer: {words}"),
        SwarmStanding::Unsupported => "This engine knows no swarms".to_owned(),
    };
    report.say(words);
    let Some(service) = &state.service else {
        if state.standing == SwarmStanding::Manager {
            report.say("No service of this project");
        }
        return;
    };
    let DeployedService { name, image, running, replicas, mode, .. } = service;
    report.say(format!("{name}: {image}, {running} of {replicas} tasks run, {}", mode.label()));
    for address in &service.addresses {
        report.say(format!("  {address}"));
    }
    if let Some(update) = &service.update {
        report.say(format!("  last update: {} ({})", update.phase.label(), update.message));
    }
    let rows: Vec<Vec<String>> = service.tasks.iter().map(row).collect();
    for line in table(&rows) {
        report.say(format!("  {line}"));
    }
}

fn row(task: &DeployedTask) -> Vec<String> {
    let short = |id: &str| id.chars().take(SHORT).collect::<String>();
    vec![
        format!("{}.{}", task.slot, short(&task.id)),
        task.version.clone(),
        task.node.clone(),
        task.state.clone(),
        task.address.clone(),
        task.error.clone(),
    ]
}
