//! `/predict`: named features in, the brief's output out.

use serde_json::{Value as Json, json};
use trestle::serve::{ServeConfig, router};

use super::fixture::{Answer, Echo, check, churn, post, post_json};

fn row() -> Json {
    json!({ "calls": 2.5, "bill": 20.5, "months": 12, "plan": "gold" })
}

async fn edited(edit: impl FnOnce(&mut Json)) -> Answer {
    let mut body = row();
    edit(&mut body);
    post_json(&churn(), "/predict", &body).await
}

#[tokio::test]
async fn one_row_is_answered_by_one_prediction_and_a_list_by_a_list() {
    let high = json!({
        "label": "leave",
        "probability": 0.75,
        "risk_level": "high",
        "probabilities": { "stay": 0.25, "leave": 0.75 },
    });
    let low = json!({ "label": "stay", "probability": 0.0, "risk_level": "low" });
    check("one", &edited(|_| ()).await, 200, &high);
    let other = json!({ "calls": 0, "bill": null, "months": 1, "plan": null });
    let list = post_json(&churn(), "/predict", &json!([row(), other])).await;
    check("list", &list, 200, &json!([high, low]));
    check("list of one", &post_json(&churn(), "/predict", &json!([row()])).await, 200, &json!([high]));
    check("empty list", &post(&churn(), "/predict", "[]").await, 200, &json!([]));
    let text = String::from_utf8(edited(|body| body["calls"] = json!(2)).await.body.to_vec()).unwrap();
    assert!(text.contains(r#""probability":0.7,"#), "single precision is written as such: {text}");
}

#[tokio::test]
async fn every_wrong_field_is_listed() {
    let answer = edited(|body| *body = json!({ "calls": "two", "bil": 1, "months": 1.5, "plan": 3 })).await;
    let expected = json!({
        "error": "~5 fields are wrong, the first: field `calls`: a number expected",
        "fields": [
            { "field": "calls", "expected": "a number", "given": "~two" },
            { "field": "bill", "given": "~no field" },
            { "field": "months", "expected": "a whole number", "given": "1.5" },
            { "field": "plan", "given": "3" },
            { "field": "bil" },
        ],
    });
    check("all at once", &answer, 422, &expected);
    let missing = edited(|body| drop(body.as_object_mut().unwrap().remove("months"))).await;
    check("missing", &missing, 422, &json!({ "error": "~one field is wrong", "fields": [{ "field": "months" }] }));
    let unknown = edited(|body| body["customer"] = json!(1)).await;
    check("unknown", &unknown, 422, &json!({ "error": "~one field is wrong", "fields": [{ "field": "customer" }] }));
    let null = edited(|body| body["calls"] = Json::Null).await;
    check("null", &null, 422, &json!({ "fields": [{ "field": "calls", "given": "null" }] }));

    let list = post_json(&churn(), "/predict", &json!([row(), { "calls": 1 }, 7])).await;
    let fields = list.json()["fields"].as_array().unwrap().clone();
    let places: Vec<(u64, &str)> =
        fields.iter().map(|field| (field["row"].as_u64().unwrap(), field["field"].as_str().unwrap())).collect();
    assert_eq!(places, [(1, "bill"), (1, "months"), (1, "plan"), (2, "")]);
    let many = post_json(&churn(), "/predict", &vec![json!(1); 10_000].into()).await;
    assert_eq!(many.json()["fields"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn what_is_no_row_is_refused() {
    for body in ["", "{", "calls=2"] {
        check(body, &post(&churn(), "/predict", body).await, 400, &json!({ "error": "~cannot be read" }));
    }
    for body in ["1", "null", "\"x\""] {
        check(body, &post(&churn(), "/predict", body).await, 422, &json!({ "error": "~one object of named features" }));
    }
    let echo = router(vec![Echo::served()], &ServeConfig::default()).unwrap();
    check("no features", &post(&echo, "/predict", "{}").await, 404, &json!({ "error": "~takes no named features" }));
}
