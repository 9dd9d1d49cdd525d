//! `trestle evaluate`: a version asked the labelled rows, its metrics beside the brief's.

use std::path::PathBuf;

use serde_json::json;

use super::args::OutputArgs;
use super::progress::Progress;
use super::report::{self, Report, table};
use super::{open, report_on};
use crate::command::Command;
use crate::jobs::JobError;
use crate::judge::{self, ConfusionTable, MetricLine};
use crate::project::reports::{Outcomes, Verdict};
use crate::workbench::Environment;

/// Classes whose table is printed for people.
const SHOWN_CLASSES: usize = 12;

pub(super) fn evaluate(
    environment: Environment,
    dir: PathBuf,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, version)?;
    workbench.run(Command::Evaluate, |jobs| progress.show(jobs))?;
    drop(progress);
    let (Some(project), Some(evaluated)) = (workbench.project(), workbench.evaluated()) else {
        return Err(JobError::Cancelled);
    };
    let brief = &project.documents.brief;
    let lines = judge::metrics(evaluated, &workbench.baseline(), brief);
    let confusion = judge::confusion_table(evaluated, brief);

    let mut report = report_on("evaluate", &workbench);
    let asked = || lines.iter().filter(|line| line.asked.is_some());
    let failed: Vec<String> = asked()
        .filter(|line| matches!(line.judgement.verdict, Verdict::Fail | Verdict::Undecided))
        .map(|line| format!("{}: {}", line.judgement.asked, why(line)))
        .collect();
    let verdict = match asked().any(|line| line.judgement.verdict == Verdict::Pass) {
        _ if !failed.is_empty() => report::Verdict::Fail,
        true => report::Verdict::Pass,
        false => report::Verdict::None,
    };
    report.judge(verdict, &failed);
    report.set("data", &evaluated.data);
    report.set("target", &evaluated.target);
    report.set("n", evaluated.n());
    report.set("unlabelled", evaluated.n_unlabelled);
    report.set("metrics", lines.iter().map(as_json).collect::<Vec<_>>());
    report.set("confusion", confusion.as_ref().map(confusion_json));

    let (n, unlabelled) = (evaluated.n(), evaluated.n_unlabelled);
    let left_out =
        if unlabelled == 0 { String::new() } else { format!(", {unlabelled} more without a label left out") };
    report.say(format!("{} {} on {n} rows of {}{left_out}", project.slug(), evaluated.version, evaluated.data));
    report.say("");
    for line in table(&lines.iter().map(|line| row(line).to_vec()).collect::<Vec<_>>()) {
        report.say(line);
    }
    for line in asked() {
        report.say(format!("{}: {}", line.name(), line.judgement.reason));
    }
    match confusion {
        Some(confusion) => say_confusion(&mut report, &confusion),
        None => {
            if let Outcomes::Numbers(numbers) = &evaluated.outcomes
                && 0 < numbers.n_unanswered
            {
                report.say(format!("{} rows got an answer that is no number", numbers.n_unanswered));
            }
        }
    }
    Ok(report)
}

/// Why a metric does not pass, with what was measured.
fn why(line: &MetricLine) -> String {
    let judgement = &line.judgement;
    if judgement.measured.is_empty() {
        judgement.reason.clone()
    } else {
        format!("{}. {}", judgement.measured, judgement.reason)
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Undecided => "undecided",
        Verdict::None => "none",
    }
}

fn row(line: &MetricLine) -> [String; 4] {
    let judgement = &line.judgement;
    let verdict = match judgement.verdict {
        Verdict::Pass => "passes",
        Verdict::Fail => "FAILS",
        Verdict::Undecided => "UNDECIDED",
        Verdict::None => "",
    };
    let measured = if judgement.measured.is_empty() { "not defined" } else { judgement.measured.as_str() };
    let asked = if judgement.asked.is_empty() { String::new() } else { format!("brief says {}", judgement.asked) };
    [verdict.to_owned(), line.name(), measured.to_owned(), asked]
}

fn as_json(line: &MetricLine) -> serde_json::Value {
    let asked = line.asked.as_ref();
    let estimate = line.estimate.as_ref().ok();
    let interval = estimate.and_then(|estimate| estimate.interval);
    json!({
        "metric": line.metric.name(), "of": line.of,
        "comparison": asked.map(|asked| asked.comparison.sign()), "limit": asked.map(|asked| asked.value),
        "value": estimate.map(|estimate| estimate.value),
        "low": interval.map(|(low, _)| low), "high": interval.map(|(_, high)| high),
        "verdict": word(line.judgement.verdict), "reason": line.judgement.reason,
    })
}

/// Rows by true class and answered class; a null among those answered is no answer.
fn confusion_json(table: &ConfusionTable) -> serde_json::Value {
    let answers = table.answers();
    let rows: Vec<Vec<u64>> = (0..table.names.len())
        .map(|truth| answers.iter().map(|answer| table.confusion.count(truth, *answer)).collect())
        .collect();
    let answered: Vec<Option<&String>> = answers.iter().map(|answer| answer.map(|class| &table.names[class])).collect();
    json!({
        "true": table.names, "answered": answered, "rows": rows,
        "threshold": table.called_from.as_ref().map(|(_, threshold)| threshold),
    })
}

fn say_confusion(report: &mut Report, confusion: &ConfusionTable) {
    report.say("");
    if SHOWN_CLASSES < confusion.names.len() {
        report.say(format!("{} classes; --json has the table of true and answered ones", confusion.names.len()));
        return;
    }
    let answers = confusion.answers();
    let name = |answer: &Option<usize>| {
        answer.map_or_else(|| "no answer".to_owned(), |class| format!("answered {}", confusion.names[class]))
    };
    let mut rows = vec![std::iter::once(String::new()).chain(answers.iter().map(name)).collect::<Vec<_>>()];
    for (truth, class) in confusion.names.iter().enumerate() {
        let counts = answers.iter().map(|answer| confusion.confusion.count(truth, *answer).to_string());
        rows.push(std::iter::once(format!("true {class}")).chain(counts).collect());
    }
    for line in table(&rows) {
        report.say(line);
    }
}
