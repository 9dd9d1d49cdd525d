//! `trestle pictures`: every page in its states, both themes, rendered without a display.

use std::path::{Path, PathBuf};

use egui::Theme;

use super::app::App;
use super::dialogs::Picker;
use super::pictures::Camera;
use super::ui_command::Choosing;
use crate::command::{Command, DataRole};
use crate::jobs::{Wake, no_wake};
use crate::problem::Problem;
use crate::project::Project;
use crate::project::documents::ColumnSettings;
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
            let image = Camera::new(theme).render(|ui| app.ui(ui));
            image.save(&out.join(&name)).map_err(failed)?;
            names.push(name);
        }
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
    let scene = |name, step, commands, settled| Scene { name, step, commands, settled };
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
    scenes.extend(drift_scenes(&folder)?);
    Ok(scenes)
}

/// Drift: without data, not compared, running, ready with names and with numbers, stale, failed.
fn drift_scenes(folder: &dyn Fn(&str) -> Result<PathBuf, Problem>) -> Result<Vec<Scene>, Problem> {
    let unpacked = |name: &str| -> Result<PathBuf, Problem> {
        let folder = folder(name)?;
        crate::example::unpack(&folder)?;
        Ok(folder)
    };
    let empty = folder("drift-empty")?;
    Project::create(&empty, "Leaf doctor")?;
    let [waiting, drifted, numeric, stale, failed] =
        ["drift-waiting", "drift", "drift-numeric", "drift-stale", "drift-failed"].map(unpacked);
    let (waiting, failed) = (waiting?, failed?);
    let truncated = failed.join("data/current.csv");
    std::fs::write(&truncated, "")
        .map_err(|error| Problem::new(error.to_string(), truncated.display().to_string(), ""))?;
    let open = |folder: &Path| Command::OpenProject(folder.to_owned());
    let numeric = numeric?;
    let ignored = without(&numeric, &["region", "payment_method", "plan"])?;
    let stale = stale?;
    let current = |name: &str| Command::UseData(DataRole::Current, stale.join("data").join(name));
    // Each theme begins with the data that the example declares.
    let overtaken = vec![open(&stale), current("current.csv"), Command::CompareData, current("labelled.csv")];
    let scene = |name, commands, settled| Scene { name, step: Step::Drift, commands, settled };
    Ok(vec![
        scene("drift-empty", vec![open(&empty)], true),
        scene("drift-not-compared", vec![open(&waiting)], true),
        scene("drift-running", vec![open(&waiting), Command::CompareData], false),
        scene("drift", vec![open(&drifted?), Command::CompareData], true),
        scene("drift-numeric", vec![open(&numeric), Command::CompareData, ignored], true),
        scene("drift-stale", overtaken, true),
        scene("drift-failed", vec![open(&failed), Command::CompareData], true),
    ])
}

/// Leaves columns of a project out of the verdict on drift.
fn without(root: &Path, columns: &[&str]) -> Result<Command, Problem> {
    let mut config = Project::open(root)?.documents.config.as_ref().clone();
    for name in columns {
        let name = (*name).to_owned();
        config.drift.decide(ColumnSettings { name, ignored: true, ..ColumnSettings::default() });
    }
    Ok(Command::SetConfig(config))
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
