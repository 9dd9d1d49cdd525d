//! What there is to see of a workbench.

use std::path::Path;

use super::{Containers, Exported, Notice, RunningJob, Settings, Tried, Workbench};
use crate::model::{Examination, GoldenCheck};
use crate::package::EngineInfo;
use crate::problem::Problem;
use crate::project::reports::{BenchmarkReport, DriftReport, EvaluationReport, PackageReport, ProfileReport};
use crate::project::{DocumentKind, ModelVersion, Project};
use crate::readiness::Probe;
use crate::step::StepState;

impl Workbench {
    /// The open project.
    pub fn project(&self) -> Option<&Project> {
        self.project.as_ref()
    }

    /// Recent projects and choices about the window.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the person's own copy of the example is, or will be.
    pub fn example_folder(&self) -> Option<&Path> {
        self.environment.example.as_deref()
    }

    /// Changes a choice about the window and keeps it.
    pub fn change_settings(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.settings.save(self.environment.settings.as_deref());
    }

    /// The version the pages work on.
    pub fn version(&self) -> Option<&ModelVersion> {
        let project = self.project.as_ref()?;
        let chosen = self.selected.as_ref().and_then(|version| project.version(version));
        chosen.or_else(|| project.select(None).ok())
    }

    /// The last file that was examined.
    pub fn examined(&self) -> &StepState<Examination> {
        &self.examined
    }

    /// The last row that was tried.
    pub fn tried(&self) -> &StepState<Tried> {
        &self.tried
    }

    /// The last check of the golden rows.
    pub fn golden(&self) -> &StepState<GoldenCheck> {
        &self.golden
    }

    /// The last benchmark.
    pub fn benchmark(&self) -> &StepState<BenchmarkReport> {
        &self.benchmark
    }

    /// The last profile, of whichever version; the one to look at is [`Workbench::at_hand`].
    pub fn profile(&self) -> &StepState<ProfileReport> {
        &self.profile
    }

    /// The last evaluation, of whichever version; that of the version at hand is [`Workbench::evaluated`].
    pub fn evaluation(&self) -> &StepState<EvaluationReport> {
        &self.evaluation
    }

    /// What the readiness checklist stands on.
    pub fn probe(&self) -> &StepState<Probe> {
        &self.probe
    }

    /// The last comparison of data.
    pub fn drift(&self) -> &StepState<DriftReport> {
        &self.drift
    }

    /// The container engine.
    pub fn engine(&self) -> &StepState<EngineInfo> {
        &self.engine
    }

    /// The last build.
    pub fn container(&self) -> &StepState<PackageReport> {
        &self.container
    }

    /// The last file that was written for another tool.
    pub fn exported(&self) -> &StepState<Exported> {
        &self.exported
    }

    /// The containers of Trestle's images, as they were seen last.
    pub fn containers(&self) -> &Containers {
        &self.containers
    }

    /// Jobs that run and come to an end, oldest first.
    pub fn jobs(&self) -> Vec<RunningJob> {
        self.running
            .iter()
            .filter(|running| !running.slot.is_watching())
            .map(|running| RunningJob {
                id: running.id,
                step: running.slot.step(),
                name: running.job.name().to_owned(),
                context: running.job.context().clone(),
                elapsed: running.job.elapsed(),
            })
            .collect()
    }

    /// What happened since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// What could not be done and belongs to no step, until dismissed.
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// Forgets [`Workbench::problem`].
    pub fn dismiss_problem(&mut self) {
        self.problem = None;
    }

    /// Documents that another program changed while they are changed here too.
    pub fn conflicts(&self) -> &[DocumentKind] {
        &self.conflicts
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        self.history.can_undo()
    }

    /// Whether there is something to redo.
    pub fn can_redo(&self) -> bool {
        self.history.can_redo()
    }

    /// When the documents were last saved in this session.
    pub fn saved_at(&self) -> Option<jiff::Timestamp> {
        self.saved_at
    }

    /// Whether edits are not saved yet.
    pub fn has_unsaved(&self) -> bool {
        self.project.as_ref().is_some_and(|project| !project.unsaved().is_empty())
    }
}
