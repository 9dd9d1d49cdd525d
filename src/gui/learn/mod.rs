//! The learn drawer: the ideas behind each step in plain words, with small drawings, and an index of all of them.

mod data;
mod delivery;
mod drawings;
mod journey;
mod model;
mod proof;
mod quality;
mod speed;
mod view;

use egui::Ui;

use self::drawings::Drawing;
pub(super) use self::view::LearnView;
use super::ui_command::{Outbox, UiCommand};
use super::widgets::Passage::{self, Quote, Text};
use super::widgets::{LearnSection, term};
use crate::step::Step;

/// A concept with its words; `terms` name other concepts.
#[derive(Debug)]
pub(super) struct Concept {
    name: &'static str,
    title: &'static str,
    drawing: Option<Drawing>,
    passages: &'static [Passage<'static>],
    terms: &'static [&'static str],
}

/// Concepts that belong together, in the order in which they are best read.
struct Chapter {
    title: &'static str,
    concepts: &'static [Concept],
}

const CHAPTERS: &[Chapter] = &[
    Chapter { title: "The way to production", concepts: journey::CONCEPTS },
    Chapter { title: "The model", concepts: model::CONCEPTS },
    Chapter { title: "How good it is", concepts: quality::CONCEPTS },
    Chapter { title: "How fast it is, and where", concepts: speed::CONCEPTS },
    Chapter { title: "Proof", concepts: proof::CONCEPTS },
    Chapter { title: "Data over time", concepts: data::CONCEPTS },
    Chapter { title: "Delivery", concepts: delivery::CONCEPTS },
];

impl Concept {
    /// What it is called; other concepts and [`UiCommand::Learn`] refer to it so.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The title of its page.
    pub(super) fn title(&self) -> &'static str {
        self.title
    }

    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.passages.iter().map(|passage| match passage {
            Text(words) | Quote(words) => *words,
        })
    }

    /// Whether the words that are looked for stand in its name, its title or its page, in lower case.
    fn matches(&self, looked_for: &str) -> bool {
        let mut places = [self.name, self.title].into_iter().chain(self.words());
        places.any(|place| place.to_lowercase().contains(looked_for))
    }

    fn ui(&self, ui: &mut Ui) -> Option<&'static str> {
        let section = LearnSection { title: self.title, passages: self.passages, terms: self.terms };
        let pressed = section.show_with(ui, |ui| {
            if let Some(drawing) = self.drawing {
                drawing.ui(ui);
            }
        });
        pressed.and_then(|pressed| self.terms.get(pressed).copied())
    }
}

/// Every concept, in the order of the index.
pub(super) fn concepts() -> impl Iterator<Item = &'static Concept> {
    CHAPTERS.iter().flat_map(|chapter| chapter.concepts)
}

/// The concept of a name.
pub(super) fn concept(name: &str) -> Option<&'static Concept> {
    concepts().find(|concept| concept.name == name)
}

/// The name of the concept behind a step.
pub(super) fn concept_of(step: Step) -> &'static str {
    match step {
        Step::Brief => "brief",
        Step::Model => "model",
        Step::Benchmark => "benchmark",
        Step::Readiness => "production checklist",
        Step::Drift => "data drift",
        Step::Container => "container",
    }
}

/// A term on a page of the window that opens the drawer at its concept.
pub(super) fn link(ui: &mut Ui, name: &'static str, outbox: &mut Outbox) {
    if term(ui, name).on_hover_text("Explain this in the learn drawer").clicked() {
        outbox.ask(UiCommand::Learn(name));
    }
}

/// How many chapters there are.
#[cfg(feature = "pictures")]
pub(super) const N_CHAPTERS: usize = CHAPTERS.len();

/// Every page of a chapter, as wide as in the drawer, four in a row: to be looked at.
#[cfg(feature = "pictures")]
pub(super) fn chapter_ui(ui: &mut Ui, idx: usize) {
    use super::theme::{LEARN_WIDTH, Look as _, space};
    let panel = egui::Frame::new().fill(ui.tokens().panel).inner_margin(18);
    egui::CentralPanel::default().frame(panel).show(ui, |ui| {
        for line in CHAPTERS[idx].concepts.chunks(4) {
            ui.columns(4, |columns| {
                for (ui, concept) in columns.iter_mut().zip(line) {
                    let width = LEARN_WIDTH - 36.0;
                    let layout = egui::Layout::top_down(egui::Align::Min);
                    ui.allocate_ui_with_layout(egui::vec2(width, 0.0), layout, |ui| concept.ui(ui));
                }
            });
            ui.add_space(space::XXL);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_term_leads_to_a_concept() {
        for one in concepts() {
            for term in one.terms {
                assert!(concept(term).is_some(), "{term} in {}", one.name);
                assert_ne!(*term, one.name, "a page does not lead to itself");
            }
        }
        for step in Step::ALL {
            assert!(concept(concept_of(step)).is_some());
        }
    }

    #[test]
    fn every_concept_has_a_name_of_its_own_and_is_led_to() {
        let names: Vec<&str> = concepts().map(Concept::name).collect();
        for (idx, name) in names.iter().enumerate() {
            assert!(!names[idx + 1..].contains(name), "{name} is there twice");
            let first = Step::ALL.into_iter().any(|step| concept_of(step) == *name);
            let led_to = concepts().any(|other| other.terms.contains(name));
            assert!(led_to || first, "nothing leads to {name}");
        }
    }

    #[test]
    fn the_course_is_covered() {
        for name in [
            "development and deployment",
            "MLOps maturity",
            "scope",
            "brief",
            "minimum viable model",
            "success metric",
            "latency budget",
            "percentile",
            "production checklist",
            "evidence",
            "waiver",
            "data drift",
            "concept drift",
            "label drift",
            "PSI",
            "training/serving skew",
            "feature store",
            "pipeline",
            "CPU and GPU",
            "cloud and on-premises",
            "container",
            "verification",
            "batch and real time",
            "shadow",
            "canary",
            "blue-green",
            "A/B test",
            "version",
            "champion",
            "golden rows",
            "model",
            "feature contract",
            "benchmark",
            "confusion matrix",
            "ROC-AUC",
            "threshold",
            "precision and recall",
            "confidence interval",
            "monitoring",
        ] {
            assert!(concept(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_page_is_neither_a_stub_nor_an_essay() {
        for concept in concepts() {
            let n_words: usize = concept.words().map(|words| words.split_whitespace().count()).sum();
            assert!((60..=140).contains(&n_words), "{} has {n_words} words", concept.name);
            assert!((1..=4).contains(&concept.terms.len()), "{}", concept.name);
        }
    }

    #[test]
    fn a_drawing_is_described_and_drawings_differ_in_their_words() {
        let described: Vec<_> = concepts().filter_map(|one| Some((one.name, one.drawing?.description()))).collect();
        for (name, description) in &described {
            assert!(5 < description.split_whitespace().count(), "{name}");
        }
        for drawing in concepts().filter_map(|one| one.drawing) {
            let same = described.iter().filter(|(_, words)| *words == drawing.description());
            // The percentile is drawn for the budget and for itself.
            assert!(same.count() <= if drawing == Drawing::Percentile { 2 } else { 1 });
        }
    }

    /// Names given to `UiCommand::Learn` and `learn::link` anywhere in the window.
    #[test]
    fn every_link_in_the_window_leads_to_a_concept() {
        fn read(folder: &Path, found: &mut Vec<(String, String)>) {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    read(&path, found);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    // Written so that this line is not found itself.
                    for opening in ["Learn(\u{22}", "link(ui, \u{22}"] {
                        let names = text.split(opening).skip(1).filter_map(|rest| rest.split('"').next());
                        found.extend(names.map(|name| (path.display().to_string(), name.to_owned())));
                    }
                }
            }
        }
        let mut found = Vec::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gui"), &mut found);
        assert!(!found.is_empty());
        for (path, name) in found {
            assert!(concept(&name).is_some(), "{name:?} in {path}");
        }
    }

    #[test]
    fn the_search_finds_names_titles_and_words() {
        let found = |words: &str| concepts().filter(|one| one.matches(words)).map(Concept::name).collect::<Vec<_>>();
        assert_eq!(found("blue-gr"), ["blue-green"]);
        assert!(found("buffet").contains(&"batch and real time"));
        assert!(found("scope first").contains(&"brief"));
        assert_eq!(found("zebra"), Vec::<&str>::new());
        assert_eq!(found("").len(), concepts().count());
    }
}
