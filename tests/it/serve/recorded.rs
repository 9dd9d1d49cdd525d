//! The request log: what is kept, what is left out, and that it stays small.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use trestle::problem::Problem;
use trestle::serve::{RequestLogConfig, ServeConfig, router};

use super::fixture::{Number, Temper, churn_with, get, holds, post, post_json, request, send, served};

const INFER: &str = "/v2/models/churn/infer";

fn config(folder: &Path) -> RequestLogConfig {
    RequestLogConfig {
        folder: folder.to_owned(),
        sample: 1.0,
        max_file_bytes: 1 << 20,
        max_files: 4,
        redact: Vec::new(),
    }
}

fn logging(log: RequestLogConfig) -> ServeConfig {
    ServeConfig { request_log: Some(log), ..ServeConfig::default() }
}

fn files(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
}

/// The lines, once there are so many.
async fn lines(folder: &Path, n: usize) -> Vec<Json> {
    let begun = Instant::now();
    loop {
        let text = files(folder).concat();
        let lines: Vec<&str> = text.lines().collect();
        if n <= lines.len() && text.ends_with('\n') {
            return lines.into_iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{} of {n} lines were written", lines.len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn rows_and_answers_are_kept_a_line_each() {
    let folder = tempfile::tempdir().unwrap();
    let router = churn_with(Temper::Failing, &logging(config(folder.path())));
    let row = json!({ "calls": 2.5, "bill": null, "months": 12, "plan": "gold" });
    let asked =
        Request::post("/predict").header("X-Request-Id", "me-1").body(Body::from(json!([row, row]).to_string()));
    assert_eq!(send(&router, asked.unwrap()).await.status, 200);
    assert_eq!(post_json(&router, INFER, &request(3.0)).await.status, 200);
    assert_eq!(post_json(&router, INFER, &request(13.0)).await.status, 500);
    // What is no request leaves nothing, neither does what asks no model.
    assert_eq!(post(&router, "/predict", "{}").await.status, 422);
    assert_eq!(get(&router, "/v2").await.status, 200);
    let lines = lines(folder.path(), 4).await;
    let features = json!({ "calls": 2.5, "bill": null, "months": 12, "plan": "gold" });
    let outputs = json!({ "label": "leave", "probability": 0.75, "risk_level": "high" });
    let first = json!({
        "id": "me-1", "model": "churn", "version": "1.0.0", "status": 200, "features": features, "outputs": outputs,
    });
    let third = json!({ "features": { "calls": 3, "bill": 20, "plan": "basic" }, "outputs": { "probability": 0.3 } });
    let expected = [first.clone(), first, third, json!({ "features": { "calls": 13 }, "outputs": {}, "status": 500 })];
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(&expected) {
        assert!(holds(expected, line), "{line}\n{expected}");
        assert!(line["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok() && line["millis"].is_f64(), "{line}");
        assert!(!line["id"].as_str().unwrap().is_empty());
    }
    assert_eq!(lines[2]["outputs"]["probability"].to_string(), "0.3", "single precision is written as such");
    assert_eq!(lines[3]["outputs"], json!({}));
}

#[tokio::test]
async fn a_share_is_kept_and_named_columns_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let redact = vec!["plan".to_owned(), "probabilities".to_owned()];
    let router = churn_with(Temper::Kind, &logging(RequestLogConfig { sample: 0.25, redact, ..config(folder.path()) }));
    for n in 0..20 {
        post_json(&router, INFER, &request(f64::from(n) / 10.0)).await;
    }
    post_json(&router, "/predict", &json!({ "calls": 1, "bill": 1, "months": 1, "plan": "secret" })).await;
    let lines = lines(folder.path(), 5).await;
    assert_eq!(lines.len(), 5, "a quarter of twenty");
    for line in lines {
        assert_eq!(line["features"].get("plan"), None);
        assert_eq!(line["outputs"].get("probabilities"), None);
        assert!(line["outputs"]["label"].is_string());
    }
    assert!(!files(folder.path()).concat().contains("secret"));
}

#[tokio::test]
async fn tensors_without_features_are_kept_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let router = router(vec![Number::served()], &logging(config(folder.path()))).unwrap();
    let body = json!({ "inputs": [{ "name": "x", "shape": [2, 1], "datatype": "FP32", "data": [1, 2] }] });
    post_json(&router, "/v2/models/number/infer", &body).await;
    let lines = lines(folder.path(), 2).await;
    assert!(holds(&json!({ "features": { "x": 2 }, "outputs": { "y": 4 } }), &lines[1]), "{lines:?}");
}

#[tokio::test]
async fn files_are_begun_anew_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.txt"), "not the log's").unwrap();
    let small = RequestLogConfig { max_file_bytes: 1000, max_files: 3, ..config(folder.path()) };
    let router = churn_with(Temper::Kind, &logging(small));
    for n in 0..40 {
        let asked =
            Request::post(INFER).header("X-Request-Id", format!("n-{n}")).body(Body::from(request(2.0).to_string()));
        send(&router, asked.unwrap()).await;
    }
    let begun = Instant::now();
    while !files(folder.path()).concat().contains("\"n-39\"") {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let kept = files(folder.path());
    assert_eq!(kept.len(), 4, "three files and one that is not the log's");
    assert!(kept.iter().all(|text| text.len() <= 1000));
    assert!(!kept.concat().contains("\"n-0\""));
}

#[test]
fn a_folder_that_cannot_be_written_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let error = router(vec![served("1.0.0", Temper::Kind)], &logging(config(&path))).unwrap_err();
    let problem = Problem::from(error);
    assert!(problem.what.starts_with("The request log cannot be written") && !problem.fix.is_empty(), "{problem}");
}
