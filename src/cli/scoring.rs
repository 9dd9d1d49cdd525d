//! `trestle predict`: scores the rows of a file.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{FormArg, PredictArgs};
use super::report::{Report, write_line};
use crate::features::Prediction;
use crate::jobs::{Job, JobContext, JobError, no_wake};
use crate::problem::Problem;
use crate::project::Project;
use crate::scoring::{ScoringConfig, Summary, Target, score};
use crate::table::rows::Source;
use crate::table::sink::Form;
use crate::workbench::Environment;

/// Predictions printed at most inside of the one JSON object.
const MOST_INLINE: usize = 100_000;

/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How long a cancelled run may take to commit what it has.
const FAREWELL: Duration = Duration::from_secs(10);

pub(super) fn predict(environment: &Environment, args: PredictArgs) -> Result<Report, JobError> {
    let mut report = Report::new("predict");
    let config = config(environment, &args, &mut report)?;
    let is_stream = |path: &Path| path == Path::new("-");
    let file = args.output.clone().filter(|path| !is_stream(path));
    if let Some(path) = &file {
        Form::of(path).map_err(Problem::from)?;
    }
    let inline = args.report.json && args.output.is_none();
    let form = if args.format == FormArg::Csv { Form::Csv } else { Form::JsonLines };
    let closed = Arc::new(AtomicBool::new(false));
    let (target_file, reader_gone) = (file.clone(), Arc::clone(&closed));
    let job = Job::spawn("scoring", &no_wake(), move |context| {
        let target = match target_file {
            Some(path) => Target::File(path),
            None if inline => Target::Memory(MOST_INLINE),
            None => Target::Stream(form, Box::new(Piped { context: context.clone(), closed: reader_gone })),
        };
        score(config, target, &mut |finding| context.log(format!("note: {finding}")), context)
    });
    let summary = match watch(environment, job, args.report.json) {
        // A reader that has enough is no reason to complain.
        Err(JobError::Cancelled) if closed.load(Ordering::SeqCst) => return Ok(report),
        Err(JobError::Cancelled) => {
            if file.as_deref().is_some_and(|path| !matches!(Form::of(path), Ok(Form::Parquet))) {
                say("What was scored so far is kept; the same command goes on from there");
            }
            return Err(JobError::Cancelled);
        }
        result => result?,
    };
    tell(&mut report, summary, file.as_deref(), inline)?;
    Ok(report)
}

fn config(environment: &Environment, args: &PredictArgs, report: &mut Report) -> Result<ScoringConfig, JobError> {
    let source = if args.input == Path::new("-") { Source::StandardInput } else { Source::File(args.input.clone()) };
    let keep = if args.only_predictions { Some(Vec::new()) } else { Some(args.keep.clone()).filter(|k| !k.is_empty()) };
    let mut config = ScoringConfig {
        worker: environment.worker.clone(),
        model: args.model.clone(),
        sha256: None,
        features: None,
        output: None,
        source,
        keep,
        batch: args.batch,
        restart: args.restart,
        commit_every: Duration::from_millis(args.commit_millis),
        hang_after: args.hang_after,
    };
    if args.model.is_dir() {
        let project = Project::open(&args.model).map_err(Problem::from)?;
        let version = project.select(args.which.version.as_deref()).map_err(Problem::from)?;
        report.set("project", project.slug());
        report.set("version", &version.record.version);
        config.model = version.model_path();
        config.sha256 = Some(version.record.model.sha256.clone());
        config.features = Some(project.documents.features.as_ref().clone());
        config.output = project.output().map_err(JobError::Failed)?;
    }
    Ok(config)
}

/// The summary as the report; that nothing could be scored is an error.
fn tell(report: &mut Report, summary: Summary, file: Option<&Path>, inline: bool) -> Result<(), JobError> {
    let Summary { rows, failed, errors, micros, resumed_from, findings, answers } = summary;
    let place = file.map(|path| path.display().to_string()).unwrap_or_default();
    let first = errors.first().map(|error| format!("row {}: {}", error.row, error.error)).unwrap_or_default();
    if 0 < rows && failed == rows {
        let fix = if file.is_some() { "The column error of the output says why, row by row." } else { "" };
        return Err(
            Problem::new(format!("None of the {rows} rows could be scored, such as {first}"), place, fix).into()
        );
    }
    report.set("rows", rows);
    report.set("scored", rows - failed);
    report.set("failed", failed);
    report.set("errors", errors);
    report.set("resumed_from", resumed_from);
    report.set("micros", micros);
    report.set("findings", &findings);
    if inline {
        report.set("predictions", answers.iter().map(as_json).collect::<Vec<_>>());
    }
    let mut lines = vec![format!("Scored {} of {rows} rows", rows - failed)];
    if let Some(path) = file {
        report.set("output", path);
        lines[0] = format!("Scored {} of {rows} rows into {}", rows - failed, path.display());
    }
    if 0 < failed {
        lines.push(format!("{failed} could not be scored; the column error says why, such as {first}"));
    }
    for line in lines {
        // The rows themselves have standard output.
        if file.is_some() { report.say(line) } else { say(&line) }
    }
    Ok(())
}

fn as_json(answer: &Result<Prediction, String>) -> serde_json::Value {
    match answer {
        Ok(answer) => serde_json::json!({
            "label": answer.label, "probability": answer.probability, "level": answer.level,
            "classes": answer.classes, "scores": answer.scores, "error": null,
        }),
        Err(error) => serde_json::json!({
            "label": null, "probability": null, "level": null, "classes": [], "scores": [], "error": error,
        }),
    }
}

fn say(line: &str) {
    write_line(&mut io::stderr().lock(), line);
}

/// Shows how far the job is, passes Ctrl+C on, and waits for the end.
fn watch(environment: &Environment, mut job: Job<Summary>, json: bool) -> Result<Summary, JobError> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    environment.runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            flag.store(true, Ordering::SeqCst);
        }
    });
    let bar = (io::stderr().is_terminal() && !json).then(|| {
        let bar = ProgressBar::new(10_000);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {percent}% {msg}, {eta} left") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    });
    let mut n_logged = 0;
    let mut cancelled: Option<Instant> = None;
    loop {
        let context = job.context().clone();
        let result = job.poll();
        let log = context.log_lines();
        for line in log.iter().skip(n_logged) {
            bar.as_ref().map_or_else(|| say(line), |bar| bar.println(line));
        }
        n_logged = log.len();
        if let Some(result) = result {
            if let Some(bar) = &bar {
                bar.finish_and_clear();
            }
            return result;
        }
        if let Some(bar) = &bar {
            bar.set_message(context.stage());
            bar.set_position((context.fraction().unwrap_or(0.0) * 10_000.0) as u64);
        }
        if interrupted.load(Ordering::SeqCst) {
            context.cancel();
            // A reader may wait for input that never comes.
            if FAREWELL < cancelled.get_or_insert_with(Instant::now).elapsed() {
                return Err(JobError::Cancelled);
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// Standard output; when nobody reads it any more, the work ends.
struct Piped {
    context: JobContext,
    closed: Arc<AtomicBool>,
}

impl Piped {
    fn end_when_closed<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.closed.store(true, Ordering::SeqCst);
            self.context.cancel();
        }
        result
    }
}

impl Write for Piped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.end_when_closed(io::stdout().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.end_when_closed(io::stdout().lock().flush())
    }
}
