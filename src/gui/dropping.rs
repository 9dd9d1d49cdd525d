//! What becomes of a file that is dropped on the window: said while it is over it, and done when it is let go.

use std::path::Path;

use super::app::App;
use super::theme::Verdict;
use super::ui_command::Outbox;
use crate::command::{Command, DataRole};

impl App {
    /// What would happen with the file under the pointer.
    pub(super) fn drop_preview(&self, path: Option<&Path>) -> (String, String) {
        let name = path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_some_and(|path| path.is_dir() && !is_model_folder(path)) {
            return ("Open this project".to_owned(), name);
        }
        let Some(project) = self.workbench.project() else {
            return ("Open a project first".to_owned(), "Then drop the model again.".to_owned());
        };
        if path.is_some_and(is_table) {
            let role = self.role_of_dropped();
            let what = match role {
                DataRole::Reference => "Use as the reference data",
                DataRole::Current | DataRole::Labelled => "Use as the current data",
            };
            let does = match role {
                DataRole::Reference => "what the model was trained on",
                DataRole::Current | DataRole::Labelled => "to be compared with the reference by Compare data",
            };
            return (what.to_owned(), format!("{name}, {does}"));
        }
        let detail = match project.versions().last() {
            Some(version) => format!("{name} is examined, compared with {} and registered", version.record.version),
            None => format!("{name} is examined and registered as 1.0.0"),
        };
        (format!("Add as a new version of {}", project.name()), detail)
    }

    /// What a dropped table becomes: the reference first, then whatever is compared with it.
    fn role_of_dropped(&self) -> DataRole {
        let declared = self.workbench.project().and_then(|project| project.documents.config.data.reference.as_ref());
        if declared.is_some() { DataRole::Current } else { DataRole::Reference }
    }

    /// Does what the overlay promised.
    pub(super) fn dropped(&mut self, path: &Path, outbox: &mut Outbox) {
        if path.is_dir() && !is_model_folder(path) {
            outbox.send(Command::OpenProject(path.to_owned()));
        } else if path.file_name().is_some_and(|name| name == crate::project::PROJECT_FILE) {
            outbox.send(Command::OpenProject(path.parent().map(Path::to_owned).unwrap_or_default()));
        } else if self.workbench.project().is_none() {
            self.toasts.say(Verdict::Warn, "Open or make a project first, then drop the model again");
        } else if is_table(path) {
            outbox.send(Command::UseData(self.role_of_dropped(), path.to_owned()));
        } else {
            // Whatever it is, the engine says so better than a guess by its name would.
            outbox.send(Command::AddModel {
                source: path.to_owned(),
                bump: None,
                why: "dropped on the window".to_owned(),
            });
        }
    }
}

/// Whether a folder is a model of TensorFlow or of Core ML, and no project.
fn is_model_folder(path: &Path) -> bool {
    path.join("saved_model.pb").is_file() || path.join("Manifest.json").is_file() && path.join("Data").is_dir()
}

/// Whether a file is a table, by its name.
fn is_table(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    matches!(extension.as_deref(), Some("csv" | "tsv" | "jsonl" | "ndjson" | "parquet"))
}
