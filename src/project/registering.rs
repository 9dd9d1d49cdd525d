//! Versions, aliases and golden rows: changes that span several files.
//!
//! A version is written whole into `models/.tmp-<id>/`, made durable and renamed into place; then the registry, then the
//! ledger. A crash in between leaves either no version, or one without its ledger record, which is offered for completion.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use semver::Version;

use super::disk::temporary_path;
use super::documents::{Evidence, GoldenRows, Registry, VersionRecord};
use super::error::ProjectError;
use super::saving::{read_document, write_document};
use super::{CHAMPION, ModelVersion, Project};
use crate::problem::Problem;
use crate::project::contract::Inspection;

const MODELS: &str = "models";
const REGISTRY: &str = "models/registry.ron";

/// A version to be registered.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The model file to copy.
    pub source: PathBuf,
    /// Its number.
    pub version: Version,
    /// Why, in words.
    pub why: String,
    /// Which part was raised and the reason; empty for the first.
    pub bump_reason: String,
    /// The version it was compared with.
    pub previous: Option<Version>,
    /// What was read from the file.
    pub model: Inspection,
    /// Rows with known answers.
    pub golden: Option<GoldenRows>,
    /// Hashes at this moment.
    pub evidence: Evidence,
}

/// A registration that a crash interrupted after its files were in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The version that lacks its ledger record.
    pub version: Version,
}

impl Project {
    pub(super) fn read_registry(&mut self) {
        self.registry_problem = None;
        match read_document::<Registry>(&self.root.join(REGISTRY)) {
            Ok(Some((parsed, _))) => {
                if parsed.is_newer() {
                    self.registry_problem = Some(Problem::new(
                        format!("The registry has format {}, newer than this Trestle knows", parsed.format),
                        REGISTRY,
                        "Update Trestle. Until then aliases cannot be changed.",
                    ));
                }
                self.registry = parsed.document;
            }
            Ok(None) => self.registry = Registry::default(),
            Err(error) => {
                self.registry = Registry::default();
                self.registry_problem = Some(error.into());
            }
        }
        self.findings.extend(self.registry_problem.clone());
    }

    pub(super) fn read_versions(&mut self) {
        self.versions.clear();
        let Ok(entries) = fs::read_dir(self.root.join(MODELS)) else { return };
        let mut folders: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        for folder in folders {
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if Version::parse(&name).is_err() {
                continue;
            }
            match read_version(&folder) {
                Ok(version) => self.versions.push(version),
                Err(problem) => self.findings.push(problem),
            }
        }
        self.versions.sort_by(|one, other| one.record.version.cmp(&other.record.version));
    }

    pub(super) fn find_unfinished(&mut self) {
        let noted = |version: &Version| {
            let what = format!("register {version}");
            self.ledger.iter().any(|record| record.what == what)
        };
        self.unfinished = self
            .versions
            .iter()
            .map(|version| &version.record.version)
            .filter(|version| !noted(version))
            .map(|version| Unfinished { version: version.clone() })
            .collect();
    }

    /// Registers a version: all of it, or nothing. The first becomes champion.
    pub fn register(&mut self, new: NewVersion, time: Timestamp, who: &str) -> Result<Version, ProjectError> {
        self.writable()?;
        if let Some(same) = self.versions.iter().find(|known| known.record.model.sha256 == new.model.sha256) {
            return Err(ProjectError::AlreadyRegistered { version: same.record.version.clone() });
        }
        let models = self.root.join(MODELS);
        let folder = models.join(new.version.to_string());
        if folder.exists() {
            return Err(ProjectError::VersionTaken { version: new.version });
        }
        self.disk.create_folder(&models).map_err(ProjectError::io("Registering", &models))?;
        let temporary = temporary_path(&models);
        let record = VersionRecord {
            version: new.version.clone(),
            registered: time,
            why: new.why.clone(),
            bump_reason: new.bump_reason,
            previous: new.previous,
            model: new.model,
            evidence: new.evidence,
        };
        let written = self
            .write_version(&temporary, &new.source, &record, new.golden.as_ref())
            .and_then(|()| self.disk.rename(&temporary, &folder).map_err(ProjectError::io("Registering", &folder)));
        if let Err(error) = written {
            // The process lives, so nothing half-written may stay; the first error is the one to report.
            drop(self.disk.remove_folder(&temporary));
            return Err(error);
        }
        self.disk.sync(&models).map_err(ProjectError::io("Registering", &models))?;
        self.versions.push(ModelVersion { record, golden: new.golden, folder });
        self.versions.sort_by(|one, other| one.record.version.cmp(&other.record.version));
        self.finish(&new.version, time, who, &new.why)?;
        Ok(new.version)
    }

    fn write_version(
        &self,
        folder: &Path,
        source: &Path,
        record: &VersionRecord,
        golden: Option<&GoldenRows>,
    ) -> Result<(), ProjectError> {
        let disk = self.disk.as_ref();
        let model = folder.join("model.onnx");
        disk.create_folder(folder).map_err(ProjectError::io("Registering", folder))?;
        disk.copy(source, &model).map_err(ProjectError::io("Copying the model", source))?;
        disk.sync(&model).map_err(ProjectError::io("Copying the model", &model))?;
        // Another program may have replaced the file between its inspection and the copy.
        let copied = super::evidence::file_sha256(&model).map_err(ProjectError::io("Reading", &model))?;
        if copied != record.model.sha256 {
            return Err(ProjectError::ChangedOutside { path: source.to_owned() });
        }
        write_document(disk, &folder.join("version.ron"), record)?;
        if let Some(golden) = golden {
            write_document(disk, &folder.join("golden.ron"), golden)?;
        }
        disk.sync(folder).map_err(ProjectError::io("Registering", folder))
    }

    /// The last steps of a registration: champion when there is none, and the ledger record.
    fn finish(&mut self, version: &Version, time: Timestamp, who: &str, why: &str) -> Result<(), ProjectError> {
        if self.registry.resolve(CHAMPION).is_none() {
            self.write_alias(CHAMPION, version.clone())?;
        }
        self.note(time, who, &format!("register {version}"), why)?;
        self.find_unfinished();
        Ok(())
    }

    /// Completes a registration that a crash interrupted.
    pub fn complete(&mut self, unfinished: &Unfinished, time: Timestamp, who: &str) -> Result<(), ProjectError> {
        self.finish(&unfinished.version, time, who, "completed after an interruption")
    }

    /// Lets an alias stand for a version, and notes it.
    pub fn alias(
        &mut self,
        name: &str,
        version: &Version,
        time: Timestamp,
        who: &str,
        why: &str,
    ) -> Result<(), ProjectError> {
        if self.version(version).is_none() {
            self.select(Some(&version.to_string()))?;
        }
        self.write_alias(name, version.clone())?;
        self.note(time, who, &format!("alias {name} {version}"), why)
    }

    fn write_alias(&mut self, name: &str, version: Version) -> Result<(), ProjectError> {
        self.writable()?;
        if let Some(problem) = &self.registry_problem {
            return Err(ProjectError::ReadOnly { root: self.root.join(REGISTRY), reason: problem.what.clone() });
        }
        let mut registry = self.registry.clone();
        registry.point(name, version);
        write_document(self.disk.as_ref(), &self.root.join(REGISTRY), &registry)?;
        self.registry = registry;
        Ok(())
    }

    /// Replaces a version's golden rows.
    pub fn set_golden(&mut self, version: &Version, golden: GoldenRows) -> Result<(), ProjectError> {
        self.writable()?;
        self.select(Some(&version.to_string()))?;
        let disk = std::sync::Arc::clone(&self.disk);
        if let Some(known) = self.versions.iter_mut().find(|known| known.record.version == *version) {
            write_document(disk.as_ref(), &known.folder.join("golden.ron"), &golden)?;
            known.golden = Some(golden);
        }
        Ok(())
    }
}

fn read_version(folder: &Path) -> Result<ModelVersion, Problem> {
    let path = folder.join("version.ron");
    let Some((parsed, _)) = read_document::<VersionRecord>(&path)? else {
        return Err(Problem::new(
            "This version has no record and is left out",
            path.display().to_string(),
            "Restore version.ron from version control, or move the model out of the folder and add it with `trestle add`.",
        ));
    };
    let golden = read_document::<GoldenRows>(&folder.join("golden.ron"))?.map(|(parsed, _)| parsed.document);
    if !folder.join("model.onnx").is_file() {
        return Err(Problem::new(
            format!("Version {} has lost its model file", parsed.document.version),
            folder.join("model.onnx").display().to_string(),
            "Restore the file from version control.",
        ));
    }
    Ok(ModelVersion { record: parsed.document, golden, folder: folder.to_owned() })
}
