//! Why an image could not be pushed.

use std::path::PathBuf;

/// Why an image could not be pushed. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Docker's configuration cannot be read.
    #[error("The credentials in Docker's configuration cannot be read: {reason}")]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A credential helper gives no answer.
    #[error("The credential helper `{helper}` gave no credentials for {registry}: {reason}")]
    Helper {
        /// Its program.
        helper: String,
        /// The registry it was asked for.
        registry: String,
        /// What happened.
        reason: String,
    },
    /// The image is not on the engine.
    #[error("The engine has no image {image}")]
    NoImage {
        /// Its identity.
        image: String,
    },
    /// The registry does not let this account push.
    #[error("{registry} refused the push ({reason}); {credentials}")]
    Denied {
        /// The registry.
        registry: String,
        /// The reference.
        reference: String,
        /// The engine's words.
        reason: String,
        /// Which credentials were sent, in words.
        credentials: String,
    },
    /// Nobody answers at the registry's address.
    #[error("{registry} cannot be reached from the engine ({reason})")]
    Unreachable {
        /// The registry.
        registry: String,
        /// The engine's words.
        reason: String,
    },
    /// The registry speaks HTTP where the engine insists on HTTPS.
    #[error("{registry} does not speak HTTPS, which the engine asks of every registry that is not on its own machine")]
    PlainHttp {
        /// The registry.
        registry: String,
    },
    /// The registry's certificate is not trusted.
    #[error("The engine does not trust the certificate of {registry} ({reason})")]
    Certificate {
        /// The registry.
        registry: String,
        /// The engine's words.
        reason: String,
    },
    /// There is no such repository, and the registry makes none by itself.
    #[error("{registry} has no repository of that name ({reason})")]
    NoRepository {
        /// The registry.
        registry: String,
        /// The reference.
        reference: String,
        /// The engine's words.
        reason: String,
    },
    /// Anything else.
    #[error("The push was not completed: {reason}")]
    Refused {
        /// The reference.
        reference: String,
        /// The engine's words.
        reason: String,
    },
}

impl PushError {
    /// What the engine's words about a push mean.
    pub(super) fn from_words(reason: String, reference: &str, registry: &str, credentials: &str) -> Self {
        let words = reason.to_ascii_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        let (registry, reference) = (registry.to_owned(), reference.to_owned());
        if says(&["server gave http response to https client"]) {
            Self::PlainHttp { registry }
        } else if says(&["x509", "certificate", "tls: "]) {
            Self::Certificate { registry, reason }
        } else if says(&["name unknown", "repository does not exist", "repository not found", "does not exist"]) {
            Self::NoRepository { registry, reference, reason }
        } else if says(&["unauthorized", "denied", "authentication required", "no basic auth", "forbidden"]) {
            Self::Denied { registry, reference, reason, credentials: credentials.to_owned() }
        } else if says(&["no such host", "refused", "timeout", "no route", "unreachable", "lookup ", "deadline"]) {
            Self::Unreachable { registry, reason }
        } else {
            Self::Refused { reference, reason }
        }
    }

    /// The file, address or reference it concerns.
    pub(in crate::package) fn place(&self) -> String {
        match self {
            Self::Configuration { path, .. } => path.display().to_string(),
            Self::Helper { registry, .. }
            | Self::Unreachable { registry, .. }
            | Self::PlainHttp { registry }
            | Self::Certificate { registry, .. } => registry.clone(),
            Self::Denied { reference, .. } | Self::NoRepository { reference, .. } | Self::Refused { reference, .. } => {
                reference.clone()
            }
            Self::NoImage { .. } => String::new(),
        }
    }

    /// What the reader can do.
    pub(in crate::package) fn fix(&self) -> String {
        match self {
            Self::Configuration { .. } => {
                "Correct the file, or move it away and sign in again with `docker login`.".to_owned()
            }
            Self::Helper { helper, registry, .. } => format!(
                "Sign in again with `docker login {registry}`; `echo {registry} | {helper} get` shows what the helper \
                 says."
            ),
            Self::NoImage { .. } => "Build the image, then push again.".to_owned(),
            Self::Denied { registry, .. } => format!(
                "Sign in with `docker login {registry}` as an account that may push there, and check the name of the \
                 repository."
            ),
            Self::Unreachable { .. } => {
                "Check the registry's name and port in the reference; it is the engine's machine that connects to it."
                    .to_owned()
            }
            Self::PlainHttp { registry } => format!(
                "Give the registry a certificate, or, for a trusted network, list {registry} under \
                 `insecure-registries` in the engine's daemon.json and restart it."
            ),
            Self::Certificate { registry, .. } => format!(
                "Put the certificate of the authority that signed it at /etc/docker/certs.d/{registry}/ca.crt on the \
                 engine's machine."
            ),
            Self::NoRepository { .. } => "Create the repository in the registry first, then push again.".to_owned(),
            Self::Refused { .. } => {
                "See the registry's and the engine's own logs; the tag here is as it was before.".to_owned()
            }
        }
    }
}
