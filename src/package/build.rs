//! Sending the context to the engine and following the build; or the whole image, to an engine that does not build.

use std::time::Duration;

use bollard::errors::Error;
use bollard::models::BuildInfo;
use bollard::query_parameters::{BuildImageOptionsBuilder, ImportImageOptionsBuilder};
use bollard::{Docker, body_try_stream};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::context::{BuildContext, megabytes, parts};
use super::discover::Engine;
use super::error::{PackageError, is_full};
use super::leftovers::Leftovers;
use super::reference::Reference;
use super::{BuildPlan, oci};
use crate::jobs::JobContext;

/// How long the engine may be silent within a build.
const SILENCE_LIMIT: Duration = Duration::from_mins(2);

/// How often cancellation is looked for.
const CANCEL_TICK: Duration = Duration::from_millis(100);

/// Size of the pieces that the context is sent in.
const CHUNK_BYTES: usize = 1 << 20;

/// Returns once the job is cancelled.
pub(super) async fn cancelled(context: &JobContext) {
    let mut ticks = interval(CANCEL_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !context.cancelled() {
        ticks.tick().await;
    }
}

/// Waits for `work`, but neither beyond `limit` nor beyond cancellation.
pub(super) async fn guarded<T>(
    context: &JobContext,
    stage: &'static str,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, PackageError> {
    tokio::select! {
        biased;
        () = cancelled(context) => Err(PackageError::Cancelled),
        result = timeout(limit, work) => result.map_err(|_elapsed| PackageError::TimedOut { stage, limit }),
    }
}

/// The same for a request to the engine.
pub(super) async fn request<T>(
    context: &JobContext,
    stage: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, PackageError> {
    guarded(context, stage, limit, work).await?.map_err(|error| PackageError::from_engine(stage, &error))
}

/// Makes the image under a temporary tag and returns its identity.
///
/// An engine that refuses the build as such, as one with `BuildKit` alone does, is given the image as a file instead.
pub(super) async fn build_image(
    plan: &BuildPlan,
    engine: &Engine,
    build: BuildContext,
    leftovers: &Leftovers,
    context: &JobContext,
) -> Result<String, PackageError> {
    match classic_build(&engine.docker, build, leftovers, context).await? {
        Built::Image(id) => Ok(id),
        Built::Refused(reason) => {
            context.log(format!("The engine does not build it ({reason}); it is given the whole image instead"));
            load_image(plan, engine, leftovers, context).await
        }
    }
}

/// What came of asking the engine to build.
enum Built {
    /// The image's identity.
    Image(String),
    /// It did not begin, for this reason.
    Refused(String),
}

async fn classic_build(
    docker: &Docker,
    build: BuildContext,
    leftovers: &Leftovers,
    context: &JobContext,
) -> Result<Built, PackageError> {
    const STAGE: &str = "building the image";
    let temporary_tag = &leftovers.temporary_tag();
    context.log(format!("Sending {} MB to the engine", megabytes(build.archive.size_bytes())));
    let (size_bytes, pieces) = (build.archive.size_bytes(), build.archive.into_pieces());
    let sent = upload(pieces, size_bytes, "Sending the build context", 0.1, context);
    let body = body_try_stream(futures_util::stream::iter(sent));
    let options =
        BuildImageOptionsBuilder::new().dockerfile("Dockerfile").t(temporary_tag).rm(true).forcerm(true).build();
    let mut answers = docker.build_image(options, None, Some(body));
    let mut step = "FROM scratch".to_owned();
    let mut lines = Lines::default();
    let mut begun = false;
    while let Some(answer) = guarded(context, STAGE, SILENCE_LIMIT, answers.next()).await? {
        let info = match answer {
            Ok(info) => info,
            Err(Error::DockerStreamError { error }) => return Err(PackageError::Build { step, reason: error }),
            Err(Error::DockerResponseServerError { status_code, message }) if !begun && !is_full(&message) => {
                return Ok(Built::Refused(format!("status {status_code}: {}", message.trim())));
            }
            Err(other) => return Err(PackageError::from_engine(STAGE, &other)),
        };
        begun = true;
        for line in lines.take(&info) {
            if let Some((number, of, words)) = parse_step(&line) {
                context.progress(Some(0.1 + 0.4 * number as f32 / of.max(1) as f32), format!("Step {number} of {of}"));
                words.clone_into(&mut step);
            }
            leftovers.note(&line);
            context.log(line);
        }
    }
    drop(answers);
    inspected(docker, temporary_tag, STAGE, step, context).await.map(Built::Image)
}

/// Gives the engine the image that is written without one.
async fn load_image(
    plan: &BuildPlan,
    engine: &Engine,
    leftovers: &Leftovers,
    context: &JobContext,
) -> Result<String, PackageError> {
    const STAGE: &str = "loading the image";
    let temporary_tag = &leftovers.temporary_tag();
    context.progress(Some(0.1), "Assembling the image");
    let parts = parts(plan, &engine.os, &engine.architecture)?;
    let archive = oci::archive(plan, parts, &Reference::parse(temporary_tag)?)?;
    context.log(format!("Sending an image of {} MB to the engine", megabytes(archive.size_bytes())));
    let size_bytes = archive.size_bytes();
    let sent = upload(archive.into_pieces(), size_bytes, "Sending the image", 0.5, context);
    let body = body_try_stream(futures_util::stream::iter(sent));
    let options = ImportImageOptionsBuilder::new().build();
    let mut answers = engine.docker.import_image(options, body, None);
    let mut lines = Lines::default();
    while let Some(answer) = guarded(context, STAGE, SILENCE_LIMIT, answers.next()).await? {
        let info = answer.map_err(|error| PackageError::from_engine(STAGE, &error))?;
        for line in lines.take(&info) {
            context.log(line);
        }
    }
    drop(answers);
    inspected(&engine.docker, temporary_tag, STAGE, "loading the image".to_owned(), context).await
}

/// Identity of the image under its temporary tag.
async fn inspected(
    docker: &Docker,
    tag: &str,
    stage: &'static str,
    step: String,
    context: &JobContext,
) -> Result<String, PackageError> {
    match request(context, stage, SILENCE_LIMIT, docker.inspect_image(tag)).await {
        Ok(image) => image.id.ok_or_else(|| unfinished(step)),
        // The stream ended as it should, and there is nothing.
        Err(PackageError::Engine { .. } | PackageError::Removed { .. }) => Err(unfinished(step)),
        Err(error) => Err(error),
    }
}

fn unfinished(step: String) -> PackageError {
    PackageError::Build { step, reason: "the engine ended the build without an image".to_owned() }
}

/// The context in pieces, each telling how much was sent when it is taken.
fn upload(
    pieces: Vec<Bytes>,
    size_bytes: u64,
    stage: &'static str,
    until: f32,
    context: &JobContext,
) -> impl Iterator<Item = std::io::Result<Bytes>> + Send + 'static {
    let context = context.clone();
    let mut sent = 0_u64;
    let chunks = pieces.into_iter().flat_map(|piece| {
        (0..piece.len()).step_by(CHUNK_BYTES).map(move |start| piece.slice(start..piece.len().min(start + CHUNK_BYTES)))
    });
    chunks.map(move |chunk| {
        sent += chunk.len() as u64;
        context.progress(Some(until * sent as f32 / size_bytes.max(1) as f32), stage);
        Ok(chunk)
    })
}

/// Lines out of the fragments that an engine sends.
#[derive(Default)]
struct Lines {
    rest: String,
}

impl Lines {
    fn take(&mut self, info: &BuildInfo) -> Vec<String> {
        self.rest.push_str(info.stream.as_deref().unwrap_or_default());
        if let Some(status) = &info.status {
            self.rest.push_str(status);
            self.rest.push('\n');
        }
        let mut lines = Vec::new();
        while let Some(end) = self.rest.find('\n') {
            let line: String = self.rest.drain(..=end).collect();
            let line = line.trim();
            // An arrow to nothing is what `FROM scratch` comes to.
            if !matches!(line, "" | "--->") {
                lines.push(line.to_owned());
            }
        }
        lines
    }
}

/// Number, count and words of a line like `Step 3/10 : ADD exe.tar /`; Podman writes `STEP 3/10: …`.
fn parse_step(line: &str) -> Option<(u32, u32, &str)> {
    let rest = line.strip_prefix("Step ").or_else(|| line.strip_prefix("STEP "))?;
    let (numbers, words) = rest.split_once(':')?;
    let (number, of) = numbers.trim().split_once('/')?;
    Some((number.parse().ok()?, of.parse().ok()?, words.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::no_wake;

    #[test]
    fn steps_are_recognised() {
        #[track_caller]
        fn check(line: &str, expected: Option<(u32, u32, &str)>) {
            assert_eq!(parse_step(line), expected);
        }
        check("Step 3/10 : ADD exe.tar /", Some((3, 10, "ADD exe.tar /")));
        check("STEP 3/10: ADD exe.tar /", Some((3, 10, "ADD exe.tar /")));
        check(" ---> Using cache", None);
        check("Step one", None);
        check("Step x/y : z", None);
    }

    #[test]
    fn lines_are_put_together_from_fragments() {
        let mut lines = Lines::default();
        let info = |stream: &str| BuildInfo { stream: Some(stream.to_owned()), ..BuildInfo::default() };
        assert_eq!(lines.take(&info("Step 1/2 ")), Vec::<String>::new());
        assert_eq!(lines.take(&info(": FROM scratch\n\n --->")), ["Step 1/2 : FROM scratch"]);
        assert_eq!(lines.take(&info(" abc\n")), ["---> abc"]);
    }

    #[test]
    fn the_upload_is_complete_and_tells_how_far_it_is() {
        let context = JobContext::new(no_wake());
        let pieces = vec![Bytes::from(vec![1; CHUNK_BYTES + 5]), Bytes::new(), Bytes::from(vec![2; 10])];
        let sent: Vec<usize> = upload(pieces, CHUNK_BYTES as u64 + 15, "Sending", 0.1, &context)
            .map(|chunk| chunk.unwrap().len())
            .collect();
        assert_eq!(sent, [CHUNK_BYTES, 5, 10]);
        assert_eq!(context.fraction(), Some(0.1));
    }

    #[tokio::test]
    async fn waiting_ends_with_cancellation_and_at_the_limit() {
        let context = JobContext::new(no_wake());
        let wait = guarded(&context, "waiting", Duration::from_millis(20), std::future::pending::<()>()).await;
        assert!(matches!(wait, Err(PackageError::TimedOut { .. })));
        context.cancel();
        let wait = guarded(&context, "waiting", Duration::from_mins(1), std::future::pending::<()>()).await;
        assert!(matches!(wait, Err(PackageError::Cancelled)));
    }
}
