//! The run panel as a person meets it, with an engine that stands in for a real one.

use std::path::Path;

use egui::Key;
use egui_kittest::kittest::Queryable as _;
use serde_json::Value as Json;
use tempfile::TempDir;
use trestle::project::Project;
use trestle::project::documents::Evidence;
use trestle::project::reports::{Check, PackageReport};

use crate::driver::{CTRL, Window};
use crate::engine::{ID, StandIn};

/// The example with its image built, the container's page open, and the engine's one container in a phase.
fn opened(phase: &'static str) -> (Window, StandIn, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let engine = StandIn::listen(folder.path(), phase);
    let mut window = Window::churn_on(engine.environment(), built);
    window.press(CTRL, Key::Num6);
    window.choose("Run");
    window.until("the list", |window| window.workbench().containers().list.last.is_some());
    (window, engine, folder)
}

fn built(root: &Path) {
    let mut project = Project::open(root).unwrap();
    let model = project.select(None).unwrap().record.model.sha256.clone();
    let report = PackageReport {
        time: "2026-11-23T10:00:00Z".parse().unwrap(),
        version: "1.1.0".parse().unwrap(),
        image_id: "sha256:77".to_owned(),
        tags: vec!["churn:1.1.0".to_owned()],
        size_bytes: 1,
        engine: "a stand-in".to_owned(),
        timings_ms: Vec::new(),
        checks: vec![Check { name: "Gets ready".to_owned(), pass: true, detail: String::new() }],
        evidence: Evidence { model, ..Evidence::default() },
        load: None,
    };
    project.add_package(report, "tester").unwrap();
}

#[test]
fn a_running_container_shows_what_it_says_and_uses() {
    let (mut window, engine, _folder) = opened("running");
    window.until("its use", |window| {
        window.workbench().containers().watched.as_ref().is_some_and(|watched| watched.usage.len() == 2)
    });
    window.until_says("second line");
    for words in ["healthy", "127.0.0.1:49153/docs", "Log of trestle-churn-1.1.0", "What trestle-churn-1.1.0 uses"] {
        window.assert_says(words);
    }
    // A quarter of a processor in one second, of half a one; half the memory; 4 kB in and 2 kB out.
    for words in ["25 % of 50 %", "32 of 64 MiB", "4.0 in, 2.0 out kB/s"] {
        window.assert_says(words);
    }
    window.click(&format!("Stop {}", "trestle-churn-1.1.0"));
    window.until_says("stopped");
    assert_eq!(engine.asked(&format!("POST /containers/{ID}/stop?t=20")).len(), 1);
    window.assert_silent("127.0.0.1:49153/docs");
    window.click("Remove trestle-churn-1.1.0");
    window.until_says("No container of Trestle's");
    assert_eq!(engine.asked(&format!("DELETE /containers/{ID}")).len(), 1);
}

#[test]
fn a_container_that_ended_is_started_again() {
    let (mut window, engine, _folder) = opened("running");
    engine.ended(3);
    window.until_says("ended with 3");
    window.click("Start trestle-churn-1.1.0");
    window.until_says("healthy");
    window.click("Restart trestle-churn-1.1.0");
    window.until_says("Restarted trestle-churn-1.1.0");
    assert_eq!(engine.asked(&format!("POST /containers/{ID}/restart")).len(), 1);
}

#[test]
fn the_form_becomes_what_is_asked_of_the_engine() {
    let (mut window, engine, _folder) = opened("");
    window.assert_says("No container of Trestle's");
    window.type_into("Port", "70000");
    window.assert_says("ports go from 1 to 65535");
    assert!(!window.is_enabled("Run churn:1.1.0"));
    window.type_into("Port", "8081");
    window.type_into("Memory, MiB", "128");
    window.type_into("CPUs", "0.5");
    window.click("Add a variable");
    window.type_into("Variable 1, name", "LD_PRELOAD");
    window.assert_says("would change what the executable loads");
    window.type_into("Variable 1, name", "TRESTLE_SERVE_THREADS");
    window.type_into("Variable 1, value", "2");
    window.harness.get_by_label("Keep a request log in the project").click();
    window.rest();
    window.click("Show as a command");
    window.assert_says("-p 127.0.0.1:8081:8080 -e TRESTLE_SERVE_THREADS=2");
    window.click("Run churn:1.1.0");
    window.until("the run", |window| window.workbench().containers().ran.last.is_some());
    let asked = engine.asked("POST /containers/create?name=trestle-churn-1.1.0");
    let body: Json = serde_json::from_str(&asked[0]).unwrap();
    assert_eq!(body["Image"], "churn:1.1.0");
    assert_eq!(body["Env"], serde_json::json!(["TRESTLE_SERVE_THREADS=2", "TRESTLE_SERVE_REQUEST_LOG=/log"]));
    let host = &body["HostConfig"];
    assert_eq!(host["PortBindings"]["8080/tcp"][0]["HostPort"], "8081");
    assert_eq!((&host["Memory"], &host["NanoCpus"]), (&Json::from(128 << 20), &Json::from(500_000_000)));
    assert_eq!((&host["ReadonlyRootfs"], &host["CapDrop"][0]), (&Json::from(true), &Json::from("ALL")));
    let folder = window.project().root().join(".trestle/requests/1.1.0");
    assert_eq!(host["Mounts"][0]["Source"], folder.display().to_string());
    assert!(folder.is_dir());
    // It is looked at right away.
    window.until_says("Log of trestle-churn-1.1.0");
}

#[test]
fn a_port_in_use_is_told_and_nothing_stays() {
    let (mut window, engine, _folder) = opened("");
    engine.refuse("Bind for 127.0.0.1:8081 failed: port is already allocated");
    window.type_into("Port", "8081");
    window.click("Run churn:1.1.0");
    window.until_says("Port 8081 of 127.0.0.1 is already in use");
    window.assert_says("Choose another port");
    window.click("Dismiss");
    window.assert_silent("already in use");
}

#[test]
fn what_a_killed_build_left_is_cleaned_up() {
    let folder = tempfile::tempdir().unwrap();
    let engine = StandIn::listen(folder.path(), "running");
    engine.orphaned();
    let mut window = Window::churn_on(engine.environment(), built);
    window.press(CTRL, Key::Num6);
    window.choose("Run");
    window.until_says("One container was left by a process that was killed");
    window.assert_says("left over");
    window.click("Clean up");
    window.until_says("No container of Trestle's");
    assert_eq!(engine.asked(&format!("DELETE /containers/{ID}")).len(), 1);
}

#[test]
fn nobody_looks_once_the_page_is_left() {
    let (mut window, _engine, _folder) = opened("running");
    assert!(window.workbench().containers().is_watching());
    // Looking is no work to wait for.
    window.until("the other jobs", |window| window.workbench().jobs().is_empty());
    assert!(window.workbench().containers().is_watching());
    window.press(CTRL, Key::Num1);
    assert!(!window.workbench().containers().is_watching());
    window.press(CTRL, Key::Num6);
    assert!(window.workbench().containers().is_watching());
}
