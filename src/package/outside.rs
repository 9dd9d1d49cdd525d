//! The executable of the image as a process on this machine, to compare the container with.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::discover::Engine;
use super::http::Client;
use super::{BuildPlan, context};

/// How long it may take to listen, and then to be ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time between two looks at whether it is ready.
const PAUSE: Duration = Duration::from_millis(10);

/// Variables that would make it another server than that in the container begin so.
const OWN_VARIABLES: &str = "TRESTLE_";

/// A server outside, ended when dropped.
pub(super) struct Outside {
    child: Child,
    /// Its `host:port`.
    pub(super) authority: String,
    /// What it serves; removed with it.
    _folder: TempDir,
}

impl Drop for Outside {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts what the image runs, with the same files; the error says why that is not to be had here.
pub(super) async fn start(plan: &BuildPlan, engine: &Engine) -> Result<Outside, String> {
    if !cfg!(target_os = "linux") {
        return Err("the executable of the image runs on Linux only".to_owned());
    }
    if engine.host() != "127.0.0.1" {
        return Err("the engine is on another machine".to_owned());
    }
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder can be made ({error})"))?;
    context::write_model(plan, folder.path()).map_err(|error| format!("its files cannot be written ({error})"))?;
    let mut child = spawn(&plan.executable, &folder.path().join("model"))
        .map_err(|error| format!("the executable cannot be started on this machine ({error})"))?;
    let log = child.stderr.take();
    let mut outside = Outside { child, authority: String::new(), _folder: folder };
    let (found, address) = oneshot::channel();
    if let Some(log) = log {
        // Read to its end: a full pipe would stop the server. It ends with the process.
        drop(tokio::task::spawn_blocking(move || follow(log, found)));
    }
    outside.authority = match timeout(PATIENCE, address).await {
        Ok(Ok(address)) => address,
        Ok(Err(_ended)) => return Err("the executable ended before it listened".to_owned()),
        Err(_elapsed) => return Err(format!("the executable did not listen within {} s", PATIENCE.as_secs())),
    };
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let mut client = Client::new(outside.authority.clone(), PATIENCE);
        if client.get("/v2/health/ready").await.is_ok_and(|answer| answer.status == 200) {
            return Ok(outside);
        }
        sleep(PAUSE).await;
    }
    Err(format!("the executable was not ready within {} s", PATIENCE.as_secs()))
}

fn spawn(executable: &Path, model: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(executable);
    command.arg("serve").arg(model).args(["--address", "127.0.0.1:0"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(OWN_VARIABLES) {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
}

/// Reads the log to its end; the address that it listens at goes to `found`.
fn follow(log: ChildStderr, found: oneshot::Sender<String>) {
    let mut found = Some(found);
    // What is not text is no line of ours, and the end of the log is the end of the process.
    for line in BufReader::new(log).split(b'\n').map_while(Result::ok) {
        if found.is_none() {
            continue;
        }
        let Ok(line) = serde_json::from_slice::<serde_json::Value>(&line) else { continue };
        if let (true, Some(address)) = (line["message"] == "listening", line["address"].as_str())
            && let Some(found) = found.take()
        {
            // Whoever waited may have given up.
            drop(found.send(address.to_owned()));
        }
    }
}
