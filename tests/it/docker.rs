//! The container step against a real engine: runs whenever one answers, and says loudly when none did.
#![expect(clippy::print_stderr, reason = "what did not run is told whoever runs the tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::query_parameters::{ImportImageOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder};
use futures_util::StreamExt as _;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use trestle::command::ExportKind;
use trestle::engine::{self, Model};
use trestle::features::{self, Mapping};
use trestle::jobs::{JobContext, no_wake};
use trestle::package::{self, BuildPlan, Engine, Environment, Labelled, LabelledKind, PackageError, Sizing};
use trestle::project::brief::{Band, Brief, OutputKind, OutputSpec, Stated};
use trestle::project::documents::{Evidence, GoldenRow, GoldenRows, ProjectConfig, VersionRecord};
use trestle::project::format;
use trestle::project::reports::PackageReport;
use trestle::table;

/// Golden rows that are asked.
const N_ROWS: usize = 20;

/// Shorter than usual: what comes of it is looked at, not how fast it was.
const LOAD_TIME: Duration = Duration::from_millis(600);

/// How the slugs of these tests begin; the process follows.
const SLUG: &str = "trestle-it-";

/// One build at a time, so that what each leaves can be told apart.
static TURN: Mutex<()> = Mutex::const_new(());

/// The example's model as a project of its own, and the engine to package it with.
pub(crate) struct Stage {
    engine: Engine,
    folder: TempDir,
    slug: String,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// `None` when no engine answers.
    pub(crate) async fn set(test: &str) -> Option<Self> {
        let turn = TURN.lock().await;
        match package::discover().await {
            Ok(engine) => {
                sweep(&engine).await;
                let slug = format!("{SLUG}{}-{test}", std::process::id());
                Some(Self { engine, folder: tempfile::tempdir().unwrap(), slug, _turn: turn })
            }
            Err(error) => {
                eprintln!("\nNOT RUN, because it needs a container engine: docker::{test}\n{error}\n");
                None
            }
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn slug(&self) -> &str {
        &self.slug
    }

    /// A plan for a version of the example, its documents written to the folder.
    pub(crate) fn plan(&self, example: &str, version: &str) -> BuildPlan {
        Self::plan_in(self.folder.path(), &self.slug, example, version)
    }

    /// The same with its documents in `root`.
    pub(crate) fn plan_in(root: &Path, slug: &str, example: &str, version: &str) -> BuildPlan {
        let churn = Path::new(env!("CARGO_MANIFEST_DIR")).join("projects/churn");
        let version_folder = root.join("models").join(version);
        fs::create_dir_all(&version_folder).unwrap();
        let model_path = version_folder.join("model.onnx");
        fs::copy(churn.join("models").join(example).join("model.onnx"), &model_path).unwrap();
        let inspection = engine::inspect(&model_path).unwrap();
        let model = inspection.contract.clone();
        let reference = table::read(&churn.join("data/reference.csv"), None).unwrap();
        let contract = features::learn(&features::contract_from_model(&model), &reference);
        let mapping = Mapping::new(&contract, &model).unwrap();
        let mut rows = mapping.rows_from_table(&reference).unwrap();
        rows.truncate(N_ROWS);
        let band = |name: &str, from: f64| Band { name: name.to_owned(), from };
        let output = OutputSpec {
            kind: OutputKind::Probability,
            bands: vec![band("Low", 0.0), band("Medium", 0.3), band("High", 0.7)],
            ..OutputSpec::default()
        };
        let outputs = Model::load(&model_path).unwrap().run(&mapping.encode(&rows).unwrap()).unwrap();
        let answers = features::predictions(&model, &output, &outputs).unwrap();
        let golden = GoldenRows {
            source: "this model, run locally".to_owned(),
            features: mapping.features().iter().map(|feature| feature.name.clone()).collect(),
            rows: rows
                .into_iter()
                .zip(answers)
                .map(|(values, answer)| GoldenRow { values, label: answer.model_label, scores: answer.scores })
                .collect(),
            tolerance: 1e-5,
        };
        let version: semver::Version = version.parse().unwrap();
        let evidence = Evidence { model: inspection.sha256.clone(), ..Evidence::default() };
        let brief = Brief { output: Stated { value: Some(output.clone()), ..Stated::default() }, ..Brief::default() };
        let config =
            ProjectConfig { name: "Churn, tested".to_owned(), slug: slug.to_owned(), ..ProjectConfig::default() };
        let record = VersionRecord {
            version: version.clone(),
            registered: trestle::clock::now(),
            why: "a test".to_owned(),
            bump_reason: String::new(),
            previous: None,
            model: inspection,
            evidence: evidence.clone(),
        };
        let write = |path: PathBuf, text: Result<String, ron::Error>| {
            fs::write(&path, text.unwrap()).unwrap();
            path
        };
        let brief = write(root.join("brief.ron"), format::render(&brief));
        let features = write(root.join("features.ron"), format::render(&contract));
        let project_config = write(root.join("project.ron"), format::render(&config));
        write(version_folder.join("version.ron"), format::render(&record));
        write(version_folder.join("golden.ron"), format::render(&golden));
        BuildPlan {
            executable: PathBuf::from(env!("CARGO_BIN_EXE_trestle")),
            slug: slug.to_owned(),
            title: config.name,
            description: "It's \"quoted\", costs $5 and\nhas two lines".to_owned(),
            tag: format!("{slug}:{version}"),
            version,
            registered: record.registered,
            version_folder,
            model_path,
            brief,
            features: Some(features),
            project_config,
            golden,
            mapping,
            model,
            output,
            evidence,
            created: trestle::clock::now(),
            load_time: LOAD_TIME,
        }
    }

    /// Everything of this test's that the engine has.
    pub(crate) async fn left(&self) -> Vec<Labelled> {
        let all = package::list(&self.engine).await.unwrap();
        all.into_iter().filter(|labelled| labelled.project == self.slug).collect()
    }

    /// Identity of the image that a tag names.
    pub(crate) async fn image(&self, tag: &str) -> Option<String> {
        self.engine.docker.inspect_image(tag).await.ok()?.id
    }

    pub(crate) async fn strike(self) {
        remove(&self.engine, self.left().await).await;
    }
}

/// Removes what a failed test of a process that ended has left.
async fn sweep(engine: &Engine) {
    let is_dead = |labelled: &Labelled| {
        let process = labelled.project.strip_prefix(SLUG).and_then(|rest| rest.split('-').next());
        process.is_some_and(|process| !Path::new("/proc").join(process).exists())
    };
    remove(engine, package::list(engine).await.unwrap().into_iter().filter(is_dead).collect()).await;
}

async fn remove(engine: &Engine, mut all: Vec<Labelled>) {
    // An image goes after its containers.
    all.sort_by_key(|labelled| labelled.kind == LabelledKind::Image);
    for labelled in all {
        if labelled.kind != LabelledKind::Image {
            let options = RemoveContainerOptionsBuilder::new().force(true).build();
            drop(engine.docker.remove_container(&labelled.id, Some(options)).await);
            continue;
        }
        for name in labelled.names.iter().chain([&labelled.id]) {
            let options = RemoveImageOptionsBuilder::new().force(true).build();
            drop(engine.docker.remove_image(name, Some(options), None).await);
        }
    }
}

pub(crate) async fn build(plan: &BuildPlan) -> Result<PackageReport, PackageError> {
    let context = JobContext::new(no_wake());
    let result = package::build(plan, &context).await;
    if !result.as_ref().is_ok_and(PackageReport::passed) {
        eprintln!("{}\n{result:#?}", context.log_lines().join("\n"));
    }
    result
}

#[tokio::test]
async fn the_example_is_built_verified_and_tagged_and_nothing_else_is_left() {
    let Some(stage) = Stage::set("good").await else { return };
    let plan = stage.plan("1.0.0", "1.0.0");
    let report = build(&plan).await.unwrap();
    assert!(report.passed(), "{:#?}", report.checks);
    assert_eq!(report.tags, [plan.tag.as_str()]);
    assert_eq!(stage.image(&plan.tag).await.as_ref(), Some(&report.image_id));
    let checks: Vec<&str> = report.checks.iter().map(|check| check.name.as_str()).collect();
    let expected = [
        "Gets ready",
        "Live and ready",
        "Metadata is the contract",
        "Golden rows as tensors",
        "Golden rows by name",
        "Describes itself",
        "Refuses what is malformed",
        "Metrics count what was asked",
        "Runs without privileges",
        "Health check of the image",
        "Logs are JSON with a request id",
        "Holds under load",
        "Finishes what is under way",
        "Stops when asked",
    ];
    assert_eq!(checks, expected);
    assert!(0 < report.size_bytes && report.timings_ms.len() == 9, "{report:#?}");
    let load = report.load.as_ref().unwrap();
    assert!(load.peak_memory_bytes.is_some_and(|bytes| 0 < bytes && bytes < load.memory_limit_bytes), "{load:#?}");
    if stage.engine.info().socket.starts_with("unix://") {
        let outside = load.outside.as_ref().unwrap();
        for run in [&load.inside, outside] {
            assert!(0 < run.run.n && run.n_failed == 0 && run.resident_bytes.is_some(), "{load:#?}");
        }
    }
    let left = stage.left().await;
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0].names, [plan.tag.as_str()]);
    let config = stage.engine.docker.inspect_image(&plan.tag).await.unwrap().config.unwrap();
    let labels = config.labels.unwrap();
    assert_eq!(labels["org.opencontainers.image.description"], "It's \"quoted\", costs $5 and has two lines");
    assert_eq!(labels["io.trestle.model.sha256"], plan.evidence.model);
    stage.strike().await;
}

#[tokio::test]
async fn the_same_input_gives_the_same_layers_and_another_model_changes_one() {
    let Some(stage) = Stage::set("layers").await else { return };
    let plan = stage.plan("1.0.0", "1.0.0");
    let layers = async || {
        build(&plan).await.unwrap();
        stage.engine.docker.inspect_image(&plan.tag).await.unwrap().root_fs.unwrap().layers.unwrap()
    };
    let first = layers().await;
    // Nothing is left of it, so that the second is not taken from the engine's cache.
    let options = RemoveImageOptionsBuilder::new().force(true).build();
    stage.engine.docker.remove_image(&plan.tag, Some(options), None).await.unwrap();
    assert_eq!(layers().await, first);
    fs::write(plan.version_folder.join("notes.txt"), "another layer").unwrap();
    let changed = layers().await;
    assert_eq!(changed.len(), first.len());
    assert_eq!(changed[..changed.len() - 1], first[..first.len() - 1]);
    assert_ne!(changed.last(), first.last());
    stage.strike().await;
}

#[tokio::test]
async fn a_failed_verification_leaves_the_earlier_tag_alone_and_removes_what_it_made() {
    let Some(stage) = Stage::set("tampered").await else { return };
    let good = stage.plan("1.0.0", "1.0.0");
    build(&good).await.unwrap();
    let (before, image) = (stage.left().await, stage.image(&good.tag).await);
    let mut tampered = stage.plan("1.1.0", "1.0.0");
    tampered.golden.rows[3].scores[0] += 0.1;
    let report = build(&tampered).await.unwrap();
    assert!(!report.passed() && report.tags.is_empty());
    let failed: Vec<&str> =
        report.checks.iter().filter(|check| !check.pass).map(|check| check.detail.as_str()).collect();
    assert!(matches!(failed[..], [detail] if detail.starts_with("19 of 20 rows agree; row 4")), "{failed:?}");
    assert_eq!((stage.left().await, stage.image(&good.tag).await), (before, image));
    stage.strike().await;
}

#[tokio::test]
async fn a_container_that_does_not_start_is_told_with_its_log() {
    let Some(stage) = Stage::set("broken").await else { return };
    let plan = stage.plan("1.0.0", "1.0.0");
    fs::write(&plan.model_path, "not a model").unwrap();
    let error = build(&plan).await.unwrap_err();
    let PackageError::Stopped { exit_code, log } = &error else { panic!("{error}") };
    assert_eq!(*exit_code, 2, "{log}");
    assert!(!log.is_empty());
    assert_eq!(stage.left().await, []);
    stage.strike().await;
}

#[tokio::test]
async fn cancelling_at_any_moment_leaves_nothing() {
    let Some(stage) = Stage::set("cancelled").await else { return };
    for (moment, line) in
        [("before the build", "Sending"), ("in the build", "Step "), ("in the verification", "The server answers")]
    {
        let plan = stage.plan("1.0.0", "1.0.0");
        let context = JobContext::new(no_wake());
        let cancel = async {
            while !context.log_lines().iter().any(|logged| logged.starts_with(line)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            context.cancel();
        };
        let (result, ()) = tokio::join!(package::build(&plan, &context), cancel);
        assert!(matches!(result, Err(PackageError::Cancelled)), "{moment}: {result:?}");
        assert_eq!(stage.left().await, [], "{moment}");
        assert_eq!(stage.image(&plan.tag).await, None, "{moment}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn an_image_written_without_an_engine_is_loaded_by_one() {
    let Some(stage) = Stage::set("exported").await else { return };
    let plan = stage.plan("1.0.0", "1.0.0");
    build(&plan).await.unwrap();
    let built = stage.engine.docker.inspect_image(&plan.tag).await.unwrap().config.unwrap();
    let file = stage.folder.path().join("image.tar");
    let size_bytes = package::export(&plan, ExportKind::Image, &Sizing::of(None, None), &file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len(), size_bytes);
    let body = bollard::body_full(fs::read(&file).unwrap().into());
    let mut answers = stage.engine.docker.import_image(ImportImageOptionsBuilder::new().build(), body, None);
    while let Some(answer) = answers.next().await {
        answer.unwrap();
    }
    drop(answers);
    let image = stage.engine.docker.inspect_image(&plan.tag).await.unwrap();
    let config = image.config.unwrap();
    assert_eq!(config.user.as_deref(), Some("65532:65532"));
    assert_eq!(config.labels.as_ref().unwrap()["io.trestle.project"], stage.slug);
    assert_eq!(config.stop_signal.as_deref(), Some("SIGTERM"));
    assert!(config.healthcheck.as_ref().is_some_and(|check| check.test.is_some()));
    // Whoever makes it, the image is the same.
    assert_eq!(config.labels, built.labels);
    assert_eq!((config.user, config.cmd, config.stop_signal), (built.user, built.cmd, built.stop_signal));
    assert_eq!((config.exposed_ports, config.healthcheck), (built.exposed_ports, built.healthcheck));
    stage.strike().await;
}

#[tokio::test]
async fn an_engine_elsewhere_is_not_replaced_by_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix://{}/engine.sock", folder.path().display());
    let environment = Environment { docker_host: Some(address), ..Environment::default() };
    assert!(matches!(package::discover_in(&environment).await, Err(PackageError::NoEngine { chosen: true, .. })));
}
