//! The readiness page: what it finds by itself, and what people say about it.

use egui::Key;

use crate::driver::{CTRL, Window};
use egui_kittest::kittest::Queryable as _;

/// The page of a window whose evidence was looked at without being asked.
fn checked(mut window: Window) -> Window {
    window.press(CTRL, Key::Num4);
    window.until("the first look", |window| window.workbench().readiness().is_some());
    window
}

impl Window {
    #[track_caller]
    fn pick(&mut self, row: &str) {
        // Not by the pointer: the middle of an open row is text that can be selected.
        self.harness.get_by_label(row).click_accesskit();
        self.rest();
    }

    #[track_caller]
    fn until_stands(&mut self, id: &str, word: &str) {
        let what = format!("{id} is {word}");
        self.until(&what, |window| {
            let report = window.workbench().readiness();
            report.is_some_and(|report| {
                report.items.iter().chain(&report.brief).any(|item| item.id == id && item.status.word() == word)
            })
        });
    }
}

#[test]
fn the_checklist_is_there_without_being_asked_for() {
    let window = checked(Window::churn());
    for words in ["Dependencies pinned, passes", "Serialised, passes", "Unit tests, unchecked", "not ready"] {
        window.assert_says(words);
    }
    window.assert_says("p95 ≤ 200 ms");
    window.assert_silent("How to fix");
}

#[test]
fn a_picked_item_opens_to_its_evidence_and_closes_again() {
    let mut window = checked(Window::churn());
    window.pick("Unit tests, unchecked");
    window.assert_says("How to fix");
    window.assert_says("`pytest tests`");
    window.pick("Serialised, passes");
    window.assert_says("models/1.1.0/golden.ron");
    window.assert_silent("How to fix");
    window.pick("Serialised, passes");
    window.assert_silent("models/1.1.0/golden.ron");
    window.pick("Serialised, passes");
    window.click("Go to the model");
    assert!(window.shows_page("Model"));
}

#[test]
fn attesting_needs_words_and_is_kept_with_them() {
    let mut window = checked(Window::churn());
    window.pick("Unit tests, unchecked");
    window.click("Attest…");
    assert!(!window.is_enabled("Attest"), "nothing was said yet");
    window.type_into("How do you know", "pytest: 14 passed");
    window.click("Attest");
    window.until_stands("unit-tests", "attested");
    window.assert_says("Attested by tester on 2026-11-23: pytest: 14 passed");
    assert!(window.file("checklist.ron").contains("pytest: 14 passed"));
    assert!(window.file("ledger.ron").contains("attest unit-tests"));
    window.press(CTRL, Key::Z);
    window.assert_says("Unit tests, attested");
    window.click("Withdraw…");
    window.type_into("Why", "they fail since Monday");
    window.click("Withdraw");
    window.until_stands("unit-tests", "unchecked");
    assert!(!window.file("checklist.ron").contains("unit-tests"));
}

#[test]
fn a_waiver_needs_a_reason_and_a_day_in_the_next_year() {
    let mut window = checked(Window::churn());
    window.pick("Latency, unchecked");
    window.click("Waive…");
    window.type_into("Why may it wait", "no users yet");
    for (day, works) in [("2026-11-23", false), ("soon", false), ("2027-11-24", false), ("2026-12-31", true)] {
        window.type_into("Last day", day);
        assert_eq!(window.is_enabled("Waive"), works, "{day}");
    }
    window.click("Waive");
    window.until_stands("brief.latency", "waived");
    window.assert_says("Waived until 2026-12-31 by tester: no users yet");
    // What was waived is this limit: another one is not.
    window.press(CTRL, Key::Num1);
    window.type_into("Latency per prediction", "< 5 ms");
    window.press(CTRL, Key::Num4);
    window.until_stands("brief.latency", "unchecked");
    window.assert_says("what was waived is p95 ≤ 200 ms");
}

#[test]
fn a_dialog_that_is_left_says_nothing() {
    let mut window = checked(Window::churn());
    window.pick("Unit tests, unchecked");
    window.click("Attest…");
    window.type_into("How do you know", "perhaps");
    window.press(egui::Modifiers::NONE, Key::Escape);
    window.assert_silent("How do you know");
    window.click("Attest…");
    assert_eq!(window.typed("How do you know"), "", "words of a dialog that was left are gone");
    window.click("Cancel");
    window.assert_silent("How do you know");
    assert!(!window.project().root().join("checklist.ron").exists());
}

#[test]
fn a_checklist_that_changed_outside_is_taken_up_and_not_overwritten() {
    let mut window = checked(Window::churn());
    let said = "(format: 1, attestations: [(item: \"lint-format\", note: \"ruff\", who: \"ada\", \
                when: \"2026-11-22T09:00:00Z\", evidence: ())])";
    window.write("checklist.ron", said);
    window.until_stands("lint-format", "stale");
    window.assert_says("Attested by ada on 2026-11-22; the code changed since");
    window.write("checklist.ron", "(format: 1, attest");
    window.until_says("checklist.ron was changed by another program and cannot be read any more");
    window.pick("Unit tests, unchecked");
    window.click("Attest…");
    window.type_into("How do you know", "fine");
    window.click("Attest");
    window.until("a refusal", |window| window.workbench().problem().is_some());
    window.assert_says("Unit tests, unchecked");
    assert_eq!(window.file("checklist.ron"), "(format: 1, attest");
}

#[test]
fn what_cannot_be_looked_at_is_told_in_its_place() {
    let mut window = Window::churn_changed(|root| {
        std::fs::remove_file(root.join("data/reference.csv")).unwrap();
        std::fs::create_dir(root.join("data/reference.csv")).unwrap();
    });
    window.press(CTRL, Key::Num4);
    window.until("a failure", |window| window.workbench().probe().problem().is_some());
    window.assert_says("reference.csv");
    window.assert_says("could not be checked");
    let folder = window.project().root().join("data/reference.csv");
    std::fs::remove_dir(&folder).unwrap();
    std::fs::write(&folder, "a\n1\n").unwrap();
    window.harness.get_all_by_label("Check again").next().unwrap().click();
    window.until("the second look", |window| window.workbench().readiness().is_some());
    window.assert_silent("could not be checked");
}
