//! Evaluations under briefs: what flips a verdict, and what is not defined.

use semver::Version;

use super::*;
use crate::project::brief::{Brief, Stated};
use crate::project::contract::ClassLabel;
use crate::project::documents::Evidence;
use crate::project::reports::{
    ClassOutcomes, EvaluationReport, LogLoss, NumberOutcomes, Outcomes, ScoreCurve, ScorePoint, Verdict,
};

fn report(outcomes: Outcomes, n_rows: u64) -> EvaluationReport {
    EvaluationReport {
        time: "2026-11-24T10:00:00Z".parse().unwrap(),
        version: Version::new(1, 1, 0),
        data: "data/labelled.csv".to_owned(),
        target: "churned".to_owned(),
        n_rows,
        n_unlabelled: 0,
        outcomes,
        evidence: Evidence { labelled: "aa".to_owned(), ..Evidence::default() },
        judged: Vec::new(),
    }
}

fn curve(points: &[(f64, u64, u64, u64)]) -> ScoreCurve {
    ScoreCurve { points: points.iter().copied().map(ScorePoint::from).collect(), grid: None }
}

/// 100 rows of classes 0 and 1; of the positives 40 score above 0.5, of the negatives 10.
fn two_classes() -> ClassOutcomes {
    ClassOutcomes {
        classes: vec![ClassLabel::Int(0), ClassLabel::Int(1)],
        n_known: 2,
        confusion: vec![(0, Some(0), 40), (0, Some(1), 10), (1, Some(0), 10), (1, Some(1), 40)],
        probabilities: true,
        scores: vec![
            curve(&[(0.1, 5, 35, 0), (0.4, 5, 5, 0), (0.6, 20, 8, 0), (0.9, 20, 2, 0)]),
            curve(&[(0.1, 2, 20, 0), (0.4, 8, 20, 0), (0.6, 5, 5, 0), (0.9, 35, 5, 0)]),
        ],
        n_unscored: 0,
        log_loss: Some(LogLoss { n: 100, sum: 40.0, sum_of_squares: 30.0 }),
    }
}

fn evaluated() -> EvaluationReport {
    report(Outcomes::Classes(two_classes()), 100)
}

fn with(change: impl FnOnce(&mut ClassOutcomes)) -> EvaluationReport {
    let mut classes = two_classes();
    change(&mut classes);
    report(Outcomes::Classes(classes), 100)
}

fn brief_of(success: &str, output: &str) -> Brief {
    Brief { success: Stated::from_words(success), output: Stated::from_words(output), ..Brief::default() }
}

#[track_caller]
fn check(report: &EvaluationReport, success_words: &str, output: &str, verdict: Verdict, measured: &str, part: &str) {
    let judged = success(Some(report), &Baseline::Itself, &brief_of(success_words, output));
    let [judged] = judged.as_slice() else { panic!("{success_words}: {judged:?}") };
    assert_eq!((judged.verdict, judged.measured.as_str()), (verdict, measured), "{success_words}: {judged:?}");
    assert!(judged.reason.contains(part), "{success_words}: {judged:?}");
}

const PROBABILITY: &str = "probability of class 1";

#[test]
fn the_limit_the_threshold_and_the_positive_class_turn_the_verdict() {
    let report = evaluated();
    let interval = "0.80 (0.67 – 0.89)";
    check(&report, "precision > 0.7", PROBABILITY, Verdict::Pass, interval, "On 100 rows of data/labelled.csv");
    check(&report, "precision > 0.9", PROBABILITY, Verdict::Fail, interval, "On 100 rows");
    check(&report, "precision >= 0.8", PROBABILITY, Verdict::Pass, interval, "reaches across the limit");
    check(&report, "precision > 0.8", PROBABILITY, Verdict::Fail, interval, "reaches across the limit");
    // From 0.9 on: 35 of 40; from 0.3: 48 of 78.
    let (low, high) = ("probability of class 1, threshold 0.3", "probability of class 1, threshold 0.9");
    check(
        &report,
        "precision > 0.5",
        low,
        Verdict::Pass,
        "0.62 (0.50 – 0.72)",
        "class 1 answered from a probability of 0.3",
    );
    check(&report, "recall > 0.9", low, Verdict::Pass, "0.96 (0.87 – 0.99)", "across the limit");
    check(&report, "precision > 0.85", high, Verdict::Pass, "0.88 (0.74 – 0.95)", "0.9");
    check(&report, "recall > 0.9", high, Verdict::Fail, "0.70 (0.56 – 0.81)", "0.9");
    check(&report, "accuracy >= 0.8", PROBABILITY, Verdict::Pass, "0.80 (0.71 – 0.87)", "across the limit");
    // Of many rows the interval is narrow, and its ends are still told apart.
    let many = with(|classes| {
        classes.confusion =
            vec![(0, Some(0), 400_000), (0, Some(1), 100_000), (1, Some(0), 100_000), (1, Some(1), 400_000)];
    });
    check(&many, "accuracy > 0.7", PROBABILITY, Verdict::Pass, "0.8000 (0.7992 – 0.8008)", "On 100 rows");
    // The threshold is one of the other class.
    let other = "probability of class 0, threshold 0.9";
    check(&report, "recall > 0.9", other, Verdict::Fail, "0.40 (0.28 – 0.54)", "class 0 answered from");
    check(&report, "recall of class 1 > 0.9", other, Verdict::Pass, "0.96 (0.87 – 0.99)", "class 0 answered from");
    check(&report, "log loss < 0.5", PROBABILITY, Verdict::Pass, "0.4000 (0.3263 – 0.4737)", "On 100 rows");
}

#[test]
fn what_is_not_defined_is_undecided_and_says_why() {
    let undecided = |report: &EvaluationReport, success: &str, output: &str, part: &str| {
        check(report, success, output, Verdict::Undecided, "", part);
    };
    let report = evaluated();
    undecided(&report, "RMSE < 3", PROBABILITY, "the model answers classes");
    undecided(&report, "recall > 0.5", "probability of class 7", "no class “7”, only 0, 1");
    undecided(&report, "recall of class 7 > 0.5", PROBABILITY, "no class “7”");
    let none_called = with(|classes| classes.confusion = vec![(0, Some(0), 50), (1, Some(0), 50)]);
    undecided(&none_called, "precision > 0.5", PROBABILITY, "No row is answered as “1”");
    undecided(&none_called, "precision > 0.5 (macro)", PROBABILITY, "No row is answered as “1”");
    check(&none_called, "recall >= 0.5", PROBABILITY, Verdict::Fail, "0.00 (0.00 – 0.07)", "On 100 rows");
    let one_class = with(|classes| {
        classes.confusion = vec![(0, Some(0), 40), (0, Some(1), 10)];
        classes.scores[1] = curve(&[(0.1, 0, 40, 0), (0.9, 0, 10, 0)]);
    });
    undecided(&one_class, "AUC > 0.5", PROBABILITY, "No row is of class “1”");
    undecided(&one_class, "recall > 0.5", PROBABILITY, "No row is of class “1”");
    let unscored = with(|classes| classes.n_unscored = 1);
    undecided(&unscored, "AUC > 0.5", PROBABILITY, "1 row has a score that is no number");
    undecided(&unscored, "log loss < 1", PROBABILITY, "1 row has a score");
    let labels_only = with(|classes| (classes.scores, classes.log_loss) = (Vec::new(), None));
    undecided(&labels_only, "AUC > 0.5", PROBABILITY, "no score for each class");
    undecided(&labels_only, "log loss < 1", PROBABILITY, "no probabilities");
    let unknown = with(|classes| {
        classes.classes.push(ClassLabel::Text("maybe".to_owned()));
        classes.confusion.push((2, Some(0), 3));
    });
    undecided(&unknown, "log loss < 1", PROBABILITY, "3 rows have a label that the model does not know");
    check(&unknown, "accuracy > 0.7", PROBABILITY, Verdict::Pass, "0.78 (0.69 – 0.85)", "On 100 rows");
    let many = with(|classes| {
        classes.classes.push(ClassLabel::Int(2));
        classes.n_known = 3;
        classes.scores.push(curve(&[(0.5, 1, 99, 0)]));
    });
    undecided(&many, "recall > 0.5", "label", "3 classes; name one of them or an average");
    check(&many, "recall of class 1 > 0.5", "label", Verdict::Pass, "0.80 (0.67 – 0.89)", "On 100 rows");
    check(&many, "F1 > 0.5 (micro)", "label", Verdict::Pass, "0.80 (0.71 – 0.87)", "On 100 rows");
}

#[test]
fn rows_without_a_score_and_unknown_labels_stay_in_the_table_under_a_threshold() {
    let report = with(|classes| {
        classes.classes.extend(["maybe", "later"].map(|label| ClassLabel::Text(label.to_owned())));
        classes.confusion.extend([(0, None, 3), (2, Some(1), 4), (3, Some(0), 1), (3, None, 1)]);
        classes.scores[1].points[3].n_unknown = 5;
        classes.n_unscored = 4;
    });
    let own = confusion_table(&report, &brief_of("", PROBABILITY)).unwrap();
    assert_eq!((own.names.len(), own.confusion.n(), own.called_from), (4, 109, None));
    let moved = confusion_table(&report, &brief_of("", "probability of class 1, threshold 0.9")).unwrap();
    assert_eq!(moved.names, ["0", "1", "unknown labels"]);
    assert_eq!(moved.called_from, Some(("1".to_owned(), 0.9)));
    let counts = |truth| moved.answers().iter().map(|answer| moved.confusion.count(truth, *answer)).collect::<Vec<_>>();
    assert_eq!((counts(0), counts(1), counts(2)), (vec![45, 5, 3], vec![15, 35, 0], vec![0, 5, 1]));
}

#[test]
fn a_gain_is_counted_from_the_champion_on_the_same_data() {
    let report = evaluated();
    let brief = brief_of("accuracy > 0.7, 5 points better than the current model", PROBABILITY);
    let only_gain = brief_of("accuracy 5 points better than the current model", PROBABILITY);
    let champion = |wrong: u64, data: &str| {
        let mut other = with(|classes| classes.confusion = vec![(0, Some(0), 100 - wrong), (0, Some(1), wrong)]);
        other.version = Version::new(1, 0, 0);
        other.evidence.labelled = data.to_owned();
        other
    };
    let judged = |baseline: &Baseline<'_>, brief: &Brief| success(Some(&report), baseline, brief).remove(0);
    for (wrong, data, verdict, part) in [
        (25, "aa", Verdict::Pass, "0.050 better than the champion 1.0.0"),
        (24, "aa", Verdict::Fail, "0.040 better than the champion 1.0.0"),
        (10, "aa", Verdict::Fail, "0.100 worse than the champion 1.0.0"),
        (25, "bb", Verdict::Undecided, "evaluated on other data"),
    ] {
        let other = champion(wrong, data);
        for brief in [&brief, &only_gain] {
            let found = judged(&Baseline::Evaluated(&other), brief);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.reason.contains(part), "{found:?}");
        }
    }
    let unknown = judged(&Baseline::NotEvaluated(Version::new(1, 0, 0)), &brief);
    assert!(unknown.verdict == Verdict::Undecided && unknown.reason.contains("1.0.0 was not evaluated"), "{unknown:?}");
    // A champion has nothing to gain over; its bound counts, and a mere gain is no question to it.
    assert_eq!(judged(&Baseline::Itself, &brief).verdict, Verdict::Pass);
    assert_eq!(judged(&Baseline::Itself, &only_gain).verdict, Verdict::None);
}

#[test]
fn a_regressor_is_judged_by_its_errors() {
    let numbers = NumberOutcomes {
        pairs: vec![(1.0, 1.5)],
        n: 4,
        n_unanswered: 0,
        sum_absolute: 4.0,
        sum_squared: 6.0,
        sum_fourth: 18.0,
        sum_distance: 60.0,
        sum_distance_fourth: 1_000.0,
        sum_product: 90.0,
    };
    let report = |numbers: NumberOutcomes| report(Outcomes::Numbers(numbers), 4);
    let found = report(numbers.clone());
    check(&found, "MAE < 1.5", "a number", Verdict::Pass, "1.000 (0.200 – 1.800)", "On 4 rows");
    check(&found, "R² > 0.95", "a number", Verdict::Fail, "0.9000 (0.7967 – 1.0000)", "across");
    check(&found, "AUC > 0.9", "a number", Verdict::Undecided, "", "the model answers numbers");
    let unanswered = report(NumberOutcomes { n_unanswered: 2, ..numbers });
    check(&unanswered, "RMSE < 9", "a number", Verdict::Undecided, "", "2 rows got an answer that is no number");
}

#[test]
fn every_metric_that_makes_sense_is_there_once_and_the_briefs_come_first() {
    let brief = brief_of("recall of class 0 > 0.5, AUC > 0.5", PROBABILITY);
    let lines = metrics(&evaluated(), &Baseline::Itself, &brief);
    let names: Vec<String> = lines.iter().map(MetricLine::name).collect();
    let expected = ["recall of class 0", "ROC-AUC", "accuracy", "precision", "recall", "F1", "PR-AUC", "log loss"];
    assert_eq!(names, expected);
    assert!(lines[2..].iter().all(|line| line.judgement.verdict == Verdict::None && line.estimate.is_ok()));
}

#[test]
fn the_curve_is_marked_where_the_threshold_cuts_it() {
    let lines = roc_lines(&evaluated(), &brief_of("", "probability of class 1, threshold 0.3"));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let (fpr, tpr, threshold) = line.at_threshold.unwrap();
    assert!((fpr - 0.6).abs() < 1e-12 && (tpr - 0.96).abs() < 1e-12 && (threshold - 0.3).abs() < 1e-12);
    assert_eq!((line.class.as_str(), line.points.len()), ("1", 5));
}

#[test]
fn limits_of_the_brief_stand_in_its_order_and_only_where_it_states_them() {
    let now = "2026-11-24T10:00:00Z".parse().unwrap();
    let evaluated = evaluated();
    let measured = Measurements {
        benchmark: None,
        evaluation: Some(&evaluated),
        baseline: Baseline::Itself,
        registered: Some(now),
        now,
    };
    let full = Brief {
        latency: Stated::from_words("< 200 ms"),
        retraining: Stated::from_words("weekly"),
        ..brief_of("AUC > 0.5, recall > 0.9", PROBABILITY)
    };
    let limits = brief(&full, &measured);
    let kinds: Vec<LimitKind> = limits.iter().map(|limit| limit.kind).collect();
    let expected = [LimitKind::Latency, LimitKind::Retraining, LimitKind::Success(0), LimitKind::Success(1)];
    assert_eq!(kinds, expected);
    let verdicts: Vec<Verdict> = limits[1..].iter().map(|limit| limit.judgement.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass, Verdict::Fail]);
    assert_eq!(brief(&Brief::default(), &measured), []);
    let not_yet = brief(&full, &Measurements { evaluation: None, ..measured });
    assert_eq!(
        (not_yet[2].judgement.verdict, not_yet[2].judgement.reason.as_str()),
        (Verdict::None, "Not evaluated yet")
    );
}
