//! Commands on the checklist: check, attest, waive, withdraw.

use std::path::PathBuf;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::args::OutputArgs;
use super::progress::Progress;
use super::report::{Report, Verdict, table};
use super::{open, report_on};
use crate::command::Command;
use crate::jobs::JobError;
use crate::problem::Problem;
use crate::project::reports::{ChecklistItem, ItemStatus};
use crate::project::{DocumentKind, DocumentState};
use crate::readiness;
use crate::workbench::{Environment, Workbench};

pub(super) fn check(
    environment: Environment,
    dir: PathBuf,
    version: Option<&str>,
    markdown: bool,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, version)?;
    let done = workbench.run(Command::CheckReadiness, |jobs| progress.show(jobs));
    drop(progress);
    done?;
    let mut report = report_on("check", &workbench);
    describe(&mut report, &workbench, markdown)?;
    Ok(report)
}

fn describe(report: &mut Report, workbench: &Workbench, markdown: bool) -> Result<(), JobError> {
    let project = workbench.project().ok_or(JobError::Cancelled)?;
    let found = workbench.readiness().ok_or(JobError::Cancelled)?;
    let mut reasons: Vec<String> = found.blocking().map(|item| format!("{}: {}", item.label, item.reason)).collect();
    // Nobody's word counts while it cannot be read; that must not look as if nobody had said anything.
    let unread = match project.state(DocumentKind::Checklist) {
        DocumentState::Protected { problem } => Some(problem.to_string()),
        DocumentState::Absent | DocumentState::Known { .. } => None,
    };
    let passes = found.judged.verdict.is_pass() && unread.is_none();
    reasons.extend(unread);
    report.judge(if passes { Verdict::Pass } else { Verdict::Fail }, &reasons);
    let items: Vec<Value> = found.items.iter().map(item_json).collect();
    let brief: Vec<Value> = found.brief.iter().map(item_json).collect();
    let blocking: Vec<&str> = found.blocking().map(|item| item.id.as_str()).collect();
    report.set("checked", found.time);
    report.set("blocking", blocking);
    report.set("items", items);
    report.set("brief", brief);
    report.set("evidence", &found.evidence);
    if markdown {
        let page = readiness::markdown(&project.name(), &found);
        report.set("markdown", &page);
        report.say(page.trim_end());
        return Ok(());
    }
    let version = found.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    report.say(format!("{}{version}: {}", project.name(), found.judged.reason));
    let mut category = None;
    for item in found.items.iter().chain(&found.brief) {
        if category != Some(item.category) {
            category = Some(item.category);
            report.say(String::new());
            report.say(item.category.label());
        }
        for line in
            table(&[vec![format!("  {:<9}", word(item.status)), format!("{:<22}", item.label), item.reason.clone()]])
        {
            report.say(line);
        }
        if item.status.blocks() && !item.fix.is_empty() {
            report.say(format!("             {}", item.fix));
        }
    }
    Ok(())
}

/// The word for people: what blocks is loud.
fn word(status: ItemStatus) -> &'static str {
    match status {
        ItemStatus::Pass => "passes",
        ItemStatus::Fail => "FAILS",
        ItemStatus::Stale => "STALE",
        ItemStatus::Unchecked => "UNCHECKED",
        ItemStatus::Waived => "waived",
        ItemStatus::Attested => "attested",
    }
}

fn item_json(item: &ChecklistItem) -> Value {
    let mut object = json!({
        "id": item.id,
        "category": item.category,
        "label": item.label,
        "status": item.status.word(),
        "reason": item.reason,
        "evidence": item.evidence,
        "fix": item.fix,
        "when": item.when,
    });
    if let Some(judged) = &item.judged {
        object["asked"] = json!(judged.asked);
        object["measured"] = json!(judged.measured);
    }
    object
}

pub(super) fn attest(
    environment: Environment,
    dir: PathBuf,
    item: String,
    note: String,
    version: Option<&str>,
    output: OutputArgs,
) -> Result<Report, JobError> {
    vouch(environment, dir, version, item.clone(), Command::Attest { item, note }, output)
}

pub(super) fn waive(
    environment: Environment,
    dir: PathBuf,
    item: String,
    reason: String,
    owner: Option<String>,
    until: &str,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let expires: Date = until.parse().map_err(|_error: jiff::Error| {
        Problem::new(format!("“{until}” is no day"), "--until", "Write it as year, month and day: 2026-12-31.")
    })?;
    vouch(environment, dir, None, item.clone(), Command::Waive { item, reason, owner, expires }, output)
}

pub(super) fn withdraw(
    environment: Environment,
    dir: PathBuf,
    item: String,
    why: String,
    output: OutputArgs,
) -> Result<Report, JobError> {
    vouch(environment, dir, None, item.clone(), Command::Withdraw { item, why }, output)
}

fn vouch(
    environment: Environment,
    dir: PathBuf,
    version: Option<&str>,
    item: String,
    command: Command,
    output: OutputArgs,
) -> Result<Report, JobError> {
    let name = match &command {
        Command::Attest { .. } => "attest",
        Command::Waive { .. } => "waive",
        _ => "withdraw",
    };
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, version)?;
    let done = workbench.run(command, |jobs| progress.show(jobs));
    drop(progress);
    done?;
    let mut report = report_on(name, &workbench);
    report.set("item", item);
    for notice in workbench.take_notices() {
        report.say(notice.text);
    }
    Ok(report)
}
