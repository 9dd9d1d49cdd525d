//! Generated bodies at every parser: never a panic, never a 500, always an answer in the one form.

use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use trestle::serve::{ServeConfig, router};

use super::fixture::{Answer, Echo, churn, request, send};

/// Cases of each property; each is a few bodies at a few addresses.
const CASES: u32 = 200;

const PATHS: [&str; 5] =
    ["/v2/models/churn/infer", "/predict", "/invocations", "/v2/repository/index", "/v2/models/churn/infer"];

fn config() -> ProptestConfig {
    // Without files, and with the same cases in every run.
    ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    }
}

/// Any JSON, a little like requests.
fn any_json() -> impl Strategy<Value = Json> {
    let key = prop_oneof![
        proptest::sample::select(vec![
            "inputs",
            "name",
            "shape",
            "datatype",
            "data",
            "parameters",
            "outputs",
            "id",
            "binary_data_size",
            "x",
            "plan",
            "calls",
            "bill",
            "months",
            "dataframe_split",
            "dataframe_records",
            "instances",
            "columns",
            "ready",
        ])
        .prop_map(str::to_owned),
        ".{0,4}",
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        proptest::sample::select(vec!["FP32", "BYTES", "x", "plan", "basic"]).prop_map(Json::from),
        ".{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

/// Sends, and holds the answer to what every answer must be.
fn answered(
    router: &axum::Router,
    path: &str,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<Answer, TestCaseError> {
    let mut asked = Request::post(path);
    for (name, value) in headers {
        asked = asked.header(*name, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(send(router, asked.body(Body::from(body)).unwrap()));
    let status = answer.status.as_u16();
    prop_assert!([200, 400, 413, 415, 422].contains(&status), "{status}: {}", String::from_utf8_lossy(&answer.body));
    if status != 200 {
        let error = answer.json();
        prop_assert!(error["error"].as_str().is_some_and(|error| !error.is_empty()), "{error}");
    }
    Ok(answer)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200), length in any::<Option<u16>>()) {
        let router = churn();
        let headers: Vec<_> = length.map(|n| ("Inference-Header-Content-Length", n.to_string())).into_iter().collect();
        for path in PATHS {
            answered(&router, path, &headers, body.clone())?;
        }
        for coding in ["gzip", "deflate"] {
            answered(&router, PATHS[0], &[("Content-Encoding", coding.to_owned())], body.clone())?;
        }
        answered(&router, "/invocations", &[("Content-Type", "text/csv".to_owned())], body)?;
    }

    #[test]
    fn any_json_is_answered(body in any_json()) {
        let router = churn();
        for path in PATHS {
            answered(&router, path, &[], body.to_string().into_bytes())?;
        }
        for form in ["dataframe_split", "dataframe_records", "instances", "inputs"] {
            answered(&router, "/invocations", &[], json!({ form: &body }).to_string().into_bytes())?;
        }
        let framed = json!({ "dataframe_split": { "columns": ["calls", "plan"], "data": &body } });
        answered(&router, "/invocations", &[], framed.to_string().into_bytes())?;
    }

    #[test]
    fn any_part_of_a_good_request_may_be_anything(part in any_json(), which in 0..8_usize) {
        let mut body = request(2.0);
        match which {
            0 => body["id"] = part,
            1 => body["inputs"] = part,
            2 => body["inputs"][0]["shape"] = part,
            3 => body["inputs"][0]["data"] = part,
            4 => body["inputs"][1]["data"] = part,
            5 => body["inputs"][0]["parameters"] = part,
            6 => body["outputs"] = part,
            _ => body["parameters"] = part,
        }
        answered(&churn(), PATHS[0], &[], body.to_string().into_bytes())?;
    }

    #[test]
    fn any_text_is_a_table_or_is_refused(body in "[a-z,;\"\n0-9. é]{0,120}") {
        let body = format!("calls,bill,months,plan\n{body}");
        answered(&churn(), "/invocations", &[("Content-Type", "text/csv".to_owned())], body.into_bytes())?;
    }

    /// Every length in the head of a binary request may lie.
    #[test]
    fn lengths_that_lie_are_refused(
        head in 0..400_usize, x in 0..30_usize, plan in 0..30_usize, tail in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let size = |n: usize| json!({ "binary_data_size": n });
        let json = json!({ "inputs": [
            { "name": "x", "shape": [1, 3], "datatype": "FP32", "parameters": size(x) },
            { "name": "plan", "shape": [1, 1], "datatype": "BYTES", "parameters": size(plan) },
        ] }).to_string();
        for length in [head, json.len()] {
            let body = [json.as_bytes(), &tail].concat();
            let headers = [("Inference-Header-Content-Length", length.to_string())];
            answered(&churn(), PATHS[0], &headers, body)?;
        }
    }

    /// What comes back from a model that gives back what it gets is what was sent, bit by bit.
    #[test]
    fn floats_survive_both_ways(values in proptest::collection::vec(any::<u32>(), 2)) {
        let router = router(vec![Echo::served()], &ServeConfig::default()).unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let names = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP64"];
        let mut inputs: Vec<Json> = names
            .iter()
            .map(|name| json!({ "name": name, "shape": [1, 2], "datatype": name, "data": [0, 1] }))
            .collect();
        inputs.push(json!({ "name": "BYTES", "shape": [1, 2], "datatype": "BYTES", "data": ["", "a"] }));
        let parameters = json!({ "binary_data_size": 8 });
        inputs.push(json!({ "name": "FP32", "shape": [1, 2], "datatype": "FP32", "parameters": parameters }));
        let outputs = json!([{ "name": "FP32", "parameters": { "binary_data": true } }]);
        let json = json!({ "inputs": inputs, "outputs": outputs }).to_string();
        let headers = [("Inference-Header-Content-Length", json.len().to_string())];
        let answer = answered(&router, "/v2/models/echo/infer", &headers, [json.as_bytes(), &bytes].concat())?;
        let length: usize = answer.header("inference-header-content-length").parse().unwrap();
        prop_assert_eq!(&answer.body[length..], &bytes[..]);
    }
}
