//! What is committed beside an unfinished output, so that the same command can go on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Plan, ScoringConfig, Summary, Target};
use crate::features::Reading;
use crate::jobs::JobError;
use crate::problem::Problem;
use crate::project::contract::Inspection;
use crate::project::documents::FeatureContract;
use crate::table::rows::{Position, Source};
use crate::table::sink::Form;

/// The version of the state's format.
const FORMAT: u32 = 1;

/// Bytes of the input that are compared.
const HEAD_BYTES: u64 = 1 << 20;

/// What an output depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    format: u32,
    /// Size, time of the last change and SHA-256 of the beginning.
    input: String,
    model: String,
    features: String,
    output: String,
    keep: String,
    batch: usize,
}

impl Settings {
    pub(super) fn of(
        config: &ScoringConfig,
        features: &FeatureContract,
        inspection: &Inspection,
        plan: &Plan,
        target: &Target,
    ) -> Self {
        // What cannot be expressed in JSON compares as nothing.
        fn hash(value: &impl Serialize) -> String {
            hex(&Sha256::digest(serde_json::to_vec(value).unwrap_or_default()))
        }
        let form = if let Target::File(path) = target { Form::of(path).ok() } else { None };
        Self {
            format: FORMAT,
            input: fingerprint(&config.source).unwrap_or_default(),
            model: inspection.sha256.clone(),
            features: hash(features),
            output: hash(&(&config.output, form)),
            keep: hash(&config.keep),
            batch: plan.batch,
        }
    }

    /// What differs, in words.
    fn differences(&self, other: &Self) -> Vec<&'static str> {
        let rows = [
            (self.format != other.format, "the version of Trestle"),
            (self.input != other.input, "the input file"),
            (self.model != other.model, "the model"),
            (self.features != other.features, "the features"),
            (self.output != other.output, "the reading of the output"),
            (self.keep != other.keep, "the columns that are kept"),
            (self.batch != other.batch, "the rows a batch"),
        ];
        rows.into_iter().filter(|(differs, _)| *differs).map(|(_, what)| what).collect()
    }
}

/// What was committed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) position: Position,
    pub(super) names: Vec<String>,
    pub(super) reading: Reading,
    pub(super) summary: Summary,
    pub(super) most_rows: Option<usize>,
    /// The length of the output.
    pub(super) output_bytes: u64,
    /// Fields that had no column to go to.
    pub(super) n_left_out: u64,
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn fingerprint(source: &Source) -> io::Result<String> {
    let Source::File(path) = source else { return Ok("standard input".to_owned()) };
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut head = Vec::new();
    if metadata.is_file() {
        file.take(HEAD_BYTES).read_to_end(&mut head)?;
    }
    let changed = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    Ok(format!("{} {changed} {}", metadata.len(), hex(&Sha256::digest(head))))
}

/// The unfinished output of a file.
pub(super) fn part(path: &Path) -> PathBuf {
    suffixed(path, ".part")
}

/// The state beside it.
pub(super) fn state(path: &Path) -> PathBuf {
    suffixed(path, ".part.state")
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> JobError {
    let what = format!("The file cannot be written ({error})");
    Problem::new(what, path.display().to_string(), "Check the folder, its permissions and the free space.").into()
}

/// What an earlier run committed for this output, when this run can go on from there.
pub(super) fn find(config: &ScoringConfig, target: &Target, settings: &Settings) -> Result<Option<State>, JobError> {
    let Target::File(path) = target else { return Ok(None) };
    let (part, state) = (part(path), state(path));
    if config.restart || !part.exists() {
        return Ok(None);
    }
    let text = match fs::read(&state) {
        Ok(text) => text,
        // Nothing was committed yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unwritable(&state, &error)),
    };
    let conflict = |what: String| -> JobError {
        let fix = "Give --restart to start anew, or another --output.";
        Problem::new(what, part.display().to_string(), fix).into()
    };
    let found: State = serde_json::from_slice(&text)
        .map_err(|error| conflict(format!("What an earlier run left cannot be read ({error})")))?;
    let differences = found.settings.differences(settings);
    if !differences.is_empty() {
        let differences = differences.join(" and ");
        return Err(conflict(format!("An earlier run was ended in the middle, and since then {differences} changed")));
    }
    let length = fs::metadata(&part).map_err(|error| unwritable(&part, &error))?.len();
    if length < found.output_bytes {
        return Err(conflict("What an earlier run left is shorter than it says".to_owned()));
    }
    Ok(Some(found))
}

/// Opens the unfinished output, cut to what was committed; the whole of it when nothing was.
pub(super) fn open_part(path: &Path, found: Option<&State>) -> io::Result<File> {
    let part = part(path);
    if let Some(found) = found {
        let file = OpenOptions::new().read(true).write(true).open(part)?;
        file.set_len(found.output_bytes)?;
        return Ok(file);
    }
    match fs::remove_file(state(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) | Ok(()) => {}
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(true).open(part)
}

/// Writes the state whole or not at all; what it tells of must be on the disk before.
pub(super) fn commit(path: &Path, committed: &State) -> io::Result<()> {
    let state = state(path);
    let folder = state.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".part-state-").tempfile_in(folder)?;
    file.write_all(&serde_json::to_vec(committed)?)?;
    file.as_file().sync_all()?;
    file.persist(state)?;
    Ok(())
}

/// Moves the finished output to its place.
pub(super) fn finish(path: &Path) -> io::Result<()> {
    fs::rename(part(path), path)?;
    match fs::remove_file(state(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) | Ok(()) => Ok(()),
    }
}
