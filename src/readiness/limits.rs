//! The brief's measurable limits as items of the checklist.

use jiff::Timestamp;

use super::automatic::Finding;
use super::items::{Part, changed_since};
use crate::judge::{self, LimitKind, Measurements};
use crate::project::brief::Brief;
use crate::project::documents::Evidence;
use crate::project::reports::{EvidenceLine, ItemStatus, Judgement, Verdict};

/// The latency budget's name.
const LATENCY: &str = "brief.latency";

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

/// The limits of `brief` as items, from what each came to and the measurements that say so.
pub fn limits(brief: &Brief, judged: Vec<judge::Limit>, measured: &Measurements<'_>) -> Vec<Limit> {
    judged.into_iter().filter_map(|limit| item(brief, limit, measured)).collect()
}

fn item(brief: &Brief, judged: judge::Limit, measured: &Measurements<'_>) -> Option<Limit> {
    let evaluation = || {
        measured.evaluation.map(|report| Measured {
            what: format!("evaluation of {} on {}", report.version, report.data),
            time: report.time,
            evidence: report.evidence.clone(),
            parts: &[Part::Model, Part::Features, Part::Labelled],
        })
    };
    let (id, label, asked, from, how) = match judged.kind {
        LimitKind::Latency => {
            let from = measured.benchmark.map(|report| Measured {
                what: format!("benchmark of {}", report.version),
                time: report.time,
                evidence: report.evidence.clone(),
                parts: &[Part::Model, Part::Features],
            });
            (LATENCY.to_owned(), "Latency".to_owned(), brief.latency.understood()?, from, "trestle bench DIR")
        }
        LimitKind::Retraining => {
            // A trigger alone is nothing that the clock can judge.
            brief.retraining.value.as_ref()?.every_days?;
            let from = measured.registered.map(|time| Measured {
                what: "registration of this version".to_owned(),
                time,
                evidence: Evidence::default(),
                parts: &[],
            });
            let asked = brief.retraining.understood()?;
            (
                "brief.retraining".to_owned(),
                "Retraining".to_owned(),
                asked,
                from,
                "train the model anew, then trestle add DIR MODEL.onnx",
            )
        }
        LimitKind::Success(index) => {
            let metric = brief.success.value.as_ref()?.get(index)?;
            let (id, label) = (format!("brief.success.{}", index + 1), capitalised(metric.metric.name()));
            (id, label, metric.describe(), evaluation(), "trestle evaluate DIR")
        }
    };
    let judgement = judged.judgement;
    let judged = if judgement.asked.is_empty() { Judgement { asked: asked.clone(), ..judgement } } else { judgement };
    Some(Limit { id, label, asked, judged, measured: from, how: how.to_owned() })
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl Limit {
    /// Whether it is the latency budget.
    pub(super) fn is_latency(&self) -> bool {
        self.id == LATENCY
    }

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
