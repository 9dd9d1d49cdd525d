//! What the workbench needs of the machine, passed in so that tests can choose it.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::engine::WorkerConfig;
use crate::jobs::{Wake, no_wake};

/// The machine as the workbench sees it.
#[derive(Clone)]
pub struct Environment {
    /// The worker's executable and limits.
    pub worker: WorkerConfig,
    /// The executable that goes into images.
    pub executable: PathBuf,
    /// Who acts, for the ledger.
    pub who: String,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// For work over the network; made once, in `main`.
    pub runtime: tokio::runtime::Handle,
    /// Where container engines are looked for; `None` goes by the variables of this process.
    pub engines: Option<crate::package::Environment>,
    /// Called when a job has something new.
    pub wake: Wake,
    /// Where recent projects and choices are kept; `None` keeps nothing.
    pub settings: Option<PathBuf>,
    /// Where a person's own copy of the example lives; `None` asks for a folder.
    pub example: Option<PathBuf>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("executable", &self.executable).finish_non_exhaustive()
    }
}

impl Environment {
    /// Where container engines are looked for.
    pub fn engines(&self) -> crate::package::Environment {
        self.engines.clone().unwrap_or_else(crate::package::Environment::from_process)
    }

    /// The real machine, running this executable.
    pub fn real(runtime: tokio::runtime::Handle) -> std::io::Result<Self> {
        let settings =
            directories::ProjectDirs::from("", "", "trestle").map(|dirs| dirs.config_dir().join("settings.ron"));
        Ok(Self {
            worker: WorkerConfig::current_executable()?,
            executable: std::env::current_exe()?,
            who: who(),
            now: crate::clock::now,
            runtime,
            engines: None,
            wake: no_wake(),
            settings,
            example: directories::UserDirs::new().map(|dirs| {
                let documents = dirs.document_dir().unwrap_or(dirs.home_dir());
                documents.join("Trestle").join("churn")
            }),
        })
    }
}

/// The name of the person at the machine; on a pipeline, whatever it calls itself.
fn who() -> String {
    ["GIT_AUTHOR_NAME", "USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}
