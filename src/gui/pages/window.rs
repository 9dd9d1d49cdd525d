//! Scenes of what stands around the pages: the drawer, the palette, what is said at the lower right.

use std::path::Path;

use super::Scene;
use crate::command::Command;
use crate::gui::theme::Verdict;
use crate::gui::ui_command::UiCommand;
use crate::step::Step;

pub(super) fn window(example: &Path) -> Vec<Scene> {
    let scene = |name| Scene::new(name, Step::Brief, vec![Command::OpenProject(example.to_owned())]);
    vec![
        Scene { asks: vec![UiCommand::AllConcepts], ..scene("learn-index") },
        Scene { asks: vec![UiCommand::Learn("canary")], ..scene("learn") },
        Scene { asks: vec![UiCommand::Learn("data drift")], size: (900.0, 640.0), ..scene("learn-narrow") },
        Scene { looked_for: Some(""), ..scene("palette") },
        Scene { looked_for: Some("run"), ..scene("palette-search") },
        Scene { looked_for: Some("undo"), ..scene("palette-refused") },
        Scene { looked_for: Some("zebra"), ..scene("palette-nothing") },
        Scene { said: said(), ..scene("toasts") },
        Scene { said: [said(), said_often()].concat(), ..scene("toasts-many") },
    ]
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
