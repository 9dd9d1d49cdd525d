//! Loading and saving the documents that the user edits.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disk::{Disk, write_atomic};
use super::error::ProjectError;
use super::evidence::bytes_sha256;
use super::format::{self, MAX_DOCUMENT_BYTES, Parsed};
use super::{Documents, Project};
use crate::problem::Problem;

/// The documents that are edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// `project.ron`
    Config,
    /// `brief.ron`
    Brief,
    /// `features.ron`
    Features,
    /// `checklist.ron`
    Checklist,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Config, Self::Brief, Self::Features, Self::Checklist];

    /// File name in the project folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Config => super::PROJECT_FILE,
            Self::Brief => "brief.ron",
            Self::Features => "features.ron",
            Self::Checklist => "checklist.ron",
        }
    }

    fn differs(self, one: &Documents, other: &Documents) -> bool {
        match self {
            Self::Config => one.config != other.config,
            Self::Brief => one.brief != other.brief,
            Self::Features => one.features != other.features,
            Self::Checklist => one.checklist != other.checklist,
        }
    }

    fn assign(self, from: &Documents, to: &mut Documents) {
        match self {
            Self::Config => to.config = Arc::clone(&from.config),
            Self::Brief => to.brief = Arc::clone(&from.brief),
            Self::Features => to.features = Arc::clone(&from.features),
            Self::Checklist => to.checklist = Arc::clone(&from.checklist),
        }
    }
}

/// How a document stands on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentState {
    /// There is no file yet.
    Absent,
    /// It was loaded or saved with this content.
    Known {
        /// SHA-256 of the file.
        sha256: String,
    },
    /// It may not be overwritten: it cannot be read, or is of a newer format.
    Protected {
        /// Why.
        problem: Problem,
    },
}

/// Reads and parses one document; `None` when there is no file.
pub(super) fn read_document<T: DeserializeOwned>(path: &Path) -> Result<Option<(Parsed<T>, String)>, ProjectError> {
    let reading = |error| ProjectError::io("Reading", path)(error);
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(reading(error)),
    };
    if MAX_DOCUMENT_BYTES < size {
        return Err(reading(std::io::Error::other(format!("it is too large for a document ({size} bytes)"))));
    }
    let bytes = fs::read(path).map_err(reading)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
        ProjectError::Unreadable {
            path: path.to_owned(),
            line: good.lines().count().max(1),
            column: good.lines().last().map_or(0, |line| line.chars().count()) + 1,
            reason: "it is not UTF-8 text".to_owned(),
        }
    })?;
    Ok(Some((format::parse(text, path)?, bytes_sha256(&bytes))))
}

/// Writes one document atomically; returns the SHA-256 of what was written.
pub(super) fn write_document<T: Serialize>(disk: &dyn Disk, path: &Path, document: &T) -> Result<String, ProjectError> {
    let text =
        format::render(document).map_err(|error| ProjectError::io("Saving", path)(std::io::Error::other(error)))?;
    write_atomic(disk, path, text.as_bytes()).map_err(ProjectError::io("Saving", path))?;
    Ok(bytes_sha256(text.as_bytes()))
}

impl Project {
    /// The path of a document.
    pub fn document_path(&self, kind: DocumentKind) -> PathBuf {
        self.root().join(kind.file_name())
    }

    /// Loads a document from disk, in place of what is in memory.
    pub(super) fn load(&mut self, kind: DocumentKind) {
        let path = self.document_path(kind);
        let state = match kind {
            DocumentKind::Config => settle(read_document(&path), &mut self.documents.config),
            DocumentKind::Brief => settle(read_document(&path), &mut self.documents.brief),
            DocumentKind::Features => settle(read_document(&path), &mut self.documents.features),
            DocumentKind::Checklist => settle(read_document(&path), &mut self.documents.checklist),
        };
        // Before the words are understood anew, so that a brief edited elsewhere is saved with its values.
        kind.assign(&self.documents.clone(), &mut self.saved);
        if kind == DocumentKind::Brief {
            Arc::make_mut(&mut self.documents.brief).refresh();
        }
        self.states.insert(kind, state);
    }

    /// Documents that were changed in memory since they were saved.
    pub fn unsaved(&self) -> Vec<DocumentKind> {
        DocumentKind::ALL.into_iter().filter(|kind| kind.differs(&self.documents, &self.saved)).collect()
    }

    /// Documents whose file is no longer the one that was loaded or saved.
    pub fn changed_outside(&self) -> Vec<DocumentKind> {
        DocumentKind::ALL.into_iter().filter(|kind| self.is_changed_outside(*kind)).collect()
    }

    fn is_changed_outside(&self, kind: DocumentKind) -> bool {
        let on_disk = fs::read(self.document_path(kind)).ok().map(|bytes| bytes_sha256(&bytes));
        match self.state(kind) {
            DocumentState::Known { sha256 } => on_disk.as_ref().is_some_and(|found| found != sha256),
            DocumentState::Absent => on_disk.is_some(),
            DocumentState::Protected { .. } => false,
        }
    }

    /// Saves every changed document. A failure leaves the others saved and that one unsaved.
    pub fn save(&mut self) -> Result<(), ProjectError> {
        let mut first_failure = None;
        for kind in self.unsaved() {
            if let Err(error) = self.save_one(kind) {
                first_failure.get_or_insert(error);
            }
        }
        first_failure.map_or(Ok(()), Err)
    }

    fn save_one(&mut self, kind: DocumentKind) -> Result<(), ProjectError> {
        self.writable()?;
        let path = self.document_path(kind);
        if let DocumentState::Protected { problem } = self.state(kind) {
            return Err(ProjectError::ReadOnly { root: path, reason: problem.what.clone() });
        }
        if self.is_changed_outside(kind) {
            return Err(ProjectError::ChangedOutside { path });
        }
        let disk = self.disk.as_ref();
        let sha256 = match kind {
            DocumentKind::Config => write_document(disk, &path, self.documents.config.as_ref()),
            DocumentKind::Brief => write_document(disk, &path, self.documents.brief.as_ref()),
            DocumentKind::Features => write_document(disk, &path, self.documents.features.as_ref()),
            DocumentKind::Checklist => write_document(disk, &path, self.documents.checklist.as_ref()),
        }?;
        kind.assign(&self.documents.clone(), &mut self.saved);
        self.states.insert(kind, DocumentState::Known { sha256 });
        Ok(())
    }

    /// Takes the document as it is on disk, dropping what is in memory.
    pub fn reload(&mut self, kind: DocumentKind) {
        self.load(kind);
        self.read_only = self.access();
    }

    /// Accepts that the next save replaces the file that another program wrote.
    pub fn keep_mine(&mut self, kind: DocumentKind) {
        if let Ok(bytes) = fs::read(self.document_path(kind)) {
            self.states.insert(kind, DocumentState::Known { sha256: bytes_sha256(&bytes) });
        }
        // What is in memory is by definition not what is on disk now.
        match kind {
            DocumentKind::Config => self.saved.config = Arc::default(),
            DocumentKind::Brief => self.saved.brief = Arc::default(),
            DocumentKind::Features => self.saved.features = Arc::default(),
            DocumentKind::Checklist => self.saved.checklist = Arc::default(),
        }
    }

    /// An error when nothing can be saved in this project.
    pub(super) fn writable(&self) -> Result<(), ProjectError> {
        match &self.read_only {
            Some(reason) => Err(ProjectError::ReadOnly { root: self.root().to_owned(), reason: reason.clone() }),
            None => Ok(()),
        }
    }
}

/// Puts what was read in its place and says how the file stands.
fn settle<T: Default>(read: Result<Option<(Parsed<T>, String)>, ProjectError>, place: &mut Arc<T>) -> DocumentState {
    match read {
        Ok(Some((parsed, sha256))) => {
            let newer = parsed.is_newer().then_some(parsed.format);
            *place = Arc::new(parsed.document);
            match newer {
                None => DocumentState::Known { sha256 },
                Some(found) => DocumentState::Protected {
                    problem: Problem::new(
                        format!(
                            "This document has format {found}, newer than the {} this Trestle writes",
                            format::FORMAT
                        ),
                        "",
                        "Update Trestle. Until then the document is shown read-only.",
                    ),
                },
            }
        }
        Ok(None) => {
            *place = Arc::default();
            DocumentState::Absent
        }
        Err(error) => {
            *place = Arc::default();
            DocumentState::Protected { problem: error.into() }
        }
    }
}
