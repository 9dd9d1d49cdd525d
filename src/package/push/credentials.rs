//! Credentials for a registry, found where the docker command line finds them: `config.json` in `DOCKER_CONFIG` or
//! `~/.docker`, with `credHelpers` before `credsStore` before `auths`.
//!
//! **Invariant:** a secret is in [`Credentials`] alone: it is never logged, stored, printed or put into an error. The
//! file is walked by hand, because an error of a typed reader quotes what it found.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bollard::auth::DockerCredentials;
use serde_json::{Map, Value as Json};

use super::error::PushError;
use super::helper;
use crate::jobs::JobContext;
use crate::package::PackageError;

/// Largest configuration that is read.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Standard base64, with or without the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where Docker's client keeps its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerFiles {
    /// The folder with `config.json`; nothing is known without one.
    pub folder: Option<PathBuf>,
    /// Where credential helpers are looked for; on `PATH` without it.
    pub helpers: Option<PathBuf>,
}

impl DockerFiles {
    /// Those of this process's user.
    pub fn from_process() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = set("DOCKER_CONFIG").or_else(|| set("HOME").map(|home| home.join(".docker")));
        Self { folder, helpers: None }
    }
}

/// What to show a registry.
#[derive(Clone, Default)]
pub(in crate::package) struct Credentials {
    /// For the engine; nothing in it without an account.
    pub(in crate::package) secret: DockerCredentials,
    /// Where it was found, in words; empty when it was not.
    pub(in crate::package) source: String,
    /// Why less was found than the configuration promises.
    pub(in crate::package) note: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("source", &self.source).field("note", &self.note).finish_non_exhaustive()
    }
}

impl Credentials {
    fn known(secret: DockerCredentials, source: impl Into<String>) -> Self {
        Self { secret, source: source.into(), note: None }
    }

    /// Which credentials were sent, in words.
    pub(super) fn words(&self) -> String {
        match (&self.note, self.source.as_str()) {
            (Some(note), "") => format!("no credentials were sent: {note}"),
            (None, "") => "no credentials were sent, as Docker's configuration has none for it".to_owned(),
            (_, source) => format!("credentials were sent from {source}"),
        }
    }

    /// The same text without anything secret in it, whoever put it there.
    pub(super) fn scrub(&self, text: &str) -> String {
        let DockerCredentials { password, auth, identitytoken, registrytoken, .. } = &self.secret;
        let secrets = [password, auth, identitytoken, registrytoken].into_iter().flatten();
        secrets.filter(|secret| !secret.is_empty()).fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }
}

/// The credentials for a registry. `key` is its name in the configuration: the host with its port, or the index
/// address of the engine's default registry.
pub(in crate::package) async fn find(
    files: &DockerFiles,
    key: &str,
    context: &JobContext,
) -> Result<Credentials, PackageError> {
    let Some(folder) = &files.folder else { return Ok(Credentials::default()) };
    let path = folder.join("config.json");
    let broken = |reason: String| PushError::Configuration { path: path.clone(), reason };
    let Some(config) = read(&path).map_err(broken)? else { return Ok(Credentials::default()) };
    let Some(name) = helper_of(&config, key).map_err(broken)? else {
        return Ok(stored(&config, key).map_err(broken)?.unwrap_or_default());
    };
    match helper::ask(files.helpers.as_deref(), &name, key, helper::LIMIT, context).await? {
        helper::Answer::Found(secret) => Ok(Credentials::known(secret, format!("docker-credential-{name}"))),
        helper::Answer::Nothing => Ok(stored(&config, key).map_err(broken)?.unwrap_or_default()),
        helper::Answer::NoSuchHelper => {
            let note = format!("docker-credential-{name}, which Docker's configuration names, is not on PATH");
            Ok(Credentials { note: Some(note), ..stored(&config, key).map_err(broken)?.unwrap_or_default() })
        }
    }
}

/// The configuration; `None` when there is none.
fn read(path: &Path) -> Result<Option<Map<String, Json>>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut bytes = Vec::new();
    file.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if MAX_CONFIG_BYTES < bytes.len() as u64 {
        return Err(format!("it is larger than {} MiB", MAX_CONFIG_BYTES >> 20));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Json::Object(config)) => Ok(Some(config)),
        Ok(_) => Err("it is not a JSON object".to_owned()),
        // Its own message may quote the file.
        Err(error) => Err(format!("it is not JSON, at line {} column {}", error.line(), error.column())),
    }
}

/// The helper that is in charge of a registry: one of its own, else the store of all.
fn helper_of(config: &Map<String, Json>, key: &str) -> Result<Option<String>, String> {
    let own = match config.get("credHelpers") {
        None | Some(Json::Null) => None,
        Some(Json::Object(helpers)) => helpers.get(key),
        Some(_) => return Err("`credHelpers` is not an object".to_owned()),
    };
    let (place, name) = match own {
        Some(name) => ("credHelpers", name),
        None => match config.get("credsStore") {
            None | Some(Json::Null) => return Ok(None),
            Some(name) => ("credsStore", name),
        },
    };
    let Json::String(name) = name else { return Err(format!("`{place}` names a helper that is no text")) };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.bytes().all(plain) || 100 < name.len() {
        return Err(format!("`{place}` names a helper with characters that no helper's name has"));
    }
    Ok((!name.is_empty()).then(|| name.clone()))
}

/// The entry of a registry in `auths`.
fn stored(config: &Map<String, Json>, key: &str) -> Result<Option<Credentials>, String> {
    let auths = match config.get("auths") {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Object(auths)) => auths,
        Some(_) => return Err("`auths` is not an object".to_owned()),
    };
    // Old entries are whole addresses.
    let entry = auths.get(key).or_else(|| auths.iter().find(|(name, _)| host(name) == host(key)).map(|(_, e)| e));
    let Some(entry) = entry else { return Ok(None) };
    let Json::Object(entry) = entry else { return Err(format!("the entry of {key} is not an object")) };
    let text = |name: &str| match entry.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(format!("`{name}` of {key} is no text")),
    };
    let mut secret = DockerCredentials {
        username: text("username")?,
        password: text("password")?,
        identitytoken: text("identitytoken")?,
        registrytoken: text("registrytoken")?,
        ..DockerCredentials::default()
    };
    if let Some(auth) = text("auth")? {
        let (username, password) = decode(&auth).map_err(|reason| format!("`auth` of {key} {reason}"))?;
        secret.username = Some(username);
        secret.password = Some(password);
    }
    if secret == DockerCredentials::default() {
        return Ok(None);
    }
    secret.serveraddress = Some(key.to_owned());
    Ok(Some(Credentials::known(secret, "Docker's config.json")))
}

/// Name and password out of `base64(name:password)`.
fn decode(auth: &str) -> Result<(String, String), &'static str> {
    let bytes = BASE64.decode(auth.trim()).map_err(|_quoting| "is not base64")?;
    let text = String::from_utf8(bytes).map_err(|_quoting| "is not text")?;
    let (username, password) = text.split_once(':').ok_or("has no colon between name and password")?;
    if username.is_empty() {
        return Err("has no name");
    }
    Ok((username.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// The host and port of an address or a name.
fn host(address: &str) -> &str {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).unwrap_or(address);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::jobs::no_wake;

    const KEY: &str = "registry.example:5000";

    /// What a configuration comes to: name, password and token, or the error.
    async fn found(config: &str) -> Result<[String; 3], String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), config).unwrap();
        let files = DockerFiles { folder: Some(folder.path().to_owned()), helpers: Some(folder.path().to_owned()) };
        let credentials = find(&files, KEY, &JobContext::new(no_wake())).await.map_err(|error| error.to_string())?;
        let DockerCredentials { username, password, identitytoken, .. } = credentials.secret;
        Ok([username, password, identitytoken].map(Option::unwrap_or_default))
    }

    fn auth(text: &str) -> String {
        BASE64.encode(text)
    }

    #[tokio::test]
    async fn entries_of_every_kind_are_found() {
        let check = async |config: String, expected: [&str; 3]| {
            assert_eq!(
                found(&config).await.as_ref().map(|f| f.each_ref().map(String::as_str)),
                Ok(expected),
                "{config}"
            );
        };
        let ada = auth("ada:a:b~?>ü");
        let none = ["", "", ""];
        check(format!(r#"{{"auths":{{"{KEY}":{{"auth":"{ada}"}}}}}}"#), ["ada", "a:b~?>ü", ""]).await;
        check(format!(r#"{{"auths":{{"{KEY}":{{"auth":"{}"}}}}}}"#, ada.trim_end_matches('=')), ["ada", "a:b~?>ü", ""])
            .await;
        check(format!(r#"{{"auths":{{"https://{KEY}/v1/":{{"auth":"{ada}"}}}}}}"#), ["ada", "a:b~?>ü", ""]).await;
        check(format!(r#"{{"auths":{{"{KEY}":{{"identitytoken":"t","username":"ada"}}}}}}"#), ["ada", "", "t"]).await;
        check(format!(r#"{{"auths":{{"{KEY}":{{}}}}}}"#), none).await;
        check(format!(r#"{{"auths":{{"other.example":{{"auth":"{ada}"}}}}}}"#), none).await;
        check(r#"{"auths":null,"credsStore":""}"#.to_owned(), none).await;
        check("{}".to_owned(), none).await;
        // A store that is not there leaves what the file has.
        check(format!(r#"{{"credsStore":"gone","auths":{{"{KEY}":{{"auth":"{ada}"}}}}}}"#), ["ada", "a:b~?>ü", ""])
            .await;
        // Trailing zeros are padding of old clients.
        check(format!(r#"{{"auths":{{"{KEY}":{{"auth":"{}"}}}}}}"#, auth("ada:p\0\0")), ["ada", "p", ""]).await;
    }

    #[tokio::test]
    async fn hostile_files_are_told_without_what_is_in_them() {
        let long = format!("{{\"auths\":\"{}\"}}", "x".repeat(1 << 20));
        for (config, expected) in [
            ("s3cret", "not JSON, at line 1 column 1"),
            ("[\"s3cret\"]", "not a JSON object"),
            (r#"{"auths":"s3cret"}"#, "`auths` is not an object"),
            (r#"{"auths":{"registry.example:5000":"s3cret"}}"#, "is not an object"),
            (
                r#"{"auths":{"registry.example:5000":{"auth":["s3cret"]}}}"#,
                "`auth` of registry.example:5000 is no text",
            ),
            (r#"{"auths":{"registry.example:5000":{"auth":"s3cret!"}}}"#, "is not base64"),
            (r#"{"auths":{"registry.example:5000":{"auth":"/////w=="}}}"#, "is not text"),
            (r#"{"auths":{"registry.example:5000":{"auth":"czNjcmV0"}}}"#, "has no colon"),
            (r#"{"auths":{"registry.example:5000":{"auth":"OnMzY3JldA=="}}}"#, "has no name"),
            (r#"{"credHelpers":["s3cret"]}"#, "`credHelpers` is not an object"),
            (r#"{"credHelpers":{"registry.example:5000":7}}"#, "names a helper that is no text"),
            (r#"{"credsStore":"../../s3cret"}"#, "characters that no helper's name has"),
            (&long, "larger than 1 MiB"),
        ] {
            let error = found(config).await.unwrap_err();
            assert!(error.contains(expected), "{config:.60}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[tokio::test]
    async fn deep_nesting_is_an_error_and_not_a_crash() {
        assert!(found(&"[".repeat(100_000)).await.is_err());
    }

    #[tokio::test]
    async fn without_a_configuration_there_are_none() {
        let folder = tempfile::tempdir().unwrap();
        for folder in [None, Some(folder.path().to_owned())] {
            let files = DockerFiles { folder, helpers: None };
            let credentials = find(&files, KEY, &JobContext::new(no_wake())).await.unwrap();
            assert_eq!(credentials.secret, DockerCredentials::default());
            assert!(credentials.words().contains("no credentials were sent"));
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let secret = DockerCredentials { password: Some("s3cret".to_owned()), ..DockerCredentials::default() };
        let credentials = Credentials::known(secret, "a test");
        assert_eq!(credentials.scrub("denied: s3cret is wrong"), "denied: … is wrong");
        assert!(!format!("{credentials:?} {}", credentials.words()).contains("s3cret"));
    }
}
