//! `trestle predict`: scores the rows of a file.

use std::path::Path;

use super::args::OutputArgs;
use super::report::{Report, write_line};
use crate::engine::Worker;
use crate::features::{self, Mapping, Prediction};
use crate::jobs::{JobContext, JobError, no_wake};
use crate::problem::Problem;
use crate::project::Project;
use crate::project::contract::ModelContract;
use crate::session::{Asked, SharedSession, ask};
use crate::table::{self, Format, ReadConfig, Table};
use crate::workbench::Environment;

/// Rows scored at most; larger files wait for streaming.
const MAX_ROWS: usize = 1_000_000;

pub(super) fn predict(
    environment: &Environment,
    model: &Path,
    input: &Path,
    target: Option<&Path>,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let context = JobContext::new(no_wake());
    let config = ReadConfig { max_rows: Some(MAX_ROWS + 1), ..ReadConfig::default() };
    let table::Read { table, findings } = table::read_with_findings(input, &config).map_err(Problem::from)?;
    for finding in &findings {
        write_line(&mut std::io::stderr().lock(), &format!("note: {finding}"));
    }
    if MAX_ROWS < table.n_rows() {
        return Err(Problem::new(
            format!("The file has more than {MAX_ROWS} rows"),
            input.display().to_string(),
            "Split it; scoring files of any size is not there yet.",
        )
        .into());
    }
    let mut report = Report::new("predict");
    let (asked, contract) = if model.is_dir() {
        let project = Project::open(model).map_err(Problem::from)?;
        let version = project.select(version).map_err(Problem::from)?;
        report.set("project", project.slug());
        report.set("version", &version.record.version);
        let asked = Asked {
            worker: environment.worker.clone(),
            path: version.model_path(),
            sha256: Some(version.record.model.sha256.clone()),
            features: project.documents.features.as_ref().clone(),
            output: project.output().map_err(JobError::Failed)?,
        };
        (asked, version.record.model.contract.clone())
    } else {
        bare(environment, model, &table, &context)?
    };
    let mapping = Mapping::new(&asked.features, &contract).map_err(Problem::from)?;
    let rows = mapping.rows_from_table(&table).map_err(Problem::from)?;
    let (answers, micros) = ask(&SharedSession::default(), &asked, &rows, &context)?;
    report.set("rows", answers.len());
    report.set("micros", micros);
    let mut scored = table;
    scored.columns.extend(features::prediction_table(&answers).columns);
    match target {
        Some(path) => {
            table::write(path, &scored).map_err(Problem::from)?;
            report.set("output", path);
            report.say(format!("Scored {} rows into {}", answers.len(), path.display()));
        }
        None if output.json => report.set("predictions", as_json(&answers)),
        None => {
            let mut text = Vec::new();
            let failed = |error: std::io::Error| Problem::new(format!("Writing failed: {error}"), "", "");
            table::write_to(&mut text, Format::Csv, &scored).map_err(failed)?;
            report.say(String::from_utf8_lossy(&text).trim_end());
        }
    }
    Ok(report)
}

/// A model outside a project: its features are its own inputs.
fn bare(
    environment: &Environment,
    model: &Path,
    table: &Table,
    context: &JobContext,
) -> Result<(Asked, ModelContract), JobError> {
    let mut worker = Worker::start(&environment.worker).map_err(Problem::from)?;
    let inspection = worker.inspect(model, context).map_err(Problem::from)?;
    let features = features::learn(&features::contract_from_model(&inspection.contract), table);
    let asked = Asked {
        worker: environment.worker.clone(),
        path: model.to_owned(),
        sha256: Some(inspection.sha256),
        features,
        output: None,
    };
    Ok((asked, inspection.contract))
}

fn as_json(answers: &[Prediction]) -> Vec<serde_json::Value> {
    let one = |answer: &Prediction| {
        serde_json::json!({
            "label": answer.label, "probability": answer.probability, "level": answer.level,
            "classes": answer.classes, "scores": answer.scores,
        })
    };
    answers.iter().map(one).collect()
}
