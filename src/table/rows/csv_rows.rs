//! CSV in stretches.

use std::path::PathBuf;
use std::rc::Rc;

use super::{Data, Position, STRETCH_BYTES, Sample, Stretch, again};
use crate::table::csv_file::{MAX_COLUMNS, column_names, named_delimiter, sniff};
use crate::table::encoding::{self, CellDecoder, Counters, TextFile};
use crate::table::guess::{Texts, guess_with_commas};
use crate::table::{Read, ReadConfig, TableError};

/// A CSV file between two rows.
pub(super) struct CsvRows {
    path: PathBuf,
    pub(super) names: Vec<String>,
    delimiter: u8,
    reader: csv::Reader<Box<dyn std::io::Read>>,
    counters: Rc<Counters>,
    decoder: CellDecoder,
    record: csv::ByteRecord,
    /// Where the reader began.
    base: u64,
    n_rows: u64,
    /// Whether the last row had a line end in a cell.
    spans_lines: bool,
}

fn parser<R: std::io::Read>(reader: R, delimiter: u8) -> csv::Reader<R> {
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(delimiter).has_headers(false).flexible(true).buffer_capacity(256 * 1024).from_reader(reader)
}

impl CsvRows {
    pub(super) fn new(path: PathBuf, file: TextFile, config: &ReadConfig) -> Result<(Self, Sample), TableError> {
        let named = named_delimiter(&file.sample);
        let delimiter = named.unwrap_or_else(|| sniff(&file.sample, file.sample_is_all));
        let decimal_comma = delimiter == b';' || delimiter == b'\t';
        let TextFile { sample, sample_is_all, unicode, reader, counters } = file;
        let mut rows = Self {
            path,
            names: Vec::new(),
            delimiter,
            reader: parser(reader, delimiter),
            counters,
            decoder: CellDecoder::new(unicode),
            record: csv::ByteRecord::new(),
            base: 0,
            n_rows: 0,
            spans_lines: false,
        };
        if named.is_some() {
            rows.next()?;
        }
        let mut names = Vec::new();
        if rows.next()? {
            if MAX_COLUMNS < rows.record.len() {
                let what = format!("{} columns", rows.record.len());
                return Err(TableError::TooLarge { path: rows.path, what });
            }
            for cell in &rows.record {
                let mixed = || TableError::Encoding { path: rows.path.clone(), line: 1 };
                rows.decoder.decode(cell, |text| names.push(text.trim().to_owned())).ok_or_else(mixed)?;
            }
        }
        let mut findings = Vec::new();
        rows.names = column_names(&rows.path, names, decimal_comma, &mut findings)?;
        // The line of names, and perhaps one that names the delimiter.
        let n_skipped = 1 + usize::from(named.is_some());
        let columns = sample_columns(&sample, sample_is_all, &rows, n_skipped, config);
        if sample_is_all && columns.first().is_none_or(Texts::is_empty) {
            findings.push("The file has a line of names and no rows".to_owned());
        }
        let (read, commas) = guess_with_commas(rows.names.clone(), columns, decimal_comma, config);
        let Read { table, findings: mut more } = read;
        findings.append(&mut more);
        Ok((rows, Sample { table, findings, commas, decimal_comma }))
    }

    /// Reads the next record; false at the end.
    fn next(&mut self) -> Result<bool, TableError> {
        self.counters.since_record.set(0);
        let row = self.n_rows + 1;
        self.reader.read_byte_record(&mut self.record).map_err(|error| {
            let reason = error.to_string();
            TableError::ReadRow { path: self.path.clone(), row, reason }
        })
    }

    pub(super) fn position(&self) -> Position {
        let offset = self.base + self.reader.position().byte();
        Position { row: self.n_rows, offset, seen: self.decoder.seen() }
    }

    pub(super) fn go_to(&mut self, position: Position) -> Result<(), TableError> {
        let text = encoding::decode_from(&self.path, again(&self.path)?, position.offset)?;
        self.reader = parser(text.reader, self.delimiter);
        self.counters = text.counters;
        self.decoder = CellDecoder::new(text.unicode).having_seen(position.seen);
        (self.base, self.n_rows) = (position.offset, position.row);
        Ok(())
    }

    pub(super) fn next_stretch(&mut self, n_rows: usize) -> Result<Stretch, TableError> {
        let n_columns = self.names.len();
        let mut stretch = Stretch { first_row: self.n_rows, ..Stretch::default() };
        let (mut text, mut ends) = (String::new(), Vec::with_capacity(n_rows * n_columns));
        while stretch.n_rows < n_rows && text.len() < STRETCH_BYTES {
            if !self.next()? {
                // An open quotation mark makes one cell of all that follows; the parser takes it as it is.
                if self.spans_lines && !self.counters.n_quotes.get().is_multiple_of(2) {
                    let reason = "a quotation mark is left open".to_owned();
                    return Err(TableError::ReadRow { path: self.path.clone(), row: self.n_rows, reason });
                }
                break;
            }
            self.spans_lines = self.record.as_slice().contains(&b'\n');
            let mut fault = None;
            let n = self.record.len();
            if n != n_columns {
                let are = if n == 1 { "1 cell is".to_owned() } else { format!("{n} cells are") };
                fault = Some(format!("{are} where the header has {n_columns}"));
            } else if self.record.as_slice().contains(&0) {
                fault = Some("a NUL byte is in it, which is not text".to_owned());
            }
            for (cell, _) in self.record.iter().zip(&self.names) {
                if self.decoder.decode(cell, |cell| text.push_str(cell)).is_none() {
                    text.push_str(&String::from_utf8_lossy(cell));
                    fault = Some("it has characters in another encoding than the rest".to_owned());
                }
                ends.push(text.len() as u32);
            }
            ends.resize((stretch.n_rows + 1) * n_columns, text.len() as u32);
            stretch.faults.extend(fault.map(|fault| (stretch.n_rows, fault)));
            stretch.n_rows += 1;
            self.n_rows += 1;
        }
        stretch.data = Data::Csv { text, ends, n_columns };
        Ok(stretch)
    }
}

/// The cells of the first rows, by column.
fn sample_columns(sample: &[u8], is_all: bool, rows: &CsvRows, n_skipped: usize, config: &ReadConfig) -> Vec<Texts> {
    let mut columns: Vec<Texts> = rows.names.iter().map(|_| Texts::default()).collect();
    let mut decoder = rows.decoder.clone();
    let mut reader = parser(sample, rows.delimiter);
    let mut records = reader.byte_records().map_while(Result::ok).skip(n_skipped).peekable();
    let mut left = config.max_rows.unwrap_or(usize::MAX);
    while let Some(record) = records.next() {
        // The sample may end in the middle of a row.
        if (!is_all && records.peek().is_none()) || left == 0 {
            break;
        }
        left -= 1;
        if record.len() != columns.len() {
            continue;
        }
        for (column, cell) in columns.iter_mut().zip(&record) {
            if decoder.decode(cell, |text| column.push(text)).is_none() {
                column.push("");
            }
        }
    }
    columns
}
