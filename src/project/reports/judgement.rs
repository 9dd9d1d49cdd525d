//! What a measurement comes to: a verdict that carries its reason.

use serde::{Deserialize, Serialize};

/// Whether what was measured is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It meets what was asked.
    Pass,
    /// It does not.
    Fail,
    /// It was asked and measured, but the measurement supports no answer; a gate fails.
    Undecided,
    /// Nothing was asked, or nothing was measured yet.
    #[default]
    None,
}

impl Verdict {
    /// Whether a gate lets it through.
    pub fn is_pass(self) -> bool {
        self == Self::Pass
    }
}

/// A verdict with what was asked, what was measured, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Judgement {
    /// What was asked, with its threshold: `p95 ≤ 200 ms`; empty when nothing was.
    pub asked: String,
    /// What was measured, with its unit: `3.1 ms`; empty when nothing was.
    pub measured: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, in one sentence without a period, with the scope of the measurement.
    pub reason: String,
}
