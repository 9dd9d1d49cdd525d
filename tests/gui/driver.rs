//! The whole window without a display: steps it, finds what it says, and answers its dialogs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui::{Key, Modifiers, ViewportCommand, ViewportEvent, ViewportId};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_kittest::{Harness, Node};
use tempfile::TempDir;
use trestle::command::Command;
use trestle::engine::WorkerConfig;
use trestle::gui::ui_command::Choosing;
use trestle::gui::{App, Picker, theme};
use trestle::jobs::{Wake, no_wake};
use trestle::project::Project;
use trestle::workbench::{Environment, Workbench};

/// Longer than anything takes, so that only what never happens fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ctrl as a keyboard sends it on Linux and Windows.
pub(super) const CTRL: Modifiers = Modifiers { alt: false, ctrl: true, shift: false, mac_cmd: false, command: true };

type Answers = Rc<RefCell<VecDeque<PathBuf>>>;

/// Answers every dialog with the next path that the test prepared.
struct Prepared {
    answers: Answers,
    asked: Option<Choosing>,
}

impl Picker for Prepared {
    fn open(&mut self, choosing: Choosing, _folder: Option<&Path>, _name: &str, _wake: &Wake) {
        self.asked = Some(choosing);
    }

    fn poll(&mut self) -> Option<(Choosing, Option<PathBuf>)> {
        let choosing = self.asked.take()?;
        Some((choosing, self.answers.borrow_mut().pop_front()))
    }
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

/// The window, a folder of its own, and the dialogs' answers.
pub(super) struct Window {
    pub(super) harness: Harness<'static, App>,
    pub(super) folder: TempDir,
    answers: Answers,
    /// What was asked of the native window since the last look.
    commands: Vec<ViewportCommand>,
}

/// One for all tests: a job of a test that is over may still be on it.
fn runtime() -> tokio::runtime::Handle {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap()).handle().clone()
}

pub(super) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(super) fn stored(name: &str) -> PathBuf {
    repository("tests/models").join(name)
}

impl Window {
    /// Without a project.
    pub(super) fn empty() -> Self {
        Self::with(env!("CARGO_BIN_EXE_trestle").into(), |_| None)
    }

    /// With a new project without data.
    pub(super) fn new_project() -> Self {
        Self::with(env!("CARGO_BIN_EXE_trestle").into(), |folder| {
            let root = folder.join("project");
            Project::create(&root, "Invoices").unwrap();
            Some(root)
        })
    }

    /// With a copy of the example and its two versions.
    pub(super) fn churn() -> Self {
        Self::churn_changed(|_| ())
    }

    /// With a copy of the example that `change` changed before it was opened.
    pub(super) fn churn_changed(change: impl FnOnce(&Path)) -> Self {
        Self::with(env!("CARGO_BIN_EXE_trestle").into(), |folder| {
            let root = folder.join("churn");
            copy(&repository("projects/churn"), &root);
            change(&root);
            Some(root)
        })
    }

    /// With a copy of the example that `change` changed, and an engine to run containers.
    pub(super) fn churn_on(engines: trestle::package::Environment, change: impl FnOnce(&Path)) -> Self {
        Self::with_engines(env!("CARGO_BIN_EXE_trestle").into(), Some(engines), |folder| {
            let root = folder.join("churn");
            copy(&repository("projects/churn"), &root);
            change(&root);
            Some(root)
        })
    }

    /// With a worker of the test's choice.
    pub(super) fn with(worker: PathBuf, project: impl FnOnce(&Path) -> Option<PathBuf>) -> Self {
        Self::with_engines(worker, None, project)
    }

    fn with_engines(
        worker: PathBuf,
        engines: Option<trestle::package::Environment>,
        project: impl FnOnce(&Path) -> Option<PathBuf>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = project(folder.path());
        let environment = Environment {
            worker: WorkerConfig { executable: worker, memory_limit_bytes: 1 << 30, deadline: PATIENCE },
            executable: env!("CARGO_BIN_EXE_trestle").into(),
            who: "tester".to_owned(),
            now: || "2026-11-23T12:00:00Z".parse().unwrap(),
            runtime: runtime(),
            engines,
            wake: no_wake(),
            settings: Some(folder.path().join("settings.ron")),
            example: Some(folder.path().join("documents/churn")),
        };
        let mut workbench = Workbench::new(environment);
        if let Some(root) = root {
            workbench.apply(Command::OpenProject(root));
        }
        let answers = Answers::default();
        let picker = Prepared { answers: Rc::clone(&answers), asked: None };
        let app = App::new(workbench, Box::new(picker), no_wake());
        let harness = Harness::builder()
            // High enough that no page scrolls: a click goes to where a widget is seen.
            .with_size([1440.0, 3200.0])
            .with_step_dt(1.0 / 60.0)
            .with_context_setup(|ctx| {
                theme::install(ctx);
                ctx.all_styles_mut(|style| style.animation_time = 0.0);
            })
            .build_ui_state(
                |ui, app: &mut App| {
                    app.logic(&ui.ctx().clone());
                    app.ui(ui);
                },
                app,
            );
        let mut window = Self { harness, folder, answers, commands: Vec::new() };
        window.rest();
        window
    }

    pub(super) fn workbench(&self) -> &Workbench {
        self.harness.state().workbench()
    }

    pub(super) fn project(&self) -> &Project {
        self.workbench().project().expect("a project is open")
    }

    pub(super) fn versions(&self) -> Vec<String> {
        self.project().versions().iter().map(|version| version.record.version.to_string()).collect()
    }

    /// The text of one of the project's files.
    pub(super) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.project().root().join(name)).unwrap()
    }

    /// Replaces one of the project's files, as another program would.
    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.project().root().join(name), text).unwrap();
    }

    /// A file beside the project.
    pub(super) fn beside(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    // ---- time

    /// One frame for each queued event.
    pub(super) fn step(&mut self) {
        self.harness.step();
        let output = self.harness.output();
        let commands = output.viewport_output.get(&ViewportId::ROOT).map(|viewport| viewport.commands.clone());
        self.commands.extend(commands.unwrap_or_default());
    }

    /// A few frames: what was asked for is carried out and drawn. Inputs without a name panic here.
    pub(super) fn rest(&mut self) {
        for _ in 0..4 {
            self.step();
        }
        self.harness.run_ok();
    }

    /// Frames until `condition`; fails when it never comes.
    #[track_caller]
    pub(super) fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < deadline, "never: {what}; the window says\n{}", self.words().join("\n"));
            self.step();
            std::thread::sleep(Duration::from_millis(5));
        }
        self.rest();
    }

    /// Frames until the window says `words`.
    #[track_caller]
    pub(super) fn until_says(&mut self, words: &str) {
        self.until(words, |window| window.says(words));
    }

    /// What was asked of the native window since the last look.
    pub(super) fn take_commands(&mut self) -> Vec<ViewportCommand> {
        std::mem::take(&mut self.commands)
    }

    // ---- what it says

    /// Everything that a screen reader could say.
    pub(super) fn words(&self) -> Vec<String> {
        let all = self.harness.query_all_by(|_| true);
        all.flat_map(|node| [node.accesskit_node().label(), node.accesskit_node().value()])
            .flatten()
            .filter(|words| !words.trim().is_empty())
            .collect()
    }

    pub(super) fn says(&self, part: &str) -> bool {
        self.words().iter().any(|words| words.contains(part))
    }

    #[track_caller]
    pub(super) fn assert_says(&self, part: &str) {
        assert!(self.says(part), "{part:?} is not said; the window says\n{}", self.words().join("\n"));
    }

    #[track_caller]
    pub(super) fn assert_silent(&self, part: &str) {
        assert!(!self.says(part), "{part:?} is said");
    }

    /// Whether a page of that title is open.
    pub(super) fn shows_page(&self, title: &str) -> bool {
        self.harness.query_all_by_role_and_label(Role::Heading, title).next().is_some()
    }

    #[track_caller]
    pub(super) fn button(&self, label: &str) -> Node<'_> {
        let buttons: Vec<Node<'_>> = self
            .harness
            .query_all_by(|node| matches!(node.role(), Role::Button | Role::MenuItemRadio))
            .filter(|node| node.accesskit_node().label().is_some_and(|said| said == label))
            .collect();
        let n = buttons.len();
        assert_eq!(n, 1, "{n} buttons {label:?}; the window says\n{}", self.words().join("\n"));
        buttons.into_iter().next().unwrap()
    }

    #[track_caller]
    pub(super) fn is_enabled(&self, label: &str) -> bool {
        !self.button(label).accesskit_node().is_disabled()
    }

    #[track_caller]
    pub(super) fn field(&self, label: &str) -> Node<'_> {
        let fields: Vec<Node<'_>> = self
            .harness
            .query_all_by(|node| matches!(node.role(), Role::TextInput | Role::MultilineTextInput))
            .filter(|node| node.accesskit_node().label().is_some_and(|said| said == label))
            .collect();
        let n = fields.len();
        assert_eq!(n, 1, "{n} fields {label:?}; the window says\n{}", self.words().join("\n"));
        fields.into_iter().next().unwrap()
    }

    #[track_caller]
    pub(super) fn typed(&self, label: &str) -> String {
        self.field(label).value().unwrap_or_default()
    }

    // ---- what is done to it

    #[track_caller]
    pub(super) fn click(&mut self, label: &str) {
        self.button(label).click();
        self.rest();
    }

    /// Chooses one of a few.
    #[track_caller]
    pub(super) fn choose(&mut self, label: &str) {
        self.harness.get_by_role_and_label(Role::RadioButton, label).click();
        self.rest();
    }

    /// Presses the button whose name begins so.
    #[track_caller]
    pub(super) fn click_beginning(&mut self, beginning: &str) {
        let buttons = self.harness.query_all_by(|node| node.role() == Role::Button);
        let names = buttons.filter_map(|node| node.accesskit_node().label());
        let name = names.into_iter().find(|name| name.starts_with(beginning));
        let name = name.unwrap_or_else(|| panic!("no button begins with {beginning:?}"));
        self.click(&name);
    }

    pub(super) fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.rest();
    }

    /// Clicks into a field and replaces what is in it, letter by letter.
    #[track_caller]
    pub(super) fn type_into(&mut self, label: &str, words: &str) {
        self.field(label).click();
        self.rest();
        assert!(self.field(label).is_focused(), "{label:?} has the focus after a click");
        self.press(CTRL, Key::A);
        self.press(Modifiers::NONE, Key::Delete);
        for letter in words.chars() {
            self.harness.event(egui::Event::Text(letter.to_string()));
        }
        self.rest();
        assert_eq!(self.typed(label), words);
    }

    pub(super) fn drop_file(&mut self, path: &Path) {
        self.harness.input_mut().dropped_files.push(Arc::new(Dropped(path.to_owned())));
        self.rest();
    }

    /// The answer to the next dialog.
    pub(super) fn prepare(&self, path: &Path) {
        self.answers.borrow_mut().push_back(path.to_owned());
    }

    /// A click on the window's own close button.
    pub(super) fn close(&mut self) {
        self.take_commands();
        let viewport = self.harness.input_mut().viewports.entry(ViewportId::ROOT).or_default();
        viewport.events.push(ViewportEvent::Close);
        self.rest();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let name = entry.file_name();
        // What running the example leaves behind is not part of it.
        if [".trestle", "__pycache__", ".venv"].iter().any(|other| name == *other) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
