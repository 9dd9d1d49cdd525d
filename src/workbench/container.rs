//! Commands on the container: finding an engine, building an image.

use std::path::{Path, PathBuf};

use super::outcome::{Outcome, Slot};
use super::{Workbench, need_version, no_project};
use crate::command::ExportKind;
use crate::features::{Mapping, output_for};
use crate::jobs::JobError;
use crate::package::{self, BuildPlan, Sizing};
use crate::problem::Problem;
use crate::project::documents::Evidence;
use crate::project::reports::{BenchmarkReport, PackageReport};
use crate::project::{DocumentKind, Project};

/// A file that was written for another tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
}

/// Puts the hashes of today into the plan; a model that is not the registered one is an error.
fn current_evidence(plan: &mut BuildPlan, root: &Path) -> Result<(), Problem> {
    // The project is read anew: a job may not touch the one on display.
    let project = Project::open(root)?;
    let registered = std::mem::take(&mut plan.evidence.model);
    plan.evidence = project.evidence(project.version(&plan.version))?;
    if plan.evidence.model == registered {
        return Ok(());
    }
    Err(Problem::new(
        "The model file is not the one that was registered",
        plan.model_path.display().to_string(),
        "Restore it from version control, or add the changed file as a new version.",
    ))
}

impl Workbench {
    pub(super) fn find_engine(&mut self) {
        let (runtime, engines) = (self.environment.runtime.clone(), self.environment.engines());
        self.spawn(Slot::Engine, "Looking for a container engine", move |_context| {
            let engine = runtime.block_on(package::discover_in(&engines)).map_err(Problem::from)?;
            Ok(Outcome::EngineFound(engine.info()))
        });
    }

    /// What to package of the version at hand; the hashes of its evidence are those of its registration.
    fn build_plan(&mut self, tag: Option<String>) -> Result<BuildPlan, Problem> {
        self.save()?;
        let version = need_version(self)?;
        let golden = super::model::golden_of(&version)?;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let documents = &project.documents;
        let model = version.record.model.contract.clone();
        let mapping = Mapping::new(&documents.features, &model)?;
        let number = version.record.version.clone();
        let tag = tag.unwrap_or_else(|| format!("{}:{number}", project.slug()));
        let output = output_for(&model, project.output()?.as_ref());
        Ok(BuildPlan {
            executable: self.environment.executable.clone(),
            slug: project.slug(),
            title: project.name(),
            description: documents.config.description.clone(),
            version: number,
            registered: version.record.registered,
            model_path: version.model_path(),
            version_folder: version.folder.clone(),
            brief: project.document_path(DocumentKind::Brief),
            features: Some(project.document_path(DocumentKind::Features)),
            project_config: project.document_path(DocumentKind::Config),
            golden,
            mapping,
            model,
            output,
            tag,
            evidence: Evidence { model: version.record.model.sha256.clone(), ..version.record.evidence.clone() },
            created: self.now(),
            load_time: package::LOAD_TIME,
        })
    }

    /// The name that an export of the version at hand usually has; empty without a version.
    pub fn export_name(&self, kind: ExportKind) -> String {
        match (self.project(), self.version()) {
            (Some(project), Some(version)) => kind.file_name(&project.slug(), &version.record.version),
            _ => String::new(),
        }
    }

    /// Writes an export of the version at hand; no engine is needed.
    pub(super) fn export(&mut self, kind: ExportKind, target: PathBuf, tag: Option<String>) -> Result<(), Problem> {
        let mut plan = self.build_plan(tag)?;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let benchmarks: &[BenchmarkReport] = project.reports();
        let benchmark = benchmarks.iter().rev().find(|report| report.version == plan.version);
        let sizing = Sizing::of(benchmark, project.documents.brief.latency.value.as_ref());
        let root = project.root().to_owned();
        let choose = self.executable_choice();
        self.spawn(Slot::Export, format!("Writing {}", target.display()), move |context| {
            context.progress(None, "Hashing the code and the data");
            current_evidence(&mut plan, &root)?;
            context.progress(None, kind.label());
            if matches!(kind, ExportKind::Image | ExportKind::Context | ExportKind::Sbom) {
                plan.executable = choose()?.path;
            }
            let size_bytes = package::export(&plan, kind, &sizing, &target).map_err(Problem::from)?;
            Ok(Outcome::Exported(Exported { path: target, size_bytes }))
        });
        Ok(())
    }

    pub(super) fn build_image(&mut self, tag: Option<String>) -> Result<(), Problem> {
        let mut plan = self.build_plan(tag)?;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let (root, runtime) = (project.root().to_owned(), self.environment.runtime.clone());
        let engines = self.environment.engines();
        let choose = self.executable_choice();
        self.spawn(Slot::Build, format!("Building {}", plan.tag), move |context| {
            context.progress(None, "Hashing the code and the data");
            current_evidence(&mut plan, &root)?;
            let executable = choose()?;
            context.log(format!("Packaging {}", executable.description()));
            if !executable.passed_over.is_empty() {
                context.log(format!("Not {}", executable.passed_over));
            }
            plan.executable = executable.path;
            let built = runtime.block_on(package::build_in(&plan, context, &engines));
            match built {
                Ok(report) => Ok(Outcome::Built(Box::new(report))),
                Err(_) if context.cancelled() => Err(JobError::Cancelled),
                Err(error) => Err(JobError::Failed(error.into())),
            }
        });
        Ok(())
    }

    pub(super) fn take_export(&mut self, exported: Exported) {
        self.told(format!("Exported {}", exported.path.display()));
        self.exported.last = Some(exported);
    }

    pub(super) fn take_package(&mut self, report: PackageReport) -> Result<(), Problem> {
        let who = self.environment.who.clone();
        let (passed, tags) = (report.passed(), report.tags.join(", "));
        self.container.last = Some(report.clone());
        self.open_project()?.add_package(report, &who)?;
        if passed {
            self.told(format!("Built and verified {tags}"));
        }
        Ok(())
    }
}
