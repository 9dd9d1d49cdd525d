//! The few disk operations that saving is made of, one system call each.
//!
//! They stand behind a trait so that a test can end the "process" between any two of them
//! and open what is left.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Disk operations; every method is one step a crash can come between.
pub trait Disk: Send + Sync {
    /// Creates a folder and its parents.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Creates a file that must not exist.
    fn create_file(&self, path: &Path) -> io::Result<()>;
    /// Writes the whole content of an existing file.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()>;
    /// Copies a file's content to a new file.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Adds to the end of a file, creating it.
    fn append(&self, path: &Path, content: &[u8]) -> io::Result<()>;
    /// Makes a file or folder durable.
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// Moves, replacing a file at `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder and what is in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
}

/// The real disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create_file(&self, path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).create_new(true).open(path).map(drop)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        OpenOptions::new().write(true).truncate(true).open(path)?.write_all(content)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = File::open(from)?;
        let mut target = OpenOptions::new().write(true).create_new(true).open(to)?;
        io::copy(&mut source, &mut target).map(drop)
    }

    fn append(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        OpenOptions::new().append(true).create(true).open(path)?.write_all(content)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        match File::open(path)?.sync_all() {
            // Some systems and file systems cannot sync a folder; the rename is then as durable as they make it.
            Err(error) if path.is_dir() && error.kind() != io::ErrorKind::StorageFull => Ok(()),
            result => result,
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }
}

/// Prefix of temporary names; leftovers of a killed process are recognised by it.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A name next to `folder`'s entries that nobody else uses.
pub fn temporary_path(folder: &Path) -> PathBuf {
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{TEMPORARY_PREFIX}{}-{count}", std::process::id()))
}

/// Replaces a file's content so that a crash leaves the old or the new one, never a mixture.
pub fn write_atomic(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    disk.create_folder(folder)?;
    let temporary = temporary_path(folder);
    let result = disk
        .create_file(&temporary)
        .and_then(|()| disk.write(&temporary, content))
        .and_then(|()| disk.sync(&temporary))
        .and_then(|()| disk.rename(&temporary, path));
    if let Err(error) = result {
        // The write failed but the process lives: leave no debris. The first error is the one to report.
        drop(disk.remove_file(&temporary));
        return Err(error);
    }
    disk.sync(folder)
}
