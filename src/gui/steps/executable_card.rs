//! The card on what goes into the image: which executable, why, and how to get a smaller one.

use egui::Ui;

use super::model::text_of_size;
use crate::command::Command;
use crate::gui::text;
use crate::gui::theme::{Verdict, space};
use crate::gui::ui_command::{Choosing, Outbox, UiCommand};
use crate::gui::widgets::{Card, KeyValues, code_block, notice, problem_panel, secondary_button};
use crate::identity::Build;
use crate::package::{ChosenExecutable, Reason, SERVE_NAME};
use crate::workbench::Workbench;

/// What compiles the smallest executable.
const COMPILE: &str = "cargo build --profile image --no-default-features --features serve";

/// Draws the card.
pub(super) fn executable_card(ui: &mut Ui, workbench: &Workbench, outbox: &mut Outbox) {
    let state = workbench.executable();
    let chosen = workbench.chosen_executable();
    // It is a large file: it is looked at once the page is.
    if state.last.is_none() && state.running().is_none() && state.problem().is_none() {
        outbox.send(Command::ChooseExecutable(chosen.cloned()));
    }
    Card::new("What goes into the image").remark("one executable, the model, nothing else").show(ui, |ui| {
        if let Some(problem) = state.problem() {
            if problem_panel(ui, problem, Some("Look again")) {
                outbox.send(Command::ChooseExecutable(chosen.cloned()));
            }
        } else if let Some(executable) = &state.last {
            facts_ui(ui, executable);
        } else {
            ui.label(text::weak("Looking at the executable…"));
        }
        ui.add_space(space::S);
        ui.horizontal_wrapped(|ui| {
            if secondary_button(ui, "Choose…").on_hover_text("A build of Trestle for Linux").clicked() {
                outbox.ask(UiCommand::Choose(Choosing::Executable));
            }
            let smallest = "Take the smallest at hand";
            if chosen.is_some() && secondary_button(ui, smallest).on_hover_text(AUTOMATIC).clicked() {
                outbox.send(Command::ChooseExecutable(None));
            }
        });
        let is_smallest =
            state.problem().is_none() && state.last.as_ref().is_some_and(|executable| executable.build == Build::Serve);
        if !is_smallest {
            ui.add_space(space::M);
            smaller_ui(ui);
        }
    });
}

const AUTOMATIC: &str = "The build that only serves where it lies beside this program, else this program";

fn facts_ui(ui: &mut Ui, executable: &ChosenExecutable) {
    let (size, unit) = text_of_size(executable.size_bytes);
    let libraries = if executable.is_static { "it needs no library" } else { "its libraries are copied, too" };
    let what = format!("{}, for {}; {libraries}", executable.build.label(), executable.architecture);
    let why = match executable.reason {
        Reason::Chosen => "it was chosen".to_owned(),
        Reason::Beside => format!("{SERVE_NAME} lies beside this program"),
        Reason::Running => format!("it is this program, and no {SERVE_NAME} that fits lies beside it"),
    };
    KeyValues::default().show(
        ui,
        &[
            ("Executable", text::mono(executable.path.display().to_string())),
            ("What it is", text::body(what)),
            ("Size", text::body(format!("{size} {unit}"))),
            ("Why this one", text::body(why)),
        ],
    );
    if executable.has_symbols {
        ui.add_space(space::S);
        notice(ui, Verdict::Stale, "It carries the symbols of a debug build: a release build is many times smaller.");
    }
    if !executable.passed_over.is_empty() {
        ui.add_space(space::S);
        notice(ui, Verdict::Stale, &format!("Not taken: {}.", executable.passed_over));
    }
}

fn smaller_ui(ui: &mut Ui) {
    ui.label(text::medium("A smaller image"));
    ui.add_space(space::XS);
    ui.label(text::weak(format!(
        "The build that only serves has the engine and the server and nothing else. Compile it in Trestle's sources on \
         Linux, then choose target/image/{SERVE_NAME}, or lay it beside this program. For an engine of another \
         architecture, the export that compiles the server does it there."
    )));
    ui.add_space(space::XS);
    code_block(ui, "Command to compile the build that only serves", COMPILE);
}
