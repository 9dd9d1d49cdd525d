//! Concepts of the way to production: why there is one, and what is settled before it begins.

use super::drawings::Drawing;
use super::{Concept, Quote, Text};

pub(super) const CONCEPTS: &[Concept] = &[
    Concept {
        name: "development and deployment",
        title: "The gap",
        drawing: Some(Drawing::Gap),
        passages: &[
            Text(
                "In development the data sits still, one person runs the code, and a wrong answer costs a second try. In \
                 production the data moves, strangers send the requests, and answers must arrive in time while nobody \
                 watches.",
            ),
            Quote(
                "A notebook is one bank of a river, production the other. A model that works here has not crossed yet: \
                 it needs a bridge, and the bridge is most of the work.",
            ),
            Text(
                "The steps at the left are its piers: what it must carry, what was measured, what proves it, and the \
                 container that crosses.",
            ),
        ],
        terms: &["MLOps maturity", "brief", "production checklist", "pipeline"],
    },
    Concept {
        name: "MLOps maturity",
        title: "Five levels of maturity",
        drawing: Some(Drawing::Stairs),
        passages: &[
            Text(
                "Level 0: everything by hand, from the training run to the copied file. Level 1: the application is built \
                 and tested automatically, the model is not. Level 2: training is automated, recorded and repeatable; \
                 release is by hand. Level 3: a pipeline tests and releases versions, each traced to its data. Level 4: \
                 what production measures starts the next training.",
            ),
            Quote("A ferry, a footbridge, a road: nobody builds the motorway before there is traffic."),
            Text(
                "A team is at the highest level whose demands it meets altogether. Few projects need level 4; each should \
                 know what the next level would bring.",
            ),
        ],
        terms: &["development and deployment", "pipeline", "monitoring", "version"],
    },
    Concept {
        name: "brief",
        title: "Scope first",
        drawing: None,
        passages: &[
            Text(
                "A brief is one page that answers eight questions before any code is written: the problem, the user, the \
                 data, what goes in, what comes out, how fast, how often it is trained again, and what counts as success. \
                 Without it a project grows until it cannot ship.",
            ),
            Quote("Nobody pours concrete before knowing which lorries will cross."),
            Text(
                "Answer in your own words. What can be measured is picked out and shown under the field, and judges the \
                 model from then on.",
            ),
        ],
        terms: &["scope", "minimum viable model", "success metric", "latency budget"],
    },
    Concept {
        name: "scope",
        title: "In and out of scope",
        drawing: Some(Drawing::Scope),
        passages: &[
            Text(
                "What is in scope is what the first version does. What is out of scope is what people will ask for \
                 anyway: write it down while saying no is still cheap.",
            ),
            Quote("A bridge for cars that is later asked to carry trains is a new bridge."),
            Text(
                "A good line names a group, a place or a period: monthly subscribers in the EU, not companies. A request \
                 that falls outside is not refused for ever; it is a question for the next version.",
            ),
        ],
        terms: &["brief", "minimum viable model", "version"],
    },
    Concept {
        name: "minimum viable model",
        title: "The minimum viable model",
        drawing: None,
        passages: &[
            Text(
                "The simplest model that already helps someone: a logistic regression on five columns, a rule with two \
                 thresholds. It goes through every step to production first, so that the way is known when the better \
                 model arrives.",
            ),
            Quote("One plank across the stream shows where the bridge must stand."),
            Text(
                "It is also the measure of what follows. A large network that beats it by half a percent has to be worth \
                 its cost in time, memory and explanation.",
            ),
        ],
        terms: &["brief", "scope", "champion"],
    },
    Concept {
        name: "success metric",
        title: "Success metrics",
        drawing: None,
        passages: &[
            Text(
                "A metric with a value and a direction turns “good” into something that can fail. Precision asks how \
                 many of those called positive are; recall asks how many of the positives were found; ROC-AUC asks \
                 how well the model orders them.",
            ),
            Text(
                "Choose the one whose mistake costs the user most, and say by how much a new version must beat the \
                 old one.",
            ),
            Quote("A bridge is not judged by how it looks from the bank, but by a load that is written down."),
        ],
        terms: &["brief", "precision and recall", "ROC-AUC", "confidence interval"],
    },
    Concept {
        name: "latency budget",
        title: "Why a percentile",
        drawing: Some(Drawing::Percentile),
        passages: &[
            Text(
                "An average hides the slow answers. If p95 is 200 ms, nineteen people in twenty waited less than \
                 that; the twentieth is the one who calls support. A budget names the percentile, the time, and the \
                 load at which it holds: p95 below 200 ms at 50 requests a second.",
            ),
            Quote("What matters to a bridge is not the mean weight of the cars but the heaviest lorry on a full day."),
        ],
        terms: &["percentile", "benchmark", "batch and real time", "brief"],
    },
];
