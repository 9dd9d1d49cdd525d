//! Projects of every format that was ever released must open for ever.
//!
//! `tests/golden/projects/format-1` was written once and is never changed, neither to please a new field nor to please
//! a new check: a change of the documents that makes this test fail makes people's projects fail to open. A new format
//! gets a folder and a test of its own beside this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use semver::Version;
use trestle::engine::Model;
use trestle::features::{Mapping, compare_golden, predictions};
use trestle::judge::{self, Baseline};
use trestle::project::brief::{
    Band, Brief, Comparison, InputSpec, LatencyBudget, Metric, OutputKind, OutputSpec, RetrainingCadence, Stated,
    SuccessMetric,
};
use trestle::project::contract::{ClassLabel, Dim, Dtype, Finding, ModelContract, OperatorCount, Severity, TensorSpec};
use trestle::project::documents::{
    Commands, DataFile, DataFiles, Evidence, Feature, FeatureContract, FeatureType, GoldenRow, GoldenRows,
    LedgerRecord, ProjectConfig, Registry, Value,
};
use trestle::project::reports::{
    BenchmarkReport, Check, DriftReport, EvaluationReport, PackageReport, ProfileReport, Verdict,
};
use trestle::project::{CHAMPION, DocumentKind, DocumentState, Project, evidence};

const MODEL_SHA256: &str = "cc48c6f10ac7c03619884b37d1ce9779182cd8f0520329c7c000d26077dff74b";

/// A copy of the golden project, because opening one leaves `.trestle` in it.
struct Golden {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

fn golden() -> Golden {
    golden_of("format-1")
}

fn golden_of(name: &str) -> Golden {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(name);
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/projects").join(name), &root);
    Golden { _folder: folder, root }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below `root` that Trestle keeps, with its content.
fn files(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                if entry.file_name() != ".trestle" {
                    folders.push(path);
                }
            } else {
                found.push((path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn text(words: &str) -> String {
    words.to_owned()
}

fn stated<T>(words: &str, value: T) -> Stated<T> {
    // Written into files of format 1: the first twelve digits of the words' SHA-256.
    let mark = trestle::project::evidence::bytes_sha256(words.as_bytes())[..12].to_owned();
    Stated { words: text(words), value: Some(value), parsed_from: mark }
}

#[test]
fn a_project_of_format_1_opens_with_nothing_to_report_and_is_left_as_it_was() {
    let golden = golden();
    let before = files(&golden.root);
    let mut project = Project::open(&golden.root).unwrap();
    assert_eq!(project.findings(), []);
    assert_eq!(project.unfinished(), []);
    assert_eq!(project.read_only(), None);
    assert_eq!((project.unsaved(), project.changed_outside()), (vec![], vec![]));
    for kind in DocumentKind::ALL.into_iter().filter(|kind| *kind != DocumentKind::Checklist) {
        assert!(matches!(project.state(kind), DocumentState::Known { .. }), "{:?}", project.state(kind));
    }
    // Written when something is first vouched for.
    assert_eq!(*project.state(DocumentKind::Checklist), DocumentState::Absent);
    project.save().unwrap();
    drop(project);
    assert!(files(&golden.root) == before, "opening or saving without an edit changed a file");
}

#[test]
fn the_configuration_of_format_1_says_what_it_said() {
    let golden = golden();
    let project = Project::open(&golden.root).unwrap();
    let expected = ProjectConfig {
        name: text("Bridge inspection – ¿cuál?"),
        slug: text("bridge-inspection"),
        description: text("Which spans need a visit \"this\" month"),
        code: text("src"),
        commands: Commands {
            lint: text("ruff check ."),
            format: text("ruff format --check ."),
            unit_tests: text("pytest tests"),
            integration_tests: text("pytest tests/integration"),
            train: text("python train.py --seed 1"),
        },
        data: DataFiles {
            reference: Some(DataFile {
                path: text("data/reference.csv"),
                target: Some(text("visit")),
                prediction: Some(text("visit_predicted")),
                time: Some(text("seen")),
                id: Some(text("span")),
            }),
            current: Some(DataFile { path: text("data/current.csv"), ..DataFile::default() }),
            labelled: None,
        },
        ..ProjectConfig::default()
    };
    assert_eq!(*project.documents.config, expected);
}

#[test]
fn the_brief_of_format_1_says_what_it_said() {
    let golden = golden();
    let project = Project::open(&golden.root).unwrap();
    let output = OutputSpec {
        kind: OutputKind::Probability,
        positive_class: Some(ClassLabel::Int(1)),
        threshold: 0.4,
        bands: vec![Band { name: text("low"), from: 0.0 }, Band { name: text("high"), from: 0.6 }],
    };
    let success = vec![
        SuccessMetric {
            metric: Metric::F1,
            comparison: Comparison::AtLeast,
            value: 0.8,
            minimum_gain: Some(0.01),
            of: Some(text("macro")),
        },
        SuccessMetric {
            metric: Metric::LogLoss,
            comparison: Comparison::Below,
            value: 0.4,
            minimum_gain: None,
            of: None,
        },
    ];
    let expected = Brief {
        problem: text("Which spans need a visit this month"),
        end_user: text("The inspectors of the north line"),
        data: text("Sensor readings,\nlast year's visits"),
        input: stated(
            "JSON with load and paint",
            InputSpec { form: Some(text("JSON")), fields: vec![text("load"), text("paint")] },
        ),
        // Set by hand: the words alone would say other bands. A value must not be understood anew on opening.
        output: stated("Probability of class 1 and risk level", output),
        latency: stated(
            "p99 under 20 ms, 50 requests per second, batches of 8",
            LatencyBudget { percentile: 99.0, limit_ms: 20.0, per_second: Some(50.0), batch: 8 },
        ),
        retraining: stated(
            "Every two weeks, or on drift",
            RetrainingCadence { every_days: Some(14.0), trigger: Some(text("drift")) },
        ),
        success: stated("Macro F1 at least 0.8, log loss below 0.4", success),
        in_scope: text("Steel spans\nOne answer a span and month"),
        out_of_scope: text("Tunnels"),
        minimum_viable_model: text("The load alone"),
    };
    assert_eq!(*project.documents.brief, expected);
}

#[test]
fn the_features_of_format_1_say_what_they_said() {
    let golden = golden();
    let project = Project::open(&golden.root).unwrap();
    let number = |name: &str, kind, range, nullable, column| Feature {
        name: text(name),
        kind,
        range,
        categories: vec![],
        missing: None,
        nullable,
        input: text("numbers"),
        column: Some(column),
    };
    let word = |name: &str, categories: [&str; 2], missing: Option<&str>, column| Feature {
        name: text(name),
        kind: FeatureType::Text,
        range: None,
        categories: categories.map(text).to_vec(),
        missing: missing.map(text),
        nullable: missing.is_some(),
        input: text("words"),
        column: Some(column),
    };
    let features = vec![
        number("load", FeatureType::Number, Some((-2.5, 12.75)), true, 0),
        number("years", FeatureType::Integer, Some((0.0, 120.0)), true, 1),
        number("tilted", FeatureType::Bool, None, false, 2),
        word("crew", ["team", "œuf"], None, 0),
        word("paint", ["card", "missing"], Some("missing"), 1),
    ];
    assert_eq!(*project.documents.features, FeatureContract { features });
}

fn expected_golden() -> GoldenRows {
    let row = |values: [Value; 5], label, scores: [f64; 2]| GoldenRow {
        values: values.to_vec(),
        label: Some(ClassLabel::Int(label)),
        scores: scores.to_vec(),
    };
    let word = |words: &str| Value::Text(text(words));
    let (number, missing) = (Value::Number, Value::Missing);
    let rows = vec![
        row(
            [number(0.5), number(12.0), Value::Bool(true), word("team"), word("card")],
            1,
            [0.011571824550628662, 0.9884281754493713],
        ),
        row(
            [missing.clone(), missing.clone(), Value::Bool(false), word("œuf"), missing],
            1,
            [0.4907015562057495, 0.5092984437942505],
        ),
        row(
            [number(-1.25), number(3.0), Value::Bool(true), word("team"), word("missing")],
            0,
            [0.9665316939353943, 0.03346830606460571],
        ),
        row([number(12.5), number(120.0), Value::Bool(false), word("nobody"), word("card")], 1, [0.0, 1.0]),
    ];
    let features = ["load", "years", "tilted", "crew", "paint"].map(text).to_vec();
    GoldenRows { source: text("predictions.csv"), features, rows, tolerance: 1e-4 }
}

#[test]
fn the_versions_of_format_1_are_what_they_were() {
    let golden = golden();
    let project = Project::open(&golden.root).unwrap();
    let [version] = project.versions() else { panic!("{} versions", project.versions().len()) };
    let record = &version.record;
    assert_eq!(record.version, Version::new(1, 0, 0));
    assert_eq!(record.registered, "2026-11-23T13:27:52.742649229Z".parse().unwrap());
    assert_eq!(record.why, "The first: “good enough”");
    assert_eq!(record.bump_reason, "same contract as 0.9.0, another model");
    assert_eq!(record.previous, Some(Version::new(0, 9, 0)));

    let spec = |name: &str, dtype, shape: Vec<Dim>, classes: Vec<ClassLabel>| TensorSpec {
        name: text(name),
        dtype,
        shape,
        classes,
    };
    let free = || Dim::Symbol(String::new());
    let contract = ModelContract {
        inputs: vec![
            spec("numbers", Dtype::F32, vec![free(), Dim::Fixed(3)], vec![]),
            spec("words", Dtype::Text, vec![free(), Dim::Fixed(2)], vec![]),
        ],
        outputs: vec![
            spec("output_label", Dtype::I64, vec![free()], vec![]),
            spec(
                "output_probability",
                Dtype::F32,
                vec![free(), Dim::Fixed(2)],
                vec![ClassLabel::Int(0), ClassLabel::Int(1)],
            ),
        ],
    };
    let model = &record.model;
    assert_eq!(model.contract, contract);
    assert_eq!((model.ir_version, model.size_bytes, model.n_parameters), (10, 1485, 31));
    assert_eq!(model.opsets, [(String::new(), 13), (text("ai.onnx.ml"), 1)]);
    assert_eq!((model.producer.as_str(), model.sha256.as_str()), ("skl2onnx 1.20.0", MODEL_SHA256));
    assert_eq!(model.operators.len(), 9);
    assert_eq!(
        model.operators[2],
        OperatorCount { domain: text("ai.onnx.ml"), operator: text("OneHotEncoder"), count: 2 }
    );
    assert_eq!(model.metadata, [(text("code"), text("train.py"))]);
    let finding = Finding {
        id: String::new(),
        severity: Severity::Note,
        what: text("Axes without a name are taken as free: `numbers`, `words`"),
        fix: text("Name them when exporting, to have them checked against each other."),
    };
    assert_eq!((model.findings.len(), &model.findings[0]), (2, &finding));
    let evidence = Evidence {
        code: text("b44ff3e2614d977c48fa0f81390edc420b4f9e6b950e359b36618c72f8d3f16f"),
        model: text(MODEL_SHA256),
        data: "0d".repeat(32),
        brief: text("08cb9be9a1b44c1b2297ca52f9ec77f59e7e3431113076a004a52967c225312d"),
        image: String::new(),
        commit: text("62cc65d7285211c3bb93d8c8ab2cbfcb9197bc3c"),
        ..Evidence::default()
    };
    assert_eq!(record.evidence, evidence);
    assert_eq!(evidence::file_sha256(&version.model_path()).unwrap(), MODEL_SHA256);
    assert_eq!(version.golden, Some(expected_golden()));

    let first = Version::new(1, 0, 0);
    let aliases = vec![(text("challenger"), first.clone()), (text(CHAMPION), first.clone())];
    assert_eq!(*project.registry(), Registry { aliases });
    for name in [None, Some("1.0.0"), Some("v1.0.0"), Some("champion"), Some("challenger")] {
        assert_eq!(project.select(name).unwrap().record.version, first, "{name:?}");
    }
}

#[test]
fn the_ledger_and_the_reports_of_format_1_say_what_they_said() {
    let golden = golden();
    let project = Project::open(&golden.root).unwrap();
    let record = |id: &str, time: &str, what: &str, why: &str| LedgerRecord {
        format: 1,
        id: text(id),
        time: time.parse().unwrap(),
        who: text("tester"),
        what: text(what),
        why: text(why),
    };
    let ledger = [
        record("1a2089772a6-0", "2026-11-23T13:27:52.742649229Z", "register 1.0.0", "The first: “good enough”"),
        record("1a208977340-1", "2026-11-23T13:27:52.89683742Z", "alias challenger 1.0.0", "to be compared"),
        record("1a208b92fb4-2", "2026-11-23T14:05:00.5Z", "build bridge-inspection:1.0.0", "2 checks passed"),
    ];
    assert_eq!(project.ledger(), ledger);

    let check = |name: &str, pass, detail: &str| Check { name: text(name), pass, detail: text(detail) };
    let report = |time: &str, image: String, tags: &[&str], checks: [Check; 2]| PackageReport {
        time: time.parse().unwrap(),
        version: Version::new(1, 0, 0),
        image_id: image.clone(),
        tags: tags.iter().copied().map(text).collect(),
        size_bytes: 41_943_040,
        engine: text("29.0.1 (API 1.52)"),
        timings_ms: vec![(text("build"), 812), (text("verify"), 1490)],
        checks: checks.to_vec(),
        evidence: Evidence {
            code: "a1".repeat(32),
            model: text(MODEL_SHA256),
            data: "0d".repeat(32),
            brief: "b7".repeat(32),
            image,
            commit: "4f".repeat(20),
            ..Evidence::default()
        },
        // Added later; what was written before says nothing of it.
        load: None,
    };
    let image = |byte: &str| format!("sha256:{}", byte.repeat(32));
    let reports = [
        report(
            "2026-11-23T14:00:00.25Z",
            image("e9"),
            &[],
            [check("ready", true, "after 31 ms"), check("golden rows", false, "row 2: 0.5 expected, 0.25 answered")],
        ),
        report(
            "2026-11-23T14:05:00.5Z",
            image("c8"),
            &["bridge-inspection:1.0.0"],
            [check("ready", true, "after 29 ms"), check("golden rows", true, "4 of 4 agree")],
        ),
    ];
    assert_eq!(project.packages(), reports);
    assert_eq!(project.packages().iter().map(PackageReport::passed).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn the_model_of_format_1_still_gives_its_golden_answers() {
    let folder = golden();
    let project = Project::open(&folder.root).unwrap();
    let version = project.select(None).unwrap();
    let golden = version.golden.as_ref().unwrap();
    let contract = &version.record.model.contract;
    let mapping = Mapping::new(&project.documents.features, contract).unwrap();
    let rows: Vec<Vec<Value>> = golden.rows.iter().map(|row| row.values.clone()).collect();
    let outputs = Model::load(&version.model_path()).unwrap().run(&mapping.encode(&rows).unwrap()).unwrap();
    let output = project.documents.brief.output.value.clone().unwrap();
    let comparison = compare_golden(golden, &predictions(contract, &output, &outputs).unwrap());
    assert_eq!((comparison.n, comparison.n_agree), (4, 4), "{:?}", comparison.first_difference);
}

#[test]
fn a_project_of_format_1_edited_and_saved_is_of_format_1_and_opens_equal() {
    let golden = golden();
    let before = files(&golden.root);
    let mut project = Project::open(&golden.root).unwrap();
    Arc::make_mut(&mut project.documents.config).description = text("Edited: \"once\"\nand again");
    Arc::make_mut(&mut project.documents.brief).latency = Stated::from_words("under 5 ms");
    Arc::make_mut(&mut project.documents.features).features[0].range = Some((-3.0, 13.5));
    assert_eq!(project.unsaved(), [DocumentKind::Config, DocumentKind::Brief, DocumentKind::Features]);
    project.save().unwrap();

    let edited: Vec<PathBuf> =
        files(&golden.root).into_iter().zip(&before).filter(|(now, then)| now != *then).map(|(now, _)| now.0).collect();
    assert_eq!(edited, ["brief.ron", "features.ron", "project.ron"].map(PathBuf::from));
    for name in &edited {
        let text = fs::read_to_string(golden.root.join(name)).unwrap();
        assert!(text.starts_with("(\n    format: 1,\n"), "{}", name.display());
    }
    let again = Project::open(&golden.root).unwrap();
    assert_eq!(again.documents, project.documents);
    assert_eq!(again.documents.brief.latency.understood().as_deref(), Some("p95 ≤ 5 ms"));
    assert_eq!((again.versions(), again.ledger()), (project.versions(), project.ledger()));
    assert_eq!((again.packages(), again.findings()), (project.packages(), &[][..]));
    assert!(again.unsaved().is_empty());
}

/// `format-1-measured` holds what the example's steps reported when these reports were new.
#[test]
fn what_was_measured_and_vouched_for_in_format_1_comes_to_what_it_came_to() {
    let golden = golden_of("format-1-measured");
    let project = Project::open(&golden.root).unwrap();
    assert_eq!(project.findings(), []);
    assert!(matches!(project.state(DocumentKind::Checklist), DocumentState::Known { .. }));
    let (brief, config) = (&project.documents.brief, &project.documents.config);

    let [benchmark] = project.reports::<BenchmarkReport>() else { panic!("one benchmark") };
    assert_eq!((benchmark.judged.verdict, benchmark.runs.len()), (Verdict::Pass, 2));
    assert_eq!(judge::latency(Some(benchmark), brief.latency.value.as_ref()).verdict, Verdict::Pass);

    let [evaluation] = project.reports::<EvaluationReport>() else { panic!("one evaluation") };
    let verdicts = |judged: &[trestle::project::reports::Judgement]| -> Vec<Verdict> {
        judged.iter().map(|judged| judged.verdict).collect()
    };
    let today = judge::success(Some(evaluation), &Baseline::Itself, brief);
    assert_eq!((evaluation.n_rows, verdicts(&today).len()), (60, 2));
    assert_eq!(verdicts(&today), verdicts(&evaluation.judged));

    let [drift] = project.reports::<DriftReport>() else { panic!("one comparison") };
    assert_eq!(judge::drift(drift, &config.drift).verdict, Verdict::Fail);
    assert_eq!((drift.judged.verdict, drift.columns.len()), (Verdict::Fail, 13));

    let checklist = &project.documents.checklist;
    let [attestation] = checklist.attestations.as_slice() else { panic!("one attestation") };
    assert_eq!((attestation.item.as_str(), attestation.note.as_str()), ("unit-tests", "pytest: 14 passed"));
    let [waiver] = checklist.waivers.as_slice() else { panic!("one waiver") };
    assert_eq!((waiver.item.as_str(), waiver.owner.as_str()), ("lint-format", "Grace"));
    assert_eq!(waiver.expires.to_string(), "2026-12-20");
    assert_eq!(project.packages().len(), 1);
}

/// `format-1-profiled` holds what a profile of `tests/models/mlp_binary.onnx` reported when these reports were new.
#[test]
fn what_was_profiled_in_format_1_says_what_it_said() {
    let golden = golden_of("format-1-profiled");
    let project = Project::open(&golden.root).unwrap();
    assert_eq!(project.findings(), []);
    let [report] = project.reports::<ProfileReport>() else { panic!("one profile") };
    assert_eq!((report.version.clone(), report.batch, report.threads), (Version::new(1, 0, 0), 8, 1));
    let profile = &report.profile;
    assert_eq!((profile.flops, profile.flops_one_row, profile.n_parameters), (600, Some(75), 41));
    assert_eq!((profile.n_nodes, profile.n_steps, profile.steps.len()), (15, 14, 14));
    let products = profile.operators.iter().find(|operator| operator.operator == "MatMul").unwrap();
    assert_eq!((products.n_nodes, products.flops, products.bytes_one_row), (2, Some(480), Some(188)));
    let product = profile.steps.iter().find(|step| step.operator == "OptMatMul").unwrap();
    assert_eq!((product.node.as_str(), product.fused.as_slice()), ("MatMul", &[text("Add")][..]));
}
