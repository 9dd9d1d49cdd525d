//! The card "Cost by operator" on the model's page.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use trestle::project::reports::ProfileReport;

use crate::driver::{CTRL, Window};

fn press(window: &mut Window, role: Role, label: &str) {
    window.harness.get_by_role_and_label(role, label).click();
    window.rest();
}

fn profiled() -> Window {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num2);
    window.click("Profile");
    window.until("the profile", |window| !window.project().reports::<ProfileReport>().is_empty());
    window.rest();
    window
}

#[test]
fn one_click_profiles_the_version_and_keeps_the_report() {
    let mut window = Window::churn();
    window.press(CTRL, Key::Num2);
    window.assert_says("every step is timed");
    window.assert_silent("Peak activations");
    window.click("Profile");
    window.until("the profile", |window| !window.project().reports::<ProfileReport>().is_empty());
    window.rest();
    for words in
        ["A call", "Arithmetic", "Trained values", "Weights", "Peak activations", "Shares are of the time in the steps"]
    {
        window.assert_says(words);
    }
    window.assert_says("Profile again");
    let [report] = window.project().reports::<ProfileReport>() else { panic!("one profile") };
    assert_eq!((report.version.to_string().as_str(), report.batch), ("1.1.0", 1));
    let operators: Vec<String> = report.profile.operators.iter().map(|operator| operator.operator.clone()).collect();
    for operator in operators {
        window.assert_says(&operator);
    }
}

#[test]
fn rows_are_sorted_searched_and_looked_into() {
    let mut window = profiled();
    let [report] = window.project().reports::<ProfileReport>() else { panic!("one profile") };
    // One whose name is no part of another's, so that one row alone is called so.
    let steps = &report.profile.steps;
    let alone = |name: &str| steps.iter().filter(|step| step.node == name || step.name.contains(name)).count() == 1;
    let step = steps.iter().find(|step| !step.node.is_empty() && alone(&step.node)).unwrap().clone();
    let steps_listed = steps.len();
    let names = |window: &Window| {
        let rows = window.harness.query_all_by(|node| node.role() == Role::Row);
        rows.filter_map(|row| row.accesskit_node().label()).filter(|name| name.starts_with("Node ")).collect::<Vec<_>>()
    };
    window.type_into("Find an operator", "no such thing");
    window.assert_says("Nothing here is called “no such thing”");
    window.type_into("Find an operator", "");
    window.assert_silent("Nothing here is called");
    window.choose("By node");
    let by_time = names(&window);
    assert_eq!(by_time.len(), steps_listed);
    press(&mut window, Role::ColumnHeader, "node");
    let by_name = names(&window);
    let mut sorted = by_name.clone();
    sorted.sort();
    assert_eq!(by_name, sorted);
    press(&mut window, Role::ColumnHeader, "node");
    assert_eq!(names(&window).first(), by_name.last());
    window.type_into("Find a node", &step.node);
    assert_eq!(names(&window).len(), 1);
    press(&mut window, Role::Row, &format!("Node {}", step.node));
    window.assert_says("Runs as");
    window.assert_says(&step.outputs[0]);
}

#[test]
fn another_version_makes_the_costs_stale() {
    let mut window = profiled();
    window.assert_silent("This says nothing about the version at hand");
    press(&mut window, Role::Row, "Version 1.0.0");
    window.assert_says("This says nothing about the version at hand: 1.1.0 was profiled. Profile again.");
}

#[test]
fn a_table_is_exported_as_csv() {
    let mut window = profiled();
    let path = window.folder.path().join("cost.csv");
    window.prepare(&path);
    window.click("CSV…");
    window.until("the export", |_| path.exists());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("domain,operator,nodes,"), "{text}");
}

#[test]
fn a_failure_is_shown_in_its_place() {
    let mut window = Window::churn_changed(|root| {
        let (old, new) = (root.join("models/1.0.0/model.onnx"), root.join("models/1.1.0/model.onnx"));
        std::fs::copy(old, new).unwrap();
    });
    window.press(CTRL, Key::Num2);
    window.click("Profile");
    window.until_says("The model file is not the one that was registered");
    window.click("Dismiss");
    window.assert_silent("The model file is not the one that was registered");
}
