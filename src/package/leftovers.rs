//! What a build makes on the way, and its removal: at the end of the build whatever its outcome, or at the start of
//! the next one when the process was killed.
//!
//! **Invariant:** only what carries Trestle's own label and this build's (or a dead process's) name is removed, and
//! never an image that any other tag names.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerSummary, ImageSummary};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::time::{sleep, timeout};

use super::discover::Engine;
use super::dockerfile::{KIND_IMAGE, KIND_LABEL, KIND_VERIFICATION, PROJECT_LABEL};
use super::error::{PackageError, is_of_a_moment};

/// Label of a verification container with the build it belongs to.
pub(super) const OWNER_LABEL: &str = "io.trestle.owner";

/// Repository of the tag that an image has until it is verified.
pub(super) const TEMPORARY_REPOSITORY: &str = "trestle-build";

/// How long one removal may take; a hanging engine must not hold up the error that it caused.
const REMOVAL_LIMIT: Duration = Duration::from_secs(10);

/// How long an interrupted engine may go on committing the step it was at.
const SETTLING: Duration = Duration::from_millis(250);

/// How often a list that holds a word of a moment is asked for again.
const MOMENTS: usize = 20;

/// Images of an interrupted build that are younger may belong to a build that is going on.
const INTERRUPTED_AGE_SECONDS: i64 = 600;

/// The process that a build belongs to, told apart from those of other machines, boots and pid namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    machine: String,
    boot: String,
    namespace: String,
    pid: u32,
    started: String,
}

impl Process {
    /// This process; where there is no `/proc` its start is empty, and nothing can be told about others.
    fn current() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let machine = format!("{}{}", text("/etc/machine-id"), text("/proc/sys/kernel/hostname"));
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let pid = std::process::id();
        Self {
            machine: short_hash(&machine),
            boot: short_hash(&text("/proc/sys/kernel/random/boot_id")),
            namespace: short_hash(&namespace.to_string_lossy()),
            pid,
            started: start_time(pid).unwrap_or_default(),
        }
    }

    /// A name that fits a label and a tag.
    fn name(&self) -> String {
        let Self { machine, boot, namespace, pid, started } = self;
        format!("{machine}-{boot}-{namespace}-{pid}-{started}")
    }

    fn from_name(name: &str) -> Option<Self> {
        let mut parts = name.split('-').map(str::to_owned);
        Some(Self {
            machine: parts.next()?,
            boot: parts.next()?,
            namespace: parts.next()?,
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?,
        })
    }

    /// Whether this process certainly runs no more, as seen from `here`; `start_time` asks for a running one's.
    fn is_dead(&self, here: &Self, start_time: impl Fn(u32) -> Option<String>) -> bool {
        if self.machine != here.machine || here.started.is_empty() {
            return false;
        }
        self.boot != here.boot
            || (self.namespace == here.namespace && start_time(self.pid).as_ref() != Some(&self.started))
    }
}

fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("{:08x}", digest.iter().take(4).fold(0_u32, |hash, byte| hash << 8 | u32::from(*byte)))
}

/// When a process started, in the kernel's ticks.
fn start_time(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the 22nd field is the 20th after it.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
}

/// Names of the builds of this process that are going on.
static GOING_ON: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn going_on() -> MutexGuard<'static, BTreeSet<String>> {
    GOING_ON.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name for one build of this process, which goes on until its leftovers are cleared.
pub(super) fn build_name() -> String {
    static BUILDS: AtomicU64 = AtomicU64::new(0);
    let name = format!("{}-{}", Process::current().name(), BUILDS.fetch_add(1, Ordering::Relaxed));
    going_on().insert(name.clone());
    name
}

/// Whether the build of this name goes on no more: its process has ended, or it is one of this process's that could not
/// clear its leftovers because the engine had gone.
pub(super) fn is_orphan(name: &str) -> bool {
    let here = Process::current();
    Process::from_name(name).is_some_and(|owner| {
        owner.is_dead(&here, start_time) || (owner == here && !here.started.is_empty() && !going_on().contains(name))
    })
}

/// What one build has made and not yet taken away; dropped without [`Leftovers::clear`], it clears in the background.
pub(super) struct Leftovers {
    docker: Docker,
    pending: bool,
    made: Made,
}

/// What tells the images of one build from those of another.
#[derive(Debug, Default)]
struct Made {
    name: String,
    /// Identities that were there before it.
    before: HashSet<String>,
    /// Beginnings of the identities that its log told, in order.
    steps: Mutex<Vec<String>>,
}

impl Made {
    /// Whether an image is a step of this build: the log told of it, or it follows the last one that the log told of.
    fn includes(&self, image: &ImageSummary) -> bool {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let is = |id: &str, step: &String| id.strip_prefix("sha256:").unwrap_or(id).starts_with(step.as_str());
        let told = steps.iter().any(|step| is(&image.id, step));
        let follows = steps.last().is_some_and(|step| is(&image.parent_id, step));
        is_nameless(image) && !self.before.contains(&image.id) && (told || follows)
    }
}

impl Leftovers {
    /// Remembers what was there before the build of this name.
    pub(super) async fn watch(docker: &Docker, name: &str) -> Result<Self, Error> {
        let before = trestle_images(docker).await?.into_iter().map(|image| image.id).collect();
        let made = Made { name: name.to_owned(), before, ..Made::default() };
        Ok(Self { docker: docker.clone(), pending: true, made })
    }

    /// Remembers the image that a line of the build's log tells of, as in `---> 3fd35fb1ac85`.
    pub(super) fn note(&self, line: &str) {
        let id = line.strip_prefix("--->").or_else(|| line.strip_prefix("-->")).unwrap_or_default().trim();
        if 12 <= id.len() && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.made.steps.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
        }
    }

    /// The tag of the image until it is verified.
    pub(super) fn temporary_tag(&self) -> String {
        format!("{TEMPORARY_REPOSITORY}:{}", self.made.name)
    }

    /// Removes everything; what cannot be removed now, the next build removes.
    pub(super) async fn clear(mut self) {
        self.pending = false;
        Self::remove(&self.docker, &self.made).await;
    }

    async fn remove(docker: &Docker, made: &Made) {
        let work = async {
            // A request that was cut off may still take effect: look again until nothing new turns up.
            let mut quiet = 0;
            while quiet < 2 {
                let removed = remove_containers(docker, &made.name).await? + remove_images(docker, made).await?;
                quiet = if removed == 0 { quiet + 1 } else { 0 };
                if quiet < 2 {
                    sleep(SETTLING).await;
                }
            }
            Ok::<(), Error>(())
        };
        match timeout(REMOVAL_LIMIT, work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, build = made.name, "what the build left could not be removed"),
            Err(_elapsed) => tracing::warn!(build = made.name, "what the build left could not be removed in time"),
        }
        going_on().remove(&made.name);
    }

    /// Removes everything but the image, which has a tag of its own now.
    pub(super) async fn keep_image(mut self) {
        self.pending = false;
        let tag = self.temporary_tag();
        let work = async {
            remove_containers(&self.docker, &self.made.name).await?;
            remove_image(&self.docker, &tag).await
        };
        if !matches!(timeout(REMOVAL_LIMIT, work).await, Ok(Ok(_))) {
            tracing::warn!(tag, "the temporary tag and the verification container could not be removed");
        }
        going_on().remove(&self.made.name);
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if let (true, Ok(runtime)) = (self.pending, tokio::runtime::Handle::try_current()) {
            let (docker, made) = (self.docker.clone(), std::mem::take(&mut self.made));
            drop(runtime.spawn(async move { Self::remove(&docker, &made).await }));
        }
    }
}

pub(super) async fn remove_containers(docker: &Docker, build: &str) -> Result<usize, Error> {
    let mut removed = 0;
    for container in labelled_containers(docker, OWNER_LABEL, build).await? {
        removed += usize::from(remove_container(docker, &container.id.unwrap_or_default()).await?);
    }
    Ok(removed)
}

/// Removes the image under its temporary tag, or what an interrupted build has come to.
async fn remove_images(docker: &Docker, made: &Made) -> Result<usize, Error> {
    let mut removed = usize::from(remove_image(docker, &format!("{TEMPORARY_REPOSITORY}:{}", made.name)).await?);
    for image in trestle_images(docker).await? {
        if made.includes(&image) {
            removed += usize::from(remove_image(docker, &image.id).await?);
        }
    }
    Ok(removed)
}

fn is_nameless(image: &ImageSummary) -> bool {
    image.repo_tags.iter().all(|tag| tag == "<none>:<none>")
}

/// Whether an image is a step of a build: nothing names it, and it lacks the labels that come last.
fn is_unfinished(image: &ImageSummary) -> bool {
    is_nameless(image) && !image.labels.contains_key(PROJECT_LABEL)
}

/// Every image of Trestle's, those between two steps of a build included.
async fn trestle_images(docker: &Docker) -> Result<Vec<ImageSummary>, Error> {
    let filters = HashMap::from([("label", vec![format!("{KIND_LABEL}={KIND_IMAGE}")])]);
    let options = ListImagesOptionsBuilder::new().all(true).filters(&filters).build();
    docker.list_images(Some(options)).await
}

pub(super) async fn labelled_containers(
    docker: &Docker,
    label: &str,
    value: &str,
) -> Result<Vec<ContainerSummary>, Error> {
    let filters = HashMap::from([("label", vec![format!("{label}={value}")])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    for _ in 0..MOMENTS {
        match docker.list_containers(Some(options.clone())).await {
            Err(error) if is_of_a_moment(&error) => sleep(SETTLING).await,
            listed => return listed,
        }
    }
    docker.list_containers(Some(options)).await
}

/// Whether the container is gone through this call.
pub(super) async fn remove_container(docker: &Docker, id: &str) -> Result<bool, Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    removal(docker.remove_container(id, Some(options)).await)
}

/// Whether the name or image is gone through this call; an image that is in use stays.
async fn remove_image(docker: &Docker, name: &str) -> Result<bool, Error> {
    let options = RemoveImageOptionsBuilder::new().force(false).noprune(false).build();
    removal(docker.remove_image(name, Some(options), None).await.map(drop))
}

fn removal(result: Result<(), Error>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        // Not there, or in use, or already being removed.
        Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A container or an image of Trestle's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// What it is.
    pub kind: LabelledKind,
    /// Its identity.
    pub id: String,
    /// Its names or tags.
    pub names: Vec<String>,
    /// The project's slug.
    pub project: String,
}

/// Kind of a [`Labelled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelledKind {
    /// An image.
    Image,
    /// A container that verifies an image.
    Verification,
    /// Any other container of an image.
    Container,
}

/// The containers and finished images that carry Trestle's label.
pub async fn list(engine: &Engine) -> Result<Vec<Labelled>, PackageError> {
    labelled(&engine.docker).await.map_err(|error| PackageError::from_engine("listing images", &error))
}

async fn labelled(docker: &Docker) -> Result<Vec<Labelled>, Error> {
    let mut all = Vec::new();
    for (value, kind) in [(KIND_VERIFICATION, LabelledKind::Verification), (KIND_IMAGE, LabelledKind::Container)] {
        for container in labelled_containers(docker, KIND_LABEL, value).await? {
            let labels = container.labels.unwrap_or_default();
            all.push(Labelled {
                kind,
                id: container.id.unwrap_or_default(),
                names: container.names.unwrap_or_default(),
                project: labels.get(PROJECT_LABEL).cloned().unwrap_or_default(),
            });
        }
    }
    for image in trestle_images(docker).await? {
        let Some(project) = image.labels.get(PROJECT_LABEL) else { continue };
        let project = project.clone();
        all.push(Labelled { kind: LabelledKind::Image, id: image.id, names: image.repo_tags, project });
    }
    Ok(all)
}

/// Removes what killed processes left; returns how many containers and images went.
pub async fn cleanup(engine: &Engine, now: Timestamp) -> Result<usize, PackageError> {
    remove_orphans(&engine.docker, now).await.map_err(|error| PackageError::from_engine("removing orphans", &error))
}

/// The build that a temporary tag belongs to; Podman puts the name of a registry in front.
fn temporary_owner(tag: &str) -> Option<&str> {
    let name = tag.rsplit('/').next()?;
    name.strip_prefix(TEMPORARY_REPOSITORY)?.strip_prefix(':')
}

async fn remove_orphans(docker: &Docker, now: Timestamp) -> Result<usize, Error> {
    let mut removed = 0;
    for container in labelled_containers(docker, KIND_LABEL, KIND_VERIFICATION).await? {
        let labels = container.labels.unwrap_or_default();
        if labels.get(OWNER_LABEL).is_some_and(|owner| is_orphan(owner)) {
            removed += usize::from(remove_container(docker, &container.id.unwrap_or_default()).await?);
        }
    }
    for image in trestle_images(docker).await? {
        for tag in &image.repo_tags {
            // Several builds of the same content are one image.
            if temporary_owner(tag).is_some_and(is_orphan) {
                removed += usize::from(remove_image(docker, tag).await?);
            }
        }
        if image.created < now.as_second() - INTERRUPTED_AGE_SECONDS && is_unfinished(&image) {
            // One that a finished image stands on is refused, and stays.
            removed += usize::from(remove_image(docker, &image.id).await?);
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(machine: &str, boot: &str, namespace: &str, pid: u32, started: &str) -> Process {
        let [machine, boot, namespace, started] = [machine, boot, namespace, started].map(str::to_owned);
        Process { machine, boot, namespace, pid, started }
    }

    #[test]
    fn only_a_process_that_certainly_ended_is_dead() {
        #[track_caller]
        fn check(owner: &Process, here: &Process, dead: bool) {
            let running = |pid: u32| (pid == 7).then(|| "70".to_owned());
            assert_eq!(owner.is_dead(here, running), dead, "{owner:?}");
        }
        let here = process("m", "b", "n", 1, "10");
        check(&process("m", "b", "n", 7, "70"), &here, false);
        check(&process("m", "b", "n", 7, "69"), &here, true);
        check(&process("m", "b", "n", 8, "70"), &here, true);
        check(&process("m", "old", "x", 7, "70"), &here, true);
        check(&process("m", "b", "other", 8, "70"), &here, false);
        check(&process("other", "b", "n", 8, "70"), &here, false);
        check(&process("m", "b", "n", 8, "70"), &process("m", "b", "n", 1, ""), false);
    }

    #[test]
    fn only_steps_of_this_build_are_its_own() {
        let image = |id: &str, parent: &str, tags: &[&str]| ImageSummary {
            id: format!("sha256:{id}"),
            parent_id: format!("sha256:{parent}"),
            repo_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..ImageSummary::default()
        };
        let made = Made {
            before: HashSet::from(["sha256:aaaaaaaaaaaa0".to_owned()]),
            steps: Mutex::new(vec!["aaaaaaaaaaaa".to_owned(), "bbbbbbbbbbbb".to_owned()]),
            ..Made::default()
        };
        assert!(made.includes(&image("bbbbbbbbbbbb1", "aaaaaaaaaaaa0", &[])), "told");
        assert!(made.includes(&image("cccccccccccc2", "bbbbbbbbbbbb1", &["<none>:<none>"])), "follows the last");
        assert!(!made.includes(&image("aaaaaaaaaaaa0", "", &[])), "there before");
        assert!(!made.includes(&image("dddddddddddd3", "aaaaaaaaaaaa0", &[])), "follows an earlier one");
        assert!(!made.includes(&image("bbbbbbbbbbbb1", "aaaaaaaaaaaa0", &["churn:1.0.0"])), "named");
    }

    #[test]
    fn a_temporary_tag_tells_its_build_whatever_stands_in_front() {
        assert_eq!(temporary_owner("trestle-build:a-b-0"), Some("a-b-0"));
        assert_eq!(temporary_owner("registry.example/library/trestle-build:a-b-0"), Some("a-b-0"));
        assert_eq!(temporary_owner("trestle-builder:a-b-0"), None);
        assert_eq!(temporary_owner("churn:1.0.0"), None);
    }

    #[test]
    fn a_name_fits_a_tag_and_reads_back() {
        let name = build_name();
        assert!(name.len() <= 128 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{name}");
        assert_eq!(Process::from_name(&name), Some(Process::current()));
        assert!(!is_orphan(&name) && !is_orphan("nonsense") && !is_orphan("a-b-c-d-e"));
        assert_ne!(name, build_name());
        // Its leftovers were not to be had when it ended; the next build of this process takes them.
        going_on().remove(&name);
        assert_eq!(is_orphan(&name), !Process::current().started.is_empty());
    }
}
