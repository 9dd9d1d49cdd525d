//! Where, for whom and within which limits models are served.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::access::TokenHash;
use crate::features::UnknownFields;

/// Where and within which limits models are served.
#[derive(Clone, Debug, PartialEq)]
pub struct ServeConfig {
    /// Address and port to listen on.
    pub address: SocketAddr,
    /// How long requests under way may take to finish once the server was asked to stop.
    pub drain: Duration,
    /// How long new requests are still served after readiness turned false, so that a load balancer can notice.
    pub notice: Duration,
    /// Largest request body, before and after it is unpacked.
    pub max_body_bytes: usize,
    /// Largest request head: path and headers together.
    pub max_head_bytes: usize,
    /// What all bodies under way may take together; one more is answered 503.
    pub max_buffered_bytes: usize,
    /// How long reading a body, and then answering it, may each take.
    pub request_timeout: Duration,
    /// How long a connection may stay idle or take to send a request's head.
    pub idle_timeout: Duration,
    /// How long a client may take to read the next part of its answer.
    pub write_timeout: Duration,
    /// Requests to models under way at once; one more is answered 429.
    pub max_in_flight: usize,
    /// Open connections; one more is answered 503 and closed.
    pub max_connections: usize,
    /// Threads that one run of a model uses.
    pub threads: usize,
    /// What `/predict` does with a field that is no feature.
    pub unknown_fields: UnknownFields,
    /// Whether requests that wait for a processor are run together.
    pub batching: Option<BatchConfig>,
    /// What answers in place of a model that fails again and again.
    pub fallback: Option<FallbackConfig>,
    /// Whether rows and answers are kept.
    pub request_log: Option<RequestLogConfig>,
    /// Who may ask models; everybody when there is none.
    pub inference_tokens: Vec<TokenHash>,
    /// Who may see metrics, statistics and the repository; when there is none, whoever may ask models.
    pub administration_tokens: Vec<TokenHash>,
    /// Certificate and key; plain HTTP without.
    pub tls: Option<TlsFiles>,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            // Below the 10 s after which Docker kills.
            drain: Duration::from_secs(9),
            notice: Duration::from_millis(500),
            max_body_bytes: 32 * 1024 * 1024,
            max_head_bytes: 16 * 1024,
            max_buffered_bytes: 256 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            // Above the 60 s that load balancers keep idle connections, so that they close first.
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            max_in_flight: 256,
            max_connections: 4096,
            // Requests are run side by side: more threads each would only take them from one another.
            threads: 1,
            unknown_fields: UnknownFields::Refuse,
            batching: None,
            fallback: None,
            request_log: None,
            inference_tokens: Vec::new(),
            administration_tokens: Vec::new(),
            tls: None,
        }
    }
}

/// How requests that wait are run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchConfig {
    /// Rows of one run at most.
    pub max_rows: usize,
    /// How long a request that came while the model was busy may wait for others.
    pub max_delay: Duration,
}

/// When something else answers in place of a model, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallbackConfig {
    /// Failures in a row after which it answers.
    pub after_failures: u32,
    /// How often the model is then tried again.
    pub retry: Duration,
    /// What answers.
    pub answer: FallbackAnswer,
}

/// What answers in place of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FallbackAnswer {
    /// Another version, which must be served as well.
    Version(String),
    /// For each output, its elements for one row.
    Constant(BTreeMap<String, Json>),
}

impl fmt::Display for FallbackAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version {version}"),
            Self::Constant(_) => f.write_str("constant"),
        }
    }
}

/// Where rows and answers are kept, and which.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestLogConfig {
    /// The folder; it is made if absent.
    pub folder: PathBuf,
    /// The share of requests that is kept, 0 to 1.
    pub sample: f64,
    /// Size after which a new file is begun.
    pub max_file_bytes: u64,
    /// Files kept; the oldest is removed.
    pub max_files: usize,
    /// Features and outputs that are left out.
    pub redact: Vec<String>,
}

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl ServeConfig {
    /// What is in force, for a person and the log; of secrets only their number.
    pub fn shown(&self) -> Json {
        let mut shown = json!({
            "address": self.address,
            "drain_seconds": self.drain.as_secs_f64(),
            "notice_seconds": self.notice.as_secs_f64(),
            "max_body_bytes": self.max_body_bytes,
            "max_head_bytes": self.max_head_bytes,
            "max_buffered_bytes": self.max_buffered_bytes,
            "request_timeout_seconds": self.request_timeout.as_secs_f64(),
            "idle_timeout_seconds": self.idle_timeout.as_secs_f64(),
            "write_timeout_seconds": self.write_timeout.as_secs_f64(),
            "max_in_flight": self.max_in_flight,
            "max_connections": self.max_connections,
            "threads": self.threads,
            "unknown_fields": if self.unknown_fields == UnknownFields::Refuse { "refuse" } else { "ignore" },
            "inference_token_sha256": hidden(self.inference_tokens.len()),
            "administration_token_sha256": hidden(self.administration_tokens.len()),
        });
        if let Some(batching) = &self.batching {
            shown["batch_max_rows"] = batching.max_rows.into();
            shown["batch_max_delay_millis"] = (batching.max_delay.as_secs_f64() * 1e3).into();
        }
        if let Some(FallbackConfig { after_failures, retry, answer }) = &self.fallback {
            match answer {
                FallbackAnswer::Version(version) => shown["fallback_version"] = version.as_str().into(),
                FallbackAnswer::Constant(outputs) => shown["fallback_answer"] = json!(outputs),
            }
            shown["fallback_after_failures"] = (*after_failures).into();
            shown["fallback_retry_seconds"] = retry.as_secs_f64().into();
        }
        if let Some(log) = &self.request_log {
            shown["request_log"] = log.folder.display().to_string().into();
            shown["request_log_sample"] = log.sample.into();
            shown["request_log_max_file_bytes"] = log.max_file_bytes.into();
            shown["request_log_max_files"] = log.max_files.into();
            shown["request_log_redact"] = json!(log.redact);
        }
        if let Some(TlsFiles { certificate, key }) = &self.tls {
            shown["tls_certificate"] = certificate.display().to_string().into();
            shown["tls_key"] = key.display().to_string().into();
        }
        shown
    }
}

fn hidden(n: usize) -> String {
    match n {
        0 => "none".to_owned(),
        1 => "1, hidden".to_owned(),
        n => format!("{n}, hidden"),
    }
}
