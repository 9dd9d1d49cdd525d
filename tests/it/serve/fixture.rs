//! A small model in place of ONNX, and requests against it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;
use trestle::engine::tensor::{Tensor, TensorData};
use trestle::features::Mapping;
use trestle::project::brief::{Band, OutputSpec};
use trestle::project::contract::{ClassLabel, Dim, Dtype, ModelContract, TensorSpec};
use trestle::project::documents::{Feature, FeatureContract, FeatureType};
use trestle::serve::{Infer, ServeConfig, ServedModel, router};

/// Holds requests in the model while it is closed, so that tests wait for events and not for time.
#[derive(Default)]
pub(super) struct Gate {
    closed: AtomicBool,
    n_held: AtomicUsize,
}

impl Gate {
    /// A gate that lives as long as the tests.
    pub(super) fn new() -> &'static Self {
        Box::leak(Box::default())
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
    }

    /// Requests inside the model now.
    pub(super) fn n_held(&self) -> usize {
        self.n_held.load(Ordering::SeqCst)
    }

    fn pass(&self) {
        self.n_held.fetch_add(1, Ordering::SeqCst);
        while self.closed.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.n_held.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a [`Fake`] does with a request.
#[derive(Clone, Copy)]
pub(super) enum Temper {
    /// Answers.
    Kind,
    /// Answers after a while.
    Slow(Duration),
    /// Answers once the gate is open; slow enough never to be answered on the server's own threads.
    Gated(&'static Gate),
    /// Answers infinities.
    Boundless,
    /// Gives an error when the first number is 13.
    Failing,
    /// Panics when the first number is 13.
    Panicking,
}

/// A churn model: the probability is a tenth of `x`'s first column, plus a half on the plan `gold`.
pub(super) struct Fake {
    contract: ModelContract,
    temper: Temper,
}

pub(super) fn spec(name: &str, dtype: Dtype, shape: &[i64]) -> TensorSpec {
    let dim = |length: &i64| u64::try_from(*length).map_or_else(|_| Dim::Symbol("N".into()), Dim::Fixed);
    TensorSpec { name: name.into(), dtype, shape: shape.iter().map(dim).collect(), classes: Vec::new() }
}

impl Fake {
    pub(super) fn new(temper: Temper) -> Self {
        let probabilities = TensorSpec {
            classes: vec![ClassLabel::Text("stay".into()), ClassLabel::Text("leave".into())],
            ..spec("probabilities", Dtype::F32, &[-1, 2])
        };
        let contract = ModelContract {
            inputs: vec![spec("x", Dtype::F32, &[-1, 3]), spec("plan", Dtype::Text, &[-1, 1])],
            outputs: vec![spec("label", Dtype::Text, &[-1]), probabilities],
        };
        Self { contract, temper }
    }
}

impl Infer for Fake {
    fn contract(&self) -> &ModelContract {
        &self.contract
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        let input = |name: &str| inputs.iter().find(|tensor| tensor.name == name).unwrap();
        let TensorData::F32(x) = &input("x").data else { panic!("the type was not checked") };
        let TensorData::Text(plan) = &input("plan").data else { panic!("the type was not checked") };
        let is_13 = (x[0] - 13.0).abs() < f32::EPSILON;
        match self.temper {
            Temper::Slow(duration) => std::thread::sleep(duration),
            Temper::Gated(gate) => {
                std::thread::sleep(Duration::from_millis(20));
                gate.pass();
            }
            Temper::Failing if is_13 => return Err("13 is unlucky".into()),
            Temper::Panicking => assert!(!is_13, "13 is unlucky"),
            _ => {}
        }
        let leave: Vec<f32> =
            x.chunks(3).zip(plan).map(|(row, plan)| row[0] / 10.0 + if plan == "gold" { 0.5 } else { 0.0 }).collect();
        let probabilities = leave.iter().flat_map(|leave| [1.0 - leave, *leave]);
        let probabilities = if matches!(self.temper, Temper::Boundless) {
            vec![f32::INFINITY; 2 * leave.len()]
        } else {
            probabilities.collect()
        };
        let labels = leave.iter().map(|leave| if 0.5 <= *leave { "leave" } else { "stay" }.to_owned());
        Ok(vec![
            Tensor::new("label", vec![leave.len()], TensorData::Text(labels.collect())),
            Tensor::new("probabilities", vec![leave.len(), 2], TensorData::F32(probabilities)),
        ])
    }
}

fn feature(name: &str, kind: FeatureType, input: &str, column: Option<usize>) -> Feature {
    Feature { name: name.into(), kind, input: input.into(), column, ..Feature::default() }
}

/// The features of the [`Fake`].
pub(super) fn features() -> FeatureContract {
    FeatureContract {
        features: vec![
            Feature { range: Some((0.0, 5.0)), ..feature("calls", FeatureType::Number, "x", Some(0)) },
            Feature { nullable: true, ..feature("bill", FeatureType::Number, "x", Some(1)) },
            feature("months", FeatureType::Integer, "x", Some(2)),
            Feature {
                categories: vec!["basic".into(), "gold".into()],
                missing: Some("none".into()),
                ..feature("plan", FeatureType::Text, "plan", None)
            },
        ],
    }
}

pub(super) fn served(version: &str, temper: Temper) -> ServedModel {
    let model = Fake::new(temper);
    let bands = [("low", 0.0), ("medium", 0.3), ("high", 0.7)];
    let bands = bands.map(|(name, from)| Band { name: name.into(), from });
    ServedModel {
        name: "churn".into(),
        version: version.into(),
        aliases: Vec::new(),
        mapping: Some(Mapping::new(&features(), &model.contract).unwrap()),
        model: Box::new(model),
        output: OutputSpec { bands: bands.to_vec(), ..OutputSpec::default() },
        description: "Who is about to leave".into(),
    }
}

/// A model that gives back what it gets, one input of every type, without a mapping.
pub(super) struct Echo {
    contract: ModelContract,
}

impl Echo {
    pub(super) fn served() -> ServedModel {
        let inputs: Vec<TensorSpec> = Dtype::ALL.iter().map(|dtype| spec(dtype.v2_name(), *dtype, &[-1, 2])).collect();
        let contract = ModelContract { outputs: inputs.clone(), inputs };
        ServedModel {
            name: "echo".into(),
            version: "1".into(),
            aliases: Vec::new(),
            model: Box::new(Self { contract }),
            mapping: None,
            output: OutputSpec::default(),
            description: String::new(),
        }
    }
}

impl Infer for Echo {
    fn contract(&self) -> &ModelContract {
        &self.contract
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        Ok(inputs.to_vec())
    }
}

/// A model of one number, which it doubles, without a mapping.
pub(super) struct Number {
    contract: ModelContract,
    /// Rows of each run, for tests that look at them.
    pub(super) n_rows: std::sync::Arc<std::sync::Mutex<Vec<usize>>>,
    gate: Option<&'static Gate>,
    /// Whether it takes the mean of all rows from each, as no model should.
    centred: bool,
}

impl Number {
    pub(super) fn served() -> ServedModel {
        Self::serving(None, false).0
    }

    /// With what is needed to watch it.
    pub(super) fn serving(
        gate: Option<&'static Gate>,
        centred: bool,
    ) -> (ServedModel, std::sync::Arc<std::sync::Mutex<Vec<usize>>>) {
        let contract = ModelContract {
            inputs: vec![spec("x", Dtype::F32, &[-1, 1])],
            outputs: vec![spec("y", Dtype::F32, &[-1, 1])],
        };
        let n_rows = std::sync::Arc::default();
        let model = Self { contract, n_rows: std::sync::Arc::clone(&n_rows), gate, centred };
        let served = ServedModel {
            name: "number".into(),
            version: "1".into(),
            aliases: Vec::new(),
            model: Box::new(model),
            mapping: None,
            output: OutputSpec::default(),
            description: String::new(),
        };
        (served, n_rows)
    }
}

impl Infer for Number {
    fn contract(&self) -> &ModelContract {
        &self.contract
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        let TensorData::F32(x) = &inputs[0].data else { panic!("the type was not checked") };
        self.n_rows.lock().unwrap().push(x.len());
        if let Some(gate) = self.gate {
            std::thread::sleep(Duration::from_millis(1));
            gate.pass();
        }
        if x.contains(&13.0) {
            return Err("13 is unlucky".into());
        }
        let mean = if self.centred { x.iter().sum::<f32>() / x.len() as f32 } else { 0.0 };
        let y = x.iter().map(|x| 2.0 * x - mean).collect();
        Ok(vec![Tensor::new("y", inputs[0].shape.clone(), TensorData::F32(y))])
    }
}

pub(super) fn churn() -> Router {
    churn_with(Temper::Kind, &ServeConfig::default())
}

pub(super) fn churn_with(temper: Temper, config: &ServeConfig) -> Router {
    router(vec![served("1.0.0", temper)], config).unwrap()
}

/// An inference request for one row of the [`Fake`].
pub(super) fn request(calls: f64) -> Json {
    json!({
        "id": "7",
        "inputs": [
            { "name": "x", "shape": [1, 3], "datatype": "FP32", "data": [calls, 20, 12] },
            { "name": "plan", "shape": [1, 1], "datatype": "BYTES", "data": ["basic"] },
        ],
    })
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Json {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub(super) async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

/// Without a Content-Type, which no body that parses needs.
pub(super) async fn post(router: &Router, path: &str, body: impl Into<Body>) -> Answer {
    send(router, Request::post(path).body(body.into()).unwrap()).await
}

pub(super) async fn post_json(router: &Router, path: &str, body: &Json) -> Answer {
    post(router, path, body.to_string()).await
}

/// Whether `got` holds all that `expected` says; a text that begins with `~` need only be contained.
pub(super) fn holds(expected: &Json, got: &Json) -> bool {
    match (expected, got) {
        (Json::Object(expected), Json::Object(got)) => {
            expected.iter().all(|(key, value)| got.get(key).is_some_and(|got| holds(value, got)))
        }
        (Json::Array(expected), Json::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| holds(expected, got))
        }
        (Json::String(expected), Json::String(got)) => match expected.strip_prefix('~') {
            Some(part) => got.contains(part),
            None => expected == got,
        },
        (Json::Number(expected), Json::Number(got)) => {
            (expected.as_f64().unwrap() - got.as_f64().unwrap()).abs() < 1e-6
        }
        _ => expected == got,
    }
}

#[track_caller]
pub(super) fn check(what: &str, answer: &Answer, status: u16, expected: &Json) {
    let got = answer.json();
    assert!(
        answer.status.as_u16() == status && holds(expected, &got),
        "{what}\nexpected {status} {expected}\n     got {} {got}",
        answer.status
    );
    assert_eq!(answer.header("content-type"), "application/json", "{what}");
}
