//! CSV and JSON lines.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};

use super::{CellKind, Form, Kept, Layout, Sink};
use crate::table::guess::MISSING;
use crate::table::rows::{Cell, Stretch};
use crate::table::{Cells, Table};

/// Bytes held back before they are written.
const HELD_BYTES: usize = 256 * 1024;

/// Where the bytes go.
enum Out {
    File(File),
    Stream(Box<dyn Write + Send>),
}

/// Writes CSV or JSON lines.
pub struct TextSink {
    form: Form,
    layout: Layout,
    out: Out,
    held: Vec<u8>,
    n_left_out: u64,
}

impl std::fmt::Debug for TextSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextSink").field("form", &self.form).finish_non_exhaustive()
    }
}

impl TextSink {
    /// Writes behind what is in the file.
    pub fn into_file(form: Form, layout: Layout, mut file: File, is_new: bool) -> io::Result<Self> {
        file.seek(SeekFrom::End(0))?;
        Ok(Self::new(form, layout, Out::File(file), is_new))
    }

    /// Writes to a stream, such as standard output.
    pub fn into_stream(form: Form, layout: Layout, out: Box<dyn Write + Send>) -> Self {
        Self::new(form, layout, Out::Stream(out), true)
    }

    fn new(form: Form, layout: Layout, out: Out, is_new: bool) -> Self {
        let mut held = Vec::new();
        if is_new && form == Form::Csv {
            let names = layout.kept.iter().map(|kept| &kept.name).chain(layout.added.iter().map(|added| &added.0));
            for (index, name) in names.enumerate() {
                separate(&mut held, index);
                csv_text(&mut held, name);
            }
            held.push(b'\n');
        }
        Self { form, layout, out, held, n_left_out: 0 }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::File(file) => file.write_all(&self.held)?,
            Out::Stream(out) => {
                out.write_all(&self.held)?;
                out.flush()?;
            }
        }
        self.held.clear();
        Ok(())
    }

    fn csv_row(&mut self, stretch: &Stretch, row: usize, added: &Table) {
        let out = &mut self.held;
        let start = out.len();
        for (index, kept) in self.layout.kept.iter().enumerate() {
            separate(out, index);
            csv_cell(out, &stretch.cell(row, kept.column));
        }
        for (index, column) in added.columns.iter().enumerate() {
            separate(out, self.layout.kept.len() + index);
            match &column.cells {
                Cells::Number(cells) => put_number(out, cells.get(row).copied().unwrap_or(f64::NAN), ""),
                Cells::Integer(cells) => put(out, cells.get(row).copied().flatten()),
                Cells::Bool(cells) => put(out, cells.get(row).copied().flatten()),
                Cells::Text(cells) => {
                    if let Some(text) = cells.get(row).and_then(Option::as_deref) {
                        csv_text(out, text);
                    }
                }
            }
        }
        // An empty line would be no row.
        if out.len() == start {
            out.extend(b"\"\"");
        }
        out.push(b'\n');
        if let Some(columns) = stretch.own_columns(row) {
            let kept = |column: &usize| self.layout.kept.iter().any(|kept| kept.column == *column);
            self.n_left_out +=
                if self.layout.keeps_all { columns.filter(|column| !kept(column)).count() as u64 } else { 0 };
        }
    }

    fn json_row(&mut self, stretch: &Stretch, names: &[String], row: usize, added: &Table) -> io::Result<()> {
        let out = &mut self.held;
        out.push(b'{');
        let mut index = 0;
        if let Some(columns) = stretch.own_columns(row) {
            for column in columns {
                let kept = self.layout.kept.iter().find(|kept| kept.column == column);
                let own = names.get(column).filter(|_| self.layout.keeps_all);
                if let Some(text) = kept.map(|kept| &kept.name).or(own) {
                    json_name(out, &mut index, text)?;
                    json_cell(out, &stretch.cell(row, column), CellKind::Text)?;
                }
            }
        } else {
            for Kept { column, name: text, kind } in &self.layout.kept {
                json_name(out, &mut index, text)?;
                json_cell(out, &stretch.cell(row, *column), *kind)?;
            }
        }
        for column in &added.columns {
            json_name(out, &mut index, &column.name)?;
            match &column.cells {
                Cells::Number(cells) => put_number(out, cells.get(row).copied().unwrap_or(f64::NAN), "null"),
                Cells::Integer(cells) => serde_json::to_writer(&mut *out, &cells.get(row).copied().flatten())?,
                Cells::Bool(cells) => serde_json::to_writer(&mut *out, &cells.get(row).copied().flatten())?,
                Cells::Text(cells) => serde_json::to_writer(&mut *out, &cells.get(row).and_then(Option::as_deref))?,
            }
        }
        self.held.extend(b"}\n");
        Ok(())
    }
}

impl Sink for TextSink {
    fn write(&mut self, stretch: &Stretch, names: &[String], added: &Table) -> io::Result<()> {
        for row in 0..stretch.len() {
            match self.form {
                Form::JsonLines => self.json_row(stretch, names, row, added)?,
                _ => self.csv_row(stretch, row, added),
            }
            if HELD_BYTES < self.held.len() {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> io::Result<Option<u64>> {
        self.flush()?;
        let Out::File(file) = &mut self.out else { return Ok(None) };
        file.sync_data()?;
        file.stream_position().map(Some)
    }

    fn n_left_out(&self) -> u64 {
        self.n_left_out
    }

    fn finish(&mut self) -> io::Result<()> {
        self.commit().map(drop)
    }
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if 0 < index {
        out.push(b',');
    }
}

fn put(out: &mut Vec<u8>, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        // Writing to memory does not fail.
        drop(write!(out, "{value}"));
    }
}

/// A number in its shortest form: one that single precision holds is written as that.
fn put_number(out: &mut Vec<u8>, number: f64, missing: &str) {
    let single = number as f32;
    if !number.is_finite() {
        out.extend(missing.as_bytes());
    } else if f64::from(single).to_bits() == number.to_bits() {
        drop(write!(out, "{single:?}").map(|()| without_fraction(out)));
    } else {
        drop(write!(out, "{number:?}").map(|()| without_fraction(out)));
    }
}

/// `1.0` as `1`.
fn without_fraction(out: &mut Vec<u8>) {
    if out.ends_with(b".0") {
        out.truncate(out.len() - 2);
    }
}

fn json_name(out: &mut Vec<u8>, index: &mut usize, name: &str) -> io::Result<()> {
    separate(out, *index);
    *index += 1;
    serde_json::to_writer(&mut *out, name)?;
    out.push(b':');
    Ok(())
}

fn csv_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.push(b'"');
        for byte in text.bytes() {
            if byte == b'"' {
                out.push(b'"');
            }
            out.push(byte);
        }
        out.push(b'"');
    } else {
        out.extend(text.as_bytes());
    }
}

fn csv_cell(out: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Absent | Cell::Missing => {}
        Cell::Raw(text) | Cell::Json(text) => csv_text(out, text),
        Cell::Text(text) => csv_text(out, text),
        Cell::Number(number) => put(out, Some(number)),
        Cell::Single(number) => put(out, Some(number)),
        Cell::Integer(number) => put(out, Some(number)),
        Cell::Bool(value) => put(out, Some(value)),
    }
}

fn json_cell(out: &mut Vec<u8>, cell: &Cell<'_>, kind: CellKind) -> io::Result<()> {
    match cell {
        Cell::Absent | Cell::Missing => out.extend(b"null"),
        Cell::Raw(text) => raw_json(out, text, kind)?,
        Cell::Json(text) => out.extend(text.as_bytes()),
        Cell::Text(text) => serde_json::to_writer(&mut *out, text)?,
        Cell::Number(number) => serde_json::to_writer(&mut *out, number)?,
        Cell::Single(number) => serde_json::to_writer(&mut *out, number)?,
        Cell::Integer(number) => serde_json::to_writer(&mut *out, number)?,
        Cell::Bool(value) => serde_json::to_writer(&mut *out, value)?,
    }
    Ok(())
}

/// A cell of CSV: as a number or a truth value where its column is of these and JSON would write it so; else as text.
fn raw_json(out: &mut Vec<u8>, text: &str, kind: CellKind) -> io::Result<()> {
    let trimmed = text.trim();
    if text.is_empty() || (kind != CellKind::Text && MISSING.contains(&trimmed)) {
        out.extend(b"null");
    } else if (kind != CellKind::Text && is_json_number(trimmed))
        || (kind == CellKind::Bool && matches!(trimmed, "true" | "false"))
    {
        out.extend(trimmed.as_bytes());
    } else {
        serde_json::to_writer(&mut *out, text)?;
    }
    Ok(())
}

fn is_json_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(a, b)| (a, Some(b)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(a, b)| (a, Some(b)));
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_short_as_it_can_be_read_back() {
        for (number, expected) in [
            (f64::from(0.1_f32), "0.1"),
            (0.1, "0.1"),
            (1.0 - f64::from(0.1_f32), "0.8999999985098839"),
            (1.0, "1"),
            (-0.0, "-0"),
            (1e300, "1e300"),
            (1e-7, "1e-7"),
            (123_456_789.0, "123456789"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
        ] {
            let mut out = Vec::new();
            put_number(&mut out, number, "null");
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{number}");
        }
    }

    #[test]
    fn cells_of_csv_become_json_without_a_loss() {
        for (text, kind, expected) in [
            ("1e5", CellKind::Number, "1e5"),
            ("007", CellKind::Integer, "\"007\""),
            ("12", CellKind::Text, "\"12\""),
            ("NA", CellKind::Number, "null"),
            ("NA", CellKind::Text, "\"NA\""),
            ("", CellKind::Text, "null"),
            ("1,5", CellKind::Number, "\"1,5\""),
            ("true", CellKind::Bool, "true"),
            ("-0.50", CellKind::Number, "-0.50"),
            (".5", CellKind::Number, "\".5\""),
        ] {
            let mut out = Vec::new();
            raw_json(&mut out, text, kind).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text} {kind:?}");
        }
    }
}
