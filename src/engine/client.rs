//! The parent's side of the worker: starts it, talks to it, and ends it when it is stuck, cancelled or dropped.
//!
//! Three helper threads do what can block: writing requests, reading answers, reading the log. The caller only waits
//! on a channel, with a timeout, so that nothing the child does or leaves undone can hang it.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::bench::{BenchRequest, BenchResult};
use super::error::EngineError;
use super::fingerprint::GraphDifference;
use super::frame::{self, Frame, FrameError, Kind};
use super::profile::ProfileRequest;
use super::tensor::Tensor;
use super::worker::{DEFAULT_MEMORY_BYTES, MEMORY_VARIABLE};
use crate::jobs::{Job, JobContext, no_wake};
use crate::problem::Problem;
use crate::project::contract::Inspection;
use crate::project::reports::Profile;

/// How often the caller looks whether the work was cancelled.
const LOOK: Duration = Duration::from_millis(20);
/// How long a child may take to end after its pipe is closed or it was killed.
const FAREWELL: Duration = Duration::from_secs(2);
/// Lines kept of the child's log.
const LOG_LINES: usize = 50;
/// The longest line kept of the child's log.
const LONGEST_LINE_BYTES: u64 = 1 << 12;

/// How to start a worker, and what it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerConfig {
    /// The executable; it is called with the argument `worker`.
    pub executable: PathBuf,
    /// Address space it may use.
    pub memory_limit_bytes: u64,
    /// Time one request may take.
    pub deadline: Duration,
}

impl WorkerConfig {
    /// This executable, with a limit and a deadline that ordinary models stay far below.
    pub fn current_executable() -> std::io::Result<Self> {
        Ok(Self {
            executable: std::env::current_exe()?,
            memory_limit_bytes: DEFAULT_MEMORY_BYTES,
            deadline: Duration::from_mins(2),
        })
    }
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerRun {
    /// The outputs, in the graph's order.
    pub outputs: Vec<Tensor>,
    /// How long the model took, measured inside of the worker.
    pub micros: f64,
}

type Log = Arc<Mutex<VecDeque<String>>>;

/// A request on its way.
struct Ask<'a> {
    kind: Kind,
    body: serde_json::Value,
    tensors: Vec<Tensor>,
    /// Time it may take.
    deadline: Duration,
    /// Hears what the process tells meanwhile.
    progress: &'a dyn Fn(&serde_json::Value),
}

/// A process that reads, loads and runs a model; it is killed when this is dropped.
pub struct Worker {
    config: WorkerConfig,
    child: Child,
    requests: Option<Sender<Frame>>,
    answers: Receiver<Result<Frame, FrameError>>,
    log: Log,
    /// Disconnected once the log was read to its end.
    log_ended: Receiver<()>,
    next_id: u64,
    /// Set once the process was ended or has ended.
    over: bool,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("process", &self.child.id()).field("over", &self.over).finish_non_exhaustive()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Worker {
    /// Starts the process.
    pub fn start(config: &WorkerConfig) -> Result<Self, EngineError> {
        let failed = |source| EngineError::WorkerStart { executable: config.executable.clone(), source };
        let mut child = Command::new(&config.executable)
            .arg("worker")
            .env(MEMORY_VARIABLE, config.memory_limit_bytes.to_string())
            // A backtrace would push the reason out of the log's last lines.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(std::io::Error::other("its pipes are missing")));
        };
        let (requests, outgoing) = channel();
        let (incoming, answers) = channel();
        let (log_open, log_ended) = channel();
        let log = Log::default();
        let lines = Arc::clone(&log);
        // The threads end by themselves when the process has: their pipes break.
        drop(helper("worker requests", move || send(stdin, &outgoing)));
        drop(helper("worker answers", move || receive(stdout, &incoming)));
        drop(helper("worker log", move || {
            listen(stderr, &lines);
            drop(log_open);
        }));
        Ok(Self {
            config: config.clone(),
            child,
            requests: Some(requests),
            answers,
            log,
            log_ended,
            next_id: 1,
            over: false,
        })
    }

    /// Inspects the file in the worker.
    pub fn inspect(&mut self, path: &Path, context: &JobContext) -> Result<Inspection, EngineError> {
        let during = format!("inspecting {}", path.display());
        let done = self.request(Kind::Inspect, path_body(path)?, Vec::new(), &during, context)?;
        inspection(done, during)
    }

    /// Inspects and prepares the model; later runs use it.
    pub fn load(&mut self, path: &Path, context: &JobContext) -> Result<Inspection, EngineError> {
        let during = format!("loading {}", path.display());
        let done = self.request(Kind::Load, path_body(path)?, Vec::new(), &during, context)?;
        inspection(done, during)
    }

    /// Tells how the graph in `new` differs from that in `old`.
    pub fn compare(&mut self, old: &Path, new: &Path, context: &JobContext) -> Result<GraphDifference, EngineError> {
        let during = format!("comparing {} with {}", new.display(), old.display());
        let mut body = path_body(old)?;
        body["other"] = path_body(new)?["path"].take();
        let done = self.request(Kind::Compare, body, Vec::new(), &during, context)?;
        serde_json::from_value(done.body).map_err(|error| self.unexpected(&during, error.to_string()))
    }

    /// Runs the loaded model.
    pub fn run(&mut self, inputs: Vec<Tensor>, context: &JobContext) -> Result<WorkerRun, EngineError> {
        let during = "running the model";
        frame::check_tensors(&inputs).map_err(|error| EngineError::Run { reason: error.to_string() })?;
        let done = self.request(Kind::Run, json!(null), inputs, during, context)?;
        match done.body.get("micros").and_then(serde_json::Value::as_f64) {
            Some(micros) => Ok(WorkerRun { outputs: done.tensors, micros }),
            None => Err(self.unexpected(during, "an answer without its time".to_owned())),
        }
    }

    /// Runs the loaded model again and again on batches and times it; `told` hears how much is done, 0 to 1, and how
    /// many calls were measured.
    ///
    /// The time to measure comes on top of the deadline of a request.
    pub fn bench(
        &mut self,
        batches: Vec<Vec<Tensor>>,
        request: BenchRequest,
        told: &dyn Fn(f32, u64),
        context: &JobContext,
    ) -> Result<BenchResult, EngineError> {
        let during = "measuring the model";
        let tensors: Vec<Tensor> = batches.into_iter().flatten().collect();
        frame::check_tensors(&tensors).map_err(|error| EngineError::Run { reason: error.to_string() })?;
        let body = serde_json::to_value(request).unwrap_or_default();
        let measuring = Duration::from_millis(request.warm_up_ms.saturating_add(request.measure_ms));
        let deadline = self.config.deadline.saturating_add(measuring);
        let progress = |body: &serde_json::Value| progress_of(body, told);
        let ask = Ask { kind: Kind::Bench, body, tensors, deadline, progress: &progress };
        let done = self.ask(ask, during, context)?;
        serde_json::from_value(done.body).map_err(|error| self.unexpected(during, error.to_string()))
    }

    /// Times the loaded model step by step; `told` hears the part done and the calls so far.
    pub fn profile(
        &mut self,
        batches: Vec<Vec<Tensor>>,
        request: ProfileRequest,
        told: &dyn Fn(f32, u64),
        context: &JobContext,
    ) -> Result<Profile, EngineError> {
        let during = "profiling the model";
        let tensors: Vec<Tensor> = batches.into_iter().flatten().collect();
        frame::check_tensors(&tensors).map_err(|error| EngineError::Run { reason: error.to_string() })?;
        let body = serde_json::to_value(request).unwrap_or_default();
        let deadline = self.config.deadline.saturating_add(Duration::from_millis(request.budget_ms));
        let progress = |body: &serde_json::Value| progress_of(body, told);
        let ask = Ask { kind: Kind::Profile, body, tensors, deadline, progress: &progress };
        let done = self.ask(ask, during, context)?;
        serde_json::from_value(done.body).map_err(|error| self.unexpected(during, error.to_string()))
    }

    /// The last lines of the process's log.
    pub fn log_lines(&self) -> Vec<String> {
        lock(&self.log).iter().cloned().collect()
    }

    /// Sends a request and waits for its end, within the deadline of its worker.
    fn request(
        &mut self,
        kind: Kind,
        body: serde_json::Value,
        tensors: Vec<Tensor>,
        during: &str,
        context: &JobContext,
    ) -> Result<Frame, EngineError> {
        let progress = |body: &serde_json::Value| {
            context.progress(None, body.get("stage").and_then(|stage| stage.as_str()).unwrap_or_default());
        };
        self.ask(Ask { kind, body, tensors, deadline: self.config.deadline, progress: &progress }, during, context)
    }

    /// Sends a request and waits for its end; whatever goes wrong with the process ends it.
    fn ask(&mut self, ask: Ask<'_>, during: &str, context: &JobContext) -> Result<Frame, EngineError> {
        let Ask { kind, body, tensors, deadline, progress } = ask;
        if context.cancelled() {
            return Err(EngineError::Cancelled);
        }
        if self.over {
            return Err(self.crashed(during, "it had been stopped before".to_owned()));
        }
        let id = self.next_id;
        self.next_id += 1;
        let started = Instant::now();
        let sent =
            self.requests.as_ref().is_some_and(|requests| requests.send(Frame { id, kind, body, tensors }).is_ok());
        if !sent {
            return Err(self.ended(during));
        }
        loop {
            let Some(left) = deadline.checked_sub(started.elapsed()) else {
                self.kill();
                let seconds = deadline.as_secs_f64();
                return Err(EngineError::WorkerStuck {
                    during: during.to_owned(),
                    seconds,
                    last_line: self.last_line(),
                });
            };
            let answer = self.answers.recv_timeout(left.min(LOOK));
            if context.cancelled() {
                self.kill();
                return Err(EngineError::Cancelled);
            }
            match answer {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) | Ok(Err(FrameError::Cut | FrameError::Pipe(_))) => {
                    return Err(self.ended(during));
                }
                Ok(Err(error)) => return Err(self.unexpected(during, error.to_string())),
                Ok(Ok(frame)) if frame.kind == Kind::Error && (frame.id == id || frame.id == 0) => {
                    let problem: Problem = serde_json::from_value(frame.body)
                        .map_err(|error| self.unexpected(during, format!("a problem that cannot be read ({error})")))?;
                    return Err(EngineError::Remote(problem));
                }
                Ok(Ok(frame)) if frame.id != id => {
                    return Err(
                        self.unexpected(during, format!("an answer to request {}, which is not {id}", frame.id))
                    );
                }
                Ok(Ok(frame)) => match frame.kind {
                    Kind::Done => return Ok(frame),
                    Kind::Progress => progress(&frame.body),
                    other => return Err(self.unexpected(during, format!("a message of the kind {other:?}"))),
                },
            }
        }
    }

    /// The process has closed its pipe: finds out how it ended.
    fn ended(&mut self, during: &str) -> EngineError {
        // A process that is asked to end still has its pipes closed by the writer's thread.
        self.requests = None;
        let status = self.wait_briefly();
        self.kill();
        // The log's last lines may still be on their way.
        let _read = self.log_ended.recv_timeout(FAREWELL);
        let out_of_memory = lock(&self.log).iter().any(|line| line.contains("memory allocation of"));
        let how = match status {
            Some(_) if out_of_memory => {
                let megabytes = self.config.memory_limit_bytes >> 20;
                format!("it needed more than the {megabytes} MiB of memory it may use")
            }
            Some(status) => describe(status),
            None => "it closed its pipe and did not end".to_owned(),
        };
        self.crashed(during, how)
    }

    fn crashed(&self, during: &str, how: String) -> EngineError {
        EngineError::WorkerCrashed { during: during.to_owned(), how, last_line: self.last_line() }
    }

    fn unexpected(&mut self, during: &str, reason: String) -> EngineError {
        self.kill();
        EngineError::Protocol { during: during.to_owned(), reason }
    }

    fn last_line(&self) -> String {
        let says_something = |line: &&String| !line.trim().is_empty() && !line.starts_with("note: run with");
        lock(&self.log).iter().rev().find(says_something).cloned().unwrap_or_default()
    }

    fn wait_briefly(&mut self) -> Option<ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < FAREWELL {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        None
    }

    /// Ends the process, however it is, and leaves no zombie.
    fn kill(&mut self) {
        if self.over {
            return;
        }
        self.over = true;
        self.requests = None;
        // It fails when the process has already ended, which is what is wanted.
        let _already_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn lock(log: &Log) -> MutexGuard<'_, VecDeque<String>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

fn helper(name: &str, work: impl FnOnce() + Send + 'static) -> Job<()> {
    Job::spawn(name, &no_wake(), move |_| {
        work();
        Ok(())
    })
}

fn send(mut stdin: ChildStdin, requests: &Receiver<Frame>) {
    while let Ok(request) = requests.recv() {
        // A process that cannot be written to shows on the answers' side too.
        if frame::write(&mut stdin, &request).is_err() {
            return;
        }
    }
}

fn receive(stdout: ChildStdout, answers: &Sender<Result<Frame, FrameError>>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let answer = match frame::read(&mut stdout) {
            Ok(None) => return,
            Ok(Some(frame)) => Ok(frame),
            Err(error) => Err(error),
        };
        let last = answer.is_err();
        if answers.send(answer).is_err() || last {
            return;
        }
    }
}

fn listen(stderr: ChildStderr, log: &Log) {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match stderr.by_ref().take(LONGEST_LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let mut log = lock(log);
                if LOG_LINES <= log.len() {
                    log.pop_front();
                }
                log.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
        }
    }
}

/// The part done and the number of calls, of a measurement.
fn progress_of(body: &serde_json::Value, told: &dyn Fn(f32, u64)) {
    let fraction = body.get("fraction").and_then(serde_json::Value::as_f64).unwrap_or(0.0);
    let n = body.get("n").and_then(serde_json::Value::as_u64).unwrap_or(0);
    told(fraction.clamp(0.0, 1.0) as f32, n);
}

fn path_body(path: &Path) -> Result<serde_json::Value, EngineError> {
    match path.to_str() {
        Some(path) => Ok(json!({ "path": path })),
        None => Err(EngineError::Unreadable {
            path: path.to_owned(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidInput, "the path is not Unicode"),
        }),
    }
}

fn inspection(done: Frame, during: String) -> Result<Inspection, EngineError> {
    serde_json::from_value(done.body).map_err(|error| EngineError::Protocol { during, reason: error.to_string() })
}

/// How a process ended, in words.
fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        if let Some(signal) = status.signal() {
            let meaning = match signal {
                4 => ", an instruction this processor does not have",
                6 => ", it gave up by itself",
                9 => ", stopped from outside, perhaps for its use of memory",
                11 => ", it touched memory that is not its own or ran out of stack",
                _ => "",
            };
            return format!("signal {signal}{meaning}");
        }
    }
    status.code().map_or_else(|| "it ended".to_owned(), |code| format!("exit code {code}"))
}
