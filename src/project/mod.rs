//! The project: what the user decided and the reports worth keeping, as plain files in a folder.
//!
//! **Invariant:** a document on disk is only replaced whole and only when it is still the one that was loaded;
//! one that cannot be read, or is of a newer format, is never overwritten.
//! **Invariant:** nothing here knows a step, the window or the engine.

pub mod brief;
pub mod checklist;
pub mod contract;
pub mod deployment;
pub mod disk;
pub mod documents;
pub mod error;
pub mod evidence;
pub mod format;
pub mod git;
pub mod history;
pub mod ledger;
mod registering;
pub mod reports;
pub mod running;
pub mod runtimes;
mod saving;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use semver::Version;

pub use error::ProjectError;
pub use registering::{NewVersion, Unfinished};
pub use saving::{DocumentKind, DocumentState};

use crate::problem::Problem;
use brief::{Brief, OutputSpec};
use checklist::Checklist;
use disk::{Disk, RealDisk, TEMPORARY_PREFIX};
use documents::{
    DataFile, Evidence, FeatureContract, GoldenRows, LedgerRecord, ProjectConfig, Registry, VersionRecord,
};
use reports::Reports;

/// The document that makes a folder a project.
pub const PROJECT_FILE: &str = "project.ron";

/// The alias of the version in production.
pub const CHAMPION: &str = "champion";

/// What the user decides. Undo and redo cover the configuration, the brief and the features; what is vouched for in
/// the checklist is withdrawn by name and stays in the ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Documents {
    /// `project.ron`
    pub config: Arc<ProjectConfig>,
    /// `brief.ron`
    pub brief: Arc<Brief>,
    /// `features.ron`
    pub features: Arc<FeatureContract>,
    /// `checklist.ron`
    pub checklist: Arc<Checklist>,
}

/// A registered version.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelVersion {
    /// `version.ron`
    pub record: VersionRecord,
    /// `golden.ron`, when there are golden rows.
    pub golden: Option<GoldenRows>,
    /// `models/<version>`
    pub folder: PathBuf,
}

impl ModelVersion {
    /// The model file.
    pub fn model_path(&self) -> PathBuf {
        self.folder.join("model.onnx")
    }
}

/// An open project.
pub struct Project {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    /// The documents as they stand in memory.
    pub documents: Documents,
    saved: Documents,
    states: BTreeMap<DocumentKind, DocumentState>,
    registry: Registry,
    registry_problem: Option<Problem>,
    versions: Vec<ModelVersion>,
    ledger: Vec<LedgerRecord>,
    reports: Reports,
    findings: Vec<Problem>,
    unfinished: Vec<Unfinished>,
    read_only: Option<String>,
}

impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Project").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Project {
    /// Opens the project at `root`.
    ///
    /// Documents that cannot be read become findings; only a folder without `project.ron` is an error.
    pub fn open(root: &Path) -> Result<Self, ProjectError> {
        Self::open_on(root, Arc::new(RealDisk))
    }

    /// Opens the project at `root`, saving through `disk`.
    pub fn open_on(root: &Path, disk: Arc<dyn Disk>) -> Result<Self, ProjectError> {
        if !root.join(PROJECT_FILE).is_file() {
            return Err(ProjectError::NotAProject { root: root.to_owned() });
        }
        let mut project = Self {
            root: root.to_owned(),
            disk,
            documents: Documents::default(),
            saved: Documents::default(),
            states: BTreeMap::new(),
            registry: Registry::default(),
            registry_problem: None,
            versions: Vec::new(),
            ledger: Vec::new(),
            reports: Reports::default(),
            findings: Vec::new(),
            unfinished: Vec::new(),
            read_only: None,
        };
        for kind in DocumentKind::ALL {
            project.load(kind);
        }
        project.read_only = project.access();
        project.refresh()?;
        Ok(project)
    }

    /// Makes a new project; the folder may exist only if it is empty.
    pub fn create(root: &Path, name: &str) -> Result<Self, ProjectError> {
        let occupied = fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) || root.is_file();
        if occupied {
            return Err(ProjectError::Occupied { root: root.to_owned() });
        }
        let disk = RealDisk;
        disk.create_folder(root).map_err(ProjectError::io("Creating the folder", root))?;
        let config = ProjectConfig { name: name.to_owned(), slug: slug(name), ..ProjectConfig::default() };
        saving::write_document(&disk, &root.join("brief.ron"), &Brief::default())?;
        saving::write_document(&disk, &root.join("features.ron"), &FeatureContract::default())?;
        // Last, because it is what makes the folder a project.
        saving::write_document(&disk, &root.join(PROJECT_FILE), &config)?;
        Self::open(root)
    }

    /// Reads the registry, versions, ledger and reports anew.
    pub fn refresh(&mut self) -> Result<(), ProjectError> {
        self.findings.clear();
        self.read_registry();
        self.read_versions();
        let repair = self.read_only.is_none().then(|| Arc::clone(&self.disk));
        let (records, findings) = ledger::read(&self.root, repair.as_deref())?;
        self.ledger = records;
        self.findings.extend(findings);
        self.find_unfinished();
        let (reports, findings) = Reports::read(&self.root);
        self.reports = reports;
        self.findings.extend(findings);
        if self.read_only.is_none() {
            self.remove_leftovers();
        }
        Ok(())
    }

    /// The project folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Registered versions, ascending.
    pub fn versions(&self) -> &[ModelVersion] {
        &self.versions
    }

    /// Names for versions.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What was done, oldest first.
    pub fn ledger(&self) -> &[LedgerRecord] {
        &self.ledger
    }

    /// What was wrong on disk, for display; documents' own problems are in [`Project::state`].
    pub fn findings(&self) -> &[Problem] {
        &self.findings
    }

    /// Registrations that a crash interrupted.
    pub fn unfinished(&self) -> &[Unfinished] {
        &self.unfinished
    }

    /// Why nothing can be saved, if so.
    pub fn read_only(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// How a document stands on disk.
    pub fn state(&self, kind: DocumentKind) -> &DocumentState {
        self.states.get(&kind).unwrap_or(&DocumentState::Absent)
    }

    /// The name for people: the configured one, else the folder's.
    pub fn name(&self) -> String {
        if self.documents.config.name.is_empty() { folder_name(&self.root) } else { self.documents.config.name.clone() }
    }

    /// The name for machines: the configured one, else made from the name.
    pub fn slug(&self) -> String {
        if self.documents.config.slug.is_empty() { slug(&self.name()) } else { self.documents.config.slug.clone() }
    }

    /// The version a command works on: the one named by number or alias, else the champion, else the highest.
    pub fn select(&self, name: Option<&str>) -> Result<&ModelVersion, ProjectError> {
        let no_such = |name: &str| ProjectError::NoSuchVersion {
            name: name.to_owned(),
            known: self
                .versions
                .iter()
                .map(|version| version.record.version.to_string())
                .collect::<Vec<_>>()
                .join(", "),
        };
        let Some(name) = name else {
            let champion = self.registry.resolve(CHAMPION).and_then(|version| self.version(version));
            return champion.or(self.versions.last()).ok_or_else(|| no_such(CHAMPION));
        };
        let number = Version::parse(name.strip_prefix('v').unwrap_or(name)).ok();
        number
            .as_ref()
            .or_else(|| self.registry.resolve(name))
            .and_then(|version| self.version(version))
            .ok_or_else(|| no_such(name))
    }

    /// The registered version of that number.
    pub fn version(&self, version: &Version) -> Option<&ModelVersion> {
        self.versions.iter().find(|known| known.record.version == *version)
    }

    /// The absolute path of a data file.
    pub fn data_path(&self, file: &DataFile) -> PathBuf {
        self.root.join(&file.path)
    }

    /// The reference data's path, when it is declared.
    pub fn reference_path(&self) -> Option<PathBuf> {
        self.documents.config.data.reference.as_ref().map(|file| self.data_path(file))
    }

    /// Hashes of what evidence about `version` stands on; hashing reads the code and data, so call it from a job.
    pub fn evidence(&self, version: Option<&ModelVersion>) -> Result<Evidence, ProjectError> {
        let file = |path: &Path| match evidence::file_sha256(path) {
            Ok(hash) => Ok(hash),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(ProjectError::io("Hashing", path)(error)),
        };
        let files = &self.documents.config.data;
        let data = |declared: &Option<DataFile>| match declared {
            Some(declared) => file(&self.data_path(declared)),
            None => Ok(String::new()),
        };
        Ok(Evidence {
            code: evidence::code_sha256(&self.root)?,
            model: version.map(|version| file(&version.model_path())).transpose()?.unwrap_or_default(),
            data: data(&files.reference)?,
            current: data(&files.current)?,
            labelled: data(&files.labelled)?,
            features: file(&self.root.join(DocumentKind::Features.file_name()))?,
            brief: file(&self.root.join(DocumentKind::Brief.file_name()))?,
            image: String::new(),
            commit: evidence::commit(&self.root),
        })
    }

    /// How the model's output is read, where the brief says so; an error when the brief cannot be read.
    pub fn output(&self) -> Result<Option<OutputSpec>, Problem> {
        match self.state(DocumentKind::Brief) {
            // A newer brief that could be read is used; one that could not is empty, and must not pass for a choice.
            DocumentState::Protected { problem } if *self.documents.brief == Brief::default() => Err(problem.clone()),
            _ => Ok(self.documents.brief.output.value.clone()),
        }
    }

    /// Why nothing can be saved, if so.
    fn access(&self) -> Option<String> {
        self.probe_access().or_else(|| match self.state(DocumentKind::Config) {
            // Without knowing what the project is, nothing about it may be changed.
            DocumentState::Protected { problem } => {
                Some(format!("{PROJECT_FILE} is not as this Trestle writes it: {}", problem.what))
            }
            DocumentState::Absent | DocumentState::Known { .. } => None,
        })
    }

    /// Why the folder cannot be written, if so.
    fn probe_access(&self) -> Option<String> {
        let own = self.root.join(".trestle");
        let ignore = own.join(".gitignore");
        let probe = || -> std::io::Result<()> {
            if !ignore.is_file() {
                self.disk.create_folder(&own)?;
                disk::write_atomic(self.disk.as_ref(), &ignore, b"*\n")?;
            }
            // The folder itself, where documents are replaced, may still be closed.
            let probe = disk::temporary_path(&self.root);
            self.disk.create_file(&probe)?;
            self.disk.remove_file(&probe)
        };
        match probe() {
            Ok(()) => None,
            // A full disk is not a closed folder: opening must not declare the project read-only for good.
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => None,
            Err(error) => Some(format!("its folder cannot be written ({error})")),
        }
    }

    /// Removes temporary files of processes that are gone.
    fn remove_leftovers(&self) {
        let reports = reports::FOLDERS.map(|folder| self.root.join(folder));
        for folder in [self.root.clone(), self.root.join("models")].into_iter().chain(reports) {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(TEMPORARY_PREFIX)) else { continue };
                let owner = rest.split('-').next().and_then(|pid| pid.parse::<u32>().ok());
                if owner.is_some_and(is_alive) {
                    continue;
                }
                let path = entry.path();
                let removed = if path.is_dir() { self.disk.remove_folder(&path) } else { self.disk.remove_file(&path) };
                if let Err(error) = removed {
                    tracing::warn!(path = %path.display(), %error, "a leftover could not be removed");
                }
            }
        }
    }
}

/// Whether a process of that number runs; where that cannot be told, assume it does.
fn is_alive(pid: u32) -> bool {
    !cfg!(target_os = "linux") || Path::new("/proc").join(pid.to_string()).exists()
}

fn folder_name(root: &Path) -> String {
    let absolute = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    absolute.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A name for machines: lower-case letters, digits and single hyphens, at most 40.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if 40 <= slug.len() {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "model".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_suits_machines() {
        for (name, expected) in
            [("Customer churn", "customer-churn"), ("  Ünïted & co. ", "n-ted-co"), ("客户", "model"), ("--", "model")]
        {
            assert_eq!(slug(name), expected, "{name}");
        }
    }
}
