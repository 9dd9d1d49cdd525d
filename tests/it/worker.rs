//! The worker process: models run in it, and nothing that happens to it reaches the parent but an error.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use trestle::engine::tensor::{Tensor, TensorData};
use trestle::engine::{BenchRequest, EngineError, Worker, WorkerConfig};
use trestle::jobs::{Job, JobContext, no_wake};
use trestle::problem::Problem;
use trestle::statistics::LatencyHistogram;

use crate::onnx::{FLOAT, INT64, graph, model, node, relu, tensor, value};

fn config() -> WorkerConfig {
    WorkerConfig {
        executable: env!("CARGO_BIN_EXE_trestle").into(),
        memory_limit_bytes: 1 << 30,
        deadline: Duration::from_mins(1),
    }
}

fn script(name: &str, deadline: Duration) -> WorkerConfig {
    let executable = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/workers").join(name);
    WorkerConfig { executable, deadline, ..config() }
}

fn context() -> JobContext {
    JobContext::new(no_wake())
}

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(format!("{name}.onnx"))
}

fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn pair(name: &str, values: [f32; 2]) -> Tensor {
    Tensor::new(name, vec![1, 2], TensorData::F32(values.to_vec()))
}

#[test]
fn one_worker_inspects_loads_and_runs_many_times() {
    let (_folder, path) = written(&relu());
    let mut worker = Worker::start(&config()).unwrap();
    assert_eq!(worker.inspect(&path, &context()).unwrap().producer, "by hand");
    let error = worker.run(vec![pair("x", [1.0, 2.0])], &context()).unwrap_err();
    assert!(error.to_string().contains("no model is loaded"), "{error}");
    let inspection = worker.load(&path, &context()).unwrap();
    assert_eq!(inspection.contract.inputs[0].shape_text(), "[N, 2]");
    for value in [1.0, 2.0, 3.0] {
        let run = worker.run(vec![pair("x", [-value, value])], &context()).unwrap();
        assert_eq!(run.outputs, [pair("y", [0.0, value])]);
        assert!(run.micros > 0.0);
    }
}

#[test]
fn text_goes_in_and_comes_out() {
    let mut worker = Worker::start(&config()).unwrap();
    let inspection = worker.load(&stored("label_encoder_string_string"), &context()).unwrap();
    let (input, output) = (&inspection.contract.inputs[0], &inspection.contract.outputs[0]);
    let words = Tensor::new(&input.name, vec![2, 1], TensorData::Text(vec!["œuf".to_owned(), String::new()]));
    let run = worker.run(vec![words], &context()).unwrap();
    assert_eq!((run.outputs[0].name.as_str(), run.outputs[0].shape.as_slice()), (output.name.as_str(), &[2, 1][..]));
}

#[test]
fn a_problem_in_the_worker_keeps_its_parts_and_the_worker_goes_on() {
    let mut worker = Worker::start(&config()).unwrap();
    let problem = Problem::from(worker.load(&stored("mystery"), &context()).unwrap_err());
    assert!(problem.what.contains("The operator com.example:Mystery is not supported"), "{problem:?}");
    assert!(problem.place.ends_with("mystery.onnx"), "{problem:?}");
    assert!(problem.fix.contains("standard operators"), "{problem:?}");
    let missing = Problem::from(worker.inspect(Path::new("/nowhere/m.onnx"), &context()).unwrap_err());
    assert_eq!(
        (missing.place.as_str(), missing.fix.as_str()),
        ("/nowhere/m.onnx", "Check that the file exists and may be read.")
    );
    assert!(worker.load(&stored("scaler"), &context()).is_ok());
}

#[test]
fn wrong_inputs_are_errors_that_name_them() {
    let (_folder, path) = written(&relu());
    let mut worker = Worker::start(&config()).unwrap();
    worker.load(&path, &context()).unwrap();
    let mut fails = |inputs: Vec<Tensor>| worker.run(inputs, &context()).unwrap_err().to_string();
    assert_eq!(fails(vec![]), "The input `x` is missing; the model takes `x` (float32 [N, 2])");
    assert_eq!(fails(vec![pair("z", [0.0; 2])]), "The input `z` is unknown; the model takes `x` (float32 [N, 2])");
    let ints = Tensor::new("x", vec![1, 2], TensorData::I64(vec![1, 2]));
    assert_eq!(fails(vec![ints]), "The input `x` takes float32, int64 was given");
    let wide = Tensor::new("x", vec![1, 3], TensorData::F32(vec![0.0; 3]));
    assert_eq!(fails(vec![wide]), "The input `x` takes the shape [N, 2], [1, 3] was given");
    let none = Tensor::new("x", vec![0, 2], TensorData::F32(vec![]));
    assert!(fails(vec![none]).contains("at least one row"));
}

const FIFTY_CALLS: BenchRequest =
    BenchRequest { n_batches: 2, warm_up_ms: 0, measure_ms: 60_000, max_n: 50, threads: 1 };

#[test]
fn a_loaded_model_is_timed_and_the_worker_goes_on() {
    let (_folder, path) = written(&relu());
    let mut worker = Worker::start(&config()).unwrap();
    let batches = || vec![vec![pair("x", [1.0, 2.0])], vec![pair("x", [3.0, 4.0])]];
    let bench = |worker: &mut Worker, batches, request| worker.bench(batches, request, &|_, _| (), &context());
    let error = bench(&mut worker, batches(), FIFTY_CALLS).unwrap_err().to_string();
    assert!(error.contains("no model is loaded"), "{error}");
    worker.load(&path, &context()).unwrap();
    let result = bench(&mut worker, batches(), FIFTY_CALLS).unwrap();
    let histogram = LatencyHistogram::decode(&result.histogram).unwrap();
    assert_eq!((result.n, result.n_warm_up, histogram.n()), (50, 1, 50));
    for (request, expected) in [
        (BenchRequest { n_batches: 3, ..FIFTY_CALLS }, "the batches are not complete"),
        (BenchRequest { n_batches: 0, ..FIFTY_CALLS }, "the batches are not complete"),
        (BenchRequest { n_batches: 1, ..FIFTY_CALLS }, "given twice"),
    ] {
        let error = bench(&mut worker, batches(), request).unwrap_err().to_string();
        assert!(error.contains(expected), "{request:?}: {error}");
    }
    assert!(worker.run(vec![pair("x", [1.0, 2.0])], &context()).is_ok());
}

#[test]
fn a_measurement_tells_how_far_it_is() {
    let (_folder, path) = written(&relu());
    let mut worker = Worker::start(&config()).unwrap();
    worker.load(&path, &context()).unwrap();
    let told = std::cell::RefCell::new(Vec::new());
    let request = BenchRequest { n_batches: 1, warm_up_ms: 150, measure_ms: 450, max_n: u64::MAX, threads: 2 };
    let tell = |fraction: f32, n: u64| told.borrow_mut().push((fraction, n));
    worker.bench(vec![vec![pair("x", [1.0, 2.0])]], request, &tell, &context()).unwrap();
    let told = told.into_inner();
    assert!(!told.is_empty() && told.len() <= 6, "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1), "{told:?}");
    assert!(told.iter().all(|(fraction, _)| (0.0..=1.0).contains(fraction)), "{told:?}");
}

#[test]
fn a_measurement_that_gives_no_answer_is_stopped_at_its_deadline() {
    let mut worker = Worker::start(&script("stuck.sh", Duration::from_millis(300))).unwrap();
    let request = BenchRequest { measure_ms: 200, ..FIFTY_CALLS };
    let error = worker.bench(vec![vec![pair("x", [0.0; 2])]], request, &|_, _| (), &context()).unwrap_err();
    assert!(matches!(error, EngineError::WorkerStuck { seconds, .. } if 0.4 < seconds && seconds < 0.6), "{error:?}");
}

/// Repeats one number ten billion times.
fn bomb() -> Vec<u8> {
    let repeats: Vec<u8> = [100_000_u64, 100_000].iter().flat_map(|repeat| repeat.to_le_bytes()).collect();
    let stored = [tensor("repeats", INT64, &[2], &repeats)];
    let inputs = [value("x", FLOAT, &[0, 1])];
    model(&graph(&[node("Tile", "", &["x", "repeats"], &["y"])], &stored, &inputs, &[value("y", FLOAT, &[0, 0])]))
}

#[test]
fn a_model_that_asks_for_too_much_memory_is_an_error_and_the_worker_goes_on() {
    let (_folder, path) = written(&bomb());
    let mut worker = Worker::start(&config()).unwrap();
    worker.load(&path, &context()).unwrap();
    let input = Tensor::new("x", vec![1, 1], TensorData::F32(vec![1.0]));
    let problem = Problem::from(worker.run(vec![input], &context()).unwrap_err());
    assert_eq!(problem.what, "The model needs more memory than it may use while running the model");
    assert!(worker.inspect(&path, &context()).is_ok());
}

#[test]
fn a_file_that_takes_all_memory_ends_the_worker_with_an_error_that_says_so() {
    // Twelve million nodes of nothing: two bytes each in the file, and far more in memory.
    let nodes = [0x0a, 0x00].repeat(12_000_000);
    let file = crate::onnx::Message::default().int(1, 8).bytes(7, nodes).into_bytes();
    let (_folder, path) = written(&file);
    let mut worker = Worker::start(&config()).unwrap();
    let error = worker.inspect(&path, &context()).unwrap_err();
    let EngineError::WorkerCrashed { how, last_line, .. } = &error else { panic!("{error:?}") };
    assert_eq!(how, "it needed more than the 1024 MiB of memory it may use", "{last_line}");
    // The worker is gone and says so; another one can be started.
    let (_folder, path) = written(&relu());
    assert!(worker.load(&path, &context()).unwrap_err().to_string().contains("stopped before"));
    assert!(Worker::start(&config()).unwrap().inspect(&path, &context()).is_ok());
}

#[test]
fn a_stuck_worker_is_stopped_at_the_deadline() {
    for name in ["stuck.sh", "deaf.sh"] {
        let started = Instant::now();
        let mut worker = Worker::start(&script(name, Duration::from_millis(300))).unwrap();
        let error = worker.inspect(Path::new("m.onnx"), &context()).unwrap_err();
        let expected = match error {
            EngineError::WorkerStuck { .. } => name == "stuck.sh",
            EngineError::WorkerCrashed { .. } => name == "deaf.sh",
            _ => false,
        };
        assert!(expected, "{name}: {error:?}");
        assert!(started.elapsed() < Duration::from_secs(10), "{name}");
    }
}

#[test]
fn a_request_larger_than_the_pipe_does_not_hang_on_a_stuck_worker() {
    let mut worker = Worker::start(&script("stuck.sh", Duration::from_millis(300))).unwrap();
    let large = Tensor::new("x", vec![1 << 20], TensorData::F64(vec![0.0; 1 << 20]));
    assert!(matches!(worker.run(vec![large], &context()), Err(EngineError::WorkerStuck { .. })));
}

#[test]
fn cancelling_ends_the_worker_soon() {
    let started = Instant::now();
    let job: Job<()> = Job::spawn("stuck", &no_wake(), |context| {
        let mut worker = Worker::start(&script("stuck.sh", Duration::from_mins(1)))?;
        worker.inspect(Path::new("m.onnx"), context)?;
        Ok(())
    });
    std::thread::sleep(Duration::from_millis(100));
    job.context().cancel();
    assert_eq!(job.wait(), Err(trestle::jobs::JobError::Cancelled));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_crash_says_how_and_quotes_the_last_line() {
    let mut worker = Worker::start(&script("crash.sh", Duration::from_secs(20))).unwrap();
    let error = worker.load(Path::new("m.onnx"), &context()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "The model's process ended while loading m.onnx (exit code 3): the ceiling came down"
    );
    assert_eq!(worker.log_lines(), ["the first line", "the ceiling came down"]);
    let mut worker = Worker::start(&script("killed.sh", Duration::from_secs(20))).unwrap();
    let error = worker.load(Path::new("m.onnx"), &context()).unwrap_err().to_string();
    assert!(error.contains("signal 11, it touched memory that is not its own"), "{error}");
}

#[test]
fn hostile_answers_are_errors() {
    for (name, expected) in [
        ("huge.sh", "larger than"),
        ("babble.sh", "larger than"),
        ("stranger.sh", "an answer to request 99, which is not 1"),
    ] {
        let mut worker = Worker::start(&script(name, Duration::from_secs(20))).unwrap();
        let error = worker.inspect(Path::new("m.onnx"), &context()).unwrap_err();
        assert!(matches!(&error, EngineError::Protocol { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_missing_executable_is_named() {
    let config = WorkerConfig { executable: "/nowhere/trestle".into(), ..config() };
    let problem = Problem::from(Worker::start(&config).unwrap_err());
    assert_eq!(problem.place, "/nowhere/trestle");
}

#[test]
fn hostile_requests_end_the_worker_with_an_answer() {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};
    for (bytes, expected) in [
        (&b"\xff\xff\xff\xff"[..], "larger than"),
        (b"\x07\0\0\0no json", "malformed"),
        (b"\x10\0\0\0", "ends in the middle"),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_trestle"))
            .arg("worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let mut answer = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains(expected), "{answer}");
        assert_eq!(child.wait().unwrap().code(), Some(2));
    }
}

#[test]
fn a_closed_input_ends_the_worker() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_trestle"))
        .arg("worker")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
