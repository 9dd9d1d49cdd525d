//! Metrics and intervals against those computed in Python.
//!
//! Every expected number is from `tests/statistics/evaluation_reference.json`, written by the script of that name.

use serde_json::Value;

use super::*;

fn reference(part: &str) -> Value {
    let text = include_str!("../../tests/statistics/evaluation_reference.json");
    serde_json::from_str::<Value>(text).unwrap()[part].take()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

#[track_caller]
fn near(found: f64, expected: &Value, tolerance: f64) {
    let expected = number(expected);
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found}, expected {expected}");
}

/// An estimate against `object[name]`, `object[name_low]` and `object[name_high]`.
#[track_caller]
fn check(found: Option<Estimate>, object: &Value, name: &str, tolerance: f64) {
    let found = found.unwrap();
    near(found.value, &object[name], 1e-12);
    let (low, high) = found.interval.unwrap();
    near(low, &object[format!("{name}_low")], tolerance);
    near(high, &object[format!("{name}_high")], tolerance);
}

/// Rows by score, ascending.
fn ranked(y: &[f64], scores: &[f64]) -> Vec<RankPoint> {
    let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(y.iter().map(|y| 0.5 < *y)).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut points: Vec<RankPoint> = Vec::new();
    for (score, is_positive) in rows {
        // Minus zero and zero are one score.
        if points.last().is_none_or(|last| last.score < score) {
            points.push(RankPoint { score, n_positive: 0, n_negative: 0 });
        }
        let last = points.last_mut().unwrap();
        if is_positive { last.n_positive += 1 } else { last.n_negative += 1 }
    }
    points
}

#[test]
fn shares_have_scipys_wilson_interval() {
    for case in reference("wilson").as_array().unwrap() {
        let (low, high) = wilson(case["k"].as_u64().unwrap(), case["n"].as_u64().unwrap()).unwrap();
        near(low, &case["low"], 1e-12);
        near(high, &case["high"], 1e-12);
    }
    assert_eq!((wilson(0, 0), Estimate::share(0, 0)), (None, None));
}

#[test]
fn areas_are_those_of_scikit_learn_with_delongs_and_boyds_intervals() {
    let cases = reference("ranking");
    assert_eq!(cases.as_array().unwrap().len(), 4);
    for case in cases.as_array().unwrap() {
        let points = ranked(&numbers(&case["y"]), &numbers(&case["scores"]));
        check(roc_auc(&points), case, "auc", 1e-12);
        check(average_precision(&points), case, "ap", 1e-12);
        let curve = roc_curve(&points);
        let (fpr, tpr) = (numbers(&case["fpr"]), numbers(&case["tpr"]));
        assert_eq!((curve.len(), tpr.len()), (fpr.len(), fpr.len()));
        for ((point, fpr), tpr) in curve.iter().zip(fpr).zip(tpr) {
            assert!((point.0 - fpr).abs() < 1e-12 && (point.1 - tpr).abs() < 1e-12, "{point:?} {fpr} {tpr}");
        }
    }
}

#[test]
fn an_area_of_rows_of_one_kind_is_not_defined() {
    let point = |n_positive, n_negative| RankPoint { score: 0.5, n_positive, n_negative };
    for points in [&[][..], &[point(3, 0)], &[point(0, 3)]] {
        assert_eq!((roc_auc(points), roc_curve(points)), (None, Vec::new()), "{points:?}");
    }
    assert_eq!(average_precision(&[point(0, 3)]), None);
    // One row of a kind has no spread; scores that separate perfectly show none.
    assert_eq!(roc_auc(&[point(1, 4)]).unwrap(), Estimate { value: 0.5, interval: None });
    let above = RankPoint { score: 0.9, n_positive: 5, n_negative: 0 };
    assert_eq!(roc_auc(&[point(0, 5), above]).unwrap(), Estimate { value: 1.0, interval: None });
    assert_eq!(average_precision(&[point(0, 5), above]).unwrap(), Estimate { value: 1.0, interval: None });
}

#[test]
fn a_thinned_curve_keeps_its_ends_and_stays_within_a_step() {
    let curve: Vec<(f64, f64, f64)> =
        (0..=5_000).map(|k| f64::from(k) / 5_000.0).map(|x| (x * x, x, 1.0 - x)).collect();
    let thin = thin_curve(&curve, 100);
    assert!(thin.len() <= 202, "{}", thin.len());
    assert_eq!((thin.first(), thin.last()), (curve.first(), curve.last()));
    for pair in thin.windows(2) {
        assert!(pair[1].0 - pair[0].0 < 0.0105 && pair[1].1 - pair[0].1 < 0.0105, "{pair:?}");
    }
}

fn averaging(name: &str) -> Averaging {
    match name {
        "macro" => Averaging::Macro,
        "micro" => Averaging::Micro,
        _ => Averaging::Weighted,
    }
}

#[test]
fn confusion_gives_scikit_learns_metrics_and_the_delta_methods_intervals() {
    let case = reference("confusion");
    let mut cells = Vec::new();
    for (truth, row) in case["matrix"].as_array().unwrap().iter().enumerate() {
        let counts = row.as_array().unwrap().iter().enumerate();
        cells.extend(counts.map(|(answer, n)| (truth, Some(answer), n.as_u64().unwrap())));
    }
    let confusion = Confusion::new(3, cells);
    near(confusion.accuracy().unwrap().value, &case["accuracy"], 1e-12);
    for (class, expected) in case["classes"].as_array().unwrap().iter().enumerate() {
        near(confusion.precision(class).unwrap().value, &expected["precision"], 1e-12);
        near(confusion.recall(class).unwrap().value, &expected["recall"], 1e-12);
        check(confusion.f1(class), expected, "f1", 1e-12);
    }
    let means = case["means"].as_array().unwrap();
    assert_eq!(means.len(), 9);
    for expected in means {
        let averaging = averaging(expected["averaging"].as_str().unwrap());
        let found = match expected["measure"].as_str().unwrap() {
            "precision" => confusion.mean_precision(averaging),
            "recall" => confusion.mean_recall(averaging),
            _ => confusion.mean_f1(averaging),
        };
        let found = found.unwrap().unwrap();
        near(found.value, &expected["value"], 1e-12);
        if averaging != Averaging::Micro {
            // The script's slopes are finite differences.
            let (low, high) = found.interval.unwrap();
            near(low, &expected["low"], 1e-6);
            near(high, &expected["high"], 1e-6);
        }
    }
}

#[test]
fn what_has_no_denominator_is_not_defined() {
    // Class 1 is never answered, class 2 never occurs, and one row got no answer.
    let confusion = Confusion::new(3, [(0, Some(0), 4), (1, Some(0), 2), (0, Some(2), 1), (1, None, 1), (7, None, 5)]);
    assert_eq!((confusion.n(), confusion.n_answered(), confusion.count(1, None)), (8, 7, 1));
    assert_eq!((confusion.precision(1), confusion.recall(2)), (None, None));
    assert_eq!(confusion.mean_precision(Averaging::Macro), Err(1));
    assert_eq!(confusion.mean_recall(Averaging::Macro), Err(2));
    // Weighted by rows of the class, one that never occurs has no weight.
    assert!((confusion.mean_recall(Averaging::Weighted).unwrap().unwrap().value - 0.5).abs() < 1e-12);
    assert_eq!(confusion.f1(1).unwrap().value.total_cmp(&0.0), std::cmp::Ordering::Equal);
    assert_eq!(Confusion::new(2, []).mean_f1(Averaging::Macro), Ok(None));
    // 2·4 / (8 + 7); the interval is near that of the accuracy, 4 of 8.
    let micro = confusion.mean_f1(Averaging::Micro).unwrap().unwrap();
    let (low, high) = micro.interval.unwrap();
    assert!(
        (micro.value - 8.0 / 15.0).abs() < 1e-12 && 0.15 < low && low < 0.25 && 0.8 < high && high < 0.9,
        "{micro:?}"
    );
    assert_eq!(Confusion::new(2, []).accuracy(), None);
    assert_eq!(Confusion::default().precision(0), None);
}

#[test]
fn errors_are_those_of_scikit_learn_also_far_from_zero() {
    let case = reference("regression");
    let pairs: Vec<(f64, f64)> = numbers(&case["truth"]).into_iter().zip(numbers(&case["answer"])).collect();
    let moments = ErrorMoments::of(&pairs);
    // The truth is a million and some: its square has few digits left for the rest.
    check(moments.rmse(), &case, "rmse", 1e-9);
    check(moments.mae(), &case, "mae", 1e-9);
    check(moments.r2(), &case, "r2", 1e-9);
}

#[test]
fn errors_of_few_or_equal_rows_say_no_more_than_they_know() {
    let none = ErrorMoments::of(&[]);
    assert_eq!((none.rmse(), none.mae(), none.r2()), (None, None, None));
    let one = ErrorMoments::of(&[(3.0, 5.0)]);
    assert_eq!((one.mae(), one.r2()), (Some(Estimate { value: 2.0, interval: None }), None));
    let constant = ErrorMoments::of(&[(3.0, 5.0), (3.0, 2.0), (3.0, 3.0)]);
    assert_eq!(constant.r2(), None);
    let perfect = ErrorMoments::of(&[(1.0, 1.0), (2.0, 2.0)]);
    assert_eq!(perfect.r2(), Some(Estimate { value: 1.0, interval: None }));
    assert_eq!(perfect.rmse(), Some(Estimate { value: 0.0, interval: None }));
}
