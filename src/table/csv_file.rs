//! Reading CSV.

use std::path::Path;

use super::encoding::{CellDecoder, TextFile};
use super::guess::{Texts, guess};
use super::{Read, ReadConfig, TableError};

/// Delimiters looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Rows of the sample that the delimiter is told from.
const SNIFFED_ROWS: usize = 50;

/// Reads a CSV file; the first line names the columns.
pub(super) fn read(path: &Path, file: TextFile, config: &ReadConfig) -> Result<Read, TableError> {
    let delimiter = sniff(&file.sample, file.sample_is_all);
    let mut decoder = CellDecoder::new(file.unicode);
    let counters = file.counters;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(file.reader);
    let mut record = csv::ByteRecord::new();

    let mut names = Vec::new();
    if reader.read_byte_record(&mut record).map_err(|error| failed(path, &error))? {
        for cell in &record {
            decoder.decode(cell, |text| names.push(text.trim().to_owned())).ok_or_else(|| mixed(path, &record))?;
        }
    }
    let names = column_names(path, names)?;

    let mut columns: Vec<Texts> = names.iter().map(|_| Texts::default()).collect();
    let (mut n_rows, mut at_end) = (0, false);
    let (mut last_line, mut spans_lines) = (0, false);
    while config.max_rows.is_none_or(|max_rows| n_rows < max_rows) {
        counters.since_record.set(0);
        if !reader.read_byte_record(&mut record).map_err(|error| failed(path, &error))? {
            at_end = true;
            break;
        }
        last_line = record.position().map_or(0, csv::Position::line);
        spans_lines = record.iter().any(|cell| cell.contains(&b'\n'));
        for (column, cell) in columns.iter_mut().zip(&record) {
            decoder.decode(cell, |text| column.push(text)).ok_or_else(|| mixed(path, &record))?;
        }
        n_rows += 1;
    }
    // An open quotation mark makes one cell of all that follows; the parser takes it as it is.
    if at_end && spans_lines && !counters.n_quotes.get().is_multiple_of(2) {
        let reason = "a quotation mark is left open".to_owned();
        return Err(TableError::Read { path: path.to_owned(), line: last_line, reason });
    }
    let decimal_comma = delimiter == b';' || delimiter == b'\t';
    Ok(guess(names, columns, decimal_comma, config))
}

/// The delimiter that cuts the sample into the most columns of equal number.
fn sniff(sample: &[u8], sample_is_all: bool) -> u8 {
    let score = |delimiter: u8| {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(sample);
        let mut counts: Vec<usize> =
            reader.byte_records().take(SNIFFED_ROWS).map_while(Result::ok).map(|record| record.len()).collect();
        // The sample may end in the middle of a row.
        if !sample_is_all && counts.len() < SNIFFED_ROWS && 1 < counts.len() {
            counts.pop();
        }
        let columns = counts.first().copied().unwrap_or(0);
        let even = counts.iter().all(|count| *count == columns);
        (even && 1 < columns, columns)
    };
    // `max_by_key` takes the last of equals.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter)).unwrap_or(b',')
}

/// The names of the columns, once they are certain to be names and each is there once.
fn column_names(path: &Path, names: Vec<String>) -> Result<Vec<String>, TableError> {
    let numbers: Vec<f64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    // A data frame saved without names of its own has 0, 1, 2, …
    let counted = 1 < numbers.len()
        && numbers[0].fract() == 0.0
        && numbers.windows(2).all(|pair| (pair[1] - pair[0] - 1.0).abs() < f64::EPSILON);
    if numbers.len() == names.len() && !names.is_empty() && !counted {
        let first_line = names.iter().take(4).map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(TableError::NoHeader { path: path.to_owned(), first_line });
    }
    super::names::settled(path, names)
}

fn mixed(path: &Path, record: &csv::ByteRecord) -> TableError {
    TableError::Encoding { path: path.to_owned(), line: record.position().map_or(0, csv::Position::line) }
}

fn failed(path: &Path, error: &csv::Error) -> TableError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            TableError::Ragged { path: path.to_owned(), line, expected: *expected_len, found: *len }
        }
        _ => TableError::Read { path: path.to_owned(), line, reason: error.to_string() },
    }
}
