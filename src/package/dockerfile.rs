//! The Dockerfile of an image and the labels it carries.
//!
//! What changes least stands first, so that a changed model rebuilds only its own layer and the labels: the engine
//! keeps every step, and one that it has to run takes about as long for one word as for megabytes.

use std::fmt::Write as _;

use super::BuildPlan;

/// Label by which Trestle's images are found; the containers that verify them carry it with another value.
pub(super) const KIND_LABEL: &str = "io.trestle";

/// Value of [`KIND_LABEL`] on an image.
pub(super) const KIND_IMAGE: &str = "image";

/// Value of [`KIND_LABEL`] on a container that verifies an image.
pub(super) const KIND_VERIFICATION: &str = "verification";

/// Label with the project's slug; the last layer of an image carries it, intermediate ones do not.
pub(super) const PROJECT_LABEL: &str = "io.trestle.project";

/// User and group that the server runs as: nobody's account on any usual system.
pub(super) const USER: &str = "65532:65532";

/// Port that the server listens on inside the container.
pub(super) const PORT: u16 = 8080;

/// Longest label value; the classic builder reads lines of up to 64 KiB.
const MAX_LABEL_CHARS: usize = 1_000;

/// The labels of the image of `plan`, in order.
pub(super) fn labels(plan: &BuildPlan) -> Vec<(&'static str, String)> {
    let evidence = &plan.evidence;
    let labels = [
        ("org.opencontainers.image.title", plan.title.clone()),
        ("org.opencontainers.image.description", plan.description.clone()),
        ("org.opencontainers.image.version", plan.version.to_string()),
        ("org.opencontainers.image.created", plan.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("org.opencontainers.image.revision", evidence.commit.clone()),
        (PROJECT_LABEL, plan.slug.clone()),
        ("io.trestle.model.sha256", evidence.model.clone()),
        ("io.trestle.data.sha256", evidence.data.clone()),
        ("io.trestle.brief.sha256", evidence.brief.clone()),
        ("io.trestle.code.sha256", evidence.code.clone()),
        ("io.trestle.builder", format!("trestle {}", env!("CARGO_PKG_VERSION"))),
    ];
    let plain = labels.into_iter().map(|(name, value)| (name, plain(&value)));
    plain.filter(|(_, value)| !value.trim().is_empty()).collect()
}

/// A value on one line and of bounded length: the same whoever makes the image.
fn plain(value: &str) -> String {
    let mut letters = value.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut plain: String = letters.by_ref().take(MAX_LABEL_CHARS).collect();
    if letters.next().is_some() {
        plain.push('…');
    }
    plain
}

/// How often and how long the image's own health check asks.
pub(super) const HEALTH_SECONDS: Health = Health { interval: 10, timeout: 5, start_period: 5, retries: 3 };

/// A health check's times, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Health {
    /// Between two checks.
    pub(super) interval: i64,
    /// Until a check counts as failed.
    pub(super) timeout: i64,
    /// In which failures do not count.
    pub(super) start_period: i64,
    /// Failures in a row that make it unhealthy.
    pub(super) retries: i64,
}

/// What the image runs.
pub(super) fn command() -> Vec<String> {
    ["/trestle", "serve", "/model", "--address", &format!("0.0.0.0:{PORT}")].map(str::to_owned).to_vec()
}

/// What its health check runs.
pub(super) fn health_command() -> Vec<String> {
    ["/trestle", "health", &format!("http://127.0.0.1:{PORT}/v2/health/ready")].map(str::to_owned).to_vec()
}

/// The variables it sets.
pub(super) fn variables(library_folders: &[String]) -> Vec<(&'static str, String)> {
    if library_folders.is_empty() { Vec::new() } else { vec![("LD_LIBRARY_PATH", library_folders.join(":"))] }
}

/// The Dockerfile that adds these archives, in order.
///
/// `library_folders` are those that the loader does not search by itself.
pub(super) fn dockerfile(archives: &[&str], library_folders: &[String], labels: &[(&str, String)]) -> String {
    let words = |words: Vec<String>| {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        format!("[{}]", words.join(","))
    };
    let Health { interval, timeout, start_period, retries } = HEALTH_SECONDS;
    let mut lines = vec![
        "FROM scratch".to_owned(),
        format!("LABEL {KIND_LABEL}={KIND_IMAGE}"),
        format!("USER {USER}"),
        format!("EXPOSE {PORT}"),
        "STOPSIGNAL SIGTERM".to_owned(),
        format!(
            "HEALTHCHECK --interval={interval}s --timeout={timeout}s --start-period={start_period}s \
             --retries={retries} CMD {}",
            words(health_command())
        ),
        format!("CMD {}", words(command())),
    ];
    lines.extend(variables(library_folders).iter().map(|(name, value)| format!("ENV {name}={}", quoted(value))));
    lines.extend(archives.iter().map(|archive| format!("ADD {archive} /")));
    if !labels.is_empty() {
        let mut line = "LABEL".to_owned();
        for (name, value) in labels {
            let _infallible = write!(line, " {name}={}", quoted(value));
        }
        lines.push(line);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A value in double quotes, with nothing in it that the Dockerfile's reader would expand or end at.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' | '\\' | '$' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_least_stands_first() {
        let labels = [("org.opencontainers.image.title", "Churn".to_owned())];
        let expected = "\
FROM scratch
LABEL io.trestle=image
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD [\"/trestle\",\"health\",\"http://127.0.0.1:8080/v2/health/ready\"]
CMD [\"/trestle\",\"serve\",\"/model\",\"--address\",\"0.0.0.0:8080\"]
ADD libs.tar /
ADD exe.tar /
ADD model.tar /
LABEL org.opencontainers.image.title=\"Churn\"
";
        assert_eq!(dockerfile(&["libs.tar", "exe.tar", "model.tar"], &[], &labels), expected);
    }

    #[test]
    fn a_static_executable_has_no_library_layer() {
        let text = dockerfile(&["exe.tar"], &[], &[]);
        assert!(!text.contains("libs.tar") && !text.contains("LD_LIBRARY_PATH"), "{text}");
    }

    #[test]
    fn libraries_of_unusual_folders_are_searched() {
        let text = dockerfile(&["libs.tar"], &["/opt/a".to_owned(), "/opt/b".to_owned()], &[]);
        assert!(text.contains("ENV LD_LIBRARY_PATH=\"/opt/a:/opt/b\"\n"), "{text}");
    }

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        #[track_caller]
        fn check(value: &str, expected: &str) {
            assert_eq!(quoted(value), expected);
        }
        check("plain", r#""plain""#);
        check(r#"a "b" \ $HOME"#, r#""a \"b\" \\ \$HOME""#);
        check("two\nlines\r\tand a tab", r#""two lines  and a tab""#);
        check("日本語 …", "\"日本語 …\"");
        assert_eq!(plain(&"x".repeat(2_000)).chars().count(), MAX_LABEL_CHARS + 1);
        assert_eq!(plain("two\nlines"), "two lines");
    }
}
