use serde_json::{Map, Value as Json, json};

use super::*;
use crate::engine::tensor::{Tensor, TensorData};
use crate::problem::Problem;
use crate::project::brief::{Band, OutputKind, OutputSpec};
use crate::project::contract::{ClassLabel, Dim, Dtype, ModelContract, TensorSpec};
use crate::project::documents::{Feature, FeatureContract, FeatureType, GoldenRow, GoldenRows, Value};
use crate::table::{Cells, Column, Table};

fn spec(name: &str, dtype: Dtype, columns: &[u64]) -> TensorSpec {
    let batch = std::iter::once(Dim::Symbol("N".to_owned()));
    let shape = batch.chain(columns.iter().map(|n| Dim::Fixed(*n))).collect();
    TensorSpec { name: name.to_owned(), dtype, shape, classes: Vec::new() }
}

fn model(inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) -> ModelContract {
    ModelContract { inputs, outputs }
}

/// Two named columns and a wide one.
fn mixed() -> ModelContract {
    model(
        vec![
            spec("age", Dtype::F32, &[1]),
            spec("plan", Dtype::Text, &[1]),
            spec("X", Dtype::F64, &[3]),
            spec("n", Dtype::I64, &[1]),
        ],
        Vec::new(),
    )
}

fn column(name: &str, cells: Cells) -> Column {
    Column { name: name.to_owned(), cells }
}

fn texts(cells: &[&str]) -> Cells {
    Cells::Text(cells.iter().map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned())).collect())
}

fn reference() -> Table {
    Table {
        columns: vec![
            column("age", Cells::Number(vec![20.0, f64::NAN, 60.0])),
            column("plan", texts(&["team", "", "team"])),
            column("a", Cells::Integer(vec![Some(1), Some(5), None])),
            column("b", Cells::Number(vec![0.5, 0.25, 0.75])),
            column("c", Cells::Bool(vec![Some(true), Some(false), None])),
            column("n", Cells::Integer(vec![Some(3), Some(1), Some(2)])),
        ],
    }
}

fn names(contract: &FeatureContract) -> Vec<&str> {
    contract.features.iter().map(|feature| feature.name.as_str()).collect()
}

fn mapping() -> Mapping {
    let model = mixed();
    Mapping::new(&learn(&contract_from_model(&model), &reference()), &model).unwrap()
}

fn row(object: Json) -> Result<Vec<Value>, Vec<FieldError>> {
    let Json::Object(object) = object else { panic!("an object") };
    mapping().row_from_json(&object, UnknownFields::Refuse)
}

#[test]
fn a_model_alone_gives_a_feature_per_column() {
    let made = contract_from_model(&mixed());
    assert_eq!(names(&made), ["age", "plan", "X_0", "X_1", "X_2", "n"]);
    let kinds: Vec<FeatureType> = made.features.iter().map(|feature| feature.kind).collect();
    use FeatureType::{Integer, Number, Text};
    assert_eq!(kinds, [Number, Text, Number, Number, Number, Integer]);
    assert_eq!(made.features[3].column, Some(1));
    assert_eq!((made.features[0].column, made.features[0].nullable, made.features[5].nullable), (None, true, false));
    let picture = model(vec![spec("pixels", Dtype::F32, &[3, 224, 224])], Vec::new());
    assert!(contract_from_model(&picture).features.is_empty());
    let error = Mapping::new(&contract_from_model(&picture), &picture).unwrap_err();
    assert!(matches!(error, FeatureError::NotTabular { .. }), "{error}");
}

#[test]
fn the_reference_data_names_and_describes_the_features() {
    let learned = learn(&contract_from_model(&mixed()), &reference());
    assert_eq!(names(&learned), ["age", "plan", "a", "b", "c", "n"]);
    let [age, plan, a, _, c, n] = learned.features.as_slice() else { panic!() };
    assert_eq!((age.range, age.nullable), (Some((20.0, 60.0)), true));
    assert_eq!((plan.categories.as_slice(), plan.missing.as_deref()), (&["team".to_owned()][..], Some("missing")));
    assert_eq!((a.kind, a.range), (FeatureType::Number, Some((1.0, 5.0))));
    assert_eq!(c.kind, FeatureType::Bool);
    assert_eq!((n.kind, n.range), (FeatureType::Integer, Some((1.0, 3.0))));
    assert_eq!(learn(&learned, &reference()), learned, "learning twice changes nothing");
    assert!(mismatches(&learned, &reference()).is_empty());
}

#[test]
fn features_are_not_renamed_when_the_counts_differ() {
    let made = contract_from_model(&mixed());
    let mut wider = reference();
    wider.columns.push(column("churned", Cells::Integer(vec![Some(0); 3])));
    assert_eq!(names(&learn(&made, &wider))[2..5], ["X_0", "X_1", "X_2"]);
    assert_eq!(mismatches(&made, &wider).len(), 3);
    assert_eq!(names(&learn(&made, &wider.without(&["churned"])))[2..5], ["a", "b", "c"]);
}

#[test]
fn a_category_named_by_hand_stays() {
    let mut made = contract_from_model(&mixed());
    made.features[1].missing = Some("unknown".to_owned());
    assert_eq!(learn(&made, &reference()).features[1].missing.as_deref(), Some("unknown"));
}

#[test]
fn a_contract_that_does_not_fit_says_where() {
    let model = mixed();
    let fitting = contract_from_model(&model);
    let broken = |change: fn(&mut Vec<Feature>)| {
        let mut contract = fitting.clone();
        change(&mut contract.features);
        Problem::from(Mapping::new(&contract, &model).unwrap_err()).what
    };
    for (change, part) in [
        ((|features| features[0].input = "gone".to_owned()) as fn(&mut Vec<Feature>), "does not have"),
        (|features| drop(features.remove(3)), "takes 3 columns, and the features give 2"),
        (|features| features[3].column = Some(0), "beyond them or taken"),
        (|features| features[3].column = Some(9), "beyond them or taken"),
        (|features| features[0].kind = FeatureType::Text, "is a text, and input age takes float32"),
        (|features| features[1].kind = FeatureType::Number, "is a number, and input plan takes string"),
        (|features| features[1].name = "age".to_owned(), "Two features are named age"),
    ] {
        let what = broken(change);
        assert!(what.contains(part), "{part}: {what}");
    }
}

#[test]
fn rows_become_one_tensor_per_input_in_the_model_s_order() {
    let row = row(json!({"age": 41, "plan": "team", "a": 1, "b": null, "c": true, "n": 7})).unwrap();
    let tensors = mapping().encode(&[row.clone(), row]).unwrap();
    let shapes: Vec<(&str, &[usize])> =
        tensors.iter().map(|tensor| (tensor.name.as_str(), &tensor.shape[..])).collect();
    assert_eq!(shapes, [("age", &[2, 1][..]), ("plan", &[2, 1]), ("X", &[2, 3]), ("n", &[2, 1])]);
    assert!(tensors.iter().all(Tensor::is_consistent));
    assert_eq!(tensors[0].data, TensorData::F32(vec![41.0, 41.0]));
    assert_eq!(tensors[1].data, TensorData::Text(vec!["team".to_owned(), "team".to_owned()]));
    let TensorData::F64(wide) = &tensors[2].data else { panic!() };
    assert!(wide[1].is_nan());
    assert_eq!((wide[0], wide[2], tensors[3].data.clone()), (1.0, 1.0, TensorData::I64(vec![7, 7])));
    assert_eq!(mapping().encode(&[]).unwrap()[2].shape, [0, 3]);
}

#[test]
fn a_missing_text_becomes_its_category_and_a_missing_integer_is_refused() {
    let missing = row(json!({"age": null, "plan": null, "a": null, "b": 1, "c": null, "n": 1})).unwrap();
    let tensors = mapping().encode(&[missing]).unwrap();
    assert_eq!(tensors[1].data, TensorData::Text(vec!["missing".to_owned()]));
    let errors = row(json!({"age": 1, "plan": "x", "a": 1, "b": 1, "c": false, "n": null})).unwrap_err();
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), ["n: a whole number expected, null given"]);
    let mut values = vec![Value::Number(1.0); 6];
    values[1] = Value::Text("x".to_owned());
    values[5] = Value::Missing;
    let error = mapping().encode(&[values]).unwrap_err();
    assert_eq!(error.to_string(), "Row 1, n: a whole number that fits int64 expected, nothing given");
}

#[test]
fn all_errors_of_a_request_come_at_once() {
    let errors = row(json!({"age": "x", "plan": 3, "A": 1, "b": [1], "c": 2, "n": 1.5})).unwrap_err();
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "age: a number or nothing expected, the text “x” given",
            "plan: a text or nothing expected, 3 given",
            "a: a number or nothing expected, no field of that name given",
            "b: a number or nothing expected, a list given",
            "c: true or false or nothing expected, 2 given",
            "n: a whole number expected, 1.5 given",
            "A is not a feature of this model (did you mean a?)",
        ]
    );
}

#[test]
fn a_stray_field_is_found_also_when_another_is_absent() {
    let errors = row(json!({"age": 1, "plan": "x", "a": 1, "b": 1, "c": true, "N": 1})).unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
    let mut object = Map::new();
    for (name, value) in [
        ("age", json!(1)),
        ("plan", json!("x")),
        ("a", json!(1)),
        ("b", json!(1)),
        ("c", json!(true)),
        ("n", json!(1)),
        ("id", json!("C-1")),
    ] {
        object.insert(name.to_owned(), value);
    }
    assert!(mapping().row_from_json(&object, UnknownFields::Ignore).is_ok());
    assert!(mapping().row_from_json(&object, UnknownFields::Refuse).is_err());
}

#[test]
fn every_element_type_checks_its_range() {
    let one = |dtype, value: Value| {
        let model = model(vec![spec("x", dtype, &[1])], Vec::new());
        Mapping::new(&contract_from_model(&model), &model)
            .unwrap()
            .encode(&[vec![value]])
            .map(|tensors| tensors[0].data.clone())
    };
    let number = Value::Number;
    for (dtype, value, expected) in [
        (Dtype::U8, number(255.0), Some(TensorData::U8(vec![255]))),
        (Dtype::U8, number(256.0), None),
        (Dtype::U8, number(-1.0), None),
        (Dtype::I8, number(-128.0), Some(TensorData::I8(vec![-128]))),
        (Dtype::I16, number(32_768.0), None),
        (Dtype::U16, number(65_535.0), Some(TensorData::U16(vec![65_535]))),
        (Dtype::I32, number(2_147_483_648.0), None),
        (Dtype::U32, number(4_294_967_295.0), Some(TensorData::U32(vec![u32::MAX]))),
        (Dtype::U64, number(7.0), Some(TensorData::U64(vec![7]))),
        (Dtype::I64, number(0.5), None),
        (Dtype::I64, number(9_007_199_254_740_991.0), Some(TensorData::I64(vec![9_007_199_254_740_991]))),
        (Dtype::I64, number(9_007_199_254_740_992.0), None),
        (Dtype::I64, number(f64::NAN), None),
        (Dtype::F32, number(1e39), None),
        (Dtype::F32, number(f64::INFINITY), None),
        (Dtype::F32, Value::Bool(true), Some(TensorData::F32(vec![1.0]))),
        (Dtype::F32, Value::Text("1".to_owned()), None),
        (Dtype::F64, number(1e39), Some(TensorData::F64(vec![1e39]))),
        (Dtype::F16, number(1.0), Some(TensorData::F16(vec![0x3C00]))),
        (Dtype::F16, number(70_000.0), None),
        (Dtype::Bool, Value::Bool(true), Some(TensorData::Bool(vec![true]))),
        (Dtype::Bool, number(0.0), Some(TensorData::Bool(vec![false]))),
        (Dtype::Bool, number(2.0), None),
        (Dtype::Bool, Value::Missing, None),
        (Dtype::Text, Value::Text(String::new()), Some(TensorData::Text(vec![String::new()]))),
        (Dtype::Text, number(1.0), None),
        (Dtype::Text, Value::Missing, None),
    ] {
        assert_eq!(one(dtype, value.clone()).ok(), expected, "{dtype}: {value:?}");
    }
}

#[test]
fn fixed_batches_and_single_rows_keep_their_shape() {
    let fixed = TensorSpec {
        name: "x".to_owned(),
        dtype: Dtype::F32,
        shape: vec![Dim::Fixed(1), Dim::Fixed(2)],
        classes: Vec::new(),
    };
    let model = model(vec![fixed], Vec::new());
    let mapping = Mapping::new(&contract_from_model(&model), &model).unwrap();
    let row = vec![Value::Number(1.0), Value::Number(2.0)];
    assert_eq!(mapping.encode(std::slice::from_ref(&row)).unwrap()[0].shape, [1, 2]);
    assert!(matches!(mapping.encode(&[row.clone(), row]), Err(FeatureError::FixedBatch { given: 2, .. })));
    for (shape, expected) in [
        (vec![Dim::Fixed(3)], vec![3]),
        (vec![Dim::Symbol("N".to_owned())], vec![1]),
        (vec![Dim::Symbol("N".to_owned()), Dim::Fixed(1), Dim::Fixed(2), Dim::Fixed(2)], vec![1, 1, 2, 2]),
    ] {
        let spec = TensorSpec { name: "x".to_owned(), dtype: Dtype::F32, shape, classes: Vec::new() };
        let model = super::tests::model(vec![spec], Vec::new());
        let contract = contract_from_model(&model);
        let mapping = Mapping::new(&contract, &model).unwrap();
        let tensor = mapping.encode(&[vec![Value::Number(1.0); contract.features.len()]]).unwrap().remove(0);
        assert!(tensor.is_consistent());
        assert_eq!(tensor.shape, expected);
    }
}

#[test]
fn tables_give_rows_and_name_what_is_wrong() {
    let mapping = mapping();
    let rows = mapping.rows_from_table(&reference());
    assert_eq!(
        rows.unwrap()[1],
        vec![
            Value::Missing,
            Value::Missing,
            Value::Number(5.0),
            Value::Number(0.25),
            Value::Bool(false),
            Value::Number(1.0)
        ]
    );
    let mut table = reference();
    table.columns[0].cells = texts(&["20", "21,5", "old"]);
    let error = mapping.rows_from_table(&table).unwrap_err();
    assert_eq!(error.to_string(), "Row 3, age: a number or nothing expected, the text “old” given");
    let table = reference().without(&["age", "n"]);
    assert_eq!(mapping.rows_from_table(&table).unwrap_err().to_string(), "The table has no column age, n");
    let mut table = reference();
    table.columns[1].cells = Cells::Number(vec![1.0, f64::NAN, 1.1]);
    assert!(mapping.rows_from_table(&table).is_err(), "1.10 and 1.1 can no longer be told apart");
}

#[test]
fn typed_text_is_a_value() {
    let feature = |kind, nullable| Feature { name: "f".to_owned(), kind, nullable, ..Feature::default() };
    let number = |number| Some(Value::Number(number));
    for (kind, text, expected) in [
        (FeatureType::Number, " 1.5 ", number(1.5)),
        (FeatureType::Number, "1,5", number(1.5)),
        (FeatureType::Number, "1,000.5", None),
        (FeatureType::Number, "", Some(Value::Missing)),
        (FeatureType::Number, "inf", None),
        (FeatureType::Number, "abc", None),
        (FeatureType::Integer, "3", number(3.0)),
        (FeatureType::Integer, "3.5", None),
        (FeatureType::Bool, "Yes", Some(Value::Bool(true))),
        (FeatureType::Bool, "2", None),
        (FeatureType::Text, "a b", Some(Value::Text("a b".to_owned()))),
        (FeatureType::Text, "", None),
    ] {
        assert_eq!(parse_value(&feature(kind, true), text).ok(), expected, "{kind:?} {text:?}");
    }
    assert!(parse_value(&feature(FeatureType::Number, false), "").is_err());
}

// Predictions

fn classifier() -> ModelContract {
    let mut scores = spec("probabilities", Dtype::F32, &[2]);
    scores.classes = vec![ClassLabel::Int(0), ClassLabel::Int(1)];
    model(Vec::new(), vec![spec("label", Dtype::I64, &[]), scores])
}

fn answer(labels: &[i64], scores: &[f32]) -> Vec<Tensor> {
    vec![
        Tensor::new("label", vec![labels.len()], TensorData::I64(labels.to_vec())),
        Tensor::new("probabilities", vec![labels.len(), scores.len() / labels.len()], TensorData::F32(scores.to_vec())),
    ]
}

fn probability() -> OutputSpec {
    let band = |name: &str, from| Band { name: name.to_owned(), from };
    OutputSpec { bands: vec![band("low", 0.0), band("medium", 0.3), band("high", 0.7)], ..OutputSpec::default() }
}

#[test]
fn a_classifier_is_read_with_probability_and_level() {
    let got = predictions(&classifier(), &probability(), &answer(&[0, 1], &[0.75, 0.25, 0.25, 0.75])).unwrap();
    assert_eq!(
        (&got[0].label, got[0].probability, got[0].level.as_deref()),
        (&Some(ClassLabel::Int(0)), Some(0.25), Some("low"))
    );
    assert_eq!(
        (&got[1].label, got[1].probability, got[1].level.as_deref()),
        (&Some(ClassLabel::Int(1)), Some(0.75), Some("high"))
    );
    let of_zero = OutputSpec { positive_class: Some(ClassLabel::Text("0".to_owned())), ..probability() };
    let got = predictions(&classifier(), &of_zero, &answer(&[0], &[0.75, 0.25])).unwrap();
    assert_eq!((got[0].probability, got[0].label.clone()), (Some(0.75), Some(ClassLabel::Int(0))));
    let of_none = OutputSpec { positive_class: Some(ClassLabel::Text("yes".to_owned())), ..probability() };
    let error = predictions(&classifier(), &of_none, &answer(&[0], &[0.75, 0.25])).unwrap_err();
    assert_eq!(error.to_string(), "The model has no class yes; it has 0, 1");
}

#[test]
fn the_brief_s_threshold_decides_only_when_it_is_not_one_half() {
    let lower = OutputSpec { threshold: 0.2, ..probability() };
    let got = predictions(&classifier(), &lower, &answer(&[0], &[0.75, 0.25])).unwrap();
    assert_eq!((&got[0].label, &got[0].model_label), (&Some(ClassLabel::Int(1)), &Some(ClassLabel::Int(0))));
    // The model's own label stands at one half, even against its scores.
    let got = predictions(&classifier(), &probability(), &answer(&[1], &[0.75, 0.25])).unwrap();
    assert_eq!(got[0].label, Some(ClassLabel::Int(1)));
    let of_zero = OutputSpec { positive_class: Some(ClassLabel::Int(0)), threshold: 0.8, ..probability() };
    let got = predictions(&classifier(), &of_zero, &answer(&[0], &[0.75, 0.25])).unwrap();
    assert_eq!(got[0].label, Some(ClassLabel::Int(1)));
}

#[test]
fn outputs_of_other_kinds_are_read_as_far_as_they_say() {
    let unnamed = model(Vec::new(), vec![spec("y", Dtype::F32, &[3])]);
    let read = |model: &ModelContract, output: &OutputSpec, data: &[f32], width: usize| {
        let shape = data.len().checked_div(width).map_or_else(|| vec![data.len()], |n| vec![n, width]);
        predictions(model, output, &[Tensor::new("y", shape, TensorData::F32(data.to_vec()))]).unwrap()
    };
    let got = read(&unnamed, &OutputSpec::default(), &[0.25, 0.5, 0.25], 3);
    assert_eq!((&got[0].label, got[0].probability), (&Some(ClassLabel::Int(1)), Some(0.25)));
    // Logits have a best class and no probability.
    let got = read(&unnamed, &OutputSpec::default(), &[-3.0, 4.0, 9.0], 3);
    assert_eq!((&got[0].label, got[0].probability), (&Some(ClassLabel::Int(2)), None));

    let single = model(Vec::new(), vec![spec("y", Dtype::F32, &[1])]);
    let number = OutputSpec { kind: OutputKind::Number, ..OutputSpec::default() };
    let got = read(&single, &number, &[0.5, 12.5], 1);
    assert_eq!((got.len(), got[1].scores.as_slice(), &got[1].label, got[1].probability), (2, &[12.5][..], &None, None));
    assert_eq!(read(&single, &number, &[0.5, 12.5], 0).len(), 2);
    assert_eq!(read(&single, &probability(), &[7.5], 1)[0].probability, None, "7.5 is no probability");
    let got = read(&single, &probability(), &[0.75], 1);
    assert_eq!(
        (got[0].probability, &got[0].label, got[0].level.as_deref()),
        (Some(0.75), &Some(ClassLabel::Int(1)), Some("high"))
    );
    assert_eq!(got[0].scores, [0.25, 0.75]);
    let got = read(&single, &probability(), &[f32::NAN], 1);
    assert_eq!((&got[0].label, got[0].level.as_deref()), (&None, None));

    let labels = model(Vec::new(), vec![spec("y", Dtype::Text, &[1])]);
    let tensor = Tensor::new("y", vec![1, 1], TensorData::Text(vec!["cat".to_owned()]));
    let got = predictions(&labels, &OutputSpec::default(), &[tensor]).unwrap();
    assert_eq!((&got[0].label, got[0].scores.len()), (&Some(ClassLabel::Text("cat".to_owned())), 0));
    assert!(predictions(&labels, &OutputSpec::default(), &[]).is_err());
}

#[test]
fn names_of_unnamed_classes_are_not_made_up_against_the_labels() {
    let model = model(Vec::new(), vec![spec("label", Dtype::Text, &[]), spec("probabilities", Dtype::F32, &[2])]);
    let tensors = [
        Tensor::new("label", vec![1], TensorData::Text(vec!["no".to_owned()])),
        Tensor::new("probabilities", vec![1, 2], TensorData::F32(vec![0.75, 0.25])),
    ];
    let got = predictions(&model, &probability(), &tensors).unwrap();
    assert_eq!(
        (&got[0].label, got[0].classes.len(), got[0].probability),
        (&Some(ClassLabel::Text("no".to_owned())), 0, Some(0.25))
    );
}

#[test]
fn without_a_brief_the_outputs_suggest_their_reading() {
    let kind = |outputs| output_for(&model(Vec::new(), outputs), None).kind;
    assert_eq!(output_for(&classifier(), None).kind, OutputKind::Probability);
    assert_eq!(kind(vec![spec("y", Dtype::F32, &[1])]), OutputKind::Number);
    assert_eq!(kind(vec![spec("y", Dtype::I64, &[])]), OutputKind::Label);
    assert_eq!(output_for(&classifier(), Some(&probability())), probability());
}

#[test]
fn predictions_are_written_as_columns() {
    let got = predictions(&classifier(), &probability(), &answer(&[0, 1], &[0.75, 0.25, 0.25, 0.75])).unwrap();
    let table = prediction_table(&got);
    let names = ["label", "probability", "level", "probability_0", "probability_1"];
    assert_eq!(table.names().collect::<Vec<_>>(), names);
    let [label, probability, other, own] = [1.0, 0.75, 0.25, 0.75].map(Value::Number);
    assert_eq!(table.row(1), [label, probability, Value::Text("high".to_owned()), other, own]);
    let number = Prediction { scores: vec![2.5], ..Prediction::default() };
    assert_eq!(prediction_table(&[number]).names().collect::<Vec<_>>(), ["prediction"]);
}

// Golden rows

fn golden(rows: &[(Option<i64>, &[f64])]) -> GoldenRows {
    let row = |(label, scores): &(Option<i64>, &[f64])| GoldenRow {
        label: label.map(ClassLabel::Int),
        scores: scores.to_vec(),
        ..GoldenRow::default()
    };
    GoldenRows { rows: rows.iter().map(row).collect(), tolerance: 1e-4, ..GoldenRows::default() }
}

fn given(label: i64, scores: &[f64]) -> Prediction {
    let label = Some(ClassLabel::Int(label));
    Prediction {
        label: label.clone(),
        model_label: label,
        scores: scores.to_vec(),
        probability: scores.last().copied(),
        ..Prediction::default()
    }
}

#[test]
fn golden_rows_agree_within_the_tolerance() {
    let expected = golden(&[(Some(0), &[0.8, 0.2]), (Some(1), &[0.3, 0.7]), (Some(1), &[0.7])]);
    let same =
        compare_golden(&expected, &[given(0, &[0.8, 0.2]), given(1, &[0.300_05, 0.699_95]), given(1, &[0.3, 0.7])]);
    assert!(same.passed() && same.flips.is_empty() && same.first_difference.is_none(), "{same:?}");
    assert!((same.largest_error - 5e-5).abs() < 1e-9);

    let other = compare_golden(&expected, &[given(1, &[0.8, 0.2]), given(1, &[0.4, 0.6])]);
    assert_eq!((other.n, other.n_agree, other.flips.as_slice()), (3, 0, &[0][..]));
    assert_eq!(other.first_difference.as_deref(), Some("row 1: 0 expected, 1 answered"));
    assert!(!compare_golden(&golden(&[]), &[]).passed(), "nothing compared is not a pass");
}

#[test]
fn the_tolerance_is_a_share_of_scores_beyond_one() {
    let expected =
        GoldenRows { tolerance: 1e-4, ..golden(&[(None, &[250_000.0]), (None, &[250_000.0]), (None, &[0.5])]) };
    let answers = [given(0, &[250_024.0]), given(0, &[250_026.0]), given(0, &[0.500_09])];
    let compared = compare_golden(&expected, &answers);
    assert_eq!((compared.n_agree, compared.largest_error), (2, 26.0));
    let worst = &compared.worst[0];
    assert_eq!((worst.row, worst.expected.as_str(), worst.answered.as_str()), (1, "250000", "250026"));
    assert_eq!(compared.worst.iter().map(|row| row.agrees).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(compared.histogram, [0, 0, 0, 0, 1, 0, 0, 2]);
}

#[test]
fn rows_of_another_class_are_listed_first() {
    let expected = golden(&[(Some(0), &[0.9, 0.1]), (Some(1), &[0.4, 0.6])]);
    let compared = compare_golden(&expected, &[given(0, &[0.5, 0.5]), given(0, &[0.51, 0.49])]);
    let rows: Vec<_> = compared.worst.iter().map(|row| (row.row, row.flipped)).collect();
    assert_eq!((rows.as_slice(), compared.flips.as_slice()), (&[(1, true), (0, false)][..], &[1][..]));
    assert_eq!((compared.worst[0].expected.as_str(), compared.worst[0].answered.as_str()), ("1 (0.6)", "0 (0.49)"));
}

#[test]
fn nan_equals_nan_and_nothing_else() {
    let expected = golden(&[(None, &[f64::NAN]), (None, &[f64::INFINITY])]);
    assert!(compare_golden(&expected, &[given(0, &[f64::NAN]), given(0, &[f64::INFINITY])]).passed());
    let other = compare_golden(&expected, &[given(0, &[1.0]), given(0, &[f64::INFINITY])]);
    assert_eq!((other.n_agree, other.largest_error), (1, f64::INFINITY));
    let finite = compare_golden(&golden(&[(None, &[f64::INFINITY])]), &[given(0, &[1.0])]);
    assert_eq!(finite.n_agree, 0);
    let short = compare_golden(&golden(&[(None, &[1.0, 2.0, 3.0])]), &[given(0, &[1.0])]);
    assert_eq!(short.first_difference.as_deref(), Some("row 1: 3 scores expected, 1 answered"));
}

#[test]
fn a_tie_may_fall_either_way() {
    let expected = golden(&[(Some(0), &[0.500_01, 0.499_99])]);
    assert!(compare_golden(&expected, &[given(1, &[0.499_99, 0.500_01])]).passed());
}

/// The example project, end to end up to the tensors; its model's contract written down by hand.
#[test]
fn the_example_s_data_fits_its_model() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("projects/churn/data");
    let numbers = [
        "tenure_months",
        "monthly_fee",
        "total_paid",
        "sessions_per_week",
        "days_since_last_login",
        "support_tickets",
        "failed_payments",
        "seats",
        "discount_percent",
    ];
    let inputs = numbers.iter().map(|name| spec(name, Dtype::F32, &[1]));
    let inputs =
        inputs.chain(["plan", "payment_method", "region"].iter().map(|name| spec(name, Dtype::Text, &[1]))).collect();
    let model = model(inputs, Vec::new());
    let reference = crate::table::read(&data.join("reference.csv"), None).unwrap();
    let contract = learn(&contract_from_model(&model), &reference);
    assert!(mismatches(&contract, &reference).is_empty());
    assert_eq!(contract.features[10].missing.as_deref(), Some("missing"));
    assert_eq!(contract.features[9].missing, None);
    let mapping = Mapping::new(&contract, &model).unwrap();
    for (file, n) in [("reference.csv", 2_000), ("labelled.csv", 1_500), ("current.csv", 1_500)] {
        let rows = mapping.read_rows(&data.join(file), None).unwrap();
        let tensors = mapping.encode(&rows).unwrap();
        assert_eq!((rows.len(), tensors.len()), (n, 12), "{file}");
        let TensorData::Text(methods) = &tensors[10].data else { panic!() };
        assert!(methods.iter().any(|method| method == "missing") && methods.iter().all(|method| !method.is_empty()));
    }
}
