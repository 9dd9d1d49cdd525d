//! Bodies packed with gzip or deflate, both ways.

use std::io::{Read as _, Write as _};

use axum::body::Body;
use axum::http::Request;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value as Json, json};
use trestle::serve::ServeConfig;

use super::fixture::{Answer, Temper, check, churn, churn_with, request, send};

const INFER: &str = "/v2/models/churn/infer";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn packed(router: &axum::Router, coding: &str, body: Vec<u8>) -> Answer {
    let request = Request::post(INFER).header("Content-Encoding", coding).body(Body::from(body)).unwrap();
    send(router, request).await
}

/// A request for many rows, long enough to be packed and to be parsed elsewhere.
fn many_rows(n: usize) -> Json {
    let mut body = request(2.0);
    body["inputs"][0]["shape"] = json!([n, 3]);
    body["inputs"][0]["data"] = json!(vec![2; 3 * n]);
    body["inputs"][1]["shape"] = json!([n, 1]);
    body["inputs"][1]["data"] = json!(vec!["basic"; n]);
    body
}

#[tokio::test]
async fn packed_bodies_are_unpacked() {
    for n in [1, 20_000] {
        let plain = many_rows(n).to_string().into_bytes();
        for (coding, body) in [("gzip", gzip(&plain)), ("deflate", deflate(&plain)), ("identity", plain.clone())] {
            check(coding, &packed(&churn(), coding, body).await, 200, &json!({ "id": "7" }));
        }
    }
    let cases = [
        ("br", b"x".to_vec(), 415, "gzip or deflate"),
        ("gzip, gzip", gzip(b"{}"), 415, "packed twice"),
        ("gzip", b"{}".to_vec(), 400, "cannot be unpacked"),
        ("deflate", b"\x78".to_vec(), 400, "cannot be unpacked"),
        ("gzip", gzip(&vec![b' '; 100_000])[..50].to_vec(), 400, "cannot be unpacked"),
        ("gzip", Vec::new(), 400, "cannot be read"),
    ];
    for (coding, body, status, reason) in cases {
        let answer = packed(&churn(), coding, body).await;
        check(coding, &answer, status, &json!({ "error": format!("~{reason}") }));
    }
}

#[tokio::test]
async fn what_unpacks_to_more_than_is_accepted_is_refused() {
    let config = ServeConfig { max_body_bytes: 1_000_000, ..ServeConfig::default() };
    let router = churn_with(Temper::Kind, &config);
    // One bomb goes off on the connection's thread, the other is large enough to be taken elsewhere.
    for size in [1_000_001, 50_000_000] {
        for (coding, body) in [("gzip", gzip(&vec![b' '; size])), ("deflate", deflate(&vec![b' '; size]))] {
            assert!(body.len() < 60_000);
            check(coding, &packed(&router, coding, body).await, 413, &json!({ "error": "~larger than" }));
        }
    }
}

#[tokio::test]
async fn memory_for_bodies_is_shared_and_given_back() {
    let config = ServeConfig { max_buffered_bytes: 128 * 1024, ..ServeConfig::default() };
    let router = churn_with(Temper::Kind, &config);
    let body = |n| many_rows(n).to_string().into_bytes();
    for _ in 0..3 {
        check("fits", &packed(&router, "identity", body(5000)).await, 200, &json!({}));
    }
    let full = packed(&router, "identity", body(20_000)).await;
    check("does not fit", &full, 503, &json!({ "error": "~memory" }));
    assert_eq!(full.header("retry-after"), "1");
    check("afterwards", &packed(&router, "identity", body(5000)).await, 200, &json!({}));
}

#[tokio::test]
async fn long_answers_are_packed_for_whom_it_suits() {
    let asked = |accepted: &'static str, n: usize| {
        Request::post(INFER).header("Accept-Encoding", accepted).body(Body::from(many_rows(n).to_string())).unwrap()
    };
    let plain = send(&churn(), asked("identity", 1000)).await;
    assert_eq!(plain.header("content-encoding"), "");
    let mut unpacked = Vec::new();
    let answer = send(&churn(), asked("gzip, deflate", 1000)).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    GzDecoder::new(&answer.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    unpacked.clear();
    let answer = send(&churn(), asked("deflate", 1000)).await;
    assert_eq!(answer.header("content-encoding"), "deflate");
    ZlibDecoder::new(&answer.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    assert_eq!(send(&churn(), asked("gzip", 1)).await.header("content-encoding"), "", "a short one is sent as it is");
}
