//! Why a deployment could not be done.

/// Why a deployment could not be done. One that was tried and did not work is not an error but an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwarmError {
    /// The engine is part of no swarm.
    #[error("This engine is not part of a swarm")]
    NoSwarm,
    /// The engine is a worker.
    #[error("This engine is a worker of its swarm, and only managers take services")]
    Worker,
    /// The manager waits for its key.
    #[error("The swarm's manager is locked")]
    Locked,
    /// It joins, or fails to.
    #[error("The swarm does not answer: {0}")]
    Unsettled(String),
    /// The engine knows no swarms.
    #[error("This engine knows no swarms")]
    Unsupported,
    /// There is one already.
    #[error("This engine is part of a swarm already")]
    AlreadyInSwarm,
    /// There is no such service.
    #[error("The swarm has no service {0}")]
    NoService(String),
    /// A service of the name is not ours.
    #[error("The swarm has a service {0} that Trestle did not make")]
    Foreign(String),
    /// More tasks than nodes for one fixed port.
    #[error("{replicas} tasks cannot share host port {port} of {nodes} node(s)")]
    FixedPort {
        /// Tasks asked for.
        replicas: u64,
        /// Nodes of the swarm.
        nodes: u64,
        /// The port.
        port: u16,
    },
    /// A port where none is published.
    #[error("DNS round robin publishes no port, and port {0} was asked for")]
    PortWithoutPublishing(u16),
    /// A number of tasks that cannot be meant.
    #[error("{0} is no number of replicas: it goes from 1 to 1000")]
    Replicas(u64),
    /// A variable that is none.
    #[error("Variable {number} is not of the form NAME=VALUE")]
    Variable {
        /// Its place in the list, from 1; the text itself may be a secret.
        number: usize,
    },
    /// Other nodes cannot get the image.
    #[error("The swarm has {nodes} nodes, and {image} is on this one only")]
    NotPushed {
        /// The image's reference.
        image: String,
        /// Nodes of the swarm.
        nodes: u64,
    },
    /// The image is not on the engine.
    #[error("The engine has no image {0}")]
    NoImage(String),
    /// There is no earlier form.
    #[error("{0} has no change to undo")]
    NothingToUndo(String),
}

impl SwarmError {
    /// What it concerns.
    pub(in crate::package) fn place(&self) -> String {
        match self {
            Self::NotPushed { image, .. } | Self::NoImage(image) => image.clone(),
            _ => String::new(),
        }
    }

    /// What the reader can do.
    pub(in crate::package) fn fix(&self) -> String {
        let fix = match self {
            Self::NoSwarm => {
                "`trestle deploy DIR --start-swarm` makes one of this machine alone, that no other machine can reach; \
                 `docker swarm init` makes one that others can join. `docker swarm leave --force` ends either."
            }
            Self::Worker => "Point DOCKER_HOST at a manager; `docker node ls` there lists the managers.",
            Self::Locked => "Unlock it with `docker swarm unlock`.",
            Self::Unsettled(_) => "`docker info` and `docker node ls` say more. A majority of the managers must be up.",
            Self::Unsupported => "Use Docker's own engine for a swarm; Podman has none.",
            Self::AlreadyInSwarm => "Deploy to it; there is nothing to start.",
            Self::NoService(_) => "Deploy first.",
            Self::Foreign(_) => "Rename or remove that service, or give the project another slug.",
            Self::FixedPort { .. } => {
                "Let the engine choose the ports (port 0), ask for fewer replicas, or publish through ingress."
            }
            Self::PortWithoutPublishing(_) => "Leave the port out, or choose ingress or host ports.",
            Self::Replicas(_) => "Ask for at least one; to stop the service, remove it.",
            Self::Variable { .. } => "Give each variable as NAME=VALUE.",
            Self::NotPushed { .. } => "Push the image to a registry that every node reaches, then deploy again.",
            Self::NoImage(_) => "Build the image, then deploy again.",
            Self::NothingToUndo(_) => "The engine keeps one earlier form, and none after a roll back.",
        };
        fix.to_owned()
    }
}
