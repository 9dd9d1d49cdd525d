//! Commands on whole projects: new, brief, build.

use std::path::{Path, PathBuf};

use super::args::{ExecutableArgs, OutputArgs};
use super::progress::Progress;
use super::report::{Report, Verdict, table};
use super::{open, report_on};
use crate::brief;
use crate::command::{BriefField, Command, ExportKind};
use crate::jobs::JobError;
use crate::judge;
use crate::problem::Problem;
use crate::project::reports::{LoadReport, LoadRun};
use crate::project::{DocumentKind, DocumentState};
use crate::workbench::{Environment, Workbench};

pub(super) fn new(environment: Environment, dir: &Path, example: bool, name: Option<&str>) -> Result<Report, JobError> {
    let mut workbench = Workbench::new(Environment { settings: None, ..environment });
    let root = dir.to_owned();
    let name = name.map_or_else(|| folder_name(dir), str::to_owned);
    workbench.run(if example { Command::NewFromExample(root) } else { Command::NewProject { root, name } }, |_| {})?;
    let mut report = report_on("new", &workbench);
    report.set("path", dir);
    report.say(format!("Made {}", dir.display()));
    report.say(format!("Open it with: trestle {}", dir.display()));
    Ok(report)
}

fn folder_name(dir: &Path) -> String {
    dir.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned())
}

pub(super) fn brief(environment: Environment, dir: &Path, markdown: bool) -> Result<Report, JobError> {
    let workbench = open(environment, dir.to_owned(), None)?;
    let project = workbench.project().ok_or(JobError::Cancelled)?;
    if let DocumentState::Protected { problem } = project.state(DocumentKind::Brief) {
        return Err(problem.clone().into());
    }
    let brief = &project.documents.brief;
    let mut report = report_on("brief", &workbench);
    let completeness = brief::completeness(brief);
    let answers: Vec<serde_json::Value> = BriefField::ALL
        .into_iter()
        .map(|field| {
            serde_json::json!({
                "id": field.id(),
                "question": brief::question(field).label,
                "answer": field.words(brief),
                "understood": field.understood(brief),
                "hint": brief::hint(field, brief),
            })
        })
        .collect();
    report.set("answered", completeness.n_answered);
    report.set("questions", completeness.n_questions);
    report.set("answers", answers);
    report.set(
        "values",
        serde_json::json!({
            "input": brief.input.value, "output": brief.output.value, "latency": brief.latency.value,
            "retraining": brief.retraining.value, "success": brief.success.value,
        }),
    );
    if markdown {
        let text = brief::markdown(&project.name(), brief);
        report.set("markdown", &text);
        report.say(text.trim_end());
        return Ok(report);
    }
    report.say(format!("{}: {} of {} answered", project.name(), completeness.n_answered, completeness.n_questions));
    for field in BriefField::ALL {
        let words = field.words(brief);
        report.say(String::new());
        report.say(brief::question(field).label);
        report.say(format!("  {}", if words.trim().is_empty() { "–" } else { words }));
        if let Some(understood) = field.understood(brief) {
            report.say(format!("  understood as {understood}"));
        }
        if let Some(hint) = brief::hint(field, brief) {
            report.say(format!("  hint: {hint}"));
        }
    }
    Ok(report)
}

pub(super) fn build(
    environment: Environment,
    dir: PathBuf,
    tag: Option<String>,
    runs: ExecutableArgs,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, version)?;
    choose(&mut workbench, runs)?;
    workbench.run(Command::BuildImage { tag }, |jobs| progress.show(jobs))?;
    drop(progress);
    let mut report = report_on("build", &workbench);
    let Some(built) = &workbench.container().last else { return Err(JobError::Cancelled) };
    let failed: Vec<String> = built
        .checks
        .iter()
        .filter(|check| !check.pass)
        .map(|check| format!("{}: {}", check.name, check.detail))
        .collect();
    report.judge(if built.passed() { Verdict::Pass } else { Verdict::Fail }, &failed);
    report.set("image_id", &built.image_id);
    report.set("tags", &built.tags);
    report.set("size_bytes", built.size_bytes);
    report.set("engine", &built.engine);
    let stages = built.timings_ms.iter().map(|(stage, millis)| (stage.clone(), serde_json::json!(millis)));
    report.set("timings_ms", stages.collect::<serde_json::Map<_, _>>());
    report.set("verification", &built.checks);
    let rows = built.checks.iter().map(|check| {
        vec![if check.pass { "passes" } else { "FAILS" }.to_owned(), check.name.clone(), check.detail.clone()]
    });
    for line in table(&rows.collect::<Vec<_>>()) {
        report.say(line);
    }
    if let Some(load) = &built.load {
        report.set("load", load_object(load));
        report.say(load_words(load));
    }
    let size = built.size_bytes as f64 / 1e6;
    if built.passed() {
        report.say(format!("Tagged {} ({size:.1} MB)", built.tags.join(", ")));
    } else {
        report.say("Not tagged: verification failed, and the image was removed. An earlier tag is untouched.");
    }
    Ok(report)
}

/// The load for programs, its figures named like a benchmark's.
fn load_object(load: &LoadReport) -> serde_json::Value {
    let side = |side: &LoadRun| {
        let [p50, p90, p95, p99, max] = side.run.percentiles_ms;
        serde_json::json!({
            "n": side.run.n, "n_failed": side.n_failed, "per_second": judge::per_second(&side.run),
            "p50_ms": p50, "p90_ms": p90, "p95_ms": p95, "p99_ms": p99, "max_ms": max,
            "resident_bytes": side.resident_bytes,
        })
    };
    serde_json::json!({
        "inside": side(&load.inside), "outside": load.outside.as_ref().map(side),
        "outside_missing": load.outside_missing, "peak_memory_bytes": load.peak_memory_bytes,
        "memory_limit_bytes": load.memory_limit_bytes,
    })
}

/// The load for people.
fn load_words(load: &LoadReport) -> String {
    let rows = judge::load_rows(load).into_iter().map(|row| {
        let [p50, p95, p99] = row.percentiles;
        format!("{} p50 {p50}, p95 {p95}, p99 {p99} ms, {} requests/s", row.place, row.per_second)
    });
    let mut words: Vec<String> = rows.collect();
    if !load.outside_missing.is_empty() {
        words.push(format!("outside not measured: {}", load.outside_missing));
    }
    format!("Under load, one request after another: {}", words.join("; "))
}

/// Says which executable is packaged, where that was said.
fn choose(workbench: &mut Workbench, runs: ExecutableArgs) -> Result<(), JobError> {
    match runs.executable {
        Some(path) => workbench.run(Command::ChooseExecutable(Some(path)), |_| {}),
        None => Ok(()),
    }
}

/// What is exported, and where to.
pub(super) struct Exporting<'a> {
    pub(super) kind: &'a str,
    pub(super) out: PathBuf,
    pub(super) tag: Option<String>,
    pub(super) runs: ExecutableArgs,
}

pub(super) fn export(
    environment: Environment,
    dir: PathBuf,
    Exporting { kind, out, tag, runs }: Exporting<'_>,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, version)?;
    let kind = ExportKind::from_id(kind).ok_or_else(|| Problem::new(format!("`{kind}` cannot be exported"), "", ""))?;
    choose(&mut workbench, runs)?;
    let target = if out.is_dir() { out.join(workbench.export_name(kind)) } else { out };
    workbench.run(Command::ExportImage { kind, target, tag }, |jobs| progress.show(jobs))?;
    drop(progress);
    let mut report = report_on("export", &workbench);
    let Some(exported) = &workbench.exported().last else { return Err(JobError::Cancelled) };
    report.set("kind", kind.id());
    report.set("path", &exported.path);
    report.set("size_bytes", exported.size_bytes);
    report.say(format!("Wrote {} ({:.1} kB)", exported.path.display(), exported.size_bytes as f64 / 1e3));
    Ok(report)
}

#[cfg(feature = "pictures")]
pub(super) fn pictures(environment: &Environment, out: &Path) -> Result<Report, JobError> {
    let names = crate::gui::pictures(out, environment)?;
    let mut report = Report::new("pictures");
    for name in names {
        report.say(name);
    }
    Ok(report)
}
