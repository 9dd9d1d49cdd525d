//! Commands on the checklist: looking at the evidence, and what people vouch for.
//!
//! The probes look when they are asked to, and in the window also by themselves: after opening, and whenever something
//! was registered, measured, built or saved. After a mere edit only git and the requirements are asked again; code,
//! model and data keep the hashes they had.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use semver::Version;

use super::outcome::{Outcome, Slot};
use super::{Workbench, no_project};
use crate::jobs::JobError;
use crate::judge;
use crate::problem::Problem;
use crate::project::checklist::{Attestation, Checklist, Waiver};
use crate::project::documents::Evidence;
use crate::project::git::Git;
use crate::project::reports::{BenchmarkReport, EvaluationReport, ReadinessReport, Report};
use crate::project::{CHAMPION, DocumentKind, Documents, Project, ProjectError};
use crate::readiness::{self, Facts, ITEMS, Item, Limit, Probe, ProbeRequest};
use crate::step::Standing;

/// How much the probes look at when the window next has a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// Nothing changed.
    #[default]
    None,
    /// Documents changed.
    Documents,
    /// Anything may have changed.
    Everything,
}

/// What somebody vouches for once its hashes are known.
#[derive(Clone, Debug)]
pub(super) struct Vouched {
    item: &'static Item,
    note: String,
}

/// The checklist that was computed last, and what it was computed from.
pub(super) struct Computed {
    from: Basis,
    report: Arc<ReadinessReport>,
}

/// Everything that the checklist depends on besides the probe, cheap to compare.
struct Basis {
    today: Date,
    version: Option<Version>,
    champion: Option<Version>,
    n_golden: usize,
    /// Numbers of ledger records and of reports of each kind: they are only added to.
    n_records: [usize; 4],
    documents: Documents,
}

impl Workbench {
    pub(super) fn check_readiness(&mut self) -> Result<(), Problem> {
        self.save()?;
        self.look(Look::Everything)
    }

    /// The probes look again as soon as the window has a moment, once for however many reasons.
    pub(super) fn evidence_changed(&mut self, look: Look) {
        self.look_again = self.look_again.max(look);
    }

    /// Starts the look that is due, unless one is under way.
    pub(super) fn look_when_due(&mut self) {
        if self.look_again == Look::None || self.project.is_none() || self.probe.running().is_some() {
            return;
        }
        if let Err(problem) = self.look(self.look_again) {
            self.problem = Some(problem);
        }
    }

    fn look(&mut self, look: Look) -> Result<(), Problem> {
        self.look_again = Look::None;
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let version = self.version().map(|version| version.record.version.clone());
        let last = self.probe.last.as_ref().filter(|probe| probe.version == version);
        let known = last.filter(|_| look == Look::Documents && self.vouched.is_empty());
        let known = known.map(|probe| probe.evidence.clone());
        let request = ProbeRequest { root: project.root().to_owned(), version, git: Git::default(), known };
        let time = self.now();
        self.spawn(Slot::Probe, "Looking at the evidence", move |context| {
            readiness::probe(&request, time, context).map(|probe| Outcome::Probed(Box::new(probe)))
        });
        Ok(())
    }

    pub(super) fn take_probe(&mut self, probe: Probe) {
        let evidence = probe.evidence.clone();
        self.probe.last = Some(probe);
        *self.computed.borrow_mut() = None;
        for vouched in std::mem::take(&mut self.vouched) {
            // The look itself succeeded, so what could not be kept is no failure of the step.
            if let Err(problem) = self.take_vouched(vouched, evidence.clone()) {
                self.failure = Some(JobError::Failed(problem.clone()));
                self.problem = Some(problem);
            }
        }
    }

    // ---- what people vouch for

    pub(super) fn attest(&mut self, item: &str, note: &str) -> Result<(), Problem> {
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let Some(known) = Item::of(item) else {
            self.asked_of(item)?;
            return Err(Problem::new(
                format!("{item} is measured, and not a matter of anybody's word"),
                project.root().display().to_string(),
                "Measure it, or waive it for a while.",
            ));
        };
        let note = worded(note, "a note that says how you know")?;
        self.save()?;
        // Vouched for is what is there now, and not what was there when the probes last looked.
        self.vouched.push(Vouched { item: known, note });
        self.look(Look::Everything)
    }

    fn take_vouched(&mut self, vouched: Vouched, evidence: Evidence) -> Result<(), Problem> {
        let (when, who) = (self.now(), self.environment.who.clone());
        let Vouched { item, note } = vouched;
        let attestation = Attestation { item: item.id.to_owned(), note: note.clone(), who, when, evidence };
        self.change_checklist(&format!("attest {}", item.id), &note, |checklist| {
            checklist.attestations.retain(|other| other.item != item.id);
            checklist.attestations.push(attestation);
        })?;
        self.told(format!("Attested: {}", item.label));
        Ok(())
    }

    pub(super) fn waive(
        &mut self,
        item: &str,
        reason: &str,
        owner: Option<String>,
        expires: Date,
    ) -> Result<(), Problem> {
        let asked = self.asked_of(item)?;
        let reason = worded(reason, "a reason why it may wait")?;
        let (when, who) = (self.now(), self.environment.who.clone());
        let (first, last) = self.waiver_days();
        if expires < first || last < expires {
            return Err(Problem::new(
                format!("A waiver cannot hold until {expires}"),
                "",
                format!("Choose a day from {first} to {last}; a waiver can be given again."),
            ));
        }
        let owner = owner.map(|owner| owner.trim().to_owned()).filter(|owner| !owner.is_empty());
        let owner = owner.unwrap_or_else(|| who.clone());
        let waiver = Waiver { item: item.to_owned(), reason: reason.clone(), owner, expires, who, when, asked };
        self.change_checklist(&format!("waive {item} until {expires}"), &reason, |checklist| {
            checklist.waivers.retain(|other| other.item != item);
            checklist.waivers.push(waiver);
        })?;
        self.told(format!("Waived {item} until {expires}"));
        Ok(())
    }

    pub(super) fn withdraw(&mut self, item: &str, why: &str) -> Result<(), Problem> {
        let project = self.project.as_ref().ok_or_else(no_project)?;
        let checklist = &project.documents.checklist;
        let is_said = checklist.attestations.iter().any(|attestation| attestation.item == item)
            || checklist.waivers.iter().any(|waiver| waiver.item == item);
        if !is_said {
            // What a file holds can be withdrawn under any name; a name that nothing holds should at least exist.
            self.asked_of(item)?;
            return Err(Problem::new(
                format!("Nothing was attested or waived about {item}"),
                project.document_path(DocumentKind::Checklist).display().to_string(),
                "There is nothing to withdraw.",
            ));
        }
        let why = worded(why, "a reason why it is withdrawn")?;
        self.change_checklist(&format!("withdraw {item}"), &why, |checklist| {
            checklist.attestations.retain(|attestation| attestation.item != item);
            checklist.waivers.retain(|waiver| waiver.item != item);
        })?;
        self.told(format!("Withdrew what was said about {item}"));
        Ok(())
    }

    /// Changes the checklist, saves it at once and notes it; what cannot be saved is as if it had not been said.
    fn change_checklist(&mut self, what: &str, why: &str, change: impl FnOnce(&mut Checklist)) -> Result<(), Problem> {
        let (now, who) = (self.now(), self.environment.who.clone());
        let project = self.open_project()?;
        let before = Arc::clone(&project.documents.checklist);
        change(Arc::make_mut(&mut project.documents.checklist));
        let saved = project.save();
        if project.unsaved().contains(&DocumentKind::Checklist) {
            project.documents.checklist = before;
            let path = project.document_path(DocumentKind::Checklist);
            return Err(saved.err().unwrap_or(ProjectError::ChangedOutside { path }).into());
        }
        project.note(now, &who, what, why)?;
        self.saved_at = Some(now);
        Ok(())
    }

    /// What the brief asks of an item, empty for those of the checklist; an error when there is no such item.
    fn asked_of(&self, item: &str) -> Result<String, Problem> {
        let project = self.project.as_ref().ok_or_else(no_project)?;
        if Item::of(item).is_some() {
            return Ok(String::new());
        }
        let limits = self.brief_items(project);
        if let Some(limit) = limits.iter().find(|limit| limit.id == item) {
            return Ok(limit.asked.clone());
        }
        let known: Vec<&str> =
            ITEMS.iter().map(|item| item.id).chain(limits.iter().map(|limit| limit.id.as_str())).collect();
        let shown: String = item.chars().take(60).collect();
        Err(Problem::new(
            format!("The checklist has no item “{shown}”"),
            project.root().display().to_string(),
            format!("The items are {}.", known.join(", ")),
        ))
    }

    /// The first and the last day until which a waiver may hold: not today, and not for more than a year.
    pub fn waiver_days(&self) -> (Date, Date) {
        let today = self.today();
        (today.saturating_add(jiff::Span::new().days(1)), today.saturating_add(jiff::Span::new().years(1)))
    }

    // ---- how it stands

    /// The brief's limits as items of the checklist.
    fn brief_items(&self, project: &Project) -> Vec<Limit> {
        let measured = self.measurements();
        let judged = judge::brief(&project.documents.brief, &measured);
        readiness::limits(&project.documents.brief, judged, &measured)
    }

    /// The checklist as it stands, judged by today's documents; `None` before the probes looked at this version.
    pub fn readiness(&self) -> Option<Arc<ReadinessReport>> {
        let project = self.project.as_ref()?;
        let version = self.version();
        let number = version.map(|version| version.record.version.clone());
        let probe = self.probe.last.as_ref().filter(|probe| probe.version == number)?;
        let champion = project.registry().resolve(CHAMPION).filter(|champion| project.version(champion).is_some());
        let from = Basis {
            today: self.today(),
            version: number,
            champion: champion.cloned(),
            n_golden: version.and_then(|version| version.golden.as_ref()).map_or(0, |golden| golden.rows.len()),
            n_records: [
                project.ledger().len(),
                project.packages().len(),
                count::<BenchmarkReport>(project),
                count::<EvaluationReport>(project),
            ],
            documents: project.documents.clone(),
        };
        if let Some(computed) = self.computed.borrow().as_ref().filter(|computed| computed.from.is_as(&from)) {
            return Some(Arc::clone(&computed.report));
        }
        let registering = version.map(|version| format!("register {}", version.record.version));
        let facts = Facts {
            version,
            champion,
            registered: project.ledger().iter().find(|record| Some(&record.what) == registering.as_ref()),
            packages: project.packages(),
            commands: &project.documents.config.commands,
            checklist: &project.documents.checklist,
            limits: &self.brief_items(project),
            latency: project.documents.brief.latency.value.as_ref(),
        };
        let report = Arc::new(readiness::checklist(probe, &facts, from.today));
        *self.computed.borrow_mut() = Some(Computed { from, report: Arc::clone(&report) });
        Some(report)
    }

    /// The checklist as a page in Markdown, for a reviewer.
    pub fn readiness_page(&self) -> Option<String> {
        Some(readiness::markdown(&self.project.as_ref()?.name(), self.readiness()?.as_ref()))
    }

    pub(super) fn readiness_standing(&self) -> (Standing, String) {
        let report = self.readiness();
        if self.probe.running().is_some() && report.is_none() {
            return (Standing::Running, "looking".to_owned());
        }
        if self.probe.problem().is_some() {
            return (Standing::Fail, "could not be checked".to_owned());
        }
        let Some(report) = report else { return (Standing::NotStarted, "not checked yet".to_owned()) };
        if self.version().is_none() {
            // Nothing is wrong with a project that has only begun.
            return (Standing::NotStarted, "after the model".to_owned());
        }
        readiness::standing(&report)
    }

    fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date()
    }
}

impl Basis {
    /// Whether nothing changed since; documents are compared by identity, as an edit always makes a new one.
    fn is_as(&self, other: &Self) -> bool {
        let (one, two) = (&self.documents, &other.documents);
        Arc::ptr_eq(&one.config, &two.config)
            && Arc::ptr_eq(&one.brief, &two.brief)
            && Arc::ptr_eq(&one.features, &two.features)
            && Arc::ptr_eq(&one.checklist, &two.checklist)
            && (self.today, self.n_golden, self.n_records) == (other.today, other.n_golden, other.n_records)
            && (&self.version, &self.champion) == (&other.version, &other.champion)
    }
}

fn count<R: Report>(project: &Project) -> usize {
    project.reports::<R>().len()
}

/// What somebody says, without which it would be a mere tick.
fn worded(words: &str, what: &str) -> Result<String, Problem> {
    const LONGEST: usize = 2_000;
    let words = words.trim();
    if words.is_empty() {
        return Err(Problem::new(
            format!("There is no word to stand on: {what} is needed"),
            "",
            "Say it in a sentence.",
        ));
    }
    if LONGEST < words.chars().count() {
        return Err(Problem::new("That is too long to be read", "", format!("Use at most {LONGEST} characters.")));
    }
    Ok(words.to_owned())
}
