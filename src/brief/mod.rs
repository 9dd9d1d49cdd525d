//! The brief step: what is answered, what is vague, what contradicts itself, and the page it exports to.
//!
//! Answers and their values are documents in `project::brief`; the functions here are pure.

mod hints;
mod markdown;
mod questions;

pub use hints::hint;
pub use markdown::markdown;
pub use questions::{Question, question};

use crate::command::BriefField;
use crate::project::brief::Brief;

/// The eight questions that make a brief complete; scope and the minimum viable model come beside them.
pub const EIGHT: [BriefField; 8] = [
    BriefField::Problem,
    BriefField::EndUser,
    BriefField::Data,
    BriefField::Input,
    BriefField::Output,
    BriefField::Latency,
    BriefField::Retraining,
    BriefField::Success,
];

/// How much of the brief is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completeness {
    /// Answered questions of the eight.
    pub n_answered: usize,
    /// Eight.
    pub n_questions: usize,
    /// Questions without an answer, in order.
    pub missing: Vec<BriefField>,
    /// Answered questions that nothing could be measured by, or that contradict themselves.
    pub vague: Vec<BriefField>,
}

/// How much of the brief is there.
pub fn completeness(brief: &Brief) -> Completeness {
    let (answered, missing): (Vec<BriefField>, Vec<BriefField>) =
        EIGHT.into_iter().partition(|field| !field.words(brief).trim().is_empty());
    let vague = answered.iter().copied().filter(|field| hint(*field, brief).is_some()).collect();
    Completeness { n_answered: answered.len(), n_questions: EIGHT.len(), missing, vague }
}
