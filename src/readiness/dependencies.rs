//! Whether the packages that the model's code needs are pinned: lists of requirements, locks, environments.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::requirement::{Line, Package, logical_lines, parse_conda, parse_line, parse_requirement};

/// A list of requirements is never larger.
const MAX_LIST_BYTES: u64 = 1 << 20;

/// More lists than this that include each other are not one model's.
const MAX_LISTS: usize = 50;

/// Loose requirements that wait for a constraint; more than these are loose at once.
const MAX_WAITING: usize = 10_000;

/// Loose requirements that are named; the others are counted.
const MAX_NAMED: usize = 50;

/// Files that a tool writes with the exact version of every package.
const LOCKS: [&str; 7] =
    ["poetry.lock", "uv.lock", "Pipfile.lock", "pdm.lock", "pylock.toml", "conda-lock.yml", "pixi.lock"];

/// What is known about the packages that the code needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// Lists that were read, relative to the project.
    pub lists: Vec<String>,
    /// Locks that are there, relative to the project.
    pub locks: Vec<String>,
    /// Packages with one exact version.
    pub n_pinned: usize,
    /// The first of those without, and lists that cannot be read.
    pub loose: Vec<Loose>,
    /// How many of those there are.
    pub n_loose: usize,
}

/// A requirement that is not pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    /// The list, relative to the project.
    pub list: String,
    /// Its line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is loose about it: `pandas has no version`.
    pub what: String,
}

impl std::fmt::Display for Loose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.list, self.what),
            line => write!(f, "{} line {line}: {}", self.list, self.what),
        }
    }
}

/// Looks at what the code in `root/code` needs.
pub(super) fn look(root: &Path, code: &str) -> Dependencies {
    let mut reader = Reader::new(root);
    let code = root.join(code);
    let mut folders = vec![code.clone()];
    if !reader.is_inside(&code) {
        folders.clear();
    }
    if !folders.iter().any(|folder| is_same(folder, root)) {
        folders.push(root.to_owned());
    }
    for folder in folders {
        let locks = LOCKS.iter().map(|lock| folder.join(lock)).filter(|lock| has_content(lock));
        reader.found.locks = locks.map(|lock| reader.name(&lock)).collect();
        let list = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
        if let Some(path) = list("requirements.txt") {
            reader.read_list(&path, Role::Demand);
            reader.settle();
        } else if reader.found.locks.is_empty() {
            if let Some(path) = list("environment.yml").or_else(|| list("environment.yaml")) {
                reader.read_environment(&path);
            } else if let Some(path) = list("pyproject.toml") {
                reader.read_pyproject(&path);
            }
            reader.settle();
        }
        if !reader.found.lists.is_empty() || !reader.found.locks.is_empty() || 0 < reader.found.n_loose {
            break;
        }
    }
    reader.found
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn has_content(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && 0 < metadata.len())
}

/// What a list is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It names the packages that are needed.
    Demand,
    /// It only chooses versions.
    Constrain,
}

struct Reader {
    root: PathBuf,
    /// Lists that were begun, so that a circle ends.
    begun: BTreeSet<PathBuf>,
    /// Packages that a list of constraints pins.
    constrained: BTreeSet<String>,
    /// Loose packages with their names; a constraint may still pin them.
    waiting: Vec<(String, Loose)>,
    found: Dependencies,
}

impl Reader {
    fn new(root: &Path) -> Self {
        Self {
            root: root.canonicalize().unwrap_or_else(|_| root.to_owned()),
            begun: BTreeSet::new(),
            constrained: BTreeSet::new(),
            waiting: Vec::new(),
            found: Dependencies::default(),
        }
    }

    /// Whether a path that exists lies in the project, links followed.
    fn is_inside(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|path| path.starts_with(&self.root))
    }

    /// The path for people, relative to the project where it is inside.
    fn name(&self, path: &Path) -> String {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        path.strip_prefix(&self.root).unwrap_or(&path).display().to_string()
    }

    fn loose(&mut self, list: &str, line: usize, what: String) {
        self.found.n_loose += 1;
        if self.found.loose.len() < MAX_NAMED {
            self.found.loose.push(Loose { list: list.to_owned(), line, what });
        }
    }

    /// The text of a list, unless it cannot be one.
    fn text(&mut self, path: &Path) -> Option<(String, String)> {
        let name = self.name(path);
        let read = || -> Result<String, String> {
            let metadata = path.metadata().map_err(|error| format!("cannot be read ({error})"))?;
            if !metadata.is_file() {
                return Err("is not a file".to_owned());
            }
            if MAX_LIST_BYTES < metadata.len() {
                return Err(format!("is larger than a list of requirements ({} bytes)", metadata.len()));
            }
            let mut bytes = Vec::new();
            let read = File::open(path).and_then(|file| file.take(MAX_LIST_BYTES).read_to_end(&mut bytes));
            read.map_err(|error| format!("cannot be read ({error})"))?;
            match String::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => Ok(text),
                _ => Err("is not text in UTF-8".to_owned()),
            }
        };
        match read() {
            Ok(text) => {
                self.found.lists.push(name.clone());
                Some((name, text))
            }
            Err(what) => {
                self.loose(&name, 0, what);
                None
            }
        }
    }

    fn read_list(&mut self, path: &Path, role: Role) {
        // In file order, without recursion: a chain of includes must not grow the stack.
        let mut open = vec![(path.to_owned(), role)];
        while let Some((path, role)) = open.pop() {
            if !self.begun.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                continue;
            }
            if MAX_LISTS < self.begun.len() {
                let name = self.name(&path);
                self.loose(&name, 0, format!("is one of more than {MAX_LISTS} lists that include each other"));
                return;
            }
            let Some((name, text)) = self.text(&path) else { continue };
            let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
            let mut included = Vec::new();
            for (number, line) in logical_lines(&text) {
                match parse_line(&line) {
                    Line::Include(other) | Line::Constrain(other) if other.contains("://") => {
                        self.loose(&name, number, format!("{} is fetched when it is installed", short(&other)));
                    }
                    Line::Include(other) => included.extend(self.beside(&folder, &other, &name, number, role)),
                    Line::Constrain(other) => {
                        included.extend(self.beside(&folder, &other, &name, number, Role::Constrain));
                    }
                    line_kind => self.take(line_kind, &line, &folder, &name, number, role),
                }
            }
            open.extend(included.into_iter().rev());
        }
    }

    /// A list that another one names, when it is there and in the project.
    fn beside(&mut self, folder: &Path, other: &str, list: &str, line: usize, role: Role) -> Option<(PathBuf, Role)> {
        let path = folder.join(other);
        if !path.exists() {
            self.loose(list, line, format!("{} is not there", short(other)));
            None
        } else if !self.is_inside(&path) {
            self.loose(list, line, format!("{} lies outside the project", short(other)));
            None
        } else {
            Some((path, role))
        }
    }

    fn take(&mut self, kind: Line, line: &str, folder: &Path, list: &str, number: usize, role: Role) {
        match kind {
            Line::Package(package) if role == Role::Constrain => {
                if package.loose.is_none() {
                    self.constrained.insert(package.name);
                }
            }
            Line::Package(package) => self.take_package(package, line, list, number),
            // What lies in the project is pinned with the project.
            Line::Local(path) if self.is_inside(&folder.join(&path)) => self.found.n_pinned += 1,
            Line::Local(path) => self.loose(list, number, format!("{} lies outside the project", short(&path))),
            Line::Unreadable => self.loose(list, number, format!("“{}” cannot be read", short(line))),
            Line::Nothing | Line::Include(_) | Line::Constrain(_) => {}
        }
    }

    fn take_package(&mut self, package: Package, line: &str, list: &str, number: usize) {
        let Some(loose) = package.loose else {
            self.found.n_pinned += 1;
            return;
        };
        if MAX_WAITING <= self.waiting.len() {
            self.found.n_loose += 1;
            return;
        }
        let shown = if package.name.is_empty() { short(line) } else { short(&package.name) };
        let loose = Loose { list: list.to_owned(), line: number, what: format!("{shown} {loose}") };
        self.waiting.push((package.name, loose));
    }

    /// Once all constraints are known: what is loose all the same.
    fn settle(&mut self) {
        for (name, loose) in std::mem::take(&mut self.waiting) {
            if !name.is_empty() && self.constrained.contains(&name) {
                self.found.n_pinned += 1;
            } else {
                self.loose(&loose.list, loose.line, loose.what);
            }
        }
    }

    /// A conda environment: the items under `dependencies`, and those of pip under them.
    fn read_environment(&mut self, path: &Path) {
        let Some((name, text)) = self.text(path) else { return };
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        // Indentation of the items of pip while they last.
        let (mut inside, mut pip) = (false, None);
        let raws: Vec<&str> = text.lines().collect();
        for (number, line) in logical_lines(&text) {
            let raw = raws.get(number - 1).copied().unwrap_or_default();
            let indent = raw.len() - raw.trim_start().len();
            if line.is_empty() {
                continue;
            }
            let Some(item) = line.strip_prefix('-').map(|item| item.trim().trim_matches(['"', '\''])) else {
                inside = indent == 0 && line.starts_with("dependencies:");
                pip = None;
                continue;
            };
            if !inside {
                continue;
            }
            if pip.is_some_and(|from| indent <= from) {
                pip = None;
            }
            match (pip, item) {
                (None, "pip:") => pip = Some(indent),
                // Conda wants it named beside the section that uses it.
                (None, "pip") => {}
                (None, spec) => match parse_conda(spec) {
                    Some(package) => self.take_package(package, spec, &name, number),
                    None => self.loose(&name, number, format!("“{}” cannot be read", short(spec))),
                },
                (Some(_), requirement) => match parse_line(requirement) {
                    Line::Include(other) => {
                        if let Some((path, role)) = self.beside(&folder, &other, &name, number, Role::Demand) {
                            self.read_list(&path, role);
                        }
                    }
                    kind => self.take(kind, requirement, &folder, &name, number, Role::Demand),
                },
            }
        }
    }

    /// The strings of `dependencies` in `[project]`.
    fn read_pyproject(&mut self, path: &Path) {
        let Some((name, text)) = self.text(path) else { return };
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        match pyproject_dependencies(&text) {
            Some(requirements) => {
                for (number, requirement) in requirements {
                    let kind = parse_requirement(requirement.trim());
                    self.take(kind, &requirement, &folder, &name, number, Role::Demand);
                }
            }
            None => self.loose(&name, 0, "there is no lock beside it, and it lists no dependencies".to_owned()),
        }
    }
}

/// The strings in `dependencies = […]` of the table `[project]` with their lines; `None` when there is no such list.
fn pyproject_dependencies(text: &str) -> Option<Vec<(usize, String)>> {
    let mut table = String::new();
    let mut lines = text.lines().enumerate();
    let mut rest = loop {
        let (idx, line) = lines.next()?;
        let line = line.trim();
        if line.starts_with('[') {
            table = line.split('#').next().unwrap_or(line).replace([' ', '\t'], "");
        }
        let value = line.strip_prefix("dependencies").map(str::trim_start).and_then(|line| line.strip_prefix('='));
        if let (Some(value), "[project]") = (value, table.as_str()) {
            break (idx, value.trim_start().strip_prefix('[')?);
        }
    };
    let mut found = Vec::new();
    loop {
        let (idx, line) = rest;
        let mut letters = line.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                ']' => return Some(found),
                '#' => break,
                '"' | '\'' => {
                    let end = letters.by_ref().find(|(_, other)| *other == letter).map(|(end, _)| end)?;
                    found.push((idx + 1, line[at + 1..end].to_owned()));
                }
                _ => {}
            }
        }
        rest = lines.next()?;
    }
}

/// The beginning of what is quoted from a file.
fn short(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(SHOWN).collect();
    if SHOWN < text.chars().count() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A project of these files, looked at.
    fn looked(files: &[(&str, &str)]) -> Dependencies {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        look(folder.path(), ".")
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], n_pinned: usize, loose: &[&str]) {
        let found = looked(files);
        let said: Vec<String> = found.loose.iter().map(ToString::to_string).collect();
        assert_eq!((found.n_pinned, said.iter().map(String::as_str).collect::<Vec<_>>()), (n_pinned, loose.to_vec()));
    }

    #[test]
    fn loose_lines_are_named_with_file_and_line() {
        check(
            &[("requirements.txt", "numpy==2.4.6\n# a comment\n\npandas\nscipy>=1\n-e .\n")],
            2,
            &[
                "requirements.txt line 4: pandas has no version",
                "requirements.txt line 5: scipy allows a range of versions",
            ],
        );
    }

    #[test]
    fn includes_are_followed_inside_the_project_and_end_in_circles() {
        check(
            &[
                ("requirements.txt", "-r deep/more.txt\n-r missing.txt\n-r https://example.org/x.txt\n"),
                ("deep/more.txt", "-r ../requirements.txt\n-r ../../outside.txt\npandas\nnumpy==1\n"),
            ],
            1,
            &[
                "requirements.txt line 2: missing.txt is not there",
                "requirements.txt line 3: https://example.org/x.txt is fetched when it is installed",
                "deep/more.txt line 2: ../../outside.txt is not there",
                "deep/more.txt line 3: pandas has no version",
            ],
        );
    }

    #[test]
    fn a_list_outside_the_project_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("outside.txt"), "numpy==1\n").unwrap();
        let root = folder.path().join("project");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("requirements.txt"), "-r ../outside.txt\n../package\n").unwrap();
        let found = look(&root, ".");
        let said: Vec<String> = found.loose.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "requirements.txt line 1: ../outside.txt lies outside the project",
                "requirements.txt line 2: ../package lies outside the project",
            ]
        );
        assert_eq!(found.n_pinned, 0);
    }

    #[test]
    fn constraints_pin_what_is_named_elsewhere() {
        check(
            &[("requirements.txt", "NumPy\npandas\n-c pins.txt\n"), ("pins.txt", "numpy==2.4.6\nscipy\n")],
            1,
            &["requirements.txt line 2: pandas has no version"],
        );
    }

    #[test]
    fn a_lock_stands_for_a_loose_pyproject_but_not_for_a_loose_list() {
        let pyproject = ("pyproject.toml", "[project]\ndependencies = [\"numpy>=2\"]\n");
        let found = looked(&[pyproject, ("uv.lock", "version = 1\n")]);
        assert_eq!((found.locks.as_slice(), found.n_loose), (["uv.lock".to_owned()].as_slice(), 0));
        assert_eq!(looked(&[pyproject, ("uv.lock", "")]).n_loose, 1, "an empty lock is none");
        assert_eq!(looked(&[("requirements.txt", "numpy\n"), ("uv.lock", "version = 1\n")]).n_loose, 1);
    }

    #[test]
    fn a_pyproject_lists_its_dependencies_in_strings() {
        let text = "[tool.x]\ndependencies = ['no']\n[project] # it\nname = \"x\"\ndependencies = [\n  \"numpy==2.4.6\", # ]\n  'pandas[excel]>=2',\n]\n";
        check(&[("pyproject.toml", text)], 1, &["pyproject.toml line 7: pandas allows a range of versions"]);
        let none = "pyproject.toml: there is no lock beside it, and it lists no dependencies";
        check(&[("pyproject.toml", "[project]\nname = \"x\"\n")], 0, &[none]);
        check(&[("pyproject.toml", "[project]\ndependencies = [\"numpy")], 0, &[none]);
    }

    #[test]
    fn a_conda_environment_is_read_with_its_pip_section() {
        let text = "name: x\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - numpy\n  - pip\n  - pip:\n    - torch==2.0\n    - shap\n  - scipy=1.17\nprefix: /x\n";
        check(
            &[("environment.yml", text)],
            3,
            &["environment.yml line 6: numpy has no version", "environment.yml line 10: shap has no version"],
        );
    }

    #[test]
    fn what_is_no_list_is_said_and_not_read() {
        check(&[("requirements.txt", "numpy\0==1")], 0, &["requirements.txt: is not text in UTF-8"]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requirements.txt");
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        let found = look(folder.path(), ".");
        assert_eq!(
            found.loose[0].to_string(),
            "requirements.txt: is larger than a list of requirements (1073741824 bytes)"
        );
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(look(folder.path(), ".").loose[0].to_string(), "requirements.txt: is not a file");
    }

    #[test]
    fn many_loose_lines_are_counted_and_few_named() {
        let found = looked(&[("requirements.txt", &"pandas\n".repeat(5_000))]);
        assert_eq!((found.n_loose, found.loose.len()), (5_000, MAX_NAMED));
    }

    #[test]
    fn nothing_to_find_is_nothing_found() {
        assert_eq!(looked(&[("train.py", "x = 1")]), Dependencies::default());
    }
}
