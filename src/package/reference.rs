//! Image references: the name and the tag of `--tag`, checked before anything is built.

use super::error::PackageError;

/// A repository and a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// Everything before the tag: `churn`, `host:5000/team/churn`.
    pub(super) repository: String,
    /// The tag; `latest` when none was given.
    pub(super) tag: String,
}

impl Reference {
    /// Splits and checks a reference as it was typed.
    pub(super) fn parse(text: &str) -> Result<Self, PackageError> {
        let refuse = |reason: &str| Err(PackageError::Tag { tag: text.to_owned(), reason: reason.to_owned() });
        if text.contains("://") {
            return refuse("a registry is named without `https://`: host:port/name:tag");
        }
        if text.contains('@') {
            return refuse("a digest is the result of a build and cannot be given");
        }
        // A colon before the last slash belongs to a registry's port.
        let (repository, tag) = match text.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (text, "latest"),
        };
        let tag_fits = !tag.is_empty()
            && tag.len() <= 128
            && !tag.starts_with(['.', '-'])
            && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
        if !tag_fits {
            return refuse("a tag has letters, digits, `_`, `.` and `-`, at most 128 of them");
        }
        let mut components: Vec<&str> = repository.split('/').collect();
        if let [first, _, ..] = components.as_slice()
            && (first.contains(['.', ':']) || *first == "localhost")
        {
            let host_fits = !first.is_empty()
                && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
            if !host_fits {
                return refuse("the registry's name has characters that no host name has");
            }
            components.remove(0);
        }
        if 255 < repository.len() || !components.iter().all(|component| component_fits(component)) {
            return refuse("a name has lower-case letters and digits, with single `.`, `_` or `-` between them");
        }
        Ok(Self { repository: repository.to_owned(), tag: tag.to_owned() })
    }

    /// The registry's host, with its port; `None` for the engine's default one.
    pub(super) fn registry(&self) -> Option<&str> {
        let (first, _) = self.repository.split_once('/')?;
        (first.contains(['.', ':']) || first == "localhost").then_some(first)
    }

    /// The whole reference.
    pub(super) fn full(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

fn component_fits(component: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    inner(*first)
        && inner(*last)
        && bytes.iter().all(|byte| inner(*byte) || matches!(byte, b'.' | b'_' | b'-'))
        && !component.contains("..")
        && !component.contains("___")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_told_from_a_team() {
        #[track_caller]
        fn check(text: &str, expected: Option<&str>) {
            assert_eq!(Reference::parse(text).unwrap().registry(), expected, "{text}");
        }
        check("churn:1", None);
        check("team/churn:1", None);
        check("localhost/churn:1", Some("localhost"));
        check("host:5000/churn", Some("host:5000"));
        check("registry.example/team/churn:1", Some("registry.example"));
        let error = Reference::parse("https://registry.example/churn:1").unwrap_err().to_string();
        assert!(error.contains("without `https://`"), "{error}");
    }

    #[test]
    fn references_split_into_name_and_tag() {
        #[track_caller]
        fn check(text: &str, expected: Option<(&str, &str)>) {
            let got = Reference::parse(text).ok();
            let got = got.as_ref().map(|reference| (reference.repository.as_str(), reference.tag.as_str()));
            assert_eq!(got, expected, "{text}");
        }
        check("churn:1.0.0", Some(("churn", "1.0.0")));
        check("churn", Some(("churn", "latest")));
        check("team/churn:x", Some(("team/churn", "x")));
        check("host.example:5000/team/churn", Some(("host.example:5000/team/churn", "latest")));
        check("localhost:5000/churn:1", Some(("localhost:5000/churn", "1")));
        check("churn:1.0.0-rc.1", Some(("churn", "1.0.0-rc.1")));
        for wrong in
            ["", ":1", "Churn:1", "churn:", "churn:1.0.0+build", "a b:1", "churn@sha256:00", "-a:1", "a//b:1", "a:.1"]
        {
            check(wrong, None);
        }
    }
}
