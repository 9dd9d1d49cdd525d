//! Undo and redo over the documents, as snapshots that share what did not change.

use super::Documents;

/// Snapshots kept.
const DEPTH: usize = 200;

/// The past and the undone future of the documents.
#[derive(Clone, Debug, Default)]
pub struct History {
    past: Vec<Documents>,
    future: Vec<Documents>,
    /// Whether the newest entry of `past` belongs to an edit that is still going on.
    editing: Option<&'static str>,
}

impl History {
    /// Notes that `before` was replaced by an edit.
    ///
    /// Edits of one `field` that follow each other make one entry until [`History::settle`] is called,
    /// so that undo takes back a word and not a letter.
    pub fn record(&mut self, before: Documents, field: &'static str) {
        self.future.clear();
        if self.editing == Some(field) {
            return;
        }
        self.editing = Some(field);
        if DEPTH <= self.past.len() {
            self.past.remove(0);
        }
        self.past.push(before);
    }

    /// Ends the running edit: the next one makes an entry of its own.
    pub fn settle(&mut self) {
        self.editing = None;
    }

    /// The documents before the last edit; `now` can be redone.
    pub fn undo(&mut self, now: &Documents) -> Option<Documents> {
        self.settle();
        let before = self.past.pop()?;
        self.future.push(now.clone());
        Some(before)
    }

    /// The documents that the last undo replaced.
    pub fn redo(&mut self, now: &Documents) -> Option<Documents> {
        self.settle();
        let after = self.future.pop()?;
        self.past.push(now.clone());
        Some(after)
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether there is something to redo.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// Forgets everything, as after a reload.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn documents(problem: &str) -> Documents {
        let mut documents = Documents::default();
        Arc::make_mut(&mut documents.brief).problem = problem.to_owned();
        documents
    }

    #[test]
    fn edits_of_one_field_are_undone_together() {
        let mut history = History::default();
        history.record(documents(""), "problem");
        history.record(documents("a"), "problem");
        assert_eq!(history.undo(&documents("ab")), Some(documents("")));
        assert_eq!(history.redo(&documents("")), Some(documents("ab")));
        assert!(!history.can_redo());
    }

    #[test]
    fn a_settled_edit_is_undone_alone() {
        let mut history = History::default();
        history.record(documents(""), "problem");
        history.settle();
        history.record(documents("a"), "problem");
        assert_eq!(history.undo(&documents("ab")), Some(documents("a")));
        assert_eq!(history.undo(&documents("a")), Some(documents("")));
        assert_eq!(history.undo(&documents("")), None);
    }

    #[test]
    fn a_new_edit_drops_what_was_undone() {
        let mut history = History::default();
        history.record(documents(""), "problem");
        drop(history.undo(&documents("a")));
        history.record(documents(""), "data");
        assert!(!history.can_redo());
    }
}
