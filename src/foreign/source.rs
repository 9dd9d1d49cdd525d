//! Bytes one after the other, with an end that no file can move: at most so many are ever read or unpacked.

use std::io::{self, BufRead as _, BufReader, Read};

/// Most bytes read from one file, packed or not.
pub(super) const MOST_BYTES: u64 = 4 << 30;
/// Most bytes that are unpacked from a compressed file: a small file can announce any number of them.
pub(super) const MOST_UNPACKED: u64 = 512 << 20;

/// Why reading ended before the file said that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The file ends in the middle of something.
    Truncated,
    /// It is larger, once unpacked, than what is looked at.
    TooLarge,
    /// It goes on for longer, or is nested deeper, than any model.
    TooLong,
    /// The bytes are no pickle.
    NotPickle,
    /// Unpacking or reading failed.
    Unreadable,
}

/// A stream that is read forwards.
pub(super) struct Source<'a> {
    inner: BufReader<Box<dyn Read + 'a>>,
    left: u64,
}

impl<'a> Source<'a> {
    /// A stream of which at most `limit` bytes are read.
    pub(super) fn new(inner: impl Read + 'a, limit: u64) -> Self {
        Self { inner: BufReader::with_capacity(1 << 16, Box::new(inner)), left: limit }
    }

    /// The next bytes, without taking them; empty at the end.
    fn peek(&mut self) -> Result<&[u8], Stop> {
        if self.left == 0 {
            return Err(Stop::TooLarge);
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        match self.inner.fill_buf() {
            Ok(bytes) => Ok(&bytes[..bytes.len().min(left)]),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Stop::Truncated),
            Err(_other) => Err(Stop::Unreadable),
        }
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
        self.left -= count as u64;
    }

    /// One byte.
    pub(super) fn byte(&mut self) -> Result<u8, Stop> {
        let byte = *self.peek()?.first().ok_or(Stop::Truncated)?;
        self.consume(1);
        Ok(byte)
    }

    /// A few bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    /// `count` bytes when they are at most `keep`; more are passed over, and `None` is given.
    pub(super) fn bytes(&mut self, count: u64, keep: usize) -> Result<Option<Vec<u8>>, Stop> {
        let wanted = usize::try_from(count).ok().filter(|count| *count <= keep);
        let Some(wanted) = wanted else {
            self.skip(count)?;
            return Ok(None);
        };
        let mut bytes = Vec::with_capacity(wanted);
        while bytes.len() < wanted {
            let next = self.peek()?;
            if next.is_empty() {
                return Err(Stop::Truncated);
            }
            let taken = next.len().min(wanted - bytes.len());
            bytes.extend_from_slice(&next[..taken]);
            self.consume(taken);
        }
        Ok(Some(bytes))
    }

    /// Passes over `count` bytes.
    pub(super) fn skip(&mut self, mut count: u64) -> Result<(), Stop> {
        while 0 < count {
            let next = self.peek()?.len();
            if next == 0 {
                return Err(Stop::Truncated);
            }
            let taken = usize::try_from(count).unwrap_or(usize::MAX).min(next);
            self.consume(taken);
            count -= taken as u64;
        }
        Ok(())
    }

    /// A line without its end; one longer than `keep` is passed over, and given as an empty one.
    pub(super) fn line(&mut self, keep: usize) -> Result<String, Stop> {
        let mut line = Vec::new();
        let mut fits = true;
        loop {
            let byte = self.byte()?;
            if byte == b'\n' {
                break;
            }
            fits &= line.len() < keep;
            if fits {
                line.push(byte);
            }
        }
        Ok(if fits { String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned() } else { String::new() })
    }

    /// Whether everything was read.
    pub(super) fn at_end(&mut self) -> bool {
        self.peek().map_or(true, <[u8]>::is_empty)
    }
}
