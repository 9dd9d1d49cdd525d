//! The brief's measurable limits as items of the checklist.

use jiff::Timestamp;

use super::automatic::Finding;
use super::items::{Part, changed_since};
use crate::project::brief::Brief;
use crate::project::documents::{Evidence, VersionRecord};
use crate::project::reports::{BenchmarkReport, EvaluationReport, EvidenceLine, ItemStatus, Judgement, Verdict};

/// A limit of the brief, with what was measured of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name for commands: `brief.latency`, `brief.success.1`.
    pub id: String,
    /// Its name for people.
    pub label: String,
    /// What the brief asks, in its own words: `p95 ≤ 200 ms`.
    pub asked: String,
    /// What the measurement comes to under today's brief.
    pub judged: Judgement,
    /// The measurement; `None` when nothing was measured.
    pub measured: Option<Measured>,
    /// The line that measures it.
    pub how: String,
}

/// Where a judgement comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// What it is, in a few words: `benchmark of 1.1.0`.
    pub what: String,
    /// When.
    pub time: Timestamp,
    /// What it was measured on.
    pub evidence: Evidence,
    /// What it depends on; the brief is judged anew and no part of it.
    pub parts: &'static [Part],
}

/// What each limit of the brief comes to, and the measurements that say so.
#[derive(Clone, Debug, Default)]
pub struct Judged<'a> {
    /// The latency budget.
    pub latency: Judgement,
    /// Each success metric, in the brief's order.
    pub success: Vec<Judgement>,
    /// The time since the last training; `None` leaves it out.
    pub retraining: Option<Judgement>,
    /// The newest benchmark of the version.
    pub benchmark: Option<&'a BenchmarkReport>,
    /// Its newest evaluation.
    pub evaluation: Option<&'a EvaluationReport>,
    /// Its record.
    pub version: Option<&'a VersionRecord>,
}

/// The limits that `brief` states, as they are judged.
pub fn limits(brief: &Brief, judged: Judged<'_>) -> Vec<Limit> {
    let mut limits = Vec::new();
    if let Some(asked) = brief.latency.understood() {
        limits.push(Limit {
            id: "brief.latency".to_owned(),
            label: "Latency".to_owned(),
            judged: completed(judged.latency, &asked),
            asked,
            measured: judged.benchmark.map(|report| Measured {
                what: format!("benchmark of {}", report.version),
                time: report.time,
                evidence: report.evidence.clone(),
                parts: &[Part::Model, Part::Features],
            }),
            how: "trestle bench DIR".to_owned(),
        });
    }
    if let (Some(asked), Some(retraining)) = (brief.retraining.understood(), judged.retraining) {
        limits.push(Limit {
            id: "brief.retraining".to_owned(),
            label: "Retraining".to_owned(),
            judged: completed(retraining, &asked),
            asked,
            measured: judged.version.map(|record| Measured {
                what: format!("registration of {}", record.version),
                time: record.registered,
                evidence: record.evidence.clone(),
                parts: &[],
            }),
            how: "train the model anew, then trestle add DIR MODEL.onnx".to_owned(),
        });
    }
    let mut success = judged.success.into_iter();
    for (idx, metric) in brief.success.value.iter().flatten().enumerate() {
        let asked = metric.describe();
        limits.push(Limit {
            id: format!("brief.success.{}", idx + 1),
            label: capitalised(metric.metric.name()),
            judged: completed(success.next().unwrap_or_default(), &asked),
            asked,
            measured: judged.evaluation.map(|report| Measured {
                what: format!("evaluation of {} on {}", report.version, report.data),
                time: report.time,
                evidence: report.evidence.clone(),
                parts: &[Part::Model, Part::Features, Part::Labelled],
            }),
            how: "trestle evaluate DIR".to_owned(),
        });
    }
    limits
}

/// The judgement with what was asked, also where there was nothing to judge.
fn completed(judged: Judgement, asked: &str) -> Judgement {
    if judged.asked.is_empty() { Judgement { asked: asked.to_owned(), ..judged } } else { judged }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl Limit {
    /// What the measurement says, as for any other item.
    pub(super) fn find(&self, now: &Evidence) -> Finding {
        let measure = |again: &str| format!("To measure it{again}: {}", self.how);
        let Some(measured) = self.measured.as_ref().filter(|_| self.judged.verdict != Verdict::None) else {
            let reason =
                if self.judged.reason.is_empty() { "Not measured yet".to_owned() } else { self.judged.reason.clone() };
            return Finding { fix: measure(""), ..Finding::new(ItemStatus::Unchecked, reason) };
        };
        let changed = Part::changed(measured.parts, &measured.evidence, now);
        let (status, reason, fix) = if !changed.is_empty() {
            (ItemStatus::Stale, format!("{}; {}", self.judged.reason, changed_since(&changed)), measure(" again"))
        } else if self.judged.verdict.is_pass() {
            (ItemStatus::Pass, self.judged.reason.clone(), String::new())
        } else {
            let fix = format!("Improve the model, or change the brief. To measure it again: {}", self.how);
            (ItemStatus::Fail, self.judged.reason.clone(), fix)
        };
        Finding {
            evidence: vec![
                EvidenceLine::new("asked", self.judged.asked.as_str()),
                EvidenceLine::new("measured", self.judged.measured.as_str()),
                EvidenceLine::new(
                    "report",
                    format!("{}, {}", measured.what, measured.time.strftime("%Y-%m-%d %H:%M UTC")),
                ),
            ],
            fix,
            when: Some(measured.time),
            ..Finding::new(status, reason)
        }
    }
}
