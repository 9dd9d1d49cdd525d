//! `/openapi.json`, made from the contracts of the models that are served; its examples were answered at start.

use axum::body::Bytes;
use serde_json::{Map, Value as Json, json};

use super::app::App;
use super::entry::Entry;
use super::example::Example;
use crate::project::contract::{ClassLabel, Dtype, TensorSpec};
use crate::project::documents::{Feature, FeatureType};

/// The document, as it is sent.
pub(super) fn document(app: &App) -> Bytes {
    let mut paths = Map::new();
    let mut schemas = common_schemas();
    if let Some(entry) = app.models.first()
        && let Some(mapping) = &entry.served.mapping
    {
        schemas.insert("Row".to_owned(), row_schema(mapping.features()));
        schemas.insert("Prediction".to_owned(), prediction_schema(entry));
        paths.insert("/predict".to_owned(), predict_path(entry));
        if let Some(path) = invocations_path(entry) {
            paths.insert("/invocations".to_owned(), path);
        }
    }
    for (position, entry) in app.models.iter().enumerate() {
        let (name, version) = (&entry.served.name, &entry.served.version);
        let request = format!("InferRequest{}", position + 1);
        schemas.insert(request.clone(), infer_request_schema(entry));
        let first = !app.models[..position].iter().any(|earlier| earlier.served.name == *name);
        if first {
            model_paths(&mut paths, entry, &format!("/v2/models/{}", encoded(name)), &request, "");
        }
        let path = format!("/v2/models/{}/versions/{}", encoded(name), encoded(version));
        model_paths(&mut paths, entry, &path, &request, &format!(", version {version}"));
    }
    server_paths(&mut paths);
    let served = app.models.first().map(|entry| &entry.served);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": served.map_or("Trestle", |served| &served.name),
            "version": served.map_or(env!("CARGO_PKG_VERSION"), |served| &served.version),
            "description": served.map_or("", |served| &served.description),
        },
        "tags": [
            { "name": "predict", "description": "Named features in, the answer in the brief's words out" },
            { "name": "model", "description": "Open Inference Protocol V2: tensors in, tensors out" },
            { "name": "server", "description": "What is served and whether it is ready" },
        ],
        "paths": paths,
        "components": { "schemas": schemas },
    });
    if !app.config.inference_tokens.is_empty() || !app.config.administration_tokens.is_empty() {
        document["components"]["securitySchemes"] = json!({ "token": { "type": "http", "scheme": "bearer" } });
        document["security"] = json!([{ "token": [] }]);
    }
    // Strings and numbers always serialise.
    Bytes::from(serde_json::to_vec(&document).unwrap_or_default())
}

/// A name as one segment of a path.
fn encoded(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(encode).collect()
}

fn common_schemas() -> Map<String, Json> {
    let mut schemas = Map::new();
    schemas.insert(
        "Error".to_owned(),
        json!({
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": { "type": "string" },
                "fields": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["field", "expected", "given"],
                        "properties": {
                            "row": { "type": "integer", "description": "Place in the list, when a list was sent" },
                            "field": { "type": "string" },
                            "expected": { "type": "string" },
                            "given": { "type": "string" },
                        },
                    },
                },
            },
        }),
    );
    schemas.insert(
        "InferResponse".to_owned(),
        json!({
            "type": "object",
            "required": ["model_name", "model_version", "outputs"],
            "properties": {
                "model_name": { "type": "string" },
                "model_version": { "type": "string" },
                "id": { "type": "string", "description": "The request's id, when it had one" },
                "outputs": { "type": "array", "items": {
                    "type": "object",
                    "required": ["name", "shape", "datatype"],
                    "properties": {
                        "name": { "type": "string" },
                        "shape": { "type": "array", "items": { "type": "integer" } },
                        "datatype": { "type": "string" },
                        "data": { "type": "array", "description": "Row-major; NaN is null" },
                    },
                } },
            },
        }),
    );
    schemas
}

fn row_schema(features: &[Feature]) -> Json {
    let properties: Map<String, Json> =
        features.iter().map(|feature| (feature.name.clone(), feature_schema(feature))).collect();
    // What is missing on purpose is null; an absent field is an error.
    let required: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn feature_schema(feature: &Feature) -> Json {
    let kind = match feature.kind {
        FeatureType::Number => "number",
        FeatureType::Integer => "integer",
        FeatureType::Text => "string",
        FeatureType::Bool => "boolean",
    };
    let mut schema = if feature.nullable { json!({ "type": [kind, "null"] }) } else { json!({ "type": kind }) };
    let mut about = Vec::new();
    if let Some((least, greatest)) = feature.range {
        about.push(format!("Seen from {least} to {greatest}."));
    }
    if !feature.categories.is_empty() {
        about.push(format!("Seen: {}.", feature.categories.join(", ")));
    }
    if let Some(missing) = &feature.missing {
        about.push(format!("A missing one counts as {missing}."));
    }
    if !about.is_empty() {
        schema["description"] = about.join(" ").into();
    }
    schema
}

fn prediction_schema(entry: &Entry) -> Json {
    let served = &entry.served;
    let outputs = &served.model.contract().outputs;
    let classes: Vec<String> = outputs
        .iter()
        .find(|output| !output.classes.is_empty())
        .map_or_else(Vec::new, |output| output.classes.iter().map(ClassLabel::to_string).collect());
    if classes.is_empty() {
        return json!({ "type": "object", "properties": {
            "label": { "type": ["string", "integer"], "description": "The class, from a model that gives one" },
            "value": { "type": ["number", "null"] },
            "values": { "type": "array", "items": { "type": ["number", "null"] } },
        } });
    }
    let positive = served.output.positive_class.as_ref().map(ClassLabel::to_string);
    let positive = positive.as_ref().or_else(|| classes.last()).cloned().unwrap_or_default();
    let mut properties = json!({
        "label": { "type": ["string", "integer"], "description": format!("One of {}", classes.join(", ")) },
        "probability": { "type": ["number", "null"], "description": format!("Probability of {positive}") },
        "probabilities": {
            "type": "object",
            "properties": classes
                .iter()
                .map(|class| (class.clone(), json!({ "type": ["number", "null"] })))
                .collect::<Map<String, Json>>(),
        },
        "scores": { "type": "object", "description": "Instead, where scores are no probabilities" },
    });
    if !served.output.bands.is_empty() {
        let bands = served.output.bands.iter().map(|band| format!("{} from {}", band.name, band.from));
        let names: Vec<&str> = served.output.bands.iter().map(|band| band.name.as_str()).collect();
        let about = bands.collect::<Vec<_>>().join(", ");
        properties["risk_level"] = json!({ "type": "string", "enum": names, "description": about });
    }
    json!({ "type": "object", "properties": properties })
}

fn predict_path(entry: &Entry) -> Json {
    let row = json!({ "$ref": "#/components/schemas/Row" });
    let prediction = json!({ "$ref": "#/components/schemas/Prediction" });
    let mut body = json!({ "schema": { "oneOf": [row, { "type": "array", "items": row }] } });
    let mut answer = json!({ "schema": { "oneOf": [prediction, { "type": "array", "items": prediction }] } });
    if let Some((row, predicted)) = entry.example.get().and_then(|example| example.prediction.as_ref()) {
        body["examples"] = json!({
            "one": { "summary": "One row", "value": row },
            "several": { "summary": "Several rows", "value": [row, row] },
        });
        answer["examples"] = json!({
            "one": { "summary": "One row", "value": predicted },
            "several": { "summary": "Several rows", "value": [predicted, predicted] },
        });
    }
    json!({ "post": {
        "tags": ["predict"],
        "summary": "Predict from named features",
        "description": entry.served.description,
        "operationId": "predict",
        "requestBody": { "required": true, "content": { "application/json": body } },
        "responses": responses(&json!({ "application/json": answer }), &["400", "413", "422", "429", "503"]),
    } })
}

/// MLflow's address, when there is an example that shows its form.
fn invocations_path(entry: &Entry) -> Option<Json> {
    let example = entry.example.get()?;
    let ((row, _), predictions) = (example.prediction.as_ref()?, example.predictions.as_ref()?);
    let columns: Vec<&String> = row.as_object()?.keys().collect();
    let cells: Vec<&Json> = row.as_object()?.values().collect();
    let one = |request: Json| json!({ "summary": "One row", "value": request });
    let body = json!({
        "schema": { "type": "object", "description": "Exactly one of the four", "properties": {
            "dataframe_split": { "type": "object" },
            "dataframe_records": { "type": "array", "items": { "$ref": "#/components/schemas/Row" } },
            "instances": { "type": "array" },
            "inputs": { "type": ["object", "array"] },
        } },
        "examples": {
            "records": one(json!({ "dataframe_records": [row] })),
            "split": one(json!({ "dataframe_split": { "columns": columns, "data": [cells] } })),
        },
    });
    let answer = json!({
        "schema": { "type": "object", "properties": { "predictions": {} } },
        "examples": { "records": one(predictions.clone()), "split": one(predictions.clone()) },
    });
    let csv = json!({ "schema": { "type": "string", "description": "A table with a line of names" } });
    Some(json!({ "post": {
        "tags": ["predict"],
        "summary": "Predict as MLflow's scoring server does",
        "requestBody": { "required": true, "content": { "application/json": body, "text/csv": csv } },
        "responses": responses(&json!({ "application/json": answer }), &["400", "413", "415", "422", "429", "503"]),
    } }))
}

fn infer_request_schema(entry: &Entry) -> Json {
    let contract = entry.served.model.contract();
    let names: Vec<&str> = contract.outputs.iter().map(|output| output.name.as_str()).collect();
    json!({
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": { "type": "string", "description": "Echoed in the answer" },
            "inputs": {
                "type": "array",
                "description": "Each input once, in any order",
                "minItems": contract.inputs.len(),
                "maxItems": contract.inputs.len(),
                "items": { "oneOf": contract.inputs.iter().map(input_schema).collect::<Vec<_>>() },
            },
            "outputs": {
                "type": "array",
                "description": "The outputs that are wanted; all when left out",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": { "name": { "type": "string", "enum": names } },
                },
            },
        },
    })
}

fn input_schema(spec: &TensorSpec) -> Json {
    let about = format!("The shape is {}", spec.shape_text());
    let items = match spec.dtype {
        Dtype::Bool => json!({ "type": ["boolean", "integer", "array"] }),
        Dtype::Text => json!({ "type": ["string", "null", "array"] }),
        Dtype::F16 | Dtype::F32 | Dtype::F64 => json!({ "type": ["number", "null", "array"] }),
        _ => json!({ "type": ["integer", "array"] }),
    };
    json!({
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": { "const": spec.name },
            "shape": { "type": "array", "description": about, "items": { "type": "integer", "minimum": 1 } },
            "datatype": { "const": spec.dtype.v2_name() },
            "data": { "type": "array", "description": "Nested or flat row-major; null is NaN", "items": items },
        },
    })
}

fn model_paths(paths: &mut Map<String, Json>, entry: &Entry, path: &str, request: &str, of: &str) {
    let name = &entry.served.name;
    let reference = format!("#/components/schemas/{request}");
    let mut body = json!({ "schema": { "$ref": reference } });
    let mut answer = json!({ "schema": { "$ref": "#/components/schemas/InferResponse" } });
    if let Some((asked, answered)) = entry.example.get().and_then(|example: &Example| example.inference(&entry.served))
    {
        body["examples"] = json!({ "plain": { "summary": "One plain row", "value": asked } });
        answer["examples"] = json!({ "plain": { "summary": "One plain row", "value": answered } });
    }
    let mut insert = |suffix: &str, item: Json| paths.insert(format!("{path}{suffix}"), item);
    insert(
        "/infer",
        json!({ "post": {
            "tags": ["model"],
            "summary": format!("Run {name}{of}"),
            "requestBody": { "required": true, "content": { "application/json": body } },
            "responses": responses(&json!({ "application/json": answer }), &["400", "404", "413", "422", "429", "503"]),
        } }),
    );
    let any = json!({ "application/json": { "schema": { "type": "object" } } });
    let get = |summary: String, errors: &[&str]| json!({ "get": { "tags": ["model"], "summary": summary, "responses": responses(&any, errors) } });
    insert("", get(format!("Inputs and outputs of {name}{of}"), &["404"]));
    insert("/stats", get(format!("Requests to {name}{of} and where their time went"), &["404"]));
    insert("/config", get(format!("How {name}{of} is set up, for load generators"), &["404"]));
    insert("/ready", get(format!("Whether {name}{of} is ready"), &["404", "503"]));
}

fn server_paths(paths: &mut Map<String, Json>) {
    let gets = [
        ("/v2", "Name, version and extensions of the server", &[][..]),
        ("/v2/health/live", "Whether the server runs", &[]),
        ("/v2/health/ready", "Whether requests should come here", &["503"]),
        ("/v2/models/stats", "Requests to every model and where their time went", &[]),
        ("/v2/repository/index", "The models that are served", &[]),
    ];
    for (path, summary, errors) in gets {
        let schema = if path.ends_with("index") {
            json!({ "type": "array", "items": { "type": "object" } })
        } else {
            json!({ "type": "object" })
        };
        let content = json!({ "application/json": { "schema": schema } });
        let item =
            json!({ "get": { "tags": ["server"], "summary": summary, "responses": responses(&content, errors) } });
        paths.insert(path.to_owned(), item);
    }
    let texts = [
        ("/metrics", "What was asked, for Prometheus"),
        ("/ping", "Whether requests should come here, as MLflow asks it"),
        ("/version", "The server's version"),
    ];
    for (path, summary) in texts {
        let content = json!({ "text/plain": { "schema": { "type": "string" } } });
        let item = json!({ "get": { "tags": ["server"], "summary": summary, "responses": responses(&content, &[]) } });
        paths.insert(path.to_owned(), item);
    }
}

fn responses(ok: &Json, errors: &[&str]) -> Json {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({ "description": "The answer", "content": ok }));
    for status in errors {
        let meaning = match *status {
            "401" => "A token is needed, or another one",
            "400" => "The request is not what the protocol or the contract says",
            "404" => "There is no such model or version",
            "413" => "The body is too large",
            "415" => "The body is written or packed in a way that is not taken",
            "422" => "The content cannot be answered",
            "429" => "Too many requests are under way; try again after Retry-After",
            _ => "Not ready; try again after Retry-After",
        };
        let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } });
        responses.insert((*status).to_owned(), json!({ "description": meaning, "content": content }));
    }
    Json::Object(responses)
}
