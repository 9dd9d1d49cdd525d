//! Recent projects and choices about the window, kept per user and not per project.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::project::disk::{RealDisk, write_atomic};
use crate::project::format;

/// Recent projects kept.
const RECENT: usize = 10;

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// A project that was open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// Its folder.
    pub root: PathBuf,
    /// Its name.
    pub name: String,
}

/// The user's choices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Projects, the last first.
    pub recent: Vec<Recent>,
    /// Light or dark.
    pub theme: ThemeChoice,
    /// Whether the learn drawer is open.
    pub learn: bool,
    /// The executable that goes into images; `None` takes the smallest at hand.
    pub executable: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { recent: Vec::new(), theme: ThemeChoice::System, learn: true, executable: None }
    }
}

impl Settings {
    /// The kept choices; anything unreadable gives the defaults, as these are only conveniences.
    pub fn load(path: Option<&Path>) -> Self {
        let text = path.and_then(|path| std::fs::read_to_string(path).ok());
        text.and_then(|text| format::parse(&text, Path::new("settings.ron")).ok())
            .map(|parsed| parsed.document)
            .unwrap_or_default()
    }

    /// Keeps the choices; a failure is logged, as nothing the user made depends on it.
    pub fn save(&self, path: Option<&Path>) {
        let Some(path) = path else { return };
        let result = format::render(self)
            .map_err(std::io::Error::other)
            .and_then(|text| write_atomic(&RealDisk, path, text.as_bytes()));
        if let Err(error) = result {
            tracing::warn!(path = %path.display(), %error, "the settings could not be saved");
        }
    }

    /// Puts a project first.
    pub fn remember(&mut self, root: PathBuf, name: String) {
        self.recent.retain(|recent| recent.root != root);
        self.recent.insert(0, Recent { root, name });
        self.recent.truncate(RECENT);
    }
}
