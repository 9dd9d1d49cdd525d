//! The checklist as it stands: evidence first, then what people vouch for.
//!
//! The order of authority: evidence that says no cannot be attested away; what nobody or nothing says yet, or said of
//! something that changed since, can be; a waiver comes last and only ever accepts what would block.

use jiff::civil::Date;
use semver::Version;

use super::automatic::{Finding, find, load_evidence};
use super::items::{ITEMS, Item, Part, changed_since};
use super::limits::Limit;
use super::probe::Probe;
use crate::project::ModelVersion;
use crate::project::brief::LatencyBudget;
use crate::project::checklist::{Attestation, Checklist, Waiver};
use crate::project::documents::{Commands, Evidence, LedgerRecord};
use crate::project::reports::{
    ChecklistCategory, ChecklistItem, EvidenceLine, ItemStatus, Judgement, PackageReport, ReadinessReport, Verdict,
};
use crate::step::Standing;

/// What the project holds that the checklist stands on, beside what the probes saw.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The version it is about.
    pub version: Option<&'a ModelVersion>,
    /// The version that the alias `champion` stands for.
    pub champion: Option<&'a Version>,
    /// The ledger's record of registering the version.
    pub registered: Option<&'a LedgerRecord>,
    /// Builds, oldest first.
    pub packages: &'a [PackageReport],
    /// The project's own commands.
    pub commands: &'a Commands,
    /// What people vouch for.
    pub checklist: &'a Checklist,
    /// The brief's limits.
    pub limits: &'a [Limit],
    /// The brief's latency budget.
    pub latency: Option<&'a LatencyBudget>,
}

/// The checklist on a day.
pub fn checklist(probe: &Probe, facts: &Facts<'_>, today: Date) -> ReadinessReport {
    let items: Vec<ChecklistItem> = ITEMS
        .iter()
        .map(|item| {
            let vouched = attested(find(item, probe, facts), item, probe, facts);
            let settled = waived(vouched, waiver(facts.checklist, item.id), "", today);
            finished(settled, item.id, item.label, item.category, None)
        })
        .collect();
    let brief: Vec<ChecklistItem> = facts
        .limits
        .iter()
        .map(|limit| {
            let waiver = waiver(facts.checklist, &limit.id);
            let mut found = limit.find(&probe.evidence);
            if limit.is_latency() {
                found.evidence.extend(load_evidence(probe, facts));
            }
            let settled = waived(found, waiver, &limit.asked, today);
            finished(settled, &limit.id, &limit.label, ChecklistCategory::Brief, Some(limit.judged.clone()))
        })
        .collect();
    let judged = judge(&items, &brief);
    ReadinessReport {
        time: probe.time,
        version: facts.version.map(|version| version.record.version.clone()),
        items,
        brief,
        evidence: probe.evidence.clone(),
        judged,
    }
}

fn finished(
    finding: Finding,
    id: &str,
    label: &str,
    category: ChecklistCategory,
    judged: Option<Judgement>,
) -> ChecklistItem {
    let Finding { status, reason, evidence, fix, when } = finding;
    ChecklistItem { id: id.to_owned(), label: label.to_owned(), category, status, reason, evidence, fix, when, judged }
}

fn judge(items: &[ChecklistItem], brief: &[ChecklistItem]) -> Judgement {
    let blocking: Vec<&str> =
        items.iter().chain(brief).filter(|item| item.status.blocks()).map(|item| item.label.as_str()).collect();
    let n = items.len() + brief.len();
    let (verdict, reason) = if blocking.is_empty() {
        (Verdict::Pass, format!("None of {n} items blocks"))
    } else {
        (Verdict::Fail, format!("{} of {n} items block: {}", blocking.len(), blocking.join(", ")))
    };
    Judgement {
        asked: "no item blocks".to_owned(),
        measured: format!("{} of {n} block", blocking.len()),
        verdict,
        reason,
    }
}

fn waiver<'a>(checklist: &'a Checklist, id: &str) -> Option<&'a Waiver> {
    checklist.waivers.iter().rev().find(|waiver| waiver.item == id)
}

/// How the checklist stands in few words, for the rail: `2 of 11 block`.
pub fn standing(report: &ReadinessReport) -> (Standing, String) {
    let n_blocking = |items: &[ChecklistItem]| items.iter().filter(|item| item.status.blocks()).count();
    let (n, n_limits) = (n_blocking(&report.items), n_blocking(&report.brief));
    let line = match (n, n_limits) {
        (0, 0) => "ready".to_owned(),
        (n, 0) => format!("{n} of {} {}", report.items.len(), if n == 1 { "blocks" } else { "block" }),
        (0, 1) => "1 limit of the brief blocks".to_owned(),
        (0, n) => format!("{n} limits of the brief block"),
        (n, 1) => format!("{n} of {} and 1 limit block", report.items.len()),
        (n, limits) => format!("{n} of {} and {limits} limits block", report.items.len()),
    };
    let any = |status| report.blocking().any(|item| item.status == status);
    let standing = if n + n_limits == 0 {
        Standing::Pass
    } else if any(ItemStatus::Fail) {
        Standing::Fail
    } else if any(ItemStatus::Stale) {
        Standing::Stale
    } else {
        Standing::Warn
    };
    (standing, line)
}

/// What a person said about the item, against what evidence says.
fn attested(found: Finding, item: &Item, probe: &Probe, facts: &Facts<'_>) -> Finding {
    let said = facts.checklist.attestations.iter().rev().find(|attestation| attestation.item == item.id);
    let Some(said) = said else { return found };
    let day = said.when.strftime("%Y-%m-%d");
    let mut evidence = vec![EvidenceLine::new("attestation", format!("{} on {day}: {}", said.who, said.note))];
    evidence.extend(found.evidence.iter().cloned());
    let by = format!("Attested by {} on {day}", said.who);
    match found.status {
        ItemStatus::Fail => {
            let reason = format!("{by}, but: {}", found.reason);
            Finding { reason, evidence, ..found }
        }
        ItemStatus::Stale | ItemStatus::Unchecked => {
            let changed = outdated(said, item, &probe.evidence);
            let (status, reason, fix) = if changed.is_empty() {
                (ItemStatus::Attested, format!("{by}: {}", said.note), String::new())
            } else {
                // A sharper word than “unchecked”: it was once known.
                (ItemStatus::Stale, format!("{by}; {}", changed_since(&changed)), found.fix.clone())
            };
            Finding { status, reason, evidence, fix, when: Some(said.when) }
        }
        ItemStatus::Pass | ItemStatus::Waived | ItemStatus::Attested => Finding { evidence, ..found },
    }
}

/// The parts of the project that changed since something was attested.
fn outdated(said: &Attestation, item: &Item, now: &Evidence) -> Vec<Part> {
    Part::changed(item.parts, &said.evidence, now)
}

/// What is accepted for a while; `asked` is what the brief asks of the item today.
fn waived(found: Finding, waiver: Option<&Waiver>, asked: &str, today: Date) -> Finding {
    let Some(waiver) = waiver else { return found };
    let mut evidence = found.evidence.clone();
    let by = if waiver.who == waiver.owner { String::new() } else { format!(", waived by {}", waiver.who) };
    evidence.push(EvidenceLine::new(
        "waiver",
        format!("{} answers for it until {}{by}: {}", waiver.owner, waiver.expires, waiver.reason),
    ));
    // A waiver is all there is to date an item that nobody looked at.
    let when = found.when.or(Some(waiver.when));
    let (status, reason, fix) = if !found.status.blocks() {
        (found.status, format!("{}; the waiver has no effect", found.reason), found.fix.clone())
    } else if waiver.expires < today {
        (
            found.status,
            format!("{}; the waiver of {} expired on {}", found.reason, waiver.owner, waiver.expires),
            found.fix.clone(),
        )
    } else if waiver.asked != asked {
        (found.status, format!("{}; what was waived is {}", found.reason, waiver.asked), found.fix.clone())
    } else {
        let reason =
            format!("Waived until {} by {}: {} ({})", waiver.expires, waiver.owner, waiver.reason, found.reason);
        (ItemStatus::Waived, reason, found.fix.clone())
    };
    Finding { status, reason, evidence, fix, when }
}
