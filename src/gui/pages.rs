//! `trestle pictures`: every page in its states, both themes, rendered without a display.

use std::path::{Path, PathBuf};

use egui::Theme;

use super::app::App;
use super::dialogs::Picker;
use super::pictures::Camera;
use super::theme::Verdict;
use super::ui_command::{Choosing, UiCommand};
use crate::command::Command;
use crate::jobs::{Wake, no_wake};
use crate::problem::Problem;
use crate::step::Step;
use crate::workbench::{Environment, Workbench};

/// Nobody answers dialogs in a picture.
struct NoPicker;

impl Picker for NoPicker {
    fn open(&mut self, _choosing: Choosing, _folder: Option<&Path>, _name: &str, _wake: &Wake) {}

    fn poll(&mut self) -> Option<(Choosing, Option<PathBuf>)> {
        None
    }
}

/// A page in one of its states.
struct Scene {
    name: &'static str,
    step: Step,
    /// What is done before the picture is taken.
    commands: Vec<Command>,
    /// Whether the jobs are waited for, or still run in the picture.
    settled: bool,
    /// What is asked of the window before the picture is taken.
    asks: Vec<UiCommand>,
    /// What is typed into the palette.
    looked_for: Option<&'static str>,
    /// What is said at the lower right.
    said: Vec<(Verdict, &'static str)>,
    /// Width and height, in points.
    size: (f32, f32),
}

/// Renders every page in its states, in both themes, into a folder; returns the file names.
pub fn pictures(out: &Path, environment: &Environment) -> Result<Vec<String>, Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(format!("Writing a picture failed: {error}"), out.display().to_string(), "")
    };
    std::fs::create_dir_all(out).map_err(failed)?;
    let mut names = Vec::new();
    for scene in scenes(out)? {
        for theme in [Theme::Dark, Theme::Light] {
            let name = format!("{}-{}.png", scene.name, if theme == Theme::Dark { "dark" } else { "light" });
            let mut app = stage(&scene, environment);
            let camera = Camera::new(theme).size(scene.size.0, scene.size.1);
            let mut asks = scene.asks.clone();
            let image = camera.render(|ui| {
                app.ui(ui);
                // The window knows its size only now.
                for command in asks.drain(..) {
                    app.ask(command, ui.ctx());
                }
            });
            image.save(&out.join(&name)).map_err(failed)?;
            names.push(name);
        }
    }
    for (idx, theme) in (0..super::learn::N_CHAPTERS).flat_map(|idx| [(idx, Theme::Dark), (idx, Theme::Light)]) {
        let name = format!("concepts-{}-{}.png", idx + 1, if theme == Theme::Dark { "dark" } else { "light" });
        let image = Camera::new(theme).size(1260.0, 1200.0).render(|ui| super::learn::chapter_ui(ui, idx));
        image.save(&out.join(&name)).map_err(failed)?;
        names.push(name);
    }
    Ok(names)
}

fn stage(scene: &Scene, environment: &Environment) -> App {
    let environment = Environment { settings: None, wake: no_wake(), ..environment.clone() };
    let mut workbench = Workbench::new(environment);
    let (last, before) = scene.commands.split_last().map_or((None, &[][..]), |(last, before)| (Some(last), before));
    for command in before {
        // A command that fails is a state worth a picture.
        drop(workbench.run(command.clone(), |_| {}));
    }
    if let Some(command) = last {
        if scene.settled {
            drop(workbench.run(command.clone(), |_| {}));
        } else {
            workbench.apply(command.clone());
        }
    }
    let mut app = App::new(workbench, Box::new(NoPicker), no_wake());
    app.settle(scene.settled);
    app.go_to(scene.step);
    if let Some(query) = scene.looked_for {
        app.look_for(query);
    }
    for (verdict, words) in &scene.said {
        app.say(*verdict, words);
    }
    app
}

/// The scenes, each on a copy of the example of its own.
fn scenes(out: &Path) -> Result<Vec<Scene>, Problem> {
    let folder = |name: &str| -> Result<PathBuf, Problem> {
        let folder = out.join(".projects").join(name);
        // A second run starts from scratch.
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|error| Problem::new(format!("Clearing failed: {error}"), folder.display().to_string(), ""))?;
        }
        Ok(folder)
    };
    let example = folder("churn")?;
    let open = || Command::OpenProject(example.clone());
    let empty = folder("empty")?;
    let broken = folder("broken")?;
    let row = vec![crate::project::documents::Value::Missing];
    crate::example::unpack(&broken)?;
    let brief = broken.join("brief.ron");
    let half = std::fs::read_to_string(&brief).unwrap_or_default();
    let half: String = half.chars().take(half.len() / 2).collect();
    std::fs::write(&brief, half).map_err(|error| Problem::new(error.to_string(), brief.display().to_string(), ""))?;
    let not_a_model = out.join(".projects/holiday.onnx");
    std::fs::write(&not_a_model, b"\x89PNG\r\n\x1a\n, renamed")
        .map_err(|error| Problem::new(error.to_string(), not_a_model.display().to_string(), ""))?;
    let add = |source: PathBuf| Command::AddModel { source, bump: None, why: "dropped on the window".to_owned() };
    let scene = |name, step, commands, settled| {
        let (asks, looked_for, said, size) = (vec![], None, vec![], (1440.0, 900.0));
        Scene { name, step, commands, settled, asks, looked_for, said, size }
    };
    let mut scenes = vec![
        scene("start", Step::Brief, vec![], true),
        scene("brief", Step::Brief, vec![Command::NewFromExample(example.clone())], true),
        scene(
            "brief-empty",
            Step::Brief,
            vec![Command::NewProject { root: empty.clone(), name: "Leaf doctor".to_owned() }],
            true,
        ),
        scene("brief-unreadable", Step::Brief, vec![Command::OpenProject(broken)], true),
        scene("model", Step::Model, vec![open(), Command::CheckGolden], true),
        scene("model-empty", Step::Model, vec![Command::OpenProject(empty.clone())], true),
        scene("model-refused", Step::Model, vec![open(), add(not_a_model)], true),
        scene(
            "model-running",
            Step::Model,
            vec![Command::OpenProject(empty.clone()), add(example.join("models/1.1.0/model.onnx"))],
            false,
        ),
        scene("model-try-failed", Step::Model, vec![open(), Command::TryRow(row)], true),
        scene("container-empty", Step::Container, vec![Command::OpenProject(empty)], true),
        scene("container-not-built", Step::Container, vec![open()], true),
        scene("container-running", Step::Container, vec![open(), Command::BuildImage { tag: None }], false),
        scene("container", Step::Container, vec![open(), Command::BuildImage { tag: None }], true),
    ];
    scenes.extend([
        Scene { asks: vec![UiCommand::AllConcepts], ..scene("learn-index", Step::Brief, vec![open()], true) },
        Scene { asks: vec![UiCommand::Learn("canary")], ..scene("learn", Step::Brief, vec![open()], true) },
        Scene {
            asks: vec![UiCommand::Learn("data drift")],
            size: (900.0, 640.0),
            ..scene("learn-narrow", Step::Brief, vec![open()], true)
        },
        Scene { looked_for: Some(""), ..scene("palette", Step::Brief, vec![open()], true) },
        Scene { looked_for: Some("run"), ..scene("palette-search", Step::Brief, vec![open()], true) },
        Scene { looked_for: Some("undo"), ..scene("palette-refused", Step::Brief, vec![open()], true) },
        Scene { looked_for: Some("zebra"), ..scene("palette-nothing", Step::Brief, vec![open()], true) },
        Scene { said: said(), ..scene("toasts", Step::Brief, vec![open()], true) },
        Scene { said: [said(), said_often()].concat(), ..scene("toasts-many", Step::Brief, vec![open()], true) },
    ]);
    Ok(scenes)
}

/// Good news, bad news, long news.
fn said() -> Vec<(Verdict, &'static str)> {
    vec![
        (Verdict::Pass, "The brief is on the clipboard as Markdown"),
        (Verdict::Warn, "Open or make a project first, then drop the model again"),
        (
            Verdict::Fail,
            "Exporting failed: No space left on device (os error 28), in /home/user/a/long/way/down/brief.md. Choose a \
             folder that can be written, on a disk with room.",
        ),
        (Verdict::None, "The build was cancelled"),
    ]
}

/// More than is shown at once.
fn said_often() -> Vec<(Verdict, &'static str)> {
    vec![
        (Verdict::Fail, "The benchmark failed"),
        (Verdict::Pass, "Registered 1.1.0"),
        (Verdict::Pass, "Registered 1.1.0"),
    ]
}

impl App {
    /// Waits until the engine was looked for, so that pictures do not depend on how fast it answers.
    fn settle(&mut self, settled: bool) {
        let context = egui::Context::default();
        for _ in 0..200 {
            self.logic(&context);
            let looking = self.workbench().engine().running().is_some();
            if !looking || !settled && self.workbench().jobs().is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
