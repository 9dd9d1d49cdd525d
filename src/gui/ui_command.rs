//! What only matters to the window, and the outbox of views.

use std::path::PathBuf;

use egui::{Key, KeyboardShortcut, Modifiers};

use super::figure::{Export, FigureFormat};
use crate::command::{Command, DataRole};
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
    /// Where a figure is exported to.
    FigureExport(FigureFormat),
}

/// A command that changes only the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UiCommand {
    /// Show a step's page.
    GoTo(Step),
    /// Open a native dialog.
    Choose(Choosing),
    /// Open or close the learn drawer.
    ToggleLearn,
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
}

/// Every shortcut with what it does.
pub fn shortcuts() -> Vec<(KeyboardShortcut, Shortcut)> {
    let ctrl = |key| KeyboardShortcut::new(Modifiers::COMMAND, key);
    let shifted = KeyboardShortcut::new(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    let numbers = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6];
    let steps =
        Step::ALL.into_iter().zip(numbers).map(|(step, key)| (ctrl(key), Shortcut::Window(UiCommand::GoTo(step))));
    // The longer combination first: it also matches the shorter one.
    let mut all = vec![
        (shifted, Shortcut::Workbench(Command::Redo)),
        (ctrl(Key::Y), Shortcut::Workbench(Command::Redo)),
        (ctrl(Key::Z), Shortcut::Workbench(Command::Undo)),
        (ctrl(Key::S), Shortcut::Workbench(Command::Save)),
        (ctrl(Key::O), Shortcut::Window(UiCommand::Choose(Choosing::Project))),
        (ctrl(Key::M), Shortcut::Window(UiCommand::Choose(Choosing::Model))),
        (KeyboardShortcut::new(Modifiers::NONE, Key::F1), Shortcut::Window(UiCommand::ToggleLearn)),
    ];
    all.extend(steps);
    all
}

/// What a shortcut does.
#[derive(Clone, Debug, PartialEq)]
pub enum Shortcut {
    /// Something for the workbench.
    Workbench(Command),
    /// Something for the window.
    Window(UiCommand),
}
