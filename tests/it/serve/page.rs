//! The documentation, and that what it shows is true.

use serde_json::Value as Json;
use trestle::serve::{ServeConfig, router};

use super::fixture::{Echo, Temper, churn, get, holds, post_json, served};

#[tokio::test]
async fn the_root_leads_to_a_page_that_asks_no_other_host() {
    let churn = churn();
    for path in ["/", "/docs"] {
        let answer = get(&churn, path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "docs/"), "{path}");
    }
    let page = get(&churn, "/docs/").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html"));
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("\"//"), "{html}");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'self'") && !policy.contains("http"), "{policy}");

    let settings = get(&churn, "/docs/swagger-initializer.js").await;
    let settings = String::from_utf8(settings.body.to_vec()).unwrap();
    assert!(settings.contains("../openapi.json") && settings.contains(r#""validatorUrl": "none""#), "{settings}");
    assert!(!settings.contains("petstore"), "{settings}");
    for part in html.split(['"', '\'']).filter(|part| part.starts_with("./")) {
        let path = format!("/docs/{}", part.trim_start_matches("./"));
        assert_eq!(get(&churn, &path).await.status, 200, "{path}");
    }
    // Who takes no gzip gets it plain.
    let script = get(&churn, "/docs/swagger-ui-bundle.js").await;
    assert_eq!((script.header("content-encoding"), script.header("content-type")), ("", "text/javascript"));
    assert!(String::from_utf8_lossy(&script.body).contains("SwaggerUIBundle"));
    let absent = get(&churn, "/docs/absent.js").await;
    assert_eq!(absent.status, 404);
    assert!(absent.json()["error"].is_string());
}

/// Every example of every operation with a body: path, request and the answer that is promised.
fn examples(document: &Json) -> Vec<(String, Json, Json)> {
    let mut examples = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(post) = item.get("post") else { continue };
        let requests = &post["requestBody"]["content"]["application/json"]["examples"];
        let answers = &post["responses"]["200"]["content"]["application/json"]["examples"];
        for (name, request) in requests.as_object().unwrap() {
            examples.push((path.clone(), request["value"].clone(), answers[name]["value"].clone()));
        }
    }
    examples
}

#[tokio::test]
async fn the_examples_work_when_sent_and_answer_what_they_promise() {
    let models = vec![served("1.1.0", Temper::Kind), served("1.0.0", Temper::Kind), Echo::served()];
    let router = router(models, &ServeConfig::default()).unwrap();
    let document = get(&router, "/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let examples = examples(&document);
    // `/predict` and `/invocations` twice; the first churn with and without a version, the second with; the echo with
    // and without.
    assert_eq!(examples.len(), 9);
    for (path, request, promised) in examples {
        let answer = post_json(&router, &path, &request).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(holds(&promised, &answer.json()), "{path}");
    }
}

#[tokio::test]
async fn the_document_is_made_from_the_contract() {
    let document = get(&churn(), "/openapi.json").await.json();
    let row = &document["components"]["schemas"]["Row"];
    assert_eq!(row["properties"]["bill"]["type"], serde_json::json!(["number", "null"]));
    assert_eq!(row["properties"]["months"]["type"], "integer");
    assert!(row["properties"]["plan"]["description"].as_str().unwrap().contains("basic, gold"));
    assert_eq!(row["required"].as_array().unwrap().len(), 4);
    let prediction = &document["components"]["schemas"]["Prediction"]["properties"];
    assert_eq!(prediction["risk_level"]["enum"], serde_json::json!(["low", "medium", "high"]));
    assert_eq!(prediction["probability"]["description"], "Probability of leave");
    for path in document["paths"].as_object().unwrap().keys() {
        let reached = get(&churn(), path).await.status.as_u16();
        assert!(reached == 200 || reached == 405, "{path} answers {reached}");
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}
