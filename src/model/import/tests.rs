use super::*;
use crate::project::contract::Dtype;
use crate::project::documents::{Feature, FeatureContract, FeatureType};

fn spec(name: &str, dtype: Dtype, columns: u64, classes: &[&str]) -> TensorSpec {
    let classes = classes
        .iter()
        .map(|class| class.parse().map_or_else(|_| ClassLabel::Text((*class).to_owned()), ClassLabel::Int));
    let shape = vec![Dim::Symbol(String::new()), Dim::Fixed(columns)];
    TensorSpec { name: name.to_owned(), dtype, shape, classes: classes.collect() }
}

fn classifier(classes: &[&str]) -> ModelContract {
    let is_text = classes.iter().any(|class| class.parse::<i64>().is_err());
    let label = spec("label", if is_text { Dtype::Text } else { Dtype::I64 }, 1, &[]);
    let scores = spec("probabilities", Dtype::F32, classes.len() as u64, classes);
    ModelContract { inputs: vec![spec("X", Dtype::F32, 2, &[])], outputs: vec![label, scores] }
}

fn regressor() -> ModelContract {
    ModelContract { inputs: vec![spec("X", Dtype::F32, 2, &[])], outputs: vec![spec("variable", Dtype::F32, 1, &[])] }
}

/// Imports files of these contents, for features `a` and `b`, or `X_0` and `X_1`.
fn imported(
    model: &ModelContract,
    names: [&str; 2],
    csv: &str,
    rows: Option<&str>,
    id: Option<&str>,
) -> Result<Imported, Problem> {
    let feature = |column: usize| Feature {
        name: names[column].to_owned(),
        kind: FeatureType::Number,
        input: "X".to_owned(),
        column: Some(column),
        ..Feature::default()
    };
    let contract = FeatureContract { features: vec![feature(0), feature(1)] };
    let mapping = Mapping::new(&contract, model).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let import = GoldenImport {
        predictions: write("predictions.csv", csv),
        rows: rows.map(|rows| write("rows.csv", rows)),
        id: id.map(str::to_owned),
        tolerance: None,
    };
    import_golden(&import, &mapping, model)
}

const NAMED: [&str; 2] = ["a", "b"];

#[track_caller]
fn check(model: &ModelContract, csv: &str, label: Option<&str>, scores: &[f64]) {
    let imported = imported(model, NAMED, csv, None, None).unwrap();
    let row = &imported.golden.rows[0];
    assert_eq!(row.label.as_ref().map(ToString::to_string).as_deref(), label, "{csv}");
    assert_eq!(row.scores, scores, "{csv}");
    assert_eq!(row.values, [Value::Number(1.0), Value::Number(2.0)], "{csv}");
}

#[track_caller]
fn check_error(model: &ModelContract, csv: &str, what: &str, fix: &str) {
    let problem = imported(model, NAMED, csv, None, None).unwrap_err();
    assert!(
        problem.what.contains(what)
            && problem.fix.contains(fix)
            && Path::new(&problem.place).extension().is_some_and(|extension| extension == "csv"),
        "{problem:?}"
    );
}

#[test]
fn columns_are_found_as_people_name_them() {
    let (binary, text) = (classifier(&["0", "1"]), classifier(&["no", "yes"]));
    check(&binary, "a,b,label\n1,2,1\n", Some("1"), &[]);
    check(&binary, "a,b,prediction,probability\n1,2,1,0.75\n", Some("1"), &[0.25, 0.75]);
    check(&binary, "a,b,y_pred,proba_0,proba_1\n1,2,0,0.75,0.25\n", Some("0"), &[0.75, 0.25]);
    check(&binary, "a,b,Predicted Label,proba_1\n1,2,0,0.25\n", Some("0"), &[0.75, 0.25]);
    check(&binary, "a,b,label\n1,2,True\n", Some("1"), &[]);
    check(&binary, "a,b,label\n1,2,1.0\n", Some("1"), &[]);
    check(&text, "a,b,label,probability_no,probability_yes\n1,2,yes,0.25,0.75\n", Some("yes"), &[0.25, 0.75]);
    check(&text, "a,b,yes,no\n1,2,0.75,0.25\n", None, &[0.25, 0.75]);
    check(&text, "a,b,proba_0,proba_1\n1,2,0.25,0.75\n", None, &[0.25, 0.75]);
    check(&classifier(&["1", "2", "3"]), "a,b,p_1,p_2,p_3\n1,2,0.5,0.25,0.25\n", None, &[0.5, 0.25, 0.25]);
    check(&regressor(), "a,b,prediction\n1,2,3.5\n", None, &[3.5]);
    check(&regressor(), "a,b,yhat\n1,2,3.5\n", None, &[3.5]);
}

#[test]
fn a_file_that_does_not_fit_says_what_is_missing() {
    let text = classifier(&["no", "yes"]);
    check_error(&text, "a,b\n1,2\n", "No column of this file holds a prediction; it has a, b", "probability_no");
    check_error(
        &text,
        "a,label\n1,no\n",
        "The table has no column b, which the model takes; it has a, label",
        "Add the columns",
    );
    check_error(
        &text,
        "a,b,label\n1,2,no\n1,2,maybe\n",
        "Row 2: “maybe” is none of the model's classes (no, yes)",
        "as the model was trained",
    );
    check_error(&text, "a,b,probability\n1,2,high\n1,2,0.5\n", "Row 1: probability must be a number", "Correct");
    check_error(
        &regressor(),
        "a,b,label\n1,2,3\n",
        "No column of this file holds a prediction",
        "“prediction” or “value”",
    );
    check_error(
        &text,
        "a,b,label\n1,2,\n",
        "No row of this file can be compared: no prediction is given",
        "one row per prediction",
    );
}

#[test]
fn rows_without_a_prediction_are_left_out_and_counted() {
    let imported = imported(&regressor(), NAMED, "a,b,value\n1,2,3\n4,5,\n6,7,8\n", None, None).unwrap();
    assert_eq!(imported.golden.rows.len(), 2);
    assert_eq!(imported.skipped, [(1, "no prediction is given".to_owned())]);
}

#[test]
fn two_files_are_matched_by_their_order_or_by_an_id() {
    let scores = |imported: &Imported| imported.golden.rows.iter().map(|row| row.scores[0]).collect::<Vec<_>>();
    let by_order = imported(&regressor(), NAMED, "value\n3\n4\n", Some("a,b\n1,2\n5,6\n"), None).unwrap();
    assert_eq!(scores(&by_order), [3.0, 4.0]);
    let rows = "id,a,b\nx,1,2\ny,5,6\nz,7,8\n";
    let by_id = imported(&regressor(), NAMED, "id,value\ny,4\nx,3\n", Some(rows), Some("id")).unwrap();
    assert_eq!((scores(&by_id), by_id.skipped.len()), (vec![3.0, 4.0], 1));
    for (csv, id, expected) in [
        ("value\n3\n", None, "There are 1 predictions and 3 rows of features"),
        ("value\n3\n", Some("id"), "There is no column id to match the rows by; there are value"),
        ("id,value\nx,3\nx,4\n", Some("id"), "The id x is there twice, in rows 1 and 2"),
        ("id,value\nq,3\n", Some("id"), "No id of the features is among the predictions"),
    ] {
        let problem = imported(&regressor(), NAMED, csv, Some(rows), id).unwrap_err();
        assert_eq!(problem.what, expected);
    }
}

#[test]
fn features_without_names_take_the_columns_in_their_order() {
    let numbered = ["X_0", "X_1"];
    let imported_ = imported(&regressor(), numbered, "age,income,prediction\n1,2,3\n", None, None).unwrap();
    assert_eq!(imported_.golden.rows[0].values, [Value::Number(1.0), Value::Number(2.0)]);
    assert!(imported_.remarks[0].contains("age, income"), "{:?}", imported_.remarks);
    // Never by guessing among too many, nor where the names are the model's own.
    assert!(imported(&regressor(), numbered, "id,age,income,prediction\n0,1,2,3\n", None, None).is_err());
    assert!(imported(&regressor(), NAMED, "age,income,prediction\n1,2,3\n", None, None).is_err());
}
