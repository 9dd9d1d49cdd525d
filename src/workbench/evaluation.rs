//! Commands on the evaluation, a part of the model's page.

use jiff::Timestamp;
use semver::Version;

use super::outcome::{Outcome, Slot};
use super::{Workbench, need_version, no_project};
use crate::evaluation::{evaluate, labelled_data};
use crate::judge::{self, Baseline, Limit, Measurements, baseline, latest_evaluation};
use crate::problem::Problem;
use crate::project::Project;
use crate::project::brief::Metric;
use crate::project::documents::Evidence;
use crate::project::reports::{BenchmarkReport, EvaluationReport, Outcomes, Verdict};

/// Which measurements of which version the limits of the brief are judged by; equal as long as they are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    version: Option<Version>,
    benchmark: Option<Timestamp>,
    evaluation: Option<Timestamp>,
    /// The champion and the time of its evaluation, when the version at hand is another one.
    champion: Option<(Version, Option<Timestamp>)>,
    /// Hours since the epoch: an age is told in days or hours.
    hour: i64,
}

impl Workbench {
    pub(super) fn evaluate(&mut self) -> Result<(), Problem> {
        // The brief and the features are hashed from the disk.
        self.save()?;
        let version = need_version(self)?;
        let asked = self.asked(&version)?;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let labelled = labelled_data(project)?;
        let (root, session, time) = (project.root().to_owned(), self.session(), self.now());
        self.spawn(Slot::Evaluate, format!("Evaluating {}", version.record.version), move |context| {
            let contract = &version.record.model.contract;
            let counted = evaluate(&session, &asked, contract, &labelled, context)?;
            context.progress(None, "Hashing the code and the data");
            // The project is read anew: this thread may not touch the one on display.
            let project = Project::open(&root).map_err(Problem::from)?;
            let evidence = Evidence {
                model: version.record.model.sha256.clone(),
                ..project.evidence(None).map_err(Problem::from)?
            };
            Ok(Outcome::Evaluated(Box::new(EvaluationReport {
                time,
                version: version.record.version,
                data: labelled.name,
                target: labelled.target,
                n_rows: counted.n_rows,
                n_unlabelled: counted.n_unlabelled,
                outcomes: counted.outcomes,
                evidence,
                judged: Vec::new(),
            })))
        });
        Ok(())
    }

    pub(super) fn take_evaluation(&mut self, mut report: EvaluationReport) -> Result<(), Problem> {
        let project = self.open_project()?;
        let compared = baseline(project, &report.version);
        report.judged = judge::success(Some(&report), &compared, &project.documents.brief);
        // A project that cannot be written still shows what was measured.
        self.evaluation.last = Some(report.clone());
        self.open_project()?.add_report(report)?;
        Ok(())
    }

    /// The last evaluation of the version at hand, by the model file it has now.
    pub fn evaluated(&self) -> Option<&EvaluationReport> {
        let (project, version) = (self.project.as_ref()?, self.version()?);
        let record = &version.record;
        // A report that could not be kept is newer than those on disk.
        let fresh = self
            .evaluation
            .last
            .as_ref()
            .filter(|report| report.version == record.version && report.evidence.model == record.model.sha256);
        fresh.or_else(|| latest_evaluation(project, &record.version))
    }

    /// Whether the version at hand could be evaluated and was not yet.
    pub fn can_evaluate(&self) -> bool {
        let declared = self.project.as_ref().is_some_and(|project| project.documents.config.data.labelled.is_some());
        declared && self.version().is_some() && self.evaluated().is_none() && self.evaluation.running().is_none()
    }

    /// What a gain of the version at hand is counted from.
    pub fn baseline(&self) -> Baseline<'_> {
        match (&self.project, self.version()) {
            (Some(project), Some(version)) => baseline(project, &version.record.version),
            _ => Baseline::Itself,
        }
    }

    /// Why the last evaluation of the version at hand no longer says how it stands, if so: the declared file or the
    /// target changed, or hashes that were taken since differ.
    pub fn evaluation_staleness(&self) -> Option<String> {
        let (project, report) = (self.project.as_ref()?, self.evaluated()?);
        let Ok(labelled) = labelled_data(project) else {
            return Some("labelled data is no longer declared".to_owned());
        };
        if labelled.name != report.data {
            return Some(format!("{} is the labelled data now", labelled.name));
        }
        if labelled.target != report.target {
            return Some(format!("{} is the target now", labelled.target));
        }
        let probed = self.probe.last.as_ref().filter(|probe| report.time < probe.time)?;
        let (now, then) = (&probed.evidence, &report.evidence);
        if now.labelled != then.labelled {
            return Some(format!("{} changed", report.data));
        }
        (now.features != then.features).then(|| "the features changed".to_owned())
    }

    /// The last benchmark of the version at hand, by the model file it has now.
    fn benchmarked(&self) -> Option<&BenchmarkReport> {
        let (project, record) = (self.project.as_ref()?, &self.version()?.record);
        let mut newest_first = project.reports::<BenchmarkReport>().iter().rev();
        newest_first.find(|report| report.version == record.version && report.evidence.model == record.model.sha256)
    }

    /// What [`Workbench::limits`] is computed from, so that it need not be computed anew in each frame; `None` without
    /// a project.
    pub fn measured(&self) -> Option<Measured> {
        self.project.as_ref()?;
        let champion = match self.baseline() {
            Baseline::Itself => None,
            Baseline::NotEvaluated(version) => Some((version, None)),
            Baseline::Evaluated(report) => Some((report.version.clone(), Some(report.time))),
        };
        Some(Measured {
            version: self.version().map(|version| version.record.version.clone()),
            benchmark: self.benchmarked().map(|report| report.time),
            evaluation: self.evaluated().map(|report| report.time),
            champion,
            hour: self.now().as_second() / 3_600,
        })
    }

    /// Every measurable limit of the brief, judged by the last reports of the version at hand.
    pub fn limits(&self) -> Vec<Limit> {
        let Some(project) = &self.project else { return Vec::new() };
        judge::brief(&project.documents.brief, &self.measurements())
    }

    /// What was measured of the version at hand.
    pub(super) fn measurements(&self) -> Measurements<'_> {
        Measurements {
            benchmark: self.benchmarked(),
            evaluation: self.evaluated(),
            baseline: self.baseline(),
            registered: self.version().map(|version| version.record.registered),
            now: self.now(),
        }
    }

    /// Whether no success metric of the brief fails, by the last evaluation of the version at hand.
    pub(super) fn meets_success(&self) -> bool {
        let Some(project) = &self.project else { return true };
        let judged = judge::success(self.evaluated(), &self.baseline(), &project.documents.brief);
        judged.iter().all(|judgement| !matches!(judgement.verdict, Verdict::Fail | Verdict::Undecided))
    }

    /// The metric that stands for the version on the rail: the first of the brief's that has a value, else the usual
    /// one; `ROC-AUC 0.91`.
    pub(super) fn headline(&self) -> Option<String> {
        let (project, report) = (self.project.as_ref()?, self.evaluated()?);
        let brief = &project.documents.brief;
        let usual = match report.outcomes {
            Outcomes::Classes(_) => Metric::Accuracy,
            Outcomes::Numbers(_) => Metric::Rmse,
        };
        let asked = brief.success.value.as_deref().unwrap_or_default().iter();
        let asked = asked.map(|asked| (asked.metric, asked.of.as_deref(), Some(asked.value)));
        asked.chain([(usual, None, None)]).find_map(|(metric, of, limit)| {
            let found = judge::measure(report, brief.output.value.as_ref(), metric, of).ok()?;
            Some(format!("{} {}", metric.name(), judge::shown_value(metric, found.value, limit)))
        })
    }
}
