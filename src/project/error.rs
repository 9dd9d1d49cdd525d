//! What can go wrong with the documents on disk.

use std::io;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// Why a document or a version could not be read or saved.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The folder is not a project.
    #[error("This folder holds no project")]
    NotAProject {
        /// The folder.
        root: PathBuf,
    },
    /// A new project would overwrite something.
    #[error("There is already something here")]
    Occupied {
        /// The folder.
        root: PathBuf,
    },
    /// The system refused.
    #[error("{action} failed: {}", plain_reason(source))]
    Io {
        /// What was tried, as a noun: `Saving`, `Reading`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not the document it should be.
    #[error("This document cannot be read, line {line}, column {column}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// The parser's reason.
        reason: String,
    },
    /// The file is of a newer format.
    #[error("This document has format {found}, newer than the {known} this Trestle writes")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// The file is not the one that was loaded.
    #[error("Another program changed this document since it was opened")]
    ChangedOutside {
        /// The file.
        path: PathBuf,
    },
    /// The project is open read-only.
    #[error("The project is read-only: {reason}")]
    ReadOnly {
        /// The folder.
        root: PathBuf,
        /// Why.
        reason: String,
    },
    /// No such version or alias.
    #[error("There is no version or alias “{name}”")]
    NoSuchVersion {
        /// What was asked for.
        name: String,
        /// What there is, for the message.
        known: String,
    },
    /// The same file is registered already.
    #[error("This file is already registered as {version}")]
    AlreadyRegistered {
        /// The version that holds it.
        version: semver::Version,
    },
    /// The version number is taken.
    #[error("Version {version} exists already")]
    VersionTaken {
        /// The number.
        version: semver::Version,
    },
}

impl ProjectError {
    /// Wraps a failed system call.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// The reason for a failed call in words people use.
fn plain_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "writing is not permitted here".to_owned()
        }
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        _ => error.to_string(),
    }
}

impl From<ProjectError> for Problem {
    fn from(error: ProjectError) -> Self {
        let what = error.to_string();
        let (place, fix) = match &error {
            ProjectError::NotAProject { root } => (
                root.display().to_string(),
                "Choose a folder with a project.ron, or make one with `trestle new`.".to_owned(),
            ),
            ProjectError::Occupied { root } => {
                (root.display().to_string(), "Choose a folder that is empty or does not exist yet.".to_owned())
            }
            ProjectError::Io { path, source, .. } => (
                path.display().to_string(),
                match source.kind() {
                    io::ErrorKind::StorageFull => "Free some space and save again; what was saved before is untouched.",
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        "Give yourself permission for this folder, or copy the project elsewhere."
                    }
                    io::ErrorKind::NotFound => "Check the path.",
                    _ => "Try again; what was saved before is untouched.",
                }
                .to_owned(),
            ),
            ProjectError::Unreadable { path, line, column, .. } => (
                format!("{}:{line}:{column}", path.display()),
                "Repair the file or restore it from version control, then reload. It will not be overwritten."
                    .to_owned(),
            ),
            ProjectError::Newer { path, .. } => {
                (path.display().to_string(), "Update Trestle. Until then the document is shown read-only.".to_owned())
            }
            ProjectError::ChangedOutside { path } => (
                path.display().to_string(),
                "Reload it to see the other change, or keep yours to overwrite it.".to_owned(),
            ),
            ProjectError::ReadOnly { root, .. } => (root.display().to_string(), String::new()),
            ProjectError::NoSuchVersion { known, .. } => (
                String::new(),
                if known.is_empty() {
                    "Register a model first: drop an ONNX file on the window, or run `trestle add`.".to_owned()
                } else {
                    format!("There are {known}.")
                },
            ),
            ProjectError::AlreadyRegistered { version } => {
                (String::new(), format!("Nothing needs to be done; use {version}, or export a model that differs."))
            }
            ProjectError::VersionTaken { .. } => (String::new(), "Choose another bump.".to_owned()),
        };
        Self { what, place, fix }
    }
}
