//! The ledger: what was done to the project, one record a line, only ever added to.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::disk::{Disk, write_atomic};
use super::documents::LedgerRecord;
use super::error::ProjectError;
use super::format::{FORMAT, parse_line, render_line};
use crate::problem::Problem;

/// File name of the ledger.
pub const LEDGER: &str = "ledger.ron";

/// Where a line that was cut off by a crash is kept.
pub const TORN_LINE: &str = ".trestle/ledger-torn-line.txt";

/// Reads the ledger of the project at `root`.
///
/// A last line without its end was cut off by a crash. When `repair` is given it is moved to [`TORN_LINE`];
/// in either case it is reported. Other lines that cannot be read are reported and left alone.
pub(super) fn read(root: &Path, repair: Option<&dyn Disk>) -> Result<(Vec<LedgerRecord>, Vec<Problem>), ProjectError> {
    let path = root.join(LEDGER);
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(ProjectError::io("Reading the ledger", &path)(error)),
    };
    let (mut records, mut findings) = (Vec::new(), Vec::new());
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    for (number, line) in text[..whole].lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match parse_line::<LedgerRecord>(line) {
            Ok(record) => records.push(record),
            Err(error) => findings.push(Problem::new(
                format!("A ledger line cannot be read: {}", error.code),
                format!("{}:{}", path.display(), number + 1),
                "The line is left as it is; restore it from version control.",
            )),
        }
    }
    let torn = &text[whole..];
    if !torn.is_empty() {
        // A crash between the text and its line end leaves a whole record: it happened, keep it.
        let complete = parse_line::<LedgerRecord>(torn).ok();
        if let Some(disk) = repair {
            let kept = if complete.is_some() {
                write_atomic(disk, &path, format!("{text}\n").as_bytes())
            } else {
                write_atomic(disk, &root.join(TORN_LINE), torn.as_bytes())
                    .and_then(|()| write_atomic(disk, &path, &text.as_bytes()[..whole]))
            };
            kept.map_err(ProjectError::io("Repairing the ledger", &path))?;
        }
        match complete {
            Some(record) => records.push(record),
            None => findings.push(Problem::new(
                "The last ledger line was cut off by a crash and was set aside",
                root.join(TORN_LINE).display().to_string(),
                "Compare it with what you were doing; the ledger itself is whole.",
            )),
        }
    }
    Ok((records, findings))
}

/// Adds a record and makes it durable.
pub(super) fn append(disk: &dyn Disk, root: &Path, record: &LedgerRecord) -> Result<(), ProjectError> {
    let path: PathBuf = root.join(LEDGER);
    let line = render_line(record).map_err(|error| ProjectError::Io {
        action: "Writing the ledger",
        path: path.clone(),
        source: std::io::Error::other(error),
    })?;
    disk.append(&path, format!("{line}\n").as_bytes()).map_err(ProjectError::io("Writing the ledger", &path))?;
    disk.sync(&path).map_err(ProjectError::io("Writing the ledger", &path))
}

/// A new record; its id is unique by time and position.
pub(super) fn record(n_records: usize, time: Timestamp, who: &str, what: &str, why: &str) -> LedgerRecord {
    LedgerRecord {
        format: FORMAT,
        id: format!("{:x}-{n_records}", time.as_millisecond()),
        time,
        who: who.to_owned(),
        what: what.to_owned(),
        why: why.to_owned(),
    }
}
