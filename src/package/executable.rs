//! Which executable goes into an image, and what can be told of it without running it.
//!
//! What was chosen is taken, or the reason is told why not. Otherwise the smallest at hand is taken: the build that
//! only serves, where it lies beside this program and is not older; else this program itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use memchr::memmem;

use super::context::{megabytes, read};
use super::elf::Elf;
use super::error::PackageError;
use super::tarball::{Tarball, TarballBuilder};
use crate::identity::{Build, HEAD, Identity, LOCK_DIGEST};

/// Name of the build that only serves.
pub const SERVE_NAME: &str = "trestle-serve";

/// Why an executable is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was chosen.
    Chosen,
    /// It lies beside this program and only serves.
    Beside,
    /// It is this program.
    Running,
}

/// The executable that goes into an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenExecutable {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// Architecture as container engines name it.
    pub architecture: String,
    /// Which build it is.
    pub build: Build,
    /// Whether it needs no library.
    pub is_static: bool,
    /// Whether it carries symbols, which only a debugger needs.
    pub has_symbols: bool,
    /// Why it is taken.
    pub reason: Reason,
    /// Why another one, that lies beside this program, is not; empty when there is none.
    pub passed_over: String,
}

impl ChosenExecutable {
    /// What it is, in a line: `the build that only serves, 21 MB, amd64, static`.
    pub fn description(&self) -> String {
        let mut words = vec![
            self.build.label().to_owned(),
            format!("{:.1} MB", self.size_bytes as f64 / 1e6),
            self.architecture.clone(),
        ];
        words.push(if self.is_static { "static" } else { "with its libraries" }.to_owned());
        words.join(", ")
    }
}

/// The executable to package: `chosen`, or the smallest that lies at hand of `running`, this program.
pub fn choose(chosen: Option<&Path>, running: &Path) -> Result<ChosenExecutable, PackageError> {
    if let Some(path) = chosen {
        return examine(path, Reason::Chosen);
    }
    let mut passed_over = String::new();
    if let Some(path) = beside(running) {
        match examine(&path, Reason::Beside).and_then(|found| newer(found, running)) {
            Ok(found) => return Ok(found),
            Err(error) => passed_over = format!("{}: {error}", path.display()),
        }
    }
    // This program is trusted to be itself: it may be a test's.
    let executable = Executable::read(running)?;
    Ok(ChosenExecutable { passed_over, ..executable.facts(Reason::Running, Identity::this()) })
}

/// The build that only serves, where it lies beside this program; the same file under another name is not meant.
fn beside(running: &Path) -> Option<PathBuf> {
    let path = running.parent()?.join(SERVE_NAME);
    (path.is_file() && path != running).then_some(path)
}

/// An executable that was compiled before this program may be of another state of the sources.
fn newer(found: ChosenExecutable, running: &Path) -> Result<ChosenExecutable, PackageError> {
    let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let is_older = |found: SystemTime, running: SystemTime| found < running;
    match (changed(&found.path), changed(running)) {
        (Some(file), Some(program)) if is_older(file, program) => Err(PackageError::NotTrestle {
            path: found.path,
            reason: "it is older than this program; compile it again, or choose it".to_owned(),
        }),
        _ => Ok(found),
    }
}

/// Looks at a file that is to be packaged, without running it.
fn examine(path: &Path, reason: Reason) -> Result<ChosenExecutable, PackageError> {
    let executable = Executable::read(path)?;
    let refused = |reason: String| PackageError::NotTrestle { path: path.to_owned(), reason };
    let Some(identity) = executable.identity.clone() else {
        return Err(refused("it does not say that it is Trestle".to_owned()));
    };
    let own = env!("CARGO_PKG_VERSION");
    if identity.version != own {
        return Err(refused(format!("it is Trestle {}, and this is {own}", identity.version)));
    }
    if identity.lock_digest != LOCK_DIGEST {
        return Err(refused("it was compiled from other versions of its libraries than this program".to_owned()));
    }
    Ok(executable.facts(reason, identity))
}

/// An executable, read once.
pub(super) struct Executable {
    path: PathBuf,
    pub(super) content: Bytes,
    pub(super) elf: Elf,
    /// What it says of itself.
    pub(super) identity: Option<Identity>,
}

impl Executable {
    pub(super) fn read(path: &Path) -> Result<Self, PackageError> {
        let content = read("the executable", path)?;
        let elf =
            Elf::read(&content).map_err(|reason| PackageError::NotPackageable { path: path.to_owned(), reason })?;
        // What searches has the words' head in it, too, with other bytes after it.
        let identity = memmem::find_iter(&content, HEAD).find_map(|at| Identity::read(content.get(at + HEAD.len()..)?));
        Ok(Self { path: path.to_owned(), content, elf, identity })
    }

    fn facts(self, reason: Reason, identity: Identity) -> ChosenExecutable {
        ChosenExecutable {
            path: self.path,
            size_bytes: self.content.len() as u64,
            architecture: self.elf.architecture.to_owned(),
            build: identity.build,
            is_static: identity.is_static,
            has_symbols: self.elf.has_symbols,
            reason,
            passed_over: String::new(),
        }
    }

    /// Whether an engine of this operating system and architecture can run it; empty is any.
    pub(super) fn check(&self, os: &str, architecture: &str) -> Result<(), PackageError> {
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

    /// The compiler's version, where the file still says it.
    pub(super) fn compiler(&self) -> Option<String> {
        const WORDS: &[u8] = b"rustc version ";
        let at = memmem::rfind(&self.content, WORDS)?;
        let rest = self.content.get(at + WORDS.len()..)?;
        let version: Vec<u8> = rest.iter().copied().take(20).take_while(|byte| !matches!(byte, b' ' | 0)).collect();
        let version = String::from_utf8(version).ok()?;
        semver::Version::parse(&version).ok().map(|version| version.to_string())
    }

    pub(super) fn note(&self) -> String {
        let size = megabytes(self.content.len() as u64);
        let build = self.identity.as_ref().map_or("of unknown make", |identity| identity.build.label());
        let symbols =
            if self.elf.has_symbols { "; it carries its symbols, a release build is much smaller" } else { "" };
        format!("Executable: {build}, {size} MB, {}{symbols}", self.elf.architecture)
    }

    /// The layer with the executable and the licences of what is in it.
    pub(super) fn layer(&self, licences: String) -> Result<Tarball, PackageError> {
        let mut layer = TarballBuilder::default();
        layer.file("trestle", self.content.clone(), true);
        layer.file("licences.txt", Bytes::from(licences), false);
        layer.finish()
    }
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::time::Duration;

    use super::*;

    /// An ELF header and nothing else but these words.
    fn file(path: &Path, machine: u8, words: &str) {
        let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        bytes.resize(64, 0);
        bytes[18] = machine;
        bytes.extend(words.bytes());
        fs::write(path, bytes).unwrap();
    }

    fn words(version: &str, build: &str, lock: &str) -> String {
        format!("\u{1}trestle-identity:{version}|{build}|static|{lock}\u{1}")
    }

    #[test]
    fn a_chosen_file_is_read_and_never_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some");
        let running = std::env::current_exe().unwrap();
        let own = env!("CARGO_PKG_VERSION");
        // For another architecture than this one, too.
        file(&path, 183, &words(own, "serve", LOCK_DIGEST));
        let found = choose(Some(&path), &running).unwrap();
        assert_eq!((found.architecture.as_str(), found.build, found.reason), ("arm64", Build::Serve, Reason::Chosen));
        assert!(found.is_static && found.description().starts_with("the build that only serves, 0.0 MB, arm64"));
        let refused = |words: &str| {
            file(&path, 62, words);
            choose(Some(&path), &running).unwrap_err().to_string()
        };
        assert!(refused("nothing").ends_with("it does not say that it is Trestle"));
        assert!(refused(&words("99.0.0", "serve", LOCK_DIGEST)).contains("it is Trestle 99.0.0, and this is"));
        assert!(refused(&words(own, "serve", "0")).contains("other versions of its libraries"));
        fs::write(&path, "#!/bin/sh\n").unwrap();
        let error = choose(Some(&path), &running).unwrap_err();
        assert!(matches!(error, PackageError::NotPackageable { .. }), "{error}");
        let error = choose(Some(&folder.path().join("gone")), &running).unwrap_err();
        assert!(matches!(error, PackageError::Read { .. }), "{error}");
    }

    #[test]
    fn what_lies_beside_this_program_is_taken_unless_it_is_older_or_another() {
        let folder = tempfile::tempdir().unwrap();
        let (running, small) = (folder.path().join("trestle"), folder.path().join(SERVE_NAME));
        let own = env!("CARGO_PKG_VERSION");
        file(&running, 62, "");
        assert_eq!(choose(None, &running).unwrap().reason, Reason::Running);
        file(&small, 62, &words(own, "serve", LOCK_DIGEST));
        let found = choose(None, &running).unwrap();
        assert_eq!((found.reason, found.path.as_path()), (Reason::Beside, small.as_path()));
        file(&small, 62, "nothing");
        let found = choose(None, &running).unwrap();
        assert_eq!((found.reason, found.path.as_path()), (Reason::Running, running.as_path()));
        assert!(found.passed_over.contains("does not say"), "{}", found.passed_over);
        file(&small, 62, &words(own, "serve", LOCK_DIGEST));
        let earlier = fs::metadata(&running).unwrap().modified().unwrap() - Duration::from_hours(1);
        fs::File::options().append(true).open(&small).unwrap().set_modified(earlier).unwrap();
        let found = choose(None, &running).unwrap();
        assert_eq!(found.reason, Reason::Running);
        assert!(found.passed_over.contains("older than this program"), "{}", found.passed_over);
        assert_eq!(choose(Some(&small), &running).unwrap().reason, Reason::Chosen);
    }

    #[test]
    fn the_compiler_is_told_by_a_file_that_was_compiled() {
        let compiler = Executable::read(&std::env::current_exe().unwrap()).unwrap().compiler().unwrap();
        assert!(compiler.starts_with("1."), "{compiler}");
        assert_eq!(Executable::read(Path::new("/bin/sh")).unwrap().compiler(), None);
    }
}
