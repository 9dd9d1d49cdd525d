//! Concepts of readiness: what is asked before a model may go, and what counts as an answer.

use super::{Concept, Quote, Text};

pub(super) const CONCEPTS: &[Concept] = &[
    Concept {
        name: "production checklist",
        title: "The production checklist",
        drawing: None,
        passages: &[
            Text(
                "Models seldom fail in production for lack of accuracy. They fail because a library was not pinned, an \
                 error was not handled, nobody noticed, or the way back was never tried. The checklist asks about each \
                 of these before the users do.",
            ),
            Quote(
                "A restaurant is inspected before it opens: the food may be excellent, the inspector looks at the \
                 fridge.",
            ),
            Text(
                "Code, model, data, serving and operation each have their items. One that blocks is a reason to wait; \
                 all others are risks that somebody knows about.",
            ),
        ],
        terms: &["evidence", "waiver", "MLOps maturity", "verification"],
    },
    Concept {
        name: "evidence",
        title: "Evidence instead of ticks",
        drawing: None,
        passages: &[
            Text(
                "A tick says that somebody was confident on a Friday. Evidence says what ran, when, on which commit and \
                 on which model, and what came out. It can be looked at again by someone who was not there.",
            ),
            Quote("The inspector does not ask whether the fridge is cold. She brings a thermometer."),
            Text(
                "Evidence ages. It is tied to the content it was made for: when the model, the code or the data change, \
                 it is stale, and the question is open again.",
            ),
        ],
        terms: &["production checklist", "waiver", "version"],
    },
    Concept {
        name: "waiver",
        title: "Waiving with a reason",
        drawing: None,
        passages: &[
            Text(
                "Not every item can be met today. A waiver says so openly: why it may wait, who answers for it, and the \
                 last day on which it holds. After that day the item counts as open again.",
            ),
            Quote("A bridge with a weight limit may be open. A bridge with a forgotten weight limit is a trap."),
            Text(
                "A waiver is not evidence, and a report shows the two apart. Many of them, or one that is renewed for \
                 ever, say that the checklist or the plan is wrong.",
            ),
        ],
        terms: &["production checklist", "evidence"],
    },
];
