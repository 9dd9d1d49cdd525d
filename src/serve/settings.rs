//! Where a configuration comes from: a file, the environment and the command line, the later the stronger.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::config::{BatchConfig, FallbackAnswer, FallbackConfig, RequestLogConfig, ServeConfig, TlsFiles};
use super::{ServeError, TokenHash};
use crate::engine::MOST_THREADS;
use crate::features::UnknownFields;
use crate::project::{ProjectError, format};

/// Prefix of the environment's variables: `TRESTLE_SERVE_MAX_IN_FLIGHT`.
const ENVIRONMENT_PREFIX: &str = "TRESTLE_SERVE_";

/// Longest duration that is accepted.
const MAX_SECONDS: f64 = 7.0 * 24.0 * 3600.0;

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// Settings of a server, each of which may be absent.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ServeSettings {
            /// Format of the file; checked by whoever reads it.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub format: Option<u32>,
            $(
                $(#[$doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$type>,
            )*
        }

        impl ServeSettings {
            /// Every name that may be set.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// These settings, and `under` where they say nothing.
            #[must_use]
            pub fn or(self, under: Self) -> Self {
                Self { format: None, $($name: self.$name.or(under.$name),)* }
            }
        }
    };
}

settings! {
    /// Address and port to listen on.
    address: SocketAddr,
    /// Versions or aliases to load, the first by default; `all` for every one.
    versions: Vec<String>,
    /// Seconds that requests under way may take once the server was asked to stop.
    drain_seconds: f64,
    /// Seconds that new requests are still served after readiness turned false.
    notice_seconds: f64,
    /// Largest request body.
    max_body_bytes: usize,
    /// Largest path and headers.
    max_head_bytes: usize,
    /// All bodies under way together.
    max_buffered_bytes: usize,
    /// Seconds for reading a body, and for answering it.
    request_timeout_seconds: f64,
    /// Seconds that a connection may be idle or take to send a head.
    idle_timeout_seconds: f64,
    /// Seconds that a client may take to read the next part of an answer.
    write_timeout_seconds: f64,
    /// Requests to models under way.
    max_in_flight: usize,
    /// Open connections.
    max_connections: usize,
    /// Threads that one run of a model uses, from 1 to 64.
    threads: usize,
    /// `refuse` or `ignore`.
    unknown_fields: UnknownFieldsSetting,
    /// Rows that are run together; unset, each request is run alone.
    batch_max_rows: usize,
    /// Milliseconds that a request may wait for others while the model is busy.
    batch_max_delay_millis: f64,
    /// The version that answers in place of one that fails.
    fallback_version: String,
    /// For each output, the elements that answer in place of a model that fails.
    fallback_answer: BTreeMap<String, Json>,
    /// Failures in a row after which the fallback answers.
    fallback_after_failures: u32,
    /// Seconds after which the model is tried again.
    fallback_retry_seconds: f64,
    /// The folder for rows and answers.
    request_log: PathBuf,
    /// The share of requests kept there.
    request_log_sample: f64,
    /// Size after which a new file is begun there.
    request_log_max_file_bytes: u64,
    /// Files kept there.
    request_log_max_files: usize,
    /// Features and outputs left out there.
    request_log_redact: Vec<String>,
    /// SHA-256 of each token that may ask models.
    inference_token_sha256: Vec<String>,
    /// SHA-256 of each token that may see how the server is doing.
    administration_token_sha256: Vec<String>,
    /// PEM file with the certificate.
    tls_certificate: PathBuf,
    /// PEM file with its key.
    tls_key: PathBuf,
}

/// What `/predict` does with a field that is no feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownFieldsSetting {
    /// Answers 422.
    Refuse,
    /// Leaves it out.
    Ignore,
}

impl ServeSettings {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Project { root: path.to_owned(), source };
        let text = std::fs::read_to_string(path)
            .map_err(|source| failed(ProjectError::Io { action: "Reading", path: path.to_owned(), source }))?;
        let parsed = format::parse::<Self>(&text, path).map_err(failed)?;
        if parsed.is_newer() {
            let (found, known) = (parsed.format, format::FORMAT);
            return Err(failed(ProjectError::Newer { path: path.to_owned(), found, known }));
        }
        Ok(parsed.document)
    }

    /// Settings among the variables of an environment.
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ServeError> {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let setting = name.strip_prefix(ENVIRONMENT_PREFIX)?.to_ascii_lowercase();
            Some((name, setting, value))
        });
        Self::from_texts(ours)
    }

    /// Settings written as `name=value`.
    pub fn from_assignments<'a>(assignments: impl IntoIterator<Item = &'a str>) -> Result<Self, ServeError> {
        let split = assignments.into_iter().map(|assignment| {
            let (name, value) = assignment.split_once('=').unwrap_or((assignment, ""));
            (name.to_owned(), name.trim().replace('-', "_"), value.to_owned())
        });
        Self::from_texts(split)
    }

    /// Settings from `(name for messages, name, value)`.
    fn from_texts(texts: impl IntoIterator<Item = (String, String, String)>) -> Result<Self, ServeError> {
        let mut all = Self::default();
        for (said, name, value) in texts {
            if !Self::NAMES.contains(&name.as_str()) {
                let expected = format!("one of {}", Self::NAMES.join(", "));
                return Err(ServeError::Setting {
                    name: said,
                    reason: format!("there is no such setting; {expected}"),
                });
            }
            // A list may be written with commas, a text without quotation marks.
            let readings = [
                serde_json::from_str(&value).ok(),
                Some(json!(value)),
                Some(value.split(',').map(str::trim).collect()),
            ];
            let mut reason = String::new();
            let mut read = None;
            for reading in readings.into_iter().flatten() {
                match serde_json::from_value::<Self>(json!({ &name: reading })) {
                    Ok(settings) => {
                        read = Some(settings);
                        break;
                    }
                    Err(error) if reason.is_empty() => reason = error.to_string(),
                    Err(_) => {}
                }
            }
            let Some(read) = read else { return Err(ServeError::Setting { name: said, reason }) };
            all = read.or(all);
        }
        Ok(all)
    }

    /// The configuration: these settings over what holds without any, or what is wrong with them.
    pub fn into_config(self) -> Result<ServeConfig, ServeError> {
        let default = ServeConfig::default();
        let batching = self.batching()?;
        let fallback = self.fallback()?;
        let request_log = self.request_log_config()?;
        let tls = match (self.tls_certificate, self.tls_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (Some(_), None) => return Err(wrong("tls_key", "a certificate needs its key")),
            (None, Some(_)) => return Err(wrong("tls_certificate", "a key needs its certificate")),
        };
        let unknown_fields = match self.unknown_fields {
            Some(UnknownFieldsSetting::Ignore) => UnknownFields::Ignore,
            Some(UnknownFieldsSetting::Refuse) | None => UnknownFields::Refuse,
        };
        Ok(ServeConfig {
            address: self.address.unwrap_or(default.address),
            drain: seconds("drain_seconds", self.drain_seconds, default.drain)?,
            notice: seconds("notice_seconds", self.notice_seconds, default.notice)?,
            max_body_bytes: positive("max_body_bytes", self.max_body_bytes, default.max_body_bytes)?,
            max_head_bytes: positive("max_head_bytes", self.max_head_bytes, default.max_head_bytes)?,
            max_buffered_bytes: positive("max_buffered_bytes", self.max_buffered_bytes, default.max_buffered_bytes)?,
            request_timeout: above_zero(
                "request_timeout_seconds",
                self.request_timeout_seconds,
                default.request_timeout,
            )?,
            idle_timeout: above_zero("idle_timeout_seconds", self.idle_timeout_seconds, default.idle_timeout)?,
            write_timeout: above_zero("write_timeout_seconds", self.write_timeout_seconds, default.write_timeout)?,
            max_in_flight: positive("max_in_flight", self.max_in_flight, default.max_in_flight)?,
            max_connections: positive("max_connections", self.max_connections, default.max_connections)?,
            threads: match self.threads.unwrap_or(default.threads) {
                threads @ 1..=MOST_THREADS => threads,
                _ => return Err(wrong("threads", "one to 64 are possible")),
            },
            unknown_fields,
            batching,
            fallback,
            request_log,
            inference_tokens: tokens("inference_token_sha256", self.inference_token_sha256)?,
            administration_tokens: tokens("administration_token_sha256", self.administration_token_sha256)?,
            tls,
        })
    }

    fn batching(&self) -> Result<Option<BatchConfig>, ServeError> {
        let Some(max_rows) = self.batch_max_rows else {
            if self.batch_max_delay_millis.is_some() {
                return Err(wrong("batch_max_delay_millis", "it needs batch_max_rows"));
            }
            return Ok(None);
        };
        if max_rows < 2 {
            return Err(wrong("batch_max_rows", "a batch has 2 rows or more; leave it out to run each request alone"));
        }
        let delay = self.batch_max_delay_millis.map(|millis| millis / 1e3);
        Ok(Some(BatchConfig { max_rows, max_delay: seconds("batch_max_delay_millis", delay, Duration::ZERO)? }))
    }

    fn fallback(&self) -> Result<Option<FallbackConfig>, ServeError> {
        let answer = match (&self.fallback_version, &self.fallback_answer) {
            (None, None) => {
                if self.fallback_after_failures.is_some() || self.fallback_retry_seconds.is_some() {
                    return Err(wrong("fallback_version", "a fallback needs a version or an answer"));
                }
                return Ok(None);
            }
            (Some(version), None) => FallbackAnswer::Version(version.clone()),
            (None, Some(outputs)) => FallbackAnswer::Constant(outputs.clone()),
            (Some(_), Some(_)) => {
                return Err(wrong("fallback_answer", "a fallback is a version or an answer, not both"));
            }
        };
        let after_failures = self.fallback_after_failures.unwrap_or(5);
        if after_failures == 0 {
            return Err(wrong("fallback_after_failures", "1 or more is expected"));
        }
        let retry = above_zero("fallback_retry_seconds", self.fallback_retry_seconds, Duration::from_secs(30))?;
        Ok(Some(FallbackConfig { after_failures, retry, answer }))
    }

    fn request_log_config(&self) -> Result<Option<RequestLogConfig>, ServeError> {
        let Some(folder) = self.request_log.clone() else { return Ok(None) };
        let sample = self.request_log_sample.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&sample) {
            return Err(wrong("request_log_sample", "a share from 0 to 1 is expected"));
        }
        Ok(Some(RequestLogConfig {
            folder,
            sample,
            max_file_bytes: self.request_log_max_file_bytes.unwrap_or(64 * 1024 * 1024),
            max_files: positive("request_log_max_files", self.request_log_max_files, 8)?,
            redact: self.request_log_redact.clone().unwrap_or_default(),
        }))
    }
}

fn wrong(name: &str, reason: &str) -> ServeError {
    ServeError::Setting { name: name.to_owned(), reason: reason.to_owned() }
}

fn positive(name: &str, given: Option<usize>, default: usize) -> Result<usize, ServeError> {
    match given.unwrap_or(default) {
        0 => Err(wrong(name, "1 or more is expected")),
        given => Ok(given),
    }
}

fn seconds(name: &str, given: Option<f64>, default: Duration) -> Result<Duration, ServeError> {
    match given {
        None => Ok(default),
        Some(given) if (0.0..=MAX_SECONDS).contains(&given) => Ok(Duration::from_secs_f64(given)),
        Some(_) => Err(wrong(name, "a time from 0 to a week is expected")),
    }
}

fn above_zero(name: &str, given: Option<f64>, default: Duration) -> Result<Duration, ServeError> {
    let given = seconds(name, given, default)?;
    if given.is_zero() { Err(wrong(name, "a time above 0 is expected")) } else { Ok(given) }
}

fn tokens(name: &str, given: Option<Vec<String>>) -> Result<Vec<TokenHash>, ServeError> {
    let parsed = given.unwrap_or_default().into_iter().map(|text| {
        // The text is not repeated: it may be the token itself.
        text.parse().map_err(|error| wrong(name, &format!("{error}; make one with: printf %s TOKEN | sha256sum")))
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(assignments: &[&str], reason: &str) {
        let settings = ServeSettings::from_assignments(assignments.iter().copied());
        let error = settings.and_then(ServeSettings::into_config).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn the_later_source_is_the_stronger_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serve.ron");
        std::fs::write(
            &path,
            r#"(format: 1, max_in_flight: 7, drain_seconds: 3, versions: ["1.0.0"],
                fallback_answer: {"label": ["stay"], "probabilities": [1, 0]})"#,
        )
        .unwrap();
        let file = ServeSettings::read(&path).unwrap();
        let variables =
            [("TRESTLE_SERVE_MAX_IN_FLIGHT", "8"), ("TRESTLE_SERVE_VERSIONS", "1.0.0, 1.1.0"), ("HOME", "/")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = ServeSettings::from_environment(variables).unwrap();
        let flags = ServeSettings::from_assignments(["max-in-flight=9", "address=127.0.0.1:9"]).unwrap();
        let settings = flags.or(environment).or(file);
        assert_eq!(settings.versions, Some(vec!["1.0.0".to_owned(), "1.1.0".to_owned()]));
        let config = settings.into_config().unwrap();
        assert_eq!((config.max_in_flight, config.drain), (9, Duration::from_secs(3)));
        assert_eq!(config.address.to_string(), "127.0.0.1:9");
        let Some(FallbackConfig { answer: FallbackAnswer::Constant(answer), .. }) = config.fallback else { panic!() };
        assert_eq!(answer["probabilities"], json!([1, 0]));
        assert_eq!(config.max_body_bytes, ServeConfig::default().max_body_bytes);
    }

    #[test]
    fn what_is_wrong_is_named() {
        refused(&["max_inflight=1"], "no such setting");
        refused(&["max_in_flight=many"], "max_in_flight");
        refused(&["max_in_flight=0"], "1 or more");
        refused(&["drain_seconds=-1"], "from 0 to a week");
        refused(&["request_timeout_seconds=0"], "above 0");
        refused(&["address=localhost"], "address");
        refused(&["unknown_fields=maybe"], "unknown_fields");
        refused(&["batch_max_rows=1"], "2 rows or more");
        refused(&["batch_max_delay_millis=1"], "needs batch_max_rows");
        refused(&["fallback_after_failures=1"], "a version or an answer");
        refused(&["fallback_version=1", r#"fallback_answer={"a":[1]}"#], "not both");
        refused(&["request_log=x", "request_log_sample=2"], "from 0 to 1");
        refused(&["tls_key=x"], "needs its certificate");
        refused(&["inference_token_sha256=secret"], "sha256sum");
    }

    #[test]
    fn secrets_are_never_shown() {
        let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let assignment = format!("inference_token_sha256={hash}");
        let config = ServeSettings::from_assignments([assignment.as_str()]).unwrap().into_config().unwrap();
        assert_eq!(config.shown()["inference_token_sha256"], "1, hidden");
        assert!(!format!("{config:?}{}", config.shown()).contains(hash));
        let error = ServeSettings::from_assignments(["inference_token_sha256=geheim"]).unwrap().into_config();
        assert!(!error.unwrap_err().to_string().contains("geheim"));
    }
}
