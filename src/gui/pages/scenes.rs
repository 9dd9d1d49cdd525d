//! The pages' scenes, step by step, each project made for them.

use std::path::{Path, PathBuf};

use jiff::Span;
use jiff::tz::TimeZone;
use semver::Version;

use super::folders::{Folders, failed, text_of};
use super::{Scene, verified, window};
use crate::clock;
use crate::command::{BenchmarkLength, BenchmarkRequest, BriefField, Command, DataRole, ProfileOptions};
use crate::gui::ui_command::{ContainerPart, UiCommand};
use crate::problem::Problem;
use crate::project::documents::{ColumnSettings, Value};
use crate::project::{PROJECT_FILE, Project};
use crate::step::Step;

/// A small network, which no example has yet.
const CONVOLUTION: &[u8] = include_bytes!("../../../tests/models/small_convolution.onnx");

/// Every scene.
pub(super) fn all(folders: &Folders) -> Result<Vec<Scene>, Problem> {
    let example = folders.example("churn")?;
    let mut scenes = vec![Scene::new("start", Step::Brief, vec![])];
    scenes.extend(brief(folders, &example)?);
    scenes.extend(model(folders, &example)?);
    scenes.extend(benchmark(folders)?);
    scenes.extend(readiness(folders)?);
    scenes.extend(drift(folders)?);
    scenes.extend(container(folders, &example)?);
    scenes.extend(window::window(&example));
    Ok(scenes)
}

fn open(root: &Path) -> Command {
    Command::OpenProject(root.to_owned())
}

fn quick() -> Command {
    Command::RunBenchmarkOf(BenchmarkRequest { seconds: Some(2.0), ..BenchmarkRequest::default() })
}

fn brief(folders: &Folders, example: &Path) -> Result<Vec<Scene>, Problem> {
    let half = text_of(&example.join("brief.ron"))?;
    let half: String = half.chars().take(half.len() / 2).collect();
    let unreadable = folders.example_with("brief-unreadable", "brief.ron", half.as_bytes())?;
    let vague = folders.project("brief-vague")?;
    let answer = |field, words: &str| Command::AnswerBrief(field, words.to_owned());
    let scene = |name, commands| Scene::new(name, Step::Brief, commands);
    Ok(vec![
        scene("brief", vec![open(example)]),
        scene("brief-measured", vec![open(&folders.example("brief-measured")?), quick(), Command::Evaluate]),
        scene("brief-empty", vec![open(&folders.project("empty")?)]),
        scene(
            "brief-vague",
            vec![
                open(&vague),
                answer(BriefField::Problem, "leaf disease"),
                answer(BriefField::EndUser, "everyone"),
                answer(BriefField::Latency, "fast"),
                answer(BriefField::Success, "accuracy > 0.9, accuracy > 0.8"),
            ],
        ),
        scene("brief-unreadable", vec![open(&unreadable)]),
    ])
}

fn model(folders: &Folders, example: &Path) -> Result<Vec<Scene>, Problem> {
    let not_a_model = folders.file("holiday.onnx", b"\x89PNG\r\n\x1a\n, renamed")?;
    let add = |source: PathBuf| Command::AddModel { source, bump: None, why: "dropped on the window".to_owned() };
    let pickled = folders.file("churn.pkl", include_bytes!("../../../tests/foreign/in_dict.pkl"))?;
    let many = folders.file("detector.onnx", include_bytes!("../../../tests/foreign/refused.onnx"))?;
    let differing = folders.example("model-golden-differs")?;
    let predictions = differing.join("data/predictions-1.1.0.csv");
    let undeclared = declaring(folders, "model-undeclared", "")?;
    let failing = r#"labelled: (path: "data/labelled.csv", target: "left"),"#;
    let failing = declaring(folders, "model-evaluation-failed", failing)?;
    let stale = folders.example("model-evaluation-stale")?;
    let mut elsewhere = Project::open(&stale)?.documents.config.as_ref().clone();
    if let Some(labelled) = &mut elsewhere.data.labelled {
        labelled.path = "data/current.csv".to_owned();
    }
    let evaluated = folders.example("model-evaluated")?;
    let (costs, example_again) = (folders.example("model-cost")?, folders.example("model-cost-running")?);
    let network = folders.project("model-cost-network")?;
    let convolution = folders.file("convolution.onnx", CONVOLUTION)?;
    let profile = |batch| Command::RunProfile(ProfileOptions { batch: Some(batch), ..ProfileOptions::default() });
    let scene = |name, commands| Scene::new(name, Step::Model, commands);
    Ok(vec![
        scene("model", vec![open(example), Command::CheckGolden]).tall(),
        scene("model-evaluating", vec![open(example), Command::Evaluate]).running(),
        scene("model-evaluated", vec![open(&evaluated), Command::CheckGolden, Command::Evaluate]),
        scene(
            "model-evaluated-fails",
            vec![open(&evaluated), Command::SelectVersion(Some(Version::new(1, 0, 0))), Command::Evaluate],
        ),
        scene("model-undeclared", vec![open(&undeclared)]),
        scene("model-evaluation-failed", vec![open(&failing), Command::Evaluate]),
        scene("model-evaluation-stale", vec![open(&stale), Command::Evaluate, Command::SetConfig(elsewhere)]),
        scene("model-cost", vec![open(&costs), profile(1)]).very_tall(),
        Scene {
            nodes: true,
            ..scene("model-cost-nodes", vec![open(&network), add(convolution), profile(32)]).very_tall()
        },
        scene("model-cost-running", vec![open(&example_again), profile(1)]).running().very_tall(),
        scene("model-cost-stale", vec![open(&costs), Command::SelectVersion(Some(Version::new(1, 0, 0)))]).very_tall(),
        scene("model-cost-failed", vec![open(&failing), profile(1 << 30)]).very_tall(),
        scene("model-empty", vec![open(&folders.project("model-empty")?)]),
        scene("model-refused", vec![open(example), add(not_a_model)]),
        scene("model-pickle", vec![open(example), add(pickled)]).tall(),
        scene("model-doctor", vec![open(example), add(many)]),
        scene(
            "model-golden-differs",
            vec![
                open(&differing),
                Command::SelectVersion(Some(Version::new(1, 0, 0))),
                Command::MakeGolden { from: Some(predictions) },
            ],
        ),
        scene(
            "model-running",
            vec![open(&folders.project("model-running")?), add(example.join("models/1.1.0/model.onnx"))],
        )
        .running(),
        scene("model-try-failed", vec![open(example), Command::TryRow(vec![Value::Missing])]).tall(),
    ])
}

/// A copy of the example that declares other labelled data.
fn declaring(folders: &Folders, name: &str, labelled: &str) -> Result<PathBuf, Problem> {
    let folder = folders.example(name)?;
    let config = folder.join(PROJECT_FILE);
    let text = text_of(&config)?;
    let lines = text.lines().map(|line| if line.trim_start().starts_with("labelled:") { labelled } else { line });
    std::fs::write(&config, lines.collect::<Vec<_>>().join("\n")).map_err(failed("Writing", &config))?;
    Ok(folder)
}

fn benchmark(folders: &Folders) -> Result<Vec<Scene>, Problem> {
    let measured = folders.example("benchmark")?;
    let new = folders.example("benchmark-not-run")?;
    let changed = folders.example("benchmark-failed")?;
    let other = changed.join("models/1.1.0/model.onnx");
    std::fs::copy(changed.join("models/1.0.0/model.onnx"), &other).map_err(failed("Copying", &other))?;
    let limit = |words: &str| Command::AnswerBrief(BriefField::Latency, words.to_owned());
    let scene = |name, commands| Scene::new(name, Step::Benchmark, commands);
    Ok(vec![
        scene("benchmark-no-model", vec![open(&folders.project("benchmark-no-model")?)]),
        scene("benchmark-not-run", vec![open(&new)]),
        scene("benchmark-running", vec![open(&new), Command::RunBenchmark(BenchmarkLength::Standard)]).running(),
        scene("benchmark", vec![open(&measured), quick()]),
        scene("benchmark-again", vec![open(&measured), quick()]).tall(),
        scene("benchmark-over-the-limit", vec![open(&measured), limit("p99 under 0.001 ms, 50 requests/s")]),
        scene("benchmark-few-samples", vec![open(&measured), limit("p99.9999 under 200 ms")]),
        scene("benchmark-without-a-limit", vec![open(&measured), limit("fast")]),
        scene(
            "benchmark-stale",
            vec![
                open(&measured),
                limit("under 200 ms, 50 requests/s"),
                Command::SelectVersion(Some(Version::new(1, 0, 0))),
            ],
        ),
        scene("benchmark-failed", vec![open(&changed), quick()]),
    ])
}

fn readiness(folders: &Folders) -> Result<Vec<Scene>, Problem> {
    let said = "(format: 1, attestations: [(item: \"unit-tests\", note: \"pytest: 14 passed\", who: \"Ada\", \
                when: \"2026-11-20T09:00:00Z\", evidence: (code: \"0000\"))])";
    let stale = folders.example_with("readiness-stale", "checklist.ron", said.as_bytes())?;
    let unreadable = folders.example("readiness-failed")?;
    let reference = unreadable.join("data/reference.csv");
    std::fs::remove_file(&reference).map_err(failed("Removing", &reference))?;
    std::fs::create_dir(&reference).map_err(failed("Making", &reference))?;
    let attest = |item: &str, note: &str| Command::Attest { item: item.to_owned(), note: note.to_owned() };
    let soon = crate::clock::now().to_zoned(TimeZone::UTC).date().saturating_add(Span::new().days(30));
    let waive = Command::Waive {
        item: "integration-tests".to_owned(),
        reason: "the pilot has one user".to_owned(),
        owner: Some("Grace".to_owned()),
        expires: soon,
    };
    let ready = folders.example("readiness")?;
    let scene = |name, root: &Path, commands: Vec<Command>| {
        let commands = [vec![open(root)], commands, vec![Command::CheckReadiness]].concat();
        Scene::new(name, Step::Readiness, commands)
    };
    let words = vec![
        Command::BuildImage { tag: None },
        quick(),
        Command::Evaluate,
        attest("unit-tests", "pytest: 14 passed"),
        attest("lint-format", "ruff: nothing to say"),
        waive,
    ];
    let new = folders.example("readiness-new")?;
    Ok(vec![
        scene("readiness-new", &new, vec![]),
        scene("readiness-checking", &new, vec![]).running(),
        Scene { size: (1440.0, 1250.0), ..scene("readiness", &ready, words).item("integration-tests") },
        Scene { waiving: true, ..scene("readiness-waiving", &new, vec![]).item("unit-tests") },
        scene("readiness-stale", &stale, vec![]).item("unit-tests"),
        scene("readiness-no-model", &folders.project("readiness-no-model")?, vec![]).item("model-serialised"),
        scene("readiness-failed", &unreadable, vec![]),
    ])
}

fn drift(folders: &Folders) -> Result<Vec<Scene>, Problem> {
    let waiting = folders.example("drift-waiting")?;
    let numeric = folders.example("drift-numeric")?;
    let ignored = without(&numeric, &["region", "payment_method", "plan"])?;
    let another = Command::UseData(DataRole::Current, "data/labelled.csv".into());
    let failing = folders.example_with("drift-failed", "data/current.csv", b"")?;
    let scene = |name, commands| Scene::new(name, Step::Drift, commands);
    Ok(vec![
        scene("drift-empty", vec![open(&folders.project("drift-empty")?)]),
        scene("drift-not-compared", vec![open(&waiting)]),
        scene("drift-running", vec![open(&waiting), Command::CompareData]).running(),
        scene("drift", vec![open(&folders.example("drift")?), Command::CompareData]),
        scene("drift-numeric", vec![open(&numeric), Command::CompareData, ignored]).tall(),
        scene("drift-stale", vec![open(&folders.example("drift-stale")?), Command::CompareData, another]),
        scene("drift-failed", vec![open(&failing), Command::CompareData]),
    ])
}

/// Leaves columns of a project out of the verdict on drift.
fn without(root: &Path, columns: &[&str]) -> Result<Command, Problem> {
    let mut config = Project::open(root)?.documents.config.as_ref().clone();
    for name in columns {
        let name = (*name).to_owned();
        config.drift.decide(ColumnSettings { name, ignored: true, ..ColumnSettings::default() });
    }
    Ok(Command::SetConfig(config))
}

fn container(folders: &Folders, example: &Path) -> Result<Vec<Scene>, Problem> {
    let scene = |name, commands| Scene::new(name, Step::Container, commands);
    let build = || Command::BuildImage { tag: None };
    let built = folders.example("container")?;
    let refused = Command::BuildImage { tag: Some("Not a reference".to_owned()) };
    let (remote, held) = (folders.example("container-remote")?, folders.example("container-load-failed")?);
    verified::keep(&remote, clock::now(), None)?;
    verified::keep(&held, clock::now(), Some("20 of 931 requests failed: no answer (connection reset by peer)"))?;
    let script = folders.file("trestle-serve.sh", b"#!/bin/sh\n")?;
    let here = std::env::current_exe().map_err(failed("Finding this program", Path::new("")))?;
    let choose = |path: &Path| Command::ChooseExecutable(Some(path.to_owned()));
    Ok(vec![
        scene("container-empty", vec![open(&folders.project("container-empty")?)]),
        scene("container-not-built", vec![open(example)]),
        scene("container-running", vec![open(example), build()]).running(),
        scene("container", vec![open(&built), build()]),
        scene("container-load", vec![open(&built)]).tall(),
        scene("container-stale", vec![open(&built), Command::SelectVersion(Some(Version::new(1, 0, 0)))]),
        scene("container-remote", vec![open(&remote)]).tall(),
        scene("container-load-failed", vec![open(&held)]).tall(),
        scene("container-failed", vec![open(&folders.example("container-failed")?), refused]),
        Scene {
            asks: vec![UiCommand::ShowPart(ContainerPart::Deliver)],
            ..scene("container-deliver", vec![open(&built)])
        },
        scene("container-executable-chosen", vec![open(example), choose(&here)]),
        scene("container-executable-refused", vec![open(example), choose(&script)]),
    ])
}
