//! What a command leaves behind: one JSON object or lines for people, and an exit code.

use std::io;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::serve_args::OutputArgs;
use crate::jobs::JobError;

/// The format of the JSON objects.
const FORMAT: u32 = 1;

/// Whether what was measured is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Pass,
    Fail,
    None,
}

/// The result of a command.
#[derive(Debug)]
pub(super) struct Report {
    object: Map<String, Value>,
    verdict: Verdict,
    lines: Vec<String>,
}

impl Report {
    pub(super) fn new(command: &str) -> Self {
        let mut object = Map::new();
        object.insert("format".to_owned(), json!(FORMAT));
        object.insert("command".to_owned(), json!(command));
        for key in ["project", "version"] {
            object.insert(key.to_owned(), Value::Null);
        }
        object.insert("verdict".to_owned(), json!(Verdict::None));
        object.insert("reasons".to_owned(), json!([]));
        Self { object, verdict: Verdict::None, lines: Vec::new() }
    }

    /// Sets a field; what cannot be expressed in JSON becomes null.
    pub(super) fn set(&mut self, key: &str, value: impl Serialize) {
        self.object.insert(key.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
    }

    pub(super) fn judge(&mut self, verdict: Verdict, reasons: &[String]) {
        self.verdict = verdict;
        self.set("verdict", verdict);
        self.set("reasons", reasons);
    }

    /// Adds a line for people.
    pub(super) fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Prints the result; a reader that went away is no error.
    pub(super) fn print(&self, json: bool) -> ExitCode {
        let text =
            if json { serde_json::to_string_pretty(&self.object).unwrap_or_default() } else { self.lines.join("\n") };
        if !text.is_empty() {
            write_line(&mut io::stdout().lock(), &text);
        }
        ExitCode::from(u8::from(self.verdict == Verdict::Fail))
    }
}

/// Prints the result or the reason for having none.
pub(super) fn finish(output: OutputArgs, work: impl FnOnce() -> Result<Report, JobError>) -> ExitCode {
    match work() {
        Ok(report) => report.print(output.json),
        Err(error) => print_error(&error, output.json),
    }
}

/// Prints why a command could not be done; the exit code says that too.
pub(super) fn print_error(error: &JobError, json: bool) -> ExitCode {
    if *error == JobError::Cancelled {
        write_line(&mut io::stderr().lock(), "Cancelled");
        return ExitCode::from(130);
    }
    let problem = error.to_problem();
    if json {
        let object = json!({"error": problem});
        write_line(&mut io::stdout().lock(), &serde_json::to_string_pretty(&object).unwrap_or_default());
    }
    write_line(&mut io::stderr().lock(), &format!("error: {problem}"));
    ExitCode::from(2)
}

/// Writes a line; a closed pipe is the reader's choice.
pub(super) fn write_line(out: &mut impl io::Write, line: &str) {
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::debug!(%error, "the output was closed");
    }
}

/// A table with aligned columns, for people.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..n_columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
