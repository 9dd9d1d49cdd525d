//! What comes next: one obvious step from wherever a person stands.

use super::Workbench;
use crate::step::{Standing, Step};

/// The step to go to from a page, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// The step.
    pub step: Step,
    /// Why, in one sentence.
    pub why: String,
}

impl Workbench {
    /// Where to go from the page of `current`; `None` while that page itself has something to do first.
    ///
    /// The journey goes on in order; its end leads back to the first step that is not as it should be.
    pub fn next_step(&self, current: Step) -> Option<NextStep> {
        self.project.as_ref()?;
        let open = |standing| matches!(standing, Standing::NotStarted | Standing::Running);
        if open(self.standing(current).0) {
            return None;
        }
        if let Some(step) = Step::ALL.into_iter().find(|step| *step > current) {
            let why = match self.standing(step) {
                (Standing::NotStarted, _) => step.purpose().to_owned(),
                (_, substance) => substance,
            };
            return Some(NextStep { step, why });
        }
        let behind = Step::ALL.into_iter().filter(|step| *step < current);
        behind
            .map(|step| (step, self.standing(step)))
            .find(|(_, (standing, _))| *standing != Standing::Pass)
            .map(|(step, (_, substance))| NextStep { step, why: substance })
    }
}
