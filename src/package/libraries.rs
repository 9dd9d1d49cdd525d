//! The shared libraries that an executable needs, found without running it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lddtree::DependencyAnalyzer;

use super::context::read;
use super::error::PackageError;
use super::tarball::{Tarball, TarballBuilder};

/// The shared libraries of an executable, by their path inside the image.
#[derive(Default)]
pub(super) struct Libraries {
    pub(super) files: BTreeMap<String, Bytes>,
    interpreter: Option<String>,
}

impl Libraries {
    pub(super) fn find(executable: &Path) -> Result<Self, PackageError> {
        let tree = DependencyAnalyzer::default().analyze(executable).map_err(|error| PackageError::NotPackageable {
            path: executable.to_owned(),
            reason: format!("its libraries cannot be listed ({error})"),
        })?;
        let mut sources = BTreeMap::new();
        let mut libraries: Vec<_> = tree.libraries.into_values().collect();
        libraries.sort_by(|a, b| a.name.cmp(&b.name));
        for library in libraries {
            let Some(real) = library.realpath else {
                return Err(PackageError::LibraryMissing { library: library.name, path: executable.to_owned() });
            };
            sources.insert(library.path, real);
        }
        // The kernel starts the interpreter by this path, wherever the loader also finds it.
        if let Some(interpreter) = &tree.interpreter {
            sources.entry(PathBuf::from(interpreter)).or_insert_with(|| PathBuf::from(interpreter));
        }
        let mut files = BTreeMap::new();
        for (path, real) in sources {
            let Some(path) = path.to_str() else {
                return Err(PackageError::Context { reason: format!("{} is not UTF-8", path.display()) });
            };
            files.insert(path.to_owned(), read("a library of the executable", &real)?);
        }
        Ok(Self { files, interpreter: tree.interpreter })
    }

    /// Folders that the loader searches only when told: there is no `ld.so.cache` in the image.
    pub(super) fn unusual_folders(&self) -> Vec<String> {
        let mut folders: Vec<String> = self
            .files
            .keys()
            .filter(|path| Some(*path) != self.interpreter.as_ref())
            .filter_map(|path| path.rsplit_once('/').map(|(folder, _)| folder.to_owned()))
            .filter(|folder| !is_searched(folder))
            .collect();
        folders.dedup();
        folders
    }

    pub(super) fn layer(&self) -> Result<Tarball, PackageError> {
        let mut layer = TarballBuilder::default();
        for (path, content) in &self.files {
            layer.file(path, content.clone(), true);
        }
        layer.finish()
    }

    pub(super) fn note(&self) -> Option<String> {
        let names: Vec<&str> = self.files.keys().filter_map(|path| path.rsplit('/').next()).collect();
        (!names.is_empty()).then(|| format!("Libraries: {}", names.join(", ")))
    }
}

/// Whether glibc searches a folder by itself: `/lib`, `/lib64`, the same below `/usr`, and Debian's folders by triplet.
fn is_searched(folder: &str) -> bool {
    let folder = folder.strip_prefix("/usr").unwrap_or(folder);
    match folder.strip_prefix("/lib") {
        Some("" | "64") => true,
        Some(rest) => rest.strip_prefix('/').is_some_and(|name| name.ends_with("-linux-gnu")),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_s_own_folders_are_known() {
        for folder in
            ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
        {
            assert!(is_searched(folder), "{folder}");
        }
        for folder in ["/usr/local/lib", "/opt/lib", "/lib/custom", "/nix/store/x/lib", "/library"] {
            assert!(!is_searched(folder), "{folder}");
        }
    }
}
