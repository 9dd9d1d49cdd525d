//! How each step stands: a glyph and one line of substance for the rail.

use super::Workbench;
use crate::brief::completeness;
use crate::project::{DocumentKind, DocumentState};
use crate::step::{Standing, Step};

impl Workbench {
    /// A step's standing and its line on the rail.
    pub fn standing(&self, step: Step) -> (Standing, String) {
        if self.project.is_none() {
            return (Standing::NotStarted, String::new());
        }
        match step {
            Step::Brief => self.brief_standing(),
            Step::Model => self.model_standing(),
            Step::Benchmark => self.benchmark_standing(),
            Step::Readiness => self.readiness_standing(),
            Step::Drift => self.drift_standing(),
            Step::Container => self.container_standing(),
        }
    }

    fn brief_standing(&self) -> (Standing, String) {
        let Some(project) = &self.project else { return Default::default() };
        if let DocumentState::Protected { .. } = project.state(DocumentKind::Brief) {
            return (Standing::Fail, "cannot be read".to_owned());
        }
        let completeness = completeness(&project.documents.brief);
        let (n, all) = (completeness.n_answered, completeness.n_questions);
        let standing = match n {
            0 => Standing::NotStarted,
            n if n < all => Standing::Warn,
            _ => Standing::Pass,
        };
        (standing, format!("{n} of {all} answered"))
    }

    fn model_standing(&self) -> (Standing, String) {
        if self.examined.running().is_some() {
            return (Standing::Running, "examining".to_owned());
        }
        if self.examined.problem().is_some() {
            return (Standing::Fail, "the last file was not added".to_owned());
        }
        let (Some(project), Some(version)) = (&self.project, self.version()) else {
            return (Standing::NotStarted, "drop an ONNX file".to_owned());
        };
        if self.evaluation.running().is_some() {
            return (Standing::Running, format!("evaluating {}", version.record.version));
        }
        let line = format!("{} {}", project.slug(), version.record.version);
        if self.evaluation.problem().is_some() {
            return (Standing::Fail, format!("{line}, not evaluated"));
        }
        match &self.golden.last {
            Some(check) if check.comparison.n_agree < check.comparison.n => {
                (Standing::Fail, format!("{line}, golden rows differ"))
            }
            _ => {
                let standing = match self.evaluation_staleness() {
                    Some(_) => Standing::Stale,
                    None if self.meets_success() => Standing::Pass,
                    None => Standing::Warn,
                };
                let headline = self.headline().map(|headline| format!(", {headline}"));
                (standing, format!("{line}{}", headline.unwrap_or_default()))
            }
        }
    }

    fn container_standing(&self) -> (Standing, String) {
        if let Some(id) = self.container.running() {
            let stage =
                self.running.iter().find(|running| running.id == id).map(|running| running.job.context().stage());
            return (Standing::Running, stage.unwrap_or_default());
        }
        if self.container.problem().is_some() {
            return (Standing::Fail, "the last build failed".to_owned());
        }
        let Some(report) = &self.container.last else { return (Standing::NotStarted, "not built yet".to_owned()) };
        if !report.passed() {
            return (Standing::Fail, format!("{} failed verification", report.version));
        }
        match self.version() {
            Some(version) if version.record.version != report.version => {
                (Standing::Stale, format!("{} built, {} chosen", report.version, version.record.version))
            }
            Some(version) if version.record.model.sha256 != report.evidence.model => {
                (Standing::Stale, format!("{} built, model changed", report.version))
            }
            _ => (Standing::Pass, report.tags.first().cloned().unwrap_or_default()),
        }
    }
}
