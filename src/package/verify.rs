//! What is checked of the running container before its image gets a name.

use std::time::Duration;

use bollard::models::{ContainerInspectResponse, HealthStatusEnum};
use serde_json::Value as Json;

use super::build::guarded;
use super::container::{Running, start};
use super::discover::Engine;
use super::dockerfile::USER;
use super::error::PackageError;
use super::http::{Answer, Client};
use super::metrics::{self, Asked, Samples};
use super::{BuildPlan, Stopwatch, drain, golden, load, refusals};
use crate::jobs::JobContext;
use crate::project::contract::{Dim, TensorSpec};
use crate::project::reports::{Check, LoadReport};

/// How long all questions together may take.
const QUESTIONS_LIMIT: Duration = Duration::from_mins(10);

/// Sent with a request, and looked for in the log.
const REQUEST_ID: &str = "trestle-verification";

/// What was checked, and what came of it.
pub(super) fn check(name: &str, pass: bool, detail: impl Into<String>) -> Check {
    Check { name: name.to_owned(), pass, detail: detail.into() }
}

/// Runs the image, checks everything, and stops it again.
pub(super) async fn verify(
    plan: &BuildPlan,
    engine: &Engine,
    image_id: &str,
    build_name: &str,
    context: &JobContext,
    stopwatch: &mut Stopwatch,
) -> Result<(Vec<Check>, LoadReport), PackageError> {
    let model_bytes = std::fs::metadata(&plan.model_path).map_or(0, |metadata| metadata.len());
    let bodies = golden::bodies(plan)?;
    let mut running = start(engine, image_id, build_name, model_bytes, context).await?;
    let mut checks = vec![check("Gets ready", true, format!("{} ms after the start", running.ready_millis))];
    stopwatch.lap("start container");
    context.log(format!("The server answers at {}", running.client.authority()));
    context.progress(Some(0.6), "Asking the golden rows");
    let asked = ask(plan, &mut running.client, &bodies);
    checks.extend(guarded(context, "asking the container", QUESTIONS_LIMIT, asked).await??);
    stopwatch.lap("ask golden rows");
    context.progress(Some(0.7), "Checking how it runs");
    checks.push(privileges(&running.inspect().await?));
    checks.extend(health_check(&running).await?);
    checks.push(log_check(&running.log().await?));
    stopwatch.lap("check how it runs");
    context.progress(Some(0.8), "Under load");
    let path = golden::path(plan);
    let sent: Vec<Vec<u8>> = bodies.iter().map(|body| body.to_string().into_bytes()).collect();
    let (load, held) = load::load(plan, engine, &running, &path, &sent, context).await?;
    checks.push(held);
    stopwatch.lap("load");
    context.progress(Some(0.9), "Stopping the container");
    checks.extend(drain::stop(&mut running, &path, sent.first().map(Vec::as_slice).unwrap_or_default()).await?);
    stopwatch.lap("stop container");
    Ok((checks, load))
}

/// Everything that is asked over HTTP; `bodies` hold a golden row each.
async fn ask(plan: &BuildPlan, client: &mut Client, bodies: &[Json]) -> Result<Vec<Check>, PackageError> {
    let mut checks = vec![liveness(client).await, metadata(plan, client).await];
    let before = Samples::ask(client).await;
    let (tensors, predictions) = golden::ask_tensors(plan, client).await?;
    let mut n_answered = golden::n_requests(plan);
    checks.push(tensors);
    checks.push(match predictions {
        Some(predictions) => {
            n_answered += plan.golden.rows.len() as u64;
            golden::ask_by_name(plan, client, &predictions).await
        }
        None => check("Golden rows by name", false, "not asked, as the tensors gave nothing to compare with"),
    });
    let golden_pass = checks.iter().all(|check| check.pass);
    checks.push(documentation(client).await);
    let good = bodies.first().cloned().unwrap_or_default();
    let (refused, n_refused) = refusals::ask(plan, client, &good).await;
    checks.push(refused);
    let mut counted = metrics::counted(before, Samples::ask(client).await, Asked { n_answered, n_refused });
    if !counted.pass && !golden_pass {
        // What was asked is only known when all of it was answered.
        counted.detail = format!("cannot be told while the golden rows fail; {}", counted.detail);
    }
    checks.push(counted);
    Ok(checks)
}

async fn liveness(client: &mut Client) -> Check {
    const NAME: &str = "Live and ready";
    for path in ["/v2/health/live", "/v2/health/ready"] {
        match client.request("GET", path, &[("x-request-id", REQUEST_ID)], None).await {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => return check(NAME, false, format!("{path} gives {}", answer.excerpt())),
            Err(error) => return check(NAME, false, format!("{path} gives no answer ({error})")),
        }
    }
    check(NAME, true, "both answer 200")
}

async fn metadata(plan: &BuildPlan, client: &mut Client) -> Check {
    const NAME: &str = "Metadata is the contract";
    let path = format!("/v2/models/{}", plan.slug);
    let answer = match client.get(&path).await {
        Ok(answer) => answer,
        Err(error) => return check(NAME, false, format!("no answer ({error})")),
    };
    if let Some(difference) = metadata_difference(plan, &answer) {
        return check(NAME, false, difference);
    }
    let (n_inputs, n_outputs) = (plan.model.inputs.len(), plan.model.outputs.len());
    check(NAME, true, format!("{n_inputs} inputs, {n_outputs} outputs, version {}", plan.version))
}

fn metadata_difference(plan: &BuildPlan, answer: &Answer) -> Option<String> {
    let Some(json) = answer.json().filter(|_| answer.status == 200) else { return Some(answer.excerpt()) };
    if json["name"] != plan.slug.as_str() {
        return Some(format!("the model is called {} there", json["name"]));
    }
    let version = plan.version.to_string();
    if !json["versions"].as_array().is_some_and(|versions| versions.iter().any(|known| *known == version.as_str())) {
        return Some(format!("the versions are {} and not {version}", json["versions"]));
    }
    specs_difference("input", &json["inputs"], &plan.model.inputs)
        .or_else(|| specs_difference("output", &json["outputs"], &plan.model.outputs))
}

/// How the tensors of the metadata differ from the contract's.
fn specs_difference(kind: &str, given: &Json, expected: &[TensorSpec]) -> Option<String> {
    let given = given.as_array().map(Vec::as_slice).unwrap_or_default();
    if given.len() != expected.len() {
        return Some(format!("there are {} {kind}s where the contract has {}", given.len(), expected.len()));
    }
    given.iter().zip(expected).find_map(|(given, expected)| {
        let shape: Vec<i64> = expected
            .shape
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(length) => i64::try_from(*length).unwrap_or(i64::MAX),
                Dim::Symbol(_) => -1,
            })
            .collect();
        let wanted = serde_json::json!({
            "name": expected.name, "datatype": expected.dtype.v2_name(), "shape": shape,
        });
        let same = ["name", "datatype", "shape"].iter().all(|key| given[*key] == wanted[*key]);
        (!same).then(|| format!("{kind} {given} where the contract has {wanted}"))
    })
}

async fn documentation(client: &mut Client) -> Check {
    const NAME: &str = "Describes itself";
    let paths = match client.get("/openapi.json").await {
        Ok(answer) => match answer.json().filter(|json| answer.status == 200 && json["openapi"].is_string()) {
            Some(json) => json["paths"].as_object().map_or(0, serde_json::Map::len),
            None => return check(NAME, false, format!("/openapi.json gives {}", answer.excerpt())),
        },
        Err(error) => return check(NAME, false, format!("/openapi.json gives no answer ({error})")),
    };
    match client.get("/docs/").await {
        Ok(answer) if answer.status == 200 => {
            check(NAME, true, format!("/openapi.json has {paths} paths, /docs answers"))
        }
        Ok(answer) => check(NAME, false, format!("/docs/ gives {}", answer.excerpt())),
        Err(error) => check(NAME, false, format!("/docs/ gives no answer ({error})")),
    }
}

fn privileges(inspected: &ContainerInspectResponse) -> Check {
    let user = inspected.config.as_ref().and_then(|config| config.user.clone()).unwrap_or_default();
    let host = inspected.host_config.clone().unwrap_or_default();
    let is_read_only = host.readonly_rootfs == Some(true);
    // Podman lists what it dropped instead of the word.
    let has_none =
        host.cap_drop.is_some_and(|dropped| !dropped.is_empty()) && host.cap_add.is_none_or(|added| added.is_empty());
    let pass = user == USER && is_read_only && has_none && host.privileged != Some(true);
    let root = if is_read_only { "read-only" } else { "writable" };
    let capabilities = if has_none { "no" } else { "some" };
    let detail =
        format!("user {}, {root} root, {capabilities} capabilities", if user.is_empty() { "root" } else { &user });
    check("Runs without privileges", pass, detail)
}

/// What the image's health check says, to the engine or, where that does not run it, to us; `None` when the engine
/// knows of none.
async fn health_check(running: &Running<'_>) -> Result<Option<Check>, PackageError> {
    const NAME: &str = "Health check of the image";
    Ok(match running.health().await? {
        None => None,
        Some(HealthStatusEnum::STARTING) => {
            let (exit_code, said) = running.run_health_check().await?;
            let said = if said.is_empty() { said } else { format!(": {said}") };
            let how = "run once by Trestle, as the engine does not run it";
            Some(check(NAME, exit_code == 0, format!("exit code {exit_code}, {how}{said}")))
        }
        Some(status) => Some(check(NAME, status == HealthStatusEnum::HEALTHY, status.to_string())),
    })
}

/// Whether every line is a JSON object, and one tells of a request with its id.
fn log_check(lines: &[String]) -> Check {
    const NAME: &str = "Logs are JSON with a request id";
    let mut with_id = false;
    for line in lines {
        if !serde_json::from_str::<Json>(line).is_ok_and(|line| line.is_object()) {
            let short: String = line.chars().take(120).collect();
            return check(NAME, false, format!("this line is not: {short}"));
        }
        with_id |= line.contains(REQUEST_ID);
    }
    let found = if with_id { "one with the id that was sent" } else { "none with the id that was sent" };
    check(NAME, with_id, format!("{} lines, {found}", lines.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::project::contract::Dtype;

    #[test]
    fn metadata_must_be_the_contract() {
        #[track_caller]
        fn check(given: &Json, expected: &[TensorSpec], same: bool) {
            assert_eq!(specs_difference("input", given, expected).is_none(), same, "{given}");
        }
        let expected = [TensorSpec {
            name: "x".to_owned(),
            dtype: Dtype::F32,
            shape: vec![Dim::Symbol("N".to_owned()), Dim::Fixed(3)],
            classes: Vec::new(),
        }];
        check(&json!([{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]), &expected, true);
        check(&json!([{"name": "x", "datatype": "FP32", "shape": [-1, 3], "parameters": {}}]), &expected, true);
        check(&json!([{"name": "y", "datatype": "FP32", "shape": [-1, 3]}]), &expected, false);
        check(&json!([{"name": "x", "datatype": "FP64", "shape": [-1, 3]}]), &expected, false);
        check(&json!([{"name": "x", "datatype": "FP32", "shape": [1, 3]}]), &expected, false);
        check(&json!([]), &expected, false);
        check(&json!(null), &expected, false);
    }

    #[test]
    fn a_log_must_be_json_throughout() {
        #[track_caller]
        fn check(lines: &[&str], pass: bool) {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(log_check(&lines).pass, pass, "{lines:?}");
        }
        check(&[r#"{"message":"listening"}"#, r#"{"request_id":"trestle-verification"}"#], true);
        check(&[r#"{"message":"listening"}"#], false);
        check(&["listening", r#"{"request_id":"trestle-verification"}"#], false);
        check(&["3"], false);
        check(&[], false);
    }

    #[test]
    fn a_container_with_privileges_is_told() {
        let inspected = |user: &str, read_only: bool, dropped: &[&str]| -> ContainerInspectResponse {
            serde_json::from_value(json!({
                "Config": {"User": user},
                "HostConfig": {"ReadonlyRootfs": read_only, "CapDrop": dropped}
            }))
            .unwrap()
        };
        assert!(privileges(&inspected("65532:65532", true, &["ALL"])).pass);
        let as_root = privileges(&inspected("", false, &[]));
        assert_eq!((as_root.pass, as_root.detail.as_str()), (false, "user root, writable root, some capabilities"));
        assert!(!privileges(&inspected("65532:65532", false, &["ALL"])).pass);
        assert!(!privileges(&ContainerInspectResponse::default()).pass);
    }
}
