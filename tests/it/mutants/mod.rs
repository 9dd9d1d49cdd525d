//! Model files that are damaged or hostile, by the hundred: every one is answered or refused with a reason.
//!
//! The files are made from the fixtures by chance that a seed settles, and go through the real worker process:
//! inspected, loaded, and run on rows of ordinary and of extreme values. Whatever they do to the worker, the parent
//! gets an answer or an error that says something, in time.
//!
//! `TRESTLE_MUTANTS` is the number of files, `TRESTLE_MUTANTS_SEED` the seed, and `TRESTLE_MUTANTS_KEEP` a folder
//! for the files that made the engine panic, crash or hang.

mod mutate;
mod random;
mod wire;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use trestle::engine::tensor::{Tensor, TensorData};
use trestle::engine::{EngineError, Worker, WorkerConfig};
use trestle::jobs::{Job, JobContext, no_wake};
use trestle::problem::Problem;
use trestle::project::contract::{Dim, Dtype, TensorSpec};

use mutate::{WAYS, Way};
use random::Random;

/// Files when nothing else is asked for: as many as fit into an ordinary run of the tests.
const N_MUTANTS: usize = 1_200;

/// Time for one request. Whatever takes longer is ended by the parent, which is an error with a reason too.
const DEADLINE: Duration = Duration::from_secs(20);

/// Beyond the deadline: the worker's farewell, and a machine that is busy.
const SLACK: Duration = Duration::from_secs(40);

/// Workers at a time.
const N_THREADS: usize = 2;

/// Largest fixture; the spoilt parts of larger ones are mostly weights.
const LARGEST_BYTES: u64 = 40_000;

/// Most elements of an input that is made up.
const MOST_ELEMENTS: usize = 1 << 16;

/// How a file fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It ran.
    Answered,
    /// It was read and refused, or failed to run, in words of our own or of tract.
    Refused,
    /// A panic was contained.
    Panicked,
    /// The worker ended by itself.
    Crashed,
    /// The worker was ended at the deadline.
    Stuck,
}

/// What one file came to.
struct Fate {
    outcome: Outcome,
    reason: String,
}

fn config() -> WorkerConfig {
    WorkerConfig { executable: env!("CARGO_BIN_EXE_trestle").into(), memory_limit_bytes: 1 << 30, deadline: DEADLINE }
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    paths.retain(|path| fs::metadata(path).unwrap().len() < LARGEST_BYTES);
    paths.sort();
    assert!(100 < paths.len(), "the fixtures are missing");
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// An input that the specification allows, where one can be made up; `values` are taken in turn.
fn input(spec: &TensorSpec, values: &[f64]) -> Tensor {
    let length = |dim: &Dim| match dim {
        Dim::Fixed(length) => usize::try_from(*length).unwrap_or(usize::MAX),
        Dim::Symbol(_) => 1,
    };
    let mut shape: Vec<usize> = spec.shape.iter().map(length).collect();
    let n = shape.iter().try_fold(1_usize, |n, length| n.checked_mul(*length)).filter(|n| *n <= MOST_ELEMENTS);
    let n = n.unwrap_or_else(|| {
        shape = vec![1; shape.len()];
        1
    });
    let numbers = || (0..n).map(|at| values[at % values.len()]);
    let data = match spec.dtype {
        Dtype::Bool => TensorData::Bool(numbers().map(|number| 0.0 < number).collect()),
        Dtype::U8 => TensorData::U8(numbers().map(|number| number as u8).collect()),
        Dtype::U16 => TensorData::U16(numbers().map(|number| number as u16).collect()),
        Dtype::U32 => TensorData::U32(numbers().map(|number| number as u32).collect()),
        Dtype::U64 => TensorData::U64(numbers().map(|number| number as u64).collect()),
        Dtype::I8 => TensorData::I8(numbers().map(|number| number as i8).collect()),
        Dtype::I16 => TensorData::I16(numbers().map(|number| number as i16).collect()),
        Dtype::I32 => TensorData::I32(numbers().map(|number| number as i32).collect()),
        Dtype::I64 => TensorData::I64(numbers().map(|number| number as i64).collect()),
        Dtype::F16 => TensorData::F16(numbers().map(|number| (number as u16) << 8).collect()),
        Dtype::F32 => TensorData::F32(numbers().map(|number| number as f32).collect()),
        Dtype::F64 => TensorData::F64(numbers().collect()),
        Dtype::Text => TensorData::Text(numbers().map(|number| number.to_string()).collect()),
    };
    Tensor::new(&spec.name, shape, data)
}

const ORDINARY: [f64; 3] = [0.0, 1.0, -0.5];
const EXTREME: [f64; 6] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-310, 1e308, -1e308];

/// Takes one file through the worker, which is started when there is none.
fn fate(place: &mut Option<Worker>, path: &Path) -> Fate {
    let context = JobContext::new(no_wake());
    let mut step = || -> Result<(), EngineError> {
        if place.is_none() {
            *place = Some(Worker::start(&config())?);
        }
        let worker = place.as_mut().unwrap();
        let inspection = worker.inspect(path, &context)?;
        for refusal in inspection.refusals() {
            assert!(!refusal.what.trim().is_empty(), "{}: a refusal without a reason", path.display());
        }
        let contract = worker.load(path, &context)?.contract;
        for values in [&ORDINARY[..], &EXTREME] {
            worker.run(contract.inputs.iter().map(|spec| input(spec, values)).collect(), &context)?;
        }
        Ok(())
    };
    let started = Instant::now();
    let result = step();
    assert!(started.elapsed() < 4 * DEADLINE + SLACK, "{}: {:?}", path.display(), started.elapsed());
    let Err(error) = result else { return Fate { outcome: Outcome::Answered, reason: String::new() } };
    let outcome = match &error {
        EngineError::WorkerCrashed { .. } => Outcome::Crashed,
        EngineError::WorkerStuck { .. } => Outcome::Stuck,
        EngineError::Remote(problem) if problem.what.contains("stopped unexpectedly") => Outcome::Panicked,
        EngineError::Remote(_) | EngineError::Run { .. } => Outcome::Refused,
        other => panic!("{}: {other}", path.display()),
    };
    if matches!(outcome, Outcome::Crashed | Outcome::Stuck) {
        *place = None;
    }
    let reason = Problem::from(error).what;
    assert!(8 < reason.trim().len(), "{}: an error without a reason: {reason}", path.display());
    Fate { outcome, reason }
}

/// A fixture spoilt in a way; what one does not have, such as stored tensors, others have.
fn spoilt(fixtures: &[(String, Vec<u8>)], spoil: Way, random: &mut Random) -> (String, Vec<u8>) {
    loop {
        let (name, sound) = random.of(fixtures);
        let spoilt = spoil(sound, random);
        if spoilt != *sound {
            return (name.clone(), spoilt);
        }
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn every_damaged_or_hostile_file_is_answered_or_refused_with_a_reason() {
    let (n_mutants, seed) = (number("TRESTLE_MUTANTS", N_MUTANTS), number("TRESTLE_MUTANTS_SEED", 1));
    let keep = std::env::var_os("TRESTLE_MUTANTS_KEEP").map(PathBuf::from);
    let started = Instant::now();
    let jobs: Vec<Job<Vec<(usize, String, Fate)>>> = (0..N_THREADS)
        .map(|thread| {
            let keep = keep.clone();
            Job::spawn("mutants", &no_wake(), move |_| {
                let fixtures = fixtures();
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("model.onnx");
                let (mut worker, mut fates) = (None, Vec::new());
                for index in (thread..n_mutants).step_by(N_THREADS) {
                    let mut random = Random::new((seed as u64) << 32 | index as u64);
                    let (way, spoil) = WAYS[index % WAYS.len()];
                    let (name, spoilt) = spoilt(&fixtures, spoil, &mut random);
                    fs::write(&path, &spoilt).unwrap();
                    let fate = fate(&mut worker, &path);
                    if let Some(folder) = keep.as_ref().filter(|_| Outcome::Refused < fate.outcome) {
                        fs::write(folder.join(format!("{seed}_{index}.onnx")), &spoilt).unwrap();
                    }
                    fates.push((index, format!("{way} of {name}"), fate));
                }
                Ok(fates)
            })
        })
        .collect();
    let fates: Vec<_> = jobs.into_iter().flat_map(|job| job.wait().unwrap()).collect();

    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    let mut listed = String::new();
    for (index, what, Fate { outcome, reason }) in &fates {
        *counts.entry(*outcome).or_default() += 1;
        if Outcome::Refused < *outcome {
            writeln!(listed, "{outcome:?} {seed}_{index} {what}: {reason}").unwrap();
        }
    }
    let seconds = started.elapsed().as_secs();
    let summary = format!("{} files of seed {seed} in {seconds} s: {counts:?}\n{listed}", fates.len());
    // Heard with `--nocapture`.
    std::io::Write::write_all(&mut std::io::stderr(), summary.as_bytes()).unwrap();
    assert_eq!(fates.len(), n_mutants);
    let count = |outcome| counts.get(&outcome).copied().unwrap_or(0);
    // Files that nothing was wrong with, or that nothing was right with, would test nothing.
    assert!(n_mutants / 20 < count(Outcome::Answered) && n_mutants / 5 < count(Outcome::Refused), "{summary}");
    assert!(count(Outcome::Panicked) + count(Outcome::Crashed) + count(Outcome::Stuck) <= n_mutants / 50, "{summary}");
}

#[test]
fn a_file_is_spoilt_in_the_same_way_each_time() {
    let fixtures = fixtures();
    for (way, spoil) in WAYS {
        for seed in 0..5 {
            let [once, again] = [seed, seed].map(|seed| spoilt(&fixtures, spoil, &mut Random::new(seed)));
            assert!(once == again, "{way}");
        }
    }
}
