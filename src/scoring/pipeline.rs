//! Three stages at once: reading here, asking and writing on threads of their own.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::batch::{self, Batch};
use super::isolate::{Asked, Asker};
use super::resume::{self, Settings, State, unwritable};
use super::{ERROR_COLUMN, MOST_EXAMPLES, Plan, RowError, ScoringConfig, Summary, Target};
use crate::features::Prediction;
use crate::jobs::{JobContext, JobError};
use crate::problem::Problem;
use crate::table::rows::{RowReader, Source};
use crate::table::sink::{Form, Sink, TextSink, file_sink};
use crate::table::{Cells, Column};

/// Batches that wait between two stages.
const WAITING: usize = 2;

/// Runs all stages to the end.
#[expect(clippy::too_many_arguments, reason = "each is made by another step before")]
pub(super) fn run(
    config: &ScoringConfig,
    plan: &Plan,
    mut reader: RowReader,
    mut ready: VecDeque<Batch>,
    mut asker: Asker<'_>,
    target: Target,
    settings: Settings,
    resumed: Option<State>,
    summary: Summary,
    context: &JobContext,
) -> Result<Summary, JobError> {
    let (to_ask, asking) = sync_channel::<Batch>(WAITING);
    let (to_write, writing) = sync_channel(WAITING);
    let writer = Writer::open(config, plan, target, settings, resumed, summary)?;
    let result = thread::scope(|scope| {
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let no_thread = |error: std::io::Error| -> JobError {
            Problem::new(format!("The system gave no thread ({error})"), "", "Close other programs and try again.")
                .into()
        };
        let asked = named("asking").spawn_scoped(scope, move || ask(plan, &mut asker, asking, &to_write, context));
        let asked = asked.map_err(no_thread)?;
        let written = named("writing").spawn_scoped(scope, move || writer.write_all(plan, &writing, context));
        let written = written.map_err(no_thread)?;
        let mut read = || -> Result<(), JobError> {
            loop {
                context.check()?;
                let batch = match ready.pop_front() {
                    Some(batch) => batch,
                    None => match batch::read(&mut reader, plan)? {
                        Some(batch) => batch,
                        None => return Ok(()),
                    },
                };
                // A stage that failed has its own reason.
                if to_ask.send(batch).is_err() {
                    return Ok(());
                }
            }
        };
        let read = read();
        drop(to_ask);
        let crashed = |stage: &str| JobError::Crashed { job: stage.to_owned(), reason: "it panicked".to_owned() };
        let asked = asked.join().map_err(|_panic| crashed("asking"))?;
        let written = written.join().map_err(|_panic| crashed("writing"))?;
        // The first in the order of the rows; what was written before it is committed.
        let (writer, written) = written;
        written.and(asked).and(read).map(|()| writer)
    });
    result?.finish()
}

fn ask(
    plan: &Plan,
    asker: &mut Asker<'_>,
    batches: Receiver<Batch>,
    to_write: &SyncSender<(Batch, Asked, Option<usize>)>,
    context: &JobContext,
) -> Result<(), JobError> {
    for batch in batches {
        let asked = asker.ask(&plan.mapping, &batch.rows, plan.batch, context)?;
        if to_write.send((batch, asked, asker.most_rows)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Where rows go at the end.
enum Out {
    File(PathBuf, Box<dyn Sink + Send>),
    Stream(Box<dyn Sink + Send>),
    Memory(usize),
}

struct Writer {
    out: Out,
    settings: Settings,
    summary: Summary,
    n_left_out_before: u64,
    commit_every: Duration,
    hang_after: Option<u64>,
    resumable: bool,
}

impl Writer {
    fn open(
        config: &ScoringConfig,
        plan: &Plan,
        target: Target,
        settings: Settings,
        resumed: Option<State>,
        summary: Summary,
    ) -> Result<Self, JobError> {
        let mut resumable = false;
        let out = match target {
            Target::Stream(form, stream) => {
                Out::Stream(Box::new(TextSink::into_stream(form, plan.layout.clone(), stream)))
            }
            Target::Memory(most_rows) => Out::Memory(most_rows),
            Target::File(path) => {
                let form = Form::of(&path).map_err(Problem::from)?;
                let sink = resume::open_part(&path, resumed.as_ref())
                    .and_then(|file| file_sink(form, plan.layout.clone(), file, resumed.is_none()))
                    .map_err(|error| unwritable(&path, &error))?;
                resumable = form != Form::Parquet && config.source != Source::StandardInput;
                Out::File(path, sink)
            }
        };
        let n_left_out_before = resumed.map_or(0, |state| state.n_left_out);
        let (commit_every, hang_after) = (config.commit_every, config.hang_after);
        Ok(Self { out, settings, summary, n_left_out_before, commit_every, hang_after, resumable })
    }

    /// Writes batches until there are no more; commits what was written whatever ends it.
    fn write_all(
        mut self,
        plan: &Plan,
        batches: &Receiver<(Batch, Asked, Option<usize>)>,
        context: &JobContext,
    ) -> (Self, Result<(), JobError>) {
        let mut last = None;
        let (started, before) = (Instant::now(), self.summary.rows);
        let mut committed = Instant::now();
        let mut n_batches = 0;
        let mut step = |writer: &mut Self, (batch, asked, most_rows): (Batch, Asked, Option<usize>)| {
            let (position, names, fraction) = (batch.position, batch.names.clone(), batch.fraction);
            writer.write(plan, batch, asked)?;
            last = Some((position, names, most_rows));
            if writer.commit_every <= committed.elapsed() {
                writer.commit(plan, last.as_ref())?;
                committed = Instant::now();
            }
            n_batches += 1;
            if writer.hang_after == Some(n_batches) {
                context.progress(None, "Hanging");
                context.log("hanging");
                while !context.cancelled() {
                    thread::sleep(Duration::from_millis(10));
                }
            }
            let per_second = (writer.summary.rows - before) as f64 / started.elapsed().as_secs_f64().max(1e-3);
            let stage = format!("{} rows, {} rows/s", grouped(writer.summary.rows), grouped(per_second as u64));
            context.progress(fraction.map(|fraction| fraction as f32), stage);
            Ok(())
        };
        let mut result = Ok(());
        for item in batches {
            result = step(&mut self, item);
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() {
            result = self.commit(plan, last.as_ref());
        }
        (self, result)
    }

    fn write(&mut self, plan: &Plan, batch: Batch, asked: Asked) -> Result<(), JobError> {
        let n = batch.stretch.len();
        let mut answers: Vec<Option<Prediction>> = vec![None; n];
        let mut errors: Vec<Option<String>> = vec![None; n];
        for (row, error) in batch.errors {
            errors[row] = Some(error);
        }
        for (row, error) in asked.failures {
            errors[batch.places[row]] = Some(error);
        }
        let Some(reading) = &plan.output else { return Ok(()) };
        for piece in asked.pieces {
            let mut rows = reading.rows(&plan.contract, &piece.outputs).map_err(Problem::from)?;
            if rows.len() < piece.rows.len() {
                return Err(Problem::new(
                    format!("The model gave {} answers to {} rows", rows.len(), piece.rows.len()),
                    "",
                    "Export it with the batch as the first axis of every input and output.",
                )
                .into());
            }
            rows.truncate(piece.rows.len());
            for (row, answer) in piece.rows.zip(rows) {
                let place = batch.places[row];
                match answer {
                    Ok(answer) => answers[place] = Some(answer),
                    Err(error) => errors[place] = Some(error),
                }
            }
        }
        for (row, error) in (batch.stretch.first_row + 1..).zip(&errors) {
            let Some(error) = error else { continue };
            self.summary.failed += 1;
            if self.summary.errors.len() < MOST_EXAMPLES {
                self.summary.errors.push(RowError { row, error: error.clone() });
            }
        }
        self.summary.rows += n as u64;
        self.summary.micros += asked.micros;
        let mut table = reading.table(&answers);
        let place = match &mut self.out {
            Out::Memory(most_rows) => {
                if *most_rows < self.summary.rows as usize {
                    let fix = "Give --output for the predictions.";
                    return Err(Problem::new(format!("There are more than {most_rows} rows"), "", fix).into());
                }
                let answer =
                    |(answer, error): (Option<Prediction>, Option<String>)| answer.ok_or(error.unwrap_or_default());
                self.summary.answers.extend(answers.into_iter().zip(errors).map(answer));
                return Ok(());
            }
            Out::Stream(sink) => (Path::new("standard output"), sink),
            Out::File(path, sink) => (path.as_path(), sink),
        };
        table.columns.push(Column { name: ERROR_COLUMN.to_owned(), cells: Cells::Text(errors) });
        let (path, sink) = place;
        sink.write(&batch.stretch, &batch.names, &table).map_err(|error| unwritable(path, &error))
    }

    fn commit(
        &mut self,
        plan: &Plan,
        last: Option<&(crate::table::rows::Position, Vec<String>, Option<usize>)>,
    ) -> Result<(), JobError> {
        let (path, sink) = match &mut self.out {
            Out::File(path, sink) => (path.clone(), sink),
            Out::Stream(sink) => {
                return sink.commit().map(drop).map_err(|error| unwritable(Path::new("standard output"), &error));
            }
            Out::Memory(_) => return Ok(()),
        };
        let failed = |error: std::io::Error| unwritable(&path, &error);
        let Some(output_bytes) = sink.commit().map_err(failed)? else { return Ok(()) };
        let (Some((position, names, most_rows)), Some(reading), true) = (last, &plan.output, self.resumable) else {
            return Ok(());
        };
        let state = State {
            settings: self.settings.clone(),
            position: *position,
            names: names.clone(),
            reading: reading.clone(),
            summary: self.summary.clone(),
            most_rows: *most_rows,
            output_bytes,
            n_left_out: self.n_left_out_before + sink.n_left_out(),
        };
        resume::commit(&path, &state).map_err(failed)
    }

    fn finish(mut self) -> Result<Summary, JobError> {
        let n_left_out = match &mut self.out {
            Out::Memory(_) => 0,
            Out::Stream(sink) => {
                sink.finish().map_err(|error| unwritable(Path::new("standard output"), &error))?;
                sink.n_left_out()
            }
            Out::File(path, sink) => {
                let failed = |error: std::io::Error| unwritable(path, &error);
                sink.finish().map_err(failed)?;
                resume::finish(path).map_err(failed)?;
                sink.n_left_out()
            }
        };
        let n_left_out = self.n_left_out_before + n_left_out;
        if 0 < n_left_out {
            let finding = format!("{n_left_out} fields are in no column, because the first rows do not have them");
            self.summary.findings.push(finding);
        }
        Ok(self.summary)
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
