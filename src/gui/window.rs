//! The native window: eframe around [`App`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::app::App;
use super::dialogs::NativePicker;
use super::theme;
use crate::command::Command;
use crate::project::PROJECT_FILE;
use crate::workbench::{Environment, Workbench};

struct Native(App);

impl eframe::App for Native {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.0.logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.0.ui(ui);
    }
}

/// Opens the window and returns when it is closed.
pub fn run(project: Option<PathBuf>, environment: Environment) -> anyhow::Result<ExitCode> {
    let project = project.or_else(|| default_project(Path::new(".")));
    let x11 = std::env::var_os("DISPLAY").is_some();
    let wayland_only = cfg!(target_os = "linux") && !x11;
    let viewport = egui::ViewportBuilder::default()
        .with_title("Trestle")
        .with_app_id("trestle")
        .with_inner_size([1440.0, 900.0])
        .with_min_inner_size([760.0, 480.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Glow,
        event_loop_builder: x11.then(|| -> eframe::EventLoopBuilderHook { Box::new(prefer_x11) }),
        ..eframe::NativeOptions::default()
    };
    let create = move |creation: &eframe::CreationContext<'_>| {
        theme::install(&creation.egui_ctx);
        let wake = App::wake_of(&creation.egui_ctx);
        let mut workbench = Workbench::new(Environment { wake: std::sync::Arc::clone(&wake), ..environment });
        if let Some(project) = project {
            workbench.apply(Command::OpenProject(project));
        }
        let mut app = App::new(workbench, Box::new(NativePicker::default()), wake);
        if wayland_only {
            app.without_drops();
        }
        let app: Box<dyn eframe::App> = Box::new(Native(app));
        Ok(app)
    };
    eframe::run_native("Trestle", options, Box::new(create))
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("the window could not be opened; without a display use the commands in `trestle --help`")?;
    Ok(ExitCode::SUCCESS)
}

/// This folder if it is a project, else the example beside it.
fn default_project(here: &Path) -> Option<PathBuf> {
    [here.to_owned(), here.join("projects/churn")].into_iter().find(|folder| folder.join(PROJECT_FILE).is_file())
}

/// winit has no file drop on Wayland, so X11 is preferred wherever there is one.
#[cfg(target_os = "linux")]
fn prefer_x11(builder: &mut eframe::EventLoopBuilder<eframe::UserEvent>) {
    use winit::platform::x11::EventLoopBuilderExtX11 as _;
    builder.with_x11();
}

#[cfg(not(target_os = "linux"))]
fn prefer_x11(_builder: &mut eframe::EventLoopBuilder<eframe::UserEvent>) {}
