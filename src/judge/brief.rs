//! Every limit of the brief with what was measured.

use jiff::Timestamp;

use super::{Baseline, latency, retraining, success};
use crate::project::brief::Brief;
use crate::project::reports::{BenchmarkReport, EvaluationReport, Judgement};

/// What was measured of the version at hand.
#[derive(Clone, Debug)]
pub struct Measurements<'a> {
    /// Its last benchmark.
    pub benchmark: Option<&'a BenchmarkReport>,
    /// Its last evaluation.
    pub evaluation: Option<&'a EvaluationReport>,
    /// What a gain is counted from.
    pub baseline: Baseline<'a>,
    /// When it was registered.
    pub registered: Option<Timestamp>,
    /// The time it is judged at.
    pub now: Timestamp,
}

/// Which limit of the brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// The latency budget.
    Latency,
    /// The time between trainings.
    Retraining,
    /// The success metric at a position.
    Success(usize),
}

/// A limit that the brief states, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Which.
    pub kind: LimitKind,
    /// What it comes to.
    pub judgement: Judgement,
}

/// Every measurable limit that the brief states, judged, in the brief's order.
pub fn brief(brief: &Brief, measured: &Measurements<'_>) -> Vec<Limit> {
    let budget = brief.latency.value.as_ref();
    let cadence = brief.retraining.value.as_ref();
    let mut limits = Vec::new();
    if budget.is_some() {
        limits.push(Limit { kind: LimitKind::Latency, judgement: latency(measured.benchmark, budget) });
    }
    if cadence.is_some() {
        let judgement = retraining(measured.registered, cadence, measured.now);
        limits.push(Limit { kind: LimitKind::Retraining, judgement });
    }
    let metrics = success(measured.evaluation, &measured.baseline, brief);
    let metrics = metrics.into_iter().enumerate();
    limits.extend(metrics.map(|(index, judgement)| Limit { kind: LimitKind::Success(index), judgement }));
    limits
}
