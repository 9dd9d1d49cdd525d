//! Reading CSV.

use std::path::Path;
use std::rc::Rc;

use super::encoding::{self, CellDecoder, Counters, TextFile};
use super::guess::{Texts, guess, written_number};
use super::{Read, ReadConfig, TableError, names, open};

/// Delimiters looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Rows of the sample that the delimiter is told from.
const SNIFFED_ROWS: usize = 50;

/// Columns at most; a first line with more is not one of names.
pub(super) const MAX_COLUMNS: usize = 100_000;

/// Names shown of a first line that may be data.
const SHOWN_NAMES: usize = 4;

/// Reads a CSV file; the first line names the columns.
pub(super) fn read(path: &Path, file: TextFile, config: &ReadConfig) -> Result<Read, TableError> {
    let named = named_delimiter(&file.sample);
    let delimiter = named.unwrap_or_else(|| sniff(&file.sample, file.sample_is_all));
    let decimal_comma = delimiter == b';' || delimiter == b'\t';
    let mut decoder = CellDecoder::new(file.unicode);
    let mut lines = Lines::new(path, file, delimiter);

    let mut names = Vec::new();
    if named.is_some() {
        lines.next()?;
    }
    if lines.next()? {
        if MAX_COLUMNS < lines.record.len() {
            let what = format!("{} columns", lines.record.len());
            return Err(TableError::TooLarge { path: path.to_owned(), what });
        }
        for cell in &lines.record {
            decoder.decode(cell, |text| names.push(text.trim().to_owned())).ok_or_else(|| lines.mixed())?;
        }
    }
    let mut findings = Vec::new();
    let names = column_names(path, names, decimal_comma, &mut findings)?;

    let mut columns: Vec<Texts> = names.iter().map(|_| Texts::default()).collect();
    let (mut n_rows, mut at_end) = (0, false);
    let mut spans_lines = false;
    while config.max_rows.is_none_or(|max_rows| n_rows < max_rows) {
        if !lines.next()? {
            at_end = true;
            break;
        }
        if lines.record.len() != columns.len() {
            return Err(lines.ragged(columns.len()));
        }
        spans_lines = lines.record.as_slice().contains(&b'\n');
        for (column, cell) in columns.iter_mut().zip(&lines.record) {
            decoder.decode(cell, |text| column.push(text)).ok_or_else(|| lines.mixed())?;
        }
        n_rows += 1;
    }
    // An open quotation mark makes one cell of all that follows; the parser takes it as it is.
    if at_end && spans_lines && !lines.counters.n_quotes.get().is_multiple_of(2) {
        return Err(lines.failed("a quotation mark is left open".to_owned()));
    }
    if at_end && n_rows == 0 {
        findings.push("The file has a line of names and no rows".to_owned());
    }
    let mut read = guess(names, columns, decimal_comma, config);
    findings.append(&mut read.findings);
    Ok(Read { findings, ..read })
}

/// The records of a file, and where each began.
struct Lines<'a> {
    path: &'a Path,
    reader: csv::Reader<Box<dyn std::io::Read>>,
    counters: Rc<Counters>,
    record: csv::ByteRecord,
    /// Where the record begins among the decoded bytes.
    start: u64,
}

impl<'a> Lines<'a> {
    fn new(path: &'a Path, file: TextFile, delimiter: u8) -> Self {
        // The number of cells is checked here, where the line is known.
        let reader =
            csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(file.reader);
        Self { path, reader, counters: file.counters, record: csv::ByteRecord::new(), start: 0 }
    }

    /// Reads the next record; false at the end.
    fn next(&mut self) -> Result<bool, TableError> {
        self.counters.since_record.set(0);
        let start = self.reader.position().byte();
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => self.start = start,
            Ok(false) => return Ok(false),
            Err(error) => {
                self.start = start;
                return Err(self.failed(error.to_string()));
            }
        }
        if self.record.as_slice().contains(&0) {
            return Err(TableError::Nul { path: self.path.to_owned(), line: self.line() });
        }
        Ok(true)
    }

    /// The line of the record, counted in the file: the parser does not count lines that end in a carriage return,
    /// and takes empty lines to belong to the next record.
    fn line(&self) -> u64 {
        let file = open(self.path).and_then(|file| encoding::decode(self.path, file));
        file.ok().and_then(|file| line_of(file.reader, self.start).ok()).unwrap_or_default()
    }

    fn ragged(&self, n_columns: usize) -> TableError {
        TableError::Ragged {
            path: self.path.to_owned(),
            line: self.line(),
            expected: n_columns as u64,
            found: self.record.len() as u64,
        }
    }

    fn mixed(&self) -> TableError {
        TableError::Encoding { path: self.path.to_owned(), line: self.line() }
    }

    fn failed(&self, reason: String) -> TableError {
        TableError::Read { path: self.path.to_owned(), line: self.line(), reason }
    }
}

/// The line, counted from 1, of the first character from `offset` on that ends no line.
fn line_of(mut reader: impl std::io::Read, offset: u64) -> std::io::Result<u64> {
    let mut buffer = [0; 16 * 1024];
    let (mut line, mut at, mut last) = (1, 0, 0);
    loop {
        let n = reader.read(&mut buffer)?;
        for byte in &buffer[..n] {
            if offset <= at && !matches!(byte, b'\r' | b'\n') {
                return Ok(line);
            }
            line += u64::from(*byte == b'\r' || (*byte == b'\n' && last != b'\r'));
            last = *byte;
            at += 1;
        }
        if n == 0 {
            return Ok(line);
        }
    }
}

/// The delimiter that a first line `sep=;` names, as Excel writes and reads it.
pub(super) fn named_delimiter(sample: &[u8]) -> Option<u8> {
    match sample.strip_prefix(b"sep=")? {
        [delimiter, b'\r' | b'\n', ..] => Some(*delimiter),
        _ => None,
    }
}

/// The delimiter that cuts the sample into the most columns of equal number.
pub(super) fn sniff(sample: &[u8], sample_is_all: bool) -> u8 {
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
pub(super) fn column_names(
    path: &Path,
    names: Vec<String>,
    decimal_comma: bool,
    findings: &mut Vec<String>,
) -> Result<Vec<String>, TableError> {
    let numbers: Vec<f64> = names.iter().filter_map(|name| written_number(name, decimal_comma)).collect();
    // A data frame saved without names of its own has 0, 1, 2, …, and one of years has them beside others.
    let counted = numbers.windows(2).all(|pair| (pair[1] - pair[0] - 1.0).abs() < f64::EPSILON);
    let whole = numbers.iter().all(|number| number.fract() == 0.0);
    let first_line = || {
        let dots = (SHOWN_NAMES < names.len()).then_some("…");
        names.iter().take(SHOWN_NAMES).map(String::as_str).chain(dots).collect::<Vec<_>>().join(", ")
    };
    let all = !names.is_empty() && numbers.len() == names.len() && (numbers.len() == 1 || !counted);
    if !whole || all {
        return Err(TableError::NoHeader { path: path.to_owned(), first_line: first_line() });
    }
    if !numbers.is_empty() && !counted {
        findings.push(format!("The first line ({}) is taken for names, and some are numbers", first_line()));
    }
    names::settled(path, names)
}
