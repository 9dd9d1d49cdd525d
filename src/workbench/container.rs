//! Commands on the container: finding an engine, building an image.

use super::outcome::{Outcome, Slot};
use super::{Workbench, need_version, no_project};
use crate::features::{Mapping, output_for};
use crate::jobs::JobError;
use crate::package::{self, BuildPlan};
use crate::problem::Problem;
use crate::project::reports::PackageReport;
use crate::project::{DocumentKind, Project};

impl Workbench {
    pub(super) fn find_engine(&mut self) {
        let runtime = self.environment.runtime.clone();
        self.spawn(Slot::Engine, "Looking for a container engine", move |_context| {
            let engine = runtime.block_on(package::discover()).map_err(Problem::from)?;
            Ok(Outcome::EngineFound(engine.info()))
        });
    }

    pub(super) fn build_image(&mut self, tag: Option<String>) -> Result<(), Problem> {
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
        let mut plan = BuildPlan {
            executable: self.environment.executable.clone(),
            slug: project.slug(),
            title: project.name(),
            description: documents.config.description.clone(),
            version: number,
            model_path: version.model_path(),
            version_folder: version.folder.clone(),
            brief: project.document_path(DocumentKind::Brief),
            features: Some(project.document_path(DocumentKind::Features)),
            project_config: project.document_path(DocumentKind::Config),
            golden,
            mapping,
            model,
            output,
            tag: tag.clone(),
            evidence: version.record.evidence.clone(),
            created: self.now(),
        };
        let (root, runtime) = (project.root().to_owned(), self.environment.runtime.clone());
        self.spawn(Slot::Build, format!("Building {tag}"), move |context| {
            context.progress(None, "Hashing the code and the data");
            // The project is read anew: this thread may not touch the one on display.
            let project = Project::open(&root).map_err(Problem::from)?;
            plan.evidence = project.evidence(project.version(&plan.version)).map_err(Problem::from)?;
            if plan.evidence.model != version.record.model.sha256 {
                return Err(Problem::new(
                    "The model file is not the one that was registered",
                    plan.model_path.display().to_string(),
                    "Restore it from version control, or add the changed file as a new version.",
                )
                .into());
            }
            let built = runtime.block_on(package::build(&plan, context));
            match built {
                Ok(report) => Ok(Outcome::Built(Box::new(report))),
                Err(_) if context.cancelled() => Err(JobError::Cancelled),
                Err(error) => Err(JobError::Failed(error.into())),
            }
        });
        Ok(())
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
