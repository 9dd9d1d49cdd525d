//! Asking the `git` program: read-only, without prompts, with a deadline and a bounded answer.
//!
//! The program and not a library: it alone knows a person's own configuration, and a repository may be of any age.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Bytes of an answer that are kept; git is stopped when it says more.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Variables by which a hook or a person points git at another repository than the folder's.
const ELSEWHERE: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// The program and how long one question may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Git {
    /// The program, by name or path.
    pub program: PathBuf,
    /// How long one question may take.
    pub deadline: Duration,
}

impl Default for Git {
    fn default() -> Self {
        Self { program: PathBuf::from("git"), deadline: Duration::from_secs(10) }
    }
}

/// What git said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitAnswer {
    /// Its output, as bytes: paths need not be UTF-8.
    pub bytes: Vec<u8>,
    /// Whether there was more than is kept.
    pub cut: bool,
}

impl GitAnswer {
    /// The answer as one trimmed line.
    pub fn line(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim().to_owned()
    }

    /// Records that end with a NUL, as `-z` writes them; one that was cut off is left out.
    pub fn records(&self) -> impl Iterator<Item = String> {
        let whole =
            if self.cut { self.bytes.iter().rposition(|byte| *byte == 0).unwrap_or(0) } else { self.bytes.len() };
        self.bytes[..whole]
            .split(|byte| *byte == 0)
            .filter(|record| !record.is_empty())
            .map(|record| String::from_utf8_lossy(record).into_owned())
    }
}

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program is not there.
    #[error("git is not installed")]
    Missing,
    /// It did not answer in time and was stopped.
    #[error("git did not answer within {seconds} s")]
    TimedOut {
        /// The deadline.
        seconds: u64,
    },
    /// It refused.
    #[error("{message}")]
    Refused {
        /// The first line it said.
        message: String,
    },
    /// It could not be run.
    #[error("git could not be run ({0})")]
    Io(#[from] std::io::Error),
}

impl Git {
    /// Asks about the repository that `folder` lies in.
    pub fn ask(&self, folder: &Path, arguments: &[&str]) -> Result<GitAnswer, GitError> {
        let mut command = Command::new(&self.program);
        // A watcher named in the repository's configuration would be run by a mere look at its state.
        command
            .args(["--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-C"])
            .arg(folder)
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in ELSEWHERE {
            command.env_remove(name);
        }
        let started = Instant::now();
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => GitError::Missing,
            _ => GitError::Io(error),
        })?;
        let output = read_aside(child.stdout.take())?;
        let complaint = read_aside(child.stderr.take())?;
        let timed_out = || GitError::TimedOut { seconds: self.deadline.as_secs() };
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if self.deadline <= started.elapsed() => {
                    end(&mut child);
                    return Err(timed_out());
                }
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
                Err(error) => {
                    end(&mut child);
                    return Err(error.into());
                }
            }
        };
        // A process that git left behind may hold its output open: never wait for that without end.
        let rest = self.deadline.saturating_sub(started.elapsed()).max(Duration::from_millis(200));
        let answer = output.recv_timeout(rest).map_err(|_left_open| timed_out())?;
        if status.success() || answer.cut {
            return Ok(answer);
        }
        let said = complaint.recv_timeout(Duration::from_millis(200)).unwrap_or_default().line();
        let first = said.lines().next().unwrap_or_default();
        let message: String = first.strip_prefix("fatal: ").unwrap_or(first).chars().take(300).collect();
        Err(GitError::Refused { message })
    }
}

/// Stops a process that is of no use any more; that it is gone already is as good.
fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

/// Reads a stream on a thread of its own, up to the limit.
fn read_aside(stream: Option<impl Read + Send + 'static>) -> std::io::Result<Receiver<GitAnswer>> {
    let (sender, receiver) = channel();
    std::thread::Builder::new().name("git output".to_owned()).spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is all there is to say; the exit status tells the rest.
        let read = stream.map(|stream| stream.take(MAX_ANSWER_BYTES + 1).read_to_end(&mut bytes));
        drop(read);
        let cut = MAX_ANSWER_BYTES < bytes.len() as u64;
        bytes.truncate(MAX_ANSWER_BYTES as usize);
        // Nobody listens any more when the deadline is over.
        drop(sender.send(GitAnswer { bytes, cut }));
    })?;
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_called_missing() {
        let git = Git { program: "no-such-git-anywhere".into(), ..Git::default() };
        assert!(matches!(git.ask(Path::new("."), &["status"]), Err(GitError::Missing)));
    }

    #[cfg(unix)]
    fn script(folder: &Path, text: &str) -> Git {
        use std::os::unix::fs::PermissionsExt as _;
        let program = folder.join("git");
        std::fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Git { program, deadline: Duration::from_millis(400) }
    }

    /// A program that was just written may still be open for writing in a process that another test forks.
    #[cfg(unix)]
    fn ask(git: &Git, folder: &Path) -> Result<GitAnswer, GitError> {
        loop {
            match git.ask(folder, &["status"]) {
                Err(GitError::Io(error)) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
                answer => return answer,
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_git_that_hangs_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let git = script(folder.path(), "sleep 60");
        assert!(matches!(ask(&git, folder.path()), Err(GitError::TimedOut { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn an_endless_answer_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git { deadline: Duration::from_secs(30), ..script(folder.path(), "exec yes") };
        let answer = ask(&git, folder.path()).unwrap();
        assert!(answer.cut && answer.bytes.len() as u64 == MAX_ANSWER_BYTES);
    }

    #[cfg(unix)]
    #[test]
    fn a_refusal_says_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let git = script(folder.path(), "echo 'fatal: not a git repository' >&2; echo more >&2; exit 128");
        let error = ask(&git, folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "not a git repository");
    }

    #[test]
    fn records_end_with_a_nul() {
        let answer = |bytes: &[u8], cut| GitAnswer { bytes: bytes.to_vec(), cut }.records().collect::<Vec<_>>();
        assert_eq!(answer(b"a b\0c\nd\0", false), ["a b", "c\nd"]);
        assert_eq!(answer(b"a\0half", true), ["a"]);
        assert!(answer(b"", false).is_empty());
    }
}
