//! The drift's page as a person meets it.

use std::path::Path;

use egui::{HoveredFile, Key};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use trestle::project::documents::DataFile;
use trestle::project::reports::ColumnKind;

use crate::driver::{CTRL, Window, repository};

fn data(name: &str) -> std::path::PathBuf {
    repository("projects/churn/data").join(name)
}

fn compared() -> Window {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num5);
    window.click("Compare data");
    window.until("the comparison", |window| {
        window.workbench().drift().last.is_some() && window.workbench().drift().running().is_none()
    });
    window
}

#[track_caller]
fn tick(window: &mut Window, label: &str) {
    window.harness.get_by_role_and_label(egui::accesskit::Role::CheckBox, label).click();
    window.rest();
}

#[track_caller]
fn pick(window: &mut Window, column: &str) {
    window.harness.get_by_role_and_label(egui::accesskit::Role::Row, column).click();
    window.rest();
}

#[test]
fn the_page_says_what_drifted_and_shows_each_column() {
    let mut window = compared();
    window.assert_says("7 of 12 features drifted, 58 % where the limit is 50 %");
    window.assert_says("7 of 12 columns");
    // The worst column is open, and another one after a click.
    window.assert_says("overseas: 0 % of the reference, 24 % now");
    pick(&mut window, "plan");
    window.assert_says("starter: 0 % of the reference, 14 % now");
    pick(&mut window, "tenure_months");
    window.assert_silent("starter: 0 % of the reference");
}

#[test]
fn limits_and_columns_judge_the_same_comparison_anew() {
    let mut window = compared();
    let time = window.workbench().drift().last.as_ref().unwrap().time;
    window.type_into("Drifted features fail from, %", "60");
    window.assert_silent("where the limit is 50 %");
    window.type_into("Drifted features fail from, %", "600");
    window.assert_says("A number from 0 to 100");
    assert!((window.project().documents.config.drift.share - 0.6).abs() < 1e-12, "what is no limit changes nothing");
    pick(&mut window, "tenure_months");
    tick(&mut window, "Critical");
    window.assert_says("Critical and drifted: tenure_months");
    tick(&mut window, "Ignore");
    window.assert_silent("Critical and drifted");
    window.assert_says("6 of 11 columns");
    assert_eq!(window.workbench().drift().last.as_ref().unwrap().time, time, "nothing was compared again");
}

#[test]
fn another_type_compares_again() {
    let mut window = compared();
    pick(&mut window, "seats");
    window.harness.get_by_label("Categorical").click();
    window.rest();
    window.until("the type", |window| {
        let report = window.workbench().drift().last.as_ref();
        let seats = report.and_then(|report| report.columns.iter().find(|column| column.name == "seats"));
        seats.is_some_and(|column| column.kind == ColumnKind::Categorical)
    });
    assert_eq!(window.project().documents.config.drift.columns.len(), 1);
}

#[test]
fn dropped_tables_become_the_reference_and_then_the_current_data() {
    let mut window = Window::new_project();
    let files = |window: &Window| window.project().documents.config.data.clone();
    window.drop_file(&data("reference.csv"));
    window.until("the reference", |window| files(window).reference.is_some());
    assert!(window.shows_page("Drift"));
    window.assert_says("No current data is declared");
    assert!(!window.is_enabled("Compare data"));
    window.drop_file(&data("current.csv"));
    window.until("the current data", |window| files(window).current.is_some());
    assert!(window.is_enabled("Compare data"));
    window.click("Compare now");
    window.until("the comparison", |window| window.workbench().drift().last.is_some());
    window.assert_says("customer_id is left out");
}

#[test]
fn a_new_file_keeps_the_meaning_of_the_columns_it_has() {
    let mut window = Window::churn();
    let text = std::fs::read_to_string(data("labelled.csv")).unwrap();
    let inside = window.project().root().join("data/autumn.csv");
    std::fs::write(&inside, text.replacen("churned", "left", 1)).unwrap();
    window.drop_file(&inside);
    let current = |window: &Window| window.project().documents.config.data.current.clone();
    window.until("the new file", |window| current(window).is_some_and(|file| file.path == "data/autumn.csv"));
    let expected = DataFile {
        path: "data/autumn.csv".to_owned(),
        time: Some("observed_on".to_owned()),
        id: Some("customer_id".to_owned()),
        ..DataFile::default()
    };
    assert_eq!(current(&window), Some(expected));
    window.press(CTRL, Key::Z);
    assert_eq!(current(&window).unwrap().path, "data/current.csv");
}

#[test]
fn a_file_that_is_no_table_is_refused_in_its_place() {
    let mut window = Window::churn();
    let before = window.file("project.ron");
    for (name, bytes) in [("empty.csv", &b""[..]), ("ragged.csv", b"a,b\n1\n"), ("picture.csv", b"\x89PNG\r\n\x1a\n")] {
        let path = window.beside(name, bytes);
        window.drop_file(&path);
        window.until(name, |window| window.workbench().drift().problem().is_some_and(|p| p.place.contains(name)));
        assert!(window.shows_page("Drift"), "{name}");
        window.click("Dismiss");
        assert!(window.workbench().drift().problem().is_none(), "{name}");
    }
    assert_eq!(window.file("project.ron"), before);
}

#[test]
fn the_overlay_says_what_a_table_becomes() {
    let new_project: fn() -> Window = Window::new_project;
    for (window, words) in [(new_project, "Use as the reference data"), (Window::churn, "Use as the current data")] {
        let mut window = window();
        let file = HoveredFile { path: Some(Path::new("/somewhere/new.parquet").to_owned()), ..HoveredFile::default() };
        window.harness.input_mut().hovered_files.push(file);
        window.step();
        window.step();
        window.assert_says(words);
    }
}

#[test]
fn a_comparison_of_other_files_is_out_of_date() {
    let mut window = compared();
    window.drop_file(&window.project().root().join("data/labelled.csv"));
    window.until_says("This comparison is out of date: the current data is another file now");
    window.click("Compare data");
    window.until_says("0 of 12 features drifted, and every check of quality holds");
    let held = window.harness.query_all_by_label("noise").count();
    assert!(12 <= held, "{held} columns are noise");
    let node = window.harness.get_by_role_and_label(egui::accesskit::Role::Row, "region");
    assert_eq!(node.accesskit_node().label().as_deref(), Some("region"));
}
