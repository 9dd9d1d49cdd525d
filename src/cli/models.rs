//! Commands on models: inspect, add, alias, golden.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::OutputArgs;
use super::progress::Progress;
use super::report::{Report, Verdict, table};
use super::{open, report_on};
use crate::command::{Bump, Command};
use crate::engine::Worker;
use crate::jobs::{JobContext, JobError, no_wake};
use crate::problem::Problem;
use crate::project::contract::{Inspection, Severity, TensorSpec};
use crate::project::runtimes::runtimes;
use crate::workbench::Environment;

pub(super) fn inspect(environment: &Environment, model: &Path, script: bool) -> Result<Report, JobError> {
    if let Some(found) = crate::foreign::examine(model)? {
        return super::foreign::report(model, &found, script);
    }
    let context = JobContext::new(no_wake());
    let mut worker = Worker::start(&environment.worker).map_err(Problem::from)?;
    let inspection = worker.inspect(model, &context).map_err(Problem::from)?;
    if script {
        let what = "This is an ONNX model: there is nothing to convert";
        return Err(Problem::new(what, model.display().to_string(), "Leave --script out.").into());
    }
    let mut report = Report::new("inspect");
    let refusals: Vec<String> = inspection.refusals().map(|finding| finding.what.clone()).collect();
    report.judge(if refusals.is_empty() { Verdict::Pass } else { Verdict::Fail }, &refusals);
    describe(&mut report, model, &inspection);
    Ok(report)
}

fn describe(report: &mut Report, model: &Path, inspection: &Inspection) {
    let specs = |specs: &[TensorSpec]| -> Vec<serde_json::Value> {
        specs
            .iter()
            .map(|spec| {
                json!({
                    "name": spec.name, "dtype": spec.dtype.plain_name(), "datatype": spec.dtype.v2_name(),
                    "shape": spec.shape.iter().map(ToString::to_string).collect::<Vec<_>>(), "classes": spec.classes,
                })
            })
            .collect()
    };
    report.set("model", model);
    report.set("sha256", &inspection.sha256);
    report.set("size_bytes", inspection.size_bytes);
    report.set("producer", &inspection.producer);
    report.set("ir_version", inspection.ir_version);
    report.set(
        "opsets",
        inspection
            .opsets
            .iter()
            .map(|(domain, version)| json!({"domain": domain, "version": version}))
            .collect::<Vec<_>>(),
    );
    report.set("parameters", inspection.n_parameters);
    report.set("inputs", specs(&inspection.contract.inputs));
    report.set("outputs", specs(&inspection.contract.outputs));
    report.set("operators", &inspection.operators);
    report.set(
        "metadata",
        inspection.metadata.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
    );
    report.set(
        "findings",
        inspection
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "id": finding.id, "severity": severity(finding.severity), "what": finding.what, "fix": finding.fix,
                })
            })
            .collect::<Vec<_>>(),
    );
    let runtimes = runtimes(inspection);
    report.set(
        "runtimes",
        runtimes
            .iter()
            .map(|one| json!({"runtime": one.runtime, "severity": one.severity.map(severity), "reason": one.reason}))
            .collect::<Vec<_>>(),
    );
    report.say(model.display().to_string());
    let opsets: Vec<String> = inspection
        .opsets
        .iter()
        .map(|(domain, version)| format!("{} {version}", if domain.is_empty() { "ai.onnx" } else { domain }))
        .collect();
    report.say(format!("{}, IR {}, {}", inspection.producer, inspection.ir_version, opsets.join(", ")));
    report.say(format!(
        "{} bytes, {} parameters, sha256 {}",
        inspection.size_bytes, inspection.n_parameters, inspection.sha256
    ));
    report.say(String::new());
    let row = |kind: &str, spec: &TensorSpec| {
        vec![kind.to_owned(), spec.name.clone(), spec.dtype.to_string(), spec.shape_text()]
    };
    let contract = &inspection.contract;
    let rows: Vec<Vec<String>> = contract
        .inputs
        .iter()
        .map(|spec| row("input", spec))
        .chain(contract.outputs.iter().map(|spec| row("output", spec)))
        .collect();
    for line in table(&rows) {
        report.say(line);
    }
    report.say(String::new());
    let operators: Vec<String> = inspection
        .operators
        .iter()
        .map(|count| {
            let domain = if count.domain.is_empty() { String::new() } else { format!("{}:", count.domain) };
            format!("{domain}{} ×{}", count.operator, count.count)
        })
        .collect();
    report.say(format!("operators: {}", operators.join(", ")));
    report.say(String::new());
    let rows = runtimes.iter().map(|one| vec![one.runtime.to_owned(), one.reason.clone()]);
    for line in table(&rows.collect::<Vec<_>>()) {
        report.say(line);
    }
    if !inspection.findings.is_empty() {
        report.say(String::new());
    }
    for finding in &inspection.findings {
        report.say(format!("{}: {}. {}", severity(finding.severity), finding.what, finding.fix).trim_end().to_owned());
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Refused => "refused",
    }
}

pub(super) fn add(
    environment: Environment,
    dir: PathBuf,
    model: PathBuf,
    bump: Option<Bump>,
    why: String,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, None)?;
    let done = workbench.run(Command::AddModel { source: model, bump, why }, |jobs| progress.show(jobs));
    drop(progress);
    done?;
    let mut report = report_on("add", &workbench);
    let Some(version) = workbench.version() else { return Err(JobError::Cancelled) };
    report.set("bump_reason", &version.record.bump_reason);
    report.set("previous", &version.record.previous);
    report.set("sha256", &version.record.model.sha256);
    report.set("golden_rows", version.golden.as_ref().map_or(0, |golden| golden.rows.len()));
    for notice in workbench.take_notices() {
        report.say(notice.text);
    }
    Ok(report)
}

pub(super) fn alias(
    environment: Environment,
    dir: PathBuf,
    name: String,
    target: &str,
    why: String,
) -> Result<Report, JobError> {
    let mut workbench = open(environment, dir, Some(target))?;
    let version = workbench.version().ok_or(JobError::Cancelled)?.record.version.clone();
    workbench.run(Command::SetAlias { alias: name.clone(), version, why }, |_| {})?;
    let mut report = report_on("alias", &workbench);
    report.set("alias", name);
    for notice in workbench.take_notices() {
        report.say(notice.text);
    }
    Ok(report)
}
