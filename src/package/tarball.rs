//! Tar archives that depend on nothing but the paths and contents put in: entries are sorted, parents are included,
//! times are 0, owners are root, and modes are one of two.
//!
//! An archive is a list of pieces, so that a file of many megabytes is neither copied into its layer's archive nor
//! into the build context's.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::error::PackageError;
use crate::project::evidence::hex;

/// Unit in which tar pads.
const BLOCK_BYTES: usize = 512;

/// A finished archive.
#[derive(Clone, Debug, Default)]
pub(super) struct Tarball {
    pieces: Vec<Bytes>,
}

impl Tarball {
    /// The archive's pieces in order.
    pub(super) fn into_pieces(self) -> Vec<Bytes> {
        self.pieces
    }

    /// The archive's size.
    pub(super) fn size_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }

    /// SHA-256 of the archive in lower-case hexadecimal.
    pub(super) fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        self.pieces.iter().for_each(|piece| hasher.update(piece));
        hex(&hasher.finalize())
    }

    /// Writes the archive.
    pub(super) fn write_to(&self, to: &mut dyn std::io::Write) -> std::io::Result<()> {
        self.pieces.iter().try_for_each(|piece| to.write_all(piece))
    }

    /// The archive in one piece.
    #[cfg(test)]
    pub(super) fn to_vec(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

/// What goes into an archive.
#[derive(Debug)]
enum Entry {
    Folder,
    File { pieces: Vec<Bytes>, executable: bool },
}

/// An archive being filled; the order of filling does not matter.
#[derive(Debug, Default)]
pub(super) struct TarballBuilder {
    entries: BTreeMap<String, Entry>,
}

impl TarballBuilder {
    /// Adds a file and the folders above it; a leading `/` is dropped.
    pub(super) fn file(&mut self, path: &str, content: Bytes, executable: bool) {
        self.pieces(path, vec![content], executable);
    }

    /// Adds another archive as a file.
    pub(super) fn archive(&mut self, path: &str, archive: Tarball) {
        self.pieces(path, archive.into_pieces(), false);
    }

    fn pieces(&mut self, path: &str, pieces: Vec<Bytes>, executable: bool) {
        let path = path.trim_start_matches('/');
        for (end, _) in path.match_indices('/') {
            self.entries.entry(path[..end].to_owned()).or_insert(Entry::Folder);
        }
        self.entries.insert(path.to_owned(), Entry::File { pieces, executable });
    }

    /// The archive.
    pub(super) fn finish(self) -> Result<Tarball, PackageError> {
        let mut archive = Tarball::default();
        for (path, entry) in self.entries {
            match entry {
                Entry::Folder => archive.pieces.push(header(&format!("{path}/"), EntryType::Directory, 0o755, 0)?),
                Entry::File { pieces, executable } => {
                    let size: usize = pieces.iter().map(Bytes::len).sum();
                    let mode = if executable { 0o755 } else { 0o644 };
                    archive.pieces.push(header(&path, EntryType::Regular, mode, size as u64)?);
                    archive.pieces.extend(pieces);
                    let padding = size.next_multiple_of(BLOCK_BYTES) - size;
                    if 0 < padding {
                        archive.pieces.push(Bytes::from(vec![0; padding]));
                    }
                }
            }
        }
        archive.pieces.push(Bytes::from(vec![0; 2 * BLOCK_BYTES]));
        Ok(archive)
    }
}

fn header(path: &str, kind: EntryType, mode: u32, size: u64) -> Result<Bytes, PackageError> {
    let mut header = Header::new_ustar();
    header.set_path(path).map_err(|error| PackageError::Context {
        reason: format!("the name {path} does not fit an archive ({error})"),
    })?;
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Ok(Bytes::copy_from_slice(header.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn names(archive: &Tarball) -> Vec<(String, u32, u64, u64)> {
        let bytes = archive.to_vec();
        let mut reader = tar::Archive::new(bytes.as_slice());
        reader
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                let header = entry.header();
                assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), header.size().unwrap(), content.len() as u64)
            })
            .collect()
    }

    #[test]
    fn entries_are_sorted_with_their_parents_first() {
        let mut builder = TarballBuilder::default();
        builder.file("/model/models/1.0.0/model.onnx", Bytes::from(vec![1; 700]), false);
        builder.file("/model/brief.ron", Bytes::from_static(b"x"), false);
        builder.file("trestle", Bytes::new(), true);
        let archive = builder.finish().unwrap();
        let expected = [
            ("model/", 0o755, 0),
            ("model/brief.ron", 0o644, 1),
            ("model/models/", 0o755, 0),
            ("model/models/1.0.0/", 0o755, 0),
            ("model/models/1.0.0/model.onnx", 0o644, 700),
            ("trestle", 0o755, 0),
        ];
        let expected: Vec<_> =
            expected.into_iter().map(|(path, mode, size)| (path.to_owned(), mode, size, size)).collect();
        assert_eq!(names(&archive), expected);
        assert_eq!(archive.size_bytes() % 512, 0);
    }

    #[test]
    fn the_order_of_filling_does_not_matter() {
        let fill = |order: [usize; 3]| {
            let mut builder = TarballBuilder::default();
            for index in order {
                builder.file(&format!("a/{index}"), Bytes::from(vec![index as u8; 3]), false);
            }
            builder.finish().unwrap().to_vec()
        };
        assert_eq!(fill([0, 1, 2]), fill([2, 0, 1]));
    }

    #[test]
    fn a_name_that_does_not_fit_is_an_error() {
        let mut builder = TarballBuilder::default();
        builder.file(&"x".repeat(300), Bytes::new(), false);
        assert!(matches!(builder.finish(), Err(PackageError::Context { .. })));
    }
}
