//! `trestle push` and `trestle deploy` against an engine of the test's own that tells what it was given to tell.

use std::collections::HashMap;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::{Value, json};

use crate::cli::{Answer, Dir, check_shape};

/// What the engine tells, by path without the API's version.
type Told = HashMap<&'static str, Value>;

async fn answer(State(told): State<std::sync::Arc<Told>>, uri: Uri) -> (StatusCode, String) {
    let path = uri.path();
    let path = path.find("/v1.").map_or(path, |_| path[1..].find('/').map_or(path, |end| &path[1 + end..]));
    match told.get(path) {
        Some(value) => (StatusCode::OK, value.to_string()),
        None => (StatusCode::NOT_FOUND, json!({"message": "there is no such thing"}).to_string()),
    }
}

fn engine(swarm: &Value, more: Told) -> Told {
    let version = json!({
        "Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Arch": "amd64", "Os": "linux",
        "Components": [{"Name": "Engine", "Version": "20.10.24"}]
    });
    let usual = HashMap::from([("/_ping", json!("OK")), ("/version", version), ("/info", json!({"Swarm": swarm}))]);
    usual.into_iter().chain(more).collect()
}

/// Runs the program beside an engine that tells this.
fn run(dir: &Dir, told: Told, arguments: &[&str]) -> Answer {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(std::sync::Arc::new(told));
    runtime.spawn(async move { axum::serve(listener, router).await });
    dir.run_with(arguments, &[("DOCKER_HOST", &address)])
}

fn manager() -> Value {
    json!({"NodeID": "n1", "NodeAddr": "127.0.0.1", "LocalNodeState": "active", "ControlAvailable": true, "Nodes": 1, "Managers": 1})
}

fn service() -> Told {
    let service = json!({
        "ID": "s1", "Version": {"Index": 9},
        "Spec": {
            "Name": "trestle-churn",
            "Labels": {"io.trestle": "service", "io.trestle.project": "churn", "io.trestle.version": "1.1.0",
                       "io.trestle.tag": "churn:1.1.0", "io.trestle.change": "update from 1.0.0 to 1.1.0"},
            "TaskTemplate": {"ContainerSpec": {"Image": "sha256:1", "Labels": {"io.trestle.deployment": "d"}}},
            "Mode": {"Replicated": {"Replicas": 2}},
            "EndpointSpec": {"Mode": "vip", "Ports": [{"Protocol": "tcp", "TargetPort": 8080, "PublishMode": "host"}]}
        },
        "UpdateStatus": {"State": "updating", "Message": "update in progress"}
    });
    let tasks = json!([{
        "ID": "t1", "Slot": 1, "NodeID": "n1", "CreatedAt": "2026-11-24T22:00:00Z", "DesiredState": "running",
        "Spec": {"ContainerSpec": {"Labels": {"io.trestle.deployment": "d", "io.trestle.version": "1.1.0"}}},
        "Status": {"Timestamp": "2026-11-24T22:00:05Z", "State": "pending", "Err": "no suitable node"}
    }]);
    let nodes =
        json!([{"ID": "n1", "Description": {"Hostname": "vm"}, "Status": {"State": "ready", "Addr": "127.0.0.1"}}]);
    HashMap::from([("/services/trestle-churn", service), ("/tasks", tasks), ("/nodes", nodes)])
}

#[test]
fn what_was_not_built_cannot_go_out() {
    let dir = Dir::with_example();
    for arguments in [&["push", "churn", "--to", "host:1/churn:1", "--json"][..], &["deploy", "churn", "--json"]] {
        let [what, _, fix] = run(&dir, engine(&manager(), Told::new()), arguments).problem();
        assert_eq!(what, "Version 1.1.0 has no verified image");
        assert!(fix.contains("trestle build"), "{fix}");
    }
    assert!(!dir.read("churn/ledger.ron").contains("deploy"));
}

#[test]
fn an_engine_without_a_swarm_is_told_and_nothing_is_made() {
    let dir = Dir::with_example();
    let inactive = json!({"LocalNodeState": "inactive", "ControlAvailable": false});
    let looked = run(&dir, engine(&inactive, Told::new()), &["deploy", "churn", "--status", "--json"]);
    looked.code(0);
    let object = looked.json();
    assert_eq!((&object["outcome"], &object["verdict"]), (&json!("looked"), &json!("none")));
    assert_eq!(object["swarm"]["standing"], "inactive");
    for request in [&["--scale", "3"][..], &["--rollback"], &["--remove"]] {
        let arguments = [&["deploy", "churn", "--json"], request].concat();
        let [what, _, fix] = run(&dir, engine(&inactive, Told::new()), &arguments).problem();
        assert_eq!(what, "This engine is not part of a swarm");
        assert!(fix.contains("--start-swarm") && fix.contains("docker swarm init"), "{fix}");
    }
    let worker = json!({"LocalNodeState": "active", "ControlAvailable": false});
    let [what, ..] = run(&dir, engine(&worker, Told::new()), &["deploy", "churn", "--remove", "--json"]).problem();
    assert!(what.contains("worker"), "{what}");
}

#[test]
fn a_service_that_is_not_complete_fails_its_status() {
    let dir = Dir::with_example();
    let looked = run(&dir, engine(&manager(), service()), &["deploy", "churn", "--status", "--json"]);
    looked.code(1);
    check_shape(
        &looked,
        "request, action, outcome, seconds, swarm{standing, nodes, address, ipvs, service{name, version, image, \
         replicas, running, mode, port, port_fixed, answers, addresses[], update{phase, message}, undoes, deployment, \
         tasks[{id, slot, node, version, state, desired, error, since, created, container, address, deployment, \
         current}]}}",
    );
    let object = looked.json();
    let seen = &object["swarm"]["service"];
    assert_eq!((&seen["replicas"], &seen["running"]), (&json!(2), &json!(0)));
    assert_eq!(seen["update"]["phase"], "updating");
    assert_eq!(seen["undoes"], "update from 1.0.0 to 1.1.0");
    assert_eq!(seen["tasks"][0]["error"], "no suitable node");
    let said = run(&dir, engine(&manager(), service()), &["deploy", "churn", "--status"]);
    said.code(1);
    assert!(said.stdout.contains("0 of 2 tasks run") && said.stdout.contains("no suitable node"), "{}", said.stdout);
    let none = run(&dir, engine(&manager(), Told::new()), &["deploy", "churn", "--status"]);
    none.code(0);
    assert!(none.stdout.contains("No service of this project"), "{}", none.stdout);
}

#[test]
fn a_service_of_somebody_else_and_answers_that_are_none_are_errors() {
    let dir = Dir::with_example();
    let foreign = HashMap::from([("/services/trestle-churn", json!({"ID": "s", "Spec": {"Name": "trestle-churn"}}))]);
    let [what, ..] = run(&dir, engine(&manager(), foreign), &["deploy", "churn", "--status", "--json"]).problem();
    assert_eq!(what, "The swarm has a service trestle-churn that Trestle did not make");
    let nonsense = HashMap::from([("/services/trestle-churn", json!(["nonsense"]))]);
    let [what, ..] = run(&dir, engine(&manager(), nonsense), &["deploy", "churn", "--status", "--json"]).problem();
    assert!(what.contains("not the engine's"), "{what}");
    dir.run_args(&["deploy", "churn", "--scale", "2", "--port", "9"]).code(2);
    dir.run_args(&["deploy", "churn", "--remove", "--status"]).code(2);
    dir.run_args(&["deploy", "churn", "--mode", "magic"]).code(2);
}
