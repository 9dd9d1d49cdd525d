//! Not parsed yet.

use super::{InputSpec, Understand};

impl Understand for InputSpec {
    fn understand(_words: &str) -> Option<Self> {
        None
    }

    fn describe(&self) -> String {
        String::new()
    }
}
