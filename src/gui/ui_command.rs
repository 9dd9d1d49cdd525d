//! What only matters to the window, and the outbox of views.

use std::path::PathBuf;

use super::figure::{Export, FigureFormat};
use crate::command::{Command, DataRole, ExportKind};
use crate::step::Step;

/// What a file or folder is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choosing {
    /// A model to add.
    Model,
    /// A project to open.
    Project,
    /// A folder for a new project.
    NewProject,
    /// A folder for a copy of the example.
    Example,
    /// The training framework's predictions.
    Predictions,
    /// A data file to declare.
    Data(DataRole),
    /// Where the brief is exported to.
    BriefExport,
    /// Where the program that converts a model is saved.
    ScriptExport,
    /// Where a figure is exported to.
    FigureExport(FigureFormat),
    /// The executable that goes into images.
    Executable,
    /// Where the image, or what describes its deployment, is exported to.
    ImageExport(ExportKind),
}

/// A command that changes only the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UiCommand {
    /// Show a step's page.
    GoTo(Step),
    /// Show a part of the container's page.
    ShowPart(ContainerPart),
    /// Open a native dialog.
    Choose(Choosing),
    /// Open or close the learn drawer.
    ToggleLearn,
    /// Open the learn drawer at a concept, by its name.
    Learn(&'static str),
    /// Open the learn drawer at the index of its concepts.
    AllConcepts,
    /// Open or close the command palette.
    TogglePalette,
    /// Switch between light and dark.
    SwitchTheme,
    /// Open or close the running job's log.
    ToggleLog,
    /// Put the brief as Markdown on the clipboard.
    CopyBrief,
    /// Save a figure to a file.
    ExportFigure(Export),
    /// Use a path that was typed or pasted.
    UsePath(PathBuf),
}

/// A part of the container's page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerPart {
    /// The image and what was verified of it.
    #[default]
    Build,
    /// Containers of it on this engine.
    Run,
    /// Ways to other machines.
    Deliver,
}

impl ContainerPart {
    /// All parts, in order.
    pub const ALL: [Self; 3] = [Self::Build, Self::Run, Self::Deliver];

    /// Its name on the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::Build => "Build",
            Self::Run => "Run",
            Self::Deliver => "Deliver",
        }
    }
}

/// What views ask for; carried out once a frame, after everything is drawn.
#[derive(Debug, Default)]
pub struct Outbox {
    /// For the workbench.
    pub commands: Vec<Command>,
    /// For the window.
    pub window: Vec<UiCommand>,
}

impl Outbox {
    /// Asks the workbench.
    pub fn send(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Asks the window.
    pub fn ask(&mut self, command: UiCommand) {
        self.window.push(command);
    }

    /// Asks whoever can do it.
    pub fn request(&mut self, request: Request) {
        match request {
            Request::Workbench(command) => self.send(command),
            Request::Window(command) => self.ask(command),
        }
    }
}

/// Something asked for, of the workbench or of the window.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Something for the workbench.
    Workbench(Command),
    /// Something for the window.
    Window(UiCommand),
}

impl From<Command> for Request {
    fn from(command: Command) -> Self {
        Self::Workbench(command)
    }
}

impl From<UiCommand> for Request {
    fn from(command: UiCommand) -> Self {
        Self::Window(command)
    }
}
