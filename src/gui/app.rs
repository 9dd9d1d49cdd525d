//! The window's content: which page is open, what is asked of whom; free of eframe, so that tests drive it headless.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{CentralPanel, Context, Frame, Margin, Panel, ScrollArea, Ui};

use super::actions::shortcuts;
use super::dialogs::Picker;
use super::figure::Export;
use super::learn::{self, LearnView};
use super::palette::Palette;
use super::steps::benchmark::BenchmarkView;
use super::steps::brief::BriefView;
use super::steps::container::ContainerView;
use super::steps::drift::DriftView;
use super::steps::model::ModelView;
use super::steps::readiness::ReadinessView;
use super::steps::running;
use super::theme::{self, Look as _, Verdict, space};
use super::ui_command::{Choosing, Outbox, Request, UiCommand};
use super::widgets::{
    Answer, Confirm, DISMISS, Toasts, drop_overlay, next_step, notice_with, problem_panel, small_button,
};
use super::{shell, start};
use crate::command::{Command, DataRole};
use crate::jobs::{Job, JobError, Wake};
use crate::problem::Problem;
use crate::project::{DocumentKind, DocumentState};
use crate::step::Step;
use crate::workbench::{Settings, ThemeChoice, Workbench};

/// Findings about a project that are shown before they are asked for.
const FINDINGS_SHOWN: usize = 3;

/// What is open in the window; none of it is the project's.
#[derive(Debug)]
pub(super) struct View {
    pub(super) step: Step,
    pub(super) log_open: bool,
    pub(super) drops_work: bool,
    learn: LearnView,
    all_findings: bool,
    brief: BriefView,
    model: ModelView,
    benchmark: BenchmarkView,
    readiness: ReadinessView,
    drift: DriftView,
    container: ContainerView,
    start: start::StartView,
}

/// The window's content.
pub struct App {
    pub(super) workbench: Workbench,
    view: View,
    picker: Box<dyn Picker>,
    pub(super) toasts: Toasts,
    palette: Palette,
    wake: Wake,
    /// The figure whose place is being chosen.
    exporting: Option<Export>,
    /// A figure that is rendered and written.
    export: Option<Job<PathBuf>>,
    asking_to_close: bool,
    closing: bool,
    shown_theme: Option<ThemeChoice>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("view", &self.view).finish_non_exhaustive()
    }
}

impl App {
    /// The window over a workbench; `wake` asks for a frame.
    pub fn new(mut workbench: Workbench, picker: Box<dyn Picker>, wake: Wake) -> Self {
        workbench.apply(Command::FindEngine);
        Self {
            workbench,
            view: View {
                step: Step::Brief,
                log_open: false,
                drops_work: true,
                learn: LearnView::default(),
                all_findings: false,
                brief: BriefView::default(),
                model: ModelView::default(),
                benchmark: BenchmarkView::default(),
                readiness: ReadinessView::default(),
                drift: DriftView::default(),
                container: ContainerView::default(),
                start: start::StartView::default(),
            },
            picker,
            toasts: Toasts::default(),
            palette: Palette::default(),
            wake,
            exporting: None,
            export: None,
            asking_to_close: false,
            closing: false,
            shown_theme: None,
        }
    }

    /// Says that this display cannot drop files, so that pages offer another way.
    pub fn without_drops(&mut self) {
        self.view.drops_work = false;
    }

    /// The workbench, for tests and the window's title.
    pub fn workbench(&self) -> &Workbench {
        &self.workbench
    }

    /// Sends a command as a widget would.
    pub fn apply(&mut self, command: Command) {
        self.workbench.apply(command);
    }

    /// Shows a step's page.
    pub fn go_to(&mut self, step: Step) {
        self.view.step = step;
        self.view.learn.reset();
    }

    /// Asks the window as a widget would.
    pub fn ask(&mut self, command: UiCommand, ctx: &Context) {
        self.carry_out_here(command, ctx);
    }

    /// Opens the palette with something typed into it.
    #[cfg(feature = "pictures")]
    pub(super) fn look_for(&mut self, query: &str) {
        self.palette.look_for(query);
    }

    /// Says something as it would on its own.
    #[cfg(feature = "pictures")]
    pub(super) fn say(&mut self, verdict: Verdict, words: &str) {
        self.toasts.say(verdict, words);
    }

    /// Opens an item of the checklist to its evidence, and the question whether to waive it.
    #[cfg(feature = "pictures")]
    pub(super) fn open_item(&mut self, item: &str, waiving: bool) {
        self.view.readiness.open(&self.workbench, item, waiving);
    }

    /// Lists the costs by node, and looks into the costliest.
    #[cfg(feature = "pictures")]
    pub(super) fn look_into_nodes(&mut self) {
        self.view.model.look_into_nodes(&self.workbench);
    }

    /// What must happen also while the window is hidden: results, saving, dialogs, dropped files, shortcuts.
    pub fn logic(&mut self, ctx: &Context) {
        let choice = self.workbench.settings().theme;
        if self.shown_theme != Some(choice) {
            self.shown_theme = Some(choice);
            ctx.set_theme(match choice {
                ThemeChoice::System => egui::ThemePreference::System,
                ThemeChoice::Light => egui::ThemePreference::Light,
                ThemeChoice::Dark => egui::ThemePreference::Dark,
            });
        }
        self.workbench.poll();
        for notice in self.workbench.take_notices() {
            self.toasts.say(if notice.good { Verdict::Pass } else { Verdict::Warn }, notice.text);
        }
        if let Some((choosing, Some(path))) = self.picker.poll() {
            self.chosen(choosing, path, ctx.theme());
        }
        self.take_export();
        let mut outbox = Outbox::default();
        running::look(&self.workbench, self.view.step == Step::Container, &mut outbox);
        for (keys, request) in shortcuts() {
            // What lies over the page has the keyboard; a palette is closed by its own keys.
            let is_palette = *request == Request::Window(UiCommand::TogglePalette);
            let is_heard = !self.asking_to_close && (is_palette || !self.palette.is_open());
            if is_heard && ctx.input_mut(|input| input.consume_shortcut(keys)) {
                outbox.request(request.clone());
            }
        }
        let dropped = ctx.input_mut(|input| std::mem::take(&mut input.raw.dropped_files));
        for file in dropped {
            self.dropped(file.path(), &mut outbox);
        }
        if ctx.input(|input| input.viewport().close_requested()) && !self.closing {
            self.close_requested(ctx);
        }
        self.carry_out(outbox, ctx);
        ctx.request_repaint_after(self.workbench.poll_after());
    }

    /// Draws one frame.
    pub fn ui(&mut self, ui: &mut Ui) {
        let mut outbox = Outbox::default();
        let t = ui.tokens();
        let panel = Frame::new().fill(t.panel);
        Panel::bottom("activity")
            .exact_size(theme::ACTIVITY_HEIGHT)
            .resizable(false)
            .frame(panel)
            .show(ui, |ui| shell::activity_bar_ui(ui, &self.workbench, &mut outbox));
        if self.workbench.project().is_some() {
            let rail = panel.inner_margin(Margin { left: 8, right: 8, top: 12, bottom: 8 });
            Panel::left("rail")
                .exact_size(theme::RAIL_WIDTH)
                .resizable(false)
                .frame(rail)
                .show(ui, |ui| shell::rail_ui(ui, &self.workbench, &self.view, &mut outbox));
        }
        let learn = self.workbench.settings().learn;
        let concept = self.concept();
        self.view.learn.beside_ui(ui, learn, concept, &mut outbox);
        if self.view.log_open {
            let log = panel.inner_margin(Margin::symmetric(12, 8));
            Panel::bottom("log")
                .default_size(200.0)
                .resizable(true)
                .frame(log)
                .show(ui, |ui| shell::log_ui(ui, &self.workbench));
        }
        self.next_ui(ui, &mut outbox);
        // The right margin belongs to what scrolls, so that the scroll bar stands in it and not on the page.
        let central = Frame::new().fill(t.bg).inner_margin(Margin { left: 24, right: 4, top: 20, bottom: 0 });
        CentralPanel::default().frame(central).show(ui, |ui| {
            ScrollArea::vertical().id_salt(self.view.step.label()).auto_shrink(false).show(ui, |ui| {
                Frame::new().inner_margin(Margin { right: 20, ..Margin::ZERO }).show(ui, |ui| {
                    self.messages_ui(ui, &mut outbox);
                    self.page_ui(ui, &mut outbox);
                    ui.add_space(space::L);
                });
            });
        });
        self.overlays_ui(ui, &mut outbox);
        let ctx = ui.ctx().clone();
        self.carry_out(outbox, &ctx);
    }

    /// The concept behind what is open.
    fn concept(&self) -> &'static str {
        match self.workbench.project() {
            Some(_) => learn::concept_of(self.view.step),
            None => "development and deployment",
        }
    }

    fn page_ui(&mut self, ui: &mut Ui, outbox: &mut Outbox) {
        let Self { workbench, view, .. } = self;
        if workbench.project().is_none() {
            view.start.ui(ui, workbench, outbox);
            return;
        }
        match view.step {
            Step::Brief => view.brief.ui(ui, workbench, outbox),
            Step::Model => view.model.ui(ui, workbench, view.drops_work, outbox),
            Step::Benchmark => view.benchmark.ui(ui, workbench, outbox),
            Step::Readiness => view.readiness.ui(ui, workbench, outbox),
            Step::Drift => view.drift.ui(ui, workbench, outbox),
            Step::Container => view.container.ui(ui, workbench, outbox),
        }
    }

    /// The one step that comes next, always in sight below the page; the brief says it in its head.
    fn next_ui(&self, ui: &mut Ui, outbox: &mut Outbox) {
        if self.view.step == Step::Brief {
            return;
        }
        let Some(next) = self.workbench.next_step(self.view.step) else { return };
        let foot = Frame::new().fill(ui.tokens().bg).inner_margin(Margin::symmetric(24, 0));
        Panel::bottom("next").exact_size(theme::NEXT_HEIGHT).resizable(false).frame(foot).show(ui, |ui| {
            let button = format!("Continue to {}", next.step.label().to_lowercase());
            if next_step(ui, next.step.label(), &next.why, &button) {
                outbox.ask(UiCommand::GoTo(next.step));
            }
        });
    }

    /// What concerns the whole project and stands above every page.
    fn messages_ui(&mut self, ui: &mut Ui, outbox: &mut Outbox) {
        for kind in self.workbench.conflicts() {
            let words = format!("{} was changed here and by another program", kind.file_name());
            notice_with(ui, Verdict::Warn, &words, |ui| {
                if small_button(ui, "Reload theirs").clicked() {
                    outbox.send(Command::Reload(*kind));
                }
                if small_button(ui, "Keep mine").clicked() {
                    outbox.send(Command::KeepMine(*kind));
                }
            });
        }
        let mut dismissed = false;
        // A conflict is already told above, with its choices.
        if let Some(problem) = self.workbench.problem().filter(|_| self.workbench.conflicts().is_empty()) {
            dismissed = problem_panel(ui, problem, Some(DISMISS));
        }
        if dismissed {
            self.workbench.dismiss_problem();
        }
        let Some(project) = self.workbench.project() else { return };
        if let Some(reason) = project.read_only() {
            notice_with(ui, Verdict::Warn, &format!("This project is open read-only: {reason}"), |_| ());
        }
        if !project.unfinished().is_empty() {
            let names: Vec<String> =
                project.unfinished().iter().map(|unfinished| unfinished.version.to_string()).collect();
            let words = format!("Registering {} was interrupted after its files were in place", names.join(", "));
            notice_with(ui, Verdict::Warn, &words, |ui| {
                if small_button(ui, "Complete it").clicked() {
                    outbox.send(Command::CompleteUnfinished);
                }
            });
        }
        // The brief's own page tells about the brief.
        for kind in [DocumentKind::Config, DocumentKind::Features, DocumentKind::Checklist] {
            if let DocumentState::Protected { problem } = project.state(kind)
                && problem_panel(ui, problem, Some("Reload"))
            {
                outbox.send(Command::Reload(kind));
            }
        }
        let findings = project.findings();
        let all = self.view.all_findings || findings.len() <= FINDINGS_SHOWN + 1;
        for finding in findings.iter().take(if all { findings.len() } else { FINDINGS_SHOWN }) {
            problem_panel(ui, finding, None);
        }
        if !all {
            let words = format!("{} more things were found in this project's files", findings.len() - FINDINGS_SHOWN);
            notice_with(ui, Verdict::Fail, &words, |ui| {
                self.view.all_findings = small_button(ui, "Show them").clicked();
            });
        }
    }

    fn overlays_ui(&mut self, ui: &Ui, outbox: &mut Outbox) {
        let concept = self.concept();
        self.view.learn.over_ui(ui, concept, outbox);
        let hovered = ui.input(|input| input.raw.hovered_files.iter().find_map(|file| file.path.clone()));
        if ui.input(|input| !input.raw.hovered_files.is_empty()) {
            let (what, detail) = self.drop_preview(hovered.as_deref());
            drop_overlay(ui.ctx(), &what, &detail);
        }
        if self.asking_to_close {
            let jobs = self.workbench.jobs();
            let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
            let body = if names.is_empty() {
                "The last edits could not be saved. Closing loses them.".to_owned()
            } else {
                format!("{} is still running. It is stopped and leaves nothing behind.", names.join(" and "))
            };
            let yes = if names.is_empty() { "Close without saving" } else { "Stop and close" };
            match Confirm::new("Close Trestle?", &body, yes).danger().show(ui.ctx()) {
                Some(Answer::Yes) => {
                    self.asking_to_close = false;
                    self.closing = true;
                    for job in jobs {
                        outbox.send(Command::Cancel(job.id));
                    }
                    ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
                }
                Some(Answer::No) => self.asking_to_close = false,
                None => {}
            }
        }
        self.palette.ui(ui.ctx(), &self.workbench, outbox);
        self.toasts.show(ui.ctx());
    }

    fn close_requested(&mut self, ctx: &Context) {
        self.workbench.apply(Command::Save);
        // Looking for an engine has nothing to lose.
        let working = self.workbench.container().running().is_some() || self.workbench.examined().running().is_some();
        if working || self.workbench.has_unsaved() {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.asking_to_close = true;
        } else {
            self.closing = true;
        }
    }

    fn carry_out(&mut self, outbox: Outbox, ctx: &Context) {
        for command in outbox.commands {
            self.apply_and_follow(command);
            ctx.request_repaint();
        }
        for command in outbox.window {
            self.carry_out_here(command, ctx);
            ctx.request_repaint();
        }
    }

    /// Carries out a command and shows the page where its result appears.
    fn apply_and_follow(&mut self, command: Command) {
        match command {
            Command::AddModel { .. } => self.go_to(Step::Model),
            Command::Evaluate | Command::RunProfile(_) => self.go_to(Step::Model),
            Command::RunBenchmark(_) | Command::RunBenchmarkOf(_) => self.go_to(Step::Benchmark),
            Command::CheckReadiness => self.go_to(Step::Readiness),
            Command::CompareData => self.go_to(Step::Drift),
            Command::UseData(role, _) => {
                self.go_to(if role == DataRole::Labelled { Step::Model } else { Step::Drift });
            }
            Command::BuildImage { .. } | Command::RunImage(_) => self.go_to(Step::Container),
            _ => {}
        }
        let root = |workbench: &Workbench| workbench.project().map(|project| project.root().to_owned());
        let before = root(&self.workbench);
        self.workbench.apply(command);
        if root(&self.workbench) != before {
            self.view.all_findings = false;
            self.view.model = ModelView::default();
            self.view.benchmark = BenchmarkView::default();
            self.view.readiness = ReadinessView::default();
            self.view.drift = DriftView::default();
            self.view.container = ContainerView::default();
            self.go_to(Step::Brief);
        }
    }

    fn carry_out_here(&mut self, command: UiCommand, ctx: &Context) {
        match command {
            UiCommand::GoTo(step) => self.go_to(step),
            UiCommand::ShowPart(part) => {
                self.go_to(Step::Container);
                self.view.container.show(part);
            }
            UiCommand::Choose(choosing) => {
                let folder = self.workbench.project().map(|project| project.root().to_owned());
                let name = match (&self.exporting, choosing) {
                    (Some(export), Choosing::FigureExport(_)) => export.file_name(),
                    (_, Choosing::ImageExport(kind)) => self.workbench.export_name(kind),
                    (_, Choosing::ScriptExport) => "convert.py".to_owned(),
                    _ => "brief.md".to_owned(),
                };
                self.picker.open(choosing, folder.as_deref(), &name, &self.wake);
            }
            UiCommand::ToggleLearn => {
                let open =
                    if self.view.learn.is_wide { self.workbench.settings().learn } else { self.view.learn.is_over };
                self.show_learn(!open);
            }
            UiCommand::Learn(name) => {
                self.view.learn.open(name);
                self.show_learn(true);
            }
            UiCommand::AllConcepts => {
                self.view.learn.open_index();
                self.show_learn(true);
            }
            UiCommand::TogglePalette => self.palette.toggle(),
            UiCommand::SwitchTheme => {
                let dark = ctx.theme() == egui::Theme::Dark;
                let theme = if dark { ThemeChoice::Light } else { ThemeChoice::Dark };
                self.workbench.change_settings(|settings: &mut Settings| settings.theme = theme);
            }
            UiCommand::ToggleLog => self.view.log_open = !self.view.log_open,
            UiCommand::CopyBrief => {
                if let Some(project) = self.workbench.project() {
                    ctx.copy_text(crate::brief::markdown(&project.name(), &project.documents.brief));
                    self.toasts.say(Verdict::Pass, "The brief is on the clipboard as Markdown");
                }
            }
            UiCommand::ExportFigure(export) => {
                let choosing = Choosing::FigureExport(export.format);
                self.exporting = Some(export);
                self.carry_out_here(UiCommand::Choose(choosing), ctx);
            }
            UiCommand::UsePath(path) => {
                let mut outbox = Outbox::default();
                self.dropped(&path, &mut outbox);
                self.carry_out(outbox, ctx);
            }
        }
    }

    /// Opens or closes the learn drawer: beside the page, or over it where that has no room.
    fn show_learn(&mut self, open: bool) {
        if !self.view.learn.is_wide {
            self.view.learn.is_over = open;
        } else if self.workbench.settings().learn != open {
            self.workbench.change_settings(|settings| settings.learn = open);
        }
    }

    fn chosen(&mut self, choosing: Choosing, path: PathBuf, theme: egui::Theme) {
        let command = match choosing {
            Choosing::Model => Command::AddModel { source: path, bump: None, why: "chosen in the window".to_owned() },
            Choosing::Project => Command::OpenProject(path),
            Choosing::NewProject => {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                Command::NewProject { root: path, name }
            }
            Choosing::Example => Command::NewFromExample(path),
            Choosing::Predictions => Command::MakeGolden { from: Some(path) },
            Choosing::Data(role) => Command::UseData(role, path),
            Choosing::Executable => Command::ChooseExecutable(Some(path)),
            Choosing::ImageExport(kind) => Command::ExportImage { kind, target: path, tag: None },
            Choosing::BriefExport => {
                self.export_brief(&path);
                return;
            }
            Choosing::ScriptExport => {
                self.save_script(&path);
                return;
            }
            Choosing::FigureExport(_) => {
                self.export_figure(path, theme);
                return;
            }
        };
        self.apply_and_follow(command);
    }

    fn export_brief(&mut self, path: &Path) {
        let Some(project) = self.workbench.project() else { return };
        let page = crate::brief::markdown(&project.name(), &project.documents.brief);
        self.write_text(path, &page);
    }

    /// Saves the program that converts the file that was examined last.
    fn save_script(&mut self, path: &Path) {
        let last = self.workbench.examined().last.as_ref();
        let Some(script) = last.and_then(|last| last.foreign.as_ref()).map(|foreign| foreign.script.clone()) else {
            return;
        };
        self.write_text(path, &script);
    }

    fn write_text(&mut self, path: &Path, text: &str) {
        match crate::project::disk::write_atomic(&crate::project::disk::RealDisk, path, text.as_bytes()) {
            Ok(()) => self.toasts.say(Verdict::Pass, format!("Exported {}", path.display())),
            Err(error) => {
                let problem = Problem::new(format!("Exporting failed: {error}"), path.display().to_string(), "");
                self.toasts.say(Verdict::Fail, problem.to_string());
            }
        }
    }

    /// Renders and writes the figure whose place was chosen, on a thread of its own.
    fn export_figure(&mut self, path: PathBuf, theme: egui::Theme) {
        let Some(export) = self.exporting.take() else { return };
        self.export = Some(Job::spawn("Exporting a figure", &self.wake, move |_context| {
            export.write(&path, theme).map_err(JobError::Failed)?;
            Ok(path)
        }));
    }

    fn take_export(&mut self) {
        let Some(result) = self.export.as_mut().and_then(Job::poll) else { return };
        self.export = None;
        match result {
            Ok(path) => self.toasts.say(Verdict::Pass, format!("Exported {}", path.display())),
            Err(error) => self.toasts.say(Verdict::Fail, error.to_problem().to_string()),
        }
    }

    /// A wake that asks a context for a frame; send it to threads.
    pub fn wake_of(ctx: &Context) -> Wake {
        let ctx = ctx.clone();
        Arc::new(move || ctx.request_repaint())
    }
}
