//! `trestle drift` as people and pipelines meet it: verdicts, exit codes, JSON, and whatever files they give it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// An empty folder to run the program in.
struct Dir {
    folder: tempfile::TempDir,
}

/// What the program left behind.
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Dir {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn with_example() -> Self {
        let dir = Self::new();
        dir.run("new --example churn").code(0);
        dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Replaces `old`, which must occur, by `new`.
    fn edit(&self, name: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(old), "{name} does not contain {old}");
        self.write(name, text.replacen(old, new, 1));
    }

    fn run(&self, arguments: &str) -> Answer {
        let output = Command::new(env!("CARGO_BIN_EXE_trestle"))
            .args(arguments.split(' '))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env("HOME", self.folder.path())
            .env_remove("TRESTLE_LOG")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Compares two files of this folder.
    fn compare(&self, more: &str) -> Answer {
        self.run(&format!("drift --reference reference.csv --current current.csv --json{more}"))
    }
}

impl Answer {
    #[track_caller]
    fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.code, Some(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    /// What could not be done, as one sentence; the exit code says so too.
    #[track_caller]
    fn problem(&self) -> String {
        self.code(2);
        let object = self.json();
        let part = |key: &str| object["error"][key].as_str().unwrap().to_owned();
        assert!(self.stderr.starts_with(&format!("error: {}", part("what"))), "{}", self.stderr);
        format!("{} | {} | {}", part("what"), part("where"), part("fix"))
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[track_caller]
fn column<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["columns"].as_array().unwrap().iter().find(|column| column["name"] == name).unwrap()
}

fn drifted(report: &Value) -> Vec<&str> {
    let columns = report["columns"].as_array().unwrap().iter();
    let mut names: Vec<&str> =
        columns.filter(|column| column["drifted"] == true).map(|column| column["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Rows of a number and a name, the same each time.
fn rows(n: usize) -> impl Iterator<Item = (f64, &'static str)> {
    (0..n).map(|i| ((i * 37 % 101) as f64 / 4.0, ["north", "south", "east"][i * 7 % 3]))
}

fn plain_csv(n: usize) -> String {
    rows(n).fold("amount,region\n".to_owned(), |mut text, (amount, region)| {
        writeln!(text, "{amount},{region}").unwrap();
        text
    })
}

#[test]
fn the_example_drifts_where_its_data_was_made_to() {
    let dir = Dir::with_example();
    let answer = dir.run("drift churn --json");
    let report = answer.code(1).json();
    // Prices rose, a plan and a region opened, another way to pay came, discounts and tickets grew, customers are newer.
    let expected =
        ["discount_percent", "monthly_fee", "payment_method", "plan", "region", "support_tickets", "tenure_months"];
    assert_eq!(drifted(&report), expected);
    assert_eq!((&report["verdict"], &report["project"]), (&"fail".into(), &"churn".into()));
    assert!((report["share"].as_f64().unwrap() - 7.0 / 12.0).abs() < 1e-12);
    assert_eq!(column(&report, "churned")["role"], "target");
    let reasons = strings(&report["reasons"]);
    assert_eq!(reasons[0], "7 of 12 features drifted, 58 % where the limit is 50 %");
    assert!(reasons.iter().any(|reason| reason.starts_with("unseen categories in region")), "{reasons:?}");
    // Tracking broke: these lose their values.
    let broken = reasons.iter().find(|reason| reason.starts_with("more values missing")).unwrap();
    for name in ["payment_method", "sessions_per_week", "days_since_last_login"] {
        assert!(broken.contains(name), "{broken}");
    }
    let reports: Vec<_> = fs::read_dir(dir.path("churn/reports/drift")).unwrap().collect();
    assert_eq!(reports.len(), 1);
    // The report is read again, and is not in the way of the next.
    dir.run("drift churn --json").code(1);
}

#[test]
fn data_of_the_same_market_passes() {
    let dir = Dir::with_example();
    dir.edit("churn/project.ron", "data/current.csv", "data/labelled.csv");
    let report = dir.run("drift churn --json").code(0).json();
    assert_eq!((&report["verdict"], &report["drifted"]), (&"pass".into(), &0.into()));
    assert_eq!(strings(&report["reasons"]), [""; 0]);
}

#[test]
fn the_settings_of_the_project_decide() {
    let dir = Dir::with_example();
    dir.edit("churn/project.ron", "data/current.csv", "data/labelled.csv");
    // Region is at the edge of noise: with a limit of next to nothing it has drifted, and it is critical.
    let settings = "    drift: (psi: 0.0001, columns: [(name: \"region\", critical: true)]),\n)";
    dir.edit("churn/project.ron", "    ),\n)", &format!("    ),\n{settings}"));
    let report = dir.run("drift churn --json").json();
    let state = &column(&report, "region")["state"];
    let is_critical = strings(&report["reasons"]).contains(&"critical and drifted: region");
    assert_eq!(is_critical, state == "drifted", "{report}");
    assert_eq!(column(&report, "region")["critical"], true);
    // Noise is noise, however low the limit.
    assert_eq!(column(&report, "plan")["state"], "noise");
}

#[test]
fn a_file_against_itself_has_not_drifted() {
    let dir = Dir::new();
    for name in ["reference.csv", "current.csv"] {
        dir.write(name, plain_csv(300));
    }
    let report = dir.compare("").code(0).json();
    for column in report["columns"].as_array().unwrap() {
        assert_eq!((&column["score"], &column["p"]), (&0.0.into(), &1.0.into()), "{column}");
    }
    assert_eq!(report["project"], Value::Null);
}

#[test]
fn files_that_are_no_tables_are_named_with_what_is_wrong() {
    let dir = Dir::new();
    dir.write("reference.csv", plain_csv(50));
    let cases: [(&str, &[u8], &str); 7] = [
        ("empty", b"", "The file is empty"),
        ("ragged", b"amount,region\n1,north\n2\n", "Line 3 has 1 cell where the header has 2"),
        ("headless", b"4.5,0.2\n3,4\n", "The first line holds numbers"),
        ("header alone", b"amount,region\n", "The current data has column names and no rows"),
        ("doubled", b"amount,amount\n1,2\n", "both named amount"),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture"),
        ("nothing in common", b"a,b\n1,2\n", "no column in common"),
    ];
    for (name, bytes, expected) in cases {
        dir.write("current.csv", bytes);
        let problem = dir.compare("").problem();
        assert!(problem.contains(expected) && problem.contains("current.csv"), "{name}: {problem}");
    }
    fs::remove_file(dir.path("current.csv")).unwrap();
    assert!(dir.compare("").problem().contains("The file cannot be opened"));
    // The reference is looked at as well.
    fs::rename(dir.path("reference.csv"), dir.path("current.csv")).unwrap();
    dir.write("reference.csv", "");
    assert!(dir.compare("").problem().contains("reference.csv"));
}

#[test]
fn a_table_means_the_same_however_it_is_written() {
    let dir = Dir::new();
    dir.write("reference.csv", plain_csv(400));
    let lines = |delimiter: char, comma: bool| {
        rows(400).fold(format!("amount{delimiter}région\n"), |mut text, (amount, region)| {
            let amount = format!("{amount:.2}");
            let amount = if comma { amount.replace('.', ",") } else { amount };
            writeln!(text, "{amount}{delimiter}{region}").unwrap();
            text
        })
    };
    dir.edit("reference.csv", "region", "région");
    let semicolons = lines(';', true);
    let latin1: Vec<u8> = semicolons.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let utf16 = std::iter::once(0xFEFF).chain(semicolons.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let marked = [&b"\xEF\xBB\xBF"[..], lines(',', false).as_bytes()].concat();
    for (name, bytes) in
        [("semicolons", semicolons.clone().into_bytes()), ("latin-1", latin1), ("utf-16", utf16), ("mark", marked)]
    {
        dir.write("current.csv", bytes);
        let report = dir.compare("").code(0).json();
        assert_eq!(column(&report, "amount")["score"], 0.0, "{name}");
        assert_eq!(column(&report, "région")["score"], 0.0, "{name}");
    }
}

#[test]
fn different_columns_are_findings_and_fail_the_verdict() {
    let dir = Dir::new();
    dir.write("reference.csv", plain_csv(100));
    dir.write("current.csv", plain_csv(100).replace("amount", "total"));
    let report = dir.compare("").code(1).json();
    assert_eq!(strings(&report["only_in_reference"]), ["amount"]);
    assert_eq!(strings(&report["only_in_current"]), ["total"]);
    assert_eq!(strings(&report["reasons"]), ["not in the current data: amount"]);
    // A label that is not known yet is not a missing feature.
    let report = dir.compare(" --target amount").code(0).json();
    assert!(report["findings"][0]["what"].as_str().unwrap().contains("no label amount"), "{report}");
}

#[test]
fn the_label_alone_fails_the_verdict() {
    let dir = Dir::new();
    let with_label = |share: usize| {
        rows(1_000).enumerate().fold("amount,region,left\n".to_owned(), |mut text, (i, (amount, region))| {
            writeln!(text, "{amount},{region},{}", u8::from(i % 100 < share)).unwrap();
            text
        })
    };
    dir.write("reference.csv", with_label(10));
    dir.write("current.csv", with_label(40));
    let report = dir.compare(" --target left").code(1).json();
    let reasons = strings(&report["reasons"]);
    assert!(reasons.len() == 1 && reasons[0].starts_with("the label left drifted"), "{reasons:?}");
    // As one feature of three it is no more than a third.
    dir.compare("").code(0);
}

#[test]
fn types_are_changed_on_the_command_line() {
    let dir = Dir::new();
    for name in ["reference.csv", "current.csv"] {
        dir.write(name, plain_csv(300));
    }
    let kind = |more: &str| {
        let report = dir.compare(more).code(0).json();
        ["amount", "region"].map(|name| column(&report, name)["type"].as_str().unwrap().to_owned())
    };
    assert_eq!(kind(""), ["numeric", "categorical"]);
    assert_eq!(kind(" --categorical amount,region"), ["categorical", "categorical"]);
    assert!(dir.compare(" --categorical amount --numeric amount").problem().contains("both"));
    for flag in ["--categorical", "--numeric", "--target", "--prediction"] {
        let problem = dir.compare(&format!(" {flag} amuont")).problem();
        assert!(problem.contains("amuont") && problem.contains("amount"), "{problem}");
    }
}

#[test]
fn identifiers_and_times_are_not_compared() {
    let dir = Dir::new();
    let file = |start: usize, year: u32| {
        rows(200).enumerate().fold("id,day,amount,region\n".to_owned(), |mut text, (i, (amount, region))| {
            writeln!(text, "K{},{year}-01-{:02},{amount},{region}", start + i, i % 28 + 1).unwrap();
            text
        })
    };
    dir.write("reference.csv", file(0, 2025));
    dir.write("current.csv", file(9_000, 2026));
    let report = dir.compare("").code(0).json();
    assert_eq!(report["columns"].as_array().unwrap().len(), 2);
    assert_eq!(report["findings"].as_array().unwrap().len(), 2);
    let report = dir.compare(" --id id --time day").code(0).json();
    assert_eq!(report["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn five_thousand_columns_are_no_obstacle() {
    let dir = Dir::new();
    let names: Vec<String> = (0..5_000).map(|i| format!("c{i}")).collect();
    let mut text = names.join(",");
    text.push('\n');
    for row in 0..30_u32 {
        let cells: Vec<String> = (0..5_000).map(|column| ((row * 31 + column * 17) % 97).to_string()).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    dir.write("reference.csv", &text);
    dir.write("current.csv", &text);
    let report = dir.compare("").code(0).json();
    assert_eq!(report["columns"].as_array().unwrap().len(), 5_000);
}

#[test]
fn a_project_without_data_says_what_to_declare() {
    let dir = Dir::new();
    dir.run("new empty").code(0);
    let problem = dir.run("drift empty --json").problem();
    assert!(problem.contains("No reference data is declared") && problem.contains("project.ron"), "{problem}");
    dir.run("new --example churn").code(0);
    fs::remove_file(dir.path("churn/data/current.csv")).unwrap();
    let problem = dir.run("drift churn --json").problem();
    assert!(problem.contains("cannot be opened") && problem.contains("current.csv"), "{problem}");
    assert!(!Path::exists(&dir.path("churn/reports/drift")), "nothing was found, so nothing is kept");
}

#[test]
fn a_project_and_files_are_not_mixed() {
    let dir = Dir::with_example();
    for arguments in ["drift", "drift churn --reference a.csv", "drift churn --target x", "drift --reference a.csv"] {
        let answer = dir.run(arguments);
        answer.code(2);
        assert!(answer.stdout.is_empty() && answer.stderr.contains("Usage"), "{arguments}: {}", answer.stderr);
    }
}

#[test]
fn people_read_a_table_with_the_worst_column_first() {
    let dir = Dir::with_example();
    let answer = dir.run("drift churn");
    let lines: Vec<&str> = answer.code(1).stdout.lines().collect();
    assert!(lines[3].starts_with("column"), "{}", answer.stdout);
    assert!(lines[4].starts_with("region") && lines[4].contains("DRIFTED"), "{}", answer.stdout);
    assert!(lines.last().unwrap().starts_with("FAILS: 7 of 12 features drifted"), "{}", answer.stdout);
}
