//! `trestle health URL`: one GET over one socket, for the container's health check and for tests.
//!
//! A server that speaks TLS is asked over TLS, and must present the very certificate that it was configured with: its
//! own health check knows that certificate, so no authority and no host name has to vouch for it.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::tls;

/// How long connecting and answering may take together.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether `url` (`http://host[:port]/path`) answers 200 within a few seconds.
pub async fn health(url: &str) -> bool {
    health_over(url, None).await.is_ok()
}

/// Whether `url` answers 200 within a few seconds; the error says why not.
///
/// With a certificate it is asked over TLS whatever its scheme says, and has to present that certificate (the first of
/// the PEM file) and prove that it has its key. Without one, `https` is refused: nobody could say who answered.
pub async fn health_over(url: &str, certificate: Option<&Path>) -> Result<(), String> {
    let address = Address::read(url).ok_or_else(|| format!("{url} is no address such as http://127.0.0.1:8080/"))?;
    match tokio::time::timeout(PATIENCE, address.ask(certificate)).await {
        Ok(answered) => answered,
        Err(_elapsed) => Err(format!("{url} did not answer within {} s", PATIENCE.as_secs())),
    }
}

/// Whether an address is on this machine by its name: only there is the server's own certificate to be expected.
pub fn is_loopback(url: &str) -> bool {
    Address::read(url).is_some_and(|address| {
        address.host == "localhost" || address.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// What is asked where.
#[derive(Debug, PartialEq, Eq)]
struct Address<'a> {
    secure: bool,
    /// Without brackets.
    host: &'a str,
    authority: String,
    path: &'a str,
}

impl<'a> Address<'a> {
    fn read(url: &'a str) -> Option<Self> {
        let (secure, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return None,
        };
        let (authority, path) = rest.find('/').map_or((rest, "/"), |start| rest.split_at(start));
        if authority.is_empty() || authority.contains('@') || path.bytes().any(|byte| byte <= b' ') {
            return None;
        }
        let colon = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
        let host = authority[..colon.unwrap_or(authority.len())].trim_start_matches('[').trim_end_matches(']');
        let usual_port = if secure { 443 } else { 80 };
        let authority = if colon.is_some() { authority.to_owned() } else { format!("{authority}:{usual_port}") };
        Some(Self { secure, host, authority, path })
    }

    async fn ask(&self, certificate: Option<&Path>) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.authority);
        if self.secure && certificate.is_none() {
            return Err("https needs the server's certificate to compare with: --tls-certificate FILE".to_owned());
        }
        let connector = certificate.map(tls::pinned).transpose().map_err(|error| error.to_string())?;
        let stream = TcpStream::connect(&self.authority).await.map_err(failed)?;
        let status = match connector {
            None => self.status(stream).await,
            Some(connector) => {
                let name = ServerName::try_from(self.host.to_owned()).map_err(|error| error.to_string())?;
                match connector.connect(name, stream).await {
                    Ok(stream) => self.status(stream).await,
                    Err(error) => Err(error),
                }
            }
        };
        match status.map_err(failed)?.as_str() {
            "200" => Ok(()),
            status => Err(format!("{} answers {status}", self.authority)),
        }
    }

    /// The status, in its three digits.
    async fn status(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
        let Self { authority, path, .. } = self;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        // `HTTP/1.1 200` is all that is needed.
        let mut status = [0; 12];
        stream.read_exact(&mut status).await?;
        let status = std::str::from_utf8(&status).ok().filter(|status| status.starts_with("HTTP/1."));
        let status = status.and_then(|status| status.split(' ').nth(1));
        status.map(str::to_owned).ok_or_else(|| std::io::Error::other("what answers speaks no HTTP"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_split_into_host_and_path() {
        let cases = [
            ("http://127.0.0.1:8080/v2/health/ready", Some(("127.0.0.1", "127.0.0.1:8080", "/v2/health/ready"))),
            ("http://localhost", Some(("localhost", "localhost:80", "/"))),
            ("http://[::1]/x", Some(("::1", "[::1]:80", "/x"))),
            ("http://[::1]:9/x", Some(("::1", "[::1]:9", "/x"))),
            ("https://localhost/", Some(("localhost", "localhost:443", "/"))),
            ("localhost:8080", None),
            ("http:///x", None),
            ("http://localhost/a b", None),
        ];
        for (url, expected) in cases {
            let got = Address::read(url);
            let got = got.as_ref().map(|address| (address.host, address.authority.as_str(), address.path));
            assert_eq!(got, expected, "{url}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/", true),
            ("https://[::1]:8080/", true),
            ("http://localhost/", true),
            ("http://0.0.0.0:8080/", false),
            ("http://localhost.example/", false),
            ("nonsense", false),
        ] {
            assert_eq!(is_loopback(url), expected, "{url}");
        }
    }
}
