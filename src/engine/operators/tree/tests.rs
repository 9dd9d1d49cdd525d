use tract_onnx::pb::NodeProto;

use super::*;
use crate::engine::operators::kernel::Kernel as _;
use crate::engine::operators::kernel::testing::{With as _, node, run, run_all, tensor2};
use crate::engine::operators::scores::logistic;

fn texts(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Tree 0 asks column 0 against 1, tree 1 column 1 against 2; each has two leaves.
fn two_stumps(operator: &str, mode: &str, prefix: &str, ids: &[i64], values: &[f32]) -> NodeProto {
    node(operator, "trees")
        .with("nodes_treeids", |a| a.ints = vec![0, 0, 0, 1, 1, 1])
        .with("nodes_nodeids", |a| a.ints = vec![0, 1, 2, 0, 1, 2])
        .with("nodes_featureids", |a| a.ints = vec![0, 0, 0, 1, 0, 0])
        .with("nodes_values", |a| a.floats = vec![1.0, 0.0, 0.0, 2.0, 0.0, 0.0])
        .with("nodes_modes", |a| a.strings = texts(&[mode, "LEAF", "LEAF", mode, "LEAF", "LEAF"]))
        .with("nodes_truenodeids", |a| a.ints = vec![1, 0, 0, 1, 0, 0])
        .with("nodes_falsenodeids", |a| a.ints = vec![2, 0, 0, 2, 0, 0])
        .with(&format!("{prefix}_treeids"), |a| a.ints = vec![0, 0, 1, 1])
        .with(&format!("{prefix}_nodeids"), |a| a.ints = vec![1, 2, 1, 2])
        .with(&format!("{prefix}_ids"), |a| a.ints = ids.to_vec())
        .with(&format!("{prefix}_weights"), |a| a.floats = values.to_vec())
}

fn regressor(mode: &str) -> NodeProto {
    two_stumps("TreeEnsembleRegressor", mode, "target", &[0, 0, 0, 0], &[1.0, 2.0, 10.0, 20.0])
        .with("n_targets", |a| a.i = 1)
}

#[track_caller]
fn check_regressor(node: &NodeProto, rows: &[[f32; 2]], expected: &[f32]) {
    assert_eq!(run::<f32>(&TreeEnsembleRegressor::parse(node).unwrap(), &[tensor2(rows)]), expected);
}

#[test]
fn every_branch_mode_takes_its_side() {
    // Below, at and above both thresholds.
    let rows = [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]];
    check_regressor(&regressor("BRANCH_LEQ"), &rows, &[11.0, 11.0, 22.0]);
    check_regressor(&regressor("BRANCH_LT"), &rows, &[11.0, 22.0, 22.0]);
    check_regressor(&regressor("BRANCH_GTE"), &rows, &[22.0, 11.0, 11.0]);
    check_regressor(&regressor("BRANCH_GT"), &rows, &[22.0, 22.0, 11.0]);
    check_regressor(&regressor("BRANCH_EQ"), &rows, &[22.0, 11.0, 22.0]);
    check_regressor(&regressor("BRANCH_NEQ"), &rows, &[11.0, 22.0, 11.0]);
}

#[test]
fn a_missing_value_goes_where_the_node_says() {
    let row = [[f32::NAN, 1.0]];
    check_regressor(&regressor("BRANCH_LEQ"), &row, &[12.0]);
    check_regressor(&regressor("BRANCH_NEQ"), &row, &[11.0]);
    let tracked = regressor("BRANCH_LEQ").with("nodes_missing_value_tracks_true", |a| a.ints = vec![1, 0, 0, 0, 0, 0]);
    check_regressor(&tracked, &row, &[11.0]);
}

#[test]
fn every_aggregate_is_its_own() {
    let row = [[0.0, 3.0]];
    for (name, expected) in [("SUM", 21.0), ("AVERAGE", 10.5), ("MIN", 1.0), ("MAX", 20.0)] {
        let node = regressor("BRANCH_LEQ").with("aggregate_function", |a| a.s = name.as_bytes().to_vec());
        check_regressor(&node, &row, &[expected]);
        let node = node.with("base_values", |a| a.floats = vec![100.0]);
        check_regressor(&node, &row, &[expected + 100.0]);
    }
}

#[test]
fn targets_are_kept_apart() {
    let node = two_stumps("TreeEnsembleRegressor", "BRANCH_LEQ", "target", &[0, 0, 1, 1], &[1.0, 2.0, 10.0, 20.0])
        .with("n_targets", |a| a.i = 2)
        .with("base_values", |a| a.floats = vec![0.5, 0.0]);
    check_regressor(&node, &[[0.0, 3.0], [2.0, 0.0]], &[1.5, 20.0, 2.5, 10.0]);
}

#[test]
fn many_rows_give_what_each_row_gives() {
    let rows: Vec<[f32; 2]> = (0..300_u16).map(|idx| [f32::from(idx % 3), f32::from(idx % 5)]).collect();
    let ensemble = TreeEnsembleRegressor::parse(&regressor("BRANCH_LEQ")).unwrap();
    let together = run::<f32>(&ensemble, &[tensor2(&rows)]);
    let alone: Vec<f32> = rows.iter().flat_map(|row| run::<f32>(&ensemble, &[tensor2(&[*row])])).collect();
    assert_eq!(together, alone);
}

#[test]
fn doubles_are_compared_in_double_precision() {
    let ensemble = TreeEnsembleRegressor::parse(&regressor("BRANCH_LEQ")).unwrap();
    // In single precision this would be exactly the threshold.
    let just_above = 1.0 + 1e-12;
    assert_eq!(run::<f32>(&ensemble, &[tensor2(&[[just_above, 0.0]])]), [12.0]);
    assert_eq!(run::<f32>(&ensemble, &[tensor2(&[[1_i64, 0]])]), [11.0]);
}

fn classifier(ids: &[i64], values: &[f32]) -> NodeProto {
    two_stumps("TreeEnsembleClassifier", "BRANCH_LEQ", "class", ids, values)
}

#[track_caller]
fn check_classifier(node: &NodeProto, rows: &[[f32; 2]], labels: &[i64], scores: &[f32]) {
    let outputs = run_all(&TreeEnsembleClassifier::parse(node).unwrap(), &[tensor2(rows)]);
    assert_eq!(elements::<i64>(&outputs[0]).unwrap(), labels);
    for (got, expected) in elements::<f32>(&outputs[1]).unwrap().iter().zip(scores) {
        assert!((got - expected).abs() < 1e-6, "{got} instead of {expected}");
    }
}

#[test]
fn one_class_id_with_probabilities_is_the_second_class() {
    // What skl2onnx writes for a random forest of two classes.
    let node = classifier(&[0, 0, 0, 0], &[0.1, 0.4, 0.2, 0.5]).with("classlabels_int64s", |a| a.ints = vec![3, 7]);
    check_classifier(&node, &[[0.0, 0.0], [2.0, 3.0]], &[3, 7], &[0.7, 0.3, 0.1, 0.9]);
}

#[test]
fn one_class_id_with_scores_is_decided_by_the_sign_and_one_base_value() {
    let node = classifier(&[0, 0, 0, 0], &[-1.0, 1.0, -1.0, 0.5])
        .with("classlabels_int64s", |a| a.ints = vec![0, 1])
        .with("post_transform", |a| a.s = b"LOGISTIC".to_vec());
    let (low, high) = (scores_of(-2.0), scores_of(1.5));
    check_classifier(&node, &[[0.0, 0.0], [2.0, 3.0]], &[0, 1], &[low.0, low.1, high.0, high.1]);
    let node = node.with("base_values", |a| a.floats = vec![3.0]);
    let (low, high) = (scores_of(1.0), scores_of(4.5));
    check_classifier(&node, &[[0.0, 0.0], [2.0, 3.0]], &[1, 1], &[low.0, low.1, high.0, high.1]);
}

fn scores_of(raw: f32) -> (f32, f32) {
    (logistic(-raw), logistic(raw))
}

#[test]
fn text_labels_follow_the_largest_of_many() {
    let node = classifier(&[0, 1, 2, 2], &[0.6, 0.6, 0.4, 0.7])
        .with("classlabels_strings", |a| a.strings = texts(&["a", "b", "c"]));
    let outputs =
        run_all(&TreeEnsembleClassifier::parse(&node).unwrap(), &[tensor2(&[[0.0_f32, 0.0], [2.0, 0.0], [0.0, 3.0]])]);
    assert_eq!(elements::<String>(&outputs[0]).unwrap(), ["a", "b", "c"]);
}

#[test]
fn a_class_no_leaf_names_cannot_win() {
    let node =
        classifier(&[0, 0, 2, 2], &[-0.6, -0.6, -0.4, -0.7]).with("classlabels_int64s", |a| a.ints = vec![0, 1, 2]);
    check_classifier(&node, &[[0.0, 0.0]], &[2], &[-0.6, 0.0, -0.4]);
}

fn two(ids: &[i64], values: &[f32], bases: &[f32], transform: &str) -> NodeProto {
    classifier(ids, values)
        .with("classlabels_int64s", |a| a.ints = vec![0, 1])
        .with("base_values", |a| a.floats = bases.to_vec())
        .with("post_transform", |a| a.s = transform.as_bytes().to_vec())
}

// The answers of these are ONNX Runtime 1.32's.
#[test]
fn two_classes_with_leaves_for_both_are_decided_by_the_second() {
    let values = [0.4, 0.1, 0.3, -0.9];
    let both = two(&[0, 0, 1, 1], &values, &[], "NONE");
    check_classifier(&both, &[[0.0, 0.0], [0.0, 3.0]], &[1, 0], &[0.4, 0.3, 0.4, -0.9]);
    let both = two(&[0, 0, 1, 1], &values, &[-0.6], "NONE");
    check_classifier(&both, &[[0.0, 0.0]], &[1], &[-0.2, 0.3]);
    let both = two(&[0, 0, 1, 1], &values, &[-0.3, 0.7], "NONE");
    check_classifier(&both, &[[0.0, 0.0]], &[1], &[-1.1, 1.1]);
}

#[test]
fn two_base_values_leave_an_unspoken_class_at_nothing() {
    let first = two(&[0; 4], &[0.1, -0.1, 0.2, -0.2], &[-0.4, 0.7], "NONE");
    check_classifier(&first, &[[0.0, 0.0]], &[0], &[-0.1, 0.0]);
    let second = two(&[1; 4], &[0.1, -0.1, 0.2, -0.2], &[-0.4, 0.7], "NONE");
    check_classifier(&second, &[[0.0, 0.0]], &[1], &[0.0, 0.7]);
    let second = two(&[1; 4], &[0.1, -0.1, 0.2, -0.2], &[-0.4], "NONE");
    check_classifier(&second, &[[0.0, 0.0]], &[1], &[0.0, 0.3]);
}

#[test]
fn a_single_score_is_transformed_by_logistic_only() {
    let (low, high) = scores_of(0.3);
    check_classifier(&two(&[0; 4], &[0.1, 0.1, 0.2, 0.2], &[], "LOGISTIC"), &[[0.0, 0.0]], &[0], &[low, high]);
    for transform in ["SOFTMAX", "SOFTMAX_ZERO"] {
        check_classifier(&two(&[0; 4], &[0.1, 0.1, 0.2, 0.2], &[], transform), &[[0.0, 0.0]], &[0], &[0.7, 0.3]);
        check_classifier(&two(&[0; 4], &[0.1, -0.1, 0.2, 0.2], &[], transform), &[[0.0, 0.0]], &[1], &[-0.3, 0.3]);
    }
}

#[test]
fn corners_without_one_answer_are_refused() {
    let cases = [
        two(&[0; 4], &[0.1; 4], &[], "PROBIT"),
        two(&[0, 1, 0, 0], &[0.1; 4], &[0.5], "NONE"),
        two(&[0; 4], &[0.1; 4], &[0.1, 0.2, 0.3], "NONE"),
        classifier(&[0; 4], &[0.1; 4]).with("classlabels_int64s", |a| a.ints = vec![0]),
    ];
    for case in cases {
        assert!(TreeEnsembleClassifier::parse(&case).is_err());
    }
}

#[test]
fn a_single_target_is_not_transformed_and_an_unspoken_one_is_nothing() {
    let node = regressor("BRANCH_LEQ").with("post_transform", |a| a.s = b"LOGISTIC".to_vec());
    check_regressor(&node, &[[0.0, 0.0]], &[11.0]);
    let node = two_stumps("TreeEnsembleRegressor", "BRANCH_LEQ", "target", &[0; 4], &[1.0, 2.0, 10.0, 20.0])
        .with("n_targets", |a| a.i = 2)
        .with("base_values", |a| a.floats = vec![0.5, 0.25]);
    check_regressor(&node, &[[0.0, 0.0]], &[11.5, 0.0]);
}

#[test]
fn questions_about_a_set_share_what_follows() {
    // Is column 0 either 2 or 4? This is how LightGBM's categories are exported.
    let set = |second_yes: i64| {
        node("TreeEnsembleRegressor", "trees")
            .with("nodes_treeids", |a| a.ints = vec![0; 4])
            .with("nodes_nodeids", |a| a.ints = vec![0, 1, 2, 3])
            .with("nodes_featureids", |a| a.ints = vec![0; 4])
            .with("nodes_values", |a| a.floats = vec![2.0, 0.0, 4.0, 0.0])
            .with("nodes_modes", |a| a.strings = texts(&["BRANCH_EQ", "LEAF", "BRANCH_EQ", "LEAF"]))
            .with("nodes_truenodeids", |a| a.ints = vec![1, 0, second_yes, 0])
            .with("nodes_falsenodeids", |a| a.ints = vec![2, 0, 3, 0])
            .with("target_treeids", |a| a.ints = vec![0, 0])
            .with("target_nodeids", |a| a.ints = vec![1, 3])
            .with("target_ids", |a| a.ints = vec![0, 0])
            .with("target_weights", |a| a.floats = vec![7.0, 8.0])
    };
    check_regressor(&set(1), &[[2.0, 0.0], [4.0, 0.0], [3.0, 0.0]], &[7.0, 7.0, 8.0]);
    let error = TreeEnsembleRegressor::parse(&set(0)).unwrap_err().to_string();
    assert!(error.contains("one follows itself"), "{error}");
}

#[test]
fn what_is_not_a_tree_is_refused() {
    let set = |name: &str, ints: Vec<i64>| {
        let mut node = regressor("BRANCH_LEQ");
        node.attribute.iter_mut().find(|attribute| attribute.name == name).unwrap().ints = ints;
        TreeEnsembleRegressor::parse(&node).unwrap_err().to_string()
    };
    let cases = [
        // A node that is its own child, a child twice, a child that is not there.
        (set("nodes_truenodeids", vec![0, 0, 0, 1, 0, 0]), "one is reached twice"),
        (set("nodes_truenodeids", vec![2, 0, 0, 1, 0, 0]), "one is reached twice"),
        (set("nodes_truenodeids", vec![9, 0, 0, 1, 0, 0]), "node 9 of tree 0 is missing"),
        (set("nodes_nodeids", vec![0, 1, 1, 0, 1, 2]), "is there twice"),
        (set("target_nodeids", vec![1, 2, 1, 7]), "which is missing"),
        (set("target_ids", vec![0, 0, 0, 1]), "names a target outside"),
        (set("nodes_featureids", vec![0, 0, 0, -1, 0, 0]), "a feature id is negative"),
        (set("nodes_featureids", vec![0]), "of different lengths"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with("TreeEnsembleRegressor `trees`: "), "{error}");
    }
}

#[test]
fn too_few_columns_are_an_error() {
    let ensemble = TreeEnsembleRegressor::parse(&regressor("BRANCH_LEQ")).unwrap();
    let error = ensemble.run(&[tensor2(&[[1.0_f32]]).into_tvalue()]).unwrap_err().to_string();
    assert_eq!(error, "the trees ask for 2 columns, 1 are given");
}
