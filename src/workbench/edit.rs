//! Commands on the documents: editing, undo, saving, outside changes.

use std::sync::Arc;
use std::time::Instant;

use super::Workbench;
use super::readiness::Look;
use crate::command::BriefField;
use crate::problem::Problem;
use crate::project::documents::{Feature, FeatureContract, ProjectConfig};
use crate::project::{DocumentKind, DocumentState, Documents, ProjectError};

impl Workbench {
    /// Changes the documents, remembering how they were.
    fn edit(&mut self, field: &'static str, change: impl FnOnce(&mut Documents)) -> Result<(), Problem> {
        let project = self.open_project()?;
        let before = project.documents.clone();
        change(&mut project.documents);
        if project.documents != before {
            self.history.record(before, field);
            self.edited = Some(Instant::now());
        }
        Ok(())
    }

    pub(super) fn answer_brief(&mut self, field: BriefField, words: String) -> Result<(), Problem> {
        self.edit(field.id(), |documents| field.answer(Arc::make_mut(&mut documents.brief), words))
    }

    pub(super) fn set_config(&mut self, config: ProjectConfig) -> Result<(), Problem> {
        self.edit("project", |documents| documents.config = Arc::new(config))
    }

    pub(super) fn set_feature(&mut self, index: usize, feature: Feature) -> Result<(), Problem> {
        self.edit("features", |documents| {
            if let Some(place) = Arc::make_mut(&mut documents.features).features.get_mut(index) {
                *place = feature;
            }
        })
    }

    pub(super) fn take_features(&mut self, features: FeatureContract) -> Result<(), Problem> {
        self.history.settle();
        self.edit("features", |documents| documents.features = Arc::new(features))?;
        self.save()
    }

    pub(super) fn undo(&mut self) -> Result<(), Problem> {
        let project = self.project.as_mut().ok_or_else(super::no_project)?;
        if let Some(before) = self.history.undo(&project.documents) {
            let checklist = Arc::clone(&project.documents.checklist);
            project.documents = Documents { checklist, ..before };
            self.edited = Some(Instant::now());
        }
        Ok(())
    }

    pub(super) fn redo(&mut self) -> Result<(), Problem> {
        let project = self.project.as_mut().ok_or_else(super::no_project)?;
        if let Some(after) = self.history.redo(&project.documents) {
            let checklist = Arc::clone(&project.documents.checklist);
            project.documents = Documents { checklist, ..after };
            self.edited = Some(Instant::now());
        }
        Ok(())
    }

    pub(super) fn save(&mut self) -> Result<(), Problem> {
        self.edited = None;
        let now = self.now();
        let Some(project) = self.project.as_mut() else { return Ok(()) };
        if project.unsaved().is_empty() {
            return Ok(());
        }
        // Another file for the data or another folder for the code needs more than a look at the documents.
        let look = if project.unsaved().contains(&DocumentKind::Config) { Look::Everything } else { Look::Documents };
        match project.save() {
            Ok(()) => {
                self.saved_at = Some(now);
                self.evidence_changed(look);
                Ok(())
            }
            Err(ProjectError::ChangedOutside { .. }) if !project.changed_outside().is_empty() => {
                // Shown as a choice in the window; headless callers see the problem.
                self.conflicts = project.changed_outside();
                let path = self.conflicts.first().map(|kind| project.document_path(*kind)).unwrap_or_default();
                Err(ProjectError::ChangedOutside { path }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Looks whether another program changed a document.
    pub(super) fn watch(&mut self) {
        self.watched = Instant::now();
        let Some(project) = self.project.as_mut() else { return };
        let changed = project.changed_outside();
        let unsaved = project.unsaved();
        let (conflicts, safe): (Vec<_>, Vec<_>) = changed.into_iter().partition(|kind| unsaved.contains(kind));
        for kind in safe {
            // Nothing here would be lost, so the newer document is simply shown.
            project.reload(kind);
            self.history.clear();
            let good = !matches!(project.state(kind), DocumentState::Protected { .. });
            let and = if good { "reloaded" } else { "cannot be read any more" };
            let text = format!("{} was changed by another program and {and}", kind.file_name());
            self.notices.push(super::Notice { good, text });
            self.look_again = Look::Everything;
        }
        self.conflicts = conflicts;
    }

    pub(super) fn reload(&mut self, kind: DocumentKind) -> Result<(), Problem> {
        self.open_project()?.reload(kind);
        self.evidence_changed(Look::Everything);
        self.history.clear();
        self.conflicts.retain(|other| *other != kind);
        self.problem = None;
        Ok(())
    }

    pub(super) fn keep_mine(&mut self, kind: DocumentKind) -> Result<(), Problem> {
        self.open_project()?.keep_mine(kind);
        self.conflicts.retain(|other| *other != kind);
        self.problem = None;
        self.save()
    }

    pub(super) fn complete_unfinished(&mut self) -> Result<(), Problem> {
        let (now, who) = (self.now(), self.environment.who.clone());
        let project = self.open_project()?;
        for unfinished in project.unfinished().to_vec() {
            project.complete(&unfinished, now, &who)?;
        }
        Ok(())
    }
}
