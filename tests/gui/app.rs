//! The whole window as a person meets it: pages, files, edits, mishaps.

use std::path::Path;

use egui::{HoveredFile, Key, Modifiers, ViewportCommand};
use egui_kittest::kittest::Queryable as _;
use trestle::project::documents::Value;

use crate::driver::{CTRL, Window, repository, stored};

const LATENCY: &str = "Latency per prediction";

fn example_model() -> std::path::PathBuf {
    repository("projects/churn/models/1.0.0/model.onnx")
}

fn other_model() -> std::path::PathBuf {
    repository("projects/churn/models/1.1.0/model.onnx")
}

// ---- files

#[test]
fn dropping_a_model_registers_a_version_and_dropping_it_again_changes_nothing() {
    let mut window = Window::churn_changed(|root| {
        std::fs::remove_dir_all(root.join("models")).unwrap();
        std::fs::remove_file(root.join("ledger.ron")).unwrap();
    });
    assert!(window.versions().is_empty());
    window.drop_file(&example_model());
    window.until("the first version", |window| !window.versions().is_empty());
    assert_eq!(window.versions(), ["1.0.0"]);
    assert!(window.shows_page("Model"));
    window.assert_says("Registered 1.0.0");
    window.assert_says("champion");
    assert!(window.project().root().join("models/1.0.0/model.onnx").is_file());
    let (registry, ledger) = (window.file("models/registry.ron"), window.file("ledger.ron"));

    window.drop_file(&example_model());
    window.until_says("This file is already registered as 1.0.0");
    assert_eq!(window.versions(), ["1.0.0"]);
    assert_eq!((window.file("models/registry.ron"), window.file("ledger.ron")), (registry, ledger));

    window.drop_file(&other_model());
    window.until("the second version", |window| window.versions().len() == 2);
    window.assert_silent("already registered");
}

#[test]
fn a_dropped_pickle_is_described_and_its_script_saved() {
    let mut window = Window::new_project();
    window.drop_file(&repository("tests/foreign/pipeline.joblib"));
    window.until_says("A pickle is a program");
    assert!(window.versions().is_empty());
    window.assert_says("sklearn.pipeline.Pipeline");
    window.assert_says("scikit-learn 1.9.1");
    let script = window.project().root().join("convert.py");
    window.prepare(&script);
    window.click("Save script…");
    window.until("the script", |_| script.is_file());
    let script = std::fs::read_to_string(&script).unwrap();
    assert!(script.starts_with("# Converts pipeline.joblib"), "{script}");

    // A pickle that attacks is called so.
    let evil = window.beside("evil.pkl", b"cos\nsystem\n(S'ls'\ntR.");
    window.drop_file(&evil);
    window.until_says("It names os.system, which runs commands of the system");
}

#[test]
fn predictions_of_another_version_are_compared_and_the_rows_listed() {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num2);
    window.prepare(&repository("projects/churn/data/predictions-1.0.0.csv"));
    let before = window.file("models/1.1.0/golden.ron");
    window.click("Import predictions…");
    window.until("a comparison", |window| window.workbench().golden().last.is_some());
    window.rest();
    window.assert_says("This version does not answer as expected");
    window.assert_says("another class");
    assert_eq!(window.file("models/1.1.0/golden.ron"), before, "rows that differ are not kept");
}

#[test]
fn a_model_may_be_added_by_dialog_or_by_its_path() {
    let mut window = Window::new_project();
    window.press(CTRL, Key::Num2);
    assert!(!window.is_enabled("Add this file"), "nothing was typed yet");
    window.type_into("Path of the ONNX file", &stored("logistic_binary.onnx").display().to_string());
    window.click("Add this file");
    window.until("the first version", |window| window.versions() == ["1.0.0"]);
    window.prepare(&stored("boosting_binary.onnx"));
    window.click("Add model…");
    window.until("the second version", |window| window.versions().len() == 2);
}

#[test]
fn a_file_that_is_no_model_is_refused_in_its_place_and_the_window_goes_on() {
    let mut window = Window::churn_changed(|root| {
        std::fs::remove_dir_all(root.join("models/1.1.0")).unwrap();
        let registry = std::fs::read_to_string(root.join("models/registry.ron")).unwrap();
        std::fs::write(root.join("models/registry.ron"), registry.replace("1.1.0", "1.0.0")).unwrap();
    });
    let before = window.versions();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
    let files = [
        (window.beside("picture.onnx", png), "picture.onnx"),
        (window.beside("empty.onnx", b""), "empty.onnx"),
        (stored("mystery.onnx"), "Mystery"),
        (window.folder.path().join("gone.onnx"), "gone.onnx"),
    ];
    for (path, named) in files {
        window.press(CTRL, Key::Num1);
        window.drop_file(&path);
        window.until(named, |window| window.workbench().examined().problem().is_some());
        assert!(window.shows_page("Model"), "{named}");
        let problem = window.workbench().examined().problem().unwrap().clone();
        let told = format!("{} {} {}", problem.what, problem.place, problem.fix);
        assert!(told.contains(named), "{named}: {told}");
        assert!(!problem.fix.is_empty(), "{named}: what to do is missing");
        assert!(
            window.harness.query_by_role_and_label(egui::accesskit::Role::Alert, &problem.what).is_some(),
            "{named}"
        );
        assert_eq!(window.versions(), before, "{named}");
        window.assert_says("the last file was not added");
        // The version at hand is still there and can be asked.
        window.assert_says("Try it");
    }
    window.click("Ask the model");
    window.until("an answer", |window| window.workbench().tried().last.is_some());
    window.click("Dismiss");
    window.assert_silent("the last file was not added");
    // What was found in a refused file is not shown with the next one's failure.
    window.drop_file(&stored("mystery.onnx"));
    window.until_says("The operator com.example:Mystery is not supported");
    window.drop_file(&window.folder.path().join("gone.onnx"));
    window.until("the next failure", |window| window.workbench().examined().problem().is_some());
    window.assert_silent("Mystery");
    window.drop_file(&other_model());
    window.until("a good file after the bad ones", |window| window.versions().len() == before.len() + 1);
}

#[track_caller]
fn check_overlay(mut window: Window, path: &Path, said: [&str; 2]) {
    window
        .harness
        .input_mut()
        .hovered_files
        .push(HoveredFile { path: Some(path.to_owned()), ..HoveredFile::default() });
    window.rest();
    for words in said {
        window.assert_says(words);
    }
    window.harness.input_mut().hovered_files.clear();
    window.rest();
    window.assert_silent(said[0]);
}

#[test]
fn the_overlay_says_what_will_happen_to_the_file_above_the_window() {
    let model = stored("mystery.onnx");
    let compared = "mystery.onnx is examined, compared with 1.1.0";
    check_overlay(Window::churn(), &model, ["Add as a new version of Customer churn", compared]);
    check_overlay(Window::new_project(), &model, ["Add as a new version of Invoices", "registered as 1.0.0"]);
    check_overlay(Window::new_project(), &repository("projects/churn"), ["Open this project", "churn"]);
    check_overlay(Window::empty(), &model, ["Open a project first", "Then drop the model again"]);
}

#[test]
fn dropping_a_project_opens_it() {
    let mut window = Window::empty();
    window.drop_file(&example_model());
    window.assert_says("Open or make a project first");
    let root = window.folder.path().join("dropped");
    trestle::project::Project::create(&root, "Dropped").unwrap();
    window.drop_file(&root.join("project.ron"));
    assert_eq!(window.project().name(), "Dropped");
    assert!(window.shows_page("Brief"));
}

// ---- the brief

#[test]
fn an_answer_is_understood_saved_after_a_rest_taken_back_and_brought_again() {
    let mut window = Window::new_project();
    window.type_into(LATENCY, "< 200ms per prediction");
    window.assert_says("p95 ≤ 200 ms");
    window.assert_says("not saved yet");
    window.until("saving", |window| window.file("brief.ron").contains("< 200ms per prediction"));
    window.assert_silent("not saved yet");

    window.press(CTRL, Key::Z);
    assert_eq!(window.typed(LATENCY), "", "one undo takes the whole answer back");
    window.assert_silent("p95 ≤ 200 ms");
    window.until("saving the undo", |window| !window.file("brief.ron").contains("200ms"));
    window.press(CTRL | Modifiers::SHIFT, Key::Z);
    assert_eq!(window.typed(LATENCY), "< 200ms per prediction");
    window.assert_says("p95 ≤ 200 ms");
    window.until("saving the redo", |window| window.file("brief.ron").contains("< 200ms per prediction"));
}

#[test]
fn answers_to_two_questions_are_taken_back_one_by_one() {
    let mut window = Window::new_project();
    window.type_into(LATENCY, "1 s");
    window.type_into("Retraining", "weekly");
    window.press(CTRL, Key::Z);
    assert_eq!((window.typed(LATENCY), window.typed("Retraining")), ("1 s".to_owned(), String::new()));
    window.press(CTRL, Key::Z);
    assert_eq!(window.typed(LATENCY), "");
    window.press(CTRL, Key::Y);
    window.press(CTRL, Key::Y);
    assert_eq!((window.typed(LATENCY), window.typed("Retraining")), ("1 s".to_owned(), "weekly".to_owned()));
}

#[test]
fn a_vague_answer_shows_its_hint() {
    let mut window = Window::new_project();
    for (field, words, hint) in [
        (LATENCY, "fast", "Say a number"),
        ("Who is the end user", "everyone", "Name a role"),
        ("Success metric", "as good as possible", "Name a metric"),
    ] {
        window.assert_silent(hint);
        window.type_into(field, words);
        window.assert_says(hint);
    }
    window.assert_says("vague");
    window.type_into(LATENCY, "20 ms");
    window.assert_silent("Say a number");
}

#[test]
fn the_brief_is_copied_and_exported_as_markdown() {
    let mut window = Window::churn();
    window.click("Copy");
    window.assert_says("The brief is on the clipboard");
    let path = window.folder.path().join("brief.md");
    window.prepare(&path);
    window.click("Export…");
    window.until("the export", |_| path.is_file());
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("# Customer churn: project brief"));
}

// ---- around the pages

#[test]
fn keys_and_the_rail_change_the_page() {
    let mut window = Window::churn();
    assert!(window.shows_page("Brief"));
    for (key, page) in [
        (Key::Num2, "Model"),
        (Key::Num3, "Benchmark"),
        (Key::Num4, "Readiness"),
        (Key::Num5, "Drift"),
        (Key::Num6, "Container"),
        (Key::Num1, "Brief"),
    ] {
        window.press(CTRL, key);
        assert!(window.shows_page(page), "{key:?} shows {page}");
    }
    for (item, page) in [("6 Container", "Container"), ("5 Drift", "Drift"), ("2 Model", "Model"), ("1 Brief", "Brief")]
    {
        window.click_beginning(item);
        assert!(window.shows_page(page), "{item:?} shows {page}");
    }
    window.click("Continue to model");
    assert!(window.shows_page("Model"));
    window.click("Continue to benchmark");
    assert!(window.shows_page("Benchmark"), "the foot of a page leads to the next");
}

#[test]
fn the_learn_drawer_opens_and_closes_and_follows_the_page() {
    let mut window = Window::churn();
    assert!(window.shows_page("Scope first"), "it is open at first");
    window.press(Modifiers::NONE, Key::F1);
    assert!(!window.shows_page("Scope first"));
    window.press(Modifiers::NONE, Key::F1);
    assert!(window.shows_page("Scope first"));
    window.press(CTRL, Key::Num2);
    assert!(!window.shows_page("Scope first"), "another page has another concept");
    window.click("Learn");
    assert!(!window.workbench().settings().learn);
}

#[test]
fn the_theme_button_switches_the_theme() {
    let mut window = Window::churn();
    let first = window.harness.ctx.theme();
    let (to, back) = match first {
        egui::Theme::Dark => ("Light theme", "Dark theme"),
        egui::Theme::Light => ("Dark theme", "Light theme"),
    };
    window.click(to);
    assert_ne!(window.harness.ctx.theme(), first);
    window.click(back);
    assert_eq!(window.harness.ctx.theme(), first);
}

// ---- the model

fn shown(value: &Value) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Text(value) => value.clone(),
    }
}

#[test]
fn the_form_is_filled_from_the_reference_data_and_asking_answers() {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num2);
    let golden = window.workbench().version().unwrap().golden.clone().unwrap();
    for (feature, value) in golden.features.iter().zip(&golden.rows[0].values) {
        assert_eq!(window.typed(feature), shown(value), "{feature}");
    }
    window.click("Ask the model");
    window.until("an answer", |window| window.workbench().tried().last.is_some());
    let tried = window.workbench().tried().last.clone().unwrap();
    let probability = tried.prediction.probability.expect("the brief asks for a probability");
    assert!((probability - golden.rows[0].scores[1]).abs() < 1e-5);
    window.assert_says("Label");
    window.assert_says("Probability of the positive class");
    window.assert_says(&format!("{probability:.3}"));
    assert_eq!(tried.prediction.level.as_deref(), Some("high"));
    assert!(window.words().iter().any(|words| words == "high"), "the level is said");

    window.type_into("tenure_months", "1");
    window.assert_says("The fields changed since; ask again.");
    window.click("Next row");
    for (feature, value) in golden.features.iter().zip(&golden.rows[1].values) {
        assert_eq!(window.typed(feature), shown(value), "{feature}");
    }
}

#[test]
fn a_letter_in_a_number_field_is_told_and_nothing_can_be_asked() {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num2);
    assert!(window.is_enabled("Ask the model"));
    for (typed, problem) in
        [("12x", Some("a number is expected")), ("inf", Some("expected")), ("12,5", None), ("", None)]
    {
        window.type_into("monthly_fee", typed);
        assert_eq!(window.is_enabled("Ask the model"), problem.is_none(), "{typed:?}");
        if let Some(problem) = problem {
            window.assert_says(problem);
            let asked = window.workbench().tried().running().is_some();
            window.click("Ask the model");
            assert!(!asked && window.workbench().tried().running().is_none(), "{typed:?} is not asked");
        }
    }
    window.assert_silent("is expected");
}

#[test]
fn picking_a_version_selects_it_and_make_champion_moves_the_alias() {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num2);
    let at_hand = |window: &Window| window.workbench().version().unwrap().record.version.to_string();
    let champion = |window: &Window| window.project().registry().resolve("champion").unwrap().to_string();
    assert_eq!((at_hand(&window), champion(&window)), ("1.1.0".to_owned(), "1.1.0".to_owned()));
    window.harness.get_by_role_and_label(egui::accesskit::Role::Row, "Version 1.0.0").click();
    window.rest();
    assert_eq!((at_hand(&window), champion(&window)), ("1.0.0".to_owned(), "1.1.0".to_owned()));
    window.click("Make champion");
    assert_eq!((at_hand(&window), champion(&window)), ("1.0.0".to_owned(), "1.0.0".to_owned()));
    assert!(window.file("models/registry.ron").contains("1.0.0"));
    window.assert_says("champion is now 1.0.0");
}

#[test]
fn the_golden_rows_are_asked_on_the_page() {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num2);
    window.click("Check golden rows");
    window.until("the check", |window| window.workbench().golden().last.is_some());
    window.assert_says("of 32 agree");
}

// ---- mishaps

/// A brief that another program wrote.
fn theirs(window: &Window) -> String {
    window.file("brief.ron").replace("problem: \"", "problem: \"THEIRS: ")
}

fn in_conflict() -> Window {
    let mut window = Window::churn();
    window.type_into("Who is the end user", "MINE, the support team");
    window.write("brief.ron", &theirs(&window));
    window.until("the choice", |window| window.says("Reload theirs") && window.says("Keep mine"));
    window.assert_says("brief.ron was changed here and by another program");
    assert!(window.file("brief.ron").contains("THEIRS"), "nothing is overwritten before the choice");
    window
}

#[test]
fn a_brief_changed_here_and_elsewhere_may_be_reloaded() {
    let mut window = in_conflict();
    window.click("Reload theirs");
    assert!(window.typed("What problem does the model solve").starts_with("THEIRS"));
    assert!(!window.typed("Who is the end user").contains("MINE"));
    window.assert_silent("Keep mine");
    assert!(!window.workbench().has_unsaved());
    assert!(window.workbench().problem().is_none());
}

#[test]
fn a_brief_changed_here_and_elsewhere_may_be_kept() {
    let mut window = in_conflict();
    window.click("Keep mine");
    window.until("saving", |window| window.file("brief.ron").contains("MINE"));
    assert!(!window.file("brief.ron").contains("THEIRS"));
    window.assert_silent("Keep mine");
    assert!(window.workbench().problem().is_none());
}

#[test]
fn a_brief_changed_only_elsewhere_reloads_by_itself() {
    let mut window = Window::churn();
    window.write("brief.ron", &theirs(&window));
    window.until("reloading", |window| window.typed("What problem does the model solve").starts_with("THEIRS"));
    window.assert_silent("Keep mine");
    window.assert_says("was changed by another program and reloaded");
}

#[test]
fn a_brief_cut_in_half_says_where_and_leaves_the_other_pages_working() {
    let mut window = Window::churn_changed(|root| {
        let path = root.join("brief.ron");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    });
    let half = window.file("brief.ron");
    let line = half.lines().count();
    window.assert_says("brief.ron");
    assert!(
        (line - 1..=line + 1)
            .any(|line| window.says(&format!("line {line}")) || window.says(&format!("brief.ron:{line}")))
    );
    window.press(CTRL, Key::Num2);
    window.assert_says("1.1.0");
    // How an answer is read stands in the brief: without it there is a reason, and no answer by other rules.
    window.click("Ask the model");
    window.until("the reason", |window| window.workbench().problem().is_some());
    assert!(window.workbench().tried().last.is_none());
    window.press(CTRL, Key::S);
    assert_eq!(window.file("brief.ron"), half, "what could not be read is never written");
    let whole = std::fs::read_to_string(repository("projects/churn/brief.ron")).unwrap();
    window.write("brief.ron", &whole);
    window.press(CTRL, Key::Num1);
    window.click("Reload");
    assert!(window.typed("What problem does the model solve").starts_with("Predict"));
}

#[test]
fn other_documents_cut_in_half_say_so_on_every_page() {
    for name in ["features.ron", "project.ron"] {
        let mut window = Window::churn_changed(|root| {
            let text = std::fs::read_to_string(root.join(name)).unwrap();
            std::fs::write(root.join(name), &text[..text.len() / 2]).unwrap();
        });
        let half = window.file(name);
        for key in [Key::Num1, Key::Num2, Key::Num3] {
            window.press(CTRL, key);
            window.assert_says(name);
            assert!(window.is_enabled("Reload"), "{name}");
        }
        window.press(CTRL, Key::S);
        assert_eq!(window.file(name), half);
        window.write(name, &std::fs::read_to_string(repository("projects/churn").join(name)).unwrap());
        window.click("Reload");
        window.assert_silent(name);
    }
}

#[test]
fn a_brief_cut_in_half_while_open_is_not_said_to_be_reloaded() {
    let mut window = Window::churn();
    let text = window.file("brief.ron");
    window.write("brief.ron", &text[..text.len() / 2]);
    window.until_says("brief.ron was changed by another program and cannot be read any more");
    window.assert_silent("was changed by another program and reloaded");
}

// ---- closing

fn closes(commands: &[ViewportCommand]) -> bool {
    commands.contains(&ViewportCommand::Close)
}

#[cfg(unix)]
#[test]
fn closing_while_a_model_is_added_asks_first() {
    // This worker takes everything and never answers.
    let mut window = Window::with(repository("tests/it/workers/stuck.sh"), |folder| {
        let root = folder.join("project");
        trestle::project::Project::create(&root, "Invoices").unwrap();
        Some(root)
    });
    window.drop_file(&example_model());
    assert!(window.workbench().examined().running().is_some());
    window.close();
    window.assert_says("Close Trestle?");
    window.assert_says("Adding model.onnx");
    let commands = window.take_commands();
    assert!(commands.contains(&ViewportCommand::CancelClose) && !closes(&commands), "{commands:?}");

    window.press(Modifiers::NONE, Key::Escape);
    window.assert_silent("Close Trestle?");
    assert!(!closes(&window.take_commands()));
    assert!(window.workbench().examined().running().is_some(), "the work goes on");

    window.close();
    window.take_commands();
    window.click("Stop and close");
    assert!(closes(&window.take_commands()));
    window.close();
    assert!(!window.take_commands().contains(&ViewportCommand::CancelClose), "the second request is not asked again");
    window.until("the job's end", |window| window.workbench().examined().running().is_none());
    assert!(window.versions().is_empty());
}

#[test]
fn closing_saves_and_asks_nothing_when_nothing_can_be_lost() {
    let mut window = Window::new_project();
    window.type_into("Retraining", "every 90 days");
    window.close();
    window.assert_silent("Close Trestle?");
    assert!(!window.take_commands().contains(&ViewportCommand::CancelClose));
    assert!(window.file("brief.ron").contains("every 90 days"));
}

// ---- the start

#[test]
fn without_a_project_the_start_page_offers_ways_to_begin() {
    let mut window = Window::empty();
    for action in ["Open the example", "Copy the example…", "New project…", "Open a project…"] {
        assert!(window.is_enabled(action), "{action}");
    }
    let root = window.folder.path().join("New one");
    window.prepare(&root);
    window.click("New project…");
    assert_eq!(window.project().name(), "New one");
    assert!(window.shows_page("Brief"));

    let mut window = Window::empty();
    let root = window.folder.path().join("example");
    window.prepare(&root);
    window.click("Copy the example…");
    assert_eq!(window.versions(), ["1.0.0", "1.1.0"]);
    window.click_beginning("Project Customer churn");
    window.click("Close this project");
    assert!(window.workbench().project().is_none());
    window.click("Customer churn");
    assert_eq!(window.project().root(), root);
}

#[test]
fn the_example_opens_with_one_click_and_stays_ones_own() {
    let mut window = Window::empty();
    window.click("Open the example");
    let own = window.folder.path().join("documents/churn");
    assert_eq!(window.project().root(), own);
    assert!(window.shows_page("Brief"));
    window.type_into("What problem does the model solve", "Mine: ");
    window.click_beginning("Project Customer churn");
    window.click("Close this project");
    window.click("Open the example");
    assert!(window.typed("What problem does the model solve").contains("Mine: "), "it is not overwritten");
}

#[test]
fn a_folder_that_is_no_project_is_said_to_be_none_and_the_start_page_stays() {
    let mut window = Window::empty();
    let folder = window.folder.path().to_owned();
    window.prepare(&folder);
    window.click("Open a project…");
    window.assert_says("This folder holds no project");
    window.assert_says(&folder.display().to_string());
    assert!(window.is_enabled("Open a project…"));
    window.click("Dismiss");
    window.assert_silent("This folder holds no project");
    window.type_into("Project folder", &folder.join("nowhere").display().to_string());
    window.click("Open this folder");
    window.assert_says("This folder holds no project");
    assert!(window.workbench().project().is_none());
}

#[test]
fn opening_no_project_from_an_open_one_keeps_the_open_one() {
    let mut window = Window::churn();
    let folder = window.folder.path().to_owned();
    window.press(CTRL, Key::Num2);
    window.prepare(&folder);
    window.press(CTRL, Key::O);
    window.assert_says("This folder holds no project");
    assert!(window.shows_page("Model"), "the page stays too");
    assert_eq!(window.workbench().project().map(trestle::project::Project::name).as_deref(), Some("Customer churn"));
    let other = folder.join("other");
    trestle::project::Project::create(&other, "Other").unwrap();
    window.prepare(&other);
    window.press(CTRL, Key::O);
    assert_eq!(window.project().name(), "Other");
    assert!(window.shows_page("Brief"));
    window.assert_silent("This folder holds no project");
}
