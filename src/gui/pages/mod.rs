//! `trestle pictures`: every page in its states, both themes, rendered without a display.

mod folders;
mod running;
mod scenes;
mod verified;
mod window;

use std::path::{Path, PathBuf};
use std::time::Duration;

use egui::Theme;

use self::folders::Folders;
use super::app::App;
use super::dialogs::Picker;
use super::gallery::{Page, gallery_ui};
use super::pictures::Camera;
use super::theme::Verdict;
use super::ui_command::{Choosing, UiCommand};
use crate::command::Command;
use crate::jobs::{Wake, no_wake};
use crate::problem::Problem;
use crate::project::deployment::DeployRequest;
use crate::step::Step;
use crate::workbench::{Environment, Workbench};

/// How long a scene is waited for; longer than any job of the example.
const PATIENCE: Duration = Duration::from_mins(1);

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
    /// Whether it is asked whether to waive that item.
    waiving: bool,
    /// Whether the costs are listed by node.
    nodes: bool,
    /// What is asked of the window before the picture is taken.
    asks: Vec<UiCommand>,
    /// What is typed into the palette.
    looked_for: Option<&'static str>,
    /// What is said at the lower right.
    said: Vec<(Verdict, &'static str)>,
    /// Width and height, in points.
    size: (f32, f32),
}

impl Scene {
    /// A page after its commands, at rest.
    fn new(name: &'static str, step: Step, commands: Vec<Command>) -> Self {
        Self {
            name,
            step,
            commands,
            settled: true,
            item: None,
            waiving: false,
            nodes: false,
            asks: Vec::new(),
            looked_for: None,
            said: Vec::new(),
            size: (1440.0, 900.0),
        }
    }

    /// With the last command still going on.
    fn running(self) -> Self {
        Self { settled: false, ..self }
    }

    /// Higher than a window, for a page that would scroll.
    fn tall(self) -> Self {
        Self { size: (1440.0, 1700.0), ..self }
    }

    /// Higher still, for the cards at the foot of a long page.
    fn very_tall(self) -> Self {
        Self { size: (1440.0, 2200.0), ..self }
    }

    /// With an item of the checklist open.
    fn item(self, item: &'static str) -> Self {
        Self { item: Some(item), ..self }
    }
}

/// Renders every page in its states, in both themes, into a folder; returns the file names.
pub fn pictures(out: &Path, environment: &Environment) -> Result<Vec<String>, Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(format!("Writing a picture failed: {error}"), out.display().to_string(), "")
    };
    std::fs::create_dir_all(out).map_err(failed)?;
    let mut names = Vec::new();
    let mut save = |name: String, image: super::pictures::Image| -> Result<(), Problem> {
        image.save(&out.join(&name)).map_err(failed)?;
        names.push(name);
        Ok(())
    };
    let themes = [(Theme::Dark, "dark"), (Theme::Light, "light")];
    for scene in scenes::all(&Folders::new(out))? {
        let mut app = stage(&scene, environment);
        for (theme, suffix) in themes {
            let camera = Camera::new(theme).size(scene.size.0, scene.size.1);
            let mut asks = scene.asks.clone();
            let image = camera.render(|ui| {
                app.ui(ui);
                // The window knows its size only now.
                for command in asks.drain(..) {
                    app.ask(command, ui.ctx());
                }
            });
            save(format!("{}-{suffix}.png", scene.name), image)?;
        }
    }
    for (theme, suffix) in themes {
        for (name, containers) in running::all() {
            let camera = Camera::new(theme).size(1160.0, 1080.0);
            save(format!("{name}-{suffix}.png"), camera.render(|ui| running::page_ui(ui, &containers)))?;
        }
        for (page, name) in Page::ALL {
            let (width, height) = page.size();
            let image = Camera::new(theme).size(width, height).render(|ui| gallery_ui(ui, page));
            save(format!("{name}-{suffix}.png"), image)?;
        }
        for idx in 0..super::learn::N_CHAPTERS {
            let image = Camera::new(theme).size(1260.0, 1200.0).render(|ui| super::learn::chapter_ui(ui, idx));
            save(format!("concepts-{}-{suffix}.png", idx + 1), image)?;
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
    app.go_to(scene.step);
    if scene.step == Step::Container {
        // The page would ask for it once it is drawn, and the picture be taken before the answer.
        app.settle(false, scene.step);
        app.apply(Command::Deploy(DeployRequest::Look));
    }
    app.settle(scene.settled, scene.step);
    if let Some(item) = scene.item {
        app.open_item(item, scene.waiving);
    }
    if scene.nodes {
        app.look_into_nodes();
    }
    if let Some(query) = scene.looked_for {
        app.look_for(query);
    }
    for (verdict, words) in &scene.said {
        app.say(*verdict, words);
    }
    app
}

impl App {
    /// Waits until the engine and the evidence were looked for, so that pictures do not depend on how fast they answer;
    /// a scene at rest waits for every job.
    fn settle(&mut self, settled: bool, step: Step) {
        let context = egui::Context::default();
        let started = std::time::Instant::now();
        while started.elapsed() < PATIENCE {
            self.logic(&context);
            let workbench = self.workbench();
            let probe = workbench.probe();
            let to_probe =
                workbench.project().is_some() && workbench.readiness().is_none() && probe.problem().is_none();
            let looking = workbench.engine().running().is_some() || probe.running().is_some() || to_probe;
            let working = settled && !workbench.jobs().is_empty();
            // A job that the scene shows running is shown once it tells how far it is, before it ends.
            let under_way = workbench.jobs().iter().any(|job| job.context.fraction().is_some())
                || step == Step::Readiness && probe.running().is_some();
            if !(looking || working) || !settled && (under_way || 1.0 < started.elapsed().as_secs_f64()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
