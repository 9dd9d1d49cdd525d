//! Why a container could not be run, stopped or looked at.

use std::path::PathBuf;
use std::time::Duration;

use bollard::errors::Error;

use crate::package::error::root_cause;

/// Why a container could not be run, stopped or looked at.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A setting cannot be used.
    #[error("{field}: {reason}")]
    Setting {
        /// What it is called in the form and on the command line.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The image is not there.
    #[error("There is no image {image}")]
    ImageMissing {
        /// Its reference.
        image: String,
    },
    /// Another container has the name.
    #[error("Another container is called {name}")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The port is taken.
    #[error("Port {port} of {address} is already in use")]
    PortInUse {
        /// The address.
        address: String,
        /// The port.
        port: u16,
    },
    /// There is no such container, any more or at all.
    #[error("There is no container {name} of Trestle's")]
    Gone {
        /// Its name.
        name: String,
        /// Names of those there are.
        known: Vec<String>,
    },
    /// A running container is not removed.
    #[error("{name} is running")]
    StillRunning {
        /// Its name.
        name: String,
    },
    /// The container ended before it was ready.
    #[error("The container ended with exit code {exit_code} before it was ready{}", log_text(.log))]
    Ended {
        /// Its exit code.
        exit_code: i64,
        /// The end of its log.
        log: String,
    },
    /// The container wanted more memory than it may have.
    #[error("The container needed more than its {limit_mebibytes} MiB of memory and was ended")]
    OutOfMemory {
        /// What it may have.
        limit_mebibytes: u64,
    },
    /// The container runs and does not get ready.
    #[error("The container was not ready within {} s{}", .limit.as_secs(), log_text(.log))]
    NotReady {
        /// How long was waited.
        limit: Duration,
        /// The end of its log.
        log: String,
    },
    /// The folder for the request log cannot be made.
    #[error("The folder for the request log cannot be made ({source})")]
    Folder {
        /// Where it should be.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The folder for the request log is on another machine than the engine.
    #[error("The engine runs on another machine, which does not have this project's folder")]
    FolderElsewhere,
    /// The engine refused a request.
    #[error("The container engine refused while {stage}: {reason}")]
    Refused {
        /// What was going on.
        stage: &'static str,
        /// The engine's reason.
        reason: String,
    },
    /// The engine went away.
    #[error("The container engine went away while {stage} ({reason})")]
    EngineGone {
        /// What was going on.
        stage: &'static str,
        /// What was seen.
        reason: String,
    },
    /// The engine said nothing for too long.
    #[error("The container engine did not answer within {} s while {stage}", .limit.as_secs())]
    Silent {
        /// What was going on.
        stage: &'static str,
        /// How long was waited.
        limit: Duration,
    },
}

fn log_text(log: &str) -> String {
    if log.is_empty() { "; it wrote no log".to_owned() } else { format!("; its log ends with: {log}") }
}

/// What a request to the engine is about, for the words of its error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// What is going on.
    pub(super) stage: &'static str,
    /// The container's name.
    pub(super) name: &'a str,
    /// The image's reference.
    pub(super) image: &'a str,
    /// The address and port that were asked for.
    pub(super) binding: Option<(&'a str, u16)>,
}

impl<'a> Subject<'a> {
    /// A request about a container that is there.
    pub(super) fn of(stage: &'static str, name: &'a str) -> Self {
        Self { stage, name, image: "", binding: None }
    }
}

impl RunError {
    /// The error of a request to the engine. Engines tell most by words, not by status.
    pub(super) fn from_engine(subject: Subject<'_>, error: &Error) -> Self {
        let Subject { stage, name, image, binding } = subject;
        let (status, message) = match error {
            Error::DockerResponseServerError { status_code, message } => (*status_code, message.as_str()),
            Error::DockerStreamError { error } => (0, error.as_str()),
            Error::RequestTimeoutError => {
                return Self::Silent { stage, limit: crate::package::discover::REQUEST_LIMIT };
            }
            Error::IOError { .. }
            | Error::HyperResponseError { .. }
            | Error::HyperLegacyError { .. }
            | Error::SocketNotFoundError(_) => return Self::EngineGone { stage, reason: root_cause(error) },
            other => return Self::Refused { stage, reason: root_cause(other) },
        };
        let says = |words: &str| message.to_ascii_lowercase().contains(words);
        let name_is_known = says("name") && says("already in use");
        match status {
            _ if says("port is already allocated") || says("address already in use") => {
                let (address, port) = binding.unwrap_or(("this machine", 0));
                Self::PortInUse { address: address.to_owned(), port }
            }
            _ if name_is_known => Self::NameTaken { name: name.to_owned() },
            404 if !image.is_empty() => Self::ImageMissing { image: image.to_owned() },
            404 => Self::Gone { name: name.to_owned(), known: Vec::new() },
            409 if says("no such container") => Self::Gone { name: name.to_owned(), known: Vec::new() },
            409 if says("running") => Self::StillRunning { name: name.to_owned() },
            _ if message.is_empty() => Self::Refused { stage, reason: format!("status {status}") },
            _ => Self::Refused { stage, reason: message.to_owned() },
        }
    }

    /// What the reader can do.
    pub(in crate::package) fn fix(&self) -> String {
        match self {
            Self::Setting { .. } => "Correct it and run again. Nothing was started.".to_owned(),
            Self::ImageMissing { .. } => "Build it first (`trestle build`), then run it.".to_owned(),
            Self::NameTaken { .. } => "Choose another name, or stop and remove that container.".to_owned(),
            Self::PortInUse { .. } => {
                "Choose another port, leave it out to get a free one, or stop what listens there.".to_owned()
            }
            Self::Gone { known, .. } if known.is_empty() => {
                "It may have been removed meanwhile; `trestle containers` lists those there are.".to_owned()
            }
            Self::Gone { known, .. } => format!("There are: {}.", known.join(", ")),
            Self::StillRunning { .. } => "Stop it first, then remove it.".to_owned(),
            Self::Ended { .. } | Self::NotReady { .. } => {
                "One that was new is removed again. What differs from the verification are its settings and variables."
                    .to_owned()
            }
            Self::OutOfMemory { .. } => "Give it more memory.".to_owned(),
            Self::Folder { .. } => "Check that the folder may be written and has room.".to_owned(),
            Self::FolderElsewhere => "Run it without the request log there.".to_owned(),
            Self::Refused { .. } => "See the engine's own log for more.".to_owned(),
            Self::EngineGone { .. } | Self::Silent { .. } => {
                "Check that the engine runs (`docker info`), then try again.".to_owned()
            }
        }
    }

    /// The file it concerns, if any.
    pub(in crate::package) fn place(&self) -> String {
        match self {
            Self::Folder { path, .. } => path.display().to_string(),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status_code: u16, message: &str) -> Error {
        Error::DockerResponseServerError { status_code, message: message.to_owned() }
    }

    #[track_caller]
    fn check(status: u16, message: &str, expected: &str) {
        let subject =
            Subject { stage: "starting the container", name: "one", image: "", binding: Some(("127.0.0.1", 8080)) };
        assert_eq!(RunError::from_engine(subject, &answer(status, message)).to_string(), expected);
    }

    #[test]
    fn what_an_engine_says_becomes_one_clear_error() {
        // Docker, when a container or another program has the port.
        check(
            500,
            "driver failed programming external connectivity on endpoint one (5d): Bind for 127.0.0.1:8080 failed: \
             port is already allocated",
            "Port 8080 of 127.0.0.1 is already in use",
        );
        check(
            500,
            "driver failed programming external connectivity on endpoint one (5d): Error starting userland proxy: \
             listen tcp4 127.0.0.1:8080: bind: address already in use",
            "Port 8080 of 127.0.0.1 is already in use",
        );
        // Podman.
        check(
            500,
            "rootlessport listen tcp 127.0.0.1:8080: bind: address already in use",
            "Port 8080 of 127.0.0.1 is already in use",
        );
        check(
            409,
            "Conflict. The container name \"/one\" is already in use by container \"ab\".",
            "Another container is called one",
        );
        check(
            500,
            "creating container storage: the container name \"one\" is already in use by ab",
            "Another container is called one",
        );
        check(404, "No such container: one", "There is no container one of Trestle's");
        check(409, "You cannot remove a running container ab. Stop the container before", "one is running");
        check(500, "no space left", "The container engine refused while starting the container: no space left");
        check(503, "", "The container engine refused while starting the container: status 503");
    }

    #[test]
    fn an_image_that_is_gone_is_named() {
        let subject = Subject { image: "churn:1.0.0", ..Subject::of("making the container", "one") };
        let error = RunError::from_engine(subject, &answer(404, "No such image: churn:1.0.0"));
        assert_eq!(error.to_string(), "There is no image churn:1.0.0");
        assert!(error.fix().contains("trestle build"), "{}", error.fix());
    }
}
