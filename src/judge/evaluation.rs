//! Success metrics against the brief's values.

use semver::Version;

use super::figures::{counted, decimals, rounded};
use super::metric::measure;
use crate::project::brief::{Brief, Comparison, Metric, OutputSpec, SuccessMetric};
use crate::project::reports::{EvaluationReport, Judgement, Outcomes, Verdict};
use crate::project::{CHAMPION, Project};
use crate::statistics::Estimate;

/// What a gain is counted from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Baseline<'a> {
    /// The version is the champion, or there is none: nothing to gain over.
    #[default]
    Itself,
    /// The champion has no evaluation.
    NotEvaluated(Version),
    /// The champion's last evaluation.
    Evaluated(&'a EvaluationReport),
}

/// The last evaluation of a version, by the model file it has now.
pub fn latest_evaluation<'a>(project: &'a Project, version: &Version) -> Option<&'a EvaluationReport> {
    let model = &project.version(version)?.record.model.sha256;
    let mut newest_first = project.reports::<EvaluationReport>().iter().rev();
    newest_first.find(|report| report.version == *version && report.evidence.model == *model)
}

/// What a gain of `version` is counted from.
pub fn baseline<'a>(project: &'a Project, version: &Version) -> Baseline<'a> {
    match project.registry().resolve(CHAMPION) {
        Some(champion) if champion != version => match latest_evaluation(project, champion) {
            Some(report) => Baseline::Evaluated(report),
            None => Baseline::NotEvaluated(champion.clone()),
        },
        _ => Baseline::Itself,
    }
}

/// What each success metric of the brief comes to, in the brief's order.
pub fn success(report: Option<&EvaluationReport>, baseline: &Baseline<'_>, brief: &Brief) -> Vec<Judgement> {
    let asked = brief.success.value.as_deref().unwrap_or_default();
    let output = brief.output.value.as_ref();
    asked
        .iter()
        .map(|asked| match report {
            None => {
                Judgement { asked: asked.describe(), reason: "Not evaluated yet".to_owned(), ..Judgement::default() }
            }
            Some(report) => {
                let found = measure(report, output, asked.metric, asked.of.as_deref());
                judged(report, baseline, output, asked, &found)
            }
        })
        .collect()
}

/// A metric of an evaluation, whether the brief asks for it or not.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricLine {
    /// What is measured.
    pub metric: Metric,
    /// Class or average; `None` is the positive class, or all rows.
    pub of: Option<String>,
    /// What the brief asks, where it does.
    pub asked: Option<SuccessMetric>,
    /// The value, or why there is none.
    pub estimate: Result<Estimate, String>,
    /// What it comes to.
    pub judgement: Judgement,
}

impl MetricLine {
    /// Its name with what it is of: `F1 (macro)`, `recall of class 1`.
    pub fn name(&self) -> String {
        match self.of.as_deref() {
            None => self.metric.name().to_owned(),
            Some(of @ ("macro" | "micro" | "weighted")) => format!("{} ({of})", self.metric.name()),
            Some(class) => format!("{} of class {class}", self.metric.name()),
        }
    }
}

/// The brief's metrics in its order, then the others that make sense for the model.
pub fn metrics(report: &EvaluationReport, baseline: &Baseline<'_>, brief: &Brief) -> Vec<MetricLine> {
    let output = brief.output.value.as_ref();
    let asked = brief.success.value.as_deref().unwrap_or_default();
    let mut lines: Vec<MetricLine> = asked
        .iter()
        .map(|asked| {
            let estimate = measure(report, output, asked.metric, asked.of.as_deref());
            let judgement = judged(report, baseline, output, asked, &estimate);
            MetricLine { metric: asked.metric, of: asked.of.clone(), asked: Some(asked.clone()), estimate, judgement }
        })
        .collect();
    for (metric, of) in sensible(report, output) {
        if lines.iter().any(|line| line.metric == metric && line.of.as_deref() == of) {
            continue;
        }
        let estimate = measure(report, output, metric, of);
        let judgement = Judgement {
            measured: estimate.as_ref().map(|estimate| shown(metric, estimate, None)).unwrap_or_default(),
            reason: estimate.as_ref().err().cloned().unwrap_or_default(),
            ..Judgement::default()
        };
        lines.push(MetricLine { metric, of: of.map(str::to_owned), asked: None, estimate, judgement });
    }
    lines
}

/// The metrics that make sense for a model.
fn sensible(report: &EvaluationReport, output: Option<&OutputSpec>) -> Vec<(Metric, Option<&'static str>)> {
    let classes = match &report.outcomes {
        Outcomes::Numbers(_) => return vec![(Metric::Rmse, None), (Metric::Mae, None), (Metric::R2, None)],
        Outcomes::Classes(classes) => classes,
    };
    let of = if classes.class(output, None).is_ok() { None } else { Some("macro") };
    let mut metrics = vec![(Metric::Accuracy, None), (Metric::Precision, of), (Metric::Recall, of), (Metric::F1, of)];
    if !classes.scores.is_empty() {
        metrics.extend([(Metric::RocAuc, of), (Metric::PrAuc, of)]);
    }
    if classes.log_loss.is_some() {
        metrics.push((Metric::LogLoss, None));
    }
    metrics
}

/// A value in words, rounded to as few decimals as leave it on its own side of `limit`.
pub fn shown_value(metric: Metric, value: f64, limit: Option<f64>) -> String {
    rounded(value, decimals(metric, value, limit))
}

/// A value with its interval: `0.91 (0.89 – 0.93)`.
fn shown(metric: Metric, estimate: &Estimate, limit: Option<f64>) -> String {
    let mut decimals = decimals(metric, estimate.value, limit);
    // Of very many rows the interval is narrow; it still shows two different ends.
    while decimals < 6 && estimate.interval.is_some_and(|(low, high)| high - low < 2.0 * 0.1_f64.powi(decimals as i32))
    {
        decimals += 1;
    }
    let value = rounded(estimate.value, decimals);
    match estimate.interval {
        Some((low, high)) => format!("{value} ({} – {})", rounded(low, decimals), rounded(high, decimals)),
        None => value,
    }
}

fn judged(
    report: &EvaluationReport,
    baseline: &Baseline<'_>,
    output: Option<&OutputSpec>,
    asked: &SuccessMetric,
    found: &Result<Estimate, String>,
) -> Judgement {
    let estimate = match found {
        Ok(estimate) => estimate,
        Err(why) => {
            let (asked, reason) = (asked.describe(), why.clone());
            return Judgement { asked, measured: String::new(), verdict: Verdict::Undecided, reason };
        }
    };
    let mut reasons = vec![basis(report, output, asked)];
    let only_gain = asked.minimum_gain.is_some()
        && asked.comparison == Comparison::AtLeast
        && asked.metric.greater_is_better()
        && asked.value.abs() < f64::EPSILON;
    let straddles = estimate.interval.is_some_and(|(low, high)| low < asked.value && asked.value < high);
    if straddles && !only_gain {
        reasons
            .push("the 95 % interval reaches across the limit, so that other rows could turn the verdict".to_owned());
    }
    let bound = asked.comparison.holds(estimate.value, asked.value);
    let (gained, said) = gain(report, baseline, output, asked, estimate);
    reasons.extend(said);
    let verdict = match (bound, gained) {
        (false, _) | (_, Verdict::Fail) => Verdict::Fail,
        (true, Verdict::Undecided) => Verdict::Undecided,
        // Only a gain is asked, and there is nothing to gain over.
        (true, Verdict::None) if only_gain => Verdict::None,
        (true, _) => Verdict::Pass,
    };
    let limit = (!only_gain).then_some(asked.value);
    Judgement {
        asked: asked.describe(),
        measured: shown(asked.metric, estimate, limit),
        verdict,
        reason: reasons.join("; "),
    }
}

/// What was measured on.
fn basis(report: &EvaluationReport, output: Option<&OutputSpec>, asked: &SuccessMetric) -> String {
    let mut basis = format!("On {} of {}", counted(report.n(), "row"), report.data);
    let Outcomes::Classes(classes) = &report.outcomes else { return basis };
    let from_table = matches!(asked.metric, Metric::Accuracy | Metric::Precision | Metric::Recall | Metric::F1);
    let called_from = classes.table(output).ok().and_then(|table| table.called_from);
    if let Some((class, threshold)) = called_from.filter(|_| from_table) {
        basis.push_str(&format!(", class {class} answered from a probability of {threshold}"));
    }
    let grid = classes.scores.iter().find_map(|curve| curve.grid);
    let from_scores = matches!(asked.metric, Metric::RocAuc | Metric::PrAuc);
    if let Some(step) = grid.filter(|_| from_scores || basis.contains(" answered from ")) {
        basis.push_str(&format!(", scores rounded to steps of {step:.1e}"));
    }
    basis
}

/// Whether the gain that the brief asks is there; `None` when it asks none, or when there is nothing to gain over.
fn gain(
    report: &EvaluationReport,
    baseline: &Baseline<'_>,
    output: Option<&OutputSpec>,
    asked: &SuccessMetric,
    estimate: &Estimate,
) -> (Verdict, Option<String>) {
    let Some(wanted) = asked.minimum_gain else { return (Verdict::None, None) };
    let champion = match baseline {
        Baseline::Itself => {
            return (
                Verdict::None,
                Some("the version is the champion, so that there is nothing to gain over".to_owned()),
            );
        }
        Baseline::NotEvaluated(version) => {
            let said = format!("the champion {version} was not evaluated, so that the gain is not known");
            return (Verdict::Undecided, Some(said));
        }
        Baseline::Evaluated(champion) => champion,
    };
    let version = &champion.version;
    let same = |one: &EvaluationReport| (one.evidence.labelled.clone(), one.target.clone());
    if same(champion) != same(report) || report.evidence.labelled.is_empty() {
        let said = format!("the champion {version} was evaluated on other data, so that the gain is not known");
        return (Verdict::Undecided, Some(said));
    }
    match measure(champion, output, asked.metric, asked.of.as_deref()) {
        Err(why) => (Verdict::Undecided, Some(format!("of the champion {version} it is not defined: {why}"))),
        Ok(of_champion) => {
            let better = if asked.metric.greater_is_better() { 1.0 } else { -1.0 };
            let gained = better * (estimate.value - of_champion.value);
            // The difference of two rounded values may miss the wanted one by a last digit.
            let enough = wanted - 1e-12 <= gained;
            let limit = (1e-12 < (gained - wanted).abs()).then_some(wanted);
            let decimals = decimals(asked.metric, gained, limit).max(3);
            let (size, word) = (rounded(gained.abs(), decimals), if gained < 0.0 { "worse" } else { "better" });
            let said = format!("{size} {word} than the champion {version}");
            (if enough { Verdict::Pass } else { Verdict::Fail }, Some(said))
        }
    }
}
