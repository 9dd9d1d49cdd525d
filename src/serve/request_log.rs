//! Rows and answers, kept as JSON lines for the steps that look for drift: sampled, bounded, never in a request's way.
//!
//! A request hands its tensors over and goes on; when the writer does not keep up, records are dropped and counted.
//! Files are named by the time they were begun, and the oldest goes when there are too many.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use jiff::Timestamp;
use prometheus::IntCounter;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::ServeError;
use super::config::RequestLogConfig;
use super::entry::Entry;
use super::predict::Answer;
use super::rows;
use super::v2::JsonData;
use crate::engine::tensor::Tensor;
use crate::features::{Mapping, predictions};
use crate::jobs::{Job, no_wake};

/// Requests that may wait to be written.
const QUEUED: usize = 256;

/// Elements of all requests that may wait to be written.
const QUEUED_ELEMENTS: u64 = 1 << 22;

/// How long a line may stay in memory.
const FLUSH: Duration = Duration::from_millis(500);

/// Elements of one row and tensor that are written; images are not.
const MAX_ROW_ELEMENTS: usize = 256;

/// One request to keep.
pub(super) struct Record {
    /// When it was answered.
    pub(super) time: Timestamp,
    /// Its id.
    pub(super) id: String,
    /// Whom it asked.
    pub(super) entry: Arc<Entry>,
    /// What it asked.
    pub(super) inputs: Vec<Tensor>,
    /// What it was answered; nothing when the model failed.
    pub(super) outputs: Vec<Tensor>,
    /// The status of its answer.
    pub(super) status: u16,
    /// How long the answer took to make.
    pub(super) millis: f64,
}

/// The request log.
pub(super) struct RequestLog {
    sample: f64,
    n_seen: AtomicU64,
    queue: SyncSender<Record>,
    n_queued_elements: Arc<AtomicU64>,
}

impl RequestLog {
    /// Makes the folder and starts the writer.
    pub(super) fn open(config: &RequestLogConfig) -> Result<Self, ServeError> {
        let failed = |source| ServeError::RequestLog { folder: config.folder.clone(), source };
        fs::create_dir_all(&config.folder).map_err(failed)?;
        // Told at start and not at the first request.
        tempfile::tempfile_in(&config.folder).map_err(failed)?;
        let (queue, records) = sync_channel(QUEUED);
        let n_queued_elements = Arc::new(AtomicU64::new(0));
        let writer = Writer { config: config.clone(), n_queued_elements: Arc::clone(&n_queued_elements) };
        // Detached: it ends when the last sender is gone.
        drop(Job::spawn("request log", &no_wake(), move |_| {
            writer.work(&records);
            Ok(())
        }));
        Ok(Self { sample: config.sample, n_seen: AtomicU64::new(0), queue, n_queued_elements })
    }

    /// Whether the next request is kept: evenly spread, so that the share is exact.
    pub(super) fn samples(&self) -> bool {
        let n = self.n_seen.fetch_add(1, Ordering::Relaxed) as f64;
        (n * self.sample).floor() < ((n + 1.0) * self.sample).floor()
    }

    /// Hands a record over, or drops it.
    pub(super) fn keep(&self, record: Record, dropped: &IntCounter) {
        let n_elements = record.n_elements();
        if QUEUED_ELEMENTS < self.n_queued_elements.fetch_add(n_elements, Ordering::Relaxed) + n_elements
            || self.queue.try_send(record).is_err()
        {
            self.n_queued_elements.fetch_sub(n_elements, Ordering::Relaxed);
            dropped.inc();
        }
    }
}

impl Record {
    fn n_elements(&self) -> u64 {
        self.inputs.iter().chain(&self.outputs).map(|tensor| tensor.data.len() as u64).sum()
    }

    /// A line for each row.
    fn write(&self, redact: &[String], out: &mut Vec<u8>) {
        let served = &self.entry.served;
        let n_rows = self.inputs.iter().map(Tensor::n_rows).max().unwrap_or(0);
        let answers = served.mapping.as_ref().filter(|_| !self.outputs.is_empty()).and_then(|_| {
            predictions(served.model.contract(), &served.output, &self.outputs).ok().filter(|all| all.len() == n_rows)
        });
        for row in 0..n_rows {
            let features = match &served.mapping {
                Some(mapping) => features(mapping, &self.inputs, row),
                None => raw(&self.inputs, row),
            };
            let outputs = match answers.as_ref().and_then(|answers| answers.get(row)) {
                Some(answer) => match by_text(&Answer::from(answer)) {
                    Some(Json::Object(outputs)) => outputs,
                    _ => Map::new(),
                },
                None => raw(&self.outputs, row),
            };
            let kept = |mut fields: Map<String, Json>| {
                fields.retain(|name, _| !redact.contains(name));
                fields
            };
            let line = json!({
                "time": self.time.to_string(),
                "id": self.id,
                "model": served.name,
                "version": served.version,
                "features": kept(features),
                "outputs": kept(outputs),
                "status": self.status,
                "millis": self.millis,
            });
            out.extend_from_slice(line.to_string().as_bytes());
            out.push(b'\n');
        }
    }
}

/// By way of text, so that an FP32 0.1 stays 0.1 and does not become the double next to it.
fn by_text(value: &impl Serialize) -> Option<Json> {
    serde_json::from_str(&serde_json::to_string(value).ok()?).ok()
}

/// The features of a row, read back from the tensors they became.
fn features(mapping: &Mapping, inputs: &[Tensor], row: usize) -> Map<String, Json> {
    let fields = mapping.features().iter().filter_map(|feature| {
        let tensor = inputs.iter().find(|tensor| tensor.name == feature.input)?;
        let at = row * rows::width(tensor) + feature.column.unwrap_or(0);
        let data = by_text(&JsonData(&rows::cut(&tensor.data, at..at + 1)))?;
        Some((feature.name.clone(), data.get(0)?.clone()))
    });
    fields.collect()
}

/// The elements of a row, tensor by tensor.
fn raw(tensors: &[Tensor], row: usize) -> Map<String, Json> {
    let fields = tensors.iter().filter_map(|tensor| {
        let width = rows::width(tensor);
        if MAX_ROW_ELEMENTS < width || tensor.n_rows() <= row {
            return None;
        }
        let data = rows::cut(&tensor.data, row * width..(row + 1) * width);
        let data = by_text(&JsonData(&data))?;
        let data = if width == 1 { data.get(0)?.clone() } else { data };
        Some((tensor.name.clone(), data))
    });
    fields.collect()
}

struct Writer {
    config: RequestLogConfig,
    n_queued_elements: Arc<AtomicU64>,
}

struct Current {
    file: BufWriter<File>,
    n_bytes: u64,
}

impl Writer {
    fn work(&self, records: &Receiver<Record>) {
        let mut current: Option<Current> = None;
        let (mut line, mut n_begun) = (Vec::new(), 0);
        let mut complained = false;
        loop {
            let written = match records.recv_timeout(FLUSH) {
                Ok(record) => {
                    self.n_queued_elements.fetch_sub(record.n_elements(), Ordering::Relaxed);
                    line.clear();
                    record.write(&self.config.redact, &mut line);
                    self.append(&mut current, &line, record.time, &mut n_begun)
                }
                Err(RecvTimeoutError::Timeout) => current.as_mut().map_or(Ok(()), |current| current.file.flush()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            // A full disk costs records, never requests; it is said once.
            if let Err(error) = written {
                current = None;
                if !std::mem::replace(&mut complained, true) {
                    tracing::error!(%error, folder = %self.config.folder.display(), "the request log cannot be written");
                }
            }
        }
    }

    fn append(&self, current: &mut Option<Current>, line: &[u8], time: Timestamp, n_begun: &mut u32) -> io::Result<()> {
        if current.as_ref().is_some_and(|current| self.config.max_file_bytes < current.n_bytes + line.len() as u64)
            && let Some(mut full) = current.take()
        {
            full.file.flush()?;
        }
        let current = if let Some(current) = current {
            current
        } else {
            // The number tells apart what was begun in the same millisecond, in the order of names.
            let stamp = time.strftime("%Y%m%dT%H%M%S%.3fZ").to_string().replace('.', "_");
            let path = self.config.folder.join(format!("requests-{stamp}-{n_begun:06}.jsonl"));
            *n_begun += 1;
            let file = File::create_new(&path)?;
            self.remove_oldest(&path)?;
            current.insert(Current { file: BufWriter::new(file), n_bytes: 0 })
        };
        current.file.write_all(line)?;
        current.n_bytes += line.len() as u64;
        Ok(())
    }

    /// Removes what is too many, but never the file just begun, whatever the clock says.
    fn remove_oldest(&self, begun: &Path) -> io::Result<()> {
        let mut others = log_files(&self.config.folder)?;
        others.retain(|path| path != begun);
        others.sort();
        let n_surplus = (others.len() + 1).saturating_sub(self.config.max_files);
        others.iter().take(n_surplus).try_for_each(fs::remove_file)
    }
}

/// The files this log has made.
fn log_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("requests-") && path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    Ok(files)
}
