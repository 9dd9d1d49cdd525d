//! A deployment on a swarm as data: what is asked for, what there is to see, and what came of it.

use jiff::Timestamp;
use serde::Serialize;

/// How a service on a swarm is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PublishMode {
    /// One port on every node, spread over the tasks by the kernel (the routing mesh).
    #[default]
    Ingress,
    /// Each task has a port of its own on the node that it runs on.
    Host,
    /// No port: other containers find the tasks by the service's name (DNS round robin).
    #[serde(rename = "dnsrr")]
    DnsRoundRobin,
}

impl PublishMode {
    /// Every mode, in the order of a menu.
    pub const ALL: [Self; 3] = [Self::Ingress, Self::Host, Self::DnsRoundRobin];

    /// A name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Host => "host",
            Self::DnsRoundRobin => "dnsrr",
        }
    }

    /// The mode of that name.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.id() == id)
    }

    /// What it is, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Host => "Host ports",
            Self::DnsRoundRobin => "DNS round robin",
        }
    }

    /// What it does, in one line.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Ingress => {
                "One port on every node, spread over all tasks by the kernel. Needs IPVS in the kernel of each node."
            }
            Self::Host => {
                "Each task answers at a port of its own node, for a load balancer in front. A fixed port takes one task \
                 a node; an automatic one takes any number."
            }
            Self::DnsRoundRobin => {
                "No port at all: containers on the network `trestle` find the tasks by the service's name."
            }
        }
    }
}

/// What a deployment is to be; what is `None` stays as it is, or begins with the usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploySettings {
    /// Tasks; at first as many as the brief's rate and the benchmark ask for.
    pub replicas: Option<u64>,
    /// The published port; 0 lets the engine choose one, which is how it begins.
    pub port: Option<u16>,
    /// How the service is reached; at first [`PublishMode::Ingress`].
    pub mode: Option<PublishMode>,
    /// Variables of the server, `NAME=VALUE`.
    pub env: Option<Vec<String>>,
}

/// Something to do about a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployRequest {
    /// Look at the swarm and the service.
    Look,
    /// Make this engine a swarm of one node, reachable from this machine only.
    StartSwarm,
    /// Create the service with the version at hand, or update it to that.
    Deploy(DeploySettings),
    /// Run this many tasks.
    Scale(u64),
    /// Undo the last change.
    RollBack,
    /// Take the service away.
    Remove,
}

impl DeployRequest {
    /// A name for programs.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Look => "status",
            Self::StartSwarm => "start-swarm",
            Self::Deploy(_) => "deploy",
            Self::Scale(_) => "scale",
            Self::RollBack => "rollback",
            Self::Remove => "remove",
        }
    }
}

/// What the engine is to a swarm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SwarmStanding {
    /// Part of none.
    #[default]
    Inactive,
    /// A manager, which can be asked for services.
    Manager,
    /// A worker, which cannot.
    Worker,
    /// A manager that waits for its key after a restart.
    Locked,
    /// Joining, or failing to; with the engine's words.
    Unsettled(String),
    /// The engine knows no swarms.
    Unsupported,
}

/// A swarm as seen through one engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SwarmState {
    /// What the engine is to it.
    pub standing: SwarmStanding,
    /// Nodes of it.
    pub nodes: u64,
    /// Address of this node.
    pub address: String,
    /// Whether the kernel shows IPVS; `None` for an engine on another machine.
    pub ipvs: Option<bool>,
    /// The project's service, when there is one.
    pub service: Option<DeployedService>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeployedService {
    /// Its name on the swarm.
    pub name: String,
    /// Version of the model.
    pub version: String,
    /// The image's reference, for people.
    pub image: String,
    /// Tasks asked for.
    pub replicas: u64,
    /// Tasks of the current form that run, and are healthy.
    pub running: u64,
    /// How it is reached.
    pub mode: PublishMode,
    /// The published port; `None` where there is none, or each task has its own.
    pub port: Option<u16>,
    /// Whether the port was chosen, not left to the engine.
    pub port_fixed: bool,
    /// Whether a published port answers, when that was tried.
    pub answers: Option<bool>,
    /// Addresses at which it is reached.
    pub addresses: Vec<String>,
    /// The last update.
    pub update: Option<ServiceUpdate>,
    /// What a roll back undoes; `None` when there is nothing.
    pub undoes: Option<String>,
    /// Tells the tasks of its current form from earlier ones.
    pub deployment: String,
    /// Its tasks, by slot, the newest first; of the ended ones the latest.
    pub tasks: Vec<DeployedTask>,
}

/// How far an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdatePhase {
    /// Tasks are being replaced.
    Updating,
    /// It stopped in the middle.
    Paused,
    /// Every task is replaced.
    Completed,
    /// Tasks are being put back.
    RollingBack,
    /// Putting back stopped in the middle.
    RollbackPaused,
    /// The form before it is back.
    RolledBack,
}

impl UpdatePhase {
    /// What it is, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Updating => "updating",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::RollingBack => "rolling back",
            Self::RollbackPaused => "roll back paused",
            Self::RolledBack => "rolled back",
        }
    }
}

/// An update of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceUpdate {
    /// How far it is.
    pub phase: UpdatePhase,
    /// The engine's words.
    pub message: String,
}

/// One task of a service: one container on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeployedTask {
    /// Its identity.
    pub id: String,
    /// Its number, from 1.
    pub slot: u64,
    /// The node's name; empty while it has none.
    pub node: String,
    /// Version of the model.
    pub version: String,
    /// State in the swarm's words: `running`, `pending`, `failed`, …
    pub state: String,
    /// The state it should get to.
    pub desired: String,
    /// What went wrong; empty when nothing did.
    pub error: String,
    /// Since when it is in its state.
    pub since: Option<Timestamp>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Its container; empty while it has none.
    pub container: String,
    /// Where it answers, `host:port`; empty when that cannot be told from here.
    pub address: String,
    /// The form of the service that it belongs to.
    pub deployment: String,
    /// Whether that is the current one.
    pub current: bool,
}

impl DeployedTask {
    /// Whether it is meant to run.
    pub fn wanted(&self) -> bool {
        matches!(self.desired.as_str(), "running" | "ready")
    }

    /// Whether it runs, which with a health check means that it is healthy.
    pub fn runs(&self) -> bool {
        self.state == "running"
    }

    /// Whether it ended because something went wrong.
    pub fn failed(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "rejected" | "orphaned")
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployOutcome {
    /// It was looked.
    Looked,
    /// The engine is a swarm of one node.
    Started,
    /// Every task runs in the form that was asked for.
    Converged,
    /// It did not work, and the form before it is back.
    RolledBack,
    /// It did not work, there was nothing before it, and the service was taken away.
    Withdrawn,
    /// It did not work, and neither did going back.
    Stuck,
    /// The service is gone.
    Removed,
}

impl DeployOutcome {
    /// What it is, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Looked => "looked",
            Self::Started => "swarm started",
            Self::Converged => "converged",
            Self::RolledBack => "rolled back",
            Self::Withdrawn => "withdrawn",
            Self::Stuck => "stuck",
            Self::Removed => "removed",
        }
    }
}

/// The result of a request about a deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployed {
    /// What was done, for the ledger and people: `update trestle-churn churn:1.1.0`.
    pub action: String,
    /// What came of it.
    pub outcome: DeployOutcome,
    /// Why, and what else is to be known; one sentence each.
    pub reasons: Vec<String>,
    /// The swarm afterwards.
    pub state: SwarmState,
    /// When it was asked for.
    pub time: Timestamp,
    /// How long it took.
    pub seconds: f64,
}

impl Deployed {
    /// Whether what was asked for is so, and can be reached.
    pub fn passed(&self) -> bool {
        let unreachable = self.state.service.as_ref().is_some_and(|service| service.answers == Some(false));
        let done = matches!(
            self.outcome,
            DeployOutcome::Looked | DeployOutcome::Started | DeployOutcome::Converged | DeployOutcome::Removed
        );
        let complete = self.state.service.as_ref().is_none_or(|service| service.replicas <= service.running);
        done && complete && !unreachable
    }
}

/// How far a layer of a push is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PushedLayer {
    /// Its short identity.
    pub id: String,
    /// The engine's word: `Pushing`, `Pushed`, `Layer already exists`, …
    pub state: String,
    /// Bytes that are there.
    pub done_bytes: u64,
    /// Bytes altogether; 0 while that is not known.
    pub total_bytes: u64,
}

impl PushedLayer {
    /// Whether the registry has it.
    pub fn done(&self) -> bool {
        self.state == "Pushed" || self.state.contains("already exists") || self.state.starts_with("Mounted")
    }
}

/// A pushed image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// The reference it has in the registry.
    pub reference: String,
    /// Digest of its manifest there.
    pub digest: String,
    /// Where the credentials came from; empty when none were sent.
    pub credentials: String,
    /// Its layers.
    pub layers: Vec<PushedLayer>,
    /// When it was asked for.
    #[serde(skip)]
    pub time: Timestamp,
}
