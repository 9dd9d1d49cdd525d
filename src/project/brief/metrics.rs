//! Not parsed yet.

use super::{SuccessMetric, Understand};

impl Understand for Vec<SuccessMetric> {
    fn understand(_words: &str) -> Option<Self> {
        None
    }

    fn describe(&self) -> String {
        String::new()
    }
}
