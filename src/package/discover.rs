//! Finding a container engine: `DOCKER_HOST`, then the current docker context, then the usual sockets.
//!
//! An address that the user named is final, as for the docker command line: building somewhere else because it
//! does not answer would be a surprise. The list of candidates is a pure function of an [`Environment`].

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use serde::Deserialize;
use tokio::time::timeout;

use super::error::{PackageError, Tried, Unreachable, root_cause};

/// How long a socket may take to answer a ping.
const PING_LIMIT: Duration = Duration::from_secs(3);

/// How long the engine may take for the head of any answer; a build's goes out with its first line.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_mins(2);

/// What is looked at to find an engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `currentContext` of docker's `config.json`.
    pub current_context: Option<String>,
    /// Name and address of each docker context.
    pub contexts: Vec<(String, String)>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Endpoints", default)]
    endpoints: ContextEndpoints,
}

#[derive(Default, Deserialize)]
struct ContextEndpoints {
    docker: Option<ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
}

impl Environment {
    /// The environment of this process; docker's files are read, and ignored when they cannot be.
    pub fn from_process() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The environment as `variable` tells it.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let home = set("HOME").map(PathBuf::from);
        let config = set("DOCKER_CONFIG").map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(".docker")));
        Self {
            docker_host: set("DOCKER_HOST"),
            docker_context: set("DOCKER_CONTEXT"),
            current_context: config.as_deref().and_then(current_context),
            contexts: config.as_deref().map(contexts).unwrap_or_default(),
            home,
            runtime_dir: set("XDG_RUNTIME_DIR").map(PathBuf::from),
        }
    }
}

fn current_context(config: &Path) -> Option<String> {
    let text = std::fs::read_to_string(config.join("config.json")).ok()?;
    let config: DockerConfig = serde_json::from_str(&text).ok()?;
    config.current_context.filter(|name| !name.is_empty())
}

fn contexts(config: &Path) -> Vec<(String, String)> {
    let Ok(folders) = std::fs::read_dir(config.join("contexts").join("meta")) else { return Vec::new() };
    let mut contexts: Vec<(String, String)> = folders
        .flatten()
        .filter_map(|folder| {
            let text = std::fs::read_to_string(folder.path().join("meta.json")).ok()?;
            let meta: ContextMeta = serde_json::from_str(&text).ok()?;
            Some((meta.name, meta.endpoints.docker?.host))
        })
        .collect();
    contexts.sort();
    contexts
}

/// An address where an engine may listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `unix:///…`, `tcp://…`, or whatever else was configured.
    pub address: String,
    /// Where it comes from, in words.
    pub source: String,
    /// Whether the user chose it, so that no other is tried.
    pub chosen: bool,
}

/// The addresses to try, in order.
pub fn candidates(environment: &Environment) -> Vec<Candidate> {
    let chosen = |address: String, source: String| vec![Candidate { address, source, chosen: true }];
    if let Some(host) = &environment.docker_host {
        let address = if host.starts_with('/') { format!("unix://{host}") } else { host.clone() };
        return chosen(address, "DOCKER_HOST".to_owned());
    }
    let (context, source) = match (&environment.docker_context, &environment.current_context) {
        (Some(name), _) => (Some(name), "DOCKER_CONTEXT"),
        (None, name) => (name.as_ref(), "the current docker context"),
    };
    if let Some(name) = context.filter(|name| *name != "default") {
        let known = environment.contexts.iter().find(|(known, _)| known == name);
        let address = known.map(|(_, host)| host.clone()).unwrap_or_default();
        return chosen(address, format!("{source} ({name})"));
    }
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    if let Some(home) = &environment.home {
        for below in [".docker/run/docker.sock", ".docker/desktop/docker.sock", ".colima/default/docker.sock"] {
            sockets.push(home.join(below));
        }
    }
    if let Some(runtime_dir) = &environment.runtime_dir {
        sockets.push(runtime_dir.join("docker.sock"));
        sockets.push(runtime_dir.join("podman/podman.sock"));
    }
    sockets
        .into_iter()
        .map(|path| Candidate {
            address: format!("unix://{}", path.display()),
            source: "usual socket".to_owned(),
            chosen: false,
        })
        .collect()
}

/// A container engine that answered.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The client.
    pub docker: Docker,
    /// Its product, version and API version, for a report.
    pub description: String,
    /// The API version both sides speak.
    pub api_version: String,
    /// The address it answered at.
    pub socket: String,
    /// Architecture as the engine names it: `amd64`, `arm64`.
    pub architecture: String,
    /// Operating system of its containers.
    pub os: String,
}

/// What is worth telling about an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its product, version and API version.
    pub description: String,
    /// The API version both sides speak.
    pub api_version: String,
    /// The address it answered at.
    pub socket: String,
    /// Architecture of its containers: `amd64`, `arm64`.
    pub architecture: String,
}

impl Engine {
    /// What is worth telling about it.
    pub fn info(&self) -> EngineInfo {
        EngineInfo {
            description: self.description.clone(),
            api_version: self.api_version.clone(),
            socket: self.socket.clone(),
            architecture: self.architecture.clone(),
        }
    }

    /// The host name at which its published ports are reached.
    pub(super) fn host(&self) -> &str {
        let Some(rest) = self.socket.strip_prefix("tcp://").or_else(|| self.socket.strip_prefix("http://")) else {
            return "127.0.0.1";
        };
        let authority = rest.split('/').next().unwrap_or(rest);
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        if host == "localhost" { "127.0.0.1" } else { host }
    }
}

/// The first engine that answers, in the environment of this process.
pub async fn discover() -> Result<Engine, PackageError> {
    discover_in(&Environment::from_process()).await
}

/// The first engine that answers.
pub async fn discover_in(environment: &Environment) -> Result<Engine, PackageError> {
    let candidates = candidates(environment);
    let chosen = candidates.iter().any(|candidate| candidate.chosen);
    let mut tried = Vec::new();
    for Candidate { address, source, .. } in candidates {
        match connect(&address).await {
            Ok(engine) => return Ok(engine),
            Err(reason) => {
                let address = if address.is_empty() { source.clone() } else { address };
                tried.push(Tried { address, source, reason });
            }
        }
    }
    Err(PackageError::NoEngine { tried, chosen })
}

/// The engine at one address.
async fn connect(address: &str) -> Result<Engine, Unreachable> {
    let (docker, socket) = if address.is_empty() {
        return Err(Unreachable::Other("there is no docker context of this name".to_owned()));
    } else if let Some(path) = address.strip_prefix("unix://") {
        knock_unix(path).await?;
        (Docker::connect_with_unix(path, REQUEST_LIMIT.as_secs(), API_DEFAULT_VERSION), address.to_owned())
    } else if let Some(rest) = address.strip_prefix("tcp://").or_else(|| address.strip_prefix("http://")) {
        let rest = rest.trim_end_matches('/');
        let authority = if rest.contains(':') { rest.to_owned() } else { format!("{rest}:2375") };
        let address = format!("tcp://{authority}");
        within_ping(tokio::net::TcpStream::connect(&authority)).await?.map_err(|error| from_io(&error))?;
        (Docker::connect_with_http(&address, REQUEST_LIMIT.as_secs(), API_DEFAULT_VERSION), address)
    } else if address.starts_with("ssh://") || address.starts_with("https://") {
        return Err(Unreachable::Unsupported(
            "forward its socket to this machine and set DOCKER_HOST to that".to_owned(),
        ));
    } else {
        return Err(Unreachable::Unsupported("only unix:// and tcp:// addresses are".to_owned()));
    };
    let docker = docker.map_err(|error| Unreachable::Other(error.to_string()))?;
    within_ping(docker.ping()).await?.map_err(|error| not_an_engine(&error))?;
    let docker = within_ping(docker.negotiate_version()).await?.map_err(|error| not_an_engine(&error))?;
    let version = within_ping(docker.version()).await?.map_err(|error| not_an_engine(&error))?;
    let api_version = docker.client_version().to_string();
    let components = version.components.unwrap_or_default();
    let product =
        if components.iter().any(|component| component.name.contains("Podman")) { "Podman" } else { "Docker" };
    let release = version.version.unwrap_or_else(|| "of unknown version".to_owned());
    Ok(Engine {
        description: format!("{product} {release}, API {api_version}"),
        docker,
        api_version,
        socket,
        architecture: version.arch.unwrap_or_default(),
        os: version.os.unwrap_or_default(),
    })
}

/// Connects and hangs up, for the system's own reason when that fails.
#[cfg(unix)]
async fn knock_unix(path: &str) -> Result<(), Unreachable> {
    within_ping(tokio::net::UnixStream::connect(path)).await?.map_err(|error| from_io(&error)).map(drop)
}

#[cfg(not(unix))]
async fn knock_unix(_path: &str) -> Result<(), Unreachable> {
    Err(Unreachable::Unsupported("there are no unix sockets on this system".to_owned()))
}

async fn within_ping<T>(work: impl Future<Output = T>) -> Result<T, Unreachable> {
    timeout(PING_LIMIT, work).await.map_err(|_elapsed| Unreachable::TimedOut)
}

fn from_io(error: &std::io::Error) -> Unreachable {
    match error.kind() {
        ErrorKind::NotFound => Unreachable::Missing,
        ErrorKind::ConnectionRefused => Unreachable::Refused,
        ErrorKind::PermissionDenied => Unreachable::PermissionDenied,
        ErrorKind::TimedOut => Unreachable::TimedOut,
        _ => Unreachable::Other(error.to_string()),
    }
}

fn not_an_engine(error: &bollard::errors::Error) -> Unreachable {
    match error {
        bollard::errors::Error::RequestTimeoutError => Unreachable::TimedOut,
        other => Unreachable::NotAnEngine(root_cause(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn addresses(environment: &Environment) -> Vec<String> {
        candidates(environment).into_iter().map(|candidate| candidate.address).collect()
    }

    fn everything() -> Environment {
        Environment {
            docker_host: Some("tcp://build.example:2375".to_owned()),
            docker_context: Some("remote".to_owned()),
            current_context: Some("desktop".to_owned()),
            contexts: vec![
                ("desktop".to_owned(), "unix:///home/a/.docker/desktop/docker.sock".to_owned()),
                ("remote".to_owned(), "tcp://remote.example:2375".to_owned()),
            ],
            home: Some(PathBuf::from("/home/a")),
            runtime_dir: Some(PathBuf::from("/run/user/1")),
        }
    }

    #[test]
    fn the_most_explicit_choice_wins_and_is_final() {
        let mut environment = everything();
        assert_eq!(addresses(&environment), ["tcp://build.example:2375"]);
        environment.docker_host = None;
        assert_eq!(addresses(&environment), ["tcp://remote.example:2375"]);
        environment.docker_context = None;
        assert_eq!(addresses(&environment), ["unix:///home/a/.docker/desktop/docker.sock"]);
        assert_eq!(candidates(&environment)[0].source, "the current docker context (desktop)");
        assert!(candidates(&environment)[0].chosen);
    }

    #[test]
    fn without_a_choice_the_usual_sockets_are_tried_in_order() {
        let usual = [
            "unix:///var/run/docker.sock",
            "unix:///home/a/.docker/run/docker.sock",
            "unix:///home/a/.docker/desktop/docker.sock",
            "unix:///home/a/.colima/default/docker.sock",
            "unix:///run/user/1/docker.sock",
            "unix:///run/user/1/podman/podman.sock",
        ];
        let mut environment =
            Environment { docker_host: None, docker_context: None, current_context: None, ..everything() };
        assert_eq!(addresses(&environment), usual);
        environment.docker_context = Some("default".to_owned());
        environment.current_context = Some("desktop".to_owned());
        assert_eq!(addresses(&environment), usual, "`default` means no context");
        assert_eq!(addresses(&Environment::default()), ["unix:///var/run/docker.sock"]);
    }

    #[test]
    fn an_unknown_context_and_a_bare_path_are_kept_for_the_message() {
        let environment = Environment { docker_context: Some("gone".to_owned()), ..Environment::default() };
        assert_eq!(addresses(&environment), [""]);
        let environment = Environment { docker_host: Some("/x/y.sock".to_owned()), ..Environment::default() };
        assert_eq!(addresses(&environment), ["unix:///x/y.sock"]);
    }

    #[test]
    fn docker_s_own_files_are_read() {
        let home = tempfile::tempdir().unwrap();
        let meta = home.path().join(".docker/contexts/meta");
        for (folder, text) in [
            (
                "aa",
                r#"{"Name":"desktop","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///d.sock","SkipTLSVerify":false}}}"#,
            ),
            ("bb", r#"{"Name":"kubernetes","Endpoints":{}}"#),
            ("cc", "not JSON"),
        ] {
            fs::create_dir_all(meta.join(folder)).unwrap();
            fs::write(meta.join(folder).join("meta.json"), text).unwrap();
        }
        fs::write(home.path().join(".docker/config.json"), r#"{"auths":{},"currentContext":"desktop"}"#).unwrap();
        let read = |extra: &'static str| {
            let home = home.path().display().to_string();
            Environment::read(move |name| match name {
                "HOME" => Some(home.clone()),
                "DOCKER_HOST" => Some(extra.to_owned()),
                _ => None,
            })
        };
        let environment = read("  ");
        assert_eq!(environment.docker_host, None, "an empty variable is not set");
        assert_eq!(environment.current_context.as_deref(), Some("desktop"));
        assert_eq!(environment.contexts, [("desktop".to_owned(), "unix:///d.sock".to_owned())]);
        assert_eq!(addresses(&environment), ["unix:///d.sock"]);
        assert_eq!(addresses(&read("unix:///h.sock")), ["unix:///h.sock"]);
        fs::write(home.path().join(".docker/config.json"), "{").unwrap();
        assert_eq!(read("").current_context, None);
    }

    #[test]
    fn published_ports_are_reached_at_the_engine_s_host() {
        #[track_caller]
        fn check(socket: &str, expected: &str) {
            let docker = Docker::connect_with_http("http://127.0.0.1:1", 1, API_DEFAULT_VERSION).unwrap();
            let text = String::new;
            let engine = Engine {
                docker,
                description: text(),
                api_version: text(),
                socket: socket.to_owned(),
                architecture: text(),
                os: text(),
            };
            assert_eq!(engine.host(), expected);
        }
        check("unix:///var/run/docker.sock", "127.0.0.1");
        check("tcp://localhost:2375", "127.0.0.1");
        check("tcp://build.example:2375", "build.example");
    }
}
