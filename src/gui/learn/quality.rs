//! Concepts of a classifier's quality: how its mistakes are counted, and how far a count can be trusted.

use super::drawings::Drawing;
use super::{Concept, Quote, Text};

pub(super) const CONCEPTS: &[Concept] = &[
    Concept {
        name: "confusion matrix",
        title: "The confusion matrix",
        drawing: Some(Drawing::ConfusionMatrix),
        passages: &[
            Text(
                "Four counts hold all that a yes-or-no model got right and wrong: found, missed, false alarms, and \
                 rightly left alone. Every score such as precision or recall is a fraction of these cells.",
            ),
            Text(
                "Accuracy adds up the diagonal, and misleads where one class is rare: when two customers in a hundred \
                 leave, saying “nobody leaves” is 98\u{a0}% accurate and finds none of them.",
            ),
            Quote("A smoke alarm has two faults, silence in a fire and noise at breakfast. Count them apart."),
        ],
        terms: &["precision and recall", "threshold", "ROC-AUC"],
    },
    Concept {
        name: "precision and recall",
        title: "Precision and recall",
        drawing: None,
        passages: &[
            Text(
                "Precision: of those called positive, how many are. Recall: of those that are positive, how many were \
                 found. Calling more rows positive finds more and errs more often, so one is usually bought with the \
                 other.",
            ),
            Text(
                "Where a false alarm costs most, as with a blocked card, ask for precision. Where a miss costs most, as \
                 with a disease, ask for recall. F1 is their harmonic mean, near the lower of the two.",
            ),
            Quote("A wide net catches every fish, and boots. A fine spear brings only fish, and few."),
        ],
        terms: &["confusion matrix", "threshold", "success metric"],
    },
    Concept {
        name: "threshold",
        title: "The threshold",
        drawing: Some(Drawing::Threshold),
        passages: &[
            Text(
                "A model gives a probability; a decision needs a line. From the threshold upwards a row is called \
                 positive. Half is only a habit: the right place depends on what each kind of mistake costs.",
            ),
            Quote("How high the bar stands decides who is stopped at the door, and it is not the doorman who sets it."),
            Text(
                "The threshold belongs in the brief, beside the metric that it moves. Moving it changes precision and \
                 recall without training anything; ROC-AUC stays as it is.",
            ),
        ],
        terms: &["precision and recall", "ROC-AUC", "confusion matrix", "brief"],
    },
    Concept {
        name: "ROC-AUC",
        title: "The ROC curve and its area",
        drawing: Some(Drawing::Roc),
        passages: &[
            Text(
                "For every threshold the curve shows the share of positives found against the share of negatives \
                 called by mistake. Chance runs along the diagonal; a perfect model goes straight up, then right.",
            ),
            Text(
                "The area under it is the probability that a positive drawn at random scores above a negative: 0.5 is \
                 a coin, 1 is perfect order. It judges the order, not the probabilities, and with very rare positives \
                 it flatters: look at precision too.",
            ),
        ],
        terms: &["threshold", "confusion matrix", "success metric", "confidence interval"],
    },
    Concept {
        name: "confidence interval",
        title: "How sure a number is",
        drawing: Some(Drawing::Interval),
        passages: &[
            Text(
                "A score is measured on the rows at hand; other rows would have given another. A 95\u{a0}% interval is made \
                 so that, over many repetitions, it covers the true value nineteen times in twenty. Four times the rows \
                 halve its width.",
            ),
            Quote("Three spoonfuls tell something about the soup, thirty tell more, and nobody eats the pot to know."),
            Text(
                "If the limit of the brief lies inside the interval, the honest answer is that more rows are needed. \
                 Two models whose intervals overlap widely have not been told apart.",
            ),
        ],
        terms: &["success metric", "champion", "A/B test", "PSI"],
    },
];
