//! Concepts of the model itself: what it promises, and how its versions are told apart.

use super::drawings::Drawing;
use super::{Concept, Quote, Text};

pub(super) const CONCEPTS: &[Concept] = &[
    Concept {
        name: "model",
        title: "A model is a contract",
        drawing: None,
        passages: &[
            Text(
                "ONNX holds the trained model as a graph with named inputs and outputs. Those names, types and shapes \
                 are what every caller relies on; the weights behind them may change.",
            ),
            Quote("The restaurant may change its cook. The menu is what guests order from."),
            Text(
                "Nothing is run here before it was inspected, and it runs in a process of its own: a broken model may \
                 end that process, never the window.",
            ),
        ],
        terms: &["version", "golden rows", "feature contract", "champion"],
    },
    Concept {
        name: "feature contract",
        title: "The feature contract",
        drawing: None,
        passages: &[
            Text(
                "Each feature has a name, a type, a range, and a rule for a missing value. Training and serving read \
                 the same contract, so that a column cannot silently land in another's place.",
            ),
            Quote("Two kitchens cook one dish only if a spoon is the same spoon in both."),
            Text(
                "A missing number is passed on as such; a missing text becomes the category named here. It is learned \
                 from the reference data and then edited by someone who knows what the columns mean.",
            ),
        ],
        terms: &["model", "training/serving skew", "feature store", "golden rows"],
    },
    Concept {
        name: "version",
        title: "Versions that mean something",
        drawing: Some(Drawing::Versions),
        passages: &[
            Text(
                "MAJOR: features or output changed, callers must change too. MINOR: same contract, another model. \
                 PATCH: only preprocessing or metadata differs.",
            ),
            Text(
                "Trestle compares the new file with the last version and proposes the number, with the nodes that \
                 differ as its reason. The number alone then tells a caller whether anything must be done.",
            ),
            Quote("A new menu, a new cook, a cleaner plate: three changes that a guest notices differently."),
        ],
        terms: &["champion", "model", "golden rows", "evidence"],
    },
    Concept {
        name: "champion",
        title: "Champion and challenger",
        drawing: None,
        passages: &[
            Text(
                "The champion is the version in production. A challenger must beat it before the alias moves: on the \
                 same rows, by more than chance, and within the same latency budget.",
            ),
            Quote("The new cook prepares the whole menu once before the old one leaves the kitchen."),
            Text(
                "The alias is only a name, so going back is moving the name again; nothing is built anew. The ledger \
                 keeps who moved it, when and why.",
            ),
        ],
        terms: &["version", "success metric", "A/B test", "confidence interval"],
    },
    Concept {
        name: "golden rows",
        title: "Golden rows",
        drawing: None,
        passages: &[
            Text(
                "Rows whose answers are known. They are asked wherever the model runs: here, in the container, after \
                 a rollback. One that answers differently says that something between training and serving changed.",
            ),
            Quote("The inspector orders the same dish in every branch and compares the plates."),
            Text(
                "Made from the reference data they check that copies agree; imported from the training framework they \
                 check the export itself.",
            ),
        ],
        terms: &["model", "verification", "training/serving skew"],
    },
];
