//! The pages of a column, each looked at before it is unpacked and before it is decoded.
//!
//! The parquet crate believes the sizes that a page announces, and unpacks gzip and brotli to their end; a running out
//! of memory cannot be caught. So what is announced is held against what is there.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader as _, Length as _};
use parquet::file::serialized_reader::SerializedPageReader;

use super::thrift::{Fields, Reader};

/// Largest unpacked page. Writers make pages of 1 MiB by default.
const PAGE_BYTES: u64 = 256 * 1024 * 1024;

/// Field numbers of `PageHeader` and `DataPageHeaderV2` in `parquet.thrift`, and the type of an index page.
mod field {
    pub(super) const PAGE_TYPE: i16 = 1;
    pub(super) const UNPACKED_SIZE: i16 = 2;
    pub(super) const PACKED_SIZE: i16 = 3;
    pub(super) const DATA_PAGE: i16 = 5;
    pub(super) const INDEX: i16 = 6;
    pub(super) const DICTIONARY: i16 = 7;
    pub(super) const DATA_PAGE_V2: i16 = 8;
    pub(super) const V2_DEFINITION_BYTES: i16 = 5;
    pub(super) const V2_REPETITION_BYTES: i16 = 6;
    pub(super) const V2_IS_COMPRESSED: i16 = 7;
    pub(super) const INDEX_PAGE: i64 = 1;
}

/// Reads the pages of one column in one row group.
pub(super) struct Pages {
    inner: SerializedPageReader<File>,
    file: Arc<File>,
    /// Where the next page begins, and where the last ends.
    at: u64,
    end: u64,
    compression: Compression,
    physical_type: Type,
    /// Rows of the row group.
    n_rows: u64,
    /// Whether a dictionary was there.
    has_dictionary: bool,
    /// Whether a value may be missing, so that pages begin with definition levels.
    optional: bool,
}

impl Pages {
    pub(super) fn new(file: &Arc<File>, column: &ColumnChunkMetaData, n_rows: u64) -> Result<Self> {
        let inner = SerializedPageReader::new(Arc::clone(file), column, n_rows as usize, None)?;
        let (at, length) = column.byte_range();
        let end = at.checked_add(length).filter(|end| *end <= file.len());
        Ok(Self {
            inner,
            file: Arc::clone(file),
            at,
            end: end.ok_or_else(|| failed("the file ends before the column does"))?,
            compression: column.compression(),
            physical_type: column.column_type(),
            n_rows,
            has_dictionary: false,
            optional: 0 < column.column_descr().max_def_level(),
        })
    }

    /// Looks at the headers up to the next page that the crate will unpack.
    fn look(&mut self) -> Result<()> {
        while self.at < self.end {
            let mut reader = Reader::new(self.file.get_read(self.at)?.take(self.end - self.at));
            let header = reader.fields(i16::MAX)?;
            if !is_plain(&header) {
                return Err(failed("the header of a page has fields of other types than it should"));
            }
            let size = |id| header.int(id).and_then(|size| u64::try_from(size).ok());
            let (Some(packed), Some(unpacked)) = (size(field::PACKED_SIZE), size(field::UNPACKED_SIZE)) else {
                return Err(failed("a page does not say how large it is"));
            };
            let start = self.at + reader.n_read;
            if self.end - start < packed {
                return Err(failed("a page goes beyond the end of the column"));
            }
            if PAGE_BYTES < unpacked {
                return Err(failed(format!("a page is {} MiB large when unpacked", unpacked >> 20)));
            }
            self.at = start + packed;
            if header.int(field::PAGE_TYPE) != Some(field::INDEX_PAGE) {
                return self.unpack_within(&header, start, packed, unpacked);
            }
        }
        Ok(())
    }

    /// Unpacks without keeping anything, where the crate would do it without a limit.
    fn unpack_within(&self, header: &Fields, start: u64, packed: u64, unpacked: u64) -> Result<()> {
        let levels = header.structure(field::DATA_PAGE_V2).map_or(Some(0), |v2| {
            let part = |id| v2.int(id).and_then(|size| u64::try_from(size).ok());
            (v2.bool(field::V2_IS_COMPRESSED) != Some(false))
                .then(|| part(field::V2_DEFINITION_BYTES)?.checked_add(part(field::V2_REPETITION_BYTES)?))
                .flatten()
        });
        let Some(levels) = levels.filter(|levels| *levels <= packed.min(unpacked)) else {
            return Ok(());
        };
        let bytes = || io::Result::Ok(self.file.get_read(start + levels)?.take(packed - levels));
        let limit = unpacked - levels;
        let n = match self.compression {
            Compression::GZIP(_) => length_up_to(flate2::read::MultiGzDecoder::new(bytes()?), limit)?,
            Compression::BROTLI(_) => length_up_to(brotli::Decompressor::new(bytes()?, 4096), limit)?,
            // Of the others, all but LZ4's frames unpack into what is announced, and those grow 255-fold at most.
            _ => return Ok(()),
        };
        if limit < n { Err(failed("a page unpacks to more than it announces")) } else { Ok(()) }
    }

    /// Holds the counts of an unpacked page against its bytes.
    fn check(&mut self, page: &Page) -> Result<()> {
        let n_values = u64::from(page.num_values());
        let refers = page.encoding() == Encoding::RLE_DICTIONARY || page.encoding() == Encoding::PLAIN_DICTIONARY;
        if page.is_dictionary_page() {
            self.has_dictionary = true;
        } else if refers && !self.has_dictionary {
            return Err(failed("a page refers to a dictionary that is not there"));
        }
        match page {
            Page::DictionaryPage { buf, .. } => {
                let width = match self.physical_type {
                    Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
                    Type::INT64 | Type::DOUBLE => 8,
                    Type::INT96 => 12,
                    Type::BOOLEAN | Type::FIXED_LEN_BYTE_ARRAY => 1,
                };
                if (buf.len() as u64) / width < n_values {
                    return Err(failed("a dictionary announces more values than it has bytes for"));
                }
            }
            Page::DataPage { .. } | Page::DataPageV2 { .. } if self.n_rows < n_values => {
                return Err(failed("a page announces more values than there are rows"));
            }
            Page::DataPage { buf, encoding, .. } => {
                let levels = if self.optional {
                    buf.first_chunk::<4>().map_or(0, |length| 4 + u32::from_le_bytes(*length) as usize)
                } else {
                    0
                };
                check_deltas(*encoding, buf.get(levels..).unwrap_or_default(), n_values)?;
            }
            Page::DataPageV2 { buf, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let levels = (*def_levels_byte_len as usize).saturating_add(*rep_levels_byte_len as usize);
                check_deltas(*encoding, buf.get(levels..).unwrap_or_default(), n_values)?;
            }
        }
        Ok(())
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.look()?;
        let page = self.inner.get_next_page()?;
        page.as_ref().map_or(Ok(()), |page| self.check(page))?;
        Ok(page)
    }

    // Pages are read in order, all of them.
    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(failed("pages are not looked at out of order"))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(failed("pages are not skipped"))
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// Whether the fields of a page's header have the types that `parquet.thrift` gives them.
fn is_plain(header: &Fields) -> bool {
    let part = |id| header.structure(id).into_iter();
    header.has_types(&[1, 2, 3, 4], &[], &[field::DATA_PAGE, field::INDEX, field::DICTIONARY, field::DATA_PAGE_V2])
        && part(field::DATA_PAGE).all(|page| page.has_types(&[1, 2, 3, 4], &[], &[5]))
        && part(field::DICTIONARY).all(|page| page.has_types(&[1, 2], &[3], &[]))
        && part(field::DATA_PAGE_V2).all(|page| page.has_types(&[1, 2, 3, 4, 5, 6], &[7], &[8]))
}

fn failed(reason: impl Into<String>) -> ParquetError {
    ParquetError::General(reason.into())
}

/// The length of what a reader gives, or one more than `limit`.
fn length_up_to(reader: impl Read, limit: u64) -> io::Result<u64> {
    io::copy(&mut reader.take(limit + 1), &mut io::sink())
}

/// Texts written as differences: the crate makes room for as many lengths as are announced.
fn check_deltas(encoding: Encoding, values: &[u8], n_values: u64) -> Result<()> {
    let n_lists = match encoding {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        // The lengths of the shared beginnings, then those of the rest.
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return Ok(()),
    };
    let mut rest = values;
    for _ in 0..n_lists {
        rest = after_deltas(rest, n_values)?;
    }
    Ok(())
}

/// What comes after a list of numbers encoded as `DELTA_BINARY_PACKED`, which has at most `n_values`.
fn after_deltas(bytes: &[u8], n_values: u64) -> Result<&[u8]> {
    let mut reader = Reader::new(bytes);
    let (block, n_mini, n_announced) = (reader.varint()?, reader.varint()?, reader.varint()?);
    reader.zigzag()?;
    if n_values < n_announced {
        return Err(failed("a page announces more lengths than values"));
    }
    // A block has a width for each of its parts, a byte each.
    if n_mini == 0 || (bytes.len() as u64) < n_mini {
        return Err(failed("a page has differences in an impossible number of parts"));
    }
    let per_mini = block / n_mini;
    let mut left = n_announced.saturating_sub(1);
    let mut at = reader.n_read;
    while 0 < left {
        let block = bytes.get(at as usize..).unwrap_or_default();
        let mut reader = Reader::new(block);
        reader.zigzag()?;
        let widths = block.iter().skip(reader.n_read as usize).take(n_mini as usize);
        at += reader.n_read + n_mini;
        for width in widths {
            if left == 0 {
                break;
            }
            at = at.saturating_add(per_mini.saturating_mul(u64::from(*width)) / 8);
            left = left.saturating_sub(per_mini.max(1));
        }
    }
    Ok(bytes.get(at as usize..).unwrap_or_default())
}
