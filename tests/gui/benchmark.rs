//! The benchmark's page: each of its faces, and that its verdict follows the brief.

use egui::Key;
use trestle::command::{BenchmarkLength, BenchmarkRequest, BriefField, Command};
use trestle::project::reports::BenchmarkReport;

use crate::driver::{CTRL, Window};

fn apply(window: &mut Window, command: Command) {
    window.harness.state_mut().apply(command);
    window.rest();
}

fn limit(window: &mut Window, words: &str) {
    apply(window, Command::AnswerBrief(BriefField::Latency, words.to_owned()));
}

fn n_reports(window: &Window) -> usize {
    window.project().reports::<BenchmarkReport>().len()
}

/// Measures for a moment: a busy machine must still answer the 20 requests that a median needs.
fn measure(window: &mut Window) {
    let n = n_reports(window);
    apply(window, Command::RunBenchmarkOf(BenchmarkRequest { seconds: Some(1.0), ..BenchmarkRequest::default() }));
    window.until("a report", |window| n_reports(window) == n + 1);
}

fn page(mut window: Window) -> Window {
    window.press(CTRL, Key::Num3);
    assert!(window.shows_page("Benchmark"));
    window
}

#[test]
fn without_a_model_the_page_leads_to_the_model() {
    let mut window = page(Window::new_project());
    window.assert_says("There is no model to measure yet");
    assert!(!window.is_enabled("Run benchmark"));
    window.click("Go to the model");
    assert!(window.shows_page("Model"));
}

#[test]
fn the_verdict_on_the_page_follows_the_brief() {
    let mut window = page(Window::churn());
    window.assert_says("Not measured yet");
    limit(&mut window, "p50 under 60 s");
    measure(&mut window);
    window.assert_says("Brief says p50 ≤ 60,000 ms");
    window.assert_says("meets the brief");
    window.assert_says("the network and the server are not in it");
    window.assert_says("512 rows of data/reference.csv");
    limit(&mut window, "p50 under 0.0001 ms");
    window.assert_says("over the brief's limit");
    window.assert_says("When it was measured, it passed: the brief said p50 ≤ 60,000 ms then.");
    limit(&mut window, "p99.9999 under 60 s");
    window.assert_says("not enough samples");
    limit(&mut window, "as fast as can be");
    window.assert_says("the brief states no limit");
    window.click("State a limit in the brief");
    assert!(window.shows_page("Brief"));
    assert_eq!(n_reports(&window), 1, "nothing was measured again");
}

#[test]
fn batches_are_picked_and_runs_are_listed() {
    let mut window = page(Window::churn());
    measure(&mut window);
    window.assert_silent("Benchmarks so far");
    measure(&mut window);
    window.assert_says("Benchmarks so far");
    window.assert_says("closed loop, batch 1,");
    let row = egui_kittest::kittest::Queryable::get_by_label(&window.harness, "Batch 32");
    row.click();
    window.rest();
    window.assert_says("closed loop, batch 32,");
}

#[test]
fn a_measurement_of_another_version_is_stale_and_still_shown() {
    let mut window = page(Window::churn());
    limit(&mut window, "p50 under 60 s");
    measure(&mut window);
    apply(&mut window, Command::SelectVersion(Some(semver::Version::new(1, 0, 0))));
    window.assert_says("This says nothing about the version at hand: 1.1.0 was measured.");
    window.assert_says("1.1.0: meets the brief");
    window.assert_says("Percentiles");
    measure(&mut window);
    window.assert_silent("1.1.0 was measured");
}

#[test]
fn a_cancelled_benchmark_leaves_nothing() {
    let mut window = page(Window::churn());
    apply(&mut window, Command::RunBenchmark(BenchmarkLength::Long));
    window.until("its progress", |window| window.says("Cancel the benchmark"));
    assert!(!window.is_enabled("Run benchmark"));
    window.click("Cancel the benchmark");
    window.until("the end", |window| window.workbench().benchmark().running().is_none());
    assert_eq!(n_reports(&window), 0);
    assert!(!window.project().root().join("reports/benchmark").exists());
    window.assert_says("Not measured yet");
}

#[test]
fn a_changed_model_file_is_refused_on_the_page() {
    let mut window = page(Window::churn_changed(|root| {
        std::fs::copy(root.join("models/1.0.0/model.onnx"), root.join("models/1.1.0/model.onnx")).unwrap();
    }));
    window.click("Run a quick benchmark");
    window.until_says("The model file is not the one that was registered");
    window.click("Dismiss");
    window.assert_says("Not measured yet");
}
