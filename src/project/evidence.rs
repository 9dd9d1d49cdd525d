//! Content hashes that evidence is keyed to.
//!
//! Trestle's own files must never make its own evidence stale: the hash of the code tree leaves out everything that
//! Trestle writes, and what has a hash of its own.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::ProjectError;
use super::git::Git;

/// Entries of the project folder that are not code: Trestle's own documents, and the models and data that are hashed
/// apart.
const NOT_CODE: [&str; 9] = [
    "reports",
    "ledger.ron",
    "checklist.ron",
    "rollout.ron",
    "models",
    "brief.ron",
    "features.ron",
    "project.ron",
    "data",
];

/// Folders that tools leave behind.
const DEBRIS: [&str; 5] = ["__pycache__", "node_modules", "target", "venv", "env"];

/// More files than this are not one model's code, but a folder opened by mistake.
const MAX_FILES: usize = 20_000;

/// SHA-256 of a file's content in lower-case hexadecimal, read in pieces.
pub fn file_sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..n]);
    }
}

/// SHA-256 of bytes in lower-case hexadecimal.
pub fn bytes_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// SHA-256 over the paths and contents of the code files below `root`, in path order; links are hashed as links.
pub fn code_sha256(root: &Path) -> Result<String, ProjectError> {
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.sort();
    let mut hasher = Sha256::new();
    for relative in files {
        let path = root.join(&relative);
        let content = if path.is_symlink() {
            fs::read_link(&path)
                .map(|target| bytes_sha256(target.as_os_str().as_encoded_bytes()))
                .map_err(ProjectError::io("Reading", &path))?
        } else {
            file_sha256(&path).map_err(ProjectError::io("Reading", &path))?
        };
        hasher.update(relative.as_os_str().as_encoded_bytes());
        hasher.update([0]);
        hasher.update(content);
        hasher.update([b'\n']);
    }
    Ok(hex(&hasher.finalize()))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
    let entries = fs::read_dir(folder).map_err(ProjectError::io("Reading", folder))?;
    for entry in entries {
        let entry = entry.map_err(ProjectError::io("Reading", folder))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let own = folder == root && NOT_CODE.contains(&name.as_ref());
        // Hidden entries are tools' and machines' own: `.git`, `.trestle`, caches.
        if own || name.starts_with('.') || DEBRIS.contains(&name.as_ref()) || name.ends_with(".pyc") {
            continue;
        }
        let path = entry.path();
        let kind = entry.file_type().map_err(ProjectError::io("Reading", &path))?;
        if kind.is_dir() {
            collect(root, &path, files)?;
        } else if kind.is_file() || kind.is_symlink() {
            if MAX_FILES <= files.len() {
                return Err(ProjectError::io("Hashing the code", root)(io::Error::other(format!(
                    "there are more than {MAX_FILES} files"
                ))));
            }
            let relative = path.strip_prefix(root).unwrap_or(&path);
            files.push(relative.to_owned());
        }
    }
    Ok(())
}

/// The commit that is checked out at `root`; empty when there is none or no git to ask.
pub fn commit(root: &Path) -> String {
    let answer = Git::default().ask(root, &["rev-parse", "--verify", "--quiet", "HEAD"]);
    answer.map(|answer| answer.line()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trestles_own_files_do_not_change_the_hash_of_the_code() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("train.py"), "x = 1").unwrap();
        let before = code_sha256(root).unwrap();
        for own in ["ledger.ron", "checklist.ron", "brief.ron"] {
            fs::write(root.join(own), "(format: 1)").unwrap();
        }
        for own in ["reports/benchmark", ".trestle", "models/1.0.0", "__pycache__"] {
            fs::create_dir_all(root.join(own)).unwrap();
            fs::write(root.join(own).join("file.ron"), "x").unwrap();
        }
        assert_eq!(code_sha256(root).unwrap(), before);
        fs::write(root.join("train.py"), "x = 2").unwrap();
        assert_ne!(code_sha256(root).unwrap(), before);
    }

    #[test]
    fn a_renamed_file_is_another_tree() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.py"), "x").unwrap();
        let before = code_sha256(folder.path()).unwrap();
        fs::rename(folder.path().join("a.py"), folder.path().join("b.py")).unwrap();
        assert_ne!(code_sha256(folder.path()).unwrap(), before);
    }

    #[test]
    fn the_digest_of_nothing_is_the_published_one() {
        // FIPS 180-4 example: SHA-256 of the empty message.
        assert_eq!(bytes_sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
