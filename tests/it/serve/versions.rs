//! Several versions at once, their statistics, and what answers when one fails.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use trestle::problem::Problem;
use trestle::serve::{FallbackAnswer, FallbackConfig, ServeConfig, ServedModel, router};

use super::fixture::{Number, Temper, check, churn, get, post, post_json, request, served};

fn two_versions() -> Vec<ServedModel> {
    let mut champion = served("1.1.0", Temper::Failing);
    champion.aliases = vec!["champion".into()];
    vec![champion, served("1.0.0", Temper::Kind)]
}

#[tokio::test]
async fn versions_are_asked_by_number_alias_or_not_at_all() {
    let router = router(two_versions(), &ServeConfig::default()).unwrap();
    for (path, version) in [
        ("/v2/models/churn/infer", "1.1.0"),
        ("/v2/models/churn/versions/champion/infer", "1.1.0"),
        ("/v2/models/churn/versions/1.0.0/infer", "1.0.0"),
    ] {
        let answer = post_json(&router, path, &request(2.0)).await;
        check(path, &answer, 200, &json!({ "model_version": version }));
    }
    check("alias", &get(&router, "/v2/models/churn/versions/champion/ready").await, 200, &json!({ "ready": true }));
    for action in ["load", "unload"] {
        let path = format!("/v2/repository/models/churn/{action}");
        check(action, &post(&router, &path, "").await, 400, &json!({ "error": "~when the server starts" }));
        let path = format!("/v2/repository/models/fraud/{action}");
        check(action, &post(&router, &path, "").await, 404, &json!({ "error": "~no model `fraud`" }));
    }
}

#[tokio::test]
async fn statistics_count_what_was_asked_of_each_version() {
    let router = router(two_versions(), &ServeConfig::default()).unwrap();
    for calls in [2.0, 3.0, 13.0] {
        post_json(&router, "/v2/models/churn/infer", &request(calls)).await;
    }
    post_json(&router, "/predict", &json!({ "calls": "two" })).await;
    post_json(&router, "/predict", &json!({ "calls": 2, "bill": 1, "months": 1, "plan": "gold" })).await;
    let one = get(&router, "/v2/models/churn/versions/1.1.0/stats").await;
    let expected = json!({ "model_stats": [{
        "name": "churn", "version": "1.1.0", "inference_count": 4, "execution_count": 4,
        "inference_stats": {
            "success": { "count": 3 }, "fail": { "count": 2 },
            "queue": { "count": 3 }, "compute_input": { "count": 3 }, "compute_infer": { "count": 3 },
            "compute_output": { "count": 3 }, "cache_hit": { "count": 0 },
        },
    }] });
    check("one version", &one, 200, &expected);
    let stats = &one.json()["model_stats"][0];
    let nanos = |part: &str| stats["inference_stats"][part]["ns"].as_u64().unwrap();
    assert!(0 < nanos("compute_input") && 0 < nanos("compute_infer") && 0 < nanos("fail"), "{stats}");
    assert!(nanos("compute_input") + nanos("compute_infer") + nanos("compute_output") <= nanos("success"), "{stats}");
    assert!(1_700_000_000_000 < stats["last_inference"].as_u64().unwrap(), "{stats}");
    let untouched = json!({ "version": "1.0.0", "inference_count": 0, "last_inference": 0 });
    for path in ["/v2/models/stats", "/v2/models/churn/stats"] {
        check(path, &get(&router, path).await, 200, &json!({ "model_stats": [{ "version": "1.1.0" }, untouched] }));
    }
    check("unknown", &get(&router, "/v2/models/fraud/stats").await, 404, &json!({}));

    let text = String::from_utf8(get(&router, "/metrics").await.body.to_vec()).unwrap();
    for line in [
        r#"nv_inference_request_success{model="churn",version="1.1.0"} 3"#,
        r#"nv_inference_request_failure{model="churn",version="1.1.0"} 2"#,
        r#"nv_inference_pending_request_count{model="churn",version="1.1.0"} 0"#,
        r#"http_server_request_duration_seconds_count{method="POST",route="/predict",status="422"} 1"#,
        r#"http_server_request_duration_seconds_count{method="POST",route="/v2/models/{model}/infer",status="500"} 1"#,
        "http_server_active_requests 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn the_configuration_tells_load_generators_the_shape_of_a_row() {
    let expected = json!({
        "name": "churn",
        "max_batch_size": 65536,
        "input": [
            { "name": "x", "data_type": "TYPE_FP32", "dims": [3] },
            { "name": "plan", "data_type": "TYPE_STRING", "dims": [1] },
        ],
        "output": [
            { "name": "label", "data_type": "TYPE_STRING", "dims": [] },
            { "name": "probabilities", "data_type": "TYPE_FP32", "dims": [2] },
        ],
    });
    for path in ["/v2/models/churn/config", "/v2/models/churn/versions/1.0.0/config"] {
        check(path, &get(&churn(), path).await, 200, &expected);
    }
}

fn with_fallback(answer: FallbackAnswer, retry: Duration) -> ServeConfig {
    ServeConfig { fallback: Some(FallbackConfig { after_failures: 2, retry, answer }), ..ServeConfig::default() }
}

#[tokio::test]
async fn another_version_answers_for_one_that_fails_and_says_so() {
    let never = Duration::from_hours(1);
    let config = with_fallback(FallbackAnswer::Version("1.0.0".into()), never);
    let router = router(two_versions(), &config).unwrap();
    let infer = "/v2/models/churn/infer";
    check("first", &post_json(&router, infer, &request(13.0)).await, 500, &json!({}));
    let fine = post_json(&router, infer, &request(2.0)).await;
    check("a success in between", &fine, 200, &json!({ "model_version": "1.1.0" }));
    assert_eq!(fine.header("x-trestle-fallback"), "");
    check("first again", &post_json(&router, infer, &request(13.0)).await, 500, &json!({}));
    let second = post_json(&router, infer, &request(13.0)).await;
    check("the second in a row", &second, 200, &json!({ "model_version": "1.0.0", "id": "7" }));
    assert_eq!(second.header("x-trestle-fallback"), "version 1.0.0");
    let third = post_json(&router, infer, &request(2.0)).await;
    check("it is not asked any more", &third, 200, &json!({ "model_version": "1.0.0" }));
    let row = json!({ "calls": 2, "bill": 1, "months": 1, "plan": "gold" });
    let people = post_json(&router, "/predict", &row).await;
    check("for people, too", &people, 200, &json!({ "probability": 0.7 }));
    assert_eq!(people.header("x-trestle-fallback"), "version 1.0.0");
    let text = String::from_utf8(get(&router, "/metrics").await.body.to_vec()).unwrap();
    assert!(text.contains(r#"trestle_fallback_total{model="churn",version="1.1.0"} 3"#), "{text}");
    assert!(text.contains(r#"trestle_degraded{model="churn",version="1.1.0"} 1"#), "{text}");
    assert!(text.contains(r#"trestle_degraded{model="churn",version="1.0.0"} 0"#), "{text}");
}

#[tokio::test]
async fn a_constant_answers_for_every_row_until_the_model_works_again() {
    let outputs =
        BTreeMap::from([("label".to_owned(), json!(["stay"])), ("probabilities".to_owned(), json!([0.9, 0.1]))]);
    let config = with_fallback(FallbackAnswer::Constant(outputs), Duration::from_millis(1));
    let router = router(vec![served("1.0.0", Temper::Failing)], &config).unwrap();
    let infer = "/v2/models/churn/infer";
    post_json(&router, infer, &request(13.0)).await;
    let mut two = request(13.0);
    two["inputs"][0]["shape"] = json!([2, 3]);
    two["inputs"][0]["data"] = json!([13, 0, 0, 1, 0, 0]);
    two["inputs"][1]["shape"] = json!([2, 1]);
    two["inputs"][1]["data"] = json!(["basic", "gold"]);
    let answer = post_json(&router, infer, &two).await;
    let expected = json!({ "outputs": [
        { "name": "label", "shape": [2], "data": ["stay", "stay"] },
        { "name": "probabilities", "shape": [2, 2], "data": [0.9, 0.1, 0.9, 0.1] },
    ] });
    check("constant", &answer, 200, &expected);
    assert_eq!(answer.header("x-trestle-fallback"), "constant");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let again = post_json(&router, infer, &request(2.0)).await;
    check("tried again", &again, 200, &json!({ "outputs": [{}, { "data": [0.8, 0.2] }] }));
    assert_eq!(again.header("x-trestle-fallback"), "");
}

#[test]
fn a_fallback_that_does_not_fit_is_refused_at_start() {
    let constant = |outputs: serde_json::Value| {
        let outputs = outputs.as_object().unwrap().iter().map(|(name, data)| (name.clone(), data.clone()));
        FallbackAnswer::Constant(outputs.collect())
    };
    let other = || ServedModel { name: "churn".into(), version: "2".into(), ..Number::served() };
    let cases = [
        (FallbackAnswer::Version("9".into()), "version 9 is not served"),
        (FallbackAnswer::Version("2".into()), "does not take and give the same tensors"),
        (constant(json!({ "label": ["stay"] })), "probabilities has no answer"),
        (constant(json!({ "label": ["stay"], "probabilities": [1], "more": [1] })), "no output more"),
        (constant(json!({ "label": ["stay"], "probabilities": [1, 2, 3] })), "probabilities"),
        (constant(json!({ "label": [1], "probabilities": [1, 0] })), "which is no BYTES value"),
    ];
    for (answer, reason) in cases {
        let config = with_fallback(answer, Duration::from_secs(1));
        let error = router(vec![served("1.0.0", Temper::Kind), other()], &config).unwrap_err();
        let problem = Problem::from(error);
        assert!(problem.what.contains(reason) && !problem.fix.is_empty(), "{problem}");
    }
}
