//! What is said about model files without running them, also about files that are none.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use trestle::engine::tensor::{Tensor, TensorData};
use trestle::engine::{EngineError, GraphDifference, Model, bump, graph_fingerprint, inspect};
use trestle::problem::Problem;
use trestle::project::contract::{ClassLabel, Dim, Dtype, Inspection, Severity};

use crate::onnx::{FLOAT, INT64, Message, floats, graph, model, node, relu, tensor, value};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn stored(name: &str) -> PathBuf {
    root().join("tests/models").join(format!("{name}.onnx"))
}

struct Written {
    folder: tempfile::TempDir,
    path: PathBuf,
}

fn written(bytes: &[u8]) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    Written { folder, path }
}

fn refusals(inspection: &Inspection) -> Vec<&str> {
    inspection.refusals().map(|finding| finding.what.as_str()).collect()
}

#[track_caller]
fn check_not_onnx(bytes: &[u8], expected: &str) {
    let file = written(bytes);
    let problem = Problem::from(inspect(&file.path).unwrap_err());
    assert_eq!(problem.what, expected);
    assert_eq!(Path::new(&problem.place), file.path);
    assert!(!problem.fix.is_empty());
}

#[test]
fn files_that_are_no_models_are_named() {
    check_not_onnx(b"", "This is not an ONNX model but an empty file");
    check_not_onnx(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "This is not an ONNX model but a PNG picture");
    check_not_onnx(b"\x80\x04\x95\x10", "This is not an ONNX model but a Python pickle, such as a joblib file");
    check_not_onnx(
        b"PK\x03\x04\x14\0",
        "This is not an ONNX model but a zip archive, such as a PyTorch checkpoint, a .keras model or a .npz file",
    );
    check_not_onnx(b"\x89HDF\r\n\x1a\n", "This is not an ONNX model but an HDF5 file, such as an older Keras model");
    check_not_onnx(&[0xff; 64], "This is not an ONNX model but a file of another kind (it is not protobuf)");
    check_not_onnx(
        &Message::default().int(1, 8).into_bytes(),
        "This is not an ONNX model but a protobuf file without a graph",
    );
}

#[test]
fn a_folder_and_a_missing_file_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let error = inspect(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with("This is not an ONNX model but a folder"), "{error}");
    let error = inspect(&folder.path().join("none.onnx")).unwrap_err();
    assert!(matches!(error, EngineError::Unreadable { .. }), "{error:?}");
}

#[test]
fn a_huge_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let mut file = File::create(&path).unwrap();
    file.set_len(3 << 30).unwrap();
    let started = Instant::now();
    let error = inspect(&path).unwrap_err().to_string();
    assert!(error.contains("begins with a zero byte"), "{error}");
    // It begins like a model, and is still too large.
    file.write_all(b"\x08\x08").unwrap();
    assert!(matches!(inspect(&path), Err(EngineError::TooLarge { .. })));
    // It is small enough, but what it announces is not there.
    file.set_len(1 << 30).unwrap();
    file.seek(SeekFrom::Start(2)).unwrap();
    file.write_all(b"\x3a\xff\xff\xff\xff\x07").unwrap();
    assert!(matches!(inspect(&path), Err(EngineError::Truncated { .. })));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn every_truncation_says_so() {
    let bytes = std::fs::read(stored("mixed_pipeline")).unwrap();
    for length in [bytes.len() - 1, bytes.len() / 2, 100, 5] {
        let error = inspect(&written(&bytes[..length]).path).unwrap_err();
        assert!(matches!(error, EngineError::Truncated { .. }), "{length}: {error:?}");
    }
}

#[test]
fn the_example_is_described() {
    let inspection = inspect(&root().join("projects/churn/models/1.1.0/model.onnx")).unwrap();
    assert_eq!(refusals(&inspection), Vec::<&str>::new());
    assert_eq!(inspection.producer, "skl2onnx 1.20.0");
    assert_eq!(inspection.size_bytes, 83920);
    assert_eq!(inspection.sha256.len(), 64);
    assert!(inspection.n_parameters > 1000, "{}", inspection.n_parameters);
    assert!(inspection.operators.iter().any(|operator| operator.operator == "TreeEnsembleClassifier"));
    let tenure = inspection.contract.inputs.iter().find(|input| input.name == "tenure_months").unwrap();
    assert_eq!((tenure.dtype, tenure.shape[1].clone()), (Dtype::F32, Dim::Fixed(1)));
    let plan = inspection.contract.inputs.iter().find(|input| input.name == "plan").unwrap();
    assert_eq!(plan.dtype, Dtype::Text);
    let [label, scores] = inspection.contract.outputs.as_slice() else { panic!("two outputs") };
    assert_eq!((label.dtype, label.classes.len()), (Dtype::I64, 0));
    assert_eq!((scores.dtype, scores.shape[1].clone()), (Dtype::F32, Dim::Fixed(2)));
    assert_eq!(scores.classes, [ClassLabel::Int(0), ClassLabel::Int(1)]);
    assert!(
        inspection.findings.iter().any(|finding| finding.what.contains("ZipMap") && finding.severity == Severity::Note)
    );
}

#[test]
fn what_is_found_is_of_a_stable_kind_and_the_worst_comes_first() {
    let inspection = inspect(&root().join("tests/foreign/refused.onnx")).unwrap();
    let found: Vec<(Severity, &str)> =
        inspection.findings.iter().map(|finding| (finding.severity, finding.id.as_str())).collect();
    assert!(found.windows(2).all(|pair| pair[1].0 <= pair[0].0), "{found:?}");
    for expected in [
        (Severity::Refused, "operator.unsupported"),
        (Severity::Refused, "operator.attributes"),
        (Severity::Refused, "training.mode"),
        (Severity::Warning, "version.opset"),
        (Severity::Warning, "operator.random"),
        (Severity::Warning, "unused.input"),
        (Severity::Note, "unused.weights"),
        (Severity::Note, "names.twice"),
        (Severity::Note, "type.float64"),
        (Severity::Note, "type.int64"),
        (Severity::Note, "type.quantised"),
        (Severity::Note, "contract.unnamed"),
    ] {
        assert!(found.contains(&expected), "{expected:?} is not among {found:?}");
    }
    assert!(inspection.findings.iter().all(|finding| !finding.fix.is_empty()), "{:?}", inspection.findings);
    let convolution = inspection.findings.iter().find(|finding| finding.what.contains("NchwConv")).unwrap();
    assert_eq!(
        convolution.what,
        "The operator com.microsoft.nchwc:NchwConv is not supported (2 nodes: `conv_1`, `conv_2`)"
    );
    assert!(convolution.fix.contains("ORT_ENABLE_BASIC"), "{}", convolution.fix);
}

#[test]
fn axes_keep_their_names_and_initialised_inputs_are_no_inputs() {
    let inputs = [value("x", FLOAT, &[0, 2]), value("w", FLOAT, &[2])];
    let weights = [tensor("w", FLOAT, &[2], &[0; 8])];
    let file = written(&model(&graph(
        &[node("Add", "", &["x", "w"], &["y"])],
        &weights,
        &inputs,
        &[value("y", FLOAT, &[0, 2])],
    )));
    let inspection = inspect(&file.path).unwrap();
    let [input] = inspection.contract.inputs.as_slice() else { panic!("one input") };
    assert_eq!(input.shape, [Dim::Symbol("N".to_owned()), Dim::Fixed(2)]);
    assert_eq!((inspection.n_parameters, inspection.opset(), inspection.ir_version), (2, 17, 8));
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    let file = written(bytes);
    let inspection = inspect(&file.path).unwrap();
    assert!(refusals(&inspection).iter().any(|what| what.contains(expected)), "{:?}", refusals(&inspection));
    assert!(matches!(Model::load(&file.path), Err(EngineError::Refused { .. })));
}

#[test]
fn what_cannot_be_run_is_refused_with_its_reason() {
    let (x, y) = ([value("x", FLOAT, &[0, 2])], [value("y", FLOAT, &[0, 2])]);
    let of = |nodes: &[Message]| model(&graph(nodes, &[], &x, &y));
    check_refused(
        &of(&[node("Mystery", "com.example", &["x"], &["y"])]),
        "com.example:Mystery is not supported (1 node: `the_mystery`)",
    );
    check_refused(&of(&[node("Relu", "", &["z"], &["y"])]), "takes `z`, which has no source");
    check_refused(&of(&[node("Relu", "", &["x"], &["z"])]), "the output `y` has no source");
    check_refused(&of(&[node("Relu", "", &["x"], &["y"]), node("Abs", "", &["x"], &["y"])]), "`y` has two sources");
    check_refused(&of(&[node("Relu", "", &["y"], &["z"]), node("Abs", "", &["z"], &["y"])]), "wait for each other");
    check_refused(
        &of(&[node("Scaler", "ai.onnx.ml", &["x"], &["y"])]),
        "`scale` and `offset` must have the same length",
    );
    let short = [tensor("w", FLOAT, &[3], &[0; 8])];
    check_refused(
        &model(&graph(&[node("Add", "", &["x", "w"], &["y"])], &short, &x, &y)),
        "does not have the 3 elements",
    );
    let odd = [tensor("w", 16, &[1], &[0; 2])];
    check_refused(&model(&graph(&[node("Add", "", &["x", "w"], &["y"])], &odd, &x, &y)), "bfloat16");
    let endless = [tensor("w", INT64, &[1 << 62, 8], &[0; 8])];
    check_refused(&model(&graph(&[node("Add", "", &["x", "w"], &["y"])], &endless, &x, &y)), "impossible shape");
    check_refused(
        &model(&graph(&[node("Relu", "", &["x"], &["y"])], &[], &[Message::default().bytes(1, "x")], &y)),
        "`x` is not a tensor",
    );
    let old = Message::default().int(1, 3).message(8, &Message::default().int(2, 6));
    let old = |nodes: &[Message]| old.clone().message(7, &graph(nodes, &[], &x, &y)).into_bytes();
    check_refused(
        &old(&[node("Add", "", &["x", "x"], &["y"])]),
        "operator set 6, whose operators meant other things (Add)",
    );
    // Some operators have meant the same ever since.
    assert!(Model::load(&written(&old(&[node("Relu", "", &["x"], &["y"])])).path).is_ok());
}

fn external(location: &str) -> Vec<u8> {
    let entry = |key: &str, value: &str| Message::default().bytes(1, key).bytes(2, value);
    let weights = Message::default().int(1, 2).int(2, FLOAT).bytes(8, "w").int(14, 1);
    let weights = weights.message(13, &entry("location", location)).message(13, &entry("length", "8"));
    let (x, y) = ([value("x", FLOAT, &[0, 2])], [value("y", FLOAT, &[0, 2])]);
    model(&graph(&[node("Add", "", &["x", "w"], &["y"])], &[weights], &x, &y))
}

#[test]
fn weights_in_other_files_are_read_from_the_models_folder_only() {
    let bytes: Vec<u8> = [1.0_f32, 2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let beside = written(&external("w.bin"));
    assert!(refusals(&inspect(&beside.path).unwrap())[0].contains("which is missing"));
    std::fs::write(beside.folder.path().join("w.bin"), &bytes).unwrap();
    let model = Model::load(&beside.path).unwrap();
    let input = Tensor::new("x", vec![1, 2], TensorData::F32(vec![10.0, 20.0]));
    assert_eq!(model.run(&[input]).unwrap()[0].data, TensorData::F32(vec![11.0, 22.0]));
    let before = graph_fingerprint(&beside.path).unwrap();
    std::fs::write(beside.folder.path().join("w.bin"), &bytes[..4]).unwrap();
    assert!(refusals(&inspect(&beside.path).unwrap())[0].contains("incomplete"));
    // The weights count when versions are compared, wherever they are.
    assert_ne!(bump(&before, &graph_fingerprint(&beside.path).unwrap()), GraphDifference::Equal);
    for outside in ["../w.bin", "/etc/hostname", ""] {
        let file = written(&external(outside));
        assert!(refusals(&inspect(&file.path).unwrap())[0].contains("outside of the model's folder"), "{outside}");
    }
}

#[test]
fn outputs_that_the_file_leaves_open_are_filled_in_by_loading() {
    let untyped = [Message::default().bytes(1, "y")];
    let file =
        written(&model(&graph(&[node("IsNaN", "", &["x"], &["y"])], &[], &[value("x", FLOAT, &[0, 2])], &untyped)));
    let loaded = Model::load(&file.path).unwrap();
    let output = &loaded.inspection().contract.outputs[0];
    assert_eq!((output.dtype, output.shape_text().as_str()), (Dtype::Bool, "[N, 2]"));
}

#[test]
fn one_model_serves_many_threads_and_shapes() {
    let file = written(&relu());
    let model = Model::load(&file.path).unwrap();
    std::thread::scope(|scope| {
        for thread in 1..=4_usize {
            let model = &model;
            scope.spawn(move || {
                for rows in (1..=20).map(|rows| rows * thread) {
                    let input = Tensor::new("x", vec![rows, 2], TensorData::F32(vec![-1.0; rows * 2]));
                    assert_eq!(model.run(&[input]).unwrap()[0].data, TensorData::F32(vec![0.0; rows * 2]));
                }
            });
        }
    });
}

#[test]
fn large_integers_survive_a_cast() {
    let to = Message::default().bytes(1, "to").int(3, INT64).int(20, 2);
    let cast = node("Cast", "", &["x"], &["y"]).message(5, &to);
    // 11 is float64.
    let file = written(&model(&graph(&[cast], &[], &[value("x", 11, &[0, 1])], &[value("y", INT64, &[0, 1])])));
    let large = 1_763_900_000_000.0;
    let input = Tensor::new("x", vec![1, 1], TensorData::F64(vec![large]));
    let outputs = Model::load(&file.path).unwrap().run(&[input]).unwrap();
    assert_eq!(outputs[0].data, TensorData::I64(vec![1_763_900_000_000]));
}

/// `x`, scaled, then made positive or not.
fn pipeline(scale: f32, operator: &str) -> Written {
    let scaler = node("Scaler", "ai.onnx.ml", &["x"], &["s"])
        .message(5, &floats("offset", &[0.0]))
        .message(5, &floats("scale", &[scale]));
    let ports = |name| [value(name, FLOAT, &[0, 2])];
    written(&model(&graph(&[scaler, node(operator, "", &["s"], &["y"])], &[], &ports("x"), &ports("y"))))
}

#[track_caller]
fn check_bump(old: &Path, new: &Path, expected: &GraphDifference) {
    assert_eq!(&bump(&graph_fingerprint(old).unwrap(), &graph_fingerprint(new).unwrap()), expected);
}

#[test]
fn versions_differ_in_nothing_in_preprocessing_or_in_more() {
    let (one, same) = (pipeline(1.0, "Relu"), pipeline(1.0, "Relu"));
    check_bump(&one.path, &same.path, &GraphDifference::Equal);
    let scaled = pipeline(2.0, "Relu");
    let nodes = vec!["ai.onnx.ml:Scaler the_scaler".to_owned()];
    check_bump(&one.path, &scaled.path, &GraphDifference::PreprocessingOnly { nodes: nodes.clone() });
    // Preprocessing that is there in one version only is still only preprocessing.
    let bare = written(&relu());
    check_bump(&bare.path, &scaled.path, &GraphDifference::PreprocessingOnly { nodes });
    let other = pipeline(1.0, "Abs");
    let nodes = vec!["Abs the_abs".to_owned(), "Relu the_relu".to_owned()];
    check_bump(&one.path, &other.path, &GraphDifference::Different { nodes });
    let churn = |version: &str| root().join(format!("projects/churn/models/{version}/model.onnx"));
    let difference = bump(&graph_fingerprint(&churn("1.0.0")).unwrap(), &graph_fingerprint(&churn("1.1.0")).unwrap());
    let GraphDifference::Different { nodes } = difference else { panic!("{difference:?}") };
    assert!(nodes.iter().any(|node| node.contains("TreeEnsembleClassifier")), "{nodes:?}");
}

/// A small generator of repeatable numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn damaged_copies_of_models_are_errors_or_models_but_never_panics() {
    let mut numbers = Numbers(7);
    let started = Instant::now();
    for name in ["mixed_pipeline", "forest_multiclass", "lstm_bidirectional"] {
        let sound = std::fs::read(stored(name)).unwrap();
        for round in 0..150 {
            let mut bytes = sound.clone();
            match round % 3 {
                0 => bytes.truncate(numbers.below(sound.len())),
                1 => {
                    let at = numbers.below(sound.len());
                    bytes[at] ^= 1 << numbers.below(8);
                }
                _ => {
                    for _ in 0..8 {
                        let at = numbers.below(sound.len());
                        bytes[at] = numbers.below(256) as u8;
                    }
                }
            }
            let file = written(&bytes);
            let _judged = inspect(&file.path);
            let _compared = graph_fingerprint(&file.path);
            // A panic would end the test; one that was contained is a gap in the inspection, and allowed.
            let Ok(model) = Model::load(&file.path) else { continue };
            let inputs: Vec<Tensor> = model
                .inspection()
                .contract
                .inputs
                .iter()
                .map(|spec| {
                    let shape: Vec<usize> = spec.shape.iter().map(|dim| dim.fixed().unwrap_or(2) as usize).collect();
                    let n: usize = shape.iter().product();
                    let data = match spec.dtype {
                        Dtype::Text => TensorData::Text(vec!["a".to_owned(); n]),
                        Dtype::I64 => TensorData::I64(vec![1; n]),
                        _ => TensorData::F32(vec![0.5; n]),
                    };
                    Tensor::new(&spec.name, shape, data)
                })
                .collect();
            let _answered = model.run(&inputs);
        }
    }
    assert!(started.elapsed() < Duration::from_mins(1));
}
