//! What can go wrong between a file and its predictions, each case in words for a person.

use std::path::PathBuf;

use crate::jobs::JobError;
use crate::problem::Problem;
use crate::project::contract::{Dtype, Finding};

/// Why a model could not be read, prepared or run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file could not be read.
    #[error("The file could not be read ({source}): {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is something else than an ONNX model.
    #[error("This is not an ONNX model but {found}: {path}")]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What it is, with its article.
        found: String,
        /// What to do about it.
        fix: String,
    },
    /// The file ends before what it announces.
    #[error("The file is truncated: it ends after {size_bytes} bytes, {missing_bytes} or more are missing: {path}")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// How much is missing at least.
        missing_bytes: u64,
    },
    /// The file is larger than any ONNX file may be.
    #[error("The file has {size_bytes} bytes; an ONNX file ends at {limit_bytes}: {path}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// The largest accepted size.
        limit_bytes: u64,
    },
    /// The bytes are not what the format asks for.
    #[error("The file is damaged ({reason}): {path}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The model is an ONNX model, but not one that can be run correctly here.
    #[error("The model is refused: {}: {path}", whats(findings))]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why; at least one.
        findings: Vec<Finding>,
    },
    /// The model passed the inspection, but could not be prepared for running.
    #[error("The model could not be prepared for {shapes}: {reason}")]
    Prepare {
        /// The input shapes, e.g. `x [1, 4]`.
        shapes: String,
        /// What the engine said.
        reason: String,
    },
    /// An input that the model has was not given.
    #[error("The input `{name}` is missing; the model takes {expected}")]
    MissingInput {
        /// The input.
        name: String,
        /// Every input of the model.
        expected: String,
    },
    /// An input that the model does not have, or has only once.
    #[error("The input `{name}` is {how}; the model takes {expected}")]
    UnexpectedInput {
        /// The input.
        name: String,
        /// `unknown` or `given twice`.
        how: &'static str,
        /// Every input of the model.
        expected: String,
    },
    /// An input of another element type.
    #[error("The input `{name}` takes {expected}, {given} was given")]
    InputType {
        /// The input.
        name: String,
        /// What the model takes.
        expected: Dtype,
        /// What was given.
        given: Dtype,
    },
    /// An input of another shape.
    #[error("The input `{name}` takes the shape {expected}, {given} was given{detail}")]
    InputShape {
        /// The input.
        name: String,
        /// What the model takes.
        expected: String,
        /// What was given.
        given: String,
        /// More about the difference; may be empty.
        detail: String,
    },
    /// The model failed on these inputs.
    #[error("The model failed while running: {reason}")]
    Run {
        /// What the engine said.
        reason: String,
    },
    /// The engine panicked; the panic was contained.
    #[error("The engine stopped unexpectedly while {during}: {reason}")]
    Panicked {
        /// What was going on.
        during: &'static str,
        /// The panic's message.
        reason: String,
    },
    /// The model asked for more memory than it may use; contained like a panic.
    #[error("The model needs more memory than it may use while {during}")]
    Memory {
        /// What was going on.
        during: &'static str,
    },
    /// The worker process could not be started.
    #[error("The worker could not be started ({source}): {executable}")]
    WorkerStart {
        /// The executable.
        executable: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The worker process ended by itself.
    #[error("The model's process ended while {during} ({how}){}", last(last_line))]
    WorkerCrashed {
        /// What was going on.
        during: String,
        /// Exit code or signal, and what that usually means.
        how: String,
        /// The last line of its log.
        last_line: String,
    },
    /// The worker process did not answer in time and was ended.
    #[error("The model's process gave no answer within {seconds} s while {during} and was stopped{}", last(last_line))]
    WorkerStuck {
        /// What was going on.
        during: String,
        /// The deadline.
        seconds: f64,
        /// The last line of its log.
        last_line: String,
    },
    /// What came over the pipe was not the protocol.
    #[error("The model's process sent something unexpected while {during}: {reason}")]
    Protocol {
        /// What was going on.
        during: String,
        /// What was wrong.
        reason: String,
    },
    /// An error that the worker process reported.
    #[error("{0}")]
    Remote(Problem),
    /// The work was asked to stop.
    #[error("cancelled")]
    Cancelled,
}

fn whats(findings: &[Finding]) -> String {
    findings.iter().map(|finding| finding.what.as_str()).collect::<Vec<_>>().join("; ")
}

fn last(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!(": {line}") }
}

impl EngineError {
    fn path(&self) -> String {
        match self {
            Self::Unreadable { path, .. }
            | Self::NotOnnx { path, .. }
            | Self::Truncated { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Damaged { path, .. }
            | Self::Refused { path, .. } => path.display().to_string(),
            Self::WorkerStart { executable, .. } => executable.display().to_string(),
            _ => String::new(),
        }
    }

    fn fix(&self) -> String {
        match self {
            Self::NotOnnx { fix, .. } => fix.clone(),
            Self::Refused { findings, .. } => {
                let mut fixes: Vec<&str> = Vec::new();
                for finding in findings.iter().filter(|finding| !finding.fix.is_empty()) {
                    if !fixes.contains(&finding.fix.as_str()) {
                        fixes.push(&finding.fix);
                    }
                }
                fixes.join(" ")
            }
            Self::Unreadable { .. } => "Check that the file exists and may be read.".to_owned(),
            Self::Truncated { .. } => "Copy or export the file again; the last copy did not finish.".to_owned(),
            Self::TooLarge { .. } => {
                "Export the model with its weights as external data, or check that this is the right file.".to_owned()
            }
            Self::Damaged { .. } => "Export the model again.".to_owned(),
            Self::Prepare { .. } | Self::Panicked { .. } => {
                "Check the model with onnx.checker, and report it with the file if it is sound.".to_owned()
            }
            Self::WorkerStuck { .. } => "Try a smaller batch, or raise the time limit.".to_owned(),
            Self::WorkerCrashed { .. } | Self::Memory { .. } => "Try a smaller batch or a smaller model.".to_owned(),
            Self::WorkerStart { .. } => "Check that the executable exists and may be run.".to_owned(),
            Self::MissingInput { .. }
            | Self::UnexpectedInput { .. }
            | Self::InputType { .. }
            | Self::InputShape { .. }
            | Self::Run { .. }
            | Self::Protocol { .. }
            | Self::Remote(_)
            | Self::Cancelled => String::new(),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        if let EngineError::Remote(problem) = error {
            return problem;
        }
        let (place, fix, mut what) = (error.path(), error.fix(), error.to_string());
        // The path has its own field; the message ends with it.
        if !place.is_empty()
            && let Some(shorter) = what.strip_suffix(&format!(": {place}"))
        {
            what = shorter.to_owned();
        }
        Self { what, place, fix }
    }
}

impl From<EngineError> for JobError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Cancelled => Self::Cancelled,
            other => Self::Failed(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_the_path_once() {
        let error = EngineError::TooLarge { path: "m.onnx".into(), size_bytes: 5, limit_bytes: 4 };
        let problem = Problem::from(error);
        assert_eq!(problem.what, "The file has 5 bytes; an ONNX file ends at 4");
        assert_eq!(problem.place, "m.onnx");
    }

    #[test]
    fn cancelling_stays_cancelling() {
        assert_eq!(JobError::from(EngineError::Cancelled), JobError::Cancelled);
    }
}
