//! What is inside an image, for whoever has to account for it: licences and the bill of materials.

use std::path::Path;

use super::debian::{self, SystemPackage};
use super::error::PackageError;
use super::executable::Executable;
use super::inventory::Inventory;
use super::libraries::Libraries;
use crate::identity::Identity;
use crate::project::evidence::bytes_sha256;

/// A library in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LibraryFile {
    pub(super) path: String,
    pub(super) sha256: String,
}

/// Libraries that come from one package of the system, or from none that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct System {
    pub(super) package: Option<SystemPackage>,
    /// Sorted by path, never empty.
    pub(super) files: Vec<LibraryFile>,
}

/// What is inside an image, but for the model.
#[derive(Debug)]
pub(super) struct Contents {
    /// In hexadecimal; empty while it is not compiled.
    pub(super) executable_sha256: String,
    /// As container engines name it; empty while it is not compiled.
    pub(super) architecture: &'static str,
    pub(super) identity: Option<Identity>,
    /// Version of the compiler, and with it of the standard library.
    pub(super) compiler: Option<String>,
    /// The crates; `None` where they are not known.
    pub(super) inventory: Option<Inventory>,
    /// Sorted by the package's name; those without one come first.
    pub(super) systems: Vec<System>,
}

impl Contents {
    pub(super) fn of(executable: &Executable, libraries: &Libraries) -> Result<Self, PackageError> {
        let inventory = match &executable.identity {
            Some(identity) => Inventory::of(identity)?,
            None => None,
        };
        Ok(Self {
            executable_sha256: bytes_sha256(&executable.content),
            architecture: executable.elf.architecture,
            identity: executable.identity.clone(),
            compiler: executable.compiler(),
            inventory,
            systems: systems(libraries, Path::new("/")),
        })
    }

    /// The contents of an image whose executable is compiled later: its bytes are not known, nor the compiler.
    pub(super) fn to_be_compiled(identity: Identity) -> Result<Self, PackageError> {
        Ok(Self {
            executable_sha256: String::new(),
            architecture: "",
            compiler: None,
            inventory: Inventory::of(&identity)?,
            systems: Vec::new(),
            identity: Some(identity),
        })
    }

    /// Whether the C library is within the executable.
    pub(super) fn is_static(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.is_static)
    }
}

fn systems(libraries: &Libraries, root: &Path) -> Vec<System> {
    let paths: Vec<String> = libraries.files.keys().cloned().collect();
    let owners = debian::owners(root, &paths);
    let mut systems: Vec<System> = Vec::new();
    for (path, content) in &libraries.files {
        let package = owners.get(path).cloned();
        let file = LibraryFile { path: path.clone(), sha256: bytes_sha256(content) };
        match systems.iter_mut().find(|system| system.package == package) {
            Some(system) => system.files.push(file),
            None => systems.push(System { package, files: vec![file] }),
        }
    }
    let name = |system: &System| system.package.as_ref().map(|package| package.name.clone());
    systems.sort_by_key(name);
    systems
}
