//! An engine behind TCP and TLS, each side with a certificate made for the test.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use trestle::package::{self, DockerContext, Environment, PackageError, TlsMaterial};
use trestle::problem::Problem;

use super::fake::{Engine, Fault};
use super::{Scene, check_verified};

/// An authority, and what it vouches for.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// A certificate for these names, and its key.
    fn vouch(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// What a user of this authority has in a folder, by docker's names.
    pub(super) fn write_user(&self, folder: &Path) {
        let (certificate, key) = self.vouch(&["user"]);
        fs::write(folder.join("ca.pem"), self.issuer.pem()).unwrap();
        fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    }

    /// What makes an engine's connections, and takes only users of this authority.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.issuer.der().to_vec())).unwrap();
        let users = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let (certificate, key) = self.vouch(&["localhost", "127.0.0.1"]);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(users.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Lets the engine listen behind TLS for as long as the runtime lives.
async fn listen(engine: &Arc<Engine>, authority: &Authority) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, acceptor, engine) = (listener.local_addr().unwrap(), authority.acceptor(), Arc::clone(engine));
    drop(tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, engine) = (acceptor.clone(), Arc::clone(&engine));
            drop(tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    engine.converse(stream).await;
                }
            }));
        }
    }));
    address
}

pub(super) fn at(address: &str, certificates: &Path) -> Environment {
    Environment {
        docker_host: Some(format!("tcp://{address}")),
        tls_verify: true,
        certificates: Some(certificates.to_owned()),
        ..Environment::default()
    }
}

fn user_of(authority: &Authority) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    authority.write_user(folder.path());
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_behind_tls_builds_when_each_side_proves_itself() {
    let mut scene = Scene::set(Fault::None);
    let authority = Authority::new();
    let address = listen(&scene.engine, &authority).await;
    let files = user_of(&authority);
    scene.environment = at(&address.to_string(), files.path());
    let (result, log) = scene.build().await;
    check_verified(&scene, result, &log);
    assert!(log.iter().any(|line| line.ends_with(&format!("at tcp://{address}"))), "{log:#?}");
    // The same by a docker context, and by a name of the certificate.
    let context = DockerContext {
        name: "remote".to_owned(),
        host: format!("tcp://localhost:{}", address.port()),
        tls: Some(TlsMaterial::in_folder(files.path())),
        skip_verify: false,
    };
    let environment = Environment {
        current_context: Some("remote".to_owned()),
        contexts: vec![context.clone()],
        ..Environment::default()
    };
    package::discover_in(&environment).await.unwrap();
    let unverified = DockerContext { skip_verify: true, ..context };
    let environment = Environment { contexts: vec![unverified], ..environment };
    assert!(what(&environment).await.contains("the context says not to verify the engine"), "refused, not obeyed");
}

/// What is told of an engine that cannot be reached.
async fn what(environment: &Environment) -> String {
    let error = package::discover_in(environment).await.unwrap_err();
    assert!(matches!(error, PackageError::NoEngine { chosen: true, .. }), "{error}");
    let problem = Problem::from(error);
    assert!(problem.fix.contains("DOCKER_CERT_PATH") || problem.what.contains("not a container engine"), "{problem}");
    problem.what
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_prove_themselves_gets_nowhere_and_is_told_why() {
    let engine = Engine::new(Fault::None);
    let authority = Authority::new();
    let address = listen(&engine, &authority).await.to_string();
    let (files, stranger) = (user_of(&authority), user_of(&Authority::new()));
    // An engine that our authority does not vouch for.
    let told = what(&at(&address, stranger.path())).await;
    assert!(told.contains("TLS failed: invalid peer certificate"), "{told}");
    // A user whom its authority does not vouch for.
    for name in ["cert.pem", "key.pem"] {
        fs::copy(stranger.path().join(name), files.path().join(name)).unwrap();
    }
    let told = what(&at(&address, files.path())).await;
    assert!(told.contains("TLS failed: "), "{told}");
    assert_eq!(engine.asked(), Vec::<String>::new());
    // Files that are not there, or are no certificates.
    fs::write(files.path().join("key.pem"), "nonsense").unwrap();
    assert!(what(&at(&address, files.path())).await.contains("key.pem: not PEM"));
    fs::remove_file(files.path().join("ca.pem")).unwrap();
    assert!(what(&at(&address, files.path())).await.contains("the authority "));
    // In the clear there is no answer, and nothing is taken for one.
    let plain = Environment { tls_verify: false, ..at(&address, files.path()) };
    assert!(what(&plain).await.contains("not a container engine"));
    assert_eq!(engine.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn an_engine_over_ssh_is_refused_with_a_way() {
    let environment = Environment { docker_host: Some("ssh://build.example".to_owned()), ..Environment::default() };
    let problem = Problem::from(package::discover_in(&environment).await.unwrap_err());
    assert!(problem.what.contains("an engine over ssh is not reached directly"), "{problem}");
    assert!(problem.fix.contains("ssh -nNT -L") && problem.fix.contains("DOCKER_HOST to unix://"), "{problem}");
}
