//! What tells where a container engine listens: variables, docker's own files, and the sockets that programs make.
//!
//! Read once; what is tried in which order is [`super::discover`]'s to say.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What is looked at to find an engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` asks for TLS to the engine of `DOCKER_HOST`.
    pub tls_verify: bool,
    /// `DOCKER_CERT_PATH`, else docker's own folder.
    pub certificates: Option<PathBuf>,
    /// `currentContext` of docker's `config.json`.
    pub current_context: Option<String>,
    /// Each docker context.
    pub contexts: Vec<DockerContext>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`, else the system's usual folder for it.
    pub runtime_dir: Option<PathBuf>,
    /// The sockets of Colima's profiles, `default` first.
    pub colima: Vec<PathBuf>,
}

/// A docker context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerContext {
    /// Its name.
    pub name: String,
    /// Its address.
    pub host: String,
    /// What its engine and its user prove themselves by, when it has such files.
    pub tls: Option<TlsMaterial>,
    /// Whether it asks not to verify the engine.
    pub skip_verify: bool,
}

/// PEM files for TLS to an engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsMaterial {
    /// Certificates that vouch for the engine's.
    pub authority: PathBuf,
    /// The user's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl TlsMaterial {
    /// The files of a folder by the names that docker gives them.
    pub fn in_folder(folder: &Path) -> Self {
        Self { authority: folder.join("ca.pem"), certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
    }
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
    #[serde(rename = "SkipTLSVerify", default)]
    skip_verify: bool,
}

impl Environment {
    /// The environment of this process; docker's files are read, and ignored when they cannot be.
    pub fn from_process() -> Self {
        let environment = Self::read(|name| std::env::var(name).ok());
        Self { runtime_dir: environment.runtime_dir.clone().or_else(usual_runtime_dir), ..environment }
    }

    /// The environment as `variable` tells it.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let home = set("HOME").map(PathBuf::from);
        let config = set("DOCKER_CONFIG").map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(".docker")));
        let of_colima = match (set("COLIMA_HOME"), set("XDG_CONFIG_HOME"), &home) {
            (Some(folder), ..) => vec![PathBuf::from(folder)],
            (None, Some(config), Some(home)) => vec![home.join(".colima"), PathBuf::from(config).join("colima")],
            (None, None, Some(home)) => vec![home.join(".colima"), home.join(".config/colima")],
            (None, config, None) => config.map(|config| PathBuf::from(config).join("colima")).into_iter().collect(),
        };
        Self {
            docker_host: set("DOCKER_HOST"),
            docker_context: set("DOCKER_CONTEXT"),
            tls_verify: set("DOCKER_TLS_VERIFY").is_some(),
            certificates: set("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| config.clone()),
            current_context: config.as_deref().and_then(current_context),
            contexts: config.as_deref().map(contexts).unwrap_or_default(),
            home,
            runtime_dir: set("XDG_RUNTIME_DIR").map(PathBuf::from),
            colima: of_colima.iter().flat_map(|folder| profiles(folder)).collect(),
        }
    }
}

/// `/run/user/<id>`, which a shell without a session does not name.
#[cfg(target_os = "linux")]
fn usual_runtime_dir() -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    let user = std::fs::metadata("/proc/self").ok()?.uid();
    Some(PathBuf::from(format!("/run/user/{user}"))).filter(|folder| folder.is_dir())
}

#[cfg(not(target_os = "linux"))]
fn usual_runtime_dir() -> Option<PathBuf> {
    None
}

fn current_context(config: &Path) -> Option<String> {
    let text = std::fs::read_to_string(config.join("config.json")).ok()?;
    let config: DockerConfig = serde_json::from_str(&text).ok()?;
    config.current_context.filter(|name| !name.is_empty())
}

fn contexts(config: &Path) -> Vec<DockerContext> {
    let folder = config.join("contexts");
    let Ok(folders) = std::fs::read_dir(folder.join("meta")) else { return Vec::new() };
    let mut contexts: Vec<DockerContext> = folders
        .flatten()
        .filter_map(|meta| {
            let text = std::fs::read_to_string(meta.path().join("meta.json")).ok()?;
            let read: ContextMeta = serde_json::from_str(&text).ok()?;
            let endpoint = read.endpoints.docker?;
            // Both are named by the hash of the context's name.
            let files = folder.join("tls").join(meta.file_name()).join("docker");
            let tls = files.is_dir().then(|| TlsMaterial::in_folder(&files));
            Some(DockerContext { name: read.name, host: endpoint.host, tls, skip_verify: endpoint.skip_verify })
        })
        .collect();
    contexts.sort_by(|a, b| a.name.cmp(&b.name));
    contexts
}

/// The sockets of Colima's profiles in one of its folders.
fn profiles(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    // What begins with `_` is Colima's own.
    let is_profile = |name: &str| !name.starts_with(['_', '.']);
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_profile(name)).collect();
    names.sort_by_key(|name| (name != "default", name.clone()));
    names.into_iter().map(|name| folder.join(name).join("docker.sock")).filter(|socket| socket.exists()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(home: &Path, extra: &[(&str, &str)]) -> Environment {
        let home = home.display().to_string();
        Environment::read(|name| match extra.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Some((*value).to_owned()),
            None => (name == "HOME").then(|| home.clone()),
        })
    }

    #[test]
    fn docker_s_own_files_are_read() {
        let home = tempfile::tempdir().unwrap();
        let docker = home.path().join(".docker");
        for (folder, text) in [
            (
                "aa",
                r#"{"Name":"desktop","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///d.sock","SkipTLSVerify":false}}}"#,
            ),
            ("bb", r#"{"Name":"kubernetes","Endpoints":{}}"#),
            ("cc", "not JSON"),
            ("dd", r#"{"Name":"remote","Endpoints":{"docker":{"Host":"tcp://r:2376","SkipTLSVerify":true}}}"#),
        ] {
            let meta = docker.join("contexts/meta").join(folder);
            fs::create_dir_all(&meta).unwrap();
            fs::write(meta.join("meta.json"), text).unwrap();
        }
        let files = docker.join("contexts/tls/dd/docker");
        fs::create_dir_all(&files).unwrap();
        fs::write(docker.join("config.json"), r#"{"auths":{},"currentContext":"desktop"}"#).unwrap();
        let environment = read(home.path(), &[("DOCKER_HOST", "  ")]);
        assert_eq!(environment.docker_host, None, "an empty variable is not set");
        assert_eq!(environment.current_context.as_deref(), Some("desktop"));
        let text = str::to_owned;
        let expected = [
            DockerContext { name: text("desktop"), host: text("unix:///d.sock"), ..DockerContext::default() },
            DockerContext {
                name: text("remote"),
                host: text("tcp://r:2376"),
                tls: Some(TlsMaterial::in_folder(&files)),
                skip_verify: true,
            },
        ];
        assert_eq!(environment.contexts, expected);
        assert_eq!(environment.certificates, Some(docker.clone()));
        let given = read(home.path(), &[("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/c")]);
        assert_eq!((given.tls_verify, given.certificates), (true, Some(PathBuf::from("/c"))));
        fs::write(docker.join("config.json"), "{").unwrap();
        assert_eq!(read(home.path(), &[]).current_context, None);
    }

    #[test]
    fn every_profile_of_colima_has_its_socket() {
        let home = tempfile::tempdir().unwrap();
        let make = |below: &str| {
            let socket = home.path().join(below);
            fs::create_dir_all(socket.parent().unwrap()).unwrap();
            fs::write(&socket, "").unwrap();
            socket
        };
        let [arm, default] = [".colima/arm/docker.sock", ".colima/default/docker.sock"].map(make);
        let newer = make(".config/colima/x86/docker.sock");
        let elsewhere = make("elsewhere/default/docker.sock");
        make(".colima/_lima/docker.sock");
        fs::create_dir_all(home.path().join(".colima/stopped")).unwrap();
        assert_eq!(read(home.path(), &[]).colima, [default, arm, newer]);
        let folder = home.path().join("elsewhere").display().to_string();
        assert_eq!(read(home.path(), &[("COLIMA_HOME", &folder)]).colima, [elsewhere]);
    }
}
