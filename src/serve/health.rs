//! `trestle health URL`: one GET over a plain socket, for the container's health check and for tests.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long connecting and answering may take together.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether `url` (`http://host[:port]/path`) answers 200 within a few seconds.
pub async fn health(url: &str) -> bool {
    let Some((authority, path)) = split(url) else { return false };
    tokio::time::timeout(PATIENCE, status_is_ok(&authority, path)).await.is_ok_and(|answered| answered.unwrap_or(false))
}

async fn status_is_ok(authority: &str, path: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    // `HTTP/1.1 200` is all that is needed.
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    Ok(status.starts_with(b"HTTP/1.") && status.ends_with(b" 200"))
}

/// Host with port, and path.
fn split(url: &str) -> Option<(String, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |start| rest.split_at(start));
    if authority.is_empty() || authority.contains('@') || path.bytes().any(|byte| byte <= b' ') {
        return None;
    }
    let has_port = authority.rfind(':').is_some_and(|colon| !authority[colon..].contains(']'));
    Some((if has_port { authority.to_owned() } else { format!("{authority}:80") }, path))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn an_address_is_split_into_host_and_path() {
        let cases = [
            ("http://127.0.0.1:8080/v2/health/ready", Some(("127.0.0.1:8080", "/v2/health/ready"))),
            ("http://localhost", Some(("localhost:80", "/"))),
            ("http://[::1]/x", Some(("[::1]:80", "/x"))),
            ("http://[::1]:9/x", Some(("[::1]:9", "/x"))),
            ("https://localhost/", None),
            ("localhost:8080", None),
            ("http:///x", None),
            ("http://localhost/a b", None),
        ];
        for (url, expected) in cases {
            let got = split(url);
            assert_eq!(got.as_ref().map(|(host, path)| (host.as_str(), *path)), expected, "{url}");
        }
    }
}
