//! The drift step: how current data differs from the reference.
//!
//! Files become tables, columns are typed by their reference, and each becomes measurements: PSI over bins frozen on
//! the reference, a two-sample test, missing and unexpected values. What they come to is `judge::drift`'s to say.

mod column;
mod compare;
mod kinds;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::jobs::{JobContext, JobError};
use crate::judge;
use crate::problem::Problem;
use crate::project::documents::{DataFile, DriftSettings, Evidence, Feature, FeatureType};
use crate::project::reports::{ColumnKind, ColumnRole, DriftReport, DriftSide, Judgement};
use crate::table::{self, Read, ReadConfig, Table};

pub use compare::{Comparison, compare};

/// What is compared.
#[derive(Clone, Debug)]
pub struct CompareRequest {
    /// What the model was trained to expect.
    pub reference: Source,
    /// What it sees now.
    pub current: Source,
    /// What the columns are.
    pub roles: Roles,
    /// Types that are not guessed, and how the result is judged.
    pub settings: DriftSettings,
    /// When the comparison started.
    pub time: Timestamp,
}

/// A file of one side.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// How the report names it.
    pub shown: String,
}

/// What columns are to the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// The true answer.
    pub target: Option<String>,
    /// A model's answer.
    pub prediction: Option<String>,
    /// Names and times of rows, which are not compared.
    pub left_out: BTreeSet<String>,
    /// Features whose values are names of things.
    pub categorical: BTreeSet<String>,
    /// The features a model takes; empty is unknown, and every column counts.
    pub features: BTreeSet<String>,
}

impl Roles {
    /// What the declared files and the features say; the first file that names a column decides.
    pub fn new<'a>(files: impl IntoIterator<Item = &'a DataFile>, features: &[Feature]) -> Self {
        let mut roles = Self::default();
        for file in files {
            roles.target = roles.target.or_else(|| file.target.clone());
            roles.prediction = roles.prediction.or_else(|| file.prediction.clone());
            roles.left_out.extend(file.time.iter().chain(&file.id).cloned());
        }
        let is_names = |feature: &&Feature| matches!(feature.kind, FeatureType::Text | FeatureType::Bool);
        roles.categorical = features.iter().filter(is_names).map(|feature| feature.name.clone()).collect();
        roles.features = features.iter().map(|feature| feature.name.clone()).collect();
        roles
    }

    /// What a column is.
    pub fn role(&self, name: &str) -> ColumnRole {
        if self.target.as_deref() == Some(name) {
            ColumnRole::Target
        } else if self.prediction.as_deref() == Some(name) {
            ColumnRole::Prediction
        } else {
            ColumnRole::Feature
        }
    }
}

/// Reads both files and compares them; `evidence` holds the hashes of what they stand on.
pub fn compare_files(
    request: &CompareRequest,
    evidence: Evidence,
    context: &JobContext,
) -> Result<DriftReport, JobError> {
    let decided = |kind: ColumnKind| {
        let of_kind = move |column: &&crate::project::documents::ColumnSettings| column.kind == Some(kind);
        request.settings.columns.iter().filter(of_kind).map(|column| column.name.clone())
    };
    let mut text_columns: BTreeSet<String> = request.roles.categorical.clone();
    text_columns.extend(decided(ColumnKind::Categorical));
    for name in decided(ColumnKind::Numeric) {
        text_columns.remove(&name);
    }
    context.progress(None, format!("Reading {}", request.reference.shown));
    let mut findings = Vec::new();
    let reference = read(&request.reference, text_columns.clone(), "reference", &mut findings)?;
    context.check()?;
    // What is text in the reference is text: `022` must not become 22 because the current data has no letters.
    let is_text = |column: &&table::Column| matches!(column.cells, table::Cells::Text(_));
    text_columns.extend(reference.columns.iter().filter(is_text).map(|column| column.name.clone()));
    context.progress(None, format!("Reading {}", request.current.shown));
    let current = read(&request.current, text_columns, "current", &mut findings)?;
    context.check()?;
    let comparison = compare(&reference, &current, &request.roles, &request.settings, context)?;
    if comparison.columns.is_empty() {
        return Err(Problem::new(
            "The two files have no column in common that can be compared",
            format!("{} and {}", request.reference.shown, request.current.shown),
            "Check that both files have the same columns, under the same names.",
        )
        .into());
    }
    let side = |source: &Source, table: &Table| DriftSide { path: source.shown.clone(), n_rows: table.n_rows() as u64 };
    let Comparison { columns, only_in_reference, only_in_current, findings: of_columns } = comparison;
    findings.extend(of_columns);
    let mut report = DriftReport {
        time: request.time,
        reference: side(&request.reference, &reference),
        current: side(&request.current, &current),
        columns,
        only_in_reference,
        only_in_current,
        findings,
        evidence,
        judged: Judgement::default(),
    };
    report.judged = judge::drift(&report, &request.settings);
    Ok(report)
}

/// Reads one side; what was left out of the file or guessed about it joins the findings.
fn read(
    source: &Source,
    text_columns: BTreeSet<String>,
    side: &str,
    findings: &mut Vec<Problem>,
) -> Result<Table, Problem> {
    let config = ReadConfig { text_columns, ..ReadConfig::default() };
    let Read { table, findings: about } = table::read_with_findings(&source.path, &config)?;
    findings.extend(about.into_iter().map(|what| Problem::new(what, source.shown.clone(), "")));
    if table.n_rows() == 0 {
        let what = format!("The {side} data has column names and no rows");
        return Err(Problem::new(what, source.shown.clone(), "Give a file with at least one row."));
    }
    Ok(table)
}

#[cfg(test)]
mod tests;
