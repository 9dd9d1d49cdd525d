//! The golden rows, asked of the server in the container: as tensors, and by name as a person would.

use serde_json::{Map, Value as Json, json};

use super::BuildPlan;
use super::error::PackageError;
use super::http::{Answer, Client};
use super::tensors;
use crate::features::{Prediction, compare_golden, predictions};
use crate::project::contract::{ClassLabel, Dim};
use crate::project::documents::Value;
use crate::project::reports::Check;

/// Rows in one inference request, when the model takes several.
const BATCH: usize = 256;

/// Rows that are asked one by one, again and again.
const MOST_BODIES: usize = 64;

/// Whether the golden rows can be asked at all.
pub(super) fn check_plan(plan: &BuildPlan) -> Result<(), PackageError> {
    if plan.golden.rows.is_empty() {
        return Err(PackageError::Golden { reason: "there are none".to_owned() });
    }
    rows(plan)?;
    Ok(())
}

/// The golden rows in the mapping's order.
fn rows(plan: &BuildPlan) -> Result<Vec<Vec<Value>>, PackageError> {
    let golden = &plan.golden;
    let mut positions = Vec::new();
    for feature in plan.mapping.features() {
        let position = golden
            .features
            .iter()
            .position(|name| *name == feature.name)
            .ok_or_else(|| PackageError::Golden { reason: format!("they have no value for {}", feature.name) })?;
        positions.push(position);
    }
    let short = PackageError::Golden { reason: "a row has fewer values than there are features".to_owned() };
    let ordered = golden.rows.iter().map(|row| positions.iter().map(|at| row.values.get(*at).cloned()).collect());
    ordered.collect::<Option<Vec<Vec<Value>>>>().ok_or(short)
}

/// How many rows one request may hold.
fn batch(plan: &BuildPlan) -> usize {
    let takes_many = plan.model.inputs.iter().all(|input| matches!(input.shape.first(), Some(Dim::Symbol(_))));
    if takes_many { BATCH } else { 1 }
}

/// Where rows are asked as tensors.
pub(super) fn path(plan: &BuildPlan) -> String {
    format!("/v2/models/{}/versions/{}/infer", plan.slug, plan.version)
}

/// Requests that asking every row as tensors comes to.
pub(super) fn n_requests(plan: &BuildPlan) -> u64 {
    plan.golden.rows.len().div_ceil(batch(plan)) as u64
}

/// Requests of one row each, for the first rows.
pub(super) fn bodies(plan: &BuildPlan) -> Result<Vec<Json>, PackageError> {
    let rows = rows(plan)?;
    let bodies =
        rows.chunks(1).take(MOST_BODIES).map(|row| plan.mapping.encode(row).map(|inputs| tensors::request(&inputs)));
    bodies.collect::<Result<_, _>>().map_err(|error| PackageError::Golden { reason: error.to_string() })
}

/// Asks every row as tensors; the check, and the predictions when they could be read.
pub(super) async fn ask_tensors(
    plan: &BuildPlan,
    client: &mut Client,
) -> Result<(Check, Option<Vec<Prediction>>), PackageError> {
    const NAME: &str = "Golden rows as tensors";
    let fail = |detail: String| Ok((Check { name: NAME.to_owned(), pass: false, detail }, None));
    let path = path(plan);
    let mut answers = Vec::new();
    for batch in rows(plan)?.chunks(batch(plan)) {
        let encoded = plan.mapping.encode(batch);
        let inputs = encoded.map_err(|error| PackageError::Golden { reason: error.to_string() })?;
        let answer = match client.post(&path, tensors::request(&inputs).to_string().as_bytes()).await {
            Ok(answer) => answer,
            Err(error) => return fail(format!("no answer ({error})")),
        };
        let read = read_outputs(plan, &answer);
        match read {
            Ok(read) if read.len() == batch.len() => answers.extend(read),
            Ok(read) => return fail(format!("{} answers to {} rows", read.len(), batch.len())),
            Err(reason) => return fail(reason),
        }
    }
    let compared = compare_golden(&plan.golden, &answers);
    let agreed = format!("{} of {} rows agree", compared.n_agree, compared.n);
    let detail = match &compared.first_difference {
        Some(difference) => format!("{agreed}; {difference}"),
        None => format!("{agreed}, largest difference {:.1e}", compared.largest_error),
    };
    let pass = compared.n_agree == compared.n && compared.n == plan.golden.rows.len();
    Ok((Check { name: NAME.to_owned(), pass, detail }, Some(answers)))
}

fn read_outputs(plan: &BuildPlan, answer: &Answer) -> Result<Vec<Prediction>, String> {
    if answer.status != 200 {
        return Err(answer.excerpt());
    }
    let json = answer.json().ok_or_else(|| format!("not JSON: {}", answer.excerpt()))?;
    if json["id"] != "golden" {
        return Err("the answer does not carry the request's id".to_owned());
    }
    let outputs = tensors::outputs(&json)?;
    predictions(&plan.model, &plan.output, &outputs).map_err(|error| error.to_string())
}

/// Asks every row by the names of its features; the answers must say what the tensors said.
pub(super) async fn ask_by_name(plan: &BuildPlan, client: &mut Client, expected: &[Prediction]) -> Check {
    let n_rows = plan.golden.rows.len();
    let check = |pass: bool, detail: String| Check { name: "Golden rows by name".to_owned(), pass, detail };
    for (index, (row, expected)) in plan.golden.rows.iter().zip(expected).enumerate() {
        let fields: Map<String, Json> =
            plan.golden.features.iter().zip(&row.values).map(|(name, value)| (name.clone(), plain(value))).collect();
        let answer = match client.post("/predict", Json::Object(fields).to_string().as_bytes()).await {
            Ok(answer) => answer,
            Err(error) => return check(false, format!("row {}: no answer ({error})", index + 1)),
        };
        if let Some(difference) = difference(&answer, expected, plan.golden.tolerance) {
            return check(false, format!("row {}: {difference}", index + 1));
        }
    }
    check(expected.len() == n_rows, format!("{} of {n_rows} rows agree", expected.len()))
}

/// A feature's value as a person would send it.
fn plain(value: &Value) -> Json {
    match value {
        Value::Missing => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Number(value) => json!(value),
        Value::Text(value) => json!(value),
    }
}

/// How an answer to named features differs from what the tensors said; `None` when it does not.
fn difference(answer: &Answer, expected: &Prediction, tolerance: f64) -> Option<String> {
    if answer.status != 200 {
        return Some(answer.excerpt());
    }
    let Some(json) = answer.json() else { return Some(format!("not JSON: {}", answer.excerpt())) };
    let label = expected.label.as_ref().map_or(Json::Null, |label| match label {
        ClassLabel::Int(label) => json!(label),
        ClassLabel::Text(label) => json!(label),
    });
    let level = expected.level.as_ref().map_or(Json::Null, |level| json!(level));
    let mut pairs =
        vec![("label".to_owned(), &json["label"], label), ("risk_level".to_owned(), &json["risk_level"], level)];
    if let Some(probability) = expected.probability {
        pairs.push(("probability".to_owned(), &json["probability"], json!(probability)));
    }
    if !expected.classes.is_empty() && expected.classes.len() == expected.scores.len() {
        for (class, score) in expected.classes.iter().zip(&expected.scores) {
            let class = class.to_string();
            let given = &json["probabilities"][&class];
            pairs.push((format!("probability of {class}"), given, json!(score)));
        }
    } else if let (None, [number]) = (&expected.label, &expected.scores[..]) {
        pairs.push(("value".to_owned(), &json["value"], json!(number)));
    }
    pairs.into_iter().find_map(|(name, given, expected)| {
        let same = match (given.as_f64(), expected.as_f64()) {
            // JSON has no infinite numbers.
            (Some(given), Some(expected)) => (given - expected).abs() <= tolerance * expected.abs().max(1.0),
            _ => *given == expected,
        };
        (!same).then(|| format!("the {name} is {given} where {expected} was expected"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified() -> Prediction {
        Prediction {
            label: Some(ClassLabel::Int(1)),
            scores: vec![0.25, 0.75],
            classes: vec![ClassLabel::Int(0), ClassLabel::Int(1)],
            probability: Some(0.75),
            level: Some("High".to_owned()),
            ..Prediction::default()
        }
    }

    #[test]
    fn an_answer_by_name_must_say_what_the_tensors_said() {
        #[track_caller]
        fn check(answer: &Json, expected: &Prediction, difference_begins: Option<&str>) {
            let answer = Answer { status: 200, body: answer.to_string().into_bytes() };
            match (difference(&answer, expected, 1e-5), difference_begins) {
                (None, None) => {}
                (Some(difference), Some(begins)) => assert!(difference.starts_with(begins), "{difference}"),
                (got, _) => panic!("{got:?}"),
            }
        }
        let answer = |label: Json, probability: f64, level: &str| {
            json!({
                "label": label, "probability": probability, "risk_level": level,
                "probabilities": {"0": 1.0 - probability, "1": probability}
            })
        };
        check(&answer(json!(1), 0.750_000_1, "High"), &classified(), None);
        check(&answer(json!(0), 0.75, "High"), &classified(), Some("the label is 0"));
        check(&answer(json!("1"), 0.75, "High"), &classified(), Some("the label is \"1\""));
        check(&answer(json!(1), 0.74, "High"), &classified(), Some("the probability is 0.74"));
        check(&answer(json!(1), 0.75, "Low"), &classified(), Some("the risk_level is \"Low\""));
        check(
            &json!({"label": 1, "probability": 0.75, "risk_level": "High"}),
            &classified(),
            Some("the probability of 0 is null"),
        );
        let number = Prediction { scores: vec![2.5], ..Prediction::default() };
        check(&json!({"value": 2.5}), &number, None);
        check(&json!({"value": null}), &number, Some("the value is null"));
        let missing = Prediction { scores: vec![f64::NAN], ..Prediction::default() };
        check(&json!({"value": null}), &missing, None);
    }

    #[test]
    fn an_error_is_not_an_answer() {
        let answer = Answer { status: 422, body: br#"{"error":"no"}"#.to_vec() };
        assert_eq!(difference(&answer, &classified(), 1e-5), Some("status 422: {\"error\":\"no\"}".to_owned()));
    }

    #[test]
    fn values_are_sent_as_a_person_would() {
        let values =
            [Value::Missing, Value::Bool(true), Value::Number(f64::NAN), Value::Number(2.5), Value::Text("a".into())];
        let sent: Vec<Json> = values.iter().map(plain).collect();
        assert_eq!(Json::Array(sent), json!([null, true, null, 2.5, "a"]));
    }
}
