//! From the bytes of a file to UTF-8: byte order marks, UTF-16, and what is no text at all.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use super::TableError;

/// Bytes looked at before the reading proper.
pub(super) const SAMPLE_BYTES: usize = 64 * 1024;

/// Longest record; an unclosed quotation mark would otherwise take the rest of the file into memory.
const RECORD_BYTES: u64 = 64 * 1024 * 1024;

/// A file opened as text.
pub(super) struct TextFile {
    /// The first bytes, decoded as far as `reader` decodes.
    pub(super) sample: Vec<u8>,
    /// Whether the whole file fits in `sample`.
    pub(super) sample_is_all: bool,
    /// Whether the file says that it is Unicode, so that other bytes are damage.
    pub(super) unicode: bool,
    /// All bytes from the start, without a byte order mark.
    pub(super) reader: Box<dyn Read>,
    /// What went through `reader`.
    pub(super) counters: Rc<Counters>,
}

/// What went through a reader so far.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Bytes since it was last set to 0.
    pub(super) since_record: Cell<u64>,
    /// Quotation marks.
    pub(super) n_quotes: Cell<u64>,
}

impl std::fmt::Debug for TextFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextFile").field("unicode", &self.unicode).finish_non_exhaustive()
    }
}

impl TextFile {
    /// The first character that is not white space.
    pub(super) fn first_character(&self) -> Option<u8> {
        self.sample.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }
}

/// Tells the encoding of a file, and refuses what is no text.
pub(super) fn decode(path: &Path, file: File) -> Result<TextFile, TableError> {
    decode_any(path, Box::new(file), SAMPLE_BYTES)
}

/// The bytes of a file from a place among its decoded bytes on; the encoding is told from its start.
pub(super) fn decode_from(path: &Path, mut file: File, offset: u64) -> Result<TextFile, TableError> {
    let failed = |error: io::Error| TableError::Open { path: path.to_owned(), reason: error.to_string() };
    let start = read_up_to(&mut file, 4).map_err(failed)?;
    file.rewind().map_err(failed)?;
    let (encoding, mark) = Encoding::of(&start);
    let mut text = decode(path, file.try_clone().map_err(failed)?)?;
    if let Encoding::Utf16 { .. } = encoding {
        io::copy(&mut (&mut text.reader).take(offset), &mut io::sink()).map_err(failed)?;
    } else {
        file.seek(SeekFrom::Start(offset + mark as u64)).map_err(failed)?;
        text.reader = Box::new(Guard { inner: file, counters: Rc::clone(&text.counters) });
    }
    text.counters.since_record.set(0);
    text.counters.n_quotes.set(0);
    Ok(text)
}

/// Tells the encoding of bytes from anywhere, of which `sample_bytes` are looked at.
pub(super) fn decode_any(path: &Path, mut file: Box<dyn Read>, sample_bytes: usize) -> Result<TextFile, TableError> {
    let failed = |error: io::Error| TableError::Open { path: path.to_owned(), reason: error.to_string() };
    let start = read_up_to(&mut file, sample_bytes).map_err(failed)?;
    if let Some((what, fix)) = foreign(&start) {
        return Err(TableError::Unsupported { path: path.to_owned(), what: what.into(), fix: fix.into() });
    }
    let (encoding, mark) = Encoding::of(&start);
    let rest = Cursor::new(start.get(mark..).unwrap_or_default().to_vec()).chain(file);
    let mut decoded: Box<dyn Read> = match encoding {
        Encoding::Bytes | Encoding::Utf8 => Box::new(rest),
        Encoding::Utf16 { big_endian } => Box::new(Utf16Reader::new(rest, big_endian)),
    };
    let sample = read_up_to(&mut decoded, sample_bytes).map_err(failed)?;
    if sample.iter().all(u8::is_ascii_whitespace) && sample.len() < sample_bytes {
        return Err(TableError::Empty { path: path.to_owned() });
    }
    if is_binary(&sample) {
        return Err(TableError::Unsupported {
            path: path.to_owned(),
            what: "binary data".into(),
            fix: "Give a CSV, JSON lines or Parquet file.".into(),
        });
    }
    let counters = Rc::new(Counters::default());
    let reader = Guard { inner: Cursor::new(sample.clone()).chain(decoded), counters: Rc::clone(&counters) };
    Ok(TextFile {
        sample_is_all: sample.len() < sample_bytes,
        sample,
        unicode: encoding != Encoding::Bytes,
        reader: Box::new(reader),
        counters,
    })
}

/// Reads until `limit` bytes are there or the end is.
fn read_up_to(reader: &mut impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a file of another kind is, and what to do about it.
pub(super) fn foreign(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const KINDS: [(&[u8], &str, &str); 16] = [
        (
            b"version https://git-lfs.github.com/",
            "a pointer of Git LFS instead of the data",
            "Fetch the data first: git lfs pull.",
        ),
        (b"<!DOCTYPE", "a page of the web", "Download the data itself."),
        (b"<html", "a page of the web", "Download the data itself."),
        (b"\x93NUMPY", "an array of NumPy", "Save the table with pandas: frame.to_parquet."),
        (b"\x89HDF", "an HDF5 file", "Save the table with pandas: frame.to_parquet."),
        (b"SQLite format 3", "a database", "Export the table as CSV."),
        (b"ARROW1", "a Feather file", "Save the table with pandas: frame.to_parquet."),
        (b"BZh", "compressed with bzip2", "Unpack it first: bunzip2 FILE."),
        (b"\xFD7zXZ", "compressed with xz", "Unpack it first: unxz FILE."),
        (b"PK\x03\x04", "a zip archive or a spreadsheet", "Export the sheet as CSV."),
        (b"\xD0\xCF\x11\xE0", "a spreadsheet", "Export the sheet as CSV."),
        (b"\x1f\x8b", "compressed with gzip", "Unpack it first: gunzip FILE."),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it first: unzstd FILE."),
        (b"\x89PNG", "a picture", "Give a CSV, JSON lines or Parquet file."),
        (b"%PDF", "a PDF", "Give a CSV, JSON lines or Parquet file."),
        (b"\xFF\xFE\0\0", "UTF-32 text", "Save the file as UTF-8."),
    ];
    let kind = KINDS.iter().find(|(magic, ..)| start.starts_with(magic))?;
    Some((kind.1, kind.2))
}

/// Whether text would not have these bytes; a stray one among many is an error in its line.
fn is_binary(sample: &[u8]) -> bool {
    let control = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0x1a | 0x1b);
    let n_nul = sample.split(|byte| *byte == 0).skip(1).count();
    sample.len() < n_nul * 100 || sample.len() < sample.iter().filter(control).count() * 20
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// UTF-8, or one byte a character; each cell tells.
    Bytes,
    Utf8,
    Utf16 {
        big_endian: bool,
    },
}

impl Encoding {
    /// The encoding, and the length of the byte order mark.
    fn of(start: &[u8]) -> (Self, usize) {
        match start {
            [0xEF, 0xBB, 0xBF, ..] => (Self::Utf8, 3),
            [0xFF, 0xFE, ..] => (Self::Utf16 { big_endian: false }, 2),
            [0xFE, 0xFF, ..] => (Self::Utf16 { big_endian: true }, 2),
            // Latin text in UTF-16 without a mark: every other byte is zero.
            [0, first, 0, second, ..] if *first != 0 && *second != 0 => (Self::Utf16 { big_endian: true }, 0),
            [first, 0, second, 0, ..] if *first != 0 && *second != 0 => (Self::Utf16 { big_endian: false }, 0),
            _ => (Self::Bytes, 0),
        }
    }
}

/// Stops a record from growing without bound.
struct Guard<R> {
    inner: R,
    counters: Rc<Counters>,
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Counters { since_record, n_quotes } = &*self.counters;
        if RECORD_BYTES < since_record.get() {
            return Err(io::Error::other("a record is longer than 64 MiB; is a quotation mark left open?"));
        }
        let n = self.inner.read(buffer)?;
        since_record.set(since_record.get() + n as u64);
        let quotes = buffer.iter().take(n).filter(|byte| **byte == b'"').count();
        n_quotes.set(n_quotes.get() + quotes as u64);
        Ok(n)
    }
}

/// UTF-16 in, UTF-8 out; what is no character becomes U+FFFD.
struct Utf16Reader<R> {
    inner: R,
    big_endian: bool,
    /// A byte or a high surrogate that waits for its other half.
    rest: Vec<u8>,
    out: Cursor<Vec<u8>>,
}

impl<R: Read> Utf16Reader<R> {
    fn new(inner: R, big_endian: bool) -> Self {
        Self { inner, big_endian, rest: Vec::new(), out: Cursor::default() }
    }

    /// Decodes the next stretch into `out`; returns false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        let mut bytes = std::mem::take(&mut self.rest);
        let waiting = bytes.len();
        (&mut self.inner).take(16 * 1024).read_to_end(&mut bytes)?;
        let at_end = bytes.len() == waiting;
        let unit = |pair: &[u8; 2]| if self.big_endian { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
        let (pairs, odd) = bytes.as_chunks::<2>();
        let mut units: Vec<u16> = pairs.iter().map(unit).collect();
        if !at_end {
            let high = units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit));
            if high {
                units.pop();
            }
            self.rest = bytes[bytes.len() - odd.len() - if high { 2 } else { 0 }..].to_vec();
        }
        self.out = Cursor::new(String::from_utf16_lossy(&units).into_bytes());
        Ok(!at_end || !units.is_empty())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.out.read(buffer)?;
            if 0 < n || buffer.is_empty() || !self.refill()? {
                return Ok(n);
            }
        }
    }
}

/// Windows-1252 for the bytes 0x80 to 0x9F; elsewhere it is Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Decodes cells that are UTF-8 or Latin-1, and notices a file that is both.
#[derive(Clone, Debug, Default)]
pub(super) struct CellDecoder {
    unicode: bool,
    seen_utf8: bool,
    seen_latin: bool,
}

impl CellDecoder {
    /// What was seen: characters of UTF-8, and of another encoding.
    pub(super) fn seen(&self) -> (bool, bool) {
        (self.seen_utf8, self.seen_latin)
    }

    /// A decoder that has seen this.
    pub(super) fn having_seen(self, (seen_utf8, seen_latin): (bool, bool)) -> Self {
        Self { seen_utf8, seen_latin, ..self }
    }

    /// A decoder; when `unicode`, anything but UTF-8 is damage.
    pub(super) fn new(unicode: bool) -> Self {
        Self { unicode, ..Self::default() }
    }

    /// Calls `take` with the cell as text; `None` when the file mixes encodings.
    pub(super) fn decode(&mut self, cell: &[u8], take: impl FnOnce(&str)) -> Option<()> {
        if let Ok(text) = std::str::from_utf8(cell) {
            if !text.is_ascii() {
                if self.seen_latin {
                    return None;
                }
                self.seen_utf8 = true;
            }
            take(text);
        } else {
            if self.unicode || self.seen_utf8 {
                return None;
            }
            self.seen_latin = true;
            let character = |byte: &u8| match byte {
                0x80..=0x9F => WINDOWS_1252[usize::from(byte - 0x80)],
                _ => char::from(*byte),
            };
            take(&cell.iter().map(character).collect::<String>());
        }
        Some(())
    }
}
