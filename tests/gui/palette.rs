//! The command palette as a keyboard, a pointer and a screen reader meet it.

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::driver::{CTRL, Window};

const FIELD: &str = "Find a command or a concept";

fn open(window: &mut Window) {
    window.press(CTRL, Key::K);
    assert!(window.field(FIELD).is_focused(), "what is typed goes into the palette");
}

fn look_for(window: &mut Window, query: &str) {
    for letter in query.chars() {
        window.harness.event(Event::Text(letter.to_string()));
    }
    window.rest();
    assert_eq!(window.typed(FIELD), query);
}

/// What the rows in view say, in their order.
fn rows(window: &Window) -> Vec<String> {
    let rows = window.harness.query_all_by(|node| node.role() == Role::ListBoxOption);
    rows.filter_map(|row| row.accesskit_node().label()).collect()
}

fn selected(window: &Window) -> Vec<String> {
    let rows =
        window.harness.query_all_by(|node| node.role() == Role::ListBoxOption && node.is_selected() == Some(true));
    rows.filter_map(|row| row.accesskit_node().label()).collect()
}

fn is_open(window: &Window) -> bool {
    window.says(FIELD)
}

#[test]
fn a_command_is_found_by_a_few_letters_and_run_by_enter() {
    let mut window = Window::churn();
    open(&mut window);
    look_for(&mut window, "gocont");
    assert!(rows(&window)[0].starts_with("Go to Container, "), "{:?}", rows(&window));
    window.press(Modifiers::NONE, Key::Enter);
    assert!(!is_open(&window));
    assert!(window.shows_page("Container"));
}

#[test]
fn the_same_keys_escape_and_a_click_outside_close_it_and_nothing_happens() {
    let mut window = Window::churn();
    for close in [(CTRL, Key::K), (Modifiers::NONE, Key::Escape)] {
        open(&mut window);
        look_for(&mut window, "close this");
        window.press(close.0, close.1);
        assert!(!is_open(&window), "{close:?}");
    }
    open(&mut window);
    window.harness.drag_at(egui::pos2(5.0, 2_300.0));
    window.harness.drop_at(egui::pos2(5.0, 2_300.0));
    window.rest();
    assert!(!is_open(&window));
    assert!(window.workbench().project().is_some() && window.shows_page("Brief"));
}

#[test]
fn it_opens_empty_each_time_and_from_the_rail_too() {
    let mut window = Window::churn();
    open(&mut window);
    look_for(&mut window, "und");
    window.press(Modifiers::NONE, Key::Escape);
    window.click("Commands");
    assert_eq!(window.typed(FIELD), "");
    assert!(rows(&window)[0].starts_with("Go to Brief"));
}

#[test]
fn arrows_move_the_choice_and_stop_at_the_ends() {
    let mut window = Window::churn();
    open(&mut window);
    let all = rows(&window);
    assert_eq!(selected(&window), [all[0].clone()]);
    window.press(Modifiers::NONE, Key::ArrowUp);
    assert_eq!(selected(&window), [all[0].clone()]);
    window.press(Modifiers::NONE, Key::ArrowDown);
    window.press(Modifiers::NONE, Key::ArrowDown);
    assert_eq!(selected(&window), [all[2].clone()]);
    // Far below what is in view: the list follows, and lays out only what is seen.
    for _ in 0..40 {
        window.press(Modifiers::NONE, Key::PageDown);
    }
    let last = selected(&window);
    assert_eq!(last.len(), 1);
    assert!(last[0].starts_with("Learn: A/B test"), "{last:?}");
    assert!(rows(&window).len() < 20, "{}", rows(&window).len());
    window.press(Modifiers::NONE, Key::Enter);
    assert!(window.shows_page("A/B tests"));
}

#[test]
fn what_cannot_be_had_now_says_why_and_does_nothing() {
    let mut window = Window::new_project();
    open(&mut window);
    look_for(&mut window, "undo");
    let undo = window.harness.query_all_by(|node| node.role() == Role::ListBoxOption).next().unwrap();
    assert_eq!(undo.accesskit_node().label().as_deref(), Some("Undo, Nothing to undo"));
    assert!(undo.accesskit_node().is_disabled());
    window.press(Modifiers::NONE, Key::Enter);
    assert!(is_open(&window), "there is nothing to close it for");
    window.assert_says("Nothing to undo");
    window.press(Modifiers::NONE, Key::Escape);

    let reasons = [
        ("evaluate", "Add a model first"),
        ("standard", "Add a model first"),
        ("check golden", "Add a model first"),
        ("compare the data", "Declare reference data first"),
        ("save now", "Everything is saved"),
    ];
    for (query, reason) in reasons {
        open(&mut window);
        look_for(&mut window, query);
        assert!(rows(&window)[0].ends_with(reason), "{query}: {:?}", rows(&window));
        window.press(Modifiers::NONE, Key::Escape);
    }
    let mut window = Window::empty();
    open(&mut window);
    look_for(&mut window, "go to model");
    assert_eq!(rows(&window)[0], "Go to Model, Open a project first");
}

#[test]
fn a_refused_command_can_be_had_once_its_reason_is_gone() {
    let mut window = Window::new_project();
    window.type_into("Retraining", "weekly");
    open(&mut window);
    look_for(&mut window, "undo");
    window.press(Modifiers::NONE, Key::Enter);
    assert!(!is_open(&window));
    assert_eq!(window.typed("Retraining"), "");
}

#[test]
fn a_version_a_project_and_a_concept_are_found_by_name() {
    let mut window = Window::churn();
    open(&mut window);
    look_for(&mut window, "1.0.0");
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(window.workbench().version().unwrap().record.version.to_string(), "1.0.0");

    let other = window.folder.path().join("other");
    trestle::project::Project::create(&other, "Invoices").unwrap();
    window.prepare(&other);
    window.press(CTRL, Key::O);
    assert_eq!(window.project().name(), "Invoices");
    open(&mut window);
    look_for(&mut window, "open customer churn");
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(window.project().name(), "Customer churn");

    open(&mut window);
    look_for(&mut window, "canary");
    window.press(Modifiers::NONE, Key::Enter);
    assert!(window.shows_page("Canary release"));
}

#[test]
fn words_of_an_explanation_are_found_after_the_names() {
    let mut window = Window::churn();
    open(&mut window);
    look_for(&mut window, "clipboard");
    assert_eq!(rows(&window), ["Copy the brief, Put the brief as Markdown on the clipboard"]);
    window.harness.query_all_by(|node| node.role() == Role::ListBoxOption).next().unwrap().click();
    window.rest();
    window.assert_says("The brief is on the clipboard");
    assert!(!is_open(&window));
}

#[test]
fn nothing_found_says_so_and_enter_does_nothing() {
    let mut window = Window::churn();
    open(&mut window);
    look_for(&mut window, "zzzz");
    window.assert_says("Nothing is called so");
    window.press(Modifiers::NONE, Key::Enter);
    assert!(is_open(&window));
}

#[test]
fn a_very_long_query_is_cut() {
    let mut window = Window::churn();
    open(&mut window);
    window.harness.event(Event::Paste("a".repeat(100_000)));
    window.rest();
    assert!(window.typed(FIELD).len() <= 64);
    window.assert_says("Nothing is called so");
}

#[test]
fn the_keys_of_the_page_rest_while_it_is_open() {
    let mut window = Window::churn();
    open(&mut window);
    window.press(CTRL, Key::Num2);
    assert!(is_open(&window));
    window.press(Modifiers::NONE, Key::Escape);
    assert!(window.shows_page("Brief"));
    window.press(CTRL, Key::Num2);
    assert!(window.shows_page("Model"));
}
