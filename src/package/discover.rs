//! Finding a container engine: `DOCKER_HOST`, then the current docker context, then the usual sockets.
//!
//! An address that the user named is final, as for the docker command line: building somewhere else because it
//! does not answer would be a surprise. The list of candidates is a pure function of an [`Environment`].

use std::path::PathBuf;
use std::time::Duration;

use bollard::Docker;

use super::connect::connect;
use super::environment::{DockerContext, Environment, TlsMaterial};
use super::error::{PackageError, Tried};

/// How long the engine may take for the head of any answer; a build's goes out with its first line.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_mins(2);

/// An address where an engine may listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `unix:///…`, `tcp://…`, or whatever else was configured.
    pub address: String,
    /// Where it comes from, in words.
    pub source: String,
    /// Whether the user chose it, so that no other is tried.
    pub chosen: bool,
    /// How it is talked to.
    pub security: Security,
}

/// How an engine at an address is talked to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// In the clear.
    #[default]
    Plain,
    /// By TLS, each side proving itself.
    Tls(TlsMaterial),
    /// By TLS, as the address says, and nothing tells by which files.
    Unknown,
    /// By TLS without verifying the engine, which is never done.
    Unverified,
}

/// The addresses to try, in order.
pub fn candidates(environment: &Environment) -> Vec<Candidate> {
    let chosen = |address: String, source: String, security: Security| {
        vec![Candidate { address, source, chosen: true, security }]
    };
    if let Some(host) = &environment.docker_host {
        let address = if host.starts_with('/') { format!("unix://{host}") } else { host.clone() };
        let files = environment.certificates.as_deref().map(TlsMaterial::in_folder);
        let security = match files.filter(|_| environment.tls_verify) {
            Some(files) => Security::Tls(files),
            None if environment.tls_verify || address.starts_with("https://") => Security::Unknown,
            None => Security::Plain,
        };
        return chosen(address, "DOCKER_HOST".to_owned(), security);
    }
    let (context, source) = match (&environment.docker_context, &environment.current_context) {
        (Some(name), _) => (Some(name), "DOCKER_CONTEXT"),
        (None, name) => (name.as_ref(), "the current docker context"),
    };
    if let Some(name) = context.filter(|name| *name != "default") {
        let known = environment.contexts.iter().find(|known| known.name == *name);
        let known = known.cloned().unwrap_or_default();
        let security = known.security();
        return chosen(known.host, format!("{source} ({name})"), security);
    }
    let usual = usual_sockets(environment).into_iter().map(|path| Candidate {
        address: format!("unix://{}", path.display()),
        source: "usual socket".to_owned(),
        chosen: false,
        security: Security::Plain,
    });
    usual.collect()
}

impl DockerContext {
    fn security(&self) -> Security {
        match (&self.tls, self.skip_verify) {
            (Some(_), true) => Security::Unverified,
            (Some(files), false) => Security::Tls(files.clone()),
            (None, _) if self.host.starts_with("https://") => Security::Unknown,
            (None, _) => Security::Plain,
        }
    }
}

/// Docker's, those of Docker Desktop, Colima, Rancher Desktop and `OrbStack`, rootless Docker's, and Podman's.
fn usual_sockets(environment: &Environment) -> Vec<PathBuf> {
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    let home = |below: &str| environment.home.as_ref().map(|home| home.join(below));
    sockets.extend(home(".docker/run/docker.sock"));
    sockets.extend(home(".docker/desktop/docker.sock"));
    sockets.extend(environment.colima.iter().cloned());
    sockets.extend(home(".rd/docker.sock"));
    sockets.extend(home(".orbstack/run/docker.sock"));
    if let Some(runtime_dir) = &environment.runtime_dir {
        sockets.push(runtime_dir.join("docker.sock"));
        sockets.push(runtime_dir.join("podman/podman.sock"));
    }
    sockets.push(PathBuf::from("/run/podman/podman.sock"));
    sockets.extend(home(".local/share/containers/podman/machine/podman.sock"));
    sockets
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
    for Candidate { address, source, security, .. } in candidates {
        match connect(&address, &security).await {
            Ok(engine) => return Ok(engine),
            Err(reason) => {
                let address = if address.is_empty() { source.clone() } else { address };
                tried.push(Tried { address, source, reason });
            }
        }
    }
    Err(PackageError::NoEngine { tried, chosen })
}

#[cfg(test)]
mod tests {
    use bollard::API_DEFAULT_VERSION;

    use super::*;

    fn addresses(environment: &Environment) -> Vec<String> {
        candidates(environment).into_iter().map(|candidate| candidate.address).collect()
    }

    fn everything() -> Environment {
        Environment {
            docker_host: Some("tcp://build.example:2375".to_owned()),
            docker_context: Some("remote".to_owned()),
            current_context: Some("desktop".to_owned()),
            contexts: [
                ("desktop", "unix:///home/a/.docker/desktop/docker.sock"),
                ("remote", "tcp://remote.example:2375"),
            ]
            .map(|(name, host)| DockerContext {
                name: name.to_owned(),
                host: host.to_owned(),
                ..DockerContext::default()
            })
            .into(),
            home: Some(PathBuf::from("/home/a")),
            runtime_dir: Some(PathBuf::from("/run/user/1")),
            colima: vec![PathBuf::from("/home/a/.colima/default/docker.sock")],
            ..Environment::default()
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
            "unix:///home/a/.rd/docker.sock",
            "unix:///home/a/.orbstack/run/docker.sock",
            "unix:///run/user/1/docker.sock",
            "unix:///run/user/1/podman/podman.sock",
            "unix:///run/podman/podman.sock",
            "unix:///home/a/.local/share/containers/podman/machine/podman.sock",
        ];
        let mut environment =
            Environment { docker_host: None, docker_context: None, current_context: None, ..everything() };
        assert_eq!(addresses(&environment), usual);
        environment.docker_context = Some("default".to_owned());
        environment.current_context = Some("desktop".to_owned());
        assert_eq!(addresses(&environment), usual, "`default` means no context");
        let nobody_s = ["unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"];
        assert_eq!(addresses(&Environment::default()), nobody_s);
    }

    #[test]
    fn an_unknown_context_and_a_bare_path_are_kept_for_the_message() {
        let environment = Environment { docker_context: Some("gone".to_owned()), ..Environment::default() };
        assert_eq!(addresses(&environment), [""]);
        let environment = Environment { docker_host: Some("/x/y.sock".to_owned()), ..Environment::default() };
        assert_eq!(addresses(&environment), ["unix:///x/y.sock"]);
    }

    #[test]
    fn an_engine_elsewhere_is_talked_to_as_it_was_configured() {
        #[track_caller]
        fn check(environment: &Environment, expected: &Security) {
            let candidates = candidates(environment);
            assert!(candidates.len() == 1 && candidates[0].security == *expected, "{candidates:?}");
        }
        let folder = PathBuf::from("/certificates");
        let files = TlsMaterial::in_folder(&folder);
        let host = |address: &str, tls_verify: bool| Environment {
            docker_host: Some(address.to_owned()),
            tls_verify,
            certificates: Some(folder.clone()),
            ..Environment::default()
        };
        check(&host("tcp://build.example", false), &Security::Plain);
        check(&host("tcp://build.example", true), &Security::Tls(files.clone()));
        check(&host("https://build.example", false), &Security::Unknown);
        check(&Environment { certificates: None, ..host("tcp://build.example", true) }, &Security::Unknown);
        let context = |tls: Option<TlsMaterial>, skip_verify: bool| Environment {
            docker_context: Some("remote".to_owned()),
            contexts: vec![DockerContext {
                name: "remote".to_owned(),
                host: "tcp://remote.example:2376".to_owned(),
                tls,
                skip_verify,
            }],
            // The variables speak of DOCKER_HOST alone.
            tls_verify: true,
            ..Environment::default()
        };
        check(&context(None, false), &Security::Plain);
        check(&context(Some(files.clone()), false), &Security::Tls(files.clone()));
        check(&context(Some(files), true), &Security::Unverified);
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
