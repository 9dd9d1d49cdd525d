use std::fs;

use super::*;
use crate::jobs::no_wake;
use crate::project::documents::ColumnSettings;
use crate::project::reports::{Bins, ColumnDrift};
use crate::table::{Cells, Column};

fn context() -> JobContext {
    JobContext::new(no_wake())
}

fn table(columns: Vec<(&str, Cells)>) -> Table {
    Table { columns: columns.into_iter().map(|(name, cells)| Column { name: name.to_owned(), cells }).collect() }
}

fn numbers(values: impl IntoIterator<Item = f64>) -> Cells {
    Cells::Number(values.into_iter().collect())
}

fn integers(values: impl IntoIterator<Item = i64>) -> Cells {
    Cells::Integer(values.into_iter().map(Some).collect())
}

fn text<'a>(values: impl IntoIterator<Item = &'a str>) -> Cells {
    let cell = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    Cells::Text(values.into_iter().map(cell).collect())
}

fn compared(reference: &Table, current: &Table, roles: &Roles, settings: &DriftSettings) -> Comparison {
    compare(reference, current, roles, settings, &context()).unwrap()
}

/// One column, with everything guessed.
fn one(reference: Cells, current: Cells) -> ColumnDrift {
    let (a, b) = (table(vec![("x", reference)]), table(vec![("x", current)]));
    compared(&a, &b, &Roles::default(), &DriftSettings::default()).columns.remove(0)
}

#[test]
fn equal_samples_have_not_drifted_whatever_their_type() {
    for cells in [
        numbers((0..500).map(|i| f64::from(i).sqrt())),
        integers((0..500).map(|i| i % 7)),
        integers((0..500).map(|i| i * i)),
        text((0..500).map(|i| ["a", "b", "", "c"][i % 4])),
        Cells::Bool((0..500).map(|i| Some(i % 3 == 0)).collect()),
    ] {
        let column = one(cells.clone(), cells);
        assert_eq!(column.psi, Some(0.0), "{column:?}");
        assert_eq!(column.test.as_ref().map(|test| test.p), Some(1.0), "{column:?}");
        let settings = DriftSettings::default();
        assert!(judge::quality_checks(&column, &settings).iter().all(|check| check.pass), "{column:?}");
    }
}

#[test]
fn psi_is_never_negative_and_equal_both_ways_on_frozen_categories() {
    let (a, b) = (text((0..400).map(|i| ["a", "b", "c"][i % 3])), text((0..300).map(|i| ["a", "c", "d"][i * i % 3])));
    let (one_way, other_way) = (one(a.clone(), b.clone()), one(b, a));
    assert!(one_way.psi.is_some_and(|psi| 0.1 < psi && psi.is_finite()));
    let difference = one_way.psi.unwrap() - other_way.psi.unwrap();
    assert!(difference.abs() < 1e-12, "{difference}");
    assert_eq!(one_way.test.map(|test| test.name), Some("chi-square".to_owned()));
}

#[test]
fn bins_are_frozen_on_the_reference() {
    let reference = numbers((0..1_000).map(|i| f64::from(i) / 10.0));
    let edges = |column: &ColumnDrift| match &column.bins {
        Bins::Numeric { edges, .. } => edges.clone(),
        Bins::Categories { .. } => panic!("{column:?}"),
    };
    let near = one(reference.clone(), numbers((0..100).map(f64::from)));
    let far = one(reference, numbers((0..100).map(|i| f64::from(i) * 1e6)));
    assert_eq!(edges(&near), edges(&far));
    assert_eq!(far.outside, 99);
    assert_eq!(far.bins.counts().1, [1, 0, 0, 0, 0, 0, 0, 0, 0, 99]);
}

#[test]
fn missing_and_unseen_values_are_counted_apart_from_the_drift() {
    let column = one(text(["a", "b", "a", "b"]), text(["a", "", "new", "new", "other"]));
    assert_eq!((column.n_reference, column.n_current, column.missing_current), (4, 4, 1));
    assert_eq!((column.unseen.n_values, column.unseen.n_distinct), (3, 2));
    assert_eq!(column.unseen.examples, ["new", "other"]);
    let Bins::Categories { names, n_others, .. } = column.bins else { panic!("categories") };
    assert_eq!((names, n_others), (["a", "b", "new", "other"].map(str::to_owned).to_vec(), 0));
}

#[test]
fn rare_categories_share_a_bin_and_none_is_lost() {
    let names: Vec<String> = (0..5_000).map(|i| format!("city-{}", i % 700)).collect();
    let new: Vec<String> = (0..5_000).map(|i| format!("city-{}", i % 900)).collect();
    let column = one(text(names.iter().map(String::as_str)), text(new.iter().map(String::as_str)));
    let Bins::Categories { names, n_others, reference, current } = &column.bins else { panic!("categories") };
    assert_eq!((names.len(), *n_others), (40, 860));
    assert_eq!((reference.iter().sum::<u64>(), current.iter().sum::<u64>()), (5_000, 5_000));
    assert_eq!((reference.len(), column.unseen.n_distinct), (41, 200));
}

#[test]
fn numbers_that_name_things_are_told_in_their_order() {
    let column = one(integers((0..90).map(|i| i % 9 + 3)), integers((0..90).map(|i| i % 10 + 3)));
    let Bins::Categories { names, .. } = column.bins else { panic!("categories") };
    assert_eq!(names, ["3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]);
}

#[test]
fn types_that_differ_are_a_finding_and_a_check_and_no_crash() {
    let a = table(vec![
        ("scale", numbers((0..40).map(|i| f64::from(i) + 0.5))),
        ("flag", Cells::Bool((0..40).map(|i| Some(i % 2 == 0)).collect())),
        ("gone", numbers((0..40).map(f64::from))),
    ]);
    let b = table(vec![
        ("scale", text((0..40).map(|i| if i % 4 == 0 { "unknown" } else { "7.5" }))),
        ("flag", integers((0..40).map(|i| i % 2))),
        ("gone", numbers((0..40).map(|_| f64::NAN))),
    ]);
    let comparison = compared(&a, &b, &Roles::default(), &DriftSettings::default());
    let column = |name: &str| comparison.columns.iter().find(|column| column.name == name).unwrap();
    let scale = column("scale");
    assert_eq!((scale.n_current, scale.missing_current, scale.not_numbers.n_values), (30, 0, 10));
    assert_eq!(scale.not_numbers.examples, ["unknown"]);
    // True and false are one and zero.
    assert_eq!((column("flag").psi, column("flag").unseen.n_values), (Some(0.0), 0));
    assert_eq!((column("gone").psi, column("gone").test.is_none()), (None, true));
    let findings: Vec<&str> = comparison.findings.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!(
        findings,
        [
            "scale holds numbers in the reference and text in the current data",
            "flag holds true and false in the reference and numbers in the current data"
        ]
    );
}

#[test]
fn columns_of_one_side_are_told_by_what_they_are() {
    let cells = || numbers((0..30).map(|i| f64::from(i * i)));
    let a = table(vec![("age", cells()), ("note", cells()), ("left", cells()), ("both", cells()), ("id", cells())]);
    let b = table(vec![("both", cells()), ("new", cells()), ("when", cells())]);
    let mut roles = Roles {
        target: Some("left".to_owned()),
        left_out: ["id".to_owned(), "when".to_owned()].into(),
        ..Roles::default()
    };
    let comparison = compared(&a, &b, &roles, &DriftSettings::default());
    assert_eq!(comparison.only_in_reference, ["age", "note"]);
    assert_eq!(comparison.only_in_current, ["new"]);
    assert_eq!(comparison.columns.len(), 1);
    assert_eq!(comparison.findings[0].what, "The current data has no label left, so its drift cannot be told");
    // A project's model is not given the note.
    roles.features = ["age".to_owned(), "both".to_owned()].into();
    let comparison = compared(&a, &b, &roles, &DriftSettings::default());
    assert_eq!(comparison.only_in_reference, ["age"]);
}

#[test]
fn an_identifier_is_left_out_unless_its_type_is_set() {
    let ids: Vec<String> = (0..100).map(|i| format!("C-{i}")).collect();
    let cells = || text(ids.iter().map(String::as_str));
    let a = table(vec![("customer", cells()), ("x", numbers((0..100).map(f64::from)))]);
    let comparison = compared(&a, &a, &Roles::default(), &DriftSettings::default());
    assert_eq!(comparison.columns.len(), 1);
    assert!(comparison.findings[0].what.starts_with("customer is left out"), "{:?}", comparison.findings);
    let decided = ColumnSettings {
        name: "customer".to_owned(),
        kind: Some(ColumnKind::Categorical),
        ..ColumnSettings::default()
    };
    let settings = DriftSettings { columns: vec![decided], ..DriftSettings::default() };
    assert_eq!(compared(&a, &a, &Roles::default(), &settings).columns.len(), 2);
}

#[test]
fn the_type_of_a_column_can_be_changed() {
    let cells = || integers((0..100).map(|i| i % 20));
    let a = table(vec![("floor", cells())]);
    let kind = |kind| {
        let decided = ColumnSettings { name: "floor".to_owned(), kind, ..ColumnSettings::default() };
        let settings = DriftSettings { columns: vec![decided], ..DriftSettings::default() };
        compared(&a, &a, &Roles::default(), &settings).columns[0].kind
    };
    assert_eq!(kind(None), ColumnKind::Numeric);
    assert_eq!(kind(Some(ColumnKind::Categorical)), ColumnKind::Categorical);
}

#[test]
fn five_thousand_columns_are_compared() {
    let columns = |shift: f64| {
        let column = |i: u32| Column {
            name: format!("f{i}"),
            cells: numbers((0..40).map(|row| f64::from(row * (i % 13 + 1)) + shift)),
        };
        Table { columns: (0..5_000).map(column).collect() }
    };
    let comparison = compared(&columns(0.0), &columns(0.0), &Roles::default(), &DriftSettings::default());
    assert_eq!(comparison.columns.len(), 5_000);
    assert!(comparison.columns.iter().all(|column| column.psi == Some(0.0)));
}

#[test]
fn a_cancelled_comparison_stops() {
    let a = table(vec![("x", numbers((0..10).map(f64::from)))]);
    let context = context();
    context.cancel();
    let result = compare(&a, &a, &Roles::default(), &DriftSettings::default(), &context);
    assert_eq!(result, Err(JobError::Cancelled));
}

#[test]
fn codes_with_leading_zeros_stay_names_in_the_current_data() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: &str| {
        let path = folder.path().join(name);
        fs::write(&path, format!("code,x\n{}", rows.repeat(20))).unwrap();
        Source { path, shown: name.to_owned() }
    };
    let request = CompareRequest {
        reference: write("a.csv", "A1,0.5\n22,1.5\n"),
        current: write("b.csv", "22,0.5\n22,1.5\n"),
        roles: Roles::default(),
        settings: DriftSettings::default(),
        time: Timestamp::UNIX_EPOCH,
    };
    let report = compare_files(&request, Evidence::default(), &context()).unwrap();
    let code = report.columns.iter().find(|column| column.name == "code").unwrap();
    assert_eq!((code.kind, code.unseen.n_values), (ColumnKind::Categorical, 0));
    assert_eq!((report.reference.n_rows, report.current.path.as_str()), (40, "b.csv"));
}
