//! Which part of the version number a new model raises, and why.
//!
//! MAJOR when what callers see is incompatible; PATCH when only preprocessing or metadata differs; otherwise MINOR.

use semver::Version;

use crate::command::Bump;
use crate::engine::GraphDifference;
use crate::project::contract::{ModelContract, TensorSpec};

/// A proposed version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The number.
    pub version: Version,
    /// The part raised; `None` for the first version.
    pub bump: Option<Bump>,
    /// Why, in words.
    pub reason: String,
}

/// Proposes the version of a model.
///
/// `previous` is the highest version with its contract; `chosen` overrides the part to raise and keeps the reason.
pub fn propose(
    previous: Option<(&Version, &ModelContract)>,
    contract: &ModelContract,
    difference: Option<&GraphDifference>,
    chosen: Option<Bump>,
) -> Proposal {
    let Some((version, old)) = previous else {
        return Proposal { version: Version::new(1, 0, 0), bump: None, reason: "the first version".to_owned() };
    };
    let (bump, reason) = match (contract_change(old, contract), difference) {
        (Some(change), _) => (Bump::Major, change),
        (None, Some(GraphDifference::Equal)) => {
            (Bump::Patch, format!("the graph is that of {version}; only metadata differs"))
        }
        (None, Some(GraphDifference::PreprocessingOnly { nodes })) => {
            (Bump::Patch, format!("only preprocessing differs from {version}: {}", some_of(nodes)))
        }
        (None, Some(GraphDifference::Different { nodes })) => {
            (Bump::Minor, format!("same contract as {version}, another model: {}", some_of(nodes)))
        }
        (None, None) => (Bump::Minor, format!("same contract as {version}; the graphs could not be compared")),
    };
    match chosen {
        Some(chosen) if chosen != bump => Proposal {
            version: chosen.apply(version),
            bump: Some(chosen),
            reason: format!("{} was chosen; proposed was {}, because {reason}", chosen.name(), bump.name()),
        },
        _ => Proposal { version: bump.apply(version), bump: Some(bump), reason },
    }
}

/// A few names, and how many more there are.
fn some_of(nodes: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = nodes.iter().take(SHOWN).map(|node| plain(node)).collect::<Vec<_>>().join(", ");
    if nodes.len() <= SHOWN { shown } else { format!("{shown} and {} more", nodes.len() - SHOWN) }
}

/// `domain:Operator name` without what a reader does not need: the domain, and a name that only repeats the operator.
fn plain(node: &str) -> String {
    let (operator, name) = node.split_once(' ').unwrap_or((node, ""));
    let operator = operator.rsplit(':').next().unwrap_or(operator);
    if name.is_empty() || name.starts_with(operator) { operator.to_owned() } else { format!("{operator} “{name}”") }
}

/// The first way in which callers of `old` cannot use `new`; `None` when they can.
pub fn contract_change(old: &ModelContract, new: &ModelContract) -> Option<String> {
    compare("input", &old.inputs, &new.inputs).or_else(|| compare("output", &old.outputs, &new.outputs))
}

fn compare(what: &str, old: &[TensorSpec], new: &[TensorSpec]) -> Option<String> {
    for spec in old {
        let Some(now) = new.iter().find(|now| now.name == spec.name) else {
            return Some(format!("{what} “{}” is gone", spec.name));
        };
        if now.dtype != spec.dtype {
            return Some(format!("{what} “{}” was {} and is {}", spec.name, spec.dtype, now.dtype));
        }
        if !shapes_fit(spec, now) {
            return Some(format!("{what} “{}” was {} and is {}", spec.name, spec.shape_text(), now.shape_text()));
        }
        if now.classes != spec.classes {
            return Some(format!("the classes of {what} “{}” changed", spec.name));
        }
    }
    new.iter()
        .find(|now| !old.iter().any(|spec| spec.name == now.name))
        .map(|added| format!("{what} “{}” is new", added.name))
}

/// Free axes may be named differently; fixed ones must stay, and a free one must not become fixed.
fn shapes_fit(old: &TensorSpec, new: &TensorSpec) -> bool {
    old.shape.len() == new.shape.len()
        && old.shape.iter().zip(&new.shape).all(|(old, new)| match (old.fixed(), new.fixed()) {
            (Some(old), Some(new)) => old == new,
            (Some(_) | None, None) => true,
            (None, Some(_)) => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::contract::{ClassLabel, Dim, Dtype};

    fn spec(name: &str, dtype: Dtype, shape: &[Dim]) -> TensorSpec {
        TensorSpec { name: name.to_owned(), dtype, shape: shape.to_vec(), classes: Vec::new() }
    }

    fn contract(inputs: Vec<TensorSpec>) -> ModelContract {
        let classes = vec![ClassLabel::Int(0), ClassLabel::Int(1)];
        let scores = TensorSpec { classes, ..spec("scores", Dtype::F32, &[free(), Dim::Fixed(2)]) };
        ModelContract { inputs, outputs: vec![scores] }
    }

    fn free() -> Dim {
        Dim::Symbol(String::new())
    }

    #[track_caller]
    fn check(old: Vec<TensorSpec>, new: Vec<TensorSpec>, difference: &GraphDifference, expected: &str) {
        let version = Version::new(1, 2, 3);
        let (old, new) = (contract(old), contract(new));
        let proposal = propose(Some((&version, &old)), &new, Some(difference), None);
        assert_eq!(proposal.version.to_string(), expected, "{}", proposal.reason);
    }

    #[test]
    fn the_bump_follows_what_differs() {
        let age = || spec("age", Dtype::F32, &[free(), Dim::Fixed(1)]);
        let nodes = || vec!["scaler".to_owned()];
        let different = GraphDifference::Different { nodes: nodes() };
        check(vec![age()], vec![age()], &GraphDifference::Equal, "1.2.4");
        check(vec![age()], vec![age()], &GraphDifference::PreprocessingOnly { nodes: nodes() }, "1.2.4");
        check(vec![age()], vec![age()], &different, "1.3.0");
        check(vec![age()], vec![spec("age", Dtype::I64, &[free(), Dim::Fixed(1)])], &different, "2.0.0");
        check(vec![age()], vec![age(), spec("plan", Dtype::Text, &[free()])], &different, "2.0.0");
        check(vec![age()], vec![], &GraphDifference::Equal, "2.0.0");
        check(vec![age()], vec![spec("age", Dtype::F32, &[Dim::Fixed(1), Dim::Fixed(1)])], &different, "2.0.0");
        check(
            vec![spec("age", Dtype::F32, &[Dim::Symbol("N".into()), Dim::Fixed(1)])],
            vec![age()],
            &different,
            "1.3.0",
        );
    }

    #[test]
    fn nodes_are_named_without_repetition() {
        for (node, expected) in
            [("ai.onnx.ml:Scaler Scaler", "Scaler"), ("Gemm fc1", "Gemm “fc1”"), ("Relu ", "Relu"), ("Add", "Add")]
        {
            assert_eq!(plain(node), expected, "{node}");
        }
    }

    #[test]
    fn a_changed_class_list_is_major() {
        let (old, mut new) = (contract(vec![]), contract(vec![]));
        new.outputs[0].classes.reverse();
        assert_eq!(contract_change(&old, &new).as_deref(), Some("the classes of output “scores” changed"));
    }

    #[test]
    fn a_chosen_bump_keeps_the_reason() {
        let version = Version::new(1, 0, 0);
        let contract = contract(vec![]);
        let proposal =
            propose(Some((&version, &contract)), &contract, Some(&GraphDifference::Equal), Some(Bump::Major));
        assert_eq!(proposal.version, Version::new(2, 0, 0));
        assert!(proposal.reason.contains("proposed was patch"), "{}", proposal.reason);
    }
}
