//! A process that dies between any two system calls of a save leaves a project in the old or the new state.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use semver::Version;
use trestle::project::contract::Inspection;
use trestle::project::disk::{Disk, RealDisk};
use trestle::project::documents::{Evidence, GoldenRow, GoldenRows};
use trestle::project::{DocumentKind, DocumentState, NewVersion, Project, ProjectError, evidence};

/// What happens to the operation at which the "process" ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Last {
    /// It is not begun.
    NotBegun,
    /// Half of it reaches the disk, where an operation has halves.
    Half,
}

/// A disk that works for a number of operations and then for none, as for a process that was killed.
struct DyingDisk {
    left: AtomicUsize,
    last: Last,
    n_done: AtomicUsize,
}

impl DyingDisk {
    fn new(operations: usize, last: Last) -> Self {
        Self { left: AtomicUsize::new(operations), last, n_done: AtomicUsize::new(0) }
    }

    fn step(&self, whole: impl FnOnce() -> io::Result<()>, half: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if before.is_ok() {
            self.n_done.fetch_add(1, Ordering::SeqCst);
            whole()
        } else {
            // Half an operation can only happen once: at the moment of death.
            if self.last == Last::Half && self.n_done.fetch_add(usize::MAX / 2, Ordering::SeqCst) < usize::MAX / 2 {
                half()?;
            }
            Err(io::Error::other("killed"))
        }
    }
}

impl Disk for DyingDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.create_folder(path), || Ok(()))
    }
    fn create_file(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.create_file(path), || Ok(()))
    }
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.step(|| RealDisk.write(path, content), || RealDisk.write(path, &content[..content.len() / 2]))
    }
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let half = || {
            let content = fs::read(from)?;
            fs::write(to, &content[..content.len() / 2])
        };
        self.step(|| RealDisk.copy(from, to), half)
    }
    fn append(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.step(|| RealDisk.append(path, content), || RealDisk.append(path, &content[..content.len() / 2]))
    }
    fn sync(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.sync(path), || Ok(()))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| RealDisk.rename(from, to), || Ok(()))
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.remove_file(path), || Ok(()))
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.remove_folder(path), || Ok(()))
    }
}

fn time() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn model(content: &[u8]) -> Inspection {
    Inspection { sha256: evidence::bytes_sha256(content), ..Inspection::default() }
}

fn new_version(source: PathBuf, number: u64) -> NewVersion {
    let content = fs::read(&source).unwrap();
    NewVersion {
        source,
        version: Version::new(number, 0, 0),
        why: "a test".to_owned(),
        bump_reason: String::new(),
        previous: None,
        model: model(&content),
        golden: Some(GoldenRows { rows: vec![GoldenRow::default()], ..GoldenRows::default() }),
        evidence: Evidence::default(),
    }
}

/// A project with a brief and one version, and a file to be registered as the second.
fn project_in(folder: &Path) -> (PathBuf, PathBuf) {
    let root = folder.join("churn");
    let first = folder.join("first.onnx");
    let second = folder.join("second.onnx");
    fs::write(&first, b"the first model").unwrap();
    fs::write(&second, b"the second model, which is longer").unwrap();
    let mut project = Project::create(&root, "Churn").unwrap();
    Arc::make_mut(&mut project.documents.brief).problem = "old".to_owned();
    project.save().unwrap();
    project.register(new_version(first, 1), time(), "tester").unwrap();
    (root, second)
}

/// What a user does: edit the brief, and register a version.
fn act(root: &Path, second: &Path, disk: Arc<DyingDisk>) -> Result<(), ProjectError> {
    let mut project = Project::open_on(root, disk)?;
    Arc::make_mut(&mut project.documents.brief).problem = "new".to_owned();
    project.save()?;
    project.register(new_version(second.to_owned(), 2), time(), "tester")?;
    Ok(())
}

/// Leftovers carry the number of the process that made them; here they must be a dead one's.
fn disown(folder: &Path) {
    let own = format!(".tmp-{}-", std::process::id());
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(rest) = name.strip_prefix(&own) {
            fs::rename(entry.path(), folder.join(format!(".tmp-4294967290-{rest}"))).unwrap();
        }
    }
}

fn leftovers(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(".tmp-")).collect()
}

#[test]
fn a_kill_between_any_two_operations_leaves_the_old_or_the_new_state() {
    let mut n_operations = None;
    for last in [Last::NotBegun, Last::Half] {
        for operations in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let (root, second) = project_in(folder.path());
            let finished = act(&root, &second, Arc::new(DyingDisk::new(operations, last))).is_ok();
            disown(&root);
            disown(&root.join("models"));

            let mut project = Project::open(&root).unwrap();
            let at = format!("killed at operation {operations}, {last:?}");
            for kind in DocumentKind::ALL {
                let state = project.state(kind);
                // Nobody has vouched for anything here, so there is no checklist.
                let is_right = match state {
                    DocumentState::Known { .. } => kind != DocumentKind::Checklist,
                    DocumentState::Absent => kind == DocumentKind::Checklist,
                    DocumentState::Protected { .. } => false,
                };
                assert!(is_right, "{at}: {state:?}");
            }
            let problem = project.documents.brief.problem.clone();
            assert!(problem == "old" || problem == "new", "{at}: {problem}");
            let numbers: Vec<u64> = project.versions().iter().map(|version| version.record.version.major).collect();
            assert!(numbers == [1] || numbers == [1, 2], "{at}: {numbers:?}");
            for version in project.versions() {
                let found = evidence::file_sha256(&version.model_path()).unwrap();
                assert_eq!(found, version.record.model.sha256, "{at}");
                assert!(version.golden.is_some(), "{at}");
            }
            assert_eq!(project.registry().resolve("champion"), Some(&Version::new(1, 0, 0)), "{at}");
            assert_eq!((leftovers(&root), leftovers(&root.join("models"))), (vec![], vec![]), "{at}");
            // A version without its ledger record is offered for completion, and then whole.
            for unfinished in project.unfinished().to_vec() {
                assert_eq!(unfinished.version, Version::new(2, 0, 0), "{at}");
                project.complete(&unfinished, time(), "tester").unwrap();
            }
            assert!(project.unfinished().is_empty(), "{at}");
            let again = Project::open(&root).unwrap();
            assert_eq!(again.ledger().len(), numbers.len(), "{at}");
            assert_eq!((again.unfinished(), again.findings()), (&[][..], &[][..]), "{at}");
            if finished {
                n_operations.get_or_insert(operations);
                assert_eq!((problem.as_str(), numbers.len()), ("new", 2));
                break;
            }
        }
    }
    // The scenario must have been long enough to mean something.
    assert!(20 < n_operations.unwrap(), "{n_operations:?}");
}

#[test]
fn a_document_changed_by_another_program_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (root, _) = project_in(folder.path());
    let mut project = Project::open(&root).unwrap();
    let path = root.join("brief.ron");
    let theirs = fs::read_to_string(&path).unwrap().replace("old", "theirs");
    fs::write(&path, &theirs).unwrap();
    Arc::make_mut(&mut project.documents.brief).problem = "mine".to_owned();
    assert!(matches!(project.save(), Err(ProjectError::ChangedOutside { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), theirs);

    project.keep_mine(DocumentKind::Brief);
    project.save().unwrap();
    assert_eq!(Project::open(&root).unwrap().documents.brief.problem, "mine");

    fs::write(&path, &theirs).unwrap();
    project.reload(DocumentKind::Brief);
    assert_eq!(project.documents.brief.problem, "theirs");
    assert!(project.unsaved().is_empty());
}

#[test]
fn a_document_cut_in_half_is_reported_with_its_line_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (root, _) = project_in(folder.path());
    let path = root.join("brief.ron");
    let text = fs::read_to_string(&path).unwrap();
    let half = &text[..text.len() / 2];
    fs::write(&path, half).unwrap();
    let mut project = Project::open(&root).unwrap();
    let DocumentState::Protected { problem } = project.state(DocumentKind::Brief) else { panic!("it was accepted") };
    assert!(problem.what.contains("line"), "{problem}");
    assert!(problem.place.contains("brief.ron:"), "{problem}");
    Arc::make_mut(&mut project.documents.brief).problem = "mine".to_owned();
    assert!(project.save().is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), half);
    // The other documents and the versions are there all the same.
    assert_eq!((project.name().as_str(), project.versions().len()), ("Churn", 1));
}

#[test]
fn a_newer_document_opens_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let (root, _) = project_in(folder.path());
    let path = root.join("brief.ron");
    let newer = fs::read_to_string(&path).unwrap().replacen("format: 1", "format: 2, added: true", 1);
    fs::write(&path, &newer).unwrap();
    let mut project = Project::open(&root).unwrap();
    assert_eq!(project.documents.brief.problem, "old");
    Arc::make_mut(&mut project.documents.brief).problem = "mine".to_owned();
    let error = project.save().unwrap_err();
    assert!(error.to_string().contains("newer"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
}

#[test]
fn a_torn_ledger_line_is_set_aside_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (root, _) = project_in(folder.path());
    let path = root.join("ledger.ron");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}(format:1,id:\"x\",ti")).unwrap();
    let project = Project::open(&root).unwrap();
    assert_eq!(project.ledger().len(), 1);
    assert!(project.findings()[0].what.contains("cut off"), "{:?}", project.findings());
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    assert!(fs::read_to_string(root.join(".trestle/ledger-torn-line.txt")).unwrap().contains("\"x\""));
}

#[test]
fn the_same_file_is_not_registered_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (root, _) = project_in(folder.path());
    let mut project = Project::open(&root).unwrap();
    let error = project.register(new_version(folder.path().join("first.onnx"), 2), time(), "tester").unwrap_err();
    assert!(matches!(error, ProjectError::AlreadyRegistered { .. }), "{error}");
}

#[test]
fn a_file_replaced_during_registration_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (root, second) = project_in(folder.path());
    let new = new_version(second.clone(), 2);
    fs::write(&second, b"something else").unwrap();
    let mut project = Project::open(&root).unwrap();
    assert!(matches!(project.register(new, time(), "tester"), Err(ProjectError::ChangedOutside { .. })));
    assert_eq!(leftovers(&root.join("models")), Vec::<String>::new());
    assert_eq!(Project::open(&root).unwrap().versions().len(), 1);
}

/// A disk without room: every write fails, as on a full disk.
struct FullDisk;

impl Disk for FullDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_folder(path)
    }
    fn create_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_file(path)
    }
    fn write(&self, _path: &Path, _content: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn copy(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn append(&self, _path: &Path, _content: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn sync(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_folder(path)
    }
}

#[test]
fn a_full_disk_loses_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (root, second) = project_in(folder.path());
    let mut project = Project::open_on(&root, Arc::new(FullDisk)).unwrap();
    Arc::make_mut(&mut project.documents.brief).problem = "new".to_owned();
    for error in [project.save().unwrap_err(), project.register(new_version(second, 2), time(), "t").unwrap_err()] {
        assert!(error.to_string().contains("the disk is full"), "{error}");
    }
    // What was typed is still there to be saved, and what was saved before is untouched.
    assert_eq!((project.documents.brief.problem.as_str(), project.unsaved().len()), ("new", 1));
    assert_eq!(Project::open(&root).unwrap().documents.brief.problem, "old");
    assert_eq!((leftovers(&root), leftovers(&root.join("models"))), (vec![], vec![]));
}

#[test]
fn words_edited_elsewhere_are_understood_anew_and_an_edited_value_stands() {
    use trestle::command::BriefField;
    let folder = tempfile::tempdir().unwrap();
    let (root, _) = project_in(folder.path());
    let mut project = Project::open(&root).unwrap();
    BriefField::Latency.answer(Arc::make_mut(&mut project.documents.brief), "< 200ms per prediction".to_owned());
    project.save().unwrap();
    let path = root.join("brief.ron");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("limit_ms: 200.0"), "{text}");

    // As an editor or sed would do it: everywhere in the file.
    fs::write(&path, text.replace("200ms", "5ms")).unwrap();
    let latency = Project::open(&root).unwrap().documents.brief.latency.clone();
    assert!((latency.value.unwrap().limit_ms - 5.0).abs() < 1e-12);

    fs::write(&path, text.replace("limit_ms: 200.0", "limit_ms: 0.001")).unwrap();
    let latency = Project::open(&root).unwrap().documents.brief.latency.clone();
    assert!(latency.is_overridden());
    assert!((latency.value.unwrap().limit_ms - 0.001).abs() < 1e-12);
}
