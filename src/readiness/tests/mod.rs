//! The checklist on made-up probes and facts.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use semver::Version;

mod load;

use super::*;
use crate::project::ModelVersion;
use crate::project::checklist::{Attestation, Checklist, Waiver};
use crate::project::contract::{Finding, Inspection, Severity};
use crate::project::documents::{Commands, Evidence, GoldenRow, GoldenRows, LedgerRecord, VersionRecord};
use crate::project::reports::{Check, ChecklistItem, ItemStatus, Judgement, PackageReport, ReadinessReport, Verdict};

const TODAY: Date = date(2026, 11, 24);

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A project that is ready but for what nobody has said yet; each test changes what it is about.
struct World {
    probe: Probe,
    version: Option<ModelVersion>,
    champion: Option<Version>,
    registered: Option<LedgerRecord>,
    packages: Vec<PackageReport>,
    commands: Commands,
    checklist: Checklist,
    limits: Vec<Limit>,
}

fn evidence() -> Evidence {
    Evidence {
        code: "c0de".repeat(16),
        model: "f00d".repeat(16),
        features: "fea7".repeat(16),
        brief: "b1ef".repeat(16),
        labelled: "1abe".repeat(16),
        ..Evidence::default()
    }
}

impl World {
    fn new() -> Self {
        let number = Version::new(1, 1, 0);
        let record = VersionRecord {
            version: number.clone(),
            registered: time("2026-11-20T08:00:00Z"),
            why: String::new(),
            bump_reason: String::new(),
            previous: None,
            model: Inspection { sha256: evidence().model, opsets: vec![(String::new(), 17)], ..Inspection::default() },
            evidence: evidence(),
        };
        let golden = GoldenRows { rows: vec![GoldenRow::default(); 20], ..GoldenRows::default() };
        let checks = [
            "Gets ready",
            "Live and ready",
            "Metadata is the contract",
            "Describes itself",
            "Refuses what is malformed",
            "Logs are JSON with a request id",
            "Stops when asked",
        ];
        let package = PackageReport {
            time: time("2026-11-21T08:00:00Z"),
            version: number.clone(),
            image_id: "sha256:0123456789".to_owned(),
            tags: vec!["churn:1.1.0".to_owned()],
            size_bytes: 1,
            engine: String::new(),
            timings_ms: Vec::new(),
            checks: checks
                .map(|name| Check { name: name.to_owned(), pass: true, detail: format!("saw {name}") })
                .to_vec(),
            evidence: evidence(),
            load: None,
        };
        Self {
            probe: Probe {
                time: time("2026-11-24T12:00:00Z"),
                version: Some(number.clone()),
                evidence: evidence(),
                version_control: VersionControl::Repository(Repository {
                    commit: Some("7b10de0c".repeat(5)),
                    n_tracked: 6,
                    remote: Remote::Has("origin/main".to_owned()),
                    ..Repository::default()
                }),
                dependencies: Dependencies {
                    lists: vec!["requirements.txt".to_owned()],
                    n_pinned: 26,
                    ..Dependencies::default()
                },
            },
            version: Some(ModelVersion { record, golden: Some(golden), folder: "models/1.1.0".into() }),
            champion: Some(number),
            registered: Some(LedgerRecord {
                format: 1,
                id: String::new(),
                time: time("2026-11-20T08:00:00Z"),
                who: "ada".to_owned(),
                what: "register 1.1.0".to_owned(),
                why: "better".to_owned(),
            }),
            packages: vec![package],
            commands: Commands::default(),
            checklist: Checklist::default(),
            limits: Vec::new(),
        }
    }

    fn report_on(&self, today: Date) -> ReadinessReport {
        let facts = Facts {
            version: self.version.as_ref(),
            champion: self.champion.as_ref(),
            registered: self.registered.as_ref(),
            packages: &self.packages,
            commands: &self.commands,
            checklist: &self.checklist,
            limits: &self.limits,
            latency: None,
        };
        checklist(&self.probe, &facts, today)
    }

    fn item(&self, id: &str) -> ChecklistItem {
        let report = self.report_on(TODAY);
        report.items.into_iter().chain(report.brief).find(|item| item.id == id).unwrap()
    }

    #[track_caller]
    fn check(&self, id: &str, status: ItemStatus, reason: &str) {
        let item = self.item(id);
        assert_eq!((item.status, item.reason.as_str()), (status, reason), "{id}");
        let needs_nothing = !status.blocks();
        assert!(needs_nothing || !item.fix.is_empty(), "{id} blocks and says no way out");
    }

    fn attest(&mut self, item: &str) {
        self.checklist.attestations.push(Attestation {
            item: item.to_owned(),
            note: "14 passed".to_owned(),
            who: "ada".to_owned(),
            when: time("2026-11-22T09:00:00Z"),
            evidence: evidence(),
        });
    }

    fn waive(&mut self, item: &str, expires: Date, asked: &str) {
        self.checklist.waivers.push(Waiver {
            item: item.to_owned(),
            reason: "demo first".to_owned(),
            owner: "grace".to_owned(),
            expires,
            who: "ada".to_owned(),
            when: time("2026-11-22T09:00:00Z"),
            asked: asked.to_owned(),
        });
    }

    fn repository(&mut self, change: impl FnOnce(&mut Repository)) {
        let VersionControl::Repository(repository) = &mut self.probe.version_control else { panic!("no repository") };
        change(repository);
    }
}

/// One change to the world, the item it is about, and how that item stands then.
type Row = (fn(&mut World), &'static str, ItemStatus, &'static str);

#[track_caller]
fn check(rows: &[Row]) {
    for (change, id, status, reason) in rows {
        let mut world = World::new();
        change(&mut world);
        world.check(id, *status, reason);
    }
}

use ItemStatus::{Attested, Fail, Pass, Stale, Unchecked, Waived};

#[test]
fn version_control_is_as_git_says() {
    const ID: &str = "version-control";
    check(&[
        (|_| (), ID, Pass, "Commit 7b10de0, clean, pushed"),
        (|w| w.repository(|r| r.remote = Remote::Lacks), ID, Pass, "Commit 7b10de0, clean, not pushed"),
        (|w| w.repository(|r| r.remote = Remote::None), ID, Pass, "Commit 7b10de0, clean, not pushed"),
        (|w| w.repository(|r| r.commit = None), ID, Fail, "The repository has no commit yet"),
        (|w| w.repository(|r| r.n_tracked = 0), ID, Fail, "None of the project's code is tracked"),
        (
            |w| {
                w.repository(|r| {
                    r.changed = ["a.py", "b.py", "c.py", "d.py"].map(str::to_owned).to_vec();
                    r.n_changed = 9;
                });
            },
            ID,
            Fail,
            "Not committed: a.py, b.py, c.py and 6 more",
        ),
        (
            |w| w.probe.version_control = VersionControl::NoRepository,
            ID,
            Fail,
            "The project folder is in no git repository",
        ),
        (
            |w| w.probe.version_control = VersionControl::NoGit,
            ID,
            Unchecked,
            "git is not installed, so nobody could look",
        ),
        (
            |w| w.probe.version_control = VersionControl::Unanswered { reason: "too slow".to_owned() },
            ID,
            Unchecked,
            "git gave no answer: too slow",
        ),
    ]);
}

#[test]
fn dependencies_are_pinned_by_a_list_or_a_lock() {
    const ID: &str = "pinned-dependencies";
    check(&[
        (|_| (), ID, Pass, "26 packages with exact versions in requirements.txt"),
        (
            |w| {
                let what = "pandas has no version".to_owned();
                let loose = Loose { list: "requirements.txt".to_owned(), line: 4, what };
                w.probe.dependencies = Dependencies { loose: vec![loose], n_loose: 3, ..Dependencies::default() };
            },
            ID,
            Fail,
            "requirements.txt line 4: pandas has no version, and 2 more",
        ),
        (|w| w.probe.dependencies.n_pinned = 0, ID, Fail, "requirements.txt names no packages"),
        (
            |w| {
                w.probe.dependencies = Dependencies { locks: vec!["uv.lock".to_owned()], ..Dependencies::default() };
            },
            ID,
            Pass,
            "Locked by uv.lock",
        ),
        (
            |w| w.probe.dependencies = Dependencies::default(),
            ID,
            Fail,
            "There is no requirements.txt, environment.yml, pyproject.toml or lock",
        ),
    ]);
}

#[test]
fn the_model_is_the_registered_file_with_golden_rows() {
    fn version(world: &mut World) -> &mut ModelVersion {
        world.version.as_mut().unwrap()
    }
    check(&[
        (|_| (), "model-serialised", Pass, "ONNX opset 17, 20 golden rows"),
        (|w| w.version = None, "model-serialised", Fail, "No model is registered"),
        (
            |w| w.probe.evidence.model = "other".to_owned(),
            "model-serialised",
            Fail,
            "The file of 1.1.0 is not the one that was registered",
        ),
        (|w| w.probe.evidence.model.clear(), "model-serialised", Fail, "The file of 1.1.0 is not there"),
        (|w| version(w).golden = None, "model-serialised", Fail, "There are no golden rows to know it by"),
        (
            |w| {
                version(w).record.model.findings.push(Finding {
                    id: String::new(),
                    severity: Severity::Refused,
                    what: "it calls home".to_owned(),
                    fix: "Export it again".to_owned(),
                });
            },
            "model-serialised",
            Fail,
            "It would be refused: it calls home",
        ),
        (|_| (), "version-tracked", Pass, "1.1.0, the champion, registered 2026-11-20"),
        (
            |w| w.champion = Some(Version::new(1, 0, 0)),
            "version-tracked",
            Pass,
            "1.1.0, the champion is 1.0.0, registered 2026-11-20",
        ),
        (|w| w.champion = None, "version-tracked", Fail, "No version is the champion"),
        (|w| w.registered = None, "version-tracked", Fail, "The ledger has no record of registering 1.1.0"),
        (
            |w| w.probe.evidence.model = "other".to_owned(),
            "version-tracked",
            Fail,
            "The file of 1.1.0 is not the one that was registered",
        ),
        (|w| w.version = None, "version-tracked", Fail, "No model is registered"),
    ]);
}

#[test]
fn the_interface_is_as_the_newest_verification_of_the_version_says() {
    fn package(world: &mut World) -> &mut PackageReport {
        &mut world.packages[0]
    }
    fn check_of<'a>(world: &'a mut World, name: &str) -> &'a mut Check {
        package(world).checks.iter_mut().find(|check| check.name == name).unwrap()
    }
    check(&[
        (|_| (), "endpoints-documented", Pass, "Saw Describes itself; saw Metadata is the contract"),
        (|_| (), "errors-handled", Pass, "Refuses what is malformed: saw Refuses what is malformed"),
        (|_| (), "logging", Pass, "Logs are JSON with a request id: saw Logs are JSON with a request id"),
        (|_| (), "health-check", Pass, "Saw Gets ready; saw Live and ready; saw Stops when asked"),
        (|w| w.packages.clear(), "logging", Unchecked, "No image was built and verified yet"),
        (
            |w| package(w).checks.clear(),
            "logging",
            Unchecked,
            "The newest image was not asked “Logs are JSON with a request id”",
        ),
        (
            |w| check_of(w, "Refuses what is malformed").pass = false,
            "errors-handled",
            Fail,
            "Refuses what is malformed: saw Refuses what is malformed",
        ),
        (
            |w| {
                let unwell =
                    Check { name: "Health check of the image".to_owned(), pass: false, detail: "unhealthy".to_owned() };
                package(w).checks.push(unwell);
            },
            "health-check",
            Fail,
            "Health check of the image: unhealthy",
        ),
        (
            |w| w.probe.evidence.features = "other".to_owned(),
            "errors-handled",
            Stale,
            "The image of 1.1.0 was verified; the feature contract changed since",
        ),
        // Each answer goes stale by what it depends on, and by nothing else.
        (
            |w| w.probe.evidence.features = "other".to_owned(),
            "logging",
            Pass,
            "Logs are JSON with a request id: saw Logs are JSON with a request id",
        ),
        (
            |w| w.probe.evidence.code = "other".to_owned(),
            "errors-handled",
            Pass,
            "Refuses what is malformed: saw Refuses what is malformed",
        ),
        (
            |w| w.probe.evidence.brief = "other".to_owned(),
            "errors-handled",
            Pass,
            "Refuses what is malformed: saw Refuses what is malformed",
        ),
        (
            |w| w.probe.evidence.brief = "other".to_owned(),
            "endpoints-documented",
            Stale,
            "The image of 1.1.0 was verified; the brief changed since",
        ),
        (
            |w| {
                package(w).version = Version::new(1, 0, 0);
                package(w).evidence.model = "older".to_owned();
            },
            "logging",
            Stale,
            "The image of 1.0.0 was verified; this is 1.1.0",
        ),
        // A later build of another version does not hide the verification of this one.
        (
            |w| {
                let mut other = package(w).clone();
                other.version = Version::new(1, 0, 0);
                other.checks.iter_mut().for_each(|check| check.pass = false);
                w.packages.push(other);
            },
            "logging",
            Pass,
            "Logs are JSON with a request id: saw Logs are JSON with a request id",
        ),
    ]);
}

#[test]
fn a_word_counts_where_evidence_is_silent_and_until_its_ground_changes() {
    check(&[
        (|_| (), "unit-tests", Unchecked, "Nobody has said how it went"),
        (|w| w.attest("unit-tests"), "unit-tests", Attested, "Attested by ada on 2026-11-22: 14 passed"),
        (
            |w| {
                w.attest("unit-tests");
                w.probe.evidence.code = "other".to_owned();
            },
            "unit-tests",
            Stale,
            "Attested by ada on 2026-11-22; the code changed since",
        ),
        (
            |w| {
                w.attest("unit-tests");
                w.probe.evidence.model = "other".to_owned();
            },
            "unit-tests",
            Attested,
            "Attested by ada on 2026-11-22: 14 passed",
        ),
        (
            |w| {
                w.attest("integration-tests");
                w.probe.evidence.model = "other".to_owned();
            },
            "integration-tests",
            Stale,
            "Attested by ada on 2026-11-22; the model changed since",
        ),
        (
            |w| {
                w.attest("pinned-dependencies");
                w.probe.dependencies = Dependencies::default();
            },
            "pinned-dependencies",
            Fail,
            "Attested by ada on 2026-11-22, but: There is no requirements.txt, environment.yml, pyproject.toml or lock",
        ),
        (
            |w| {
                w.attest("version-control");
                w.probe.version_control = VersionControl::NoGit;
            },
            "version-control",
            Attested,
            "Attested by ada on 2026-11-22: 14 passed",
        ),
        (
            |w| w.attest("logging"),
            "logging",
            Pass,
            "Logs are JSON with a request id: saw Logs are JSON with a request id",
        ),
    ]);
}

#[test]
fn a_waiver_holds_to_its_last_day_and_only_for_what_blocks() {
    const REASON: &str = "Waived until 2026-11-24 by grace: demo first (Nobody has said how it went)";
    let mut world = World::new();
    world.waive("unit-tests", TODAY, "");
    world.check("unit-tests", Waived, REASON);
    let item = |report: &ReadinessReport| report.items.iter().find(|item| item.id == "unit-tests").unwrap().clone();
    let tomorrow = item(&world.report_on(date(2026, 11, 25)));
    assert_eq!(
        (tomorrow.status, tomorrow.reason.as_str()),
        (Unchecked, "Nobody has said how it went; the waiver of grace expired on 2026-11-24")
    );
    assert!(tomorrow.evidence.iter().any(|line| line.kind == "waiver" && line.detail.contains("waived by ada")));
    world.waive("logging", date(2026, 12, 24), "");
    world.check(
        "logging",
        Pass,
        "Logs are JSON with a request id: saw Logs are JSON with a request id; the waiver has no effect",
    );
    world.attest("unit-tests");
    world.check("unit-tests", Attested, "Attested by ada on 2026-11-22: 14 passed; the waiver has no effect");
}

fn limit(verdict: Verdict, measured: bool) -> Limit {
    Limit {
        id: "brief.latency".to_owned(),
        label: "Latency".to_owned(),
        asked: "p95 ≤ 200 ms".to_owned(),
        judged: Judgement {
            asked: "p95 ≤ 200 ms".to_owned(),
            measured: "3.1 ms".to_owned(),
            verdict,
            reason: "p95 is 3.1 ms in process".to_owned(),
        },
        measured: measured.then(|| Measured {
            what: "benchmark of 1.1.0".to_owned(),
            time: time("2026-11-23T10:00:00Z"),
            evidence: evidence(),
            parts: &[Part::Model, Part::Features],
        }),
        how: "trestle bench DIR".to_owned(),
    }
}

#[test]
fn a_limit_of_the_brief_stands_as_it_is_judged() {
    #[track_caller]
    fn check(limit: Limit, change: fn(&mut World), status: ItemStatus, reason: &str) {
        let mut world = World::new();
        world.limits.push(limit);
        change(&mut world);
        world.check("brief.latency", status, reason);
    }
    let judged = "p95 is 3.1 ms in process";
    check(limit(Verdict::Pass, true), |_| (), Pass, judged);
    check(limit(Verdict::Fail, true), |_| (), Fail, judged);
    check(limit(Verdict::Undecided, true), |_| (), Fail, judged);
    check(limit(Verdict::None, true), |_| (), Unchecked, judged);
    check(limit(Verdict::None, false), |_| (), Unchecked, judged);
    let unmeasured = Limit { judged: Judgement::default(), ..limit(Verdict::None, false) };
    check(unmeasured, |_| (), Unchecked, "Not measured yet");
    let model = |world: &mut World| world.probe.evidence.model = "other".to_owned();
    check(limit(Verdict::Pass, true), model, Stale, "p95 is 3.1 ms in process; the model changed since");
    // The brief is judged anew, so a change of it makes no measurement stale.
    check(limit(Verdict::Pass, true), |world| world.probe.evidence.brief = "other".to_owned(), Pass, judged);
    let waive = |world: &mut World| world.waive("brief.latency", TODAY, "p95 ≤ 200 ms");
    let waived = "Waived until 2026-11-24 by grace: demo first (p95 is 3.1 ms in process)";
    check(limit(Verdict::Fail, true), waive, Waived, waived);
    let waive_other = |world: &mut World| world.waive("brief.latency", TODAY, "p95 ≤ 500 ms");
    let other = "p95 is 3.1 ms in process; what was waived is p95 ≤ 500 ms";
    check(limit(Verdict::Fail, true), waive_other, Fail, other);
}

#[test]
fn it_passes_when_nothing_blocks_and_names_what_does() {
    let mut world = World::new();
    let report = world.report_on(TODAY);
    assert_eq!(report.judged.verdict, Verdict::Fail);
    assert_eq!(report.judged.reason, "3 of 11 items block: Lint and format, Unit tests, Integration tests");
    assert_eq!(standing(&report), (crate::step::Standing::Warn, "3 of 11 block".to_owned()));
    for item in ["lint-format", "unit-tests", "integration-tests"] {
        world.attest(item);
    }
    let report = world.report_on(TODAY);
    assert_eq!((report.judged.verdict, report.judged.reason.as_str()), (Verdict::Pass, "None of 11 items blocks"));
    assert_eq!(standing(&report), (crate::step::Standing::Pass, "ready".to_owned()));
    world.limits.push(limit(Verdict::Fail, true));
    let report = world.report_on(TODAY);
    assert_eq!(report.judged.reason, "1 of 12 items block: Latency");
    assert_eq!(standing(&report), (crate::step::Standing::Fail, "1 limit of the brief blocks".to_owned()));
}

#[test]
fn a_page_for_a_reviewer_is_not_bent_by_what_people_wrote() {
    let mut world = World::new();
    world.attest("unit-tests");
    world.checklist.attestations[0].note = "fine\n# Heading <b>[x](y)".to_owned();
    let page = markdown("Churn | 2", &world.report_on(TODAY));
    assert!(page.starts_with("# Readiness of Churn \\| 2 1.1.0\n"), "{page}");
    assert_eq!(page.lines().filter(|line| line.starts_with("## ")).count(), 5, "{page}");
    assert!(
        page.contains("- **Unit tests**: attested. Attested by ada on 2026-11-22: fine \\# Heading \\<b\\>"),
        "{page}"
    );
    assert!(page.contains("  - *How to fix:* "), "{page}");
}

#[test]
fn the_limits_are_those_that_the_brief_states_with_their_judgements() {
    use crate::judge::{self, Baseline, Measurements};
    use crate::project::brief::{Brief, Stated};
    let brief = Brief {
        latency: Stated::from_words("< 200ms per prediction"),
        retraining: Stated::from_words("weekly"),
        success: Stated::from_words("AUC-ROC > 0.85, precision > 0.80"),
        ..Brief::default()
    };
    let nothing = Measurements {
        benchmark: None,
        evaluation: None,
        baseline: Baseline::Itself,
        registered: None,
        now: "2026-11-24T12:00:00Z".parse().unwrap(),
    };
    let of = |brief: &Brief| limits(brief, judge::brief(brief, &nothing), &nothing);
    let found = of(&brief);
    let rows: Vec<_> = found.iter().map(|limit| [&*limit.id, &*limit.label, &*limit.asked]).collect();
    let expected = [
        ["brief.latency", "Latency", "p95 ≤ 200 ms"],
        ["brief.retraining", "Retraining", "every 7 days"],
        ["brief.success.1", "ROC-AUC", "ROC-AUC > 0.85"],
        ["brief.success.2", "Precision", "precision > 0.8"],
    ];
    assert_eq!(rows, expected);
    assert!(found.iter().all(|limit| limit.judged.asked == limit.asked && limit.measured.is_none()));
    assert!(of(&Brief::default()).is_empty());
    // A trigger alone is nothing that the clock can judge: it must not block for ever.
    let triggered = Brief { retraining: Stated::from_words("on drift"), ..Brief::default() };
    assert!(of(&triggered).is_empty());
}
