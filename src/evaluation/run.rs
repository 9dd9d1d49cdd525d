//! From the labelled file to counts.

use std::path::PathBuf;

use super::classes::Tally;
use super::numbers;
use crate::features::{Mapping, Prediction, output_for};
use crate::jobs::{JobContext, JobError};
use crate::problem::Problem;
use crate::project::brief::{OutputKind, OutputSpec};
use crate::project::contract::{ClassLabel, Dtype, ModelContract};
use crate::project::documents::Value;
use crate::project::reports::Outcomes;
use crate::project::{PROJECT_FILE, Project};
use crate::session::{Asked, SharedSession, ask_each};
use crate::table::{self, Cells, ReadConfig};

/// Rows evaluated at most.
const MAX_ROWS: usize = 1_000_000;

/// Rows whose true answer is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The file.
    pub path: PathBuf,
    /// The file as the project names it.
    pub name: String,
    /// The column of the true answer.
    pub target: String,
}

/// What an evaluation counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// Rows of the file.
    pub n_rows: u64,
    /// Rows left out because their true answer is missing.
    pub n_unlabelled: u64,
    /// The answers beside the truth.
    pub outcomes: Outcomes,
}

/// The labelled data that a project declares, or what is missing about it.
pub fn labelled_data(project: &Project) -> Result<Labelled, Problem> {
    let place = || project.root().join(PROJECT_FILE).display().to_string();
    let Some(file) = &project.documents.config.data.labelled else {
        return Err(Problem::new(
            "The project has no labelled data",
            place(),
            "Name a file of held-out rows and its target column under data.labelled.",
        ));
    };
    let target = file.target.clone().filter(|target| !target.is_empty()).ok_or_else(|| {
        Problem::new(
            format!("The true answer in {} is not named", file.path),
            place(),
            "Name its column under data.labelled.target.",
        )
    })?;
    Ok(Labelled { path: project.data_path(file), name: file.path.clone(), target })
}

/// The reading of outputs that keeps all they say, so that a report can be judged under any brief.
///
/// Only what a single column without a label is, a number or a probability, has to be the brief's word.
fn reading(contract: &ModelContract, stated: Option<&OutputSpec>) -> OutputSpec {
    let stated = stated.map(|stated| stated.kind);
    let of_model = output_for(contract, None).kind;
    let is_number = stated == Some(OutputKind::Number)
        || (of_model == OutputKind::Number && stated != Some(OutputKind::Probability));
    let kind = if is_number { OutputKind::Number } else { OutputKind::Probability };
    OutputSpec { kind, ..OutputSpec::default() }
}

/// Asks a version every labelled row and counts its answers beside the truth; blocks, so it belongs in a job.
pub fn evaluate(
    session: &SharedSession,
    asked: &Asked,
    contract: &ModelContract,
    labelled: &Labelled,
    context: &JobContext,
) -> Result<Counted, JobError> {
    let place = labelled.path.display().to_string();
    let at =
        |problem: Problem| if problem.place.is_empty() { Problem { place: place.clone(), ..problem } } else { problem };
    context.progress(None, format!("Reading {}", labelled.name));
    let mapping = Mapping::new(&asked.features, contract).map_err(Problem::from)?;
    let mut text_columns = mapping.text_columns();
    if has_text_classes(contract) {
        text_columns.insert(labelled.target.clone());
    }
    let config = ReadConfig { max_rows: Some(MAX_ROWS + 1), text_columns };
    let table = table::read_with(&labelled.path, &config).map_err(Problem::from)?;
    context.check()?;
    let n_rows = table.n_rows();
    if MAX_ROWS < n_rows {
        let fix = "A sample of it tells as much; name that under data.labelled.";
        return Err(Problem::new(format!("The file has more than {MAX_ROWS} rows"), place, fix).into());
    }
    let Some(column) = table.column(&labelled.target) else {
        let is_feature = |name: &&str| mapping.features().iter().any(|feature| feature.name == *name);
        let others = table.names().filter(|name| !is_feature(name)).take(12).collect::<Vec<_>>().join(", ");
        let there =
            if others.is_empty() { "all columns are features".to_owned() } else { format!("there are {others}") };
        return Err(Problem::new(
            format!("The labelled data has no column {}", labelled.target),
            place,
            format!("Name the column of the true answer under data.labelled.target; {there}."),
        )
        .into());
    };
    let truths = Truths::of(&column.cells, n_rows);
    if truths.rows.is_empty() {
        let what = format!("No row has a true answer in {}", labelled.target);
        return Err(Problem::new(what, place, "Add the answers, or name another column or file.").into());
    }
    let mut rows = mapping.rows_from_table(&table).map_err(|error| at(error.into()))?;
    drop(table);
    rows = keep(rows, &truths.rows);
    context.check()?;

    let asked = Asked { output: Some(reading(contract, asked.output.as_ref())), ..asked.clone() };
    let mut counting = Counting::new(&labelled.target);
    ask_each(session, &asked, &rows, context, |batch| {
        for prediction in &batch {
            counting.add(prediction, &truths).map_err(at)?;
        }
        Ok(())
    })?;
    let outcomes = counting.outcomes(&truths).map_err(at)?;
    Ok(Counted { n_rows: n_rows as u64, n_unlabelled: (n_rows - truths.rows.len()) as u64, outcomes })
}

/// Whether the model's classes are words, so that the labels must be taken as they are written.
fn has_text_classes(contract: &ModelContract) -> bool {
    contract.outputs.iter().any(|output| {
        output.dtype == Dtype::Text || output.classes.iter().any(|class| matches!(class, ClassLabel::Text(_)))
    })
}

/// True answers, and the rows that have one.
struct Truths {
    values: Vec<Value>,
    rows: Vec<usize>,
}

impl Truths {
    fn of(cells: &Cells, n_rows: usize) -> Self {
        let present = |row: &usize| match cells.value(*row) {
            Value::Missing => false,
            Value::Text(text) => !text.trim().is_empty(),
            Value::Bool(_) | Value::Number(_) => true,
        };
        let rows: Vec<usize> = (0..n_rows).filter(present).collect();
        Self { values: rows.iter().map(|row| cells.value(*row)).collect(), rows }
    }
}

/// The rows at ascending positions.
fn keep(rows: Vec<Vec<Value>>, positions: &[usize]) -> Vec<Vec<Value>> {
    let mut wanted = positions.iter().copied().peekable();
    rows.into_iter().enumerate().filter_map(|(index, row)| wanted.next_if_eq(&index).map(|_| row)).collect()
}

/// Counts of either kind of model; which it is, its first answer tells.
struct Counting<'a> {
    target: &'a str,
    n: usize,
    kind: Option<Kind>,
}

enum Kind {
    Classes(Tally),
    Numbers(Vec<(f64, f64)>),
}

impl<'a> Counting<'a> {
    fn new(target: &'a str) -> Self {
        Self { target, n: 0, kind: None }
    }

    fn add(&mut self, prediction: &Prediction, truths: &Truths) -> Result<(), Problem> {
        let kind = self.kind.get_or_insert_with(|| {
            let is_classifier = prediction.model_label.is_some() || !prediction.classes.is_empty();
            if is_classifier { Kind::Classes(Tally::new()) } else { Kind::Numbers(Vec::new()) }
        });
        let truth = truths.values.get(self.n).unwrap_or(&Value::Missing);
        match kind {
            Kind::Classes(tally) => tally.add(prediction, truth)?,
            Kind::Numbers(pairs) => {
                let [answer] = prediction.scores.as_slice() else {
                    return Err(Problem::new(
                        format!("The model answers {} numbers a row", prediction.scores.len()),
                        "",
                        "An evaluation compares one answer with one true answer; export a model with a single output.",
                    ));
                };
                let row = truths.rows.get(self.n).map_or(0, |row| row + 1);
                pairs.push((numbers::truth(truth, row, self.target)?, *answer));
            }
        }
        self.n += 1;
        Ok(())
    }

    fn outcomes(self, truths: &Truths) -> Result<Outcomes, Problem> {
        Ok(match self.kind {
            Some(Kind::Classes(tally)) => Outcomes::Classes(tally.outcomes(truths.values.iter(), self.target)?),
            Some(Kind::Numbers(pairs)) => Outcomes::Numbers(numbers::outcomes(&pairs)),
            None => return Err(Problem::new("The model answered no row", "", "")),
        })
    }
}
