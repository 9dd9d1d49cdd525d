//! Requests that are wrong, each in its own way, and the status that the server promises for it.

use serde_json::{Value as Json, json};

use super::BuildPlan;
use super::http::{Answer, Client};
use super::verify::check;
use crate::project::reports::Check;

const NAME: &str = "Refuses what is malformed";

/// Larger than any server takes, so that it is refused by its announcement alone.
const HUGE_BYTES: &str = "1099511627776";

/// Path and headers beyond what the server takes.
const LONG_HEADER_BYTES: usize = 32 * 1024;

/// One wrong request.
struct Wrong {
    what: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    status: u16,
}

/// Every wrong request, made of a right one: `good` holds a row of the model at `infer`.
fn wrongs(plan: &BuildPlan, good: &Json) -> Vec<Wrong> {
    let infer = format!("/v2/models/{}/infer", plan.slug);
    let text = |status, what, body: &str| Wrong {
        what,
        method: "POST",
        path: infer.clone(),
        headers: Vec::new(),
        body: Some(body.as_bytes().to_vec()),
        status,
    };
    let edited = |what, edit: &dyn Fn(&mut Json)| {
        let mut body = good.clone();
        edit(&mut body);
        text(400, what, &body.to_string())
    };
    let at = |status, what, method, path: String| Wrong { method, path, ..text(status, what, &good.to_string()) };
    let with = |status, what, name, value: String| Wrong {
        headers: vec![(name, value)],
        ..text(status, what, &good.to_string())
    };
    let predict = |status, what, body: &str| Wrong { path: "/predict".to_owned(), ..text(status, what, body) };
    vec![
        text(400, "JSON that breaks off", "{\"inputs\": [{\"name\": "),
        text(400, "JSON nested deeply", &"[".repeat(10_000)),
        text(400, "no inputs", "{\"inputs\": []}"),
        text(400, "an empty body", ""),
        edited("an unknown input", &|body| body["inputs"][0]["name"] = "no such input".into()),
        edited("another datatype", &|body| {
            let is_text = body["inputs"][0]["datatype"] == "BYTES";
            body["inputs"][0]["datatype"] = if is_text { "FP32" } else { "BYTES" }.into();
        }),
        edited("another shape", &|body| {
            if let Some(shape) = body["inputs"][0]["shape"].as_array_mut() {
                shape.push(7.into());
            }
        }),
        edited("less data than the shape says", &|body| body["inputs"][0]["data"] = json!([])),
        at(404, "an unknown model", "POST", "/v2/models/no-such-model/infer".to_owned()),
        at(404, "an unknown version", "POST", format!("/v2/models/{}/versions/no-such-version/infer", plan.slug)),
        at(404, "an unknown path", "GET", "/no/such/path".to_owned()),
        at(405, "a wrong method", "DELETE", infer.clone()),
        Wrong { body: None, ..with(413, "a terabyte", "Content-Length", HUGE_BYTES.to_owned()) },
        with(415, "an unknown coding", "Content-Encoding", "br".to_owned()),
        with(400, "a coding that it is not in", "Content-Encoding", "gzip".to_owned()),
        with(400, "a binary part that is not there", "Inference-Header-Content-Length", "1000000".to_owned()),
        with(431, "headers without end", "X-Long", "x".repeat(LONG_HEADER_BYTES)),
        predict(400, "words in place of JSON", "not JSON"),
        predict(422, "an unknown feature", "{\"no such feature\": 1}"),
    ]
}

/// Asks every wrong request; the check, and how many were refused with a status of the 400s.
pub(super) async fn ask(plan: &BuildPlan, client: &mut Client, good: &Json) -> (Check, u64) {
    let wrongs = wrongs(plan, good);
    let mut n_refused = 0;
    let mut seen = Vec::new();
    for Wrong { what, method, path, headers, body, status } in &wrongs {
        let mut headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if body.is_none() {
            // Who waits for leave to go on has sent nothing when the answer comes.
            headers.push(("Expect", "100-continue"));
        }
        let answer = match client.request(method, path, &headers, body.as_deref()).await {
            Ok(answer) => answer,
            Err(error) => return (check(NAME, false, format!("no answer to {what} ({error})")), n_refused),
        };
        n_refused += u64::from((400..500).contains(&answer.status));
        if let Some(difference) = difference(&answer, *status) {
            return (check(NAME, false, format!("{what}: {difference}")), n_refused);
        }
        seen.push(*status);
    }
    seen.sort_unstable();
    seen.dedup();
    let statuses: Vec<String> = seen.iter().map(u16::to_string).collect();
    let detail = format!("{} kinds, with {} as promised and a reason", wrongs.len(), statuses.join(", "));
    (check(NAME, true, detail), n_refused)
}

/// How an answer differs from a refusal with that status and a reason.
fn difference(answer: &Answer, status: u16) -> Option<String> {
    if answer.status != status {
        return Some(format!("{status} was promised; {}", answer.excerpt()));
    }
    let has_reason = answer.json().is_some_and(|json| json["error"].as_str().is_some_and(|reason| !reason.is_empty()));
    (!has_reason).then(|| format!("without a reason; {}", answer.excerpt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_promised_status_and_a_reason() {
        let answer = |status: u16, body: &str| Answer { status, body: body.as_bytes().to_vec() };
        assert_eq!(difference(&answer(400, r#"{"error":"no"}"#), 400), None);
        for (answer, begins) in [
            (answer(200, r#"{"error":"no"}"#), "400 was promised; status 200"),
            (answer(500, r#"{"error":"no"}"#), "400 was promised; status 500"),
            (answer(404, r#"{"error":"no"}"#), "400 was promised; status 404"),
            (answer(400, "no"), "without a reason"),
            (answer(400, r#"{"error":""}"#), "without a reason"),
        ] {
            let difference = difference(&answer, 400).unwrap();
            assert!(difference.starts_with(begins), "{difference}");
        }
    }
}
