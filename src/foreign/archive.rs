//! Looks into a zip archive: what is in it, and the beginning of one entry.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use flate2::read::DeflateDecoder;

use super::source::{MOST_UNPACKED, Source};

/// Most entries looked at.
const MOST_ENTRIES: usize = 20_000;
/// Largest directory of entries that is read.
const LARGEST_DIRECTORY: u64 = 16 << 20;
/// What comes last in an archive is at most so long: its own record and a comment.
const TAIL: u64 = 22 + 65_535;

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path within.
    pub(super) name: String,
    offset: u64,
    packed: u64,
    deflated: bool,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)))
}

/// The entries of an archive; `None` when it is broken.
pub(super) fn entries(file: &mut File) -> Option<Vec<Entry>> {
    let size = file.seek(SeekFrom::End(0)).ok()?;
    let tail = size.min(TAIL);
    file.seek(SeekFrom::Start(size - tail)).ok()?;
    let mut end = Vec::new();
    file.take(tail).read_to_end(&mut end).ok()?;
    let record = end.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let (length, start) = (u32_at(&end, record + 12)?, u32_at(&end, record + 16)?);
    if LARGEST_DIRECTORY < length {
        return None;
    }
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut directory = Vec::new();
    file.take(length).read_to_end(&mut directory).ok()?;
    let mut entries = Vec::new();
    let mut at = 0;
    while entries.len() < MOST_ENTRIES && directory.get(at..at + 4) == Some(b"PK\x01\x02") {
        let (name, extra, comment) =
            (u16_at(&directory, at + 28)? as usize, u16_at(&directory, at + 30)?, u16_at(&directory, at + 32)?);
        let bytes = directory.get(at + 46..at + 46 + name)?;
        entries.push(Entry {
            name: String::from_utf8_lossy(bytes).into_owned(),
            offset: u32_at(&directory, at + 42)?,
            packed: u32_at(&directory, at + 20)?,
            deflated: u16_at(&directory, at + 10)? == 8,
        });
        at += 46 + name + (extra + comment) as usize;
    }
    Some(entries)
}

/// Opens an entry; never more than a bounded number of bytes come out of it.
pub(super) fn open<'a>(file: &'a mut File, entry: &Entry) -> Option<Source<'a>> {
    file.seek(SeekFrom::Start(entry.offset)).ok()?;
    let mut head = [0; 30];
    file.read_exact(&mut head).ok()?;
    if !head.starts_with(b"PK\x03\x04") {
        return None;
    }
    let skipped = u16_at(&head, 26)? + u16_at(&head, 28)?;
    file.seek(SeekFrom::Current(skipped.cast_signed())).ok()?;
    let packed = file.take(entry.packed);
    Some(if entry.deflated {
        Source::new(DeflateDecoder::new(packed), MOST_UNPACKED)
    } else {
        Source::new(packed, MOST_UNPACKED)
    })
}

/// The text of an entry, when it is no longer than `most`.
pub(super) fn text(file: &mut File, entry: &Entry, most: usize) -> Option<String> {
    let mut source = open(file, entry)?;
    let mut bytes = Vec::new();
    while bytes.len() <= most && !source.at_end() {
        bytes.push(source.byte().ok()?);
    }
    (bytes.len() <= most).then(|| String::from_utf8_lossy(&bytes).into_owned())
}
