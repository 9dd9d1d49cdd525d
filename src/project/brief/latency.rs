//! Not parsed yet.

use super::{LatencyBudget, Understand};

impl Understand for LatencyBudget {
    fn understand(_words: &str) -> Option<Self> {
        None
    }

    fn describe(&self) -> String {
        String::new()
    }
}
