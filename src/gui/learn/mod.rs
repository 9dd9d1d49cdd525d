//! The learn drawer: the ideas behind each step in plain words, with small drawings, and an index of all of them.

mod data;
mod delivery;
mod drawings;
mod journey;
mod model;
mod proof;
mod quality;
mod speed;

use egui::{Align, CornerRadius, CursorIcon, Layout, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use self::drawings::Drawing;
use super::text;
use super::theme::{Look as _, RADIUS, size, space};
use super::ui_command::{Outbox, UiCommand};
use super::widgets::Passage::{self, Quote, Text};
use super::widgets::{Field, Icon, LearnSection, focus_ring, icon_button, quiet_button, row, term};
use crate::step::Step;

/// Pages that lead back, at most.
const MAX_TRAIL: usize = 100;

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

/// What the drawer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Index,
    Concept(&'static str),
}

/// The drawer.
#[derive(Debug)]
pub(super) struct LearnView {
    /// Whether there is room for the drawer beside the page.
    pub(super) is_wide: bool,
    /// Whether it lies over the page, where there is no room beside it.
    pub(super) is_over: bool,
    /// What was opened since the page changed; what it shows is the last.
    trail: Vec<Place>,
    search: String,
    /// The search was not shown yet, and wants the keyboard.
    fresh: bool,
}

impl Default for LearnView {
    fn default() -> Self {
        Self { is_wide: true, is_over: false, trail: Vec::new(), search: String::new(), fresh: false }
    }
}

impl LearnView {
    /// Opens a concept; an unknown name changes nothing.
    pub(super) fn open(&mut self, name: &str) {
        if let Some(concept) = concept(name) {
            self.go(Place::Concept(concept.name));
        }
    }

    /// Opens the index.
    pub(super) fn open_index(&mut self) {
        self.search.clear();
        self.fresh = true;
        self.go(Place::Index);
    }

    /// Shows the concept of the page again.
    pub(super) fn reset(&mut self) {
        self.trail.clear();
    }

    fn go(&mut self, place: Place) {
        if self.trail.last() != Some(&place) {
            self.trail.push(place);
        }
        if MAX_TRAIL < self.trail.len() {
            self.trail.remove(0);
        }
    }

    /// Shows the drawer; `first` names the concept where nothing else was opened.
    pub(super) fn ui(&mut self, ui: &mut Ui, first: &'static str, outbox: &mut Outbox) {
        let place = self.trail.last().copied().unwrap_or(Place::Concept(first));
        self.head_ui(ui, place, outbox);
        match place {
            Place::Index => self.index_ui(ui),
            Place::Concept(name) => {
                let Some(concept) = concept(name) else { return };
                // A scroll position belongs to its page.
                let scroll = ScrollArea::vertical().id_salt(name).auto_shrink(false);
                if let Some(term) = scroll.show(ui, |ui| concept.ui(ui)).inner {
                    self.open(term);
                }
            }
        }
    }

    fn head_ui(&mut self, ui: &mut Ui, place: Place, outbox: &mut Outbox) {
        row(ui, 24.0, |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            if self.trail.is_empty() {
                ui.label(text::small("Learn"));
            } else if quiet_back(ui) {
                self.trail.pop();
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, Icon::Close, "Close the drawer").clicked() {
                    outbox.ask(UiCommand::ToggleLearn);
                }
                if place != Place::Index && quiet_button(ui, "All concepts").clicked() {
                    self.open_index();
                }
            });
        });
        ui.add_space(space::S - ui.spacing().item_spacing.y);
    }

    fn index_ui(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.y = space::S;
        super::widgets::heading_label(ui, text::heading("All concepts"));
        let response =
            Field::new("Find a concept", &mut self.search).unlabelled().placeholder("Find a concept").show(ui);
        if std::mem::take(&mut self.fresh) {
            response.request_focus();
        }
        let looked_for = self.search.trim().to_lowercase();
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let mut opened = None;
        let mut n_found = 0;
        ScrollArea::vertical().id_salt("index").auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for chapter in CHAPTERS {
                let found = || chapter.concepts.iter().filter(|concept| concept.matches(&looked_for));
                if found().next().is_none() {
                    continue;
                }
                ui.add_space(if n_found == 0 { 0.0 } else { space::M });
                ui.label(text::small_medium(chapter.title).weak().line_height(Some(24.0)));
                for concept in found() {
                    let pressed = entry_ui(ui, concept);
                    if pressed || (entered && n_found == 0 && !looked_for.is_empty()) {
                        opened = Some(concept.name);
                    }
                    n_found += 1;
                }
            }
            if n_found == 0 {
                ui.label(text::weak(format!("No page speaks of “{}”", self.search.trim())));
            }
        });
        if let Some(name) = opened {
            self.open(name);
        }
    }
}

/// Whether the way back was pressed.
fn quiet_back(ui: &mut Ui) -> bool {
    use super::widgets::{Button, Tone};
    ui.add(Button::new(Tone::Quiet, "Back").icon(Icon::ChevronLeft).small().flush()).clicked()
}

/// A line of the index; whether it was pressed.
fn entry_ui(ui: &mut Ui, concept: &Concept) -> bool {
    let t = ui.tokens();
    let height = size::line(size::BODY) + 7.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width() - space::XS, height), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, concept.name));
    if ui.is_rect_visible(rect) {
        if response.hovered() {
            ui.painter().rect_filled(rect, RADIUS, t.raise);
        }
        focus_ring(ui, &response, CornerRadius::same(RADIUS));
        let galley = text::line(ui, text::body(capitalised(concept.name)), rect.width() - 2.0 * space::S);
        let at = egui::pos2(rect.left() + space::S, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, t.text);
    }
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(concept.title).clicked()
}

/// How many chapters there are.
#[cfg(feature = "pictures")]
pub(super) const N_CHAPTERS: usize = CHAPTERS.len();

/// Every page of a chapter, as wide as in the drawer, four in a row: to be looked at.
#[cfg(feature = "pictures")]
pub(super) fn chapter_ui(ui: &mut Ui, idx: usize) {
    let panel = egui::Frame::new().fill(ui.tokens().panel).inner_margin(18);
    egui::CentralPanel::default().frame(panel).show(ui, |ui| {
        for line in CHAPTERS[idx].concepts.chunks(4) {
            ui.columns(4, |columns| {
                for (ui, concept) in columns.iter_mut().zip(line) {
                    let width = super::theme::LEARN_WIDTH - 36.0;
                    let layout = Layout::top_down(Align::Min);
                    ui.allocate_ui_with_layout(vec2(width, 0.0), layout, |ui| concept.ui(ui));
                }
            });
            ui.add_space(space::XXL);
        }
    });
}

/// A name as the beginning of a line.
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
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
                    for opening in [concat!("Learn", "(\""), concat!("link(ui, ", "\"")] {
                        let names = text.split(opening).skip(1).filter_map(|rest| rest.split('"').next());
                        found.extend(names.map(|name| (path.display().to_string(), name.to_owned())));
                    }
                }
            }
        }
        let mut found = Vec::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gui"), &mut found);
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

    #[test]
    fn the_trail_leads_back_and_an_unknown_name_leads_nowhere() {
        let mut view = LearnView::default();
        view.open("canary");
        view.open("canary");
        view.open("zebra");
        view.open_index();
        assert_eq!(view.trail, [Place::Concept("canary"), Place::Index]);
        for _ in 0..200 {
            view.open("shadow");
            view.open("canary");
        }
        assert_eq!(view.trail.len(), MAX_TRAIL);
        view.reset();
        assert!(view.trail.is_empty());
    }
}
