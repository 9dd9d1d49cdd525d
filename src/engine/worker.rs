//! The worker's side: `trestle worker`, which reads, loads and runs a model where it can do no harm.
//!
//! Frames come in on stdin and go out on stdout, the log goes to stderr. The process limits its own memory before it
//! reads the first frame, and ends as soon as stdin is closed, also in the middle of a run.

use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use serde_json::json;

use super::bench::{BenchRequest, bench};
use super::error::EngineError;
use super::frame::{self, Frame, FrameError, Kind};
use super::profile::{ProfileRequest, profile};
use super::{Model, bump, graph_fingerprint, inspect};
use crate::jobs::{Job, no_wake};
use crate::problem::Problem;

/// Name of the environment variable that holds the memory limit.
pub(crate) const MEMORY_VARIABLE: &str = "TRESTLE_WORKER_MEMORY_BYTES";

/// The memory limit when none is given.
pub(crate) const DEFAULT_MEMORY_BYTES: u64 = 4 << 30;

/// Serves frames until stdin ends.
pub fn run_worker() -> ExitCode {
    let limit = std::env::var(MEMORY_VARIABLE).ok().and_then(|value| value.parse().ok());
    let limit = limit.unwrap_or(DEFAULT_MEMORY_BYTES);
    if let Err(error) = limit_memory(limit) {
        log(&format!("the memory could not be limited: {error}"));
        return ExitCode::from(2);
    }
    // One line for a panic, so that the parent can quote it.
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        log(&text);
    }));
    let (sender, receiver) = sync_channel(1);
    let reading: Job<()> = Job::spawn("worker input", &no_wake(), move |_| {
        listen(&sender);
        Ok(())
    });
    let code = serve(&receiver);
    drop(reading);
    code
}

fn log(line: &str) {
    // Nobody is left to hear of a broken stderr.
    let _unheard = writeln!(io::stderr(), "{line}");
}

#[cfg(unix)]
fn limit_memory(bytes: u64) -> io::Result<()> {
    use rlimit::Resource;
    let (_, hard) = Resource::AS.get()?;
    let bytes = bytes.min(hard);
    Resource::AS.set(bytes, bytes)?;
    // A core file of a model's process would be large and is of no use.
    Resource::CORE.set(0, 0)
}

#[cfg(not(unix))]
fn limit_memory(_bytes: u64) -> io::Result<()> {
    Ok(())
}

/// Reads frames ahead of their handling, so that a closed stdin is noticed at once.
fn listen(sender: &SyncSender<Result<Frame, FrameError>>) {
    let mut stdin = BufReader::new(io::stdin());
    loop {
        match frame::read(&mut stdin) {
            Ok(Some(frame)) => {
                if sender.send(Ok(frame)).is_err() {
                    return;
                }
            }
            Ok(None) => end(),
            Err(error) => {
                // Handled last: frames before it are still answered.
                let _ended = sender.send(Err(error));
                return;
            }
        }
    }
}

#[expect(clippy::exit, reason = "the parent is gone, and the main thread may be in a run that never ends")]
fn end() {
    std::process::exit(0);
}

fn serve(frames: &Receiver<Result<Frame, FrameError>>) -> ExitCode {
    let mut model = None;
    let mut stdout = BufWriter::new(io::stdout().lock());
    while let Ok(frame) = frames.recv() {
        let (reply, fatal) = match frame {
            Ok(frame) => {
                let id = frame.id;
                let mut progress = |body: serde_json::Value| {
                    frame::write(&mut stdout, &Frame { id, kind: Kind::Progress, body, tensors: Vec::new() })
                };
                (handle(frame, &mut model, &mut progress), false)
            }
            Err(error) => (problem(0, &Problem::new(error.to_string(), "", "")), true),
        };
        let written = match frame::write(&mut stdout, &reply) {
            // The outputs are too large for a frame: say so instead.
            Err(error @ FrameError::TooLarge { .. }) => {
                frame::write(&mut stdout, &problem(reply.id, &Problem::new(error.to_string(), "", "")))
            }
            written => written,
        };
        if let Err(error) = written {
            log(&format!("the answer could not be given: {error}"));
            return ExitCode::from(2);
        }
        if fatal {
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn problem(id: u64, problem: &Problem) -> Frame {
    let body = serde_json::to_value(problem).unwrap_or_default();
    Frame { id, kind: Kind::Error, body, tensors: Vec::new() }
}

type Progress<'a> = dyn FnMut(serde_json::Value) -> Result<(), FrameError> + 'a;

fn handle(frame: Frame, model: &mut Option<Model>, progress: &mut Progress<'_>) -> Frame {
    let id = frame.id;
    let done = |body, tensors| Frame { id, kind: Kind::Done, body, tensors };
    let path = frame.body.get("path").and_then(|path| path.as_str()).unwrap_or_default().to_owned();
    let path = Path::new(&path);
    // A broken pipe shows again when the answer is written.
    let mut say = |stage: &str| drop(progress(json!({ "stage": stage })));
    let answer = match frame.kind {
        Kind::Inspect => {
            say("Reading the model");
            inspect(path).map(|inspection| done(serde_json::to_value(inspection).unwrap_or_default(), Vec::new()))
        }
        Kind::Load => {
            say("Preparing the model");
            // The old one goes first: two large models may not fit.
            *model = None;
            Model::load(path).map(|loaded| {
                let body = serde_json::to_value(loaded.inspection()).unwrap_or_default();
                *model = Some(loaded);
                done(body, Vec::new())
            })
        }
        Kind::Compare => {
            say("Comparing the graphs");
            let other = frame.body.get("other").and_then(|path| path.as_str()).unwrap_or_default();
            graph_fingerprint(path)
                .and_then(|old| Ok(bump(&old, &graph_fingerprint(Path::new(other))?)))
                .map(|difference| done(serde_json::to_value(difference).unwrap_or_default(), Vec::new()))
        }
        Kind::Run => match model {
            Some(model) => {
                let started = Instant::now();
                model.run(&frame.tensors).map(|outputs| {
                    let micros = started.elapsed().as_secs_f64() * 1e6;
                    done(json!({ "micros": micros }), outputs)
                })
            }
            None => Err(EngineError::Run { reason: "no model is loaded".to_owned() }),
        },
        Kind::Bench => asked::<BenchRequest>(model.as_ref(), frame.body).and_then(|(model, request)| {
            bench(model, frame.tensors, request, &mut |body| drop(progress(body)))
                .map(|result| done(serde_json::to_value(result).unwrap_or_default(), Vec::new()))
        }),
        Kind::Profile => asked::<ProfileRequest>(model.as_ref(), frame.body).and_then(|(model, request)| {
            profile(model, frame.tensors, request, &mut |body| drop(progress(body)))
                .map(|result| done(serde_json::to_value(result).unwrap_or_default(), Vec::new()))
        }),
        Kind::Progress | Kind::Done | Kind::Error => {
            Err(EngineError::Run { reason: "this is an answer, not a request".to_owned() })
        }
    };
    answer.unwrap_or_else(|error| problem(id, &error.into()))
}

/// The loaded model and what is asked of it.
fn asked<T: serde::de::DeserializeOwned>(
    model: Option<&Model>,
    body: serde_json::Value,
) -> Result<(&Model, T), EngineError> {
    let model = model.ok_or_else(|| EngineError::Run { reason: "no model is loaded".to_owned() })?;
    let request = serde_json::from_value(body)
        .map_err(|error| EngineError::Run { reason: format!("the request cannot be read ({error})") })?;
    Ok((model, request))
}
