//! The eleven questions of the course, and what the answer to each depends on.

use crate::project::documents::{Commands, Evidence};
use crate::project::reports::ChecklistCategory;

/// A part of the project that an answer can depend on; each has a hash of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The code tree.
    Code,
    /// The model file.
    Model,
    /// The feature contract.
    Features,
    /// The labelled data.
    Labelled,
    /// The brief.
    Brief,
}

impl Part {
    /// Its name in a sentence: `the model`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "the code",
            Self::Model => "the model",
            Self::Features => "the feature contract",
            Self::Labelled => "the labelled data",
            Self::Brief => "the brief",
        }
    }

    fn hash(self, evidence: &Evidence) -> &str {
        match self {
            Self::Code => &evidence.code,
            Self::Model => &evidence.model,
            Self::Features => &evidence.features,
            Self::Labelled => &evidence.labelled,
            Self::Brief => &evidence.brief,
        }
    }

    /// Those of `parts` that are not the same any more.
    pub fn changed(parts: &[Self], then: &Evidence, now: &Evidence) -> Vec<Self> {
        parts.iter().copied().filter(|part| part.hash(then) != part.hash(now)).collect()
    }
}

/// `the model and the brief changed since`
pub(super) fn changed_since(parts: &[Part]) -> String {
    let names: Vec<&str> = parts.iter().map(|part| part.name()).collect();
    format!("{} changed since", names.join(" and "))
}

/// A question of the checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name for commands.
    pub id: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// The part of the work it belongs to.
    pub category: ChecklistCategory,
    /// What an attestation of it, and the verification that answers it, depend on.
    ///
    /// The image holds the model, the feature contract and the brief, but no code; its documentation describes what the
    /// brief says about the output, its refusals follow from the features, its log and health depend on neither.
    pub parts: &'static [Part],
}

/// The items, in their order.
pub const ITEMS: [Item; 11] = {
    use ChecklistCategory::{Api, Code, Model, Monitoring, Testing};
    const fn item(id: &'static str, label: &'static str, category: ChecklistCategory, parts: &'static [Part]) -> Item {
        Item { id, label, category, parts }
    }
    [
        item("version-control", "In version control", Code, &[Part::Code]),
        item("pinned-dependencies", "Dependencies pinned", Code, &[Part::Code]),
        item("lint-format", "Lint and format", Code, &[Part::Code]),
        item("model-serialised", "Serialised", Model, &[Part::Model]),
        item("version-tracked", "Version tracked", Model, &[Part::Model]),
        item("unit-tests", "Unit tests", Testing, &[Part::Code]),
        item("integration-tests", "Integration tests", Testing, &[Part::Code, Part::Model, Part::Features]),
        item("endpoints-documented", "Endpoints documented", Api, &[Part::Model, Part::Features, Part::Brief]),
        item("errors-handled", "Errors handled", Api, &[Part::Model, Part::Features]),
        item("logging", "Logging", Monitoring, &[Part::Model]),
        item("health-check", "Health check", Monitoring, &[Part::Model]),
    ]
};

impl Item {
    /// The item of that name.
    pub fn of(id: &str) -> Option<&'static Self> {
        static ALL: [Item; 11] = ITEMS;
        ALL.iter().find(|item| item.id == id)
    }

    /// The checks of an image's verification that answer it; of the second kind, those that not every engine
    /// makes, and that reports of earlier versions lack.
    pub(super) fn checks(&self) -> (&'static [&'static str], &'static [&'static str]) {
        match self.id {
            "endpoints-documented" => (&["Describes itself", "Metadata is the contract"], &[]),
            "errors-handled" => (&["Refuses what is malformed"], &[]),
            "logging" => (&["Logs are JSON with a request id"], &[]),
            "health-check" => (
                &["Gets ready", "Live and ready", "Stops when asked"],
                &["Finishes what is under way", "Health check of the image"],
            ),
            _ => (&[], &[]),
        }
    }

    /// How a person finds out and says so, with the project's own commands where it declares them.
    pub(super) fn how_to_attest(&self, commands: &Commands) -> String {
        let declared: Vec<&str> = match self.id {
            "lint-format" => vec![&commands.lint, &commands.format],
            "unit-tests" => vec![&commands.unit_tests],
            "integration-tests" => vec![&commands.integration_tests],
            _ => Vec::new(),
        };
        let declared: Vec<String> = declared
            .into_iter()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| format!("`{line}`"))
            .collect();
        let run = match (self.id, declared.is_empty()) {
            (_, false) => format!("Run {}", declared.join(" and ")),
            ("lint-format", true) => "Run your linter and your format check".to_owned(),
            ("integration-tests", true) => {
                "Send requests to the running container, or run your integration tests".to_owned()
            }
            (_, true) => "Run your tests".to_owned(),
        };
        format!("{run}, then say how it went: trestle attest DIR {} --note TEXT", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_eleven_items_in_five_categories() {
        let ids: Vec<&str> = ITEMS.iter().map(|item| item.id).collect();
        assert_eq!(
            ids,
            [
                "version-control",
                "pinned-dependencies",
                "lint-format",
                "model-serialised",
                "version-tracked",
                "unit-tests",
                "integration-tests",
                "endpoints-documented",
                "errors-handled",
                "logging",
                "health-check",
            ]
        );
        let mut categories: Vec<&str> = ITEMS.iter().map(|item| item.category.label()).collect();
        categories.dedup();
        assert_eq!(categories, ["Code", "Model", "Testing", "API", "Monitoring"]);
    }

    #[test]
    fn the_commands_that_a_project_declares_are_named() {
        let commands = Commands { lint: "ruff check .".to_owned(), ..Commands::default() };
        let fix = |id: &str| Item::of(id).unwrap().how_to_attest(&commands);
        assert_eq!(
            fix("lint-format"),
            "Run `ruff check .`, then say how it went: trestle attest DIR lint-format --note TEXT"
        );
        assert!(fix("unit-tests").starts_with("Run your tests, then"), "{}", fix("unit-tests"));
    }

    #[test]
    fn parts_that_changed_are_named_in_a_sentence() {
        let then = Evidence { model: "a".to_owned(), brief: "b".to_owned(), ..Evidence::default() };
        let now = Evidence { model: "c".to_owned(), code: "d".to_owned(), ..Evidence::default() };
        let changed = Part::changed(&[Part::Model, Part::Features, Part::Brief], &then, &now);
        assert_eq!(changed_since(&changed), "the model and the brief changed since");
    }
}
