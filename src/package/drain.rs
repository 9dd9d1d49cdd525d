//! How the server stops: it is not ready any more, a request under way is answered, and then it ends.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::container::{Ending, READY_LIMIT, Running, STOP_LIMIT};
use super::error::PackageError;
use super::http::{Client, Unfinished};
use super::verify::check;
use crate::project::reports::Check;

/// How long one part of it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time between two looks at the readiness.
const PAUSE: Duration = Duration::from_millis(5);

/// Stops the container while `body` is half sent to `path`, and tells how it went.
pub(super) async fn stop(running: &mut Running<'_>, path: &str, body: &[u8]) -> Result<Vec<Check>, PackageError> {
    const NAME: &str = "Finishes what is under way";
    const STOPS: &str = "Stops when asked";
    if let Some(exit_code) = running.has_ended().await? {
        return Ok(vec![check(STOPS, false, format!("it had ended before, with exit code {exit_code}"))]);
    }
    let authority = running.client.authority().to_owned();
    let begun = running.within(READY_LIMIT, Unfinished::begin(&authority, path, body, PATIENCE)).await?;
    // The server would wait for a connection that is kept.
    running.hang_up();
    let signalled = Instant::now();
    running.terminate().await?;
    let drained = match begun {
        Err(error) => check(NAME, false, format!("a request could not be begun ({error})")),
        Ok(begun) => {
            let not_ready = running.within(READY_LIMIT, not_ready(&authority)).await?;
            let answer = running.within(READY_LIMIT, begun.finish()).await?;
            match (not_ready, answer) {
                (Err(reason), _) => check(NAME, false, reason),
                (Ok(_), Err(error)) => {
                    check(NAME, false, format!("a request whose body came after SIGTERM was not answered ({error})"))
                }
                (Ok(_), Ok(answer)) if answer.status != 200 => check(
                    NAME,
                    false,
                    format!("a request whose body came after SIGTERM was answered with {}", answer.excerpt()),
                ),
                (Ok(how), Ok(_)) => {
                    check(NAME, true, format!("{how}, and a request whose body came after SIGTERM was answered"))
                }
            }
        }
    };
    let Ending { exit_code, millis } = running.ended(signalled).await?;
    let pass = exit_code == 0 && u128::from(millis) < STOP_LIMIT.as_millis();
    let stopped = check(STOPS, pass, format!("exit code {exit_code} {millis} ms after SIGTERM"));
    Ok(vec![drained, stopped])
}

/// Waits until the server says that it is not ready; the error says that it does not.
async fn not_ready(authority: &str) -> Result<String, String> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let mut client = Client::new(authority.to_owned(), PATIENCE);
        match client.get("/v2/health/ready").await {
            Ok(answer) if answer.status == 503 => return Ok("readiness turned false".to_owned()),
            Ok(answer) if answer.status == 200 => sleep(PAUSE).await,
            Ok(answer) => return Err(format!("after SIGTERM the readiness gives {}", answer.excerpt())),
            Err(error) => return Err(format!("after SIGTERM the readiness gives no answer ({error})")),
        }
    }
    Err(format!("it was still ready {} s after SIGTERM", PATIENCE.as_secs()))
}
