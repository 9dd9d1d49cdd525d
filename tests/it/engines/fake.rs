//! A container engine without containers: it speaks as much of Docker's API as a build needs, keeps its images in
//! memory, and runs the program under test as a process in place of each container.
//!
//! How it misbehaves is decided before it listens, so that every failure comes at the same request every time.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use futures_util::StreamExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;

/// Identity of the image that was there before.
pub(super) const EARLIER: &str = "sha256:earlier";

/// How an engine misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not.
    #[default]
    None,
    /// It has no classic builder.
    RefusesBuild,
    /// It never runs a health check by itself, as Podman without systemd; run by hand, it ends with this exit code.
    RunsNoHealthCheck(i32),
    /// It says of a container that has just ended that it is `stopped`, as Podman does.
    SaysStopped,
    /// It has no classic builder either, and hangs while it loads an image.
    HangsWhileLoading,
    /// It has none either, and its disk is full.
    FullWhileLoading,
    /// Its disk is full at the third step of a build.
    FullWhileBuilding,
    /// It goes away at the second step of a build.
    DiesWhileBuilding,
    /// It goes away at the first request whose path ends so.
    DiesAt(&'static str),
    /// Somebody removes the new image at the first request whose path ends so.
    LosesImageAt(&'static str),
    /// Somebody removes the container at the first request whose path ends so.
    LosesContainerAt(&'static str),
    /// The server in the container is killed at the first request whose path ends so.
    KillsServerAt(&'static str),
}

/// The engine.
pub(super) struct Engine {
    fault: Fault,
    alive: AtomicBool,
    struck: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    images: BTreeMap<String, Image>,
    containers: BTreeMap<String, Container>,
    asked: Vec<String>,
}

struct Image {
    tags: Vec<String>,
    labels: Json,
    user: String,
    /// `/model`, and whatever else was in the layers.
    root: TempDir,
    size_bytes: usize,
}

struct Container {
    body: Json,
    root: PathBuf,
    server: Option<Server>,
    exit_code: Option<i32>,
    /// Whether somebody was told that it has ended.
    told: bool,
}

struct Server {
    child: Child,
    port: String,
    log: Arc<Mutex<Vec<u8>>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// It has gone; the connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the engine has gone")]
pub(super) struct Gone;

impl Engine {
    pub(super) fn new(fault: Fault) -> Arc<Self> {
        Arc::new(Self { fault, alive: AtomicBool::new(true), struck: AtomicBool::new(false), state: Mutex::default() })
    }

    /// Listens at `path` for as long as the runtime lives.
    pub(super) fn listen(self: &Arc<Self>, path: &Path) {
        let (listener, engine) = (UnixListener::bind(path).unwrap(), Arc::clone(self));
        drop(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                drop(tokio::spawn(Arc::clone(&engine).converse(stream)));
            }
        }));
    }

    /// Answers on one connection.
    pub(super) async fn converse<S>(self: Arc<Self>, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let engine = Arc::clone(&self);
            async move { engine.answer(request.map(Body::new)).await }
        });
        // A peer that goes away is what some of the tests are about.
        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// An image that was there before.
    pub(super) fn keep(&self, tag: &str) {
        let image = Image {
            tags: vec![tag.to_owned()],
            labels: json!({ "io.trestle": "image", "io.trestle.project": "earlier" }),
            user: String::new(),
            root: tempfile::tempdir().unwrap(),
            size_bytes: 1,
        };
        self.state().images.insert(EARLIER.to_owned(), image);
    }

    /// The tags of every image, by its identity.
    pub(super) fn tags(&self) -> Vec<(String, Vec<String>)> {
        self.state().images.iter().map(|(id, image)| (id.clone(), image.tags.clone())).collect()
    }

    pub(super) fn n_containers(&self) -> usize {
        self.state().containers.len()
    }

    /// Methods and paths that were asked, without version and query.
    pub(super) fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// It is there again, as after a restart, with everything that it had.
    pub(super) fn revive(&self) {
        self.alive.store(true, Ordering::SeqCst);
    }

    /// Lets the trouble come if it is time, once.
    fn strike(&self, path: &str) -> Result<(), Gone> {
        let (Fault::DiesAt(end) | Fault::LosesImageAt(end) | Fault::LosesContainerAt(end) | Fault::KillsServerAt(end)) =
            self.fault
        else {
            return Ok(());
        };
        if !path.ends_with(end) || self.struck.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let mut state = self.state();
        match self.fault {
            Fault::LosesImageAt(_) => state.images.retain(|id, _| id == EARLIER),
            Fault::LosesContainerAt(_) => state.containers.clear(),
            Fault::KillsServerAt(_) => state.kill_servers(),
            _ => {
                self.alive.store(false, Ordering::SeqCst);
                return Err(Gone);
            }
        }
        Ok(())
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Gone> {
        if !self.alive.load(Ordering::SeqCst) {
            return Err(Gone);
        }
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let path = path.strip_prefix("/v1.41").unwrap_or(&path).to_owned();
        self.state().asked.push(format!("{} {path}", parts.method));
        self.strike(&path)?;
        let query: BTreeMap<String, String> = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.replace("%3A", ":").replace("%2F", "/")))
            .collect();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let segments: Vec<String> = segments.iter().map(|segment| segment.replace("%3A", ":")).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        Ok(match (parts.method.as_str(), &segments[..]) {
            (_, ["_ping"]) => text("OK"),
            (_, ["version"]) => {
                let arch = std::env::consts::ARCH;
                ok(
                    &json!({ "Version": "99.0", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux", "Arch": arch }),
                )
            }
            ("POST", ["build"]) => {
                let context = to_bytes(body, usize::MAX).await.unwrap();
                self.build(&context, &query["t"])
            }
            ("POST", ["images", "load"]) => {
                let archive = to_bytes(body, usize::MAX).await.unwrap();
                self.load(&archive)
            }
            (method, ["images", rest @ ..]) => self.state().images(method, rest, &query),
            ("POST", ["containers", "create"]) => {
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let body: Json = serde_json::from_slice(&body).unwrap();
                self.state().create(body)
            }
            ("POST", ["containers", _, "exec"]) => ok(&json!({ "Id": "exec" })),
            // It has said nothing, and hangs up.
            ("POST", ["exec", "exec", "start"]) => Response::builder()
                .status(101)
                .header("Connection", "Upgrade")
                .header("Upgrade", "tcp")
                .body(Body::empty())
                .unwrap(),
            ("GET", ["exec", "exec", "json"]) => {
                let Fault::RunsNoHealthCheck(exit_code) = self.fault else { return Ok(refused(404, "no such exec")) };
                ok(&json!({ "Running": false, "ExitCode": exit_code }))
            }
            (method, ["containers", rest @ ..]) => {
                if matches!(rest, [_, "start"]) {
                    // Until it listens.
                    tokio::task::block_in_place(|| self.state().start(rest[0]));
                }
                let mut answer = self.state().containers(method, rest, &query);
                if self.fault == Fault::SaysStopped && self.state().says_stopped(method, rest) {
                    answer = ok(&json!({ "State": { "Status": "stopped", "Running": false, "ExitCode": 0 } }));
                }
                if let (Fault::RunsNoHealthCheck(_), "GET", [_, "json"]) = (self.fault, method, rest) {
                    let mut inspected = self.state().containers.get_mut(rest[0]).unwrap().inspected();
                    inspected["State"]["Health"]["Status"] = "starting".into();
                    answer = ok(&inspected);
                }
                answer
            }
            _ => refused(404, "page not found"),
        })
    }

    fn build(&self, context: &[u8], tag: &str) -> Response<Body> {
        const FIRST: &str = "{\"stream\":\"Step 1/9 : FROM scratch\\n\"}\n";
        match self.fault {
            Fault::RefusesBuild | Fault::HangsWhileLoading | Fault::FullWhileLoading => {
                return refused(501, "the legacy builder has been removed, use BuildKit");
            }
            Fault::DiesWhileBuilding => {
                self.alive.store(false, Ordering::SeqCst);
                let lines = [Ok(Bytes::from_static(FIRST.as_bytes())), Err(Gone)];
                return Response::new(Body::from_stream(futures_util::stream::iter(lines)));
            }
            Fault::FullWhileBuilding => {
                let full = "{\"errorDetail\":{\"message\":\"write /trestle: no space left on device\"}}\n";
                return text(&format!("{FIRST}{{\"stream\":\"Step 3/9 : ADD exe.tar /\\n\"}}\n{full}"));
            }
            _ => {}
        }
        let files = unpacked(context);
        let dockerfile = String::from_utf8(files["Dockerfile"].clone()).unwrap();
        let layers: Vec<&[u8]> = dockerfile
            .lines()
            .filter_map(|line| line.strip_prefix("ADD ")?.strip_suffix(" /"))
            .map(|name| files[name].as_slice())
            .collect();
        let slug = dockerfile.split("io.trestle.project=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let labels = json!({ "io.trestle": "image", "io.trestle.project": slug });
        let user = dockerfile.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
        self.state().add(context, &layers, labels, user, tag);
        text(&format!("{FIRST}{{\"stream\":\"Successfully tagged {tag}\\n\"}}\n"))
    }

    fn load(&self, archive: &[u8]) -> Response<Body> {
        match self.fault {
            Fault::FullWhileLoading => {
                return text(
                    "{\"errorDetail\":{\"message\":\"write /x: no space left on device\"},\"error\":\"full\"}\n",
                );
            }
            Fault::HangsWhileLoading => {
                let said = futures_util::stream::iter(["{\"stream\":\"Loading layer\\n\"}\n"]);
                let never = futures_util::stream::pending();
                return Response::new(Body::from_stream(said.chain(never).map(Ok::<_, Infallible>)));
            }
            _ => {}
        }
        let files = unpacked(archive);
        let manifest: Json = serde_json::from_slice(&files["manifest.json"]).unwrap();
        let manifest = &manifest[0];
        let config: Json = serde_json::from_slice(&files[manifest["Config"].as_str().unwrap()]).unwrap();
        let layers: Vec<&[u8]> = manifest["Layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|path| files[path.as_str().unwrap()].as_slice())
            .collect();
        let tag = manifest["RepoTags"][0].as_str().unwrap();
        let user = config["config"]["User"].as_str().unwrap();
        self.state().add(archive, &layers, config["config"]["Labels"].clone(), user, tag);
        text(&format!("{{\"stream\":\"Loaded image: {tag}\\n\"}}\n"))
    }
}

/// The files of an archive by path.
fn unpacked(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(entry.path().unwrap().display().to_string(), content);
    }
    files
}

impl State {
    fn add(&mut self, bytes: &[u8], layers: &[&[u8]], labels: Json, user: &str, tag: &str) {
        let root = tempfile::tempdir().unwrap();
        for layer in layers {
            tar::Archive::new(*layer).unpack(root.path()).unwrap();
        }
        let id = Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |id, byte| format!("{id}{byte:02x}"));
        let size_bytes = layers.iter().map(|layer| layer.len()).sum();
        let image = Image { tags: vec![tag.to_owned()], labels, user: user.to_owned(), root, size_bytes };
        self.images.insert(id, image);
    }

    fn id_of(&self, name: &str) -> Option<String> {
        let named = |(id, image): &(&String, &Image)| *id == name || image.tags.iter().any(|tag| tag == name);
        self.images.iter().find(named).map(|(id, _)| id.clone())
    }

    fn images(&mut self, method: &str, rest: &[&str], query: &BTreeMap<String, String>) -> Response<Body> {
        if let ["json"] = rest {
            let listed: Vec<Json> = self.images.iter().map(|(id, image)| summary(id, image)).collect();
            return ok(&json!(listed));
        }
        let Some(id) = rest.first().and_then(|name| self.id_of(name)) else { return refused(404, "No such image: x") };
        match (method, &rest[1..]) {
            ("GET", ["json"]) => {
                let image = &self.images[&id];
                ok(
                    &json!({ "Id": id, "RepoTags": image.tags, "Size": image.size_bytes, "Config": { "Labels": image.labels } }),
                )
            }
            ("POST", ["tag"]) => {
                let tag = format!("{}:{}", query["repo"], query["tag"]);
                for image in self.images.values_mut() {
                    image.tags.retain(|other| *other != tag);
                }
                self.images.get_mut(&id).unwrap().tags.push(tag);
                done(201)
            }
            ("DELETE", []) => {
                let image = self.images.get_mut(&id).unwrap();
                image.tags.retain(|tag| *tag != rest[0]);
                if image.tags.is_empty() {
                    self.images.remove(&id);
                }
                ok(&json!([]))
            }
            _ => refused(404, "page not found"),
        }
    }

    fn create(&mut self, body: Json) -> Response<Body> {
        let Some(id) = self.id_of(body["Image"].as_str().unwrap()) else { return refused(404, "No such image: x") };
        let image = &self.images[&id];
        let mut body = body;
        body["User"] = image.user.clone().into();
        let root = image.root.path().join("model");
        let id = format!("container{}", self.asked.len());
        self.containers.insert(id.clone(), Container { body, root, server: None, exit_code: None, told: false });
        Response::builder().status(201).body(Body::from(json!({ "Id": id, "Warnings": [] }).to_string())).unwrap()
    }

    fn start(&mut self, id: &str) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let mut child = Command::new(env!("CARGO_BIN_EXE_trestle"))
            .arg("serve")
            .arg(&container.root)
            .args(["--address", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let port = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() != 0, "the server ended: {:?}", child.wait());
            log.lock().unwrap().extend(line.as_bytes());
            let object: Json = serde_json::from_str(&line).unwrap();
            if object["message"] == "listening" {
                break object["address"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
            }
        };
        let kept = Arc::clone(&log);
        drop(tokio::task::spawn_blocking(move || {
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|n| n != 0) {
                kept.lock().unwrap().append(&mut line);
            }
        }));
        container.server = Some(Server { child, port, log });
    }

    /// Whether a container that was asked for has ended and nobody was told yet.
    fn says_stopped(&mut self, method: &str, rest: &[&str]) -> bool {
        let ([id, "json"], "GET") = (rest, method) else { return false };
        let Some(container) = self.containers.get_mut(*id) else { return false };
        container.inspected();
        container.exit_code.is_some() && !std::mem::replace(&mut container.told, true)
    }

    fn kill_servers(&mut self) {
        for server in self.containers.values_mut().filter_map(|container| container.server.as_mut()) {
            server.child.kill().unwrap();
            server.child.wait().unwrap();
        }
    }

    fn containers(&mut self, method: &str, rest: &[&str], query: &BTreeMap<String, String>) -> Response<Body> {
        if let ["json"] = rest {
            let listed = self.containers.iter().filter(|(_, container)| {
                // The filter holds one label; this is enough of reading it.
                let labels = container.body["Labels"].as_object().unwrap();
                labels.values().any(|value| query["filters"].contains(value.as_str().unwrap()))
            });
            let listed = listed.map(|(id, container)| json!({ "Id": id, "Labels": container.body["Labels"] }));
            return ok(&json!(listed.collect::<Vec<_>>()));
        }
        let id = rest[0];
        let Some(container) = self.containers.get_mut(id) else { return refused(404, "No such container: x") };
        match (method, &rest[1..]) {
            ("POST", ["start"]) => done(204),
            ("GET", ["json"]) => ok(&container.inspected()),
            ("GET", ["logs"]) => {
                let log = container.server.as_ref().unwrap().log.lock().unwrap().clone();
                let mut framed = vec![2, 0, 0, 0];
                framed.extend(u32::try_from(log.len()).unwrap().to_be_bytes());
                framed.extend(log);
                Response::new(Body::from(framed))
            }
            ("GET", ["stats"]) => {
                let stats = json!({ "memory_stats": { "usage": 30 << 20, "stats": { "inactive_file": 10 << 20 } } });
                ok(&stats)
            }
            ("POST", ["kill"]) => {
                assert_eq!(query["signal"], "SIGTERM");
                let server = container.server.as_ref().unwrap();
                kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
                done(204)
            }
            ("DELETE", []) => {
                self.containers.remove(id);
                done(204)
            }
            _ => refused(404, "page not found"),
        }
    }
}

impl Container {
    fn inspected(&mut self) -> Json {
        let ended = self.server.as_mut().and_then(|server| server.child.try_wait().unwrap());
        if let Some(status) = ended {
            self.exit_code = Some(status.code().unwrap_or(137));
        }
        let port = self.server.as_ref().map(|server| server.port.as_str()).unwrap_or_default();
        json!({
            "State": {
                "Running": self.exit_code.is_none(),
                "ExitCode": self.exit_code.unwrap_or(0),
                "Health": { "Status": "healthy" },
            },
            "Config": { "User": self.body["User"] },
            "HostConfig": self.body["HostConfig"],
            "NetworkSettings": { "Ports": { "8080/tcp": [{ "HostIp": "127.0.0.1", "HostPort": port }] } },
        })
    }
}

fn summary(id: &str, image: &Image) -> Json {
    json!({
        "Id": id, "ParentId": "", "RepoTags": image.tags, "RepoDigests": [], "Created": 4_000_000_000_u64,
        "Size": image.size_bytes, "SharedSize": -1, "Labels": image.labels, "Containers": -1,
    })
}

fn ok(body: &Json) -> Response<Body> {
    Response::builder().header("Content-Type", "application/json").body(Body::from(body.to_string())).unwrap()
}

fn text(body: &str) -> Response<Body> {
    Response::new(Body::from(body.to_owned()))
}

fn done(status: u16) -> Response<Body> {
    Response::builder().status(status).body(Body::empty()).unwrap()
}

fn refused(status: u16, message: &str) -> Response<Body> {
    let body = json!({ "message": message }).to_string();
    Response::builder().status(status).header("Content-Type", "application/json").body(Body::from(body)).unwrap()
}
