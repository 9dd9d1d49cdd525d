//! JSON lines in stretches.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::rc::Rc;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Data, Position, STRETCH_BYTES, Sample, Stretch, again};
use crate::table::csv_file::MAX_COLUMNS;
use crate::table::encoding::{self, Counters, TextFile};
use crate::table::json_lines::{Builder, json};
use crate::table::{Read as TableRead, ReadConfig, TableError};

/// Largest file that is one array: it is taken apart in memory.
const ARRAY_BYTES: u64 = 256 * 1024 * 1024;

/// A file of JSON lines between two rows.
pub(super) struct JsonRows {
    path: PathBuf,
    pub(super) names: Vec<String>,
    positions: HashMap<String, u32>,
    reader: Box<dyn std::io::BufRead>,
    counters: Rc<Counters>,
    offset: u64,
    n_rows: u64,
    is_array: bool,
    line: Vec<u8>,
}

impl JsonRows {
    pub(super) fn new(path: PathBuf, file: TextFile, config: &ReadConfig) -> Result<(Self, Sample), TableError> {
        let is_array = file.first_character() == Some(b'[');
        let TextFile { sample, sample_is_all, reader, counters, .. } = file;
        let (mut reader, mut sample, mut sample_is_all): (Box<dyn std::io::BufRead>, _, _) =
            (Box::new(BufReader::with_capacity(256 * 1024, reader)), sample, sample_is_all);
        if is_array {
            let lines = array_as_lines(&path, reader)?;
            (sample, sample_is_all) = (lines.clone(), true);
            reader = Box::new(std::io::Cursor::new(lines));
        }
        let mut rows = Self {
            path,
            names: Vec::new(),
            positions: HashMap::new(),
            reader,
            counters,
            offset: 0,
            n_rows: 0,
            is_array,
            line: Vec::new(),
        };
        let mut builder = Builder::default();
        let mut lines: Vec<&[u8]> = sample.split(|byte| *byte == b'\n').collect();
        if !sample_is_all && 1 < lines.len() {
            lines.pop();
        }
        let mut left = config.max_rows.unwrap_or(usize::MAX);
        for line in lines.into_iter().filter(|line| !line.trim_ascii().is_empty()) {
            if left == 0 {
                break;
            }
            left -= 1;
            // Rows that are no objects are told of when their turn comes.
            if let Ok(object) = serde_json::from_slice(line) {
                drop(builder.push(&rows.path, 0, object));
            }
        }
        let TableRead { table, findings } = builder.finish(config);
        rows.names = table.names().map(str::to_owned).collect();
        rows.know_names();
        let n = rows.names.len();
        Ok((rows, Sample { table, findings, commas: vec![false; n], decimal_comma: false }))
    }

    fn know_names(&mut self) {
        self.positions = self.names.iter().cloned().zip(0..).collect();
    }

    pub(super) fn position(&self) -> Position {
        Position { row: self.n_rows, offset: self.offset, seen: (false, false) }
    }

    pub(super) fn go_to(&mut self, position: Position, names: &[String]) -> Result<(), TableError> {
        self.names = names.to_vec();
        self.know_names();
        if self.is_array {
            let text = encoding::decode(&self.path, again(&self.path)?)?;
            let lines = array_as_lines(&self.path, text.reader)?;
            let rest = lines.get(position.offset as usize..).unwrap_or_default().to_vec();
            self.reader = Box::new(std::io::Cursor::new(rest));
        } else {
            let text = encoding::decode_from(&self.path, again(&self.path)?, position.offset)?;
            self.reader = Box::new(BufReader::with_capacity(256 * 1024, text.reader));
            self.counters = text.counters;
        }
        (self.offset, self.n_rows) = (position.offset, position.row);
        Ok(())
    }

    pub(super) fn next_stretch(&mut self, n_rows: usize) -> Result<Stretch, TableError> {
        let mut stretch = Stretch { first_row: self.n_rows, ..Stretch::default() };
        let (mut text, mut fields, mut row_ends) = (String::new(), Vec::new(), Vec::with_capacity(n_rows));
        while stretch.n_rows < n_rows && text.len() < STRETCH_BYTES {
            self.counters.since_record.set(0);
            self.line.clear();
            let row = self.n_rows + 1;
            let n = self.reader.read_until(b'\n', &mut self.line).map_err(|error| {
                let reason = error.to_string();
                TableError::ReadRow { path: self.path.clone(), row, reason }
            })?;
            if n == 0 {
                break;
            }
            self.offset += n as u64;
            let line = std::mem::take(&mut self.line);
            if !line.trim_ascii().is_empty() {
                let before = fields.len();
                if let Err(fault) = self.take_apart(&line, &mut text, &mut fields) {
                    fields.truncate(before);
                    stretch.faults.push((stretch.n_rows, fault));
                }
                row_ends.push(fields.len() as u32);
                stretch.n_rows += 1;
                self.n_rows += 1;
            }
            self.line = line;
        }
        if MAX_COLUMNS < self.names.len() {
            let what = format!("{} different fields", self.names.len());
            return Err(TableError::TooLarge { path: self.path.clone(), what });
        }
        stretch.data = Data::Json { text, fields, row_ends };
        Ok(stretch)
    }

    /// Adds the fields of one object; an error says why it is none.
    fn take_apart(&mut self, line: &[u8], text: &mut String, fields: &mut Vec<(u32, u32, u32)>) -> Result<(), String> {
        let line = std::str::from_utf8(line).or(Err("it is not UTF-8"))?;
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let start = fields.len();
        let visit = ObjectVisitor { rows: self, text, fields };
        let result = deserializer.deserialize_map(visit).and_then(|()| deserializer.end());
        result.map_err(|error| {
            let said = error.to_string();
            let reason = said.split(" at line ").next().unwrap_or_default();
            format!("it is not a JSON object ({reason}, column {})", error.column())
        })?;
        let own = fields.get(start..).unwrap_or_default();
        let mut columns: Vec<u32> = own.iter().map(|field| field.0).collect();
        columns.sort_unstable();
        if let Some(pair) = columns.windows(2).find(|pair| pair[0] == pair[1]) {
            let name = self.names.get(pair[0] as usize).map_or("", String::as_str);
            return Err(format!("the field {name} is there twice"));
        }
        Ok(())
    }
}

/// Puts the fields of an object behind the others.
struct ObjectVisitor<'a> {
    rows: &'a mut JsonRows,
    text: &'a mut String,
    fields: &'a mut Vec<(u32, u32, u32)>,
}

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let value: &RawValue = map.next_value()?;
            let known = self.rows.positions.get(name.as_ref()).copied();
            let column = known.unwrap_or_else(|| {
                let column = self.rows.names.len() as u32;
                self.rows.names.push(name.clone().into_owned());
                self.rows.positions.insert(name.into_owned(), column);
                column
            });
            let start = self.text.len() as u32;
            self.text.push_str(value.get());
            self.fields.push((column, start, self.text.len() as u32));
        }
        Ok(())
    }
}

/// The objects of an array, a line each.
fn array_as_lines(path: &std::path::Path, reader: impl Read) -> Result<Vec<u8>, TableError> {
    let mut text = Vec::new();
    reader.take(ARRAY_BYTES).read_to_end(&mut text).map_err(|error| TableError::Read {
        path: path.to_owned(),
        line: 0,
        reason: error.to_string(),
    })?;
    if ARRAY_BYTES <= text.len() as u64 {
        let what = format!("one array of more than {} MiB; write a JSON object per line", ARRAY_BYTES >> 20);
        return Err(TableError::TooLarge { path: path.to_owned(), what });
    }
    let elements: Vec<&RawValue> = serde_json::from_slice(&text).map_err(|error| json(path, &error, 0))?;
    let mut lines = Vec::with_capacity(text.len());
    for element in elements {
        // A line end between tokens is white space; within a text it cannot be.
        lines.extend(element.get().bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
        lines.push(b'\n');
    }
    Ok(lines)
}
