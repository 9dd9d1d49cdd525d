//! The steps of the journey, and the state each of them is in.

use crate::problem::Problem;

/// A step, in the order of the journey; a step is listed once it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Write the brief.
    Brief,
    /// Load, understand and register a model.
    Model,
    /// Measure how fast it answers.
    Benchmark,
    /// Ask what production asks.
    Readiness,
    /// Compare the data of today with what the model was trained on.
    Drift,
    /// Build, verify and tag an image.
    Container,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 6] =
        [Self::Brief, Self::Model, Self::Benchmark, Self::Readiness, Self::Drift, Self::Container];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Brief => "Brief",
            Self::Model => "Model",
            Self::Benchmark => "Benchmark",
            Self::Readiness => "Readiness",
            Self::Drift => "Drift",
            Self::Container => "Container",
        }
    }

    /// What it is for, in one sentence.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Brief => "What the model is for, and the limits it must meet. Every number here judges a later step.",
            Self::Model => "What the model takes and gives, and which version it is.",
            Self::Benchmark => "How fast the model answers on this machine, beside the limit in the brief.",
            Self::Readiness => "What production asks of this version, and the evidence for each answer.",
            Self::Drift => "How the data of today differs from what the model was trained on.",
            Self::Container => "One click builds an image, starts it, asks it the golden rows, and only then tags it.",
        }
    }

    /// Its number on the rail, from 1.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|step| *step == self).map_or(0, |index| index + 1)
    }
}

/// How a step stands, as the rail shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was done yet.
    #[default]
    NotStarted,
    /// Work is going on.
    Running,
    /// Done, and good.
    Pass,
    /// Done, with something to look at.
    Warn,
    /// Done, and not good; or it could not be done.
    Fail,
    /// Done, but what it stands on changed since.
    Stale,
}

/// Identifies a running job.
pub type JobId = u64;

/// What is going on in a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// Nothing.
    #[default]
    Idle,
    /// A job.
    Running(JobId),
    /// The last job gave no result.
    Failed(Problem),
}

/// A step's last result and what is going on now; fresh or stale is computed from the result's own hashes.
#[derive(Clone, Debug)]
pub struct StepState<T> {
    /// The last result.
    pub last: Option<T>,
    /// What is going on.
    pub activity: Activity,
}

impl<T> Default for StepState<T> {
    fn default() -> Self {
        Self { last: None, activity: Activity::Idle }
    }
}

impl<T> StepState<T> {
    /// The job that runs, if one does.
    pub fn running(&self) -> Option<JobId> {
        match self.activity {
            Activity::Running(id) => Some(id),
            Activity::Idle | Activity::Failed(_) => None,
        }
    }

    /// Why the last job gave no result, if so.
    pub fn problem(&self) -> Option<&Problem> {
        match &self.activity {
            Activity::Failed(problem) => Some(problem),
            Activity::Idle | Activity::Running(_) => None,
        }
    }
}
