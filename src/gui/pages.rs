//! `trestle pictures`: every page in its states, both themes, rendered without a display.

use std::path::{Path, PathBuf};

use egui::Theme;

use super::app::App;
use super::dialogs::Picker;
use super::pictures::Camera;
use super::ui_command::Choosing;
use crate::command::{BenchmarkLength, BenchmarkRequest, BriefField, Command};
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
            if scene.step == Step::Benchmark {
                into_the_middle(&workbench);
            }
        }
    }
    let mut app = App::new(workbench, Box::new(NoPicker), no_wake());
    app.settle(scene.settled);
    app.go_to(scene.step);
    app
}

/// Waits until work that can tell how far it is has begun.
fn into_the_middle(workbench: &Workbench) {
    for _ in 0..500 {
        if workbench.jobs().iter().any(|job| job.context.fraction().is_some_and(|fraction| 0.1 < fraction)) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
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
    scenes.extend(benchmark_scenes(&folder)?);
    Ok(scenes)
}

/// The benchmark: not started, running, ready, judged by other briefs, stale, failed.
fn benchmark_scenes(folder: &dyn Fn(&str) -> Result<PathBuf, Problem>) -> Result<Vec<Scene>, Problem> {
    let unpacked = |name: &str| -> Result<PathBuf, Problem> {
        let folder = folder(name)?;
        crate::example::unpack(&folder)?;
        Ok(folder)
    };
    let (measured, new, broken) = (unpacked("measured")?, unpacked("not-measured")?, unpacked("changed-model")?);
    let failed = |error: std::io::Error| Problem::new(error.to_string(), broken.display().to_string(), "");
    std::fs::copy(broken.join("models/1.0.0/model.onnx"), broken.join("models/1.1.0/model.onnx")).map_err(failed)?;
    let empty = folder("nothing-to-measure")?;
    let open = |folder: &PathBuf| Command::OpenProject(folder.clone());
    let run = || Command::RunBenchmarkOf(BenchmarkRequest { seconds: Some(3.0), ..BenchmarkRequest::default() });
    let limit = |words: &str| Command::AnswerBrief(BriefField::Latency, words.to_owned());
    let scene = |name, commands, settled| Scene { name, step: Step::Benchmark, commands, settled };
    Ok(vec![
        scene(
            "benchmark-no-model",
            vec![Command::NewProject { root: empty.clone(), name: "Leaf doctor".to_owned() }, open(&empty)],
            true,
        ),
        scene("benchmark-not-run", vec![open(&new)], true),
        scene("benchmark-running", vec![open(&new), Command::RunBenchmark(BenchmarkLength::Standard)], false),
        scene("benchmark", vec![open(&measured), run()], true),
        scene("benchmark-again", vec![open(&measured), run()], true),
        scene("benchmark-over-the-limit", vec![open(&measured), limit("p99 under 0.001 ms, 50 requests/s")], true),
        scene("benchmark-few-samples", vec![open(&measured), limit("p99.9999 under 200 ms")], true),
        scene("benchmark-without-a-limit", vec![open(&measured), limit("fast")], true),
        scene(
            "benchmark-stale",
            vec![
                open(&measured),
                limit("under 200 ms, 50 requests/s"),
                Command::SelectVersion(Some(semver::Version::new(1, 0, 0))),
            ],
            true,
        ),
        scene("benchmark-failed", vec![open(&broken), run()], true),
    ])
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
