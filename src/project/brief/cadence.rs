//! Not parsed yet.

use super::{RetrainingCadence, Understand};

impl Understand for RetrainingCadence {
    fn understand(_words: &str) -> Option<Self> {
        None
    }

    fn describe(&self) -> String {
        String::new()
    }
}
