//! Native file dialogs, opened on a thread of their own so that no frame waits for them.

use std::path::{Path, PathBuf};

use super::ui_command::Choosing;
use crate::jobs::{Job, Wake};

/// Opens dialogs; tests answer for the user.
pub trait Picker {
    /// Opens a dialog that starts at `folder`.
    ///
    /// `name` is proposed for a file that is saved.
    fn open(&mut self, choosing: Choosing, folder: Option<&Path>, name: &str, wake: &Wake);
    /// The answer, once: what for, and which path; `None` inside when the user gave up.
    fn poll(&mut self) -> Option<(Choosing, Option<PathBuf>)>;
}

/// The system's own dialogs.
#[derive(Debug, Default)]
pub(super) struct NativePicker {
    open: Option<(Choosing, Job<Option<PathBuf>>)>,
}

impl Picker for NativePicker {
    fn open(&mut self, choosing: Choosing, folder: Option<&Path>, name: &str, wake: &Wake) {
        if self.open.is_some() {
            // A second dialog over the first would confuse; the first is still there to be answered.
            return;
        }
        let (folder, name) = (folder.map(Path::to_owned), name.to_owned());
        let job = Job::spawn("File dialog", wake, move |_context| Ok(ask(choosing, folder.as_deref(), &name)));
        self.open = Some((choosing, job));
    }

    fn poll(&mut self) -> Option<(Choosing, Option<PathBuf>)> {
        let (choosing, job) = self.open.as_mut()?;
        let answer = job.poll()?;
        let choosing = *choosing;
        self.open = None;
        Some((choosing, answer.ok().flatten()))
    }
}

fn ask(choosing: Choosing, folder: Option<&Path>, name: &str) -> Option<PathBuf> {
    let dialog = rfd::FileDialog::new();
    let dialog = match folder {
        Some(folder) => dialog.set_directory(folder),
        None => dialog,
    };
    match choosing {
        Choosing::Model => dialog
            .set_title("Add a model")
            .add_filter("ONNX model", &["onnx"])
            .add_filter("Any file", &["*"])
            .pick_file(),
        Choosing::Project => dialog.set_title("Open a project").pick_folder(),
        Choosing::NewProject => dialog.set_title("An empty folder for the project").pick_folder(),
        Choosing::Example => dialog.set_title("An empty folder for the example").pick_folder(),
        Choosing::Predictions => dialog
            .set_title("The training framework's predictions")
            .add_filter("Table", &["csv", "tsv", "jsonl", "ndjson", "parquet", "pq"])
            .pick_file(),
        Choosing::Data(role) => dialog
            .set_title(format!("The {} data", role.name()))
            .add_filter("Table", &["csv", "tsv", "jsonl", "ndjson", "parquet"])
            .pick_file(),
        Choosing::BriefExport => {
            dialog.set_title("Export the brief").set_file_name(name).add_filter("Markdown", &["md"]).save_file()
        }
        Choosing::ScriptExport => dialog
            .set_title("Save the script")
            .set_file_name("convert.py")
            .add_filter("Python program", &["py"])
            .save_file(),
        Choosing::FigureExport(format) => dialog
            .set_title("Export the figure")
            .set_file_name(name)
            .add_filter("Figure", &[format.extension()])
            .save_file(),
        Choosing::Executable => dialog.set_title("A build of Trestle for Linux").pick_file(),
        Choosing::ImageExport(kind) => dialog.set_title(kind.label()).set_file_name(name).save_file(),
    }
}
