//! Who may ask what.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use trestle::serve::{ServeConfig, TokenHash};

use super::fixture::{Temper, churn_with, request, send};

async fn status(router: &Router, method: &str, path: &str, token: Option<&str>) -> u16 {
    let mut asked = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        asked = asked.header("Authorization", token);
    }
    let body = if path.ends_with("infer") { request(2.0).to_string() } else { "{}".to_owned() };
    let answer = send(router, asked.body(Body::from(body)).unwrap()).await;
    if answer.status == 401 {
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(answer.json()["error"].as_str().unwrap().contains("token"));
    }
    answer.status.as_u16()
}

const OPEN: [(&str, &str); 5] = [
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/churn/ready"),
    ("GET", "/ping"),
    ("GET", "/docs/"),
];
const INFERENCE: [(&str, &str); 4] = [
    ("POST", "/v2/models/churn/infer"),
    ("POST", "/v2/models/churn/versions/1.0.0/infer"),
    ("GET", "/v2/models/churn"),
    ("GET", "/openapi.json"),
];
const ADMINISTRATION: [(&str, &str); 4] = [
    ("GET", "/metrics"),
    ("GET", "/v2/models/churn/stats"),
    ("POST", "/v2/repository/index"),
    ("GET", "/v2/models/stats"),
];

#[tokio::test]
async fn each_token_opens_what_it_is_for() {
    let config = ServeConfig {
        inference_tokens: vec![TokenHash::of("ask"), TokenHash::of("ask too")],
        administration_tokens: vec![TokenHash::of("rule")],
        ..ServeConfig::default()
    };
    let router = churn_with(Temper::Kind, &config);
    for (method, path) in OPEN {
        assert_eq!(status(&router, method, path, None).await, 200, "{path}");
    }
    for (opens, shut, paths) in [("ask", "rule", INFERENCE), ("rule", "ask", ADMINISTRATION)] {
        for (method, path) in paths {
            assert_eq!(status(&router, method, path, Some(&format!("Bearer {opens}"))).await, 200, "{path}");
            assert_eq!(status(&router, method, path, Some(&format!("bearer  {opens}"))).await, 200, "{path}");
            for wrong in [None, Some(""), Some("Bearer "), Some("Basic YXNrOg=="), Some(opens), Some("Bearer askk")] {
                assert_eq!(status(&router, method, path, wrong).await, 401, "{path} {wrong:?}");
            }
            assert_eq!(status(&router, method, path, Some(&format!("Bearer {shut}"))).await, 401, "{path}");
        }
    }
    assert_eq!(status(&router, "POST", "/v2/models/churn/infer", Some("Bearer ask too")).await, 200);
    // What is not known is not told to everybody.
    assert_eq!(status(&router, "GET", "/nowhere", None).await, 401);
    assert_eq!(status(&router, "GET", "/nowhere", Some("Bearer rule")).await, 404);
}

#[tokio::test]
async fn without_a_token_of_its_own_administration_is_no_more_open_than_inference() {
    let config = ServeConfig { inference_tokens: vec![TokenHash::of("ask")], ..ServeConfig::default() };
    let router = churn_with(Temper::Kind, &config);
    assert_eq!(status(&router, "GET", "/metrics", None).await, 401);
    assert_eq!(status(&router, "GET", "/metrics", Some("Bearer ask")).await, 200);
    let config = ServeConfig { administration_tokens: vec![TokenHash::of("rule")], ..ServeConfig::default() };
    let router = churn_with(Temper::Kind, &config);
    assert_eq!(status(&router, "GET", "/metrics", None).await, 401);
    assert_eq!(status(&router, "POST", "/v2/models/churn/infer", None).await, 200);
}
