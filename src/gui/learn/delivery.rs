//! Concepts of delivery: what carries the model, and how a version meets its users.

use super::drawings::Drawing;
use super::{Concept, Quote, Text};

pub(super) const CONCEPTS: &[Concept] = &[
    Concept {
        name: "container",
        title: "Build, ask, then tag",
        drawing: Some(Drawing::Layers),
        passages: &[
            Text(
                "A container carries the model with everything it needs and nothing else: one executable, the \
                 libraries it needs, the model and its documents. No shell, no Python, no root.",
            ),
            Quote("A restaurant is inspected before it opens, not after the first complaint."),
            Text(
                "The image is started without privileges, asked the golden rows over HTTP and compared with the answers \
                 known here. Only an image that agreed gets its name.",
            ),
        ],
        terms: &["verification", "golden rows", "version", "cloud and on-premises"],
    },
    Concept {
        name: "verification",
        title: "What verification checks",
        drawing: None,
        passages: &[
            Text(
                "That it starts and becomes ready; that it answers every golden row as this machine does; that bad \
                 requests are refused in words; that it logs, runs without root on a read-only disk, and stops when \
                 told to.",
            ),
            Text("If one check fails, the new image is removed and the name stays on the earlier one."),
            Quote("Lorries cross the new bridge under the engineer's eyes before the ribbon is cut."),
        ],
        terms: &["container", "golden rows", "evidence"],
    },
    Concept {
        name: "shadow",
        title: "Shadow deployment",
        drawing: Some(Drawing::Shadow),
        passages: &[
            Text(
                "The new version receives a copy of the real requests; its answers are kept and compared, and no user \
                 sees them. It shows latency, errors and differing predictions under the true load.",
            ),
            Quote(
                "The new cook prepares every order too, beside the old one. The plates go to the chef, not to guests.",
            ),
            Text(
                "It costs the machines twice and cannot tell how users would have reacted. Mind requests that change \
                 something: a copy must not charge a card again. Good before a canary, or where a wrong answer harms.",
            ),
        ],
        terms: &["canary", "A/B test", "champion"],
    },
    Concept {
        name: "canary",
        title: "Canary release",
        drawing: Some(Drawing::Canary),
        passages: &[
            Text(
                "A small share of the traffic goes to the new version, say 5\u{a0}%. If its errors, latency and answers hold \
                 against the old one, the share grows: 10, 25, 50, 100\u{a0}%. If not, it goes back to nothing.",
            ),
            Quote("One lorry first, then a lane, then the whole road."),
            Text(
                "Each stage needs enough requests to tell a difference from chance, and few users mean long stages. \
                 Compare both versions over the same minutes, not today with yesterday; and where no data came, hold \
                 rather than go on.",
            ),
        ],
        terms: &["shadow", "blue-green", "A/B test", "monitoring"],
    },
    Concept {
        name: "blue-green",
        title: "Blue-green deployment",
        drawing: Some(Drawing::BlueGreen),
        passages: &[
            Text(
                "Two complete environments stand side by side. Blue serves everyone; green holds the new version and is \
                 tested in peace. Then a switch moves all traffic at once, and blue stays warm for a while in case it \
                 must move back.",
            ),
            Quote("The new bridge stands beside the old one. One morning the road signs change."),
            Text(
                "The way back takes seconds, at the price of double the machines. But everyone meets the new version at \
                 the same moment: what the tests did not show, all users see.",
            ),
        ],
        terms: &["canary", "shadow", "container"],
    },
    Concept {
        name: "A/B test",
        title: "A/B tests",
        drawing: Some(Drawing::AbTest),
        passages: &[
            Text(
                "Users are divided at random, each keeps the version they met first, and what they then do is \
                 compared: calls answered, baskets paid. A canary asks whether the new version is safe; an A/B test \
                 asks whether it is better.",
            ),
            Quote("Two menus on alternate tables for a month, and then one looks at the till."),
            Text(
                "Fix the measure and the number of users beforehand. Who looks every day and stops at the first good \
                 one finds improvement everywhere. Uneven groups are a sign that the division is broken.",
            ),
        ],
        terms: &["canary", "champion", "confidence interval", "success metric"],
    },
];
