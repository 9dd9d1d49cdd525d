//! What the server does with too much, too slow, and what must never happen.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use futures_util::stream::{self, StreamExt as _};
use serde_json::json;
use trestle::serve::ServeConfig;

use super::fixture::{Temper, check, churn, churn_with, get, post, post_json, request, send};

const INFER: &str = "/v2/models/churn/infer";

#[tokio::test]
async fn a_huge_body_is_refused_however_it_comes() {
    let config = ServeConfig { max_body_bytes: 1000, ..ServeConfig::default() };
    let router = churn_with(Temper::Kind, &config);
    check("within", &post_json(&router, INFER, &request(2.0)).await, 200, &json!({}));
    let too_large = json!({ "error": "~larger than the 1000 bytes" });
    for path in [INFER, "/predict", "/v2/repository/index"] {
        for size in [1001, 3000, 100_000] {
            let whole = post(&router, path, " ".repeat(size)).await;
            check(&format!("{path} {size}"), &whole, 413, &too_large);
            let announced = Request::post(path).header("Content-Length", size).header("Expect", "100-continue");
            let announced = send(&router, announced.body(Body::from(" ".repeat(size))).unwrap()).await;
            check(&format!("{path} {size} announced"), &announced, 413, &too_large);
        }
        let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 100]));
        check(path, &post(&router, path, Body::from_stream(endless)).await, 413, &too_large);
    }
    let in_pieces = request(2.0).to_string().into_bytes();
    let in_pieces: Vec<_> = in_pieces.chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    check("in pieces", &post(&router, INFER, Body::from_stream(stream::iter(in_pieces))).await, 200, &json!({}));
    let broken = stream::iter([Ok(b"{".to_vec()), Err(std::io::Error::other("gone"))]);
    check(
        "broken",
        &post(&router, INFER, Body::from_stream(broken)).await,
        400,
        &json!({ "error": "~could not be read" }),
    );
}

#[tokio::test]
async fn a_client_that_does_not_send_is_not_waited_for() {
    let config = ServeConfig { request_timeout: Duration::from_millis(50), ..ServeConfig::default() };
    let router = churn_with(Temper::Kind, &config);
    let silent = stream::once(async { Ok::<_, std::io::Error>(b"{".to_vec()) }).chain(stream::pending());
    let answer = post(&router, INFER, Body::from_stream(silent)).await;
    check("silent", &answer, 408, &json!({ "error": "~did not arrive within 0.05 s" }));
}

#[tokio::test]
async fn a_model_that_takes_too_long_keeps_its_place_until_it_is_done() {
    let slow = Temper::Slow(Duration::from_millis(300));
    let config = ServeConfig { request_timeout: Duration::from_millis(20), max_in_flight: 1, ..ServeConfig::default() };
    let router = churn_with(slow, &config);
    let late = post_json(&router, INFER, &request(2.0)).await;
    check("late", &late, 503, &json!({ "error": "~did not answer within" }));
    assert_eq!(late.header("retry-after"), "1");
    let full = post_json(&router, "/predict", &json!({})).await;
    check("still computing", &full, 429, &json!({ "error": "~1 requests are under way" }));
    assert_eq!(full.header("retry-after"), "1");
    check("health is never refused", &get(&router, "/v2/health/ready").await, 200, &json!({ "ready": true }));
    tokio::time::sleep(Duration::from_millis(400)).await;
    check("done", &post_json(&router, INFER, &request(2.0)).await, 503, &json!({}));
}

#[tokio::test]
async fn one_too_many_is_answered_at_once() {
    let config = ServeConfig { max_in_flight: 2, ..ServeConfig::default() };
    let router = churn_with(Temper::Slow(Duration::from_millis(200)), &config);
    let begun = Instant::now();
    let answers = futures_util::future::join_all((0..4).map(async |_| {
        let answer = post_json(&router, INFER, &request(2.0)).await;
        (answer.status.as_u16(), begun.elapsed())
    }));
    let mut answers = answers.await;
    answers.sort_unstable();
    assert_eq!(answers.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 200, 429, 429]);
    assert!(answers[2].1 < Duration::from_millis(150), "{answers:?}");
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused() {
    let long = Request::get("/v2/health/live").header("X-Long", "x".repeat(20_000)).body(Body::empty()).unwrap();
    check("header", &send(&churn(), long).await, 431, &json!({ "error": "~larger than the 16384 bytes" }));
    check("path", &get(&churn(), &format!("/{}", "x".repeat(20_000))).await, 431, &json!({}));
}

#[tokio::test]
async fn a_panic_or_an_error_inside_is_an_answer() {
    for (temper, expected) in [
        (Temper::Failing, "the model failed: 13 is unlucky"),
        (Temper::Panicking, "stopped unexpectedly: 13 is unlucky"),
    ] {
        // Once where it is asked, once on another thread.
        for n_rows in [1, 30_000] {
            let router = churn_with(temper, &ServeConfig::default());
            let mut body = request(2.0);
            body["inputs"][0]["shape"] = json!([n_rows, 3]);
            body["inputs"][0]["data"] = json!(vec![13; 3 * n_rows]);
            body["inputs"][1]["shape"] = json!([n_rows, 1]);
            body["inputs"][1]["data"] = json!(vec!["basic"; n_rows]);
            let answer = post_json(&router, INFER, &body).await;
            check("inside", &answer, 500, &json!({ "error": format!("~{expected}") }));
            check("afterwards", &post_json(&router, INFER, &request(2.0)).await, 200, &json!({}));
        }
    }
}

#[tokio::test]
async fn a_request_id_is_taken_over_when_sane_and_made_when_not() {
    let with_id = |id: &str| Request::get("/v2").header("X-Request-Id", id).body(Body::empty()).unwrap();
    assert_eq!(send(&churn(), with_id("abc-1.2:3")).await.header("x-request-id"), "abc-1.2:3");
    let router = churn();
    let mut made = Vec::new();
    for id in ["", "two words", "quote\"", &"x".repeat(129)] {
        made.push(send(&router, with_id(id)).await.header("x-request-id").to_owned());
    }
    made.push(get(&router, "/nowhere").await.header("x-request-id").to_owned());
    assert!(made.iter().all(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())), "{made:?}");
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 5);
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_request_is_one_line_in_the_log_without_its_payload() {
    let captured = Captured::default();
    let writer = captured.clone();
    let logs = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
    let router = churn_with(Temper::Failing, &ServeConfig::default());
    {
        let _guard = tracing::subscriber::set_default(logs);
        let secret = Request::post(format!("{INFER}?secret=1")).header("X-Request-Id", "me-1");
        let body = request(2.0).to_string().replace("basic", "secret");
        assert_eq!(send(&router, secret.body(Body::from(body)).unwrap()).await.status, 200);
        assert_eq!(post(&router, "/predict", r#"{"calls": "secret"}"#).await.status, 422);
        assert_eq!(post_json(&router, INFER, &request(13.0)).await.status, 500);
        assert_eq!(get(&router, "/nowhere").await.status, 404);
    }
    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("secret"), "{text}");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        json!({
            "level": "INFO", "target": "trestle::request", "request_id": "me-1", "method": "POST", "path": INFER,
            "model": "churn", "version": "1.0.0", "status": 200,
        }),
        json!({ "method": "POST", "path": "/predict", "model": "churn", "status": 422 }),
        json!({ "level": "ERROR", "path": INFER, "status": 500, "error": "13 is unlucky" }),
        json!({ "method": "GET", "path": "/nowhere", "status": 404 }),
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, expected) in lines.iter().zip(&expected) {
        assert!(super::fixture::holds(expected, line), "{line}");
        assert!(line["ms"].is_f64(), "{line}");
    }
}
