//! Pushing the image to a registry, under a reference there, with the credentials of the docker command line.

mod credentials;
mod error;
mod helper;
mod progress;

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{CreateImageOptions, RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::time::timeout;

pub(super) use credentials::Credentials;
pub use credentials::DockerFiles;
pub(super) use credentials::find as find_credentials;
pub use error::PushError;
pub use progress::PushProgress;

use super::REQUEST_LIMIT;
use super::build::{guarded, request};
use super::discover::{Engine, discover_in};
use super::environment::Environment;
use super::error::PackageError;
use super::reference::Reference;
use crate::jobs::JobContext;
use crate::project::deployment::Pushed;

/// How long the engine may be silent within a push: it packs a layer before it tells of it.
const SILENCE_LIMIT: Duration = Duration::from_mins(5);

const STAGE: &str = "pushing the image";

/// What to push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushPlan {
    /// The image's identity, or a name that it has here.
    pub image: String,
    /// The reference it gets: `host:port/team/name:tag`.
    pub reference: String,
    /// Now.
    pub time: Timestamp,
}

/// Pushes with the engine and the credentials of this process's environment.
///
/// The image gets the reference as a tag here, which stays when the push succeeds, as with the docker command line;
/// when it fails, the tag is again what it was.
pub async fn push(plan: &PushPlan, progress: &PushProgress, context: &JobContext) -> Result<Pushed, PackageError> {
    push_in(plan, progress, context, &Environment::from_process(), &DockerFiles::from_process()).await
}

/// The same with an engine of this environment and credentials of these files.
pub async fn push_in(
    plan: &PushPlan,
    progress: &PushProgress,
    context: &JobContext,
    environment: &Environment,
    files: &DockerFiles,
) -> Result<Pushed, PackageError> {
    let reference = Reference::parse(&plan.reference)?;
    context.progress(None, "Looking for a container engine");
    let engine = guarded(context, "looking for an engine", REQUEST_LIMIT, discover_in(environment)).await??;
    let credentials = credentials_for(&engine, &reference, files, context).await?;
    if credentials.source.is_empty() {
        context.log(credentials.words());
    } else {
        context.log(format!("Credentials: {}", credentials.source));
    }
    let tag = Tag::set(&engine.docker, &plan.image, &reference, context).await?;
    let sent = send(&engine.docker, &reference, &credentials, progress, context).await;
    match sent {
        Ok(digest) => {
            context.progress(Some(1.0), "Done");
            context.log(format!("Digest: {digest}"));
            Ok(Pushed {
                reference: reference.full(),
                digest,
                credentials: credentials.source,
                layers: progress.layers(),
                time: plan.time,
            })
        }
        Err(error) => {
            tag.restore(&engine.docker, &reference).await;
            Err(error)
        }
    }
}

/// The credentials for the registry of a reference.
pub(super) async fn credentials_for(
    engine: &Engine,
    reference: &Reference,
    files: &DockerFiles,
    context: &JobContext,
) -> Result<Credentials, PackageError> {
    let key = if let Some(registry) = reference.registry() {
        registry.to_owned()
    } else {
        // Which registry a name without a host means is the engine's to say.
        let info = request(context, "asking the engine", REQUEST_LIMIT, engine.docker.info()).await?;
        info.index_server_address.unwrap_or_default()
    };
    find_credentials(files, &key, context).await
}

/// What the reference named before it was given to the image.
struct Tag {
    /// The image that had it.
    before: Option<String>,
    /// Whether the image has another name, and so survives losing this one.
    has_another: bool,
}

impl Tag {
    async fn set(
        docker: &Docker,
        image: &str,
        reference: &Reference,
        context: &JobContext,
    ) -> Result<Self, PackageError> {
        let inspected = guarded(context, STAGE, REQUEST_LIMIT, docker.inspect_image(image)).await?;
        let inspected = inspected.map_err(|error| match error {
            Error::DockerResponseServerError { status_code: 404, .. } => {
                PackageError::from(PushError::NoImage { image: image.to_owned() })
            }
            other => PackageError::from_engine(STAGE, &other),
        })?;
        let full = reference.full();
        let before = match guarded(context, STAGE, REQUEST_LIMIT, docker.inspect_image(&full)).await? {
            Ok(earlier) => earlier.id,
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => None,
            Err(other) => return Err(PackageError::from_engine(STAGE, &other)),
        };
        let has_another = inspected.repo_tags.iter().flatten().any(|name| *name != full);
        context.progress(None, format!("Tagging {full}"));
        // Not to be cut off by cancellation: nobody could say then whether there is something to take back.
        timeout(REQUEST_LIMIT, give(docker, image, reference))
            .await
            .map_err(|_elapsed| PackageError::TimedOut { stage: STAGE, limit: REQUEST_LIMIT })?
            .map_err(|error| PackageError::from_engine(STAGE, &error))?;
        Ok(Self { before, has_another })
    }

    /// Makes the reference name again what it named before.
    async fn restore(self, docker: &Docker, reference: &Reference) {
        let full = reference.full();
        let undo = async {
            match &self.before {
                Some(before) => give(docker, before, reference).await,
                None if self.has_another => {
                    let options = RemoveImageOptionsBuilder::new().noprune(true).build();
                    docker.remove_image(&full, Some(options), None).await.map(drop)
                }
                // Its only name is all that keeps it.
                None => Ok(()),
            }
        };
        match timeout(REQUEST_LIMIT, undo).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, reference = %full, "a tag could not be taken back"),
            Err(_) => tracing::warn!(reference = %full, "a tag could not be taken back in time"),
        }
    }
}

async fn give(docker: &Docker, image: &str, reference: &Reference) -> Result<(), Error> {
    let options = TagImageOptionsBuilder::new().repo(&reference.repository).tag(&reference.tag).build();
    docker.tag_image(image, Some(options)).await
}

/// Sends the image and follows it; gives the digest.
async fn send(
    docker: &Docker,
    reference: &Reference,
    credentials: &Credentials,
    progress: &PushProgress,
    context: &JobContext,
) -> Result<String, PackageError> {
    let full = reference.full();
    let registry = reference.registry().unwrap_or("the engine's default registry");
    let failed = |reason: &str| {
        let words = credentials.words();
        PackageError::from(PushError::from_words(credentials.scrub(reason), &full, registry, &words))
    };
    let docker = pushing(docker, reference);
    let mut answers = docker.create_image(None::<CreateImageOptions>, None, Some(credentials.secret.clone()));
    let mut digest = None;
    while let Some(answer) = guarded(context, STAGE, SILENCE_LIMIT, answers.next()).await? {
        let info = answer.map_err(|error| match error {
            Error::DockerStreamError { error } => failed(&error),
            Error::DockerResponseServerError { message, .. } if !message.is_empty() => failed(&message),
            other => PackageError::from_engine(STAGE, &other),
        })?;
        if let Some(told) = progress.take(&info) {
            digest = Some(told);
        }
        let layers = progress.layers();
        let n_done = layers.iter().filter(|layer| layer.done()).count();
        context.progress(progress.share(), format!("{n_done} of {} layers are there", layers.len()));
    }
    digest.ok_or_else(|| failed("the engine ended it without telling a digest"))
}

/// A client whose request for a new image is a push in truth.
///
/// bollard's own push leaves out which layer a line is about, and it writes the credentials in the standard alphabet
/// of base64 where the engine reads the one for addresses: a password with `~`, `?` or `>` in the wrong place, or any
/// letter beyond ASCII, was dropped without a word.
fn pushing(docker: &Docker, reference: &Reference) -> Docker {
    let path = format!("/images/{}/push?tag={}", reference.repository, reference.tag);
    docker.clone().with_request_modifier(move |mut request| {
        let address = request.uri().to_string();
        if let Some((before, _)) = address.split_once("/images/create")
            && let Ok(address) = format!("{before}{path}").parse()
        {
            *request.uri_mut() = address;
        }
        url_safe(request.headers_mut().get_mut("x-registry-auth"), |value| value.to_str().ok().map(str::to_owned));
        request
    })
}

/// A client whose credentials the engine can read.
pub(super) fn with_readable_credentials(docker: &Docker) -> Docker {
    docker.clone().with_request_modifier(|mut request| {
        url_safe(request.headers_mut().get_mut("x-registry-auth"), |value| value.to_str().ok().map(str::to_owned));
        request
    })
}

/// Writes a value in base64's alphabet for addresses.
fn url_safe<V: TryFrom<String>>(value: Option<&mut V>, text: impl Fn(&V) -> Option<String>) {
    let Some(value) = value else { return };
    let safe = text(value).map(|text| text.replace('+', "-").replace('/', "_"));
    if let Some(safe) = safe.and_then(|safe| V::try_from(safe).ok()) {
        *value = safe;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn the_engines_words_become_what_to_do() {
        #[track_caller]
        fn check(words: &str, expected: &str, fix: &str) {
            let reference = "registry.example/team/churn:1.0.0";
            let error = PushError::from_words(words.to_owned(), reference, "registry.example", "none were sent");
            let problem = Problem::from(PackageError::from(error));
            assert!(problem.what.contains(expected), "{words}: {problem}");
            assert!(problem.fix.contains(fix), "{words}: {problem}");
            assert!(!problem.place.is_empty(), "{words}");
        }
        check("unauthorized: authentication required", "refused the push", "docker login registry.example");
        check("denied: requested access to the resource is denied", "none were sent", "docker login");
        check("no basic auth credentials", "refused the push", "docker login");
        check("Get \"https://x/v2/\": dial tcp: lookup x: no such host", "cannot be reached", "name and port");
        check("dial tcp 10.0.0.1:5000: connect: connection refused", "cannot be reached", "name and port");
        check("http: server gave HTTP response to HTTPS client", "does not speak HTTPS", "insecure-registries");
        check("x509: certificate signed by unknown authority", "does not trust", "certs.d/registry.example/ca.crt");
        check("name unknown: The repository does not exist", "has no repository", "Create the repository");
        check("received unexpected HTTP status: 500", "not completed", "own logs");
    }
}
