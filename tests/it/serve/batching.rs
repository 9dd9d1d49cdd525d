//! Requests that wait are run together, and nobody waits for nothing.

use std::time::{Duration, Instant};

use axum::Router;
use serde_json::json;
use trestle::serve::{BatchConfig, ServeConfig, router};

use super::fixture::{Answer, Gate, Number, check, post_json};

const INFER: &str = "/v2/models/number/infer";

fn body(values: &[f64]) -> serde_json::Value {
    json!({ "inputs": [{ "name": "x", "shape": [values.len(), 1], "datatype": "FP32", "data": values }] })
}

async fn ask(router: Router, values: Vec<f64>) -> Answer {
    post_json(&router, INFER, &body(&values)).await
}

fn config(max_rows: usize, max_delay: Duration) -> ServeConfig {
    ServeConfig { batching: Some(BatchConfig { max_rows, max_delay }), ..ServeConfig::default() }
}

async fn until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited in vain");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A router whose model is held with as many requests as there are processors, and its gate.
async fn busy(config: &ServeConfig) -> (Router, &'static Gate, Vec<tokio::task::JoinHandle<Answer>>, Rows) {
    let gate = Gate::new();
    let (served, rows) = Number::serving(Some(gate), false);
    let router = router(vec![served], config).unwrap();
    gate.close();
    let n_processors = std::thread::available_parallelism().unwrap().get();
    let mut held = Vec::new();
    for n in 1..=n_processors {
        held.push(tokio::spawn(ask(router.clone(), vec![0.5])));
        until(|| gate.n_held() == n).await;
    }
    rows.lock().unwrap().clear();
    (router, gate, held, rows)
}

type Rows = std::sync::Arc<std::sync::Mutex<Vec<usize>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_run_together_and_each_gets_its_own_answer() {
    let (router, gate, held, rows) = busy(&config(8, Duration::ZERO)).await;
    let waiting: Vec<_> =
        [vec![1.0], vec![2.0, 3.0], vec![4.0]].map(|values| tokio::spawn(ask(router.clone(), values))).into();
    until(|| pending(&router) == 3).await;
    gate.open();
    let expected = [json!([2.0]), json!([4.0, 6.0]), json!([8.0])];
    for (answer, expected) in waiting.into_iter().zip(expected) {
        check("batched", &answer.await.unwrap(), 200, &json!({ "outputs": [{ "data": expected }] }));
    }
    for answer in held {
        check("held", &answer.await.unwrap(), 200, &json!({ "outputs": [{ "data": [1.0] }] }));
    }
    assert_eq!(*rows.lock().unwrap(), [4], "one run of four rows");
}

/// Requests that wait, as the metrics say.
fn pending(router: &Router) -> usize {
    let router = router.clone();
    let text = std::thread::scope(|scope| {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let asked = scope.spawn(move || runtime().block_on(super::fixture::get(&router, "/metrics")).body);
        asked.join().unwrap()
    });
    let text = String::from_utf8(text.to_vec()).unwrap();
    let line = text.lines().find(|line| line.starts_with("nv_inference_pending_request_count{")).unwrap();
    let n: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
    // Those that are held count, too: a batch's requests wait until they are answered.
    n.saturating_sub(std::thread::available_parallelism().unwrap().get())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_request_fails_alone() {
    let (router, gate, held, _) = busy(&config(8, Duration::ZERO)).await;
    let waiting: Vec<_> = [vec![1.0], vec![13.0]].map(|values| tokio::spawn(ask(router.clone(), values))).into();
    until(|| pending(&router) == 2).await;
    gate.open();
    let statuses = [200, 500];
    for (answer, status) in waiting.into_iter().zip(statuses) {
        assert_eq!(answer.await.unwrap().status.as_u16(), status);
    }
    for answer in held {
        assert_eq!(answer.await.unwrap().status.as_u16(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_has_its_limit() {
    let (router, gate, held, rows) = busy(&config(2, Duration::ZERO)).await;
    let waiting: Vec<_> = (0..4).map(|n| tokio::spawn(ask(router.clone(), vec![f64::from(n)]))).collect();
    until(|| pending(&router) == 4).await;
    gate.open();
    for answer in waiting.into_iter().chain(held) {
        assert_eq!(answer.await.unwrap().status.as_u16(), 200);
    }
    assert_eq!(*rows.lock().unwrap(), [2, 2]);
    let large = ask(router, vec![1.0, 2.0, 3.0]).await;
    check("more rows than a batch has", &large, 200, &json!({ "outputs": [{ "data": [2.0, 4.0, 6.0] }] }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_model_answers_at_once_whatever_the_delay() {
    let gate = Gate::new();
    let (served, _) = Number::serving(Some(gate), false);
    let router = router(vec![served], &config(8, Duration::from_hours(1))).unwrap();
    for _ in 0..3 {
        let answer = tokio::time::timeout(Duration::from_secs(20), ask(router.clone(), vec![1.0])).await;
        assert_eq!(answer.expect("nobody else is waited for").status.as_u16(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_whose_rows_are_not_independent_is_never_batched() {
    let gate = Gate::new();
    let (served, rows) = Number::serving(Some(gate), true);
    let router = router(vec![served], &config(8, Duration::ZERO)).unwrap();
    rows.lock().unwrap().clear();
    gate.close();
    let asked: Vec<_> = (0..5).map(|n| tokio::spawn(ask(router.clone(), vec![f64::from(n)]))).collect();
    until(|| 0 < gate.n_held()).await;
    gate.open();
    for (n, answer) in asked.into_iter().enumerate() {
        check("alone", &answer.await.unwrap(), 200, &json!({ "outputs": [{ "data": [n as f64] }] }));
    }
    assert_eq!(*rows.lock().unwrap(), [1; 5]);
}
