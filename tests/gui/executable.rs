//! The card "What goes into the image" on the container's page.

use egui::Key;

use crate::driver::{CTRL, Window};

fn container() -> Window {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num6);
    window.until("the executable", |window| window.workbench().executable().last.is_some());
    window.rest();
    window
}

#[test]
fn the_executable_is_told_with_its_size_and_how_to_get_a_smaller_one() {
    let mut window = Window::churn();
    assert!(window.workbench().executable().last.is_none(), "it is a large file, to be read when it is asked for");
    window.press(CTRL, Key::Num6);
    window.until("the executable", |window| window.workbench().executable().last.is_some());
    window.rest();
    for words in ["What goes into the image", "Why this one", "--profile image --no-default-features --features serve"]
    {
        window.assert_says(words);
    }
    window.assert_silent("Take the smallest at hand");
}

#[test]
fn a_chosen_file_that_is_not_trestle_is_refused_and_can_be_given_up() {
    let mut window = container();
    let script = window.beside("trestle-serve.sh", b"#!/bin/sh\n");
    window.prepare(&script);
    window.click("Choose…");
    window.until_says("it is not an ELF file");
    assert_eq!(window.workbench().chosen_executable(), Some(&script));
    window.click("Take the smallest at hand");
    window.until("the executable", |window| window.workbench().executable().problem().is_none());
    window.rest();
    window.assert_silent("it is not an ELF file");
    assert_eq!(window.workbench().chosen_executable(), None);
}

#[test]
fn the_choice_outlives_the_window() {
    let mut window = container();
    let own = std::path::PathBuf::from(env!("CARGO_BIN_EXE_trestle"));
    window.prepare(&own);
    window.click("Choose…");
    window.until_says("it was chosen");
    let settings = std::fs::read_to_string(window.folder.path().join("settings.ron")).unwrap();
    assert!(settings.contains(&format!("executable: {own:?}")), "{settings}");
}
