use super::*;
use crate::project::documents::{ColumnSettings, Evidence};
use crate::project::reports::DriftSide;

fn column(name: &str, psi: f64) -> ColumnDrift {
    ColumnDrift {
        name: name.to_owned(),
        kind: ColumnKind::Categorical,
        n_reference: 1_000,
        n_current: 1_000,
        psi: Some(psi),
        psi_noise: 0.02,
        ..ColumnDrift::default()
    }
}

fn report(columns: Vec<ColumnDrift>) -> DriftReport {
    DriftReport {
        time: jiff::Timestamp::UNIX_EPOCH,
        reference: DriftSide::default(),
        current: DriftSide::default(),
        columns,
        only_in_reference: Vec::new(),
        only_in_current: Vec::new(),
        findings: Vec::new(),
        evidence: Evidence::default(),
        judged: Judgement::default(),
    }
}

fn critical(name: &str) -> ColumnSettings {
    ColumnSettings { name: name.to_owned(), critical: true, ..ColumnSettings::default() }
}

fn ignored(name: &str) -> ColumnSettings {
    ColumnSettings { name: name.to_owned(), ignored: true, ..ColumnSettings::default() }
}

#[track_caller]
fn check(report: &DriftReport, settings: &DriftSettings, reasons: &[&str]) {
    assert_eq!(drift_reasons(report, settings), reasons);
    let expected = if reasons.is_empty() { Verdict::Pass } else { Verdict::Fail };
    assert_eq!(drift(report, settings).verdict, expected);
}

#[test]
fn a_column_is_noise_small_or_drifted_by_its_psi() {
    let settings = DriftSettings::default();
    for (psi, expected) in [
        (0.0, DriftState::Noise),
        (0.02, DriftState::Noise),
        (0.03, DriftState::Small),
        (0.1, DriftState::Material),
        (f64::INFINITY, DriftState::Material),
    ] {
        assert_eq!(drift_state(&column("a", psi), &settings), expected, "{psi}");
    }
    let empty = ColumnDrift { psi: None, ..column("a", 0.0) };
    assert_eq!(drift_state(&empty, &settings), DriftState::Unknown);
    // Few rows: a large PSI may still be chance.
    let few = ColumnDrift { psi_noise: 0.5, ..column("a", 0.4) };
    assert_eq!(drift_state(&few, &settings), DriftState::Noise);
}

#[test]
fn half_of_the_features_fail_the_verdict_and_fewer_do_not() {
    let settings = DriftSettings::default();
    let columns = |n: usize| (0..4).map(|i| column(&format!("c{i}"), if i < n { 0.3 } else { 0.0 })).collect();
    check(&report(columns(1)), &settings, &[]);
    check(&report(columns(2)), &settings, &["2 of 4 features drifted, 50 % where the limit is 50 %"]);
    let strict = DriftSettings { share: 0.25, ..settings };
    check(&report(columns(1)), &strict, &["1 of 4 features drifted, 25 % where the limit is 25 %"]);
    // Nothing drifted is less than any limit, also one of zero.
    check(&report(columns(0)), &DriftSettings { share: 0.0, ..strict }, &[]);
}

#[test]
fn a_critical_column_the_label_and_the_prediction_fail_it_alone() {
    let mut settings = DriftSettings { columns: vec![critical("a")], ..DriftSettings::default() };
    let role = |role: ColumnRole, name: &str| ColumnDrift { role, ..column(name, 0.3) };
    let mut all = report(vec![
        column("a", 0.3),
        column("b", 0.0),
        column("c", 0.0),
        role(ColumnRole::Target, "churned"),
        role(ColumnRole::Prediction, "score"),
    ]);
    check(
        &all,
        &settings,
        &["critical and drifted: a", "the label churned drifted (PSI 0.30)", "the prediction score drifted (PSI 0.30)"],
    );
    // The same report under other settings.
    settings.columns = vec![ignored("churned"), ignored("score")];
    check(&all, &settings, &[]);
    all.only_in_reference = vec!["age".to_owned()];
    check(&all, &settings, &["not in the current data: age"]);
    settings.decide(ignored("age"));
    check(&all, &settings, &[]);
}

#[test]
fn each_check_of_quality_fails_it() {
    let settings = DriftSettings::default();
    let missing = ColumnDrift { missing_current: 60, n_current: 940, ..column("a", 0.0) };
    check(&report(vec![missing.clone()]), &settings, &["more values missing in a"]);
    check(&report(vec![missing.clone()]), &DriftSettings { missing: 0.1, ..settings.clone() }, &[]);
    // A row of ten is ten points, and chance.
    let few = ColumnDrift { n_reference: 10, missing_current: 1, n_current: 9, ..column("a", 0.0) };
    check(&report(vec![few]), &settings, &[]);
    let unexpected = Unexpected { n_values: 10, n_distinct: 1, examples: vec!["moon".to_owned()] };
    let unseen = ColumnDrift { unseen: unexpected.clone(), ..column("b", 0.0) };
    check(&report(vec![unseen.clone()]), &settings, &["unseen categories in b"]);
    let rare = ColumnDrift { n_current: 5_000, ..unseen };
    check(&report(vec![rare]), &settings, &[]);
    let numeric = ColumnDrift { kind: ColumnKind::Numeric, ..column("c", 0.0) };
    let text = ColumnDrift { not_numbers: unexpected, ..numeric.clone() };
    check(&report(vec![text]), &settings, &["values that are no numbers in c"]);
    let outside = |outside: u64| report(vec![ColumnDrift { outside, ..numeric.clone() }]);
    check(&outside(9), &settings, &[]);
    check(&outside(10), &settings, &["values outside of the reference's range in c"]);
}

#[test]
fn settings_that_are_no_limits_count_as_the_defaults() {
    let settings = DriftSettings { share: f64::NAN, psi: f64::NAN, missing: -1.0, ..DriftSettings::default() };
    check(&report(vec![column("a", 0.2)]), &settings, &["1 of 1 features drifted, 100 % where the limit is 50 %"]);
}

#[test]
fn the_worst_column_comes_first_and_ignored_ones_last() {
    let settings = DriftSettings { columns: vec![ignored("ignored")], ..DriftSettings::default() };
    let quality = ColumnDrift { missing_current: 500, n_current: 500, ..column("quality", 0.0) };
    let mut columns = [column("small", 0.05), column("ignored", 9.0), column("worst", 0.9), quality, column("b", 0.0)];
    columns.sort_by(|a, b| by_severity(a, b, &settings));
    let order: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(order, ["worst", "quality", "small", "b", "ignored"]);
}

#[test]
fn numbers_are_told_with_the_digits_they_need() {
    for (share, expected) in [
        (0.0, "0 %"),
        (0.0001, "under 0.1 %"),
        (0.004, "0.4 %"),
        (0.01, "1 %"),
        (0.0526, "5.3 %"),
        (0.199, "20 %"),
        (1.0, "100 %"),
    ] {
        assert_eq!(share_text(share), expected);
    }
    for (value, expected) in
        [(0.0, "0"), (548.52, "548.52"), (7.34, "7.34"), (-0.125, "-0.125"), (1e9, "1.000e9"), (42492.99, "42493")]
    {
        assert_eq!(value_text(value), expected);
    }
}
