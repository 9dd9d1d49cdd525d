//! Verifications that have no engine to come from in a picture: of an engine on another machine, and one that failed.

use std::path::Path;

use jiff::Timestamp;

use crate::problem::Problem;
use crate::project::Project;
use crate::project::documents::Evidence;
use crate::project::reports::{BenchmarkRun, Check, LoadReport, LoadRun, PackageReport, Scenario};

/// Keeps the report of a build by an engine elsewhere with the project; `failure` is of its load.
pub(super) fn keep(root: &Path, time: Timestamp, failure: Option<&str>) -> Result<(), Problem> {
    let mut project = Project::open(root)?;
    let version = project.select(None)?.record.clone();
    let tag = format!("{}:{}", project.slug(), version.version);
    let check = |name: &str, detail: &str| Check { name: name.to_owned(), pass: true, detail: detail.to_owned() };
    let mut checks = vec![
        check("Gets ready", "212 ms after the start"),
        check("Golden rows as tensors", "40 of 40 rows agree, largest difference 0.0e0"),
        check("Refuses what is malformed", "19 kinds, with 400, 404, 405, 413, 415, 422, 431 as promised and a reason"),
        check("Metrics count what was asked", "41 answers and 19 refusals, in 331 samples"),
        check("Holds under load", "3,104 requests in 5.0 s, p50 1.55 ms, p95 2.11 ms, 24 MiB in use of 549"),
        check(
            "Finishes what is under way",
            "readiness turned false, and a request whose body came after SIGTERM was answered",
        ),
        check("Stops when asked", "exit code 0 514 ms after SIGTERM"),
    ];
    if let Some(failure) = failure {
        checks.truncate(5);
        for check in &mut checks[4..] {
            (check.pass, check.detail) = (false, failure.to_owned());
        }
    }
    let (n, n_failed) = if failure.is_some() { (911, 20) } else { (3_104, 0) };
    let run = BenchmarkRun {
        scenario: Scenario::ClosedLoop,
        batch: 1,
        threads: 1,
        n_warm_up: 20,
        n,
        seconds: 5.0,
        windows: Vec::new(),
        histogram: String::new(),
        percentiles_ms: [1.55, 1.9, 2.11, 2.96, 14.2],
    };
    let report = PackageReport {
        time,
        version: version.version,
        image_id: format!("sha256:{}", "5e".repeat(32)),
        tags: if failure.is_some() { Vec::new() } else { vec![tag] },
        size_bytes: 33_100_000,
        engine: "Docker 27.3, API 1.47".to_owned(),
        timings_ms: vec![("build image".to_owned(), 4_100), ("load".to_owned(), 5_020), ("tag".to_owned(), 30)],
        checks,
        evidence: Evidence { model: version.model.sha256, ..version.evidence },
        load: Some(LoadReport {
            asked: "one golden row a request, as tensors".to_owned(),
            inside: LoadRun { run, n_failed, resident_bytes: Some(23 << 20) },
            outside: None,
            outside_missing: "the engine is on another machine".to_owned(),
            peak_memory_bytes: Some(24 << 20),
            n_memory_samples: 6,
            memory_limit_bytes: 549 << 20,
        }),
    };
    project.add_package(report, "ada")?;
    Ok(())
}
