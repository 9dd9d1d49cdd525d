//! `trestle golden`: asks the golden rows, or takes them from the training framework's predictions.

use std::path::PathBuf;

use serde_json::json;

use super::args::{GoldenArgs, OutputArgs};
use super::progress::Progress;
use super::report::{Report, Verdict, table};
use super::{open, report_on};
use crate::command::{Command, GoldenImport};
use crate::features::{DIFFERENCE_STEPS, GoldenComparison};
use crate::jobs::JobError;
use crate::model::GoldenCheck;
use crate::problem::Problem;
use crate::workbench::Environment;

/// Differing rows and rows left out that are listed for people.
const SHOWN: usize = 10;

pub(super) fn golden(
    environment: Environment,
    dir: PathBuf,
    args: GoldenArgs,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, version)?;
    let has_rows = workbench.version().is_some_and(|version| version.golden.is_some());
    let GoldenArgs { from, rows, id, tolerance } = args;
    if tolerance.is_some_and(|tolerance| !(0.0..=1e6).contains(&tolerance)) {
        return Err(Problem::new("The tolerance must be a number from 0 on", "", "Try --tolerance 1e-4.").into());
    }
    let command = match from {
        Some(predictions) => Command::ImportGolden(GoldenImport { predictions, rows, id, tolerance }),
        None if has_rows => Command::CheckGolden,
        None => Command::MakeGolden { from: None },
    };
    let done = workbench.run(command, |jobs| progress.show(jobs));
    drop(progress);
    done?;
    let mut report = report_on("golden", &workbench);
    let Some(check) = &workbench.golden().last else { return Err(JobError::Cancelled) };
    describe(&mut report, check);
    Ok(report)
}

fn describe(report: &mut Report, check: &GoldenCheck) {
    let GoldenCheck { source, comparison, skipped, remarks } = check;
    let agrees = comparison.n_agree == comparison.n;
    let reasons: Vec<String> = comparison.first_difference.clone().into_iter().collect();
    report.judge(if agrees { Verdict::Pass } else { Verdict::Fail }, &reasons);
    report.set("source", source);
    report.set("rows", comparison.n);
    report.set("agree", comparison.n_agree);
    report.set("largest_error", comparison.largest_error);
    report.set("quantile99_error", comparison.quantile99_error);
    report.set("flips", &comparison.flips);
    report.set("tolerance", comparison.tolerance);
    report.set("worst", &comparison.worst);
    report.set("histogram", histogram(comparison));
    report.set("skipped", skipped.iter().map(|(row, why)| json!({"row": row, "why": why})).collect::<Vec<_>>());
    report.set("remarks", remarks);
    report.say(format!(
        "{} of {} golden rows agree, largest difference {:.1e} ({source})",
        comparison.n_agree, comparison.n, comparison.largest_error
    ));
    report.say(format!(
        "99 % of the rows differ by at most {:.1e}; {} {} another class; tolerance {:.0e}",
        comparison.quantile99_error,
        comparison.flips.len(),
        if comparison.flips.len() == 1 { "row has" } else { "rows have" },
        comparison.tolerance
    ));
    for remark in remarks {
        report.say(format!("{remark}."));
    }
    let listed: Vec<_> = comparison.worst.iter().filter(|row| !row.agrees).take(SHOWN).collect();
    if !listed.is_empty() {
        let head = ["row", "expected", "answered", "difference", ""].map(str::to_owned).to_vec();
        let rows = listed.iter().map(|row| {
            let flipped = if row.flipped { "another class" } else { "" };
            let number = (row.row + 1).to_string();
            vec![number, row.expected.clone(), row.answered.clone(), format!("{:.1e}", row.error), flipped.to_owned()]
        });
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        report.say(String::new());
        for line in table(&rows) {
            report.say(line);
        }
    }
    if !skipped.is_empty() {
        report.say(String::new());
        report.say(format!("{} rows could not be compared:", skipped.len()));
        for (row, why) in skipped.iter().take(SHOWN) {
            report.say(format!("  row {}: {why}", row + 1));
        }
    }
}

fn histogram(comparison: &GoldenComparison) -> Vec<serde_json::Value> {
    let ends = DIFFERENCE_STEPS.iter().copied().map(Some).chain(std::iter::once(None));
    ends.zip(&comparison.histogram).map(|(up_to, rows)| json!({"up_to": up_to, "rows": rows})).collect()
}
