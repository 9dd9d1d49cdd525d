//! `trestle drift`: a project's data, or two files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::{DriftArgs, OutputArgs};
use super::progress::Progress;
use super::report::{Report, Verdict, table};
use super::{open, report_on};
use crate::command::Command;
use crate::drift::{self, CompareRequest, Roles, Source};
use crate::jobs::{Job, JobError, no_wake};
use crate::judge::{self, DriftState};
use crate::problem::Problem;
use crate::project::documents::{ColumnSettings, DataFile, DriftSettings, Evidence};
use crate::project::reports::{self, ColumnDrift, ColumnKind, DriftReport};
use crate::step::Step;
use crate::workbench::{Environment, RunningJob};

/// Findings and columns of one side alone that are told to people; JSON has all.
const TOLD: usize = 10;

pub(super) fn drift(environment: Environment, args: DriftArgs) -> Result<Report, JobError> {
    match (&args.dir, &args.reference, &args.current) {
        (Some(dir), ..) => of_project(environment, dir.clone(), args.output),
        (None, Some(reference), Some(current)) => of_files(&environment, reference, current, &args),
        // The arguments' own rules leave no other case.
        (None, ..) => Err(Problem::new("There is nothing to compare", "", "Name a project, or two files.").into()),
    }
}

fn of_project(environment: Environment, dir: PathBuf, output: OutputArgs) -> Result<Report, JobError> {
    let mut progress = Progress::new(&environment, output);
    let mut workbench = open(environment, dir, None)?;
    workbench.run(Command::CompareData, |jobs| progress.show(jobs))?;
    drop(progress);
    let mut report = report_on("drift", &workbench);
    let project = workbench.project().ok_or(JobError::Cancelled)?;
    let compared = workbench.drift().last.as_ref().ok_or(JobError::Cancelled)?;
    describe(&mut report, compared, &project.documents.config.drift);
    Ok(report)
}

fn of_files(environment: &Environment, reference: &Path, current: &Path, args: &DriftArgs) -> Result<Report, JobError> {
    let settings = DriftSettings { columns: decided(args)?, ..DriftSettings::default() };
    let source = |path: &Path| Source { path: path.to_owned(), shown: path.display().to_string() };
    let file = DataFile {
        path: String::new(),
        target: args.target.clone(),
        prediction: args.prediction.clone(),
        time: args.time.clone(),
        id: args.id.clone(),
    };
    let request = CompareRequest {
        reference: source(reference),
        current: source(current),
        roles: Roles::new([&file], &[]),
        settings: settings.clone(),
        time: (environment.now)(),
    };
    let mut progress = Progress::new(environment, args.output);
    let mut job = Job::spawn("Comparing data", &no_wake(), move |context| {
        drift::compare_files(&request, Evidence::default(), context)
    });
    let compared = loop {
        if let Some(result) = job.poll() {
            break result?;
        }
        progress.show(&[RunningJob {
            id: 1,
            step: Step::Drift,
            name: job.name().to_owned(),
            context: job.context().clone(),
            elapsed: job.elapsed(),
        }]);
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    drop(progress);
    named_columns_exist(&compared, args)?;
    let mut report = Report::new("drift");
    describe(&mut report, &compared, &settings);
    Ok(report)
}

/// The types that were asked for.
fn decided(args: &DriftArgs) -> Result<Vec<ColumnSettings>, Problem> {
    if let Some(name) = args.categorical.iter().find(|name| args.numeric.contains(name)) {
        let what = format!("{name} cannot be both categorical and numeric");
        return Err(Problem::new(what, "--categorical and --numeric", "Name it once."));
    }
    let of = |names: &[String], kind| {
        let column =
            |name: &String| ColumnSettings { name: name.clone(), kind: Some(kind), ..ColumnSettings::default() };
        names.iter().map(column).collect::<Vec<_>>()
    };
    let mut columns = of(&args.categorical, ColumnKind::Categorical);
    columns.extend(of(&args.numeric, ColumnKind::Numeric));
    Ok(columns)
}

/// A name that neither file has is a slip that would change the verdict silently.
fn named_columns_exist(compared: &DriftReport, args: &DriftArgs) -> Result<(), Problem> {
    let compared_columns = compared.columns.iter().map(|column| &column.name);
    let known: Vec<&String> =
        compared_columns.chain(&compared.only_in_reference).chain(&compared.only_in_current).collect();
    let found = |name: &str| {
        let noted =
            || compared.findings.iter().any(|finding| finding.place == name && !finding.what.contains("neither file"));
        known.iter().any(|known| *known == name) || noted()
    };
    let named = [("--target", &args.target), ("--prediction", &args.prediction)];
    let single = named.into_iter().filter_map(|(flag, name)| Some((flag, name.as_ref()?)));
    let lists = [("--categorical", &args.categorical), ("--numeric", &args.numeric)];
    let listed = lists.into_iter().flat_map(|(flag, names)| names.iter().map(move |name| (flag, name)));
    for (flag, name) in single.chain(listed) {
        if !found(name) {
            let some: Vec<&str> = known.iter().take(TOLD).map(|name| name.as_str()).collect();
            return Err(Problem::new(
                format!("Neither file has a column named {name}"),
                flag,
                format!("Name a column of the files, such as {}.", some.join(", ")),
            ));
        }
    }
    Ok(())
}

fn describe(report: &mut Report, compared: &DriftReport, settings: &DriftSettings) {
    let judged = judge::drift(compared, settings);
    let verdict = if judged.verdict == reports::Verdict::Pass { Verdict::Pass } else { Verdict::Fail };
    report.judge(verdict, &judge::drift_reasons(compared, settings));
    let counted = judge::drift_count(compared, settings);
    report.set("reference", json!({"path": compared.reference.path, "rows": compared.reference.n_rows}));
    report.set("current", json!({"path": compared.current.path, "rows": compared.current.n_rows}));
    let columns: Vec<Value> = compared.columns.iter().map(|column| column_json(column, settings)).collect();
    report.set("columns", columns);
    report.set("features", counted.n);
    report.set("drifted", counted.n_drifted);
    report.set("share", counted.share);
    report.set("share_limit", judge::share_limit(settings));
    report.set("only_in_reference", &compared.only_in_reference);
    report.set("only_in_current", &compared.only_in_current);
    report.set("findings", &compared.findings);
    for line in lines(compared, settings) {
        report.say(line);
    }
    report.say(String::new());
    let word = if verdict == Verdict::Pass { "passes" } else { "FAILS" };
    report.say(format!("{word}: {}", judged.reason));
}

fn column_json(column: &ColumnDrift, settings: &DriftSettings) -> Value {
    let test = column.test.as_ref();
    json!({
        "name": column.name,
        "type": column.kind.name(),
        "role": column.role.name(),
        "method": "psi",
        "score": column.psi,
        "threshold": judge::psi_limit(settings),
        "noise": column.psi_noise,
        "test": test.map(|test| &test.name),
        "statistic": test.map(|test| test.statistic),
        "p": test.map(|test| test.p),
        "state": judge::drift_state(column, settings).words(),
        "drifted": judge::drifted(column, settings),
        "critical": settings.is_critical(&column.name),
        "ignored": settings.is_ignored(&column.name),
        "checks": judge::quality_checks(column, settings),
    })
}

/// What people read: a table of the columns, then what else there is to say.
fn lines(compared: &DriftReport, settings: &DriftSettings) -> Vec<String> {
    let side = |name: &str, side: &reports::DriftSide| format!("{name}: {} ({} rows)", side.path, side.n_rows);
    let mut lines = vec![side("reference", &compared.reference), side("current", &compared.current), String::new()];
    let head = ["column", "type", "PSI", "noise", "p", "", "checks"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut columns: Vec<&ColumnDrift> = compared.columns.iter().collect();
    columns.sort_by(|a, b| judge::by_severity(a, b, settings));
    rows.extend(columns.iter().map(|column| {
        let failed = judge::quality_checks(column, settings).into_iter().filter(|check| !check.pass);
        let failed: Vec<String> = failed.map(|check| format!("{}: {}", check.name, check.detail)).collect();
        let name = match column.role {
            reports::ColumnRole::Feature => column.name.clone(),
            role => format!("{} ({})", column.name, role.name()),
        };
        vec![
            name,
            column.kind.name().to_owned(),
            column.psi.map_or_else(|| "–".to_owned(), |psi| format!("{psi:.3}")),
            format!("{:.3}", column.psi_noise),
            column.test.as_ref().map_or_else(|| "–".to_owned(), |test| p_text(test.p)),
            state_word(column, settings).to_owned(),
            if failed.is_empty() { "hold".to_owned() } else { failed.join("; ") },
        ]
    }));
    lines.extend(table(&rows));
    for (names, what) in [
        (&compared.only_in_reference, "only in the reference"),
        (&compared.only_in_current, "only in the current data"),
    ] {
        if !names.is_empty() {
            let told = names.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
            let more = names.len().saturating_sub(TOLD);
            lines.push(if more == 0 { format!("{what}: {told}") } else { format!("{what}: {told} and {more} more") });
        }
    }
    lines.extend(compared.findings.iter().take(TOLD).map(|finding| format!("note: {}", finding.what)));
    lines
}

fn state_word(column: &ColumnDrift, settings: &DriftSettings) -> &'static str {
    if settings.is_ignored(&column.name) {
        return "ignored";
    }
    match judge::drift_state(column, settings) {
        DriftState::Material => "DRIFTED",
        state => state.words(),
    }
}

/// A probability, which is small rather than zero.
fn p_text(p: f64) -> String {
    if p < 0.0001 { "<0.0001".to_owned() } else { format!("{p:.4}") }
}
