//! The build context: the executable with the libraries it needs, and the model with its documents, each one archive.
//!
//! Inside the image the executable is `/trestle`, and `/model` is a small project folder that `trestle serve` opens.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lddtree::DependencyAnalyzer;

use super::BuildPlan;
use super::dockerfile::{dockerfile, labels};
use super::elf::Elf;
use super::error::PackageError;
use super::tarball::{Tarball, TarballBuilder};
use crate::project::documents::Registry;
use crate::project::{CHAMPION, format};

/// Everything the engine needs to build the image.
#[derive(Clone, Debug)]
pub(super) struct BuildContext {
    /// The archive to send.
    pub(super) archive: Tarball,
    /// Worth telling: what is in it, and what makes it larger than need be.
    pub(super) notes: Vec<String>,
}

/// What an image consists of, before anybody builds it.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// File name and content of each layer; what changes least stands first.
    pub(super) layers: Vec<(&'static str, Tarball)>,
    /// Folders of libraries that the loader does not search by itself.
    pub(super) library_folders: Vec<String>,
    /// The labels, in order.
    pub(super) labels: Vec<(&'static str, String)>,
    /// Architecture as container engines name it.
    pub(super) architecture: &'static str,
    /// Worth telling: what is in it, and what makes it larger than need be.
    pub(super) notes: Vec<String>,
}

/// The parts of the image of `plan`, for an engine of this operating system and architecture; empty is any.
pub(super) fn parts(plan: &BuildPlan, os: &str, architecture: &str) -> Result<Parts, PackageError> {
    let executable = Executable::read(&plan.executable)?;
    executable.check(os, architecture)?;
    let mut notes = vec![executable.note()];
    let libraries = Libraries::find(&plan.executable)?;
    notes.extend(libraries.note());
    let mut layers = Vec::new();
    if !libraries.files.is_empty() {
        layers.push(("libs.tar", libraries.layer()?));
    }
    layers.push(("exe.tar", executable.layer()?));
    layers.push(("model.tar", model_layer(plan)?));
    Ok(Parts {
        layers,
        library_folders: libraries.unusual_folders(),
        labels: labels(plan),
        architecture: executable.elf.architecture,
        notes,
    })
}

/// Assembles the context of `plan` for an engine of this operating system and architecture; empty is any.
pub(super) fn assemble(plan: &BuildPlan, os: &str, architecture: &str) -> Result<BuildContext, PackageError> {
    let Parts { layers, library_folders, labels, architecture: _, notes } = parts(plan, os, architecture)?;
    let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
    let text = dockerfile(&names, &library_folders, &labels);
    let mut context = TarballBuilder::default();
    for (name, layer) in layers {
        context.archive(name, layer);
    }
    context.file("Dockerfile", Bytes::from(text), false);
    Ok(BuildContext { archive: context.finish()?, notes })
}

/// The executable, read once.
struct Executable {
    path: PathBuf,
    content: Bytes,
    elf: Elf,
}

impl Executable {
    fn read(path: &Path) -> Result<Self, PackageError> {
        let content = read("the executable", path)?;
        let elf =
            Elf::read(&content).map_err(|reason| PackageError::NotPackageable { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), content, elf })
    }

    fn check(&self, os: &str, architecture: &str) -> Result<(), PackageError> {
        if !os.is_empty() && os != "linux" {
            let reason = format!("the engine runs {os} containers");
            return Err(PackageError::NotPackageable { path: self.path.clone(), reason });
        }
        // Docker says `amd64`, Podman's compatibility layer too; uname's words are met in between.
        let engine = match architecture {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        if engine.is_empty() || engine == self.elf.architecture {
            return Ok(());
        }
        Err(PackageError::Architecture {
            executable: self.elf.architecture.to_owned(),
            engine: engine.to_owned(),
            path: self.path.clone(),
        })
    }

    fn note(&self) -> String {
        let size = megabytes(self.content.len() as u64);
        let symbols =
            if self.elf.has_symbols { "; it carries its symbols, a release build is much smaller" } else { "" };
        format!("Executable: {size} MB, {}{symbols}", self.elf.architecture)
    }

    fn layer(&self) -> Result<Tarball, PackageError> {
        let mut layer = TarballBuilder::default();
        layer.file("trestle", self.content.clone(), true);
        layer.finish()
    }
}

/// The shared libraries of an executable, by their path inside the image.
struct Libraries {
    files: BTreeMap<String, Bytes>,
    interpreter: Option<String>,
}

impl Libraries {
    fn find(executable: &Path) -> Result<Self, PackageError> {
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
    fn unusual_folders(&self) -> Vec<String> {
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

    fn layer(&self) -> Result<Tarball, PackageError> {
        let mut layer = TarballBuilder::default();
        for (path, content) in &self.files {
            layer.file(path, content.clone(), true);
        }
        layer.finish()
    }

    fn note(&self) -> Option<String> {
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

/// The folder `/model`.
fn model_layer(plan: &BuildPlan) -> Result<Tarball, PackageError> {
    let mut layer = TarballBuilder::default();
    let mut add = |name: &str, what: &'static str, path: &Path| -> Result<(), PackageError> {
        layer.file(&format!("model/{name}"), read(what, path)?, false);
        Ok(())
    };
    add("project.ron", "the project's document", &plan.project_config)?;
    add("brief.ron", "the brief", &plan.brief)?;
    if let Some(features) = &plan.features {
        add("features.ron", "the feature contract", features)?;
    }
    let version = format!("models/{}", plan.version);
    for (name, path) in version_files(&plan.version_folder)? {
        add(&format!("{version}/{name}"), "a file of the version", &path)?;
    }
    add(&format!("{version}/model.onnx"), "the model", &plan.model_path)?;
    let registry = Registry { aliases: vec![(CHAMPION.to_owned(), plan.version.clone())] };
    let registry = format::render(&registry)
        .map_err(|error| PackageError::Context { reason: format!("the registry ({error})") })?;
    layer.file("model/models/registry.ron", Bytes::from(registry), false);
    layer.finish()
}

/// Writes what the image has in `/model` to `model` below `folder`.
pub(super) fn write_model(plan: &BuildPlan, folder: &Path) -> Result<(), PackageError> {
    let layer = model_layer(plan)?;
    let mut bytes = Vec::new();
    layer
        .write_to(&mut bytes)
        .and_then(|()| tar::Archive::new(bytes.as_slice()).unpack(folder))
        .map_err(|source| PackageError::Write { path: folder.to_owned(), source })
}

/// The files of a version's folder, sorted by name: the record, the golden rows, and weights that stand beside the model.
fn version_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, PackageError> {
    let unreadable = |source| PackageError::Read { what: "the version's folder", path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with('.') && name != "model.onnx" && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            files.push((name, entry.path()));
        }
    }
    files.sort();
    Ok(files)
}

fn read(what: &'static str, path: &Path) -> Result<Bytes, PackageError> {
    fs::read(path).map(Bytes::from).map_err(|source| PackageError::Read { what, path: path.to_owned(), source })
}

/// Megabytes, of a million bytes, rounded up.
pub(super) fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::package::testing::plan;

    /// The archives of a context by name, and the files of each by path.
    fn unpack(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(bytes);
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(path, content);
        }
        files
    }

    fn assembled(plan: &BuildPlan) -> Vec<u8> {
        assemble(plan, "linux", std::env::consts::ARCH).unwrap().archive.to_vec()
    }

    #[test]
    fn the_same_input_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        assert_eq!(assembled(&plan), assembled(&plan));
    }

    #[test]
    fn a_changed_model_changes_only_the_last_layer() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let before = unpack(&assembled(&plan));
        fs::write(&plan.model_path, "another model").unwrap();
        let after = unpack(&assembled(&plan));
        let changed: Vec<&String> = before.keys().filter(|name| before[*name] != after[*name]).collect();
        assert_eq!(changed, ["model.tar"]);
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    }

    #[test]
    fn the_image_holds_a_small_project_and_every_library() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        fs::write(plan.version_folder.join(".trash"), "").unwrap();
        fs::write(plan.version_folder.join("model.onnx.data"), "weights").unwrap();
        let context = unpack(&assembled(&plan));
        let model = unpack(&context["model.tar"]);
        let expected = [
            "model/",
            "model/brief.ron",
            "model/features.ron",
            "model/models/",
            "model/models/1.0.0/",
            "model/models/1.0.0/golden.ron",
            "model/models/1.0.0/model.onnx",
            "model/models/1.0.0/model.onnx.data",
            "model/models/1.0.0/version.ron",
            "model/models/registry.ron",
            "model/project.ron",
        ];
        assert_eq!(model.keys().collect::<Vec<_>>(), expected);
        let registry = String::from_utf8(model["model/models/registry.ron"].clone()).unwrap();
        let registry: Registry = format::parse(&registry, Path::new("registry.ron")).unwrap().document;
        assert_eq!(registry.resolve(CHAMPION), Some(&plan.version));
        assert_eq!(unpack(&context["exe.tar"])["trestle"], fs::read(&plan.executable).unwrap());
        let libraries = unpack(&context["libs.tar"]);
        assert!(libraries.keys().any(|path| path.contains("libc.")), "{:?}", libraries.keys());
        assert!(libraries.keys().any(|path| path.contains("ld-")), "{:?}", libraries.keys());
    }

    #[test]
    fn what_cannot_run_there_is_told_before_anything_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan(folder.path());
        let error = assemble(&plan, "linux", "s390x").unwrap_err();
        assert!(matches!(error, PackageError::Architecture { .. }), "{error}");
        let error = assemble(&plan, "windows", std::env::consts::ARCH).unwrap_err();
        assert!(matches!(error, PackageError::NotPackageable { .. }), "{error}");
        plan.executable = plan.brief.clone();
        let error = assemble(&plan, "linux", "amd64").unwrap_err();
        assert_eq!(error.to_string(), "This executable cannot run in a Linux container: it is not an ELF file");
        plan.executable = folder.path().join("gone");
        assert!(matches!(assemble(&plan, "linux", "amd64"), Err(PackageError::Read { .. })));
    }

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
