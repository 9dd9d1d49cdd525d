//! Commands on data: comparing it, declaring its files.

use std::path::{Path, PathBuf};

use super::outcome::{Outcome, Slot};
use super::{Workbench, no_project};
use crate::command::DataRole;
use crate::drift::{self, CompareRequest, Roles, Source};
use crate::jobs::JobError;
use crate::judge;
use crate::problem::Problem;
use crate::project::Project;
use crate::project::documents::{DataFile, DataFiles};
use crate::project::reports::{DriftReport, Verdict};
use crate::step::Standing;
use crate::table;

impl Workbench {
    pub(super) fn compare_data(&mut self) -> Result<(), Problem> {
        self.history.settle();
        // The job hashes what is on disk, so the settings in force must be there.
        self.save()?;
        let time = self.now();
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let files = &project.documents.config.data;
        let declared = [&files.reference, &files.current, &files.labelled].into_iter().flatten();
        let request = CompareRequest {
            reference: source(project, DataRole::Reference)?,
            current: source(project, DataRole::Current)?,
            roles: Roles::new(declared, &project.documents.features.features),
            settings: project.documents.config.drift.clone(),
            time,
        };
        let root = project.root().to_owned();
        self.spawn(Slot::Drift, "Comparing data", move |context| {
            context.progress(None, "Hashing the code and the data");
            // The project is read anew: this thread may not touch the one on display.
            let project = Project::open(&root).map_err(Problem::from)?;
            let evidence = project.evidence(None).map_err(Problem::from)?;
            context.check()?;
            let report = drift::compare_files(&request, evidence, context)?;
            Ok(Outcome::Compared(Box::new(report)))
        });
        Ok(())
    }

    /// Declares a data file: its header is read by a job, so that the meaning of known columns can be kept.
    pub(super) fn use_data(&mut self, role: DataRole, path: &Path) -> Result<(), Problem> {
        let project = self.project.as_ref().ok_or_else(no_project)?;
        if let Some(reason) = project.read_only() {
            let fix = "Make the project's folder writable, or work on a copy.";
            return Err(Problem::new(format!("This project is read-only: {reason}"), "", fix));
        }
        let root = project.root().to_owned();
        let absolute = if path.is_absolute() {
            path.to_owned()
        } else {
            // A path as the person meant it: in the project, else where the program was started.
            let inside = root.join(path);
            if inside.exists() { inside } else { std::path::absolute(path).unwrap_or(inside) }
        };
        let known = project.documents.config.data.clone();
        let slot = if role == DataRole::Labelled { Slot::Evaluate } else { Slot::Drift };
        let name = format!("Reading the {} data", role.name());
        self.spawn(slot, name, move |_context| {
            let file = declared(&root, &absolute, &known, role)?;
            Ok(Outcome::DataRead { role, file })
        });
        Ok(())
    }

    pub(super) fn take_data(&mut self, role: DataRole, file: DataFile) -> Result<(), Problem> {
        let project = self.open_project()?;
        let mut config = project.documents.config.as_ref().clone();
        let path = file.path.clone();
        *place(&mut config.data, role) = Some(file);
        self.history.settle();
        self.set_config(config)?;
        self.history.settle();
        self.save()?;
        self.told(format!("{path} is now the {} data", role.name()));
        Ok(())
    }

    pub(super) fn take_drift(&mut self, report: DriftReport) -> Result<(), Problem> {
        self.drift.last = Some(report.clone());
        let project = self.open_project()?;
        // A project that cannot be written to still shows what was found.
        if project.read_only().is_none() {
            project.add_report(report)?;
        }
        Ok(())
    }

    /// Why the last comparison is not about today's data and settings, if so.
    pub fn drift_stale(&self) -> Option<String> {
        let project = self.project.as_ref()?;
        let report = self.drift.last.as_ref()?;
        let config = &project.documents.config;
        for (declared, compared, side) in [
            (&config.data.reference, &report.reference.path, "reference"),
            (&config.data.current, &report.current.path, "current"),
        ] {
            if declared.as_ref().is_some_and(|file| file.path != *compared) {
                return Some(format!("the {side} data is another file now"));
            }
        }
        let retyped = |column: &&crate::project::reports::ColumnDrift| {
            config
                .drift
                .columns
                .iter()
                .any(|decided| decided.name == column.name && decided.kind.is_some_and(|kind| kind != column.kind))
        };
        if let Some(column) = report.columns.iter().find(retyped) {
            return Some(format!("{} is of another type now", column.name));
        }
        let probe = self.probe.last.as_ref().filter(|probe| report.time < probe.time)?;
        let (then, now) = (&report.evidence, &probe.evidence);
        (then.data != now.data || then.current != now.current).then(|| "the data changed since".to_owned())
    }

    pub(super) fn drift_standing(&self) -> (Standing, String) {
        let Some(project) = &self.project else { return Default::default() };
        if let Some(id) = self.drift.running() {
            let job = self.running.iter().find(|running| running.id == id);
            let fraction = job.and_then(|running| running.job.context().fraction());
            let line =
                fraction.map_or_else(|| "reading".to_owned(), |done| format!("comparing, {:.0} %", done * 100.0));
            return (Standing::Running, line);
        }
        if self.drift.problem().is_some() {
            return (Standing::Fail, "the last comparison failed".to_owned());
        }
        let config = &project.documents.config;
        let Some(report) = &self.drift.last else {
            let line = match (&config.data.reference, &config.data.current) {
                (None, _) => "no reference data",
                (_, None) => "no current data",
                _ => "not compared yet",
            };
            return (Standing::NotStarted, line.to_owned());
        };
        let counted = judge::drift_count(report, &config.drift);
        let line = format!("{} of {} columns", counted.n_drifted, counted.n);
        if self.drift_stale().is_some() {
            return (Standing::Stale, format!("{line}, stale"));
        }
        match judge::drift(report, &config.drift).verdict {
            Verdict::Pass if counted.n_drifted == 0 => (Standing::Pass, line),
            Verdict::Pass => (Standing::Warn, line),
            Verdict::Fail | Verdict::Undecided | Verdict::None => (Standing::Fail, line),
        }
    }
}

fn place(files: &mut DataFiles, role: DataRole) -> &mut Option<DataFile> {
    match role {
        DataRole::Reference => &mut files.reference,
        DataRole::Current => &mut files.current,
        DataRole::Labelled => &mut files.labelled,
    }
}

/// The declared file of a side, or why there is none.
fn source(project: &Project, role: DataRole) -> Result<Source, Problem> {
    let mut files = project.documents.config.data.clone();
    let file = place(&mut files, role).take().filter(|file| !file.path.trim().is_empty()).ok_or_else(|| {
        Problem::new(
            format!("No {} data is declared", role.name()),
            project.root().join("project.ron").display().to_string(),
            format!("Choose a CSV or Parquet file on the drift page, or set data.{} in project.ron.", role.name()),
        )
    })?;
    Ok(Source { path: project.data_path(&file), shown: file.path })
}

/// A data file as the project declares it: its path, and those known columns that it has.
fn declared(root: &Path, path: &Path, known: &DataFiles, role: DataRole) -> Result<DataFile, JobError> {
    let table = table::read(path, Some(1)).map_err(Problem::from)?;
    let mut all = known.clone();
    // What was said about this role comes first, then what was said about the others.
    let mut before: Vec<DataFile> = place(&mut all, role).take().into_iter().collect();
    before.extend([all.reference, all.current, all.labelled].into_iter().flatten());
    let keep = |name: fn(&DataFile) -> &Option<String>| {
        before.iter().filter_map(|file| name(file).clone()).find(|name| table.column(name).is_some())
    };
    Ok(DataFile {
        path: relative(root, path),
        target: keep(|file| &file.target),
        prediction: keep(|file| &file.prediction),
        time: keep(|file| &file.time),
        id: keep(|file| &file.id),
    })
}

/// A path below the project's folder without it, with forward slashes; any other as it is.
fn relative(root: &Path, path: &Path) -> String {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let inside = path.strip_prefix(root).map(PathBuf::from).ok();
    // A link that leads out of the folder is still a file of the folder; one that leads in is one, too.
    let inside = inside.or_else(|| real(path).strip_prefix(real(root)).map(PathBuf::from).ok());
    match inside {
        Some(inside) => {
            let parts: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            parts.join("/")
        }
        None => path.display().to_string(),
    }
}
