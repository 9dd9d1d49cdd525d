//! Talking to an engine at one address: a local socket, TCP in the clear, or TCP with TLS and certificates.

use std::io::ErrorKind;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::time::timeout;

use super::discover::{Engine, REQUEST_LIMIT, Security};
use super::environment::TlsMaterial;
use super::error::{Unreachable, root_cause};

/// How long a socket may take to answer a ping.
const PING_LIMIT: Duration = Duration::from_secs(3);

/// Docker's port in the clear.
const PLAIN_PORT: u16 = 2375;

/// Docker's port with TLS.
const TLS_PORT: u16 = 2376;

/// The engine at one address.
pub(super) async fn connect(address: &str, security: &Security) -> Result<Engine, Unreachable> {
    let (docker, socket) = client(address, security).await?;
    let no_engine = |error: bollard::errors::Error| not_an_engine(&error, security);
    within_ping(docker.ping()).await?.map_err(no_engine)?;
    let docker = within_ping(docker.negotiate_version()).await?.map_err(no_engine)?;
    let version = within_ping(docker.version()).await?.map_err(no_engine)?;
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

/// A client for the address, and the address in full.
async fn client(address: &str, security: &Security) -> Result<(Docker, String), Unreachable> {
    let unsupported = |what: &str| Err(Unreachable::Unsupported(what.to_owned()));
    if address.is_empty() {
        return Err(Unreachable::NoSuchContext);
    }
    if let Some(path) = address.strip_prefix("unix://") {
        knock_unix(path).await?;
        let docker = Docker::connect_with_unix(path, REQUEST_LIMIT.as_secs(), API_DEFAULT_VERSION);
        return Ok((docker.map_err(|error| Unreachable::Other(error.to_string()))?, address.to_owned()));
    }
    let schemes = ["tcp://", "http://", "https://"];
    let Some(rest) = schemes.iter().find_map(|scheme| address.strip_prefix(scheme)) else {
        return if address.starts_with("ssh://") {
            unsupported("an engine over ssh is not reached directly")
        } else {
            unsupported("only unix:// and tcp:// addresses are")
        };
    };
    let authority = |port: u16| {
        let rest = rest.trim_end_matches('/');
        let has_port = rest.rfind(':').is_some_and(|colon| !rest[colon..].contains(']'));
        if has_port { rest.to_owned() } else { format!("{rest}:{port}") }
    };
    let (authority, docker) = match security {
        Security::Plain => {
            let authority = authority(PLAIN_PORT);
            knock_tcp(&authority).await?;
            let address = format!("tcp://{authority}");
            (authority, Docker::connect_with_http(&address, REQUEST_LIMIT.as_secs(), API_DEFAULT_VERSION))
        }
        Security::Tls(TlsMaterial { authority: ca, certificate, key }) => {
            for (what, path) in [("authority", ca), ("certificate", certificate), ("key", key)] {
                let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
                let pem =
                    read.and_then(|text| if text.contains("-----BEGIN ") { Ok(()) } else { Err("not PEM".to_owned()) });
                pem.map_err(|reason| Unreachable::Certificate(format!("the {what} {}: {reason}", path.display())))?;
            }
            let authority = authority(TLS_PORT);
            knock_tcp(&authority).await?;
            let address = format!("tcp://{authority}");
            let limit = REQUEST_LIMIT.as_secs();
            (authority, Docker::connect_with_ssl(&address, key, certificate, ca, limit, API_DEFAULT_VERSION))
        }
        Security::Unknown => return Err(Unreachable::Certificate("no certificates are configured".to_owned())),
        Security::Unverified => {
            return Err(Unreachable::Certificate(
                "the context says not to verify the engine, which is not done".to_owned(),
            ));
        }
    };
    Ok((docker.map_err(|error| Unreachable::Other(root_cause(&error)))?, format!("tcp://{authority}")))
}

/// Connects and hangs up, for the system's own reason when that fails.
async fn knock_tcp(authority: &str) -> Result<(), Unreachable> {
    within_ping(tokio::net::TcpStream::connect(authority)).await?.map_err(|error| from_io(&error)).map(drop)
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

fn not_an_engine(error: &bollard::errors::Error, security: &Security) -> Unreachable {
    match (error, security) {
        (bollard::errors::Error::RequestTimeoutError, _) => Unreachable::TimedOut,
        // The port is open: what fails is what is said on it first.
        (bollard::errors::Error::HyperLegacyError { .. }, Security::Tls(_)) => {
            Unreachable::Certificate(root_cause(error))
        }
        // Go's own words, as dockerd says them.
        (other, Security::Plain) if other.to_string().contains("HTTP request to an HTTPS server") => {
            Unreachable::Certificate("it speaks TLS, and DOCKER_TLS_VERIFY is not set".to_owned())
        }
        (other, _) => Unreachable::NotAnEngine(root_cause(other)),
    }
}
