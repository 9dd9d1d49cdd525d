//! Credential helpers: programs named `docker-credential-…` that are asked for the secret of one registry.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bollard::auth::DockerCredentials;
use serde_json::Value as Json;
use tokio::time::sleep;

use super::error::PushError;
use crate::jobs::{Job, JobContext, no_wake};
use crate::package::PackageError;

/// How long a helper may take; some ask a person.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// Largest answer that is read.
const MAX_ANSWER_BYTES: u64 = 256 << 10;

/// How often it is looked whether it ended.
const TICK: Duration = Duration::from_millis(10);

/// How long its answer may lag behind its end.
const LAG: Duration = Duration::from_secs(2);

/// The name that says that the secret is a token.
const TOKEN_NAME: &str = "<token>";

/// What a helper says.
pub(super) enum Answer {
    /// An account.
    Found(DockerCredentials),
    /// It knows none for this registry.
    Nothing,
    /// There is no such program.
    NoSuchHelper,
}

/// Asks the helper of that name for the account at `server`.
pub(super) async fn ask(
    folder: Option<&Path>,
    name: &str,
    server: &str,
    limit: Duration,
    context: &JobContext,
) -> Result<Answer, PackageError> {
    let program = format!("docker-credential-{name}");
    let failed = |reason: String| {
        PackageError::from(PushError::Helper { helper: program.clone(), registry: server.to_owned(), reason })
    };
    let mut command = Command::new(folder.map_or_else(|| (&program).into(), |folder| folder.join(&program)));
    let spawned = command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Answer::NoSuchHelper),
        Err(error) => return Err(failed(error.to_string())),
    };
    if let Some(mut input) = child.stdin.take() {
        // One that answers without reading has closed it; its answer tells.
        drop(input.write_all(server.as_bytes()));
    }
    let output = child.stdout.take();
    // Read aside: a grandchild may hold the pipe open for as long as it likes.
    let mut reading: Job<Vec<u8>> = Job::spawn("Asking a credential helper", &no_wake(), move |_| {
        let mut bytes = Vec::new();
        if let Some(output) = output {
            drop(output.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes));
        }
        Ok(bytes)
    });
    let success = wait(&mut child, limit, context)
        .await?
        .ok_or_else(|| failed(format!("it did not answer within {} s", limit.as_secs())))?;
    let ended = Instant::now();
    let bytes = loop {
        if let Some(result) = reading.poll() {
            break result.unwrap_or_default();
        }
        if LAG < ended.elapsed() {
            return Err(failed("it ended and left its answer open".to_owned()));
        }
        sleep(TICK).await;
    };
    let text = String::from_utf8_lossy(&bytes);
    if !success.ok {
        // What it wrote may hold a secret; only the sentence that the protocol fixes is looked for.
        let none = text.contains("credentials not found");
        return if none { Ok(Answer::Nothing) } else { Err(failed(success.words)) };
    }
    let credentials = parse(&text, server).ok_or_else(|| failed("its answer has no name and secret".to_owned()))?;
    Ok(Answer::Found(credentials))
}

struct Ending {
    ok: bool,
    words: String,
}

/// How it ended; `None` when it had to be ended.
async fn wait(child: &mut Child, limit: Duration, context: &JobContext) -> Result<Option<Ending>, PackageError> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                return Ok(Some(Ending { ok: status.success(), words: format!("it ended with {status}") }));
            }
            Ok(None) if started.elapsed() < limit && !context.cancelled() => sleep(TICK).await,
            Ok(None) | Err(_) => {
                // It may have ended by itself meanwhile.
                drop(child.kill());
                drop(child.wait());
                return if context.cancelled() { Err(PackageError::Cancelled) } else { Ok(None) };
            }
        }
    }
}

/// The account in a helper's answer.
fn parse(text: &str, server: &str) -> Option<DockerCredentials> {
    let answer: Json = serde_json::from_str(text).ok()?;
    let field = |name: &str| answer.get(name)?.as_str().filter(|value| !value.is_empty()).map(str::to_owned);
    let (name, secret) = (field("Username")?, field("Secret")?);
    let serveraddress = Some(server.to_owned());
    Some(if name == TOKEN_NAME {
        DockerCredentials { identitytoken: Some(secret), serveraddress, ..DockerCredentials::default() }
    } else {
        DockerCredentials { username: Some(name), password: Some(secret), serveraddress, ..Default::default() }
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// What comes of asking a helper that is this script.
    async fn asked(script: &str, limit: Duration) -> Result<Option<DockerCredentials>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-test");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let context = JobContext::new(no_wake());
        loop {
            match ask(Some(folder.path()), "test", "registry.example", limit, &context).await {
                Ok(Answer::Found(credentials)) => return Ok(Some(credentials)),
                Ok(Answer::Nothing | Answer::NoSuchHelper) => return Ok(None),
                // A process that another test just started still has the file open for writing.
                Err(error) if error.to_string().contains("Text file busy") => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    #[tokio::test]
    async fn a_helper_is_given_the_registry_and_gives_a_name_and_a_secret() {
        let script = r#"[ "$1" = get ] || exit 9
read server || true
printf '{"ServerURL":"%s","Username":"%s","Secret":"s3cret"}' "$server" "$server""#;
        let found = asked(script, LIMIT).await.unwrap().unwrap();
        assert_eq!(found.username.as_deref(), Some("registry.example"));
        assert_eq!(found.password.as_deref(), Some("s3cret"));
        let token = r#"cat >/dev/null; echo '{"Username":"<token>","Secret":"t"}'"#;
        let found = asked(token, LIMIT).await.unwrap().unwrap();
        assert_eq!((found.identitytoken.as_deref(), found.username), (Some("t"), None));
    }

    #[tokio::test]
    async fn a_helper_without_an_account_is_no_error_and_anything_else_is_one_without_a_secret() {
        let none = "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1";
        assert_eq!(asked(none, LIMIT).await, Ok(None));
        for (script, expected) in [
            ("echo s3cret; exit 3", "exit status: 3"),
            ("echo s3cret", "no name and secret"),
            (r#"echo '{"Username":"s3cret"}'"#, "no name and secret"),
            (r#"echo '{"Username":7,"Secret":"s3cret"}'"#, "no name and secret"),
            ("exec </dev/null; head -c 1000000 /dev/zero | tr '\\0' s; true", "no name and secret"),
        ] {
            let error = asked(script, LIMIT).await.unwrap_err();
            assert!(error.contains(expected) && !error.contains("s3cret"), "{script}: {error}");
        }
    }

    #[tokio::test]
    async fn a_helper_that_hangs_is_ended() {
        let error = asked("exec sleep 600", Duration::from_millis(50)).await.unwrap_err();
        assert!(error.contains("did not answer within"), "{error}");
    }

    #[tokio::test]
    async fn a_helper_that_is_not_there_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let context = JobContext::new(no_wake());
        let answer = ask(Some(folder.path()), "gone", "registry.example", LIMIT, &context).await.unwrap();
        assert!(matches!(answer, Answer::NoSuchHelper));
    }
}
