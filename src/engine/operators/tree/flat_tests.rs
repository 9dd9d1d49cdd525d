//! The fast forms against the plain evaluation, on random trees: sums must agree bit for bit.

use std::sync::OnceLock;

use super::ensemble::{Aggregate, Child, Comparison, Ensemble, Node, Number, Rule};
use super::flat::{Flat, Leaves};
use super::masks::Live;

/// Numbers that are the same in every run (Knuth's linear congruential generator).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

const COLUMNS: usize = 5;

/// A tree of that many leaves, with values for one target, or for all of them.
fn grow<T: Number>(ensemble: &mut Ensemble<T>, n_leaves: usize, target: Option<u32>, random: &mut Random) -> Child {
    if n_leaves == 1 {
        let targets = target.map_or(0..ensemble.n_targets as u32, |target| target..target + 1);
        let values: Vec<_> = targets.map(|target| (target, T::nearest(random.below(1_000) as f64 / 7.0))).collect();
        ensemble.leaf_values.extend(values);
        ensemble.leaf_starts.push(ensemble.leaf_values.len() as u32);
        return Child::leaf(ensemble.leaf_starts.len() - 2).unwrap();
    }
    let n_yes = 1 + random.below(n_leaves - 1);
    let at = ensemble.nodes.len();
    // Whole numbers, so that values and thresholds meet.
    let threshold = T::nearest(random.below(9) as f64 - 4.0);
    let feature = random.below(COLUMNS) as u32;
    ensemble.nodes.push(Node { threshold, feature, yes: Child::UNKNOWN, no: Child::UNKNOWN });
    let comparison = [Comparison::LessOrEqual, Comparison::Less, Comparison::Greater, Comparison::GreaterOrEqual];
    ensemble.rules.push(Rule { comparison: comparison[random.below(4)], missing_is_yes: random.below(2) == 1 });
    ensemble.nodes[at].yes = grow(ensemble, n_yes, target, random);
    ensemble.nodes[at].no = grow(ensemble, n_leaves - n_yes, target, random);
    Child::node(at).unwrap()
}

fn forest<T: Number>(n_leaves: &[usize], n_targets: usize, single: bool, random: &mut Random) -> Ensemble<T> {
    let mut ensemble = Ensemble {
        nodes: Vec::new(),
        rules: Vec::new(),
        roots: Vec::new(),
        leaf_starts: vec![0],
        leaf_values: Vec::new(),
        n_targets,
        prepared: OnceLock::new(),
    };
    for (tree, n_leaves) in n_leaves.iter().enumerate() {
        let target = single.then_some((tree % n_targets) as u32);
        let root = grow(&mut ensemble, *n_leaves, target, random);
        ensemble.roots.push(root);
    }
    ensemble
}

#[track_caller]
fn check<T: Live>(ensemble: &Ensemble<T>, random: &mut Random) {
    let flat = Flat::of(ensemble).unwrap();
    for n_rows in [1, 2, 7, 8, 9, 63, 64, 65, 130] {
        for missing in [false, true] {
            let value = |random: &mut Random| match random.below(12) {
                0 if missing => T::MISSING,
                1 => T::nearest(f64::INFINITY),
                2 => T::nearest(f64::NEG_INFINITY),
                3 => T::nearest(-0.0),
                _ => T::nearest(random.below(9) as f64 - 4.0),
            };
            let rows: Vec<T> = (0..n_rows * COLUMNS).map(|_| value(random)).collect();
            let expected = ensemble.evaluate_plainly(&rows, COLUMNS, Aggregate::Sum);
            assert_eq!(flat.evaluate(&rows, COLUMNS).unwrap(), expected, "{n_rows} rows, missing: {missing}");
        }
    }
}

/// From a single leaf past the ends of one word and of two; the last are descended.
const SIZES: [usize; 14] = [1, 2, 3, 8, 31, 32, 33, 40, 63, 64, 65, 66, 100, 400];

#[test]
fn trees_of_every_size_agree_with_the_plain_evaluation() {
    let random = &mut Random(1);
    for round in 0..4 {
        let ensemble = forest::<f32>(&SIZES, 1 + round, true, random);
        let flat = Flat::of(&ensemble).unwrap();
        let masked: Vec<bool> = flat.masks.iter().map(Option::is_some).collect();
        assert_eq!(masked, SIZES.map(|n_leaves| n_leaves <= 64));
        assert!(matches!(flat.leaves, Leaves::One(_)));
        check(&ensemble, random);
        check(&forest::<f64>(&SIZES, 1 + round, true, random), random);
    }
}

#[test]
fn leaves_for_several_targets_agree_with_the_plain_evaluation() {
    let random = &mut Random(2);
    let ensemble = forest::<f32>(&SIZES, 3, false, random);
    assert!(matches!(Flat::of(&ensemble).unwrap().leaves, Leaves::Many { .. }));
    check(&ensemble, random);
    check(&forest::<f64>(&SIZES, 3, false, random), random);
}

#[test]
fn each_size_alone_agrees_with_the_plain_evaluation() {
    let random = &mut Random(3);
    for n_leaves in SIZES {
        check(&forest::<f32>(&[n_leaves], 1, true, random), random);
    }
}

#[test]
fn what_has_no_fast_form_is_left_to_the_plain_evaluation() {
    let random = &mut Random(4);
    let with = |change: &dyn Fn(&mut Ensemble<f32>), random: &mut Random| {
        let mut ensemble = forest::<f32>(&[4, 4], 2, true, random);
        change(&mut ensemble);
        Flat::of(&ensemble).is_some()
    };
    assert!(with(&|_| {}, random));
    assert!(!with(&|ensemble| ensemble.rules[1].comparison = Comparison::Equal, random));
    assert!(!with(&|ensemble| ensemble.nodes[1].threshold = f32::NAN, random));
    assert!(!with(&|ensemble| ensemble.nodes[1].threshold = f32::NEG_INFINITY, random));
    // A target that only some leaves name: whether it is spoken of depends on the row.
    assert!(!with(&|ensemble| ensemble.leaf_values[0].0 = 1, random));
    // More columns than a node can tell apart.
    assert!(!with(&|ensemble| ensemble.nodes[1].feature = u32::MAX - 1, random));
}
