//! Commands on the executable that goes into images.

use std::path::PathBuf;

use super::Workbench;
use super::outcome::{Outcome, Slot};
use crate::package::{self, ChosenExecutable};
use crate::problem::Problem;
use crate::step::StepState;

impl Workbench {
    /// The executable that goes into images, once it was looked at.
    pub fn executable(&self) -> &StepState<ChosenExecutable> {
        &self.executable
    }

    /// The executable that was chosen; without one, the smallest at hand is taken.
    pub fn chosen_executable(&self) -> Option<&PathBuf> {
        self.settings.executable.as_ref()
    }

    /// Packages this executable from now on.
    ///
    /// A file that cannot be packaged is kept as the choice, too: its problem says what is wrong with it, and building
    /// says it again instead of taking another one silently.
    pub(super) fn choose_executable(&mut self, path: Option<PathBuf>) {
        let path = path.map(|path| std::path::absolute(&path).unwrap_or(path));
        self.change_settings(|settings| settings.executable = path);
        self.look_at_executable();
    }

    /// Reads what can be told of the executable; it may be hundreds of megabytes.
    pub(super) fn look_at_executable(&mut self) {
        let choose = self.executable_choice();
        self.spawn(Slot::Executable, "Looking at the executable", move |_context| {
            Ok(Outcome::ExecutableSeen(Box::new(choose()?)))
        });
    }

    /// What finds the executable to package, in a job.
    pub(super) fn executable_choice(&self) -> impl Fn() -> Result<ChosenExecutable, Problem> + Send + use<> {
        let (chosen, running) = (self.settings.executable.clone(), self.environment.executable.clone());
        move || package::choose(chosen.as_deref(), &running).map_err(Problem::from)
    }
}
