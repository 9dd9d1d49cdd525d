//! How long one run of a model takes.
//!
//! `cargo bench --no-default-features --features headless --bench engine` reads lines `MODEL.onnx BATCH MILLISECONDS` from standard input
//! and answers each with one line of JSON: the number of runs, and the median and the least of their times. The inputs
//! are files beside the model, `MODEL.bBATCH.INDEX.bin`, the elements of each input in the contract's order, as they
//! lie in memory. `--threads=N` lets a run use so many threads. `tests/bench/engine.py` makes them and sets ONNX Runtime beside it, in turns.
#![expect(clippy::print_stdout, reason = "a benchmark's figures are its result")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::collections::HashMap;
use std::io::{Write as _, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use trestle::engine::tensor::{Tensor, TensorData};
use trestle::engine::{DEFAULT_THREADS, Model, set_threads};
use trestle::project::contract::{Dim, Dtype};

/// Runs before any is timed.
const WARM_UP: usize = 3;

fn input(path: &Path, dtype: Dtype) -> TensorData {
    let bytes = std::fs::read(path).unwrap();
    match dtype {
        Dtype::F32 => TensorData::F32(bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()),
        Dtype::F64 => TensorData::F64(bytes.as_chunks().0.iter().map(|eight| f64::from_le_bytes(*eight)).collect()),
        Dtype::I64 => TensorData::I64(bytes.as_chunks().0.iter().map(|eight| i64::from_le_bytes(*eight)).collect()),
        other => panic!("inputs of {other:?} are not foreseen"),
    }
}

fn inputs(model: &Model, path: &Path, batch: usize) -> Vec<Tensor> {
    let specs = model.inspection().contract.inputs.iter().enumerate();
    let tensors = specs.map(|(idx, spec)| {
        let shape = spec.shape.iter().map(|dim| match dim {
            Dim::Fixed(length) => usize::try_from(*length).unwrap(),
            Dim::Symbol(_) => batch,
        });
        let data = input(&path.with_extension(format!("b{batch}.{idx}.bin")), spec.dtype);
        Tensor::new(&spec.name, shape.collect(), data)
    });
    tensors.collect()
}

fn main() {
    let threads = std::env::args().find_map(|argument| argument.strip_prefix("--threads=").map(str::to_owned));
    set_threads(threads.map_or(DEFAULT_THREADS, |threads| threads.parse().unwrap())).unwrap();
    let mut models: HashMap<PathBuf, Model> = HashMap::new();
    for line in stdin().lines() {
        let line = line.unwrap();
        let [path, batch, millis] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("MODEL.onnx BATCH MILLISECONDS is expected, not `{line}`")
        };
        let (path, batch, millis) = (PathBuf::from(path), batch.parse().unwrap(), millis.parse().unwrap());
        let model = models.entry(path.clone()).or_insert_with(|| Model::load(&path).unwrap());
        let inputs = inputs(model, &path, batch);
        for _ in 0..WARM_UP {
            model.run(&inputs).unwrap();
        }
        let mut micros = Vec::new();
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(millis) || micros.len() < WARM_UP {
            let call = Instant::now();
            let outputs = model.run(&inputs).unwrap();
            micros.push(call.elapsed().as_secs_f64() * 1e6);
            drop(outputs);
        }
        micros.sort_by(f64::total_cmp);
        println!(r#"{{"n":{},"median_us":{:.3},"min_us":{:.3}}}"#, micros.len(), micros[micros.len() / 2], micros[0]);
        stdout().flush().unwrap();
    }
}
