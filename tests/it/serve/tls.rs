//! HTTPS, with a certificate made for the test.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use trestle::problem::Problem;
use trestle::serve::{ServeConfig, TlsFiles, check, health_over, serve_on};

use super::fixture::{Temper, request, served};

/// Files of a certificate for `localhost`, and the certificate.
fn certificate(folder: &Path) -> (TlsFiles, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    fs::write(&files.certificate, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().clone())
}

fn connector(trusted: CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_asked_over_https_and_plain_http_gets_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let (files, trusted) = certificate(folder.path());
    let known = files.certificate.clone();
    let config = ServeConfig { tls: Some(files), ..ServeConfig::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut stopped = Some(stopped);
    let server = tokio::spawn(async move {
        let stop = async move || match stopped.take() {
            Some(stopped) => stopped.await.is_err(),
            None => std::future::pending().await,
        };
        serve_on(listener, vec![served("1.0.0", Temper::Kind)], &config, stop).await.unwrap();
    });
    let body = request(2.0).to_string();
    let head = format!("POST /v2/models/churn/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
    let asked = format!("{head}Connection: close\r\n\r\n{body}");
    let mut text = String::new();
    // While the model warms up it says so.
    while !text.starts_with("HTTP/1.1 200") {
        text.clear();
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector(trusted.clone()).connect(name, stream).await.unwrap();
        stream.write_all(asked.as_bytes()).await.unwrap();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200") || text.starts_with("HTTP/1.1 503"), "{text}");
    }
    assert!(text.contains("probabilities"), "{text}");

    // The health check asks by the address alone: who answers is told by the certificate and nothing else.
    let url = format!("http://{address}/v2/health/ready");
    health_over(&url, Some(&known)).await.unwrap();
    health_over(&url.replace("http:", "https:"), Some(&known)).await.unwrap();
    let others = tempfile::tempdir().unwrap();
    let (other, _) = certificate(others.path());
    let refused = health_over(&url, Some(&other.certificate)).await.unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
    for without in [&url, &url.replace("http:", "https:")] {
        health_over(without, None).await.unwrap_err();
    }
    let absent = health_over(&url, Some(&others.path().join("absent.pem"))).await.unwrap_err();
    assert!(absent.starts_with("TLS cannot be used"), "{absent}");

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(asked.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // An alert, or nothing at all; never an answer.
    drop(plain.read_to_end(&mut bytes).await);
    assert!(!bytes.starts_with(b"HTTP"), "{bytes:?}");
    stop.send(()).unwrap();
    server.await.unwrap();
}

#[test]
fn files_that_are_no_certificate_or_key_are_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = certificate(folder.path());
    let at = |name: &str| folder.path().join(name);
    fs::write(at("empty.pem"), "").unwrap();
    let others = tempfile::tempdir().unwrap();
    let (other, _) = certificate(others.path());
    let cases = [
        (TlsFiles { certificate: at("absent.pem"), ..files.clone() }, "absent.pem"),
        (TlsFiles { certificate: at("empty.pem"), ..files.clone() }, "empty.pem"),
        (TlsFiles { key: at("empty.pem"), ..files.clone() }, "empty.pem"),
        (TlsFiles { key: files.certificate.clone(), ..files.clone() }, "certificate.pem"),
        (TlsFiles { key: other.key, ..files.clone() }, "certificate.pem"),
    ];
    for (files, place) in cases {
        let config = ServeConfig { tls: Some(files), ..ServeConfig::default() };
        let problem = Problem::from(check(vec![served("1.0.0", Temper::Kind)], &config).unwrap_err());
        assert!(problem.place.ends_with(place) && problem.what.starts_with("TLS cannot be used"), "{problem}");
    }
    let config = ServeConfig { tls: Some(files), ..ServeConfig::default() };
    check(vec![served("1.0.0", Temper::Kind)], &config).unwrap();
    assert!(config.shown()["tls_key"].as_str().unwrap().ends_with("key.pem"), "{}", json!(config.shown()));
}
