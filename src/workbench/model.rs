//! Commands on models: adding, aliases, trying, golden rows.

use std::path::PathBuf;

use semver::Version;

use super::outcome::{Outcome, Slot};
use super::{Workbench, need_version, no_project};
use crate::command::{Bump, GoldenImport};
use crate::features::{self, Mapping, Prediction};
use crate::jobs::JobError;
use crate::model::{self, Examination, ExamineRequest, Previous, ReferenceData};
use crate::problem::Problem;
use crate::project::documents::{Evidence, GoldenRow, GoldenRows, Value};
use crate::project::{ModelVersion, NewVersion, Project};
use crate::session::{self, Asked};

/// A row that was tried, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The version that was asked.
    pub version: Version,
    /// The row, in feature order.
    pub row: Vec<Value>,
    /// The answer.
    pub prediction: Prediction,
    /// Time inside the model, in microseconds.
    pub micros: f64,
}

/// The reference data of a project, when it is declared.
pub(super) fn reference(project: &Project) -> Option<ReferenceData> {
    let file = project.documents.config.data.reference.as_ref()?;
    let not_features = [&file.target, &file.prediction, &file.time, &file.id].into_iter().flatten().cloned().collect();
    Some(ReferenceData { path: project.data_path(file), not_features })
}

impl Workbench {
    /// What is asked of a registered version.
    pub fn asked(&self, version: &ModelVersion) -> Result<Asked, Problem> {
        let project = self.project().ok_or_else(no_project)?;
        Ok(Asked {
            worker: self.environment.worker.clone(),
            path: version.model_path(),
            sha256: Some(version.record.model.sha256.clone()),
            features: project.documents.features.as_ref().clone(),
            output: project.output()?,
        })
    }

    pub(super) fn add_model(&mut self, source: PathBuf, bump: Option<Bump>, why: String) -> Result<(), Problem> {
        self.save()?;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let request = ExamineRequest {
            source: source.clone(),
            worker: self.environment.worker.clone(),
            features: project.documents.features.as_ref().clone(),
            output: project.output()?,
            reference: reference(project),
            previous: project.versions().last().map(|version| Previous {
                version: version.record.version.clone(),
                contract: version.record.model.contract.clone(),
                path: version.model_path(),
            }),
            bump,
        };
        // What was found about the file before says nothing about this one.
        self.examined.last = None;
        let root = project.root().to_owned();
        let name = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.spawn(Slot::Examine, format!("Adding {name}"), move |context| {
            let examination = model::examine(&request, context)?;
            context.progress(None, "Hashing the code and the data");
            // The project is read anew: this thread may not touch the one on display.
            let project = Project::open(&root).map_err(Problem::from)?;
            let evidence = Evidence {
                model: examination.inspection.sha256.clone(),
                ..project.evidence(None).map_err(Problem::from)?
            };
            Ok(Outcome::Examined { examination: Box::new(examination), evidence, why })
        });
        Ok(())
    }

    /// Registers what was examined, unless it is refused.
    pub(super) fn take_examination(
        &mut self,
        examination: Examination,
        evidence: Evidence,
        why: &str,
    ) -> Result<(), Problem> {
        self.examined.last = Some(examination.clone());
        let Some(accepted) = examination.accepted else {
            // The page shows every finding; the first says why in one line.
            let place = examination.source.display().to_string();
            if let Some(foreign) = &examination.foreign {
                return Err(foreign.problem(&examination.source));
            }
            let refusal = examination.inspection.refusals().next();
            let refused = refusal.map_or_else(
                || Problem::new("The model is refused", "", ""),
                |finding| Problem::new(&finding.what, "", &finding.fix),
            );
            return Err(Problem { place, ..refused });
        };
        let (now, who) = (self.now(), self.environment.who.clone());
        let project = self.project.as_mut().ok_or_else(no_project)?;
        let new = NewVersion {
            source: examination.source,
            version: accepted.proposal.version.clone(),
            why: why.to_owned(),
            bump_reason: if accepted.proposal.bump.is_some() {
                accepted.proposal.reason.clone()
            } else {
                String::new()
            },
            previous: project.versions().last().map(|version| version.record.version.clone()),
            model: examination.inspection,
            golden: Some(accepted.golden),
            evidence,
        };
        let version = project.register(new, now, &who)?;
        let changed = *project.documents.features != accepted.features;
        self.selected = Some(version.clone());
        self.told(format!("Registered {version}: {}", accepted.proposal.reason));
        if changed { self.take_features(accepted.features) } else { Ok(()) }
    }

    pub(super) fn select_version(&mut self, version: Option<Version>) -> Result<(), Problem> {
        if let Some(version) = &version {
            self.open_project()?.select(Some(&version.to_string()))?;
        }
        self.selected = version;
        self.tried = crate::step::StepState::default();
        self.golden = crate::step::StepState::default();
        self.evidence_changed(super::readiness::Look::Everything);
        Ok(())
    }

    pub(super) fn set_alias(&mut self, alias: &str, version: &Version, why: &str) -> Result<(), Problem> {
        let valid = !alias.is_empty()
            && alias.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
            && Version::parse(alias).is_err();
        if !valid {
            return Err(Problem::new(
                format!("“{alias}” cannot be an alias"),
                "",
                "Use letters, digits, hyphens and underscores, such as champion or challenger.",
            ));
        }
        let (now, who) = (self.now(), self.environment.who.clone());
        self.open_project()?.alias(alias, version, now, &who, why)?;
        self.evidence_changed(super::readiness::Look::Everything);
        self.told(format!("{alias} is now {version}"));
        Ok(())
    }

    pub(super) fn learn_features(&mut self) -> Result<(), Problem> {
        let version = need_version(self)?;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let Some(reference) = reference(project) else {
            return Err(Problem::new(
                "The project has no reference data",
                project.root().join(crate::project::PROJECT_FILE).display().to_string(),
                "Drop a CSV file on the window, or name one under data.reference.",
            ));
        };
        let contract = features::contract_from_model(&version.record.model.contract);
        self.spawn(Slot::Golden, "Learning the features", move |_context| {
            let table = model::reference_table(&reference)?;
            Ok(Outcome::FeaturesLearned(features::learn(&contract, &table)))
        });
        Ok(())
    }

    pub(super) fn try_row(&mut self, row: Vec<Value>) -> Result<(), Problem> {
        let version = need_version(self)?;
        let asked = self.asked(&version)?;
        let session = self.session();
        self.spawn(Slot::Try, "Asking the model", move |context| {
            let rows = [row];
            let (mut answers, micros) = session::ask(&session, &asked, &rows, context)?;
            let prediction = answers.pop().ok_or(JobError::Cancelled)?;
            let [row] = rows;
            let version = version.record.version;
            Ok(Outcome::Tried(Box::new(Tried { version, row, prediction, micros })))
        });
        Ok(())
    }

    pub(super) fn check_golden(&mut self) -> Result<(), Problem> {
        let version = need_version(self)?;
        let asked = self.asked(&version)?;
        let session = self.session();
        let golden = golden_of(&version)?;
        self.spawn(Slot::Golden, "Asking the golden rows", move |context| {
            model::check_golden(&session, &asked, &golden, context).map(Outcome::GoldenChecked)
        });
        Ok(())
    }

    pub(super) fn make_golden(&mut self, from: Option<PathBuf>) -> Result<(), Problem> {
        if let Some(path) = from {
            return self.import_golden(path.into());
        }
        let version = need_version(self)?;
        let asked = self.asked(&version)?;
        let session = self.session();
        let known = version.golden.clone();
        self.spawn(Slot::Golden, "Making golden rows", move |context| {
            let contract = &version.record.model.contract;
            let mapping = Mapping::new(&asked.features, contract).map_err(Problem::from)?;
            let rows = known.unwrap_or_default().rows.into_iter().map(|row| row.values).collect::<Vec<_>>();
            let (answers, _) = session::ask(&session, &asked, &rows, context)?;
            let golden =
                model::made_golden(&mapping, rows, &answers, "rows of the reference data, asked of this model");
            let check = model::check_golden(&session, &asked, &golden, context)?;
            Ok(Outcome::GoldenMade { version: version.record.version, golden, check })
        });
        Ok(())
    }

    pub(super) fn import_golden(&mut self, import: GoldenImport) -> Result<(), Problem> {
        let version = need_version(self)?;
        let asked = self.asked(&version)?;
        let session = self.session();
        self.spawn(Slot::Golden, "Comparing with the framework's predictions", move |context| {
            let contract = &version.record.model.contract;
            let mapping = Mapping::new(&asked.features, contract).map_err(Problem::from)?;
            context.progress(None, "Reading the predictions");
            let model::Imported { golden, skipped, remarks } = model::import_golden(&import, &mapping, contract)?;
            let check = model::check_golden(&session, &asked, &golden, context)?;
            let check = model::GoldenCheck { skipped, remarks, ..check };
            Ok(Outcome::GoldenMade { version: version.record.version, golden, check })
        });
        Ok(())
    }

    pub(super) fn keep_as_golden(&mut self, row: Vec<Value>) -> Result<(), Problem> {
        let version = need_version(self)?;
        let Some(tried) = self.tried.last.clone().filter(|tried| tried.row == row) else {
            return Err(Problem::new("This row was not asked yet", "", "Run it first, so that its answer is known."));
        };
        let mut golden = version.golden.unwrap_or_default();
        let (label, scores) = (tried.prediction.model_label, tried.prediction.scores);
        golden.rows.push(GoldenRow { values: row, label, scores });
        self.open_project()?.set_golden(&version.record.version, golden)?;
        self.told("Kept as a golden row");
        Ok(())
    }

    pub(super) fn take_golden(
        &mut self,
        version: &Version,
        golden: GoldenRows,
        check: model::GoldenCheck,
    ) -> Result<(), Problem> {
        // Rows that this model does not answer as expected are reported, and the known ones kept.
        let agrees = check.comparison.n_agree == check.comparison.n;
        self.golden.last = Some(check);
        if agrees {
            self.open_project()?.set_golden(version, golden)?;
            self.told("The golden rows were replaced");
        }
        Ok(())
    }
}

/// A version's golden rows, or why there are none.
pub(super) fn golden_of(version: &ModelVersion) -> Result<GoldenRows, Problem> {
    version.golden.clone().filter(|golden| !golden.rows.is_empty()).ok_or_else(|| {
        Problem::new(
            format!("Version {} has no golden rows", version.record.version),
            version.folder.join("golden.ron").display().to_string(),
            "Make them with `trestle golden`, or restore the file from version control.",
        )
    })
}
