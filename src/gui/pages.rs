//! `trestle pictures`: every page in its states, both themes, rendered without a display.

use std::path::{Path, PathBuf};

use egui::Theme;

use super::app::App;
use super::dialogs::Picker;
use super::pictures::Camera;
use super::ui_command::Choosing;
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
    /// The item of the checklist that is open.
    item: Option<&'static str>,
    /// Whether it is about to be waived.
    waiving: bool,
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
    if let Some(item) = scene.item {
        app.open_item(item, scene.waiving);
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
    let scene = |name, step, commands, settled| Scene { name, step, commands, settled, item: None, waiving: false };
    let checked = readiness_scenes(&folder, &empty)?;
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
    scenes.extend(checked);
    Ok(scenes)
}

/// The checklist: looking, with words and waivers, with a word that is stale, without a model, and when looking failed.
fn readiness_scenes(folder: &impl Fn(&str) -> Result<PathBuf, Problem>, empty: &Path) -> Result<Vec<Scene>, Problem> {
    let project = |name: &str| -> Result<PathBuf, Problem> {
        let root = folder(name)?;
        crate::example::unpack(&root)?;
        Ok(root)
    };
    let failed = |error: std::io::Error| Problem::new(error.to_string(), "", "");
    let (ready, stale, unreadable) = (project("ready")?, project("stale")?, project("unreadable")?);
    // Hashing this takes long enough to be seen at it; the file has no blocks on disk.
    let slow = project("slow")?;
    std::fs::File::create(slow.join("data/reference.csv")).and_then(|file| file.set_len(1 << 30)).map_err(failed)?;
    let said = "(format: 1, attestations: [(item: \"unit-tests\", note: \"pytest: 14 passed\", who: \"Ada\", \
                when: \"2026-11-20T09:00:00Z\", evidence: (code: \"0000\"))])";
    std::fs::write(stale.join("checklist.ron"), said).map_err(failed)?;
    std::fs::remove_file(unreadable.join("data/reference.csv")).map_err(failed)?;
    std::fs::create_dir(unreadable.join("data/reference.csv")).map_err(failed)?;
    let attest = |item: &str, note: &str| Command::Attest { item: item.to_owned(), note: note.to_owned() };
    let soon = crate::clock::now().to_zoned(jiff::tz::TimeZone::UTC).date().saturating_add(jiff::Span::new().days(30));
    let waive = Command::Waive {
        item: "integration-tests".to_owned(),
        reason: "the pilot has one user".to_owned(),
        owner: Some("Grace".to_owned()),
        expires: soon,
    };
    let look = |name, root: PathBuf, commands: Vec<Command>, settled, item| {
        let mut all = vec![Command::OpenProject(root)];
        all.extend(commands);
        all.push(Command::CheckReadiness);
        Scene { name, step: Step::Readiness, commands: all, settled, item, waiving: false }
    };
    let words = vec![attest("unit-tests", "pytest: 14 passed"), attest("lint-format", "ruff: nothing to say"), waive];
    Ok(vec![
        look("readiness-checking", slow, vec![], false, None),
        look("readiness", ready, words, true, Some("integration-tests")),
        Scene { waiving: true, ..look("readiness-waiving", stale.clone(), vec![], true, Some("unit-tests")) },
        look("readiness-stale", stale, vec![], true, Some("unit-tests")),
        look("readiness-no-model", empty.to_owned(), vec![], true, Some("model-serialised")),
        look("readiness-failed", unreadable, vec![], true, None),
    ])
}

impl App {
    /// Waits until engine and evidence were looked for, so that pictures do not depend on how fast they answer.
    fn settle(&mut self, settled: bool) {
        let context = egui::Context::default();
        for _ in 0..200 {
            self.logic(&context);
            let workbench = self.workbench();
            let probe = workbench.probe();
            let is_due = workbench.project().is_some() && workbench.readiness().is_none() && probe.problem().is_none();
            let probing = settled && (probe.running().is_some() || is_due);
            let looking = workbench.engine().running().is_some() || probing;
            if !looking || !settled && self.workbench().jobs().is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
