//! Two tables, column by column, on every core.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Roles, column, kinds};
use crate::jobs::{JobContext, JobError};
use crate::judge;
use crate::problem::Problem;
use crate::project::documents::DriftSettings;
use crate::project::reports::{ColumnDrift, ColumnKind, ColumnRole};
use crate::table::{Cells, Column, Table};

/// Findings of one kind that are told one by one; from there on they are counted.
const TOLD: usize = 20;

/// What came of two tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The compared columns, the most severe first.
    pub columns: Vec<ColumnDrift>,
    /// Features that only the reference has.
    pub only_in_reference: Vec<String>,
    /// Columns that only the current data has.
    pub only_in_current: Vec<String>,
    /// What else the reader should know.
    pub findings: Vec<Problem>,
}

/// A column that will be measured.
struct Task<'a> {
    name: &'a str,
    role: ColumnRole,
    kind: ColumnKind,
    reference: &'a Cells,
    current: &'a Cells,
}

/// Compares two tables; stops between columns when it is asked to.
pub fn compare(
    reference: &Table,
    current: &Table,
    roles: &Roles,
    settings: &DriftSettings,
    context: &JobContext,
) -> Result<Comparison, JobError> {
    let mut comparison = Comparison::default();
    let now: BTreeMap<&str, &Column> = current.columns.iter().map(|column| (column.name.as_str(), column)).collect();
    let before: BTreeMap<&str, &Column> =
        reference.columns.iter().map(|column| (column.name.as_str(), column)).collect();
    let mut findings = Findings::default();
    let mut tasks = Vec::new();
    for column in &reference.columns {
        let name = column.name.as_str();
        if roles.left_out.contains(name) {
            continue;
        }
        let role = roles.role(name);
        let Some(other) = now.get(name) else {
            match role {
                ColumnRole::Feature if roles.features.is_empty() || roles.features.contains(name) => {
                    comparison.only_in_reference.push(name.to_owned());
                }
                _ => findings.absent(name, role),
            }
            continue;
        };
        let decided = settings.column(name).kind;
        let known = decided.is_some() || role != ColumnRole::Feature || roles.features.contains(name);
        if !known && let Some(why) = kinds::names_rows(&column.cells) {
            findings.left_out(name, why);
            continue;
        }
        let kind = decided.or_else(|| roles.categorical.contains(name).then_some(ColumnKind::Categorical));
        let guessed = || kinds::guess(&column.cells).or_else(|| kinds::guess(&other.cells)).unwrap_or_default();
        let kind = kind.unwrap_or_else(guessed);
        findings.types(name, &column.cells, &other.cells);
        tasks.push(Task { name, role, kind, reference: &column.cells, current: &other.cells });
    }
    comparison.only_in_current = current
        .names()
        .filter(|name| !before.contains_key(name) && !roles.left_out.contains(*name))
        .map(str::to_owned)
        .collect();
    for (name, role) in [(&roles.target, ColumnRole::Target), (&roles.prediction, ColumnRole::Prediction)] {
        if let Some(name) = name.as_deref().filter(|name| !before.contains_key(name)) {
            findings.without_reference(name, role, now.contains_key(name));
        }
    }
    comparison.columns = measure_all(&tasks, context)?;
    comparison.columns.sort_by(|a, b| judge::by_severity(a, b, settings));
    comparison.findings = findings.told();
    Ok(comparison)
}

/// Measures every column on as many threads as there are cores.
fn measure_all(tasks: &[Task<'_>], context: &JobContext) -> Result<Vec<ColumnDrift>, JobError> {
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from).min(tasks.len()).max(1);
    let (next, n_done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let measured = Mutex::new(Vec::with_capacity(tasks.len()));
    let work = || {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if context.cancelled() {
                return;
            }
            let column = column::measure(task.name, task.role, task.kind, task.reference, task.current);
            measured.lock().unwrap_or_else(PoisonError::into_inner).push(column);
            let n_done = n_done.fetch_add(1, Ordering::Relaxed) + 1;
            let fraction = n_done as f32 / tasks.len() as f32;
            context.progress(Some(fraction), format!("Compared {n_done} of {} columns", tasks.len()));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..n_threads {
            scope.spawn(work);
        }
        work();
    });
    context.check()?;
    Ok(measured.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What the reader should know, a bounded number of each kind.
#[derive(Default)]
struct Findings {
    left_out: Vec<Problem>,
    types: Vec<Problem>,
    absent: Vec<Problem>,
}

impl Findings {
    fn left_out(&mut self, name: &str, why: &str) {
        self.left_out.push(Problem::new(
            format!("{name} is left out: {why}"),
            name,
            "To compare it all the same, set what it is: numeric or categorical.",
        ));
    }

    fn types(&mut self, name: &str, reference: &Cells, current: &Cells) {
        if let (Some(before), Some(now)) = (kinds::type_name(reference), kinds::type_name(current))
            && before != now
        {
            self.types.push(Problem::new(
                format!("{name} holds {before} in the reference and {now} in the current data"),
                name,
                "Look at how the current data is written; what cannot be read as before fails a check.",
            ));
        }
    }

    fn absent(&mut self, name: &str, role: ColumnRole) {
        let what = match role {
            ColumnRole::Target => format!("The current data has no label {name}, so its drift cannot be told"),
            ColumnRole::Prediction => format!("The current data has no prediction {name}, so its drift cannot be told"),
            ColumnRole::Feature => format!("The current data has no column {name}, which no feature is made of"),
        };
        self.absent.push(Problem::new(what, name, ""));
    }

    fn without_reference(&mut self, name: &str, role: ColumnRole, in_current: bool) {
        let place = if in_current { "the reference has no such column" } else { "neither file has such a column" };
        let what = format!("The drift of the {} {name} cannot be told: {place}", role.name());
        self.absent.push(Problem::new(what, name, ""));
    }

    fn told(self) -> Vec<Problem> {
        let mut all = Vec::new();
        for (mut findings, what) in [
            (self.left_out, "columns are left out"),
            (self.types, "columns changed their type"),
            (self.absent, "columns are absent"),
        ] {
            let more = findings.len().saturating_sub(TOLD);
            findings.truncate(TOLD);
            all.append(&mut findings);
            if 0 < more {
                all.push(Problem::new(format!("{more} more {what}"), "", ""));
            }
        }
        all
    }
}
