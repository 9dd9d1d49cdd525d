//! A build context that compiles the server from Trestle's sources: for machines whose own program is not for Linux,
//! or not for the architecture of the engine.
//!
//! The sources are no part of it. BuildKit takes them as a second context, named `trestle`.

use bytes::Bytes;

use super::contents::Contents;
use super::context::model_layer;
use super::dockerfile::{dockerfile, labels};
use super::error::PackageError;
use super::tarball::{Tarball, TarballBuilder};
use super::{BuildPlan, licences};
use crate::identity::{Build, Identity};

/// The archive with the Dockerfile, the licences and the model.
pub(super) fn context(plan: &BuildPlan) -> Result<Tarball, PackageError> {
    // What will be compiled is known but for its bytes, as long as the sources are those of this program.
    let identity = Identity { build: Build::Serve, is_static: true, ..Identity::this() };
    let contents = Contents::to_be_compiled(identity)?;
    let mut layer = TarballBuilder::default();
    layer.file("licences.txt", Bytes::from(licences::text(&contents)), false);
    let mut context = TarballBuilder::default();
    context.archive("licences.tar", layer.finish()?);
    context.archive("model.tar", model_layer(plan, &contents)?);
    context.file("Dockerfile", Bytes::from(text(plan)), false);
    context.finish()
}

fn text(plan: &BuildPlan) -> String {
    let (version, rust) = (env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_RUST_VERSION"));
    let tag = &plan.tag;
    let stage = format!(
        "# Compiles Trestle's server and packages it with a model. It needs BuildKit and the sources of Trestle {version}:\n\
         # docker buildx build --build-context trestle=FOLDER_OF_THE_SOURCES --load -t {tag} - < THIS_ARCHIVE\n\
         FROM rust:{rust}-slim AS compiled\n\
         COPY --from=trestle . /sources\n\
         WORKDIR /sources\n\
         RUN RUSTFLAGS=\"-C target-feature=+crt-static\" cargo build --profile image --locked --no-default-features \
         --features serve --target \"$(uname -m)-unknown-linux-gnu\" --target-dir /target \
         && cp /target/*/image/trestle-serve /trestle\n\n\
         FROM scratch\n"
    );
    let image = dockerfile(&["licences.tar", "model.tar"], &[], &labels(plan));
    let image = image.strip_prefix("FROM scratch\n").unwrap_or(&image);
    let (before, after) = image.split_once("ADD licences.tar").unwrap_or((image, ""));
    format!("{stage}{before}COPY --from=compiled /trestle /trestle\nADD licences.tar{after}")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::package::testing::plan;

    #[test]
    fn the_image_is_that_of_every_build_but_for_its_first_stage() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let text = text(&plan);
        let (compiles, image) = text.split_once("\n\nFROM scratch\n").unwrap();
        assert!(compiles.contains(concat!("FROM rust:", env!("CARGO_PKG_RUST_VERSION"), "-slim AS compiled")));
        let expected = dockerfile(&["licences.tar", "model.tar"], &[], &labels(&plan));
        let without: Vec<&str> = image.lines().filter(|line| !line.starts_with("COPY --from=compiled")).collect();
        assert_eq!(without, expected.lines().skip(1).collect::<Vec<_>>());
        assert!(image.find("COPY --from=compiled /trestle /trestle").unwrap() < image.find("ADD model.tar").unwrap());
    }

    #[test]
    fn no_executable_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let plan = BuildPlan { executable: folder.path().join("gone"), ..plan(folder.path()) };
        let archive = context(&plan).unwrap().to_vec();
        assert_eq!(archive, context(&plan).unwrap().to_vec());
        let mut names = Vec::new();
        for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert!(!content.is_empty());
            names.push(entry.path().unwrap().display().to_string());
        }
        assert_eq!(names, ["Dockerfile", "licences.tar", "model.tar"]);
    }
}
