//! Whether the project is in version control, as `git` says.

use std::path::Path;

use crate::project::git::{Git, GitError};

/// Trestle's own files, relative to the project: they change by using it, and never make a tree unclean.
const OWN: [&str; 5] = ["reports", "ledger.ron", "checklist.ron", "rollout.ron", ".trestle"];

/// Changed files that are named; the others are counted.
const MAX_NAMED: usize = 20;

/// What git says about the project folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionControl {
    /// There is no `git` to ask.
    NoGit,
    /// It gave no answer.
    Unanswered {
        /// Why.
        reason: String,
    },
    /// The folder is in no repository.
    NoRepository,
    /// The folder is in a repository.
    Repository(Repository),
}

/// How the project folder stands in its repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// The commit that is checked out; `None` before the first one.
    pub commit: Option<String>,
    /// Files of the code that are tracked.
    pub n_tracked: usize,
    /// The first files of the project that differ from the commit or are not tracked, Trestle's own left out.
    pub changed: Vec<String>,
    /// How many of those there are.
    pub n_changed: usize,
    /// Whether another place has the commit.
    pub remote: Remote,
}

/// Whether another place has the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Remote {
    /// The repository knows no other place.
    #[default]
    None,
    /// None of its remote branches contains the commit, as far as was fetched.
    Lacks,
    /// This remote branch contains it.
    Has(String),
}

/// Asks git about the project at `root` with its code in `code` below it.
pub(super) fn look(git: &Git, root: &Path, code: &str) -> VersionControl {
    match ask(git, root, code) {
        Ok(repository) => VersionControl::Repository(repository),
        Err(GitError::Missing) => VersionControl::NoGit,
        Err(GitError::Refused { message }) if message.contains("not a git repository") => VersionControl::NoRepository,
        Err(error) => VersionControl::Unanswered { reason: error.to_string() },
    }
}

fn ask(git: &Git, root: &Path, code: &str) -> Result<Repository, GitError> {
    // The project's place in the repository; empty, or with a slash at its end.
    let prefix = git.ask(root, &["rev-parse", "--show-prefix"])?.line();
    let commit = match git.ask(root, &["rev-parse", "--verify", "--quiet", "HEAD"]) {
        Ok(answer) => Some(answer.line()),
        // Before the first commit there is no head.
        Err(GitError::Refused { .. }) => None,
        Err(error) => return Err(error),
    };
    let not_own: Vec<String> = OWN.iter().map(|own| format!(":(exclude){own}")).collect();
    let below = |arguments: &[&str], folder: &str| {
        let mut all = arguments.to_vec();
        all.extend(["--", folder]);
        all.extend(not_own.iter().map(String::as_str));
        git.ask(root, &all)
    };
    let code = if code.is_empty() { "." } else { code };
    let n_tracked = below(&["ls-files", "-z"], code)?.records().count();
    let status = below(&["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal"], ".")?;
    // Each record is two letters, a blank, and the path from the top of the repository.
    let changed = status.records().filter_map(|record| {
        let path = record.get(3..)?;
        let path = path.strip_prefix(&prefix).unwrap_or(path);
        let first = path.split('/').next().unwrap_or(path);
        let shown = if path.is_empty() { "the whole folder" } else { path };
        (!OWN.contains(&first)).then(|| shown.to_owned())
    });
    let (mut named, mut n_changed) = (Vec::new(), 0);
    for path in changed {
        n_changed += 1;
        if named.len() < MAX_NAMED {
            named.push(path);
        }
    }
    let remote = if git.ask(root, &["remote"])?.line().is_empty() {
        Remote::None
    } else if let Some(commit) = &commit {
        let branches = git.ask(root, &["branch", "-r", "--contains", commit, "--format=%(refname:short)"])?.line();
        // `origin` alone is the pointer `origin/HEAD`, and no branch of its own.
        let branch = branches.lines().map(str::trim).find(|branch| branch.contains('/'));
        branch.map_or(Remote::Lacks, |branch| Remote::Has(branch.to_owned()))
    } else {
        Remote::Lacks
    };
    Ok(Repository { commit, n_tracked, changed: named, n_changed, remote })
}
