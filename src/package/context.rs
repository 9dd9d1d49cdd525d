//! The build context: the executable with the libraries it needs, and the model with its documents, each one archive.
//!
//! Inside the image the executable is `/trestle`, and `/model` is a small project folder that `trestle serve` opens.
//! `/licences.txt` has the licences of everything inside, `/sbom.cdx.json` the bill of materials.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::contents::Contents;
use super::dockerfile::{dockerfile, labels};
use super::error::PackageError;
use super::executable::Executable;
use super::libraries::Libraries;
use super::sbom::{self, ModelFile};
use super::tarball::{Tarball, TarballBuilder};
use super::{BuildPlan, licences};
use crate::project::documents::Registry;
use crate::project::evidence::bytes_sha256;
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
    let contents = Contents::of(&executable, &libraries)?;
    let mut layers = Vec::new();
    if !libraries.files.is_empty() {
        layers.push(("libs.tar", libraries.layer()?));
    }
    layers.push(("exe.tar", executable.layer(licences::text(&contents))?));
    layers.push(("model.tar", model_layer(plan, &contents)?));
    Ok(Parts {
        layers,
        library_folders: libraries.unusual_folders(),
        labels: labels(plan),
        architecture: executable.elf.architecture,
        notes,
    })
}

/// The bill of materials of the image of `plan`, as it is inside it.
pub(super) fn bill_of_materials(plan: &BuildPlan) -> Result<Bytes, PackageError> {
    let executable = Executable::read(&plan.executable)?;
    let contents = Contents::of(&executable, &Libraries::find(&plan.executable)?)?;
    let files = version_files(&plan.version_folder)?;
    let files: Result<Vec<_>, PackageError> =
        files.into_iter().map(|(name, path)| Ok((name, read("a file of the version", &path)?))).collect();
    materials(plan, &contents, &read("the model", &plan.model_path)?, &files?)
}

/// The document about these contents, this model and the other files of its version.
fn materials(
    plan: &BuildPlan,
    contents: &Contents,
    model: &Bytes,
    files: &[(String, Bytes)],
) -> Result<Bytes, PackageError> {
    let others: Vec<ModelFile> = files.iter().map(|(name, content)| (name.clone(), bytes_sha256(content))).collect();
    sbom::document(plan, contents, &bytes_sha256(model), &others)
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

/// The folder `/model`, and the bill of materials, which changes with every model.
pub(super) fn model_layer(plan: &BuildPlan, contents: &Contents) -> Result<Tarball, PackageError> {
    let mut layer = TarballBuilder::default();
    let (model, files) = add_model(plan, &mut layer)?;
    layer.file(sbom::PATH, materials(plan, contents, &model, &files)?, false);
    layer.finish()
}

/// Adds the folder `/model`; gives the model file and the other files of its version by name.
fn add_model(plan: &BuildPlan, layer: &mut TarballBuilder) -> Result<(Bytes, Vec<(String, Bytes)>), PackageError> {
    let mut add = |name: &str, content: Bytes| layer.file(&format!("model/{name}"), content, false);
    add("project.ron", read("the project's document", &plan.project_config)?);
    add("brief.ron", read("the brief", &plan.brief)?);
    if let Some(features) = &plan.features {
        add("features.ron", read("the feature contract", features)?);
    }
    let version = format!("models/{}", plan.version);
    let mut files = Vec::new();
    for (name, path) in version_files(&plan.version_folder)? {
        let content = read("a file of the version", &path)?;
        add(&format!("{version}/{name}"), content.clone());
        files.push((name, content));
    }
    let model = read("the model", &plan.model_path)?;
    add(&format!("{version}/model.onnx"), model.clone());
    let registry = Registry { aliases: vec![(CHAMPION.to_owned(), plan.version.clone())] };
    let registry = format::render(&registry)
        .map_err(|error| PackageError::Context { reason: format!("the registry ({error})") })?;
    add("models/registry.ron", Bytes::from(registry));
    Ok((model, files))
}

/// Writes what the image has in `/model` to `model` below `folder`.
pub(super) fn write_model(plan: &BuildPlan, folder: &Path) -> Result<(), PackageError> {
    let mut layer = TarballBuilder::default();
    add_model(plan, &mut layer)?;
    let layer = layer.finish()?;
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

/// Reads a file of the image whole.
pub(super) fn read(what: &'static str, path: &Path) -> Result<Bytes, PackageError> {
    fs::read(path).map(Bytes::from).map_err(|source| PackageError::Read { what, path: path.to_owned(), source })
}

/// Megabytes, of a million bytes, rounded up.
pub(super) fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::BTreeMap;
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
            "sbom.cdx.json",
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
}
