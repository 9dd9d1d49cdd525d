//! Why an image could not be built or verified.
//!
//! Each error is one message for a person: what happened at which stage, and what to do about it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::push::PushError;
use super::swarm::SwarmError;
use crate::jobs::JobError;
use crate::problem::Problem;

/// Why an image could not be built or verified. A container that answers wrongly is not an error but a report.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// No container engine answered.
    #[error("No container engine answered ({})", tried_text(.tried))]
    NoEngine {
        /// Each address that was tried, and what came of it.
        tried: Vec<Tried>,
        /// Whether the address was chosen by the user, so that nothing else was tried.
        chosen: bool,
    },
    /// A file of the build context cannot be read.
    #[error("Could not read {what} ({source})")]
    Read {
        /// What the file is.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("Could not write the file ({source})")]
    Write {
        /// Where it should be.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The executable cannot run in a Linux container.
    #[error("This executable cannot run in a Linux container: {reason}")]
    NotPackageable {
        /// The executable.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file is not an executable of this Trestle.
    #[error("This file cannot be what an image runs: {reason}")]
    NotTrestle {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The executable and the engine are of different architectures.
    #[error("This executable is for {executable} and the container engine runs {engine}")]
    Architecture {
        /// Architecture of the executable.
        executable: String,
        /// Architecture of the engine.
        engine: String,
        /// The executable.
        path: PathBuf,
    },
    /// A library of the executable cannot be found.
    #[error("The executable needs {library}, which is not on this machine")]
    LibraryMissing {
        /// Name of the library.
        library: String,
        /// The executable.
        path: PathBuf,
    },
    /// The build context cannot be assembled.
    #[error("The build context cannot be assembled: {reason}")]
    Context {
        /// Why not.
        reason: String,
    },
    /// The tag is not a valid image reference.
    #[error("`{tag}` is not a valid image reference: {reason}")]
    Tag {
        /// The reference.
        tag: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine refused a build step.
    #[error("The image could not be built, at `{step}`: {reason}")]
    Build {
        /// The step that failed.
        step: String,
        /// The engine's reason.
        reason: String,
    },
    /// The engine refused a request.
    #[error("The container engine refused while {stage}: {reason}")]
    Engine {
        /// What was going on.
        stage: &'static str,
        /// The engine's reason.
        reason: String,
    },
    /// The engine went away.
    #[error("The container engine went away while {stage} ({reason})")]
    Vanished {
        /// What was going on.
        stage: &'static str,
        /// What was seen.
        reason: String,
    },
    /// The engine said nothing for too long.
    #[error("The container engine did not answer within {} s while {stage}", .limit.as_secs())]
    TimedOut {
        /// What was going on.
        stage: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// The container ended before it was ready.
    #[error("The container stopped with exit code {exit_code} before it was ready{}", log_text(.log))]
    Stopped {
        /// Its exit code.
        exit_code: i64,
        /// The end of its log.
        log: String,
    },
    /// The container runs and does not get ready.
    #[error("The container was not ready within {} s{}", .limit.as_secs(), log_text(.log))]
    NotReady {
        /// How long was waited.
        limit: Duration,
        /// The end of its log.
        log: String,
    },
    /// The golden rows cannot be turned into requests.
    #[error("The golden rows do not fit the model: {reason}")]
    Golden {
        /// Why not.
        reason: String,
    },
    /// The image or the container of the build is there no more.
    #[error("Somebody removed what is being built while {stage}: {reason}")]
    Removed {
        /// What was going on.
        stage: &'static str,
        /// The engine's words.
        reason: String,
    },
    /// The load cannot be measured.
    #[error("The load cannot be measured: {reason}")]
    Measure {
        /// Why not.
        reason: String,
    },
    /// A container could not be run or looked at.
    #[error(transparent)]
    Running(#[from] super::running::RunError),
    /// The image could not be pushed.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The deployment could not be done.
    #[error(transparent)]
    Swarm(#[from] SwarmError),
    /// It was asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// One address that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The address.
    pub address: String,
    /// Where the address comes from.
    pub source: String,
    /// Why there is no engine.
    pub reason: Unreachable,
}

/// Why there is no engine at an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// There is no such socket.
    #[error("missing")]
    Missing,
    /// Nobody listens.
    #[error("refused")]
    Refused,
    /// The user may not use it.
    #[error("permission denied")]
    PermissionDenied,
    /// It accepts and does not answer.
    #[error("timed out")]
    TimedOut,
    /// It answers something else.
    #[error("not a container engine: {0}")]
    NotAnEngine(String),
    /// This kind of address is not supported.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// TLS to it cannot be begun, or one side does not take the other's certificate.
    #[error("TLS failed: {0}")]
    Certificate(String),
    /// The context that was chosen is not there.
    #[error("there is no docker context of this name")]
    NoSuchContext,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

fn tried_text(tried: &[Tried]) -> String {
    if tried.is_empty() {
        return "there was nothing to try".to_owned();
    }
    let each: Vec<String> = tried.iter().map(|tried| format!("{}: {}", tried.address, tried.reason)).collect();
    each.join("; ")
}

fn log_text(log: &str) -> String {
    if log.is_empty() { "; it wrote no log".to_owned() } else { format!("; its log ends with: {log}") }
}

/// What to do when no engine answered.
fn engine_fix(tried: &[Tried], chosen: bool) -> String {
    let any = |is: fn(&Unreachable) -> bool| tried.iter().any(|tried| is(&tried.reason));
    let mut fix = if any(|reason| matches!(reason, Unreachable::PermissionDenied)) {
        "Let your user use the engine (`sudo usermod -aG docker $USER`, then log in again)."
    } else if any(|reason| matches!(reason, Unreachable::TimedOut)) {
        "An engine that accepts and does not answer is usually starting or stuck: restart it."
    } else if any(|reason| matches!(reason, Unreachable::Certificate(_))) {
        "Put ca.pem, cert.pem and key.pem into one folder and set DOCKER_CERT_PATH to it, DOCKER_TLS_VERIFY to 1 and \
         DOCKER_HOST to tcp://HOST:2376; or make a docker context with these files."
    } else if any(|reason| matches!(reason, Unreachable::Unsupported(_))) {
        "Forward the engine's socket to this machine, for example with \
         `ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST`, and set DOCKER_HOST to unix:///tmp/engine.sock."
    } else if any(|reason| matches!(reason, Unreachable::NoSuchContext)) {
        "`docker context ls` lists the contexts there are."
    } else {
        "Install or start Docker, Podman or Colima (`sudo systemctl start docker`), then try again."
    }
    .to_owned();
    match tried.first() {
        Some(only) if chosen => {
            let _infallible = write!(fix, " Nothing else was tried because {} names this address.", only.source);
        }
        _ => fix.push_str(" Set DOCKER_HOST if it listens elsewhere."),
    }
    fix
}

impl PackageError {
    /// What the reader can do.
    fn fix(&self) -> String {
        match self {
            Self::NoEngine { tried, chosen } => engine_fix(tried, *chosen),
            Self::Write { .. } => "Check that the folder may be written and has room.".to_owned(),
            Self::Read { .. } => "Check that the file exists and may be read, then build again.".to_owned(),
            Self::NotPackageable { .. } => {
                "Choose a build of Trestle for Linux (--executable), or point DOCKER_HOST at an engine for Linux."
                    .to_owned()
            }
            Self::NotTrestle { .. } => format!(
                "Compile it from the same sources: cargo build --profile image --no-default-features --features serve; it is \
                 target/image/{}.",
                super::SERVE_NAME
            ),
            Self::Architecture { engine, .. } => format!(
                "Choose a build of Trestle for Linux on {engine} (--executable), or point DOCKER_HOST at an engine of \
                 the same architecture."
            ),
            Self::LibraryMissing { library, .. } => format!("Install the package that has {library}, then build again."),
            Self::Context { .. } => "Check the files of the version in its `models` folder.".to_owned(),
            Self::Tag { .. } => "Use `name:tag` in lower-case letters, for example `churn:1.0.0`.".to_owned(),
            Self::Build { reason, .. } | Self::Engine { reason, .. } if is_full(reason) => {
                "The engine's disk is full: free some with `docker system prune`, then build again.".to_owned()
            }
            Self::Build { .. } => "The log has the engine's own words. An earlier image is unchanged.".to_owned(),
            Self::Engine { .. } => "An earlier image is unchanged. See the engine's own log for more.".to_owned(),
            Self::Vanished { .. } | Self::TimedOut { .. } => {
                "Check that the engine runs (`docker info`), then build again: what is left of this build is removed then."
                    .to_owned()
            }
            Self::Stopped { .. } | Self::NotReady { .. } => {
                "An earlier image is unchanged. `trestle serve` on the project shows the same failure without a container."
                    .to_owned()
            }
            Self::Push(error) => error.fix(),
            Self::Swarm(error) => error.fix(),
            Self::Golden { .. } => "Make the golden rows again for this version (`trestle golden`).".to_owned(),
            Self::Removed { .. } => "An earlier image is unchanged. Build again, and keep clean-up jobs such as \
                                     `docker system prune` from running meanwhile."
                .to_owned(),
            Self::Measure { .. } => "Report this; it is a mistake in Trestle.".to_owned(),
            Self::Running(error) => error.fix(),
            Self::Cancelled => String::new(),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Read { path, .. }
            | Self::Write { path, .. }
            | Self::NotPackageable { path, .. }
            | Self::NotTrestle { path, .. }
            | Self::Architecture { path, .. }
            | Self::LibraryMissing { path, .. } => path.display().to_string(),
            Self::Running(error) => error.place(),
            Self::Push(error) => error.place(),
            Self::Swarm(error) => error.place(),
            Self::NoEngine { .. }
            | Self::Context { .. }
            | Self::Tag { .. }
            | Self::Build { .. }
            | Self::Engine { .. }
            | Self::Vanished { .. }
            | Self::TimedOut { .. }
            | Self::Stopped { .. }
            | Self::NotReady { .. }
            | Self::Golden { .. }
            | Self::Removed { .. }
            | Self::Measure { .. }
            | Self::Cancelled => String::new(),
        }
    }

    /// The error of a request to the engine, by what it says about the engine.
    pub(super) fn from_engine(stage: &'static str, error: &bollard::errors::Error) -> Self {
        use bollard::errors::Error;
        match error {
            Error::DockerResponseServerError { status_code: 404, message } if is_gone(message) => {
                Self::Removed { stage, reason: message.clone() }
            }
            Error::DockerResponseServerError { status_code, message } => {
                let reason = if message.is_empty() { format!("status {status_code}") } else { message.clone() };
                Self::Engine { stage, reason }
            }
            Error::DockerStreamError { error } => Self::Engine { stage, reason: error.clone() },
            Error::DockerContainerWaitError { error, code } => {
                Self::Engine { stage, reason: format!("{error} (code {code})") }
            }
            Error::RequestTimeoutError => Self::TimedOut { stage, limit: super::discover::REQUEST_LIMIT },
            Error::IOError { .. }
            | Error::HyperResponseError { .. }
            | Error::HyperLegacyError { .. }
            | Error::SocketNotFoundError(_) => Self::Vanished { stage, reason: root_cause(error) },
            Error::JsonDataError { .. } | Error::JsonSerdeError { .. } | Error::StrParseError { .. } => {
                Self::Engine { stage, reason: format!("an answer that is not the engine's ({error})") }
            }
            other => Self::Engine { stage, reason: other.to_string() },
        }
    }
}

/// Whether the engine says that its disk is full.
pub(super) fn is_full(reason: &str) -> bool {
    reason.contains("no space left") || reason.contains("disk quota exceeded")
}

/// Whether the engine said something of a container that only holds for a moment: Podman calls one `stopped` before it
/// is `exited`, a word that Docker's API does not have.
pub(super) fn is_of_a_moment(error: &bollard::errors::Error) -> bool {
    matches!(error, bollard::errors::Error::JsonDataError { message, .. } if message.contains("`stopped`"))
}

/// Whether the engine says that there is no such image or container.
fn is_gone(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    // Podman: `no container with name or ID`, `image not known`.
    ["no such container", "no such image", "no container with", "image not known", "no image with"]
        .iter()
        .any(|words| message.contains(words))
}

/// The innermost cause of an error, which is the one that says something.
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

impl From<PackageError> for Problem {
    fn from(error: PackageError) -> Self {
        Self::new(error.to_string(), error.place(), error.fix())
    }
}

impl From<PackageError> for JobError {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::Cancelled => Self::Cancelled,
            other => Self::Failed(other.into()),
        }
    }
}
