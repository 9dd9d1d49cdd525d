//! Concepts of data over time: how it moves away from what was learned, and what keeps it together.

use super::drawings::Drawing;
use super::{Concept, Quote, Text};

pub(super) const CONCEPTS: &[Concept] = &[
    Concept {
        name: "data drift",
        title: "Data drift",
        drawing: Some(Drawing::DataDrift),
        passages: &[
            Text(
                "The inputs are no longer distributed as they were in training: P(X) has changed. Customers got \
                 younger, a sensor was replaced, a currency lost half its value. The model is asked about a \
                 world that it has seen little of.",
            ),
            Quote("The bridge is sound, but the lorries became heavier year by year."),
            Text(
                "It shows without any labels, by comparing current data with the reference column by column. Drift in a \
                 column the model hardly uses may not matter; look first at where its importance is high.",
            ),
        ],
        terms: &["concept drift", "label drift", "PSI", "monitoring"],
    },
    Concept {
        name: "concept drift",
        title: "Concept drift",
        drawing: Some(Drawing::ConceptDrift),
        passages: &[
            Text(
                "The same inputs now mean something else: P(Y|X) has changed. Fraudsters learn what is caught; a \
                 contract that used to keep customers does so no longer. Each column may look as it always did.",
            ),
            Quote("The river is the same and so are the boats, but the rule of the road was switched overnight."),
            Text(
                "Only labels show it, and they come late. Until they do, watch the error where it can be known, and \
                 keep a small sample that people label by hand. The remedy is training on new data, not cleaning the \
                 old.",
            ),
        ],
        terms: &["data drift", "label drift", "monitoring", "champion"],
    },
    Concept {
        name: "label drift",
        title: "Label drift",
        drawing: Some(Drawing::LabelDrift),
        passages: &[
            Text(
                "The mix of outcomes has changed: P(Y) is not what it was. Where one customer in ten used to leave, now \
                 it is one in four. Precision moves with it even if the model judges each single row as well as ever.",
            ),
            Quote("The kitchen cooks as before, but tonight everyone orders fish."),
            Text(
                "While labels are missing, the mix of predictions is a stand-in: it moves when labels move, and also \
                 when inputs do. Often a new threshold is enough.",
            ),
        ],
        terms: &["data drift", "concept drift", "threshold", "PSI"],
    },
    Concept {
        name: "PSI",
        title: "PSI and significance",
        drawing: None,
        passages: &[
            Text(
                "The population stability index cuts a column into bins, compares the share of rows in each, and adds \
                 up the differences, weighted by the logarithm of their ratio. By an old rule, below 0.1 is stable and above 0.25 is a large shift.",
            ),
            Text(
                "The rule forgets the size of the sample. With ten bins and a hundred rows on each side, chance alone \
                 passes 0.25 now and then; with a million rows, 0.01 is no accident and still of no consequence.",
            ),
            Text(
                "So ask two questions. Significant: is it more than chance? Material: is it large enough to matter? \
                 Only both together deserve an alarm.",
            ),
        ],
        terms: &["data drift", "confidence interval", "monitoring"],
    },
    Concept {
        name: "training/serving skew",
        title: "Training/serving skew",
        drawing: None,
        passages: &[
            Text(
                "A feature is computed one way for training and another way for serving: a mean over thirty days in \
                 one place, over a month in the other. Nothing fails and nothing is logged; the answers are only a \
                 little wrong, from the first day on.",
            ),
            Quote("The recipe says cups. The test kitchen used large ones."),
            Text(
                "Unlike drift it does not come with time: it was built in. Ask both sides for the same rows and compare \
                 the values one by one. The cure is to compute each feature in a single place.",
            ),
        ],
        terms: &["feature contract", "feature store", "data drift", "golden rows"],
    },
    Concept {
        name: "feature store",
        title: "Feature stores",
        drawing: Some(Drawing::FeatureStore),
        passages: &[
            Text(
                "One place that computes each feature once, and gives it to training and to serving alike: the history \
                 for the one, the latest value within milliseconds for the other.",
            ),
            Quote("A central kitchen cooks the stock once, for the test kitchen and for every branch."),
            Text(
                "For training it must answer as of then: what was known at the time of each label, and nothing that \
                 came later, or the model learns from the future. A team with one model and one table rarely needs a \
                 store; a contract and shared code go far.",
            ),
        ],
        terms: &["training/serving skew", "feature contract", "pipeline"],
    },
    Concept {
        name: "pipeline",
        title: "Pipelines",
        drawing: Some(Drawing::Pipeline),
        passages: &[
            Text(
                "A pipeline is the way from raw data to a running model, written down so that a machine can walk it: \
                 take data in, check it, build features, train, evaluate, register, deliver. Each stage says what it \
                 needs and what it leaves behind.",
            ),
            Quote("A cook with a recipe can fall ill. A cook with everything in his head must not."),
            Text(
                "Run twice on the same input it gives the same result, and a stage that fails stops those after it. \
                 Then training again is a decision, not a week of work.",
            ),
        ],
        terms: &["MLOps maturity", "feature store", "evidence", "monitoring"],
    },
    Concept {
        name: "monitoring",
        title: "Monitoring",
        drawing: None,
        passages: &[
            Text(
                "A service can be up, fast and wrong. Watch three layers: the machine, for errors, latency and load; \
                 the data, for missing values and drift; the answers, for their mix, and for quality once labels \
                 arrive.",
            ),
            Quote("A bridge is not checked off at its opening. Someone listens to it, year after year."),
            Text(
                "An alarm should name a limit from the brief and somebody to act on it. One that rings every night and \
                 asks for nothing trains people to sleep through the one that matters.",
            ),
        ],
        terms: &["data drift", "concept drift", "latency budget", "canary"],
    },
];
