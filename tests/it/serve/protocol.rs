//! Open Inference Protocol V2.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use trestle::project::contract::Dtype;
use trestle::serve::{ServeConfig, router};

use super::fixture::{Answer, Echo, Temper, check, churn, churn_with, get, post, post_json, request, send, served};

const INFER: &str = "/v2/models/churn/infer";

#[tokio::test]
async fn the_server_and_its_models_describe_themselves() {
    let router =
        router(vec![served("1.1.0", Temper::Kind), served("1.0.0", Temper::Kind)], &ServeConfig::default()).unwrap();
    let model = json!({
        "name": "churn",
        "versions": ["1.1.0", "1.0.0"],
        "platform": "onnx_onnxv1",
        "inputs": [
            { "name": "x", "datatype": "FP32", "shape": [-1, 3] },
            { "name": "plan", "datatype": "BYTES", "shape": [-1, 1] },
        ],
        "outputs": [
            { "name": "label", "datatype": "BYTES", "shape": [-1] },
            {
                "name": "probabilities",
                "datatype": "FP32",
                "shape": [-1, 2],
                "parameters": { "classes": ["stay", "leave"] },
            },
        ],
    });
    let index = json!([
        { "name": "churn", "version": "1.1.0", "state": "READY", "reason": "" },
        { "name": "churn", "version": "1.0.0", "state": "READY", "reason": "" },
    ]);
    let cases = [
        (
            "/v2",
            200,
            json!({ "name": "trestle", "extensions": ["binary_tensor_data", "statistics", "model_configuration"] }),
        ),
        ("/v2/health/live", 200, json!({ "live": true })),
        ("/v2/health/ready", 200, json!({ "ready": true })),
        ("/v2/models/churn", 200, model.clone()),
        ("/v2/models/churn/versions/1.0.0", 200, model),
        ("/v2/models/churn/ready", 200, json!({ "name": "churn", "ready": true })),
        ("/v2/models/churn/versions/1.0.0/ready", 200, json!({ "name": "churn", "ready": true })),
        ("/v2/repository/index", 200, index.clone()),
        ("/v2/models/fraud", 404, json!({ "error": "~no model `fraud`" })),
        ("/v2/models/fraud/ready", 404, json!({ "error": "~no model `fraud`" })),
        ("/v2/models/churn/versions/9", 404, json!({ "error": "~no version `9`" })),
        ("/v2/models/churn/versions/9/ready", 404, json!({ "error": "~no version `9`" })),
        ("/v3", 404, json!({ "error": "~nothing at /v3" })),
        (INFER, 405, json!({ "error": "~does not take GET" })),
    ];
    for (path, status, expected) in cases {
        check(path, &get(&router, path).await, status, &expected);
    }
    for body in ["", "{}", r#"{"ready": true}"#] {
        check(body, &post(&router, "/v2/repository/index", body).await, 200, &index);
    }
    check("index", &post(&router, "/v2/repository/index", "[").await, 400, &json!({ "error": "~cannot be read" }));
    check("live", &post(&router, "/v2/health/live", "").await, 405, &json!({ "error": "~does not take POST" }));
}

/// An edit of a good request, and what comes of it.
async fn edited(edit: impl FnOnce(&mut Json)) -> Answer {
    let mut body = request(2.0);
    edit(&mut body);
    post_json(&churn(), INFER, &body).await
}

#[tokio::test]
async fn a_good_request_is_answered_and_its_id_echoed() {
    let expected = json!({
        "model_name": "churn",
        "model_version": "1.0.0",
        "id": "7",
        "outputs": [
            { "name": "label", "datatype": "BYTES", "shape": [1], "data": ["stay"] },
            { "name": "probabilities", "datatype": "FP32", "shape": [1, 2], "data": [0.8, 0.2] },
        ],
    });
    check("all", &edited(|_| ()).await, 200, &expected);
    let answer = post_json(&churn(), "/v2/models/churn/versions/1.0.0/infer", &request(2.0)).await;
    check("by version", &answer, 200, &expected);
    let nested = edited(|body| {
        body["inputs"][0]["data"] = json!([[2, 20, 12]]);
        body["inputs"][1]["data"] = json!([["basic"]]);
    });
    check("nested", &nested.await, 200, &expected);
    let reversed = edited(|body| body["inputs"].as_array_mut().unwrap().reverse());
    check("another order of inputs", &reversed.await, 200, &expected);
    let data_first = r#"{"inputs": [
        {"data": [2, 20, 12], "parameters": {"later": 1}, "datatype": "FP32", "shape": [1, 3], "name": "x"},
        {"data": ["basic"], "name": "plan", "datatype": "BYTES", "shape": [1, 1]}
    ], "unknown": {"a": [1]}, "id": "7"}"#;
    check("data before its type", &post(&churn(), INFER, data_first).await, 200, &expected);
    let without_id = edited(|body| drop(body.as_object_mut().unwrap().remove("id"))).await;
    assert_eq!(without_id.json().get("id"), None);
}

#[tokio::test]
async fn the_wanted_outputs_come_in_the_wanted_order() {
    let names = |answer: &Answer| -> Vec<String> {
        let outputs = answer.json()["outputs"].as_array().unwrap().clone();
        outputs.iter().map(|output| output["name"].as_str().unwrap().to_owned()).collect()
    };
    let one = edited(|body| body["outputs"] = json!([{ "name": "probabilities" }])).await;
    assert_eq!(names(&one), ["probabilities"]);
    let both = edited(|body| body["outputs"] = json!([{ "name": "probabilities" }, { "name": "label" }])).await;
    assert_eq!(names(&both), ["probabilities", "label"]);
    let none_named = edited(|body| body["outputs"] = json!([])).await;
    assert_eq!(names(&none_named), ["label", "probabilities"]);
    let unknown = edited(|body| body["outputs"] = json!([{ "name": "margin" }])).await;
    check("unknown", &unknown, 400, &json!({ "error": "~no output `margin`; its outputs are label, probabilities" }));
}

#[tokio::test]
async fn what_does_not_fit_the_contract_is_refused_with_the_reason() {
    type Edit = fn(&mut Json);
    let cases: [(&str, Edit); 20] = [
        ("input `x` is missing", |body| drop(body["inputs"].as_array_mut().unwrap().remove(0))),
        ("no input `y`; its inputs are x, plan", |body| body["inputs"][0]["name"] = json!("y")),
        ("`x` is given twice", |body| body["inputs"][1] = body["inputs"][0].clone()),
        ("input `x` is FP32, given was FP64", |body| body["inputs"][0]["datatype"] = json!("FP64")),
        ("no datatype `FLOAT`", |body| body["inputs"][0]["datatype"] = json!("FLOAT")),
        ("the shape [N, 3], given was [3]", |body| body["inputs"][0]["shape"] = json!([3])),
        ("the shape [N, 3], given was [3, 1]", |body| body["inputs"][0]["shape"] = json!([3, 1])),
        ("its shape is [0, 3]", |body| body["inputs"][0]["shape"] = json!([0, 3])),
        ("3 elements, its shape [2, 3] asks for 6", |body| body["inputs"][0]["shape"] = json!([2, 3])),
        ("too large", |body| body["inputs"][0]["shape"] = json!([u64::MAX / 2, 3])),
        ("invalid value: integer `-1`", |body| body["inputs"][0]["shape"] = json!([-1, 3])),
        ("nested as [3, 1], its shape says [1, 3]", |body| body["inputs"][0]["data"] = json!([[2], [20], [12]])),
        ("nested unevenly", |body| body["inputs"][0]["data"] = json!([[2, 20], [12]])),
        ("element 1 of the data is text", |body| body["inputs"][0]["data"] = json!([2, "20", 12])),
        ("element 0 of the data is 1", |body| body["inputs"][1]["data"] = json!([1])),
        ("missing field `data`", |body| drop(body["inputs"][0].as_object_mut().unwrap().remove("data"))),
        ("missing field `shape`", |body| drop(body["inputs"][0].as_object_mut().unwrap().remove("shape"))),
        ("missing field `inputs`", |body| *body = json!({})),
        ("invalid type: integer `7`", |body| body["id"] = json!(7)),
        ("N is 1 in input `x` and 2 in input `plan`", |body| {
            body["inputs"][1]["shape"] = json!([2, 1]);
            body["inputs"][1]["data"] = json!(["basic", "gold"]);
        }),
    ];
    for (reason, edit) in cases {
        check(reason, &edited(edit).await, 400, &json!({ "error": format!("~{reason}") }));
    }
    for body in ["", "{", "[]", "null", r#"{"inputs": [NaN]}"#, "\u{0}"] {
        check(body, &post(&churn(), INFER, body).await, 400, &json!({ "error": "~cannot be read" }));
    }
    let deep = "[".repeat(100_000);
    check("deep", &post(&churn(), INFER, deep).await, 400, &json!({ "error": "~cannot be read" }));
    let unknown = post_json(&churn(), "/v2/models/fraud/infer", &request(2.0)).await;
    check("unknown model", &unknown, 404, &json!({ "error": "~no model `fraud`; there is churn" }));
    let unknown = post_json(&churn(), "/v2/models/churn/versions/2/infer", &request(2.0)).await;
    check("unknown version", &unknown, 404, &json!({ "error": "~no version `2`" }));
}

#[tokio::test]
async fn null_is_a_missing_value_where_there_is_one() {
    let nan = edited(|body| body["inputs"][0]["data"][0] = Json::Null).await;
    check("NaN in, NaN out", &nan, 200, &json!({ "outputs": [{}, { "data": [null, null] }] }));
    let category = edited(|body| body["inputs"][1]["data"] = json!([null])).await;
    check("a missing text is its category", &category, 200, &json!({ "outputs": [{}, { "data": [0.8, 0.2] }] }));
    let echo = router(vec![Echo::served()], &ServeConfig::default()).unwrap();
    let refused = post_json(&echo, "/v2/models/echo/infer", &all_types(Some(("INT64", &json!([1, null]))))).await;
    check("integer", &refused, 400, &json!({ "error": "~element 1 of the data is null, which is no INT64 value" }));
    let refused = post_json(&echo, "/v2/models/echo/infer", &all_types(Some(("BYTES", &json!(["a", null]))))).await;
    check("text", &refused, 400, &json!({ "error": "~no category stands for a missing one" }));
}

fn sample(dtype: Dtype) -> Json {
    match dtype {
        Dtype::Bool => json!([true, false]),
        Dtype::U8 => json!([0, 255]),
        Dtype::U16 => json!([0, 65535]),
        Dtype::U32 => json!([0, u32::MAX]),
        Dtype::U64 => json!([0, u64::MAX]),
        Dtype::I8 => json!([-128, 127]),
        Dtype::I16 => json!([i16::MIN, i16::MAX]),
        Dtype::I32 => json!([i32::MIN, i32::MAX]),
        Dtype::I64 => json!([i64::MIN, i64::MAX]),
        Dtype::F16 => json!([0.5, null]),
        Dtype::F32 | Dtype::F64 => json!([0.1, null]),
        Dtype::Text => json!(["", "zoë ☃ \"quoted\""]),
    }
}

fn all_types(replaced: Option<(&str, &Json)>) -> Json {
    let input = |dtype: &Dtype| {
        let name = dtype.v2_name();
        let data = match replaced {
            Some((which, data)) if which == name => (*data).clone(),
            _ => sample(*dtype),
        };
        json!({ "name": name, "shape": [1, 2], "datatype": name, "data": data })
    };
    json!({ "inputs": Dtype::ALL.iter().map(input).collect::<Vec<_>>() })
}

#[tokio::test]
async fn every_type_goes_in_and_out_unchanged() {
    let echo = router(vec![Echo::served()], &ServeConfig::default()).unwrap();
    let answer = post_json(&echo, "/v2/models/echo/infer", &all_types(None)).await.json();
    for (dtype, output) in Dtype::ALL.iter().zip(answer["outputs"].as_array().unwrap()) {
        assert_eq!(output["datatype"], dtype.v2_name());
        // As text: an FP32 tenth is written 0.1, not as the double nearest to it.
        assert_eq!(output["data"].to_string(), sample(*dtype).to_string(), "{dtype}");
    }
}

/// A request with its tensors behind the JSON.
async fn binary(router: &axum::Router, path: &str, json: &Json, tail: &[u8]) -> Answer {
    let json = json.to_string();
    let body = [json.as_bytes(), tail].concat();
    let request = Request::post(path).header("Inference-Header-Content-Length", json.len());
    send(router, request.body(Body::from(body)).unwrap()).await
}

fn binary_request(x_bytes: usize, plan_bytes: usize) -> Json {
    json!({
        "inputs": [
            { "name": "x", "shape": [1, 3], "datatype": "FP32", "parameters": { "binary_data_size": x_bytes } },
            { "name": "plan", "shape": [1, 1], "datatype": "BYTES", "parameters": { "binary_data_size": plan_bytes } },
        ],
    })
}

fn binary_tail() -> Vec<u8> {
    let mut tail: Vec<u8> = [2.0_f32, 20.0, 12.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    tail.extend(5_u32.to_le_bytes());
    tail.extend(b"basic");
    tail
}

#[tokio::test]
async fn tensors_travel_in_binary_both_ways() {
    let mut request = binary_request(12, 9);
    let json_out = binary(&churn(), INFER, &request, &binary_tail()).await;
    check("binary in", &json_out, 200, &json!({ "outputs": [{ "data": ["stay"] }, { "data": [0.8, 0.2] }] }));

    request["parameters"] = json!({ "binary_data_output": true });
    let answer = binary(&churn(), INFER, &request, &binary_tail()).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/octet-stream"));
    let length: usize = answer.header("inference-header-content-length").parse().unwrap();
    let (head, tail) = answer.body.split_at(length);
    let head: Json = serde_json::from_slice(head).unwrap();
    assert_eq!(head["outputs"][0]["parameters"]["binary_data_size"], 8);
    assert_eq!(head["outputs"][1]["parameters"]["binary_data_size"], 8);
    assert_eq!(head["outputs"][1].get("data"), None);
    let (label, probabilities) = tail.split_at(8);
    assert_eq!(label, b"\x04\0\0\0stay");
    assert_eq!(probabilities, [0.8_f32.to_le_bytes(), 0.2_f32.to_le_bytes()].concat());

    request["outputs"] =
        json!([{ "name": "label", "parameters": { "binary_data": false } }, { "name": "probabilities" }]);
    let mixed = binary(&churn(), INFER, &request, &binary_tail()).await;
    let length: usize = mixed.header("inference-header-content-length").parse().unwrap();
    let head: Json = serde_json::from_slice(&mixed.body[..length]).unwrap();
    assert_eq!(head["outputs"][0]["data"], json!(["stay"]));
    assert_eq!(mixed.body.len() - length, 8);
}

#[tokio::test]
async fn binary_that_does_not_fit_is_refused_with_the_reason() {
    let tail = binary_tail();
    let cases: [(&str, Json, &[u8]); 5] = [
        ("its shape asks for 12 bytes, given were 8", binary_request(8, 13), &tail),
        ("has 9 bytes behind the JSON, but only 3 are left", binary_request(12, 9), &tail[..15]),
        ("1 bytes behind the JSON belong to no input", binary_request(12, 9), &[&tail[..], b"x"].concat()),
        ("element 0 is cut off", binary_request(12, 8), &tail[..20]),
        (
            "has both data and binary_data_size",
            {
                let mut request = binary_request(12, 9);
                request["inputs"][0]["data"] = json!([1, 2, 3]);
                request
            },
            &tail,
        ),
    ];
    for (reason, request, tail) in cases {
        let answer = binary(&churn(), INFER, &request, tail).await;
        check(reason, &answer, 400, &json!({ "error": format!("~{reason}") }));
    }
    for (length, reason) in [("9999", "the body has only"), ("-1", "no number of bytes"), ("x", "no number of bytes")] {
        let request = Request::post(INFER).header("Inference-Header-Content-Length", length);
        let answer = send(&churn(), request.body(Body::from("{}")).unwrap()).await;
        check(length, &answer, 400, &json!({ "error": format!("~{reason}") }));
    }
}

#[tokio::test]
async fn an_infinity_travels_in_binary_only() {
    let router = churn_with(Temper::Boundless, &ServeConfig::default());
    let refused = post_json(&router, INFER, &request(2.0)).await;
    check("JSON", &refused, 422, &json!({ "error": "~`probabilities` holds an infinity, which JSON cannot carry" }));
    let mut wanted = request(2.0);
    wanted["outputs"] = json!([{ "name": "probabilities", "parameters": { "binary_data": true } }]);
    let answer = post_json(&router, INFER, &wanted).await;
    assert!(answer.body.ends_with(&f32::INFINITY.to_le_bytes()));
}
