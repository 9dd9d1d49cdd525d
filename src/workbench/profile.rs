//! Commands on the profile.

use super::outcome::{Outcome, Slot};
use super::{Workbench, need_version, no_project};
use crate::benchmark::{self, ProfilePlan, RowSource};
use crate::command::ProfileOptions;
use crate::features::Mapping;
use crate::problem::Problem;
use crate::project::Project;
use crate::project::reports::ProfileReport;

impl Workbench {
    pub(super) fn run_profile(&mut self, options: ProfileOptions) -> Result<(), Problem> {
        self.save()?;
        let version = need_version(self)?;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        // Pictures and texts are no rows of features, and can be profiled all the same; named rows must have a place.
        let mapping = match Mapping::new(&project.documents.features, &version.record.model.contract) {
            Ok(mapping) => Some(mapping),
            Err(error) if options.rows.is_some() => return Err(error.into()),
            Err(_) => None,
        };
        let reference = project.documents.config.data.reference.as_ref();
        let source = match &options.rows {
            Some(rows) => {
                RowSource { reference: Some(rows.clone()), reference_name: rows.display().to_string(), golden: None }
            }
            None => RowSource {
                reference: reference.map(|file| project.data_path(file)),
                reference_name: reference.map(|file| file.path.clone()).unwrap_or_default(),
                golden: version.golden.clone(),
            },
        };
        if let Some(rows) = options.rows.as_ref().filter(|rows| !rows.exists()) {
            return Err(Problem::new("There is no such file of rows", rows.display().to_string(), "Name another."));
        }
        let mut plan = ProfilePlan {
            time: self.now(),
            version: version.record.version.clone(),
            model_path: version.model_path(),
            sha256: Some(version.record.model.sha256.clone()),
            mapping,
            source,
            options,
            worker: self.environment.worker.clone(),
            evidence: version.record.evidence.clone(),
        };
        let root = project.root().to_owned();
        self.spawn(Slot::Profile, format!("Profile of {}", plan.version), move |context| {
            context.progress(None, "Hashing the code and the data");
            // The project is read anew: this thread may not touch the one on display.
            let project = Project::open(&root).map_err(Problem::from)?;
            plan.evidence = project.evidence(project.version(&plan.version)).map_err(Problem::from)?;
            let report = benchmark::profile(&plan, context)?;
            context.check()?;
            Ok(Outcome::Profiled(Box::new(report)))
        });
        Ok(())
    }

    pub(super) fn take_profile(&mut self, report: ProfileReport) -> Result<(), Problem> {
        self.profile.last = Some(report.clone());
        self.open_project()?.add_report(report)?;
        Ok(())
    }
}
