//! A registry as small as the distribution API allows: blobs by upload, manifests by tag, a name and a password.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Largest body that is taken.
const MAX_BODY_BYTES: usize = 1 << 30;

/// What a registry holds.
#[derive(Default)]
struct Store {
    blobs: HashMap<String, Bytes>,
    uploads: HashMap<String, Vec<u8>>,
    /// By `name:tag` and `name@digest`.
    manifests: HashMap<String, (String, Bytes)>,
    n_uploads: usize,
}

#[derive(Clone)]
struct Shared {
    store: Arc<Mutex<Store>>,
    /// The header that opens it.
    authorization: String,
    /// Whether uploads are begun and never ended.
    stalls: bool,
}

/// A registry that listens on this machine.
pub(crate) struct Registry {
    /// Its host and port.
    pub(crate) host: String,
    shared: Shared,
}

pub(crate) fn digest_of(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let digits: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

impl Registry {
    /// Starts one for an account.
    pub(crate) async fn start(name: &str, password: &str, stalls: bool) -> Self {
        let authorization = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        let shared = Shared { store: Arc::default(), authorization, stalls };
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { host, shared }
    }

    /// The manifest of `name:tag`, once everything that it names is there and is what it says.
    pub(crate) fn complete(&self, name: &str) -> Option<Bytes> {
        let store = self.shared.store.lock().unwrap();
        let (_, manifest) = store.manifests.get(name)?;
        let parsed: serde_json::Value = serde_json::from_slice(manifest).unwrap();
        let layers = parsed["layers"].as_array().unwrap();
        for part in layers.iter().chain([&parsed["config"]]) {
            let digest = part["digest"].as_str().unwrap();
            assert_eq!(digest_of(&store.blobs[digest]), digest);
        }
        Some(manifest.clone())
    }

    /// Uploads that were begun.
    pub(crate) fn n_uploads(&self) -> usize {
        self.shared.store.lock().unwrap().n_uploads
    }
}

fn reply(status: StatusCode, headers: &[(&str, String)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status).header("Docker-Distribution-Api-Version", "registry/2.0");
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(body.into()).unwrap()
}

fn error(status: StatusCode, code: &str, headers: &[(&str, String)]) -> Response {
    let body = serde_json::json!({"errors": [{"code": code, "message": code.to_lowercase(), "detail": null}]});
    let headers = [headers, &[("Content-Type", "application/json".to_owned())]].concat();
    reply(status, &headers, body.to_string())
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let given = head.headers.get("authorization").and_then(|value| value.to_str().ok());
    if given != Some(&shared.authorization) {
        let challenge = [("WWW-Authenticate", "Basic realm=\"a test\"".to_owned())];
        return error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", &challenge);
    }
    let path = head.uri.path().to_owned();
    if path == "/v2/" {
        return reply(StatusCode::OK, &[], "{}");
    }
    if shared.stalls && head.method == Method::PATCH {
        std::future::pending::<()>().await;
    }
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap();
    let mut store = shared.store.lock().unwrap();
    let rest = path.strip_prefix("/v2/").unwrap_or_default();
    if let Some((name, id)) = rest.split_once("/blobs/uploads/") {
        return upload(&mut store, &head.method, name, id, head.uri.query().unwrap_or_default(), &body);
    }
    if let Some((_, digest)) = rest.split_once("/blobs/") {
        return match store.blobs.get(digest) {
            Some(blob) => reply(
                StatusCode::OK,
                &[("Content-Length", blob.len().to_string()), ("Docker-Content-Digest", digest.to_owned())],
                if head.method == Method::HEAD { Bytes::new() } else { blob.clone() },
            ),
            None => error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", &[]),
        };
    }
    let Some((name, reference)) = rest.split_once("/manifests/") else {
        return error(StatusCode::NOT_FOUND, "NOT_FOUND", &[]);
    };
    let separator = if reference.starts_with("sha256:") { '@' } else { ':' };
    let key = format!("{name}{separator}{reference}");
    if head.method == Method::PUT {
        let kind = head.headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
        let digest = digest_of(&body);
        store.manifests.insert(format!("{name}@{digest}"), (kind.clone(), body.clone()));
        store.manifests.insert(key, (kind, body));
        let location = format!("/v2/{name}/manifests/{digest}");
        return reply(StatusCode::CREATED, &[("Location", location), ("Docker-Content-Digest", digest)], "");
    }
    match store.manifests.get(&key) {
        Some((kind, manifest)) => reply(
            StatusCode::OK,
            &[("Content-Type", kind.clone()), ("Docker-Content-Digest", digest_of(manifest))],
            manifest.clone(),
        ),
        None => error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", &[]),
    }
}

fn upload(store: &mut Store, method: &Method, name: &str, id: &str, query: &str, body: &[u8]) -> Response {
    let id = if *method == Method::POST {
        store.n_uploads += 1;
        let id = store.n_uploads.to_string();
        store.uploads.insert(id.clone(), Vec::new());
        id
    } else {
        id.to_owned()
    };
    let Some(so_far) = store.uploads.get_mut(&id) else {
        return error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", &[]);
    };
    so_far.extend_from_slice(body);
    let digest = query.split('&').find_map(|pair| pair.strip_prefix("digest="));
    if *method == Method::PUT {
        let digest = digest.unwrap_or_default().replace("%3A", ":");
        if digest_of(so_far) != digest {
            return error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", &[]);
        }
        let blob = store.uploads.remove(&id).unwrap();
        store.blobs.insert(digest.clone(), blob.into());
        let location = format!("/v2/{name}/blobs/{digest}");
        return reply(StatusCode::CREATED, &[("Location", location), ("Docker-Content-Digest", digest)], "");
    }
    let range = format!("0-{}", so_far.len().saturating_sub(1));
    let location = format!("/v2/{name}/blobs/uploads/{id}");
    let headers = [("Location", location), ("Range", range), ("Docker-Upload-UUID", id)];
    reply(StatusCode::ACCEPTED, &headers, "")
}
