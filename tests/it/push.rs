//! Pushing with a real engine to a registry of the test's own: runs whenever an engine answers, and says loudly when
//! none did.
#![expect(clippy::print_stderr, reason = "what did not run is told whoever runs the tests")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::query_parameters::{BuildImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::StreamExt as _;
use serde_json::json;
use tempfile::TempDir;
use trestle::jobs::{JobContext, no_wake};
use trestle::package::{self, DockerFiles, Engine, Environment, PackageError, PushError, PushPlan, PushProgress};
use trestle::problem::Problem;
use trestle::project::Project;
use trestle::project::deployment::Pushed;
use trestle::project::documents::Evidence;
use trestle::project::reports::{Check, PackageReport};

use crate::cli::{Dir, check_shape};
use crate::registry::{Registry, digest_of};

/// In base64, this has letters that the two alphabets of it write differently.
const PASSWORD: &str = "p~ss?>wörd:~~~";

/// An image of two layers, and an engine that has it.
struct Stage {
    engine: Engine,
    folder: TempDir,
    image: String,
    tag: String,
}

impl Stage {
    /// `None` when no engine answers.
    async fn set(test: &str) -> Option<Self> {
        let engine = match package::discover().await {
            Ok(engine) => engine,
            Err(error) => {
                eprintln!("\nNOT RUN, because it needs a container engine: push::{test}\n{error}\n");
                return None;
            }
        };
        let tag = format!("trestle-it-push-{test}-{}:1", std::process::id());
        let image = build(&engine, &tag, test).await;
        Some(Self { engine, folder: tempfile::tempdir().unwrap(), image, tag })
    }

    /// Docker's configuration with an account for a registry; none without a password.
    fn files(&self, registry: &Registry, password: Option<&str>) -> DockerFiles {
        let auth = password.map(|password| STANDARD.encode(format!("ada:{password}")));
        let config = match auth {
            Some(auth) => json!({"auths": {registry.host.as_str(): {"auth": auth}}}),
            None => json!({"auths": {}}),
        };
        fs::write(self.folder.path().join("config.json"), config.to_string()).unwrap();
        DockerFiles { folder: Some(self.folder.path().to_owned()), helpers: None }
    }

    async fn push(&self, reference: &str, files: &DockerFiles, context: &JobContext) -> Result<Pushed, PackageError> {
        let plan = PushPlan { image: self.image.clone(), reference: reference.to_owned(), time: trestle::clock::now() };
        package::push_in(&plan, &PushProgress::default(), context, &Environment::from_process(), files).await
    }

    /// The image that a name stands for.
    async fn named(&self, reference: &str) -> Option<String> {
        self.engine.docker.inspect_image(reference).await.ok()?.id
    }

    async fn strike(self, references: &[&str]) {
        for name in references.iter().copied().chain([self.tag.as_str()]) {
            let options = RemoveImageOptionsBuilder::new().force(true).build();
            drop(self.engine.docker.remove_image(name, Some(options), None).await);
        }
    }
}

/// Builds an image of two layers, one of them a megabyte that does not pack.
async fn build(engine: &Engine, tag: &str, salt: &str) -> String {
    let mut seed = salt
        .bytes()
        .fold(u64::from(std::process::id()) | 1, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let noise: Vec<u8> = (0..1 << 20)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        })
        .collect();
    let mut archive = tar::Builder::new(Vec::new());
    let dockerfile = b"FROM scratch\nADD noise /noise\nADD salt /salt\nCMD [\"/noise\"]\n";
    for (name, bytes) in [("Dockerfile", &dockerfile[..]), ("noise", &noise), ("salt", salt.as_bytes())] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).unwrap();
    }
    let body = bollard::body_full(archive.into_inner().unwrap().into());
    let options = BuildImageOptionsBuilder::new().t(tag).rm(true).build();
    let mut answers = engine.docker.build_image(options, None, Some(body));
    while let Some(answer) = answers.next().await {
        answer.unwrap();
    }
    drop(answers);
    engine.docker.inspect_image(tag).await.unwrap().id.unwrap()
}

#[tokio::test]
async fn an_image_arrives_complete_and_its_digest_is_told() {
    let Some(stage) = Stage::set("good").await else { return };
    let registry = Registry::start("ada", PASSWORD, false).await;
    let files = stage.files(&registry, Some(PASSWORD));
    let reference = format!("{}/team/model:1.0.0", registry.host);
    let context = JobContext::new(no_wake());
    let pushed = stage.push(&reference, &files, &context).await.unwrap();
    let manifest = registry.complete("team/model:1.0.0").unwrap();
    assert_eq!(pushed.digest, digest_of(&manifest));
    assert_eq!((pushed.reference.as_str(), pushed.credentials.as_str()), (reference.as_str(), "Docker's config.json"));
    assert_eq!(pushed.layers.len(), 2);
    assert!(pushed.layers.iter().all(|layer| layer.state == "Pushed"), "{:?}", pushed.layers);
    assert!(pushed.layers.iter().any(|layer| 1 << 20 <= layer.done_bytes), "{:?}", pushed.layers);
    assert_eq!(context.fraction(), Some(1.0));
    assert!(!context.log_lines().join("\n").contains(PASSWORD));
    let digests = stage.engine.docker.inspect_image(&reference).await.unwrap().repo_digests.unwrap();
    assert_eq!(digests, [format!("{}/team/model@{}", registry.host, pushed.digest)]);
    let again = stage.push(&reference, &files, &JobContext::new(no_wake())).await.unwrap();
    assert_eq!(again.digest, pushed.digest);
    assert!(again.layers.iter().all(|layer| layer.state == "Layer already exists"), "{:?}", again.layers);
    stage.strike(&[&reference]).await;
}

#[tokio::test]
async fn wrong_credentials_are_told_and_the_tag_is_taken_back() {
    let Some(stage) = Stage::set("denied").await else { return };
    let registry = Registry::start("ada", PASSWORD, false).await;
    let reference = format!("{}/team/model:1.0.0", registry.host);
    for (password, expected) in
        [(Some("s3cret"), "credentials were sent from Docker's config.json"), (None, "no credentials were sent")]
    {
        let files = stage.files(&registry, password);
        let error = stage.push(&reference, &files, &JobContext::new(no_wake())).await.unwrap_err();
        assert!(matches!(error, PackageError::Push(PushError::Denied { .. })), "{error:?}");
        let problem = Problem::from(error);
        assert!(problem.what.contains(expected), "{problem}");
        assert!(problem.fix.contains(&format!("docker login {}", registry.host)), "{problem}");
        assert!(!problem.to_string().contains("s3cret"), "{problem}");
        assert_eq!(stage.named(&reference).await, None);
        assert_eq!(stage.named(&stage.tag).await.as_ref(), Some(&stage.image));
    }
    assert_eq!(registry.complete("team/model:1.0.0"), None);
    stage.strike(&[]).await;
}

#[tokio::test]
async fn a_tag_that_named_another_image_names_it_again() {
    let Some(stage) = Stage::set("earlier").await else { return };
    let earlier_tag = stage.tag.replace(":1", ":0");
    let earlier = build(&stage.engine, &earlier_tag, "earlier still").await;
    let registry = Registry::start("ada", PASSWORD, false).await;
    let repository = format!("{}/team/model", registry.host);
    let options = TagImageOptionsBuilder::new().repo(&repository).tag("1").build();
    stage.engine.docker.tag_image(&earlier, Some(options)).await.unwrap();
    let reference = format!("{repository}:1");
    let files = stage.files(&registry, Some("wrong"));
    stage.push(&reference, &files, &JobContext::new(no_wake())).await.unwrap_err();
    assert_eq!(stage.named(&reference).await, Some(earlier));
    stage.strike(&[&reference, &earlier_tag]).await;
}

#[tokio::test]
async fn cancelling_in_the_middle_takes_the_tag_back() {
    let Some(stage) = Stage::set("cancelled").await else { return };
    let registry = Registry::start("ada", PASSWORD, true).await;
    let files = stage.files(&registry, Some(PASSWORD));
    let reference = format!("{}/team/model:1.0.0", registry.host);
    let context = JobContext::new(no_wake());
    let cancel = async {
        while registry.n_uploads() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        context.cancel();
    };
    let (result, ()) = tokio::join!(stage.push(&reference, &files, &context), cancel);
    assert!(matches!(result, Err(PackageError::Cancelled)), "{result:?}");
    assert_eq!(stage.named(&reference).await, None);
    stage.strike(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_pushes_what_was_verified_and_the_ledger_says_so() {
    let Some(stage) = Stage::set("cli").await else { return };
    let registry = Registry::start("ada", PASSWORD, false).await;
    let files = stage.files(&registry, Some(PASSWORD));
    let dir = Dir::with_example();
    let mut project = Project::open(&dir.path("churn")).unwrap();
    let version = project.select(None).unwrap().record.clone();
    let report = PackageReport {
        time: trestle::clock::now(),
        version: version.version.clone(),
        image_id: stage.image.clone(),
        tags: vec![stage.tag.clone()],
        size_bytes: 1,
        engine: "a test".to_owned(),
        timings_ms: Vec::new(),
        checks: vec![Check { name: "a test".to_owned(), pass: true, detail: String::new() }],
        evidence: Evidence { model: version.model.sha256, ..Evidence::default() },
        load: None,
    };
    project.add_package(report, "tester").unwrap();
    drop(project);
    let reference = format!("{}/team/churn:1.1.0", registry.host);
    let (to, folder) = (reference.clone(), files.folder.unwrap().display().to_string());
    let (dir, answer) = tokio::task::spawn_blocking(move || {
        let answer = dir.run_with(&["push", "churn", "--to", &to, "--json"], &[("DOCKER_CONFIG", &folder)]);
        (dir, answer)
    })
    .await
    .unwrap();
    answer.code(0);
    check_shape(&answer, "reference, digest, credentials, layers[{id, state, done_bytes, total_bytes}]");
    let digest = digest_of(&registry.complete("team/churn:1.1.0").unwrap());
    let object = answer.json();
    assert_eq!((&object["reference"], &object["digest"]), (&json!(reference), &json!(digest)));
    let ledger = dir.read("churn/ledger.ron");
    let last = ledger.lines().last().unwrap();
    assert!(last.contains(&format!("push {reference}")) && last.contains(&digest), "{last}");
    assert!(!format!("{object}{ledger}").contains(PASSWORD));
    stage.strike(&[&reference]).await;
}

#[tokio::test]
async fn what_cannot_be_pushed_is_told_with_what_to_do() {
    let Some(stage) = Stage::set("refused").await else { return };
    let nowhere = DockerFiles::default();
    let context = JobContext::new(no_wake());
    // Nothing listens at the first port.
    let error = stage.push("127.0.0.1:1/model:1", &nowhere, &context).await.unwrap_err();
    assert!(matches!(error, PackageError::Push(PushError::Unreachable { .. })), "{error:?}");
    assert_eq!(stage.named("127.0.0.1:1/model:1").await, None);
    for wrong in ["https://127.0.0.1:1/model:1", "127.0.0.1:1/Model:1", ""] {
        let error = stage.push(wrong, &nowhere, &context).await.unwrap_err();
        assert!(matches!(error, PackageError::Tag { .. }), "{wrong}: {error:?}");
    }
    let plan = PushPlan {
        image: format!("sha256:{}", "0".repeat(64)),
        reference: "127.0.0.1:1/model:1".to_owned(),
        time: trestle::clock::now(),
    };
    let environment = Environment::from_process();
    let error = package::push_in(&plan, &PushProgress::default(), &context, &environment, &nowhere).await.unwrap_err();
    assert!(matches!(error, PackageError::Push(PushError::NoImage { .. })), "{error:?}");
    let broken = stage.folder.path().join("config.json");
    fs::write(&broken, "{\"auths\": s3cret").unwrap();
    let files = DockerFiles { folder: broken.parent().map(Path::to_owned), helpers: None };
    let error = stage.push("127.0.0.1:1/model:1", &files, &context).await.unwrap_err();
    let problem = Problem::from(error);
    assert!(problem.place.ends_with("config.json") && !problem.to_string().contains("s3cret"), "{problem}");
    stage.strike(&[]).await;
}
