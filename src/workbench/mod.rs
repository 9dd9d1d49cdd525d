//! The workbench: one project, the state of its steps, and the jobs that run.
//!
//! **Invariant:** state changes only in [`Workbench::apply`] and [`Workbench::poll`], on the caller's thread; jobs
//! return values. The window, the command line and the tests drive it in the same way.

mod benchmark;
mod container;
mod deploy;
mod drift;
mod edit;
mod environment;
mod evaluation;
mod executable;
mod journey;
mod measured;
mod model;
mod outcome;
mod profile;
mod readiness;
mod running;
mod seen;
mod settings;
mod standing;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use semver::Version;

pub use container::Exported;
pub use environment::Environment;
pub use evaluation::Measured;
pub use journey::NextStep;
pub use measured::OfVersion;
pub use model::Tried;
pub use running::{Containers, Watched};
pub use settings::{Recent, Settings, ThemeChoice};

use crate::command::Command;
use crate::jobs::{Job, JobContext, JobError};
use crate::model::{Examination, GoldenCheck};
use crate::package::{ChosenExecutable, EngineInfo};
use crate::problem::Problem;
use crate::project::history::History;
use crate::project::reports::{BenchmarkReport, DriftReport, EvaluationReport, PackageReport, ProfileReport};
use crate::project::{DocumentKind, ModelVersion, Project, ProjectError};
use crate::readiness::Probe;
use crate::session::SharedSession;
use crate::step::{Activity, JobId, Step, StepState};
use outcome::{Outcome, Slot};

/// How long an edit rests before it is saved.
const SAVE_AFTER: Duration = Duration::from_millis(600);

/// How often documents are compared with the disk.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// Something that happened and is worth a line, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether it is good news.
    pub good: bool,
    /// The line.
    pub text: String,
}

struct Running {
    id: JobId,
    slot: Slot,
    job: Job<Outcome>,
}

/// A job for display.
#[derive(Clone, Debug)]
pub struct RunningJob {
    /// For [`Command::Cancel`].
    pub id: JobId,
    /// The step it belongs to.
    pub step: Step,
    /// Its name.
    pub name: String,
    /// Progress and log.
    pub context: JobContext,
    /// Time since its start.
    pub elapsed: Duration,
}

/// One project, the state of its steps, and the jobs that run.
pub struct Workbench {
    environment: Environment,
    settings: Settings,
    project: Option<Project>,
    history: History,
    running: Vec<Running>,
    next_job: JobId,
    session: SharedSession,
    selected: Option<Version>,
    examined: StepState<Examination>,
    tried: StepState<Tried>,
    golden: StepState<GoldenCheck>,
    benchmark: StepState<BenchmarkReport>,
    judged_latency: std::cell::RefCell<benchmark::JudgedLatency>,
    profile: StepState<ProfileReport>,
    evaluation: StepState<EvaluationReport>,
    probe: StepState<Probe>,
    /// What the probes look at next, in the window.
    look_again: readiness::Look,
    /// What waits for the probes to be vouched for.
    vouched: Vec<readiness::Vouched>,
    /// The checklist as it was computed last: it is asked for in every frame.
    computed: RefCell<Option<readiness::Computed>>,
    drift: StepState<DriftReport>,
    engine: StepState<EngineInfo>,
    executable: StepState<ChosenExecutable>,
    container: StepState<PackageReport>,
    exported: StepState<Exported>,
    containers: Containers,
    delivery: deploy::Delivery,
    notices: Vec<Notice>,
    problem: Option<Problem>,
    /// Why the last command gave no result, for [`Workbench::run`].
    failure: Option<JobError>,
    conflicts: Vec<DocumentKind>,
    edited: Option<Instant>,
    watched: Instant,
    saved_at: Option<jiff::Timestamp>,
}

impl std::fmt::Debug for Workbench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workbench").field("project", &self.project).finish_non_exhaustive()
    }
}

impl Workbench {
    /// A workbench without a project.
    pub fn new(environment: Environment) -> Self {
        let settings = Settings::load(environment.settings.as_deref());
        Self {
            environment,
            settings,
            project: None,
            history: History::default(),
            running: Vec::new(),
            next_job: 1,
            session: SharedSession::default(),
            selected: None,
            examined: StepState::default(),
            tried: StepState::default(),
            golden: StepState::default(),
            benchmark: StepState::default(),
            judged_latency: std::cell::RefCell::default(),
            profile: StepState::default(),
            evaluation: StepState::default(),
            probe: StepState::default(),
            look_again: readiness::Look::None,
            vouched: Vec::new(),
            computed: RefCell::default(),
            drift: StepState::default(),
            engine: StepState::default(),
            executable: StepState::default(),
            container: StepState::default(),
            exported: StepState::default(),
            containers: Containers::default(),
            delivery: deploy::Delivery::default(),
            notices: Vec::new(),
            problem: None,
            failure: None,
            conflicts: Vec::new(),
            edited: None,
            watched: Instant::now(),
            saved_at: None,
        }
    }

    /// Carries out one command; what takes long becomes a job.
    pub fn apply(&mut self, command: Command) {
        let result = match command {
            Command::OpenProject(root) => self.open(&root),
            Command::NewProject { root, name } => self.create(&root, &name),
            Command::NewFromExample(root) => self.create_example(root),
            Command::OpenExample => self.open_example(),
            Command::CloseProject => self.close(),
            Command::AnswerBrief(field, words) => self.answer_brief(field, words),
            Command::SetConfig(config) => self.set_config(config),
            Command::SetFeature(index, feature) => self.set_feature(index, feature),
            Command::SettleEdit => {
                self.history.settle();
                Ok(())
            }
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::Save => self.save(),
            Command::Reload(kind) => self.reload(kind),
            Command::KeepMine(kind) => self.keep_mine(kind),
            Command::CompleteUnfinished => self.complete_unfinished(),
            Command::AddModel { source, bump, why } => self.add_model(source, bump, why),
            Command::SelectVersion(version) => self.select_version(version),
            Command::SetAlias { alias, version, why } => self.set_alias(&alias, &version, &why),
            Command::LearnFeatures => self.learn_features(),
            Command::TryRow(row) => self.try_row(row),
            Command::CheckGolden => self.check_golden(),
            Command::MakeGolden { from } => self.make_golden(from),
            Command::ImportGolden(import) => self.import_golden(import),
            Command::KeepAsGolden(row) => self.keep_as_golden(row),
            Command::RunBenchmark(length) => self.run_benchmark(&length.into()),
            Command::RunBenchmarkOf(request) => self.run_benchmark(&request),
            Command::RunProfile(options) => self.run_profile(options),
            Command::Evaluate => self.evaluate(),
            Command::CompareData => self.compare_data(),
            Command::CheckReadiness => self.check_readiness(),
            Command::Attest { item, note } => self.attest(&item, &note),
            Command::Waive { item, reason, owner, expires } => self.waive(&item, &reason, owner, expires),
            Command::Withdraw { item, why } => self.withdraw(&item, &why),
            Command::UseData(role, path) => self.use_data(role, &path),
            Command::FindEngine => {
                self.find_engine();
                Ok(())
            }
            Command::ChooseExecutable(path) => {
                self.choose_executable(path);
                Ok(())
            }
            Command::BuildImage { tag } => self.build_image(tag),
            Command::ExportImage { kind, target, tag } => self.export(kind, target, tag),
            Command::RunImage(settings) => self.run_image(settings),
            Command::ListContainers => {
                self.list_containers();
                Ok(())
            }
            Command::ActOnContainer(action, container) => {
                self.act_on_container(action, container);
                Ok(())
            }
            Command::CleanContainers => {
                self.clean_containers();
                Ok(())
            }
            Command::WatchContainers(id) => {
                self.watch_containers(id);
                Ok(())
            }
            Command::LeaveContainers => {
                self.leave_containers();
                Ok(())
            }
            Command::PushImage { to } => self.push_image(to),
            Command::Deploy(request) => self.deploy(request),
            Command::Cancel(id) => {
                self.cancel(id);
                Ok(())
            }
            Command::Dismiss(step) => {
                self.dismiss(step);
                Ok(())
            }
        };
        if let Err(problem) = result {
            self.failure = Some(JobError::Failed(problem.clone()));
            self.problem = Some(problem);
        }
    }

    /// Takes the results of finished jobs, saves what rested, and looks for outside changes.
    pub fn poll(&mut self) {
        self.take_finished();
        self.take_seen();
        if self.edited.is_some_and(|edited| SAVE_AFTER <= edited.elapsed()) {
            // A failure is shown and tried again on the next edit, not every frame.
            if let Err(problem) = self.save() {
                self.problem = Some(problem);
            }
        }
        if WATCH_EVERY <= self.watched.elapsed() {
            self.watch();
        }
        self.look_when_due();
    }

    fn take_finished(&mut self) {
        let mut finished = Vec::new();
        self.running.retain_mut(|running| match running.job.poll() {
            Some(result) => {
                finished.push((running.slot, running.id, result));
                false
            }
            None => true,
        });
        for (slot, id, result) in finished {
            self.finish(slot, id, result);
        }
    }

    /// Carries out a command and waits for the jobs it starts, showing them to `observe` meanwhile.
    ///
    /// For the command line and tests; the window calls [`Workbench::apply`] and [`Workbench::poll`].
    pub fn run(&mut self, command: Command, mut observe: impl FnMut(&[RunningJob])) -> Result<(), JobError> {
        self.failure = None;
        self.apply(command);
        loop {
            self.take_finished();
            if self.running.is_empty() {
                break;
            }
            observe(&self.jobs());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.save().map_err(JobError::Failed)?;
        self.failure.take().map_or(Ok(()), Err)
    }

    /// When [`Workbench::poll`] should next be called even if nothing happens.
    pub fn poll_after(&self) -> Duration {
        if self.edited.is_some() {
            SAVE_AFTER
        } else if self.running.iter().all(|running| running.slot.is_watching()) {
            // What is watched wakes by itself.
            WATCH_EVERY
        } else {
            Duration::from_millis(100)
        }
    }

    // ---- opening and closing

    fn open(&mut self, root: &Path) -> Result<(), Problem> {
        // The open project stays until the other one is there to take its place.
        self.save()?;
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let project = Project::open(&root)?;
        self.close()?;
        self.adopt(project);
        Ok(())
    }

    fn create(&mut self, root: &Path, name: &str) -> Result<(), Problem> {
        self.save()?;
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let project = Project::create(&root, name)?;
        self.close()?;
        self.adopt(project);
        Ok(())
    }

    fn create_example(&mut self, root: PathBuf) -> Result<(), Problem> {
        self.save()?;
        crate::example::unpack(&root)?;
        self.open(&root)
    }

    fn open_example(&mut self) -> Result<(), Problem> {
        let Some(root) = self.environment.example.clone() else {
            return Err(Problem::new("There is no place for the example", "", "Copy it to a folder of your choice."));
        };
        if root.join(crate::project::PROJECT_FILE).is_file() { self.open(&root) } else { self.create_example(root) }
    }

    fn adopt(&mut self, project: Project) {
        self.benchmark.last = project.reports().last().cloned();
        self.profile.last = project.reports().last().cloned();
        self.evaluation.last = project.reports().last().cloned();
        self.drift.last = project.reports().last().cloned();
        self.container.last = project.packages().last().cloned();
        let (root, name) = (project.root().to_owned(), project.name());
        self.project = Some(project);
        // What went wrong on the way here is over.
        self.problem = None;
        self.change_settings(|settings| settings.remember(root, name));
        self.evidence_changed(readiness::Look::Everything);
    }

    fn close(&mut self) -> Result<(), Problem> {
        if self.has_unsaved() {
            self.save()?;
        }
        for running in &self.running {
            running.job.context().cancel();
        }
        self.running.clear();
        self.project = None;
        self.history.clear();
        self.selected = None;
        self.session = SharedSession::default();
        self.examined = StepState::default();
        self.tried = StepState::default();
        self.golden = StepState::default();
        self.benchmark = StepState::default();
        self.judged_latency = std::cell::RefCell::default();
        self.profile = StepState::default();
        self.evaluation = StepState::default();
        self.probe = StepState::default();
        self.look_again = readiness::Look::None;
        self.vouched.clear();
        *self.computed.borrow_mut() = None;
        self.drift = StepState::default();
        self.container = StepState::default();
        self.exported = StepState::default();
        self.containers = Containers::default();
        self.delivery = deploy::Delivery::default();
        self.conflicts.clear();
        self.edited = None;
        Ok(())
    }

    // ---- jobs

    fn spawn(
        &mut self,
        slot: Slot,
        name: impl Into<String>,
        work: impl FnOnce(&JobContext) -> Result<Outcome, JobError> + Send + 'static,
    ) {
        // A new request replaces the old one of its kind.
        for running in self.running.iter().filter(|running| running.slot == slot) {
            running.job.context().cancel();
        }
        let id = self.next_job;
        self.next_job += 1;
        let job = Job::spawn(name, &self.environment.wake, work);
        self.running.push(Running { id, slot, job });
        *self.activity(slot) = Activity::Running(id);
    }

    fn cancel(&self, id: JobId) {
        for running in self.running.iter().filter(|running| running.id == id) {
            running.job.context().cancel();
        }
    }

    fn activity(&mut self, slot: Slot) -> &mut Activity {
        match slot {
            Slot::Examine => &mut self.examined.activity,
            Slot::Try => &mut self.tried.activity,
            Slot::Golden => &mut self.golden.activity,
            Slot::Benchmark => &mut self.benchmark.activity,
            Slot::Profile => &mut self.profile.activity,
            Slot::Evaluate => &mut self.evaluation.activity,
            Slot::Probe => &mut self.probe.activity,
            Slot::Drift => &mut self.drift.activity,
            Slot::Engine => &mut self.engine.activity,
            Slot::Executable => &mut self.executable.activity,
            Slot::Build => &mut self.container.activity,
            Slot::Export => &mut self.exported.activity,
            Slot::Run => &mut self.containers.ran.activity,
            Slot::List => &mut self.containers.list.activity,
            Slot::Act => &mut self.containers.acted.activity,
            Slot::Watch => &mut self.containers.watching,
            Slot::Push => &mut self.delivery.pushed.activity,
            Slot::Deploy => &mut self.delivery.deployed.activity,
        }
    }

    fn finish(&mut self, slot: Slot, id: JobId, result: Result<Outcome, JobError>) {
        if *self.activity(slot) != Activity::Running(id) {
            // A newer job of this kind has taken its place: its result is not wanted any more.
            return;
        }
        *self.activity(slot) = Activity::Idle;
        if slot == Slot::Probe && result.is_err() {
            // What waited for the evidence is not vouched for without it.
            self.vouched.clear();
        }
        let changes_evidence = slot.changes_evidence() && result.is_ok();
        let failed = match result {
            Ok(outcome) => self.take(outcome),
            Err(JobError::Cancelled) => {
                self.notices.push(Notice { good: false, text: format!("{} was cancelled", slot.label()) });
                self.failure = Some(JobError::Cancelled);
                return;
            }
            Err(error) => Err(error.to_problem()),
        };
        if changes_evidence {
            self.evidence_changed(readiness::Look::Everything);
        }
        if let Err(problem) = failed {
            self.failure = Some(JobError::Failed(problem.clone()));
            *self.activity(slot) = Activity::Failed(problem);
        }
    }

    fn take(&mut self, outcome: Outcome) -> Result<(), Problem> {
        match outcome {
            Outcome::Examined { examination, evidence, why } => self.take_examination(*examination, evidence, &why),
            Outcome::Tried(tried) => {
                self.tried.last = Some(*tried);
                Ok(())
            }
            Outcome::GoldenChecked(check) => {
                self.golden.last = Some(check);
                Ok(())
            }
            Outcome::GoldenMade { version, golden, check } => self.take_golden(&version, golden, check),
            Outcome::FeaturesLearned(features) => self.take_features(features),
            Outcome::EngineFound(engine) => {
                self.engine.last = Some(engine);
                Ok(())
            }
            Outcome::ExecutableSeen(seen) => {
                self.executable.last = Some(*seen);
                Ok(())
            }
            Outcome::Benchmarked(report) => self.take_benchmark(*report),
            Outcome::Profiled(report) => self.take_profile(*report),
            Outcome::Evaluated(report) => self.take_evaluation(*report),
            Outcome::DataRead { role, file } => self.take_data(role, file),
            Outcome::Probed(probe) => {
                self.take_probe(*probe);
                Ok(())
            }
            Outcome::Compared(report) => self.take_drift(*report),
            Outcome::Built(report) => self.take_package(*report),
            Outcome::Pushed(pushed) => self.take_pushed(*pushed),
            Outcome::Deployed(deployed) => self.take_deployed(*deployed),
            Outcome::Exported(exported) => {
                self.take_export(exported);
                Ok(())
            }
            Outcome::Ran(container) => {
                self.take_run(*container);
                Ok(())
            }
            Outcome::Listed(all) => {
                self.containers.list.last = Some(all);
                Ok(())
            }
            Outcome::Acted(action, container) => {
                self.take_acted(action, *container);
                Ok(())
            }
            Outcome::Cleaned(n) => {
                self.take_cleaned(n);
                Ok(())
            }
            Outcome::LookedAway => Ok(()),
        }
    }

    fn dismiss(&mut self, step: Step) {
        for slot in Slot::ALL.into_iter().filter(|slot| slot.step() == step) {
            let activity = self.activity(slot);
            if matches!(activity, Activity::Failed(_)) {
                *activity = Activity::Idle;
            }
        }
    }

    fn open_project(&mut self) -> Result<&mut Project, Problem> {
        self.project.as_mut().ok_or_else(no_project)
    }

    /// Now, by the clock of the environment.
    pub fn now(&self) -> jiff::Timestamp {
        (self.environment.now)()
    }

    fn told(&mut self, text: impl Into<String>) {
        self.notices.push(Notice { good: true, text: text.into() });
    }

    fn session(&self) -> SharedSession {
        Arc::clone(&self.session)
    }
}

/// The problem of a command that needs a project.
fn no_project() -> Problem {
    Problem::new("No project is open", "", "Open one first, or make one with `trestle new`.")
}

/// The version the pages work on, or why there is none.
fn need_version(workbench: &Workbench) -> Result<ModelVersion, Problem> {
    let project = workbench.project().ok_or_else(no_project)?;
    workbench.version().cloned().ok_or_else(|| {
        Problem::from(ProjectError::NoSuchVersion { name: crate::project::CHAMPION.to_owned(), known: String::new() })
            .at(project.root())
    })
}
