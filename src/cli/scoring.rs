//! `trestle predict`: scores the rows of a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::args::OutputArgs;
use super::report::Report;
use crate::engine::Worker;
use crate::features::{self, Mapping, Prediction};
use crate::jobs::{JobContext, JobError, no_wake};
use crate::model::{Asked, SharedSession, ask};
use crate::problem::Problem;
use crate::project::Project;
use crate::project::contract::{ClassLabel, ModelContract};
use crate::project::documents::Value;
use crate::table::{self, Table};
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
    let table = table::read(input, Some(MAX_ROWS + 1)).map_err(Problem::from)?;
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
            output: project.documents.brief.output.value.clone().unwrap_or_default(),
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
    let scored = scored(&table, &answers);
    match target {
        Some(path) => {
            write_file(path, &scored)?;
            report.set("output", path);
            report.say(format!("Scored {} rows into {}", answers.len(), path.display()));
        }
        None if output.json => report.set("predictions", as_json(&answers)),
        None => {
            let mut text = Vec::new();
            table::write_csv(&mut text, &scored.header, &scored.rows).map_err(Problem::from)?;
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
        output: crate::project::brief::OutputSpec::default(),
    };
    Ok((asked, inspection.contract))
}

struct Scored {
    header: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// The input's columns followed by the answers'.
fn scored(table: &Table, answers: &[Prediction]) -> Scored {
    let classes: Vec<ClassLabel> = answers.first().map(|answer| answer.classes.clone()).unwrap_or_default();
    let has_label = answers.iter().any(|answer| answer.label.is_some());
    let has_probability = answers.iter().any(|answer| answer.probability.is_some());
    let has_level = answers.iter().any(|answer| answer.level.is_some());
    let n_scores = answers.iter().map(|answer| answer.scores.len()).max().unwrap_or(0);
    let mut header: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let added = [(has_label, "label"), (has_probability, "probability"), (has_level, "level")];
    header.extend(added.iter().filter(|(present, _)| *present).map(|(_, name)| (*name).to_owned()));
    header.extend((0..n_scores).map(|index| match classes.get(index) {
        Some(class) => format!("probability_{class}"),
        None if n_scores == 1 => "prediction".to_owned(),
        None => format!("score_{index}"),
    }));
    let rows = answers
        .iter()
        .enumerate()
        .map(|(index, answer)| {
            let mut row = table.row(index);
            if has_label {
                row.push(answer.label.as_ref().map_or(Value::Missing, |label| match label {
                    ClassLabel::Int(label) => Value::Number(*label as f64),
                    ClassLabel::Text(label) => Value::Text(label.clone()),
                }));
            }
            if has_probability {
                row.push(answer.probability.map_or(Value::Missing, Value::Number));
            }
            if has_level {
                row.push(answer.level.clone().map_or(Value::Missing, Value::Text));
            }
            row.extend((0..n_scores).map(|index| answer.scores.get(index).map_or(Value::Missing, |score| Value::Number(*score))));
            row
        })
        .collect();
    Scored { header, rows }
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

/// Writes beside the target and renames, so that a failure leaves no half-written file.
fn write_file(path: &Path, scored: &Scored) -> Result<(), Problem> {
    let failed = |error: io::Error| {
        Problem::new(format!("Writing failed: {error}"), path.display().to_string(), "Choose another place.")
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    {
        let mut out: BufWriter<&mut File> = BufWriter::new(temporary.as_file_mut());
        let lines = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson");
        if lines {
            table::write_jsonl(&mut out, &scored.header, &scored.rows)?;
        } else {
            table::write_csv(&mut out, &scored.header, &scored.rows)?;
        }
        out.flush().map_err(failed)?;
    }
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
