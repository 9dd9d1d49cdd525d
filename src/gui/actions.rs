//! Everything that can be asked for without further input: label, explanation, keys, and why it cannot be had now.
//!
//! The one table behind the command palette, the menus and the keyboard.

use std::sync::LazyLock;

use egui::{Key, KeyboardShortcut, Modifiers};

use super::learn;
use super::shell::short_path;
use super::ui_command::{Choosing, ContainerPart, Request, UiCommand};
use crate::command::{BenchmarkLength, Command, DataRole, ProfileOptions};
use crate::project::deployment::{DeployRequest, DeploySettings};
use crate::project::running::RunSettings;
use crate::step::Step;
use crate::workbench::Workbench;

/// Why something cannot be had now, if so.
type Refusal = fn(&Workbench) -> Option<&'static str>;

/// Something that is always on offer, if perhaps refused.
pub(super) struct Fixed {
    request: Request,
    pub(super) label: &'static str,
    explanation: &'static str,
    keys: Vec<KeyboardShortcut>,
    refusal: Refusal,
}

impl Fixed {
    /// The keys that do the same, in words; empty where there are none.
    pub(super) fn keys(&self) -> String {
        self.keys.first().copied().map(keys_text).unwrap_or_default()
    }

    /// The explanation with the keys, for a tooltip.
    pub(super) fn hint(&self) -> String {
        let parts = [self.explanation.to_owned(), self.keys()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ·  ")
    }
}

/// Something that can be asked for now.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Action {
    pub(super) request: Request,
    pub(super) label: String,
    pub(super) explanation: String,
    /// The keys that do the same, in words; empty where there are none.
    pub(super) keys: String,
    pub(super) refused: Option<&'static str>,
}

static FIXED: LazyLock<Vec<Fixed>> = LazyLock::new(|| {
    [steps(), measuring(), making(), delivering(), editing(), projects(), around()].into_iter().flatten().collect()
});

fn offer(
    request: impl Into<Request>,
    label: &'static str,
    explanation: &'static str,
    refusal: Refusal,
    keys: &[KeyboardShortcut],
) -> Fixed {
    Fixed { request: request.into(), label, explanation, keys: keys.to_vec(), refusal }
}

fn steps() -> Vec<Fixed> {
    let keys = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];
    let pairs = Step::ALL.into_iter().zip(keys);
    pairs
        .map(|(step, key)| offer(UiCommand::GoTo(step), go_to(step), step.purpose(), no_project, &[ctrl(key)]))
        .collect()
}

fn measuring() -> Vec<Fixed> {
    vec![
        offer(
            Command::RunBenchmark(BenchmarkLength::Quick),
            "Run a quick benchmark",
            "A few seconds of requests to the version at hand",
            benchmark_refusal,
            &[],
        ),
        offer(
            Command::RunBenchmark(BenchmarkLength::Standard),
            "Run a standard benchmark",
            "Half a minute of requests to the version at hand",
            benchmark_refusal,
            &[],
        ),
        offer(
            Command::RunBenchmark(BenchmarkLength::Long),
            "Run a long benchmark",
            "Five minutes of requests to the version at hand",
            benchmark_refusal,
            &[],
        ),
        offer(
            Command::Evaluate,
            "Evaluate the version at hand",
            "Ask it the labelled rows and compare with the brief's metrics",
            evaluation_refusal,
            &[],
        ),
        offer(
            Command::RunProfile(ProfileOptions::default()),
            "Profile the version at hand",
            "Time it step by step, and count what each operator costs",
            version_refusal,
            &[],
        ),
        offer(
            Command::CheckGolden,
            "Check the golden rows",
            "Ask the version at hand the rows whose answers are known",
            golden_refusal,
            &[],
        ),
        offer(
            Command::CompareData,
            "Compare the data",
            "Compare the current data with the reference, column by column",
            comparison_refusal,
            &[],
        ),
        offer(
            Command::CheckReadiness,
            "Check readiness",
            "Look at what the production checklist stands on",
            no_project,
            &[],
        ),
    ]
}

fn making() -> Vec<Fixed> {
    vec![
        offer(
            UiCommand::Choose(Choosing::Model),
            "Add a model…",
            "Examine an ONNX file and register it as a version",
            no_project,
            &[ctrl(Key::M)],
        ),
        offer(
            Command::MakeGolden { from: None },
            "Make golden rows",
            "Keep the answers of the version at hand to rows of the reference data",
            version_refusal,
            &[],
        ),
        offer(
            UiCommand::Choose(Choosing::Predictions),
            "Import golden rows…",
            "Take the training framework's own predictions as golden rows",
            version_refusal,
            &[],
        ),
        offer(
            UiCommand::Choose(Choosing::Data(DataRole::Reference)),
            "Choose reference data…",
            "What the model was trained to expect, as CSV or Parquet",
            no_project,
            &[],
        ),
        offer(
            UiCommand::Choose(Choosing::Data(DataRole::Current)),
            "Choose current data…",
            "What the model sees now, as CSV or Parquet",
            no_project,
            &[],
        ),
        offer(
            UiCommand::Choose(Choosing::Data(DataRole::Labelled)),
            "Choose labelled data…",
            "Held-out rows with the true answer, as CSV or Parquet",
            no_project,
            &[],
        ),
        offer(
            Command::LearnFeatures,
            "Learn the features anew",
            "Read names, types and ranges from the reference data into the feature contract",
            reference_refusal,
            &[],
        ),
        offer(
            Command::BuildImage { tag: None },
            "Build the image",
            "Build an image of the version at hand, ask it the golden rows, then tag it",
            build_refusal,
            &[],
        ),
        offer(Command::FindEngine, "Look for a container engine", "Look for Docker or Podman again", nothing, &[]),
        offer(
            UiCommand::Choose(Choosing::Executable),
            "Choose the executable for images",
            "Package another build of Trestle for Linux than the one at hand",
            nothing,
            &[],
        ),
        offer(
            Command::ChooseExecutable(None),
            "Package the smallest executable at hand",
            "The build that only serves where it lies beside this program, else this program",
            nothing,
            &[],
        ),
    ]
}

fn delivering() -> Vec<Fixed> {
    vec![
        offer(
            Command::RunImage(RunSettings::default()),
            "Run the image",
            "Start a container of the version at hand on a free port, and wait until it is ready",
            run_refusal,
            &[],
        ),
        offer(
            Command::CleanContainers,
            "Clean up containers",
            "Remove what builds and runs left that were killed",
            clean_refusal,
            &[],
        ),
        offer(
            UiCommand::ShowPart(ContainerPart::Run),
            "See what runs",
            "Run the image here, and see its log and what it uses",
            no_project,
            &[],
        ),
        offer(
            UiCommand::ShowPart(ContainerPart::Deliver),
            "Deliver the image",
            "Push it to a registry, deploy it to a swarm, or export it",
            no_project,
            &[],
        ),
        offer(
            Command::Deploy(DeployRequest::Deploy(DeploySettings::default())),
            "Deploy to the swarm",
            "Run the verified image of the version at hand as a service, or update the service that there is",
            deploy_refusal,
            &[],
        ),
        offer(
            Command::Deploy(DeployRequest::RollBack),
            "Roll the deployment back",
            "Undo the last change of the service on the swarm",
            service_refusal,
            &[],
        ),
        offer(
            Command::Deploy(DeployRequest::Look),
            "Look at the swarm",
            "See the service on the swarm, and each of its tasks, as they are now",
            swarm_refusal,
            &[],
        ),
    ]
}

fn editing() -> Vec<Fixed> {
    vec![
        offer(Command::Undo, "Undo", "Take back the last edit", undo_refusal, &[ctrl(Key::Z)]),
        offer(
            Command::Redo,
            "Redo",
            "Make the edit that was taken back again",
            redo_refusal,
            &[ctrl_shift(Key::Z), ctrl(Key::Y)],
        ),
        offer(Command::Save, "Save now", "Saving is automatic otherwise", save_refusal, &[ctrl(Key::S)]),
        offer(UiCommand::CopyBrief, "Copy the brief", "Put the brief as Markdown on the clipboard", no_project, &[]),
        offer(
            UiCommand::Choose(Choosing::BriefExport),
            "Export the brief…",
            "Write the brief as a Markdown file",
            no_project,
            &[],
        ),
    ]
}

fn projects() -> Vec<Fixed> {
    vec![
        offer(
            UiCommand::Choose(Choosing::Project),
            "Open a project…",
            "Choose a folder that holds a project",
            nothing,
            &[ctrl(Key::O)],
        ),
        offer(
            UiCommand::Choose(Choosing::NewProject),
            "New project…",
            "Make a project in an empty folder",
            nothing,
            &[ctrl(Key::N)],
        ),
        offer(
            Command::OpenExample,
            "Open the example",
            "Your own copy of a finished project, made when it is not there yet",
            example_refusal,
            &[],
        ),
        offer(
            UiCommand::Choose(Choosing::Example),
            "Copy the example…",
            "A finished project: churn of a subscription service, with two model versions",
            nothing,
            &[],
        ),
        offer(Command::CloseProject, "Close this project", "Save it and show the start page", no_project, &[]),
    ]
}

fn around() -> Vec<Fixed> {
    vec![
        offer(
            UiCommand::ToggleLearn,
            "Open or close the learn drawer",
            "The ideas behind the step, in plain words",
            nothing,
            &[KeyboardShortcut::new(Modifiers::NONE, Key::F1)],
        ),
        offer(
            UiCommand::AllConcepts,
            "Learn: all concepts",
            "The index of everything the learn drawer explains",
            nothing,
            &[],
        ),
        offer(
            UiCommand::SwitchTheme,
            "Switch between light and dark",
            "Otherwise the window follows the system",
            nothing,
            &[],
        ),
        offer(UiCommand::ToggleLog, "Open or close the log", "What the running job writes", nothing, &[]),
        offer(
            UiCommand::TogglePalette,
            "Commands",
            "Find any command by a few of its letters",
            nothing,
            &[ctrl(Key::K)],
        ),
    ]
}

fn go_to(step: Step) -> &'static str {
    match step {
        Step::Brief => "Go to Brief",
        Step::Model => "Go to Model",
        Step::Benchmark => "Go to Benchmark",
        Step::Readiness => "Go to Readiness",
        Step::Drift => "Go to Drift",
        Step::Container => "Go to Container",
    }
}

/// The entry of a request that is always on offer.
pub(super) fn fixed_of(request: impl Into<Request>) -> Option<&'static Fixed> {
    let request = request.into();
    FIXED.iter().find(|fixed| fixed.request == request)
}

/// The keys that do the same as a request, in words; empty where there are none.
pub(super) fn keys_of(request: impl Into<Request>) -> String {
    fixed_of(request).map(Fixed::keys).unwrap_or_default()
}

/// Every shortcut with what it does, longer combinations first, as they also match the shorter ones.
pub(super) fn shortcuts() -> &'static [(KeyboardShortcut, Request)] {
    static ALL: LazyLock<Vec<(KeyboardShortcut, Request)>> = LazyLock::new(|| {
        let pairs = FIXED.iter().flat_map(|fixed| fixed.keys.iter().map(|keys| (*keys, fixed.request.clone())));
        let mut all: Vec<_> = pairs.collect();
        all.sort_by_key(|(keys, _)| !keys.modifiers.shift);
        all
    });
    &ALL
}

/// Everything that can be asked for now, in the order of the palette.
pub(super) fn actions(workbench: &Workbench) -> Vec<Action> {
    let offered = FIXED.iter().filter(|fixed| fixed.request != Request::Window(UiCommand::TogglePalette));
    let mut all: Vec<Action> = offered
        .map(|fixed| Action {
            request: fixed.request.clone(),
            label: fixed.label.to_owned(),
            explanation: fixed.explanation.to_owned(),
            keys: fixed.keys(),
            refused: (fixed.refusal)(workbench),
        })
        .collect();
    let mut add = |request: Request, label: String, explanation: String, refused| {
        all.push(Action { request, label, explanation, keys: String::new(), refused });
    };
    for job in workbench.jobs() {
        add(Command::Cancel(job.id).into(), format!("Stop: {}", job.name), "Stop this job".to_owned(), None);
    }
    if let Some(project) = workbench.project() {
        let at_hand = workbench.version().map(|version| &version.record.version);
        for version in project.versions().iter().rev().map(|version| &version.record.version) {
            let refused = (at_hand == Some(version)).then_some("At hand already");
            let explanation = "Every page shows this version from then on".to_owned();
            let request = Command::SelectVersion(Some(version.clone())).into();
            add(request, format!("Work on version {version}"), explanation, refused);
        }
    }
    let open = workbench.project().map(crate::project::Project::root);
    for recent in workbench.settings().recent.iter().filter(|recent| Some(recent.root.as_path()) != open) {
        let request = Command::OpenProject(recent.root.clone()).into();
        let label = format!("Open {} ({})", recent.name, short_path(&recent.root));
        add(request, label, recent.root.display().to_string(), None);
    }
    for concept in learn::concepts() {
        let request = UiCommand::Learn(concept.name()).into();
        add(request, format!("Learn: {}", concept.name()), concept.title().to_owned(), None);
    }
    all
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND | Modifiers::SHIFT, key)
}

/// Keys in words, with spaces: `Ctrl Shift Z`.
fn keys_text(keys: KeyboardShortcut) -> String {
    let command = if cfg!(target_os = "macos") { "Cmd" } else { "Ctrl" };
    let modifiers = [(keys.modifiers.command, command), (keys.modifiers.shift, "Shift")];
    let words = modifiers.into_iter().filter(|(held, _)| *held).map(|(_, word)| word);
    words.chain([keys.logical_key.name()]).collect::<Vec<_>>().join(" ")
}

// ---- why not now

fn nothing(_: &Workbench) -> Option<&'static str> {
    None
}

fn no_project(workbench: &Workbench) -> Option<&'static str> {
    workbench.project().is_none().then_some("Open a project first")
}

fn version_refusal(workbench: &Workbench) -> Option<&'static str> {
    no_project(workbench).or_else(|| workbench.version().is_none().then_some("Add a model first"))
}

fn golden_refusal(workbench: &Workbench) -> Option<&'static str> {
    let has_golden = workbench.version().is_some_and(|version| version.golden.is_some());
    version_refusal(workbench).or((!has_golden).then_some("Make golden rows first"))
}

fn benchmark_refusal(workbench: &Workbench) -> Option<&'static str> {
    let running = workbench.benchmark().running().is_some();
    version_refusal(workbench).or(running.then_some("A benchmark is running"))
}

fn has_data(workbench: &Workbench, role: DataRole) -> bool {
    workbench.project().is_some_and(|project| {
        let data = &project.documents.config.data;
        match role {
            DataRole::Reference => data.reference.is_some(),
            DataRole::Current => data.current.is_some(),
            DataRole::Labelled => data.labelled.is_some(),
        }
    })
}

fn evaluation_refusal(workbench: &Workbench) -> Option<&'static str> {
    version_refusal(workbench)
        .or_else(|| (!has_data(workbench, DataRole::Labelled)).then_some("Declare labelled data first"))
}

fn reference_refusal(workbench: &Workbench) -> Option<&'static str> {
    no_project(workbench)
        .or_else(|| (!has_data(workbench, DataRole::Reference)).then_some("Declare reference data first"))
}

fn comparison_refusal(workbench: &Workbench) -> Option<&'static str> {
    reference_refusal(workbench)
        .or_else(|| (!has_data(workbench, DataRole::Current)).then_some("Declare current data first"))
}

fn build_refusal(workbench: &Workbench) -> Option<&'static str> {
    let engine = workbench.engine();
    version_refusal(workbench)
        .or(workbench.container().running().is_some().then_some("An image is being built"))
        .or((engine.last.is_none() || engine.problem().is_some()).then_some("No container engine answers"))
}

fn run_refusal(workbench: &Workbench) -> Option<&'static str> {
    version_refusal(workbench)
        .or(workbench.built_image().is_none().then_some("No image of this version is built"))
        .or(clean_refusal(workbench))
}

fn clean_refusal(workbench: &Workbench) -> Option<&'static str> {
    let engine = workbench.engine();
    let busy = workbench.containers().is_busy().then_some("Something is being done with a container");
    busy.or((engine.last.is_none() || engine.problem().is_some()).then_some("No container engine answers"))
}

fn swarm_refusal(workbench: &Workbench) -> Option<&'static str> {
    let engine = workbench.engine();
    no_project(workbench)
        .or((engine.last.is_none() || engine.problem().is_some()).then_some("No container engine answers"))
        .or(workbench.deployed().running().is_some().then_some("A deployment is going on"))
}

fn deploy_refusal(workbench: &Workbench) -> Option<&'static str> {
    swarm_refusal(workbench)
        .or_else(|| workbench.verified_image().is_none().then_some("Build and verify an image first"))
}

fn service_refusal(workbench: &Workbench) -> Option<&'static str> {
    let undoes = workbench.swarm().and_then(|swarm| swarm.service).and_then(|service| service.undoes);
    swarm_refusal(workbench).or(undoes.is_none().then_some("There is no change of a service to undo"))
}

fn example_refusal(workbench: &Workbench) -> Option<&'static str> {
    workbench.example_folder().is_none().then_some("There is no folder for documents; copy it instead")
}

fn undo_refusal(workbench: &Workbench) -> Option<&'static str> {
    (!workbench.can_undo()).then_some("Nothing to undo")
}

fn redo_refusal(workbench: &Workbench) -> Option<&'static str> {
    (!workbench.can_redo()).then_some("Nothing to redo")
}

fn save_refusal(workbench: &Workbench) -> Option<&'static str> {
    no_project(workbench).or((!workbench.has_unsaved()).then_some("Everything is saved"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_things_share_a_label_or_a_key() {
        for (idx, one) in FIXED.iter().enumerate() {
            for other in &FIXED[idx + 1..] {
                assert_ne!(one.label, other.label);
                assert_ne!(one.request, other.request, "{}", one.label);
                for keys in &one.keys {
                    assert!(!other.keys.contains(keys), "{} and {}", one.label, other.label);
                }
            }
            assert!(!one.explanation.is_empty() && !one.explanation.ends_with(char::is_whitespace), "{}", one.label);
        }
    }

    #[test]
    fn every_step_has_its_number_as_a_key() {
        for step in Step::ALL {
            assert_eq!(
                keys_of(UiCommand::GoTo(step)),
                keys_text(ctrl(Key::from_name(&step.number().to_string()).unwrap()))
            );
            assert!(fixed_of(UiCommand::GoTo(step)).unwrap().label.ends_with(step.label()));
        }
    }

    #[test]
    fn redo_is_matched_before_undo() {
        let place = |command: Command| shortcuts().iter().position(|(_, request)| *request == command.clone().into());
        assert!(place(Command::Redo) < place(Command::Undo));
        assert_eq!(keys_text(ctrl_shift(Key::Z)).split(' ').skip(1).collect::<Vec<_>>(), ["Shift", "Z"]);
    }
}
