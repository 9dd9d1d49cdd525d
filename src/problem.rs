//! What could not be done, in words for a person: what, where, and what to do about it.
//!
//! Every module has its own error enum; at the rim each becomes a [`Problem`], which the window shows in its place
//! and the command line prints or returns as `{"error": {"what", "where", "fix"}}`.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One clear error: what happened, where, and how to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What went wrong, a sentence without a full stop.
    pub what: String,
    /// The file, address or field it concerns; may be empty.
    #[serde(rename = "where")]
    pub place: String,
    /// What the reader can do; may be empty.
    pub fix: String,
}

impl Problem {
    /// A problem from its three parts.
    pub fn new(what: impl Into<String>, place: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), place: place.into(), fix: fix.into() }
    }

    /// The same problem at a place.
    #[must_use]
    pub fn at(self, place: &Path) -> Self {
        Self { place: place.display().to_string(), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.place.is_empty() {
            write!(f, ": {}", self.place)?;
        }
        if !self.fix.is_empty() {
            write!(f, ". {}", self.fix)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
