//! The learn drawer: the ideas behind each step, in plain words.

use egui::Ui;

use super::app::View;
use super::widgets::{LearnSection, Passage};
use crate::step::Step;

/// A concept with its words; `terms` name other concepts.
struct Concept {
    name: &'static str,
    section: LearnSection<'static>,
}

const CONCEPTS: &[Concept] = &[
    Concept {
        name: "brief",
        section: LearnSection {
            title: "Scope first",
            passages: &[
                Passage::Text(
                    "A brief is one page that answers eight questions before any code is written. Without it a project \
                     grows until it cannot ship.",
                ),
                Passage::Quote("Nobody pours concrete before knowing which lorries will cross."),
                Passage::Text(
                    "Answer in your own words. What can be measured is picked out and shown under the field, and judges \
                     the model from then on.",
                ),
            ],
            terms: &["scope", "minimum viable model", "success metric", "latency budget"],
        },
    },
    Concept {
        name: "scope",
        section: LearnSection {
            title: "In and out of scope",
            passages: &[
                Passage::Text(
                    "What is in scope is what the first version does. What is out of scope is what people will ask for \
                     anyway: write it down while saying no is still cheap.",
                ),
                Passage::Quote("A bridge for cars that is later asked to carry trains is a new bridge."),
            ],
            terms: &["brief", "minimum viable model"],
        },
    },
    Concept {
        name: "minimum viable model",
        section: LearnSection {
            title: "The minimum viable model",
            passages: &[
                Passage::Text(
                    "The simplest model that already helps someone. It goes through every step to production first, \
                     so that the way is known when the better model arrives.",
                ),
                Passage::Quote("One plank across the stream shows where the bridge must stand."),
            ],
            terms: &["brief", "scope"],
        },
    },
    Concept {
        name: "success metric",
        section: LearnSection {
            title: "Success metrics",
            passages: &[
                Passage::Text(
                    "A metric with a value and a direction turns “good” into something that can fail. Precision asks how \
                     many of those called positive are; recall asks how many of the positives were found; ROC-AUC asks \
                     how well the model orders them.",
                ),
                Passage::Text("Choose the one whose mistake costs the user most."),
            ],
            terms: &["brief", "latency budget"],
        },
    },
    Concept {
        name: "latency budget",
        section: LearnSection {
            title: "Why a percentile",
            passages: &[
                Passage::Text(
                    "An average hides the slow answers. If p95 is 200 ms, nineteen people in twenty waited less than \
                     that; the twentieth is the one who calls support.",
                ),
                Passage::Quote(
                    "What matters to a bridge is not the mean weight of the cars but the heaviest lorry on a full day.",
                ),
            ],
            terms: &["success metric", "brief", "measuring latency"],
        },
    },
    Concept {
        name: "measuring latency",
        section: LearnSection {
            title: "A measurement to rely on",
            passages: &[
                Passage::Text(
                    "The first answers of a freshly loaded model are slow; they warm it up and are not counted. After \
                     that the time of every answer is kept, so that any percentile can be asked for later.",
                ),
                Passage::Quote("A bridge is driven over once before the gauges are read."),
                Passage::Text(
                    "In a closed loop the next request is sent when the last one was answered. That shows how fast the \
                     model is. It does not show the queue that grows when requests come faster than answers.",
                ),
                Passage::Text(
                    "The clock stands beside the model: what a network and a server add is not in these numbers.",
                ),
            ],
            terms: &["enough samples", "latency budget"],
        },
    },
    Concept {
        name: "enough samples",
        section: LearnSection {
            title: "When a percentile can be trusted",
            passages: &[
                Passage::Text(
                    "p99 of a hundred answers is the slowest but one, and the next hundred will have another. So ten \
                     answers must lie beyond a percentile before it is stated: 200 in all for p95, 1,000 for p99.",
                ),
                Passage::Quote("One lorry on one morning says little about the heaviest of the year."),
                Passage::Text(
                    "The interval beside it is where the percentile of all answers lies in 95 of 100 cases, as far as \
                     chance goes. What a busy machine does differently tomorrow is not in it.",
                ),
            ],
            terms: &["measuring latency", "latency budget"],
        },
    },
    Concept {
        name: "model",
        section: LearnSection {
            title: "A model is a contract",
            passages: &[
                Passage::Text(
                    "ONNX holds the trained model as a graph with named inputs and outputs. Those names, types and shapes \
                     are what every caller relies on; the weights behind them may change.",
                ),
                Passage::Quote("The restaurant may change its cook. The menu is what guests order from."),
                Passage::Text(
                    "Nothing is run here before it was inspected, and it runs in a process of its own: a broken model may \
                     end that process, never the window.",
                ),
            ],
            terms: &["version", "golden rows", "feature contract", "champion"],
        },
    },
    Concept {
        name: "version",
        section: LearnSection {
            title: "Versions that mean something",
            passages: &[
                Passage::Text(
                    "MAJOR: features or output changed, callers must change too. MINOR: same contract, another model. \
                     PATCH: only preprocessing or metadata differs.",
                ),
                Passage::Text(
                    "Trestle compares the new file with the last version and proposes the number, with the nodes that \
                     differ as its reason.",
                ),
            ],
            terms: &["champion", "model", "golden rows"],
        },
    },
    Concept {
        name: "champion",
        section: LearnSection {
            title: "Champion and challenger",
            passages: &[Passage::Text(
                "The champion is the version in production. A challenger must beat it before the alias moves. The \
                     alias is a name, so going back is moving the name again; the ledger keeps who moved it and why.",
            )],
            terms: &["version", "model"],
        },
    },
    Concept {
        name: "golden rows",
        section: LearnSection {
            title: "Golden rows",
            passages: &[
                Passage::Text(
                    "Rows whose answers are known. They are asked wherever the model runs: here, in the container, after \
                     a rollback. One that answers differently says that something between training and serving changed.",
                ),
                Passage::Quote("The inspector orders the same dish in every branch and compares the plates."),
                Passage::Text(
                    "Made from the reference data they check that copies agree; imported from the training framework they \
                     check the export itself.",
                ),
            ],
            terms: &["model", "verification"],
        },
    },
    Concept {
        name: "feature contract",
        section: LearnSection {
            title: "The feature contract",
            passages: &[
                Passage::Text(
                    "Each feature has a name, a type, a range, and a rule for a missing value. Training and serving read \
                     the same contract, so that a column cannot silently land in another's place.",
                ),
                Passage::Text("A missing number is passed on as such; a missing text becomes the category named here."),
            ],
            terms: &["model", "golden rows"],
        },
    },
    Concept {
        name: "container",
        section: LearnSection {
            title: "Build, ask, then tag",
            passages: &[
                Passage::Text(
                    "A container carries the model with everything it needs and nothing else: this executable, its four \
                     libraries, the model and its documents. No shell, no Python, no root.",
                ),
                Passage::Quote("A restaurant is inspected before it opens, not after the first complaint."),
                Passage::Text(
                    "The image is started without privileges, asked the golden rows over HTTP and compared with the answers \
                     known here. Only an image that agreed gets its name.",
                ),
            ],
            terms: &["verification", "golden rows", "version"],
        },
    },
    Concept {
        name: "verification",
        section: LearnSection {
            title: "What verification checks",
            passages: &[
                Passage::Text(
                    "That it starts and becomes ready; that it answers every golden row as this machine does; that bad \
                     requests are refused in words; that it logs, runs without root on a read-only disk, and stops when \
                     told to.",
                ),
                Passage::Text("If one check fails, the new image is removed and the name stays on the earlier one."),
            ],
            terms: &["container", "golden rows"],
        },
    },
];

/// The concept behind a step.
fn concept_of(step: Step) -> &'static str {
    match step {
        Step::Brief => "brief",
        Step::Model => "model",
        Step::Benchmark => "measuring latency",
        Step::Readiness | Step::Drift => "model",
        Step::Container => "container",
    }
}

fn find(name: &str) -> Option<&'static Concept> {
    CONCEPTS.iter().find(|concept| concept.name == name)
}

pub(super) fn drawer_ui(ui: &mut Ui, view: &mut View) {
    let name = view.concept.unwrap_or_else(|| concept_of(view.step));
    let Some(concept) = find(name) else { return };
    if let Some(pressed) = concept.section.show(ui) {
        view.concept = concept.section.terms.get(pressed).copied();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_leads_to_a_concept() {
        for concept in CONCEPTS {
            for term in concept.section.terms {
                assert!(find(term).is_some(), "{term} in {}", concept.name);
            }
        }
        for step in Step::ALL {
            assert!(find(concept_of(step)).is_some());
        }
    }
}
