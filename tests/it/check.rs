//! The checklist through the built program, on a copy of the example in a repository of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

const IDS: [&str; 11] = [
    "version-control",
    "pinned-dependencies",
    "lint-format",
    "model-serialised",
    "version-tracked",
    "unit-tests",
    "integration-tests",
    "endpoints-documented",
    "errors-handled",
    "logging",
    "health-check",
];

/// A folder with the example in `churn`.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.trestle(&["new", "--example", "churn"], 0);
        place
    }

    /// With the example committed; `None` where there is no git, which is said.
    fn in_git() -> Option<Self> {
        let place = Self::new();
        let initialised = place.git(&["init", "--quiet", "--initial-branch=main"])?;
        assert!(initialised.status.success(), "{}", String::from_utf8_lossy(&initialised.stderr));
        place.commit();
        Some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("churn").join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let home = self.folder.path();
        command.current_dir(home).stdin(Stdio::null()).env("HOME", home).env("XDG_CONFIG_HOME", home);
        // No configuration of this machine, and no repository above the temporary folder.
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CEILING_DIRECTORIES", home.parent().unwrap());
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_AUTHOR_NAME", "TRESTLE_LOG"] {
            command.env_remove(name);
        }
        command.env("USER", "ada");
        command
    }

    #[expect(clippy::print_stderr, reason = "a test that was left out must be heard of")]
    fn git(&self, arguments: &[&str]) -> Option<Output> {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgSign=false"];
        match self.command("git").current_dir(self.path("")).args(identity).args(arguments).output() {
            Ok(output) => Some(output),
            Err(error) => {
                eprintln!("SKIPPED: git cannot be run ({error}), so version control was not tested");
                None
            }
        }
    }

    fn commit(&self) {
        for arguments in [&["add", "."][..], &["commit", "--quiet", "--message", "state"]] {
            let output = self.git(arguments).unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    #[track_caller]
    fn trestle(&self, arguments: &[&str], code: i32) -> String {
        let output = self.command(env!("CARGO_BIN_EXE_trestle")).args(arguments).output().unwrap();
        let (said, complained) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{said}\n{complained}");
        said
    }

    #[track_caller]
    fn check(&self) -> Value {
        serde_json::from_str(&self.trestle(&["check", "churn", "--json"], 1)).unwrap()
    }

    /// What could not be done: `what` and `fix`.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> (String, String) {
        let said: Value = serde_json::from_str(&self.trestle(arguments, 2)).unwrap();
        let part = |key: &str| said["error"][key].as_str().unwrap().to_owned();
        (part("what"), part("fix"))
    }

    fn edit(&self, name: &str, more: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        fs::write(self.path(name), format!("{text}{more}")).unwrap();
    }
}

/// An item's status and reason.
#[track_caller]
fn stands(report: &Value, id: &str) -> (String, String) {
    let all = ["items", "brief"].into_iter().flat_map(|key| report[key].as_array().unwrap());
    let item = all.into_iter().find(|item| item["id"] == id).unwrap_or_else(|| panic!("no {id} in {report}"));
    let text = |key: &str| item[key].as_str().unwrap().to_owned();
    (text("status"), text("reason"))
}

/// Days after the day of the report, so that no test reads the clock.
fn days_after(report: &Value, days: i64) -> String {
    let checked: Timestamp = report["checked"].as_str().unwrap().parse().unwrap();
    let day = checked.to_zoned(TimeZone::UTC).date();
    day.checked_add(jiff::Span::new().days(days)).unwrap().to_string()
}

#[test]
fn the_eleven_items_are_listed_with_status_and_evidence() {
    let Some(place) = Place::in_git() else { return };
    let report = place.check();
    assert_eq!(
        (&report["format"], &report["command"], &report["verdict"]),
        (&1.into(), &"check".into(), &"fail".into())
    );
    let items = report["items"].as_array().unwrap();
    let ids: Vec<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, IDS);
    for item in items {
        let keys: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["id", "category", "label", "status", "reason", "evidence", "fix", "when"]);
    }
    for id in ["version-control", "pinned-dependencies", "model-serialised", "version-tracked"] {
        let item = items.iter().find(|item| item["id"] == id).unwrap();
        assert_eq!(item["status"], "pass", "{item}");
        assert!(!item["evidence"].as_array().unwrap().is_empty(), "{item}");
        assert_eq!((&item["when"], &item["fix"]), (&report["checked"], &"".into()));
    }
    for id in ["lint-format", "unit-tests", "integration-tests", "logging"] {
        assert_eq!(stands(&report, id).0, "unchecked", "{id}");
    }
    assert!(!stands(&report, "brief.latency").1.is_empty(), "{report}");
    let blocking: Vec<&str> = report["blocking"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert!(blocking.starts_with(&["lint-format", "unit-tests", "integration-tests", "endpoints-documented"]));
    // People read the same, and a reviewer gets a page.
    let said = place.trestle(&["check", "churn"], 1);
    assert!(said.contains("UNCHECKED  Unit tests") && said.contains("`pytest tests`"), "{said}");
    let page = place.trestle(&["check", "churn", "--markdown"], 1);
    assert!(page.starts_with("# Readiness of Customer churn 1.1.0"), "{page}");
}

#[test]
fn a_changed_file_is_named_and_trestles_own_files_are_not() {
    let Some(place) = Place::in_git() else { return };
    place.trestle(&["attest", "churn", "unit-tests", "--note", "14 passed"], 0);
    assert!(place.git(&["status", "--porcelain"]).unwrap().stdout.starts_with(b" M ledger.ron\n?? checklist.ron"));
    assert_eq!(stands(&place.check(), "version-control").0, "pass");
    place.edit("train.py", "\n# later\n");
    fs::write(place.path("ünew file.py"), "x = 1").unwrap();
    let (status, reason) = stands(&place.check(), "version-control");
    assert_eq!((status.as_str(), reason.as_str()), ("fail", "Not committed: train.py, ünew file.py"));
    place.commit();
    assert_eq!(stands(&place.check(), "version-control").0, "pass");
}

#[test]
fn a_project_in_no_repository_fails_and_says_how_to_begin_one() {
    let place = Place::new();
    if place.git(&["--version"]).is_none() {
        return;
    }
    let report = place.check();
    let item = &report["items"][0];
    assert_eq!(
        (&item["status"], &item["reason"]),
        (&"fail".into(), &"The project folder is in no git repository".into())
    );
    assert!(item["fix"].as_str().unwrap().contains("git init"), "{item}");
    // A repository above that knows nothing of the project is no version control of it.
    let above = place.command("git").args(["init", "--quiet"]).output().unwrap();
    assert!(above.status.success());
    assert_eq!(stands(&place.check(), "version-control").1, "The repository has no commit yet");
}

#[test]
fn a_word_goes_stale_with_the_code_and_yields_to_evidence() {
    let place = Place::new();
    place.trestle(&["attest", "churn", "unit-tests", "--note", "14 passed"], 0);
    place.trestle(&["attest", "churn", "pinned-dependencies", "--note", "I looked"], 0);
    let report = place.check();
    let (status, reason) = stands(&report, "unit-tests");
    let today = days_after(&report, 0);
    assert_eq!((status, reason), ("attested".to_owned(), format!("Attested by ada on {today}: 14 passed")));
    assert_eq!(stands(&report, "pinned-dependencies").0, "pass");
    place.edit("requirements.txt", "pandas-stubs\n");
    let report = place.check();
    assert_eq!(
        stands(&report, "unit-tests"),
        ("stale".to_owned(), format!("Attested by ada on {today}; the code changed since"))
    );
    let (status, reason) = stands(&report, "pinned-dependencies");
    assert_eq!(status, "fail");
    let expected = format!("Attested by ada on {today}, but: requirements.txt line 29: pandas-stubs has no version");
    assert_eq!(reason, expected);
    let ledger = fs::read_to_string(place.path("ledger.ron")).unwrap();
    assert!(ledger.contains("what:\"attest unit-tests\",why:\"14 passed\""), "{ledger}");
}

#[test]
fn a_waiver_needs_a_reason_and_a_day_not_far_ahead() {
    let place = Place::new();
    let report = place.check();
    let waive = |until: &str, reason: &str, item: &str| {
        let arguments = ["waive", "churn", item, "--reason", reason, "--until", until, "--owner", "Grace", "--json"];
        place.refused(&arguments)
    };
    let soon = days_after(&report, 30);
    assert!(waive(&days_after(&report, -1), "demo", "unit-tests").0.starts_with("A waiver cannot hold until"));
    assert!(waive(&days_after(&report, 400), "demo", "unit-tests").0.starts_with("A waiver cannot hold until"));
    assert_eq!(waive("soon", "demo", "unit-tests").0, "“soon” is no day");
    assert!(waive(&soon, "  ", "unit-tests").0.starts_with("There is no word to stand on"));
    let (what, fix) = waive(&soon, "demo", "unit_tests");
    assert_eq!(what, "The checklist has no item “unit_tests”");
    assert!(IDS.iter().all(|id| fix.contains(id)) && fix.contains("brief.latency"), "{fix}");
    assert!(!place.path("checklist.ron").exists(), "what is refused leaves nothing behind");
    for id in ["unit-tests", "brief.latency"] {
        place.trestle(&["waive", "churn", id, "--reason", "demo", "--until", &soon, "--owner", "Grace"], 0);
        let (status, reason) = stands(&place.check(), id);
        assert_eq!(status, "waived");
        assert!(reason.starts_with(&format!("Waived until {soon} by Grace: demo (")), "{reason}");
    }
    place.trestle(&["withdraw", "churn", "unit-tests", "--why", "they run now"], 0);
    assert_eq!(stands(&place.check(), "unit-tests").0, "unchecked");
    let again = place.refused(&["withdraw", "churn", "unit-tests", "--why", "again", "--json"]);
    assert_eq!(again.0, "Nothing was attested or waived about unit-tests");
    let measured = place.refused(&["attest", "churn", "brief.latency", "--note", "fast", "--json"]);
    assert_eq!(measured.0, "brief.latency is measured, and not a matter of anybody's word");
}

#[test]
fn it_passes_once_every_item_is_answered_for() {
    let Some(place) = Place::in_git() else { return };
    let report = place.check();
    let soon = days_after(&report, 7);
    for id in report["blocking"].as_array().unwrap() {
        place.trestle(&["waive", "churn", id.as_str().unwrap(), "--reason", "a trial", "--until", &soon], 0);
    }
    let said: Value = serde_json::from_str(&place.trestle(&["check", "churn", "--json"], 0)).unwrap();
    assert_eq!((&said["verdict"], &said["blocking"]), (&"pass".into(), &Value::Array(Vec::new())));
}

#[test]
fn a_checklist_that_cannot_be_read_is_told_and_never_overwritten() {
    let place = Place::new();
    fs::write(place.path("checklist.ron"), "(format: 1, attestations: [oops").unwrap();
    let report = place.check();
    let reasons = report["reasons"].as_array().unwrap();
    assert!(reasons.last().unwrap().as_str().unwrap().contains("checklist.ron"), "{reasons:?}");
    place.refused(&["attest", "churn", "unit-tests", "--note", "fine", "--json"]);
    let soon = days_after(&report, 7);
    place.refused(&["waive", "churn", "unit-tests", "--reason", "fine", "--until", &soon, "--json"]);
    assert_eq!(fs::read_to_string(place.path("checklist.ron")).unwrap(), "(format: 1, attestations: [oops");
    let ledger = fs::read_to_string(place.path("ledger.ron")).unwrap();
    assert!(!ledger.contains("attest") && !ledger.contains("waive"), "{ledger}");
}
