//! What evidence says about each item by itself, before anybody vouches for anything.

use jiff::Timestamp;

use super::checklist::Facts;
use super::items::{Item, Part, changed_since};
use super::probe::Probe;
use super::version_control::{Remote, Repository, VersionControl};
use crate::judge;
use crate::project::ModelVersion;
use crate::project::reports::{Check, EvidenceLine, ItemStatus, PackageReport};

/// What evidence says about an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Pass, fail, stale or unchecked.
    pub(super) status: ItemStatus,
    pub(super) reason: String,
    pub(super) evidence: Vec<EvidenceLine>,
    pub(super) fix: String,
    pub(super) when: Option<Timestamp>,
}

impl Finding {
    pub(super) fn new(status: ItemStatus, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), evidence: Vec::new(), fix: String::new(), when: None }
    }

    fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: fix.into(), ..self }
    }

    fn at(self, when: Timestamp) -> Self {
        Self { when: Some(when), ..self }
    }

    fn with(mut self, kind: &str, detail: impl Into<String>) -> Self {
        self.evidence.push(EvidenceLine::new(kind, detail));
        self
    }
}

/// The first digits of a hash, enough to recognise it by.
pub(super) fn short(hash: &str) -> &str {
    let hash = hash.strip_prefix("sha256:").unwrap_or(hash);
    hash.get(..7).unwrap_or(hash)
}

/// What evidence says about `item`.
pub(super) fn find(item: &Item, probe: &Probe, facts: &Facts<'_>) -> Finding {
    match item.id {
        "version-control" => version_control(&probe.version_control).at(probe.time),
        "pinned-dependencies" => pinned_dependencies(probe).at(probe.time),
        "model-serialised" => model_serialised(probe, facts).at(probe.time),
        "version-tracked" => version_tracked(probe, facts).at(probe.time),
        "lint-format" | "unit-tests" | "integration-tests" => {
            Finding::new(ItemStatus::Unchecked, "Nobody has said how it went").fix(item.how_to_attest(facts.commands))
        }
        _ => verified(item, probe, facts),
    }
}

fn version_control(found: &VersionControl) -> Finding {
    use ItemStatus::{Fail, Unchecked};
    match found {
        VersionControl::NoGit => Finding::new(Unchecked, "git is not installed, so nobody could look")
            .fix("Install it: apt-get install git, brew install git, or git-scm.com/downloads"),
        VersionControl::Unanswered { reason } => Finding::new(Unchecked, format!("git gave no answer: {reason}"))
            .fix("Run `git status` in the project folder, and follow what it says"),
        VersionControl::NoRepository => Finding::new(Fail, "The project folder is in no git repository")
            .fix("Run `git init`, `git add .` and `git commit` in the project folder"),
        VersionControl::Repository(repository) => in_repository(repository),
    }
}

fn in_repository(repository: &Repository) -> Finding {
    use ItemStatus::{Fail, Pass};
    let Some(commit) = &repository.commit else {
        return Finding::new(Fail, "The repository has no commit yet").fix("Run `git add .` and `git commit`");
    };
    let remote = match &repository.remote {
        Remote::None => "the repository has no remote".to_owned(),
        Remote::Lacks => "no remote branch that was fetched contains the commit".to_owned(),
        Remote::Has(branch) => format!("{branch} contains the commit"),
    };
    let finding = |status, reason: String| {
        Finding::new(status, reason)
            .with("commit", commit.as_str())
            .with("git", format!("{} files of the code are tracked", repository.n_tracked))
            .with("git", remote.as_str())
    };
    if repository.n_tracked == 0 {
        return finding(Fail, "None of the project's code is tracked".to_owned())
            .fix("Run `git add .` and `git commit` in the project folder, and look for it in .gitignore");
    }
    if 0 < repository.n_changed {
        let shown: Vec<&str> = repository.changed.iter().take(3).map(String::as_str).collect();
        let more = repository.n_changed.saturating_sub(shown.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let reason = format!("Not committed: {}{more}", shown.join(", "));
        return repository
            .changed
            .iter()
            .fold(finding(Fail, reason), |finding, path| finding.with("file", path.as_str()))
            .fix("Commit these files, or name them in .gitignore");
    }
    // That nobody else has it is worth a word, and no failure.
    let pushed = if matches!(repository.remote, Remote::Has(_)) { "pushed" } else { "not pushed" };
    finding(Pass, format!("Commit {}, clean, {pushed}", short(commit)))
}

fn pinned_dependencies(probe: &Probe) -> Finding {
    use ItemStatus::{Fail, Pass};
    let found = &probe.dependencies;
    let files: Vec<&str> = found.lists.iter().chain(&found.locks).map(String::as_str).collect();
    let with_files = |finding: Finding| files.iter().fold(finding, |finding, file| finding.with("file", *file));
    let fix = "Give every package one exact version, such as numpy==2.4.6; `pip freeze` lists those at hand";
    if let Some(first) = found.loose.first() {
        let more = found.n_loose.saturating_sub(1);
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        let finding = with_files(Finding::new(Fail, format!("{first}{more}")));
        return found
            .loose
            .iter()
            .fold(finding, |finding, loose| finding.with("requirement", loose.to_string()))
            .fix(fix);
    }
    if 0 < found.n_pinned {
        let in_files = found.lists.join(", ");
        return with_files(Finding::new(
            Pass,
            format!("{} packages with exact versions in {in_files}", found.n_pinned),
        ));
    }
    if !found.locks.is_empty() {
        return with_files(Finding::new(Pass, format!("Locked by {}", found.locks.join(", "))));
    }
    if found.lists.is_empty() {
        let reason = "There is no requirements.txt, environment.yml, pyproject.toml or lock";
        return Finding::new(Fail, reason).fix("Write one: `pip freeze > requirements.txt` lists the packages at hand");
    }
    with_files(Finding::new(Fail, format!("{} names no packages", found.lists.join(", ")))).fix(fix)
}

const NO_MODEL: &str = "No model is registered";
const ADD_MODEL: &str = "Register one: trestle add DIR MODEL.onnx, or drop the file on the window";

/// What is wrong with the file of a version.
fn file_fault(probe: &Probe, version: &ModelVersion) -> Option<Finding> {
    let registered = &version.record.model.sha256;
    if probe.evidence.model == *registered {
        return None;
    }
    let number = &version.record.version;
    let reason = if probe.evidence.model.is_empty() {
        format!("The file of {number} is not there")
    } else {
        format!("The file of {number} is not the one that was registered")
    };
    let finding = Finding::new(ItemStatus::Fail, reason)
        .with("registered", registered.as_str())
        .with("found", probe.evidence.model.as_str())
        .fix("Restore it from version control, or register the changed file as a new version: trestle add DIR MODEL.onnx");
    Some(finding)
}

fn model_serialised(probe: &Probe, facts: &Facts<'_>) -> Finding {
    use ItemStatus::{Fail, Pass};
    let Some(version) = facts.version else { return Finding::new(Fail, NO_MODEL).fix(ADD_MODEL) };
    if let Some(fault) = file_fault(probe, version) {
        return fault;
    }
    let (number, model) = (&version.record.version, &version.record.model);
    let with_file =
        |finding: Finding| finding.with("file", format!("models/{number}/model.onnx, sha256 {}", model.sha256));
    if let Some(refusal) = model.refusals().next() {
        return with_file(Finding::new(Fail, format!("It would be refused: {}", refusal.what))).fix(&refusal.fix);
    }
    let golden = version.golden.as_ref().filter(|golden| !golden.rows.is_empty());
    let Some(golden) = golden else {
        return with_file(Finding::new(Fail, "There are no golden rows to know it by"))
            .fix("Make them: trestle golden DIR, or --from a file of the training framework's predictions");
    };
    let opset = model.opsets.iter().find(|(domain, _)| domain.is_empty()).map(|(_, opset)| format!(" opset {opset}"));
    let n = golden.rows.len();
    let found = with_file(Finding::new(Pass, format!("ONNX{}, {n} golden rows", opset.unwrap_or_default())))
        .with("golden rows", format!("models/{number}/golden.ron, {n} rows from {}", golden.source));
    // A model's own answers show a change, not whether the export is right.
    if golden.source.contains("asked of this model") {
        found.with("parity", "not compared with the training framework: trestle golden DIR --from predictions.csv")
    } else {
        found
    }
}

fn version_tracked(probe: &Probe, facts: &Facts<'_>) -> Finding {
    use ItemStatus::{Fail, Pass};
    let Some(version) = facts.version else { return Finding::new(Fail, NO_MODEL).fix(ADD_MODEL) };
    if let Some(fault) = file_fault(probe, version) {
        return fault;
    }
    let number = &version.record.version;
    let Some(record) = facts.registered else {
        return Finding::new(Fail, format!("The ledger has no record of registering {number}")).fix(
            "Restore ledger.ron from version control, or open the project in the window to complete the registration",
        );
    };
    let Some(champion) = facts.champion else {
        return Finding::new(Fail, "No version is the champion")
            .with("ledger", format!("{} by {}", record.what, record.who))
            .fix(format!("Name the one in production: trestle alias DIR champion {number}"));
    };
    let place = if champion == number { "the champion".to_owned() } else { format!("the champion is {champion}") };
    Finding::new(Pass, format!("{number}, {place}, registered {}", record.time.strftime("%Y-%m-%d")))
        .with("ledger", format!("{} by {}: {}", record.what, record.who, record.why))
        .with("file", format!("models/{number}/version.ron"))
}

/// What the verification of the newest image says: of this version, else of any.
fn verified(item: &Item, probe: &Probe, facts: &Facts<'_>) -> Finding {
    use ItemStatus::{Fail, Pass, Stale, Unchecked};
    const BUILD: &str = "Build and verify an image: trestle build DIR, or the container's page";
    let number = facts.version.map(|version| &version.record.version);
    let of_version = facts.packages.iter().rev().find(|report| Some(&report.version) == number);
    let Some(report) = of_version.or(facts.packages.last()) else {
        return Finding::new(Unchecked, "No image was built and verified yet").fix(BUILD);
    };
    let (needed, extra) = item.checks();
    let found = |name: &&str| report.checks.iter().find(|check| check.name == **name);
    let seen: Vec<&Check> = needed.iter().chain(extra).filter_map(&found).collect();
    let with_seen = |status, reason: String| {
        let finding = seen.iter().fold(Finding::new(status, reason), |finding, check| {
            finding.with("check", format!("{}: {}", check.name, check.detail))
        });
        finding.with("report", image_line(report)).at(report.time)
    };
    if let Some(missing) = needed.iter().find(|name| found(name).is_none()) {
        return with_seen(Unchecked, format!("The newest image was not asked “{missing}”")).fix(BUILD);
    }
    let changed = Part::changed(item.parts, &report.evidence, &probe.evidence);
    if !changed.is_empty() {
        let image = format!("The image of {} was verified", report.version);
        let reason = match number {
            Some(number) if *number != report.version => format!("{image}; this is {number}"),
            _ => format!("{image}; {}", changed_since(&changed)),
        };
        return with_seen(Stale, reason).fix("Build and verify it again: trestle build DIR, or the container's page");
    }
    if let Some(failed) = seen.iter().find(|check| !check.pass) {
        return with_seen(Fail, format!("{}: {}", failed.name, failed.detail))
            .fix("Look at the verification on the container's page, mend what it says, and build again");
    }
    // A detail alone does not say what it is about when the item stands on one check.
    let reason = match seen.as_slice() {
        [check] => format!("{}: {}", check.name, check.detail),
        checks => capitalised(&checks.iter().map(|check| check.detail.as_str()).collect::<Vec<_>>().join("; ")),
    };
    with_seen(Pass, reason)
}

/// What the verification of this version's image saw of its latency, beside the judgement that it does not make.
pub(super) fn load_evidence(probe: &Probe, facts: &Facts<'_>) -> Option<EvidenceLine> {
    let version = &facts.version?.record.version;
    let of_version = facts.packages.iter().rev().find(|report| report.version == *version);
    let report = of_version.filter(|report| report.evidence.model == probe.evidence.model)?;
    Some(EvidenceLine::new("verification", judge::load_line(report.load.as_ref()?, facts.latency)))
}

fn image_line(report: &PackageReport) -> String {
    let tags = if report.tags.is_empty() { "not tagged".to_owned() } else { report.tags.join(", ") };
    format!("image {} of {}, {tags}", short(&report.image_id), report.version)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
