//! MLflow's scoring protocol.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use trestle::serve::{ServeConfig, router};

use super::fixture::{Answer, Echo, Number, check, churn, get, post_json, send};

const PATH: &str = "/invocations";

#[tokio::test]
async fn the_server_is_asked_how_it_is() {
    for path in ["/ping", "/health"] {
        let answer = get(&churn(), path).await;
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"\n"[..]), "{path}");
    }
    assert_eq!(get(&churn(), "/version").await.body, env!("CARGO_PKG_VERSION"));
}

/// Two rows of the churn model, and the records they are answered by.
fn records() -> Json {
    json!([
        { "label": "stay", "probabilities": [0.8, 0.2] },
        { "label": "leave", "probabilities": [0.3, 0.7] },
    ])
}

#[tokio::test]
async fn rows_are_taken_in_every_form_and_answered_by_records() {
    let columns = ["plan", "calls", "bill", "customer", "months"];
    let row =
        |plan: &str, calls: f64| json!({ "plan": plan, "calls": calls, "bill": null, "months": 3, "customer": 7 });
    let rows = json!([row("basic", 2.0), row("gold", 2.0)]);
    let data = json!([["basic", 2, null, 7, 3], ["gold", 2.0, null, 8, 3]]);
    let bodies = [
        ("split", json!({ "dataframe_split": { "columns": columns, "index": [0, 1], "data": data } })),
        ("split, data first", json!({ "dataframe_split": { "data": data, "columns": columns } })),
        (
            "split without columns",
            json!({ "dataframe_split": { "data": [[2, null, 3, "basic"], [2, 5, 3, "gold"]] }, "params": {} }),
        ),
        ("records", json!({ "dataframe_records": rows })),
        ("instances", json!({ "instances": rows })),
        (
            "columns",
            json!({ "inputs": { "plan": ["basic", "gold"], "calls": [2, 2], "bill": [1, null], "months": [3, 3] } }),
        ),
    ];
    for (what, body) in bodies {
        check(what, &post_json(&churn(), PATH, &body).await, 200, &json!({ "predictions": records() }));
    }
    let csv = "customer,plan,calls,bill,months\n7,basic,2,,3\n8,gold,2,1.5,3\n";
    let request = Request::post(PATH).header("Content-Type", "text/csv; charset=utf-8").body(Body::from(csv)).unwrap();
    check("CSV", &send(&churn(), request).await, 200, &json!({ "predictions": records() }));
    let none = post_json(&churn(), PATH, &json!({ "dataframe_records": [] })).await;
    check("no rows", &none, 200, &json!({ "predictions": [] }));
}

#[tokio::test]
async fn tensors_are_answered_by_output() {
    let tensors = json!({ "inputs": { "x": [[2, 0, 1], [2, 0, 1]], "plan": [["basic"], ["gold"]] } });
    let answer = json!({ "predictions": { "label": ["stay", "leave"], "probabilities": [[0.8, 0.2], [0.3, 0.7]] } });
    check("inputs", &post_json(&churn(), PATH, &tensors).await, 200, &answer);
    let flat = json!({ "inputs": { "x": [[2, 0, 1], [2, 0, 1]], "plan": ["basic", "gold"] } });
    check("a flat column", &post_json(&churn(), PATH, &flat).await, 200, &answer);
    let instances =
        json!({ "instances": [{ "x": [2, 0, 1], "plan": ["basic"] }, { "x": [2, 0, 1], "plan": ["gold"] }] });
    check("instances", &post_json(&churn(), PATH, &instances).await, 200, &answer);

    let only = router(vec![Number::served()], &ServeConfig::default()).unwrap();
    let doubled = json!({ "predictions": { "y": [[2.0], [4.0]] } });
    for body in [json!({ "inputs": [[1], [2]] }), json!({ "instances": [[1], [2]] }), json!({ "instances": [1, 2] })] {
        check("the only tensor needs no name", &post_json(&only, PATH, &body).await, 200, &doubled);
    }
}

async fn posted(content_type: &str, body: &str) -> Answer {
    let request = Request::post(PATH).header("Content-Type", content_type).body(Body::from(body.to_owned()));
    send(&churn(), request.unwrap()).await
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let cases = [
        ("application/json", "{", 400, "cannot be read"),
        ("application/json", "{}", 400, "exactly one of"),
        ("application/json", r#"{"inputs": [1], "instances": [1]}"#, 400, "exactly one of"),
        ("application/json", r#"{"inputs": [1]}"#, 400, "name them: x, plan"),
        ("application/json", r#"{"inputs": {"x": [[1, 2, 3]]}}"#, 400, "`plan` is missing"),
        ("application/json", r#"{"inputs": {"x": [[1, 2]], "plan": ["a"]}}"#, 400, "given was [1, 2]"),
        ("application/json", r#"{"inputs": {"x": [[1, 2, 3]], "plan": ["a", "b"]}}"#, 400, "N is 1 in input `x`"),
        (
            "application/json",
            r#"{"inputs": {"plan": ["a", "b"], "calls": [1]}}"#,
            400,
            "the column calls is longer or shorter",
        ),
        (
            "application/json",
            r#"{"dataframe_split": {"columns": ["calls"], "data": [[1, 2]]}}"#,
            400,
            "row 0 of the data has 2 values",
        ),
        ("application/json", r#"{"dataframe_split": {"columns": ["calls"], "data": [[]]}}"#, 400, "has 0 values"),
        (
            "application/json",
            r#"{"dataframe_split": {"columns": ["calls"], "data": [[1]]}}"#,
            422,
            "3 fields are wrong",
        ),
        ("application/json", r#"{"dataframe_records": {"calls": 1}}"#, 400, "must be a list"),
        ("application/json", r#"{"dataframe_records": [{"calls": "x"}]}"#, 422, "row 0, field `calls`"),
        ("text/csv", "calls,bill\n1,2\n", 400, "no column months, plan"),
        ("text/csv", "calls,bill,months,plan\n1,2,3\n", 400, "cannot be read"),
        ("text/csv", "", 400, "cannot be read"),
        ("application/x-parquet", "PAR1", 415, "application/x-parquet is not taken"),
    ];
    for (content_type, body, status, reason) in cases {
        let answer = posted(content_type, body).await;
        check(body, &answer, status, &json!({ "error": format!("~{reason}") }));
    }
    let echo = router(vec![Echo::served()], &ServeConfig::default()).unwrap();
    let answer = post_json(&echo, PATH, &json!({ "dataframe_records": [{}] })).await;
    check("no features", &answer, 404, &json!({ "error": "~takes no named features" }));
}
