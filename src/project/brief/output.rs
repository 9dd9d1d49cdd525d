//! Not parsed yet.

use super::{OutputSpec, Understand};

impl Understand for OutputSpec {
    fn understand(_words: &str) -> Option<Self> {
        None
    }

    fn describe(&self) -> String {
        String::new()
    }
}
