//! A container engine that is none: it answers what a real one answers, and remembers what was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value as Json, json};
use trestle::package::Environment;

/// Identity of the container that is there.
pub(super) const ID: &str = "3f9c0a7b51de";

/// A stand-in for an engine with one container.
#[derive(Clone)]
pub(super) struct StandIn {
    socket: PathBuf,
    state: Arc<Mutex<State>>,
}

struct State {
    /// `running`, `exited`, or nothing when there is no container.
    phase: &'static str,
    exit_code: i64,
    /// Labels of the container beside the image's.
    labels: Vec<(&'static str, String)>,
    /// Why the start of a container is refused.
    refusal: Option<&'static str>,
    /// What was asked: method, path without its version, and body.
    asked: Vec<(String, String)>,
}

impl StandIn {
    /// Listens in a folder.
    pub(super) fn listen(folder: &Path, phase: &'static str) -> Self {
        let socket = folder.join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let labels = vec![("io.trestle.owner", "m-b-n-1-2-0".to_owned())];
        let state = State { phase, exit_code: 0, labels, refusal: None, asked: Vec::new() };
        let stand_in = Self { socket, state: Arc::new(Mutex::new(state)) };
        let answering = stand_in.clone();
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let answering = answering.clone();
                // A client that hangs up is nobody's failure.
                spawn(move || drop(answering.converse(stream)));
            }
        });
        stand_in
    }

    pub(super) fn environment(&self) -> Environment {
        let address = format!("unix://{}", self.socket.display());
        Environment { docker_host: Some(address), ..Environment::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The container ended with this code.
    pub(super) fn ended(&self, exit_code: i64) {
        let mut state = self.state();
        state.phase = "exited";
        state.exit_code = exit_code;
    }

    /// The container is one of a build whose process is long gone.
    pub(super) fn orphaned(&self) {
        self.state().labels = vec![("io.trestle", "verification".to_owned()), ("io.trestle.owner", gone_process())];
    }

    pub(super) fn refuse(&self, reason: &'static str) {
        self.state().refusal = Some(reason);
    }

    /// The bodies of what was asked at a path, such as `POST /containers/create`.
    pub(super) fn asked(&self, what: &str) -> Vec<String> {
        let state = self.state();
        state.asked.iter().filter(|(asked, _)| asked.starts_with(what)).map(|(_, body)| body.clone()).collect()
    }

    /// Answers on one connection for as long as it is open.
    fn converse(&self, stream: UnixStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut first = String::new();
            if reader.read_line(&mut first)? == 0 {
                return Ok(());
            }
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line)?;
                if line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let mut words = first.split(' ');
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let path = path.strip_prefix("/v1.41").unwrap_or(path);
            let body = String::from_utf8_lossy(&body).into_owned();
            self.state().asked.push((format!("{method} {path}"), body));
            self.answer(&mut stream, method, path)?;
        }
    }

    fn answer(&self, stream: &mut UnixStream, method: &str, path: &str) -> std::io::Result<()> {
        let arch = std::env::consts::ARCH;
        let named = format!("/containers/{ID}");
        let rest = path.strip_prefix(&named).unwrap_or(path);
        match (method, rest.split('?').next().unwrap_or_default()) {
            (_, "/_ping") => reply(stream, 200, "OK"),
            (_, "/version") => {
                let version = json!({"Version": "20.0", "ApiVersion": "1.41", "Os": "linux", "Arch": arch});
                reply(stream, 200, &version.to_string())
            }
            ("GET", "/containers/json") => {
                let there = !self.state().phase.is_empty();
                let all = if there { json!([{"Id": ID}]) } else { json!([]) };
                reply(stream, 200, &all.to_string())
            }
            ("GET", "/images/json") => reply(stream, 200, "[]"),
            ("GET", "/json") if !self.state().phase.is_empty() => {
                let inspected = self.inspected().to_string();
                reply(stream, 200, &inspected)
            }
            ("GET", "/logs") => self.log(stream),
            ("GET", "/stats") => self.stats(stream),
            ("POST", "/containers/create") => reply(stream, 201, &json!({"Id": ID, "Warnings": []}).to_string()),
            ("POST", "/start") => {
                let refusal = self.state().refusal;
                match refusal {
                    Some(reason) => reply(stream, 500, &json!({"message": reason}).to_string()),
                    None => self.turn(stream, "running"),
                }
            }
            ("POST", "/restart") => self.turn(stream, "running"),
            ("POST", "/stop") => self.turn(stream, "exited"),
            ("DELETE", "") => self.turn(stream, ""),
            _ => reply(stream, 404, r#"{"message":"No such container"}"#),
        }
    }

    fn turn(&self, stream: &mut UnixStream, phase: &'static str) -> std::io::Result<()> {
        let mut state = self.state();
        state.phase = phase;
        state.exit_code = 0;
        drop(state);
        reply(stream, 204, "")
    }

    fn inspected(&self) -> Json {
        let state = self.state();
        let runs = state.phase == "running";
        let mut labels = json!({
            "io.trestle": "image", "io.trestle.project": "churn", "org.opencontainers.image.version": "1.1.0",
        });
        for (name, value) in &state.labels {
            labels[name] = json!(value);
        }
        json!({
            "Id": ID, "Name": "/trestle-churn-1.1.0", "Image": "sha256:77",
            "Config": {"Image": "churn:1.1.0", "Labels": labels},
            "State": {
                "Status": state.phase, "Running": runs, "ExitCode": state.exit_code, "OOMKilled": false,
                "StartedAt": "2026-11-23T11:00:00Z", "FinishedAt": "2026-11-23T11:30:00Z",
                "Health": {"Status": "healthy"},
            },
            "HostConfig": {"Memory": 67_108_864, "NanoCpus": 500_000_000},
            "NetworkSettings": {"Ports": if runs {
                json!({"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "49153"}]})
            } else {
                json!({})
            }},
        })
    }

    /// Two lines; while the container runs, the answer then stays open.
    fn log(&self, stream: &mut UnixStream) -> std::io::Result<()> {
        let text = b"{\"message\":\"serving\"}\nsecond line\n";
        let mut frame = vec![2, 0, 0, 0];
        frame.extend((text.len() as u32).to_be_bytes());
        frame.extend(text);
        begin(stream)?;
        chunk(stream, &frame)?;
        self.while_running();
        stream.write_all(b"0\r\n\r\n")
    }

    /// Two measurements, a second apart by their clock; then the answer stays open.
    fn stats(&self, stream: &mut UnixStream) -> std::io::Result<()> {
        begin(stream)?;
        for second in 1..=2_u64 {
            let sample = json!({
                "read": format!("2026-11-23T12:00:0{second}Z"),
                "cpu_stats": {
                    "cpu_usage": {"total_usage": 250_000_000 * second},
                    "system_cpu_usage": 2_000_000_000 * second, "online_cpus": 2,
                },
                "memory_stats": {"usage": 33_554_432, "limit": 67_108_864, "stats": {}},
                "networks": {"eth0": {"rx_bytes": 4_000 * second, "tx_bytes": 2_000 * second}},
            });
            chunk(stream, format!("{sample}\n").as_bytes())?;
        }
        self.while_running();
        stream.write_all(b"0\r\n\r\n")
    }

    fn while_running(&self) {
        while self.state().phase == "running" {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) {
    drop(std::thread::Builder::new().name("stand-in engine".to_owned()).spawn(work).unwrap());
}

/// The name of a process of this machine that ended: one of another boot.
fn gone_process() -> String {
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let hash = |text: &str| {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(text.as_bytes());
        format!("{:08x}", digest.iter().take(4).fold(0_u32, |hash, byte| hash << 8 | u32::from(*byte)))
    };
    let machine = hash(&format!("{}{}", text("/etc/machine-id"), text("/proc/sys/kernel/hostname")));
    format!("{machine}-0-0-1-1-0")
}

fn reply(stream: &mut UnixStream, status: u16, body: &str) -> std::io::Result<()> {
    let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("HTTP/1.1 {status} As asked\r\nContent-Type: application/json\r\n{length}\r\n");
    stream.write_all(format!("{head}{body}").as_bytes())
}

fn begin(stream: &mut UnixStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
}

fn chunk(stream: &mut UnixStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
    stream.write_all(bytes)?;
    stream.write_all(b"\r\n")
}
