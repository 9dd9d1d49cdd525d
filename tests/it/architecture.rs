//! Who may name whom, read from the sources as text.
//!
//! Paths are resolved roughly: comments and strings are blanked, `use` groups are spread out, `super` is followed.
//! What comes out of a macro or through a re-export is not seen.

use std::fs;
use std::path::Path;

/// External crates that are named only at home. A name ending in `_` stands for all crates beginning so.
const HOMES: &[(&[&str], &[&str])] = &[
    (&["egui", "egui_", "eframe", "winit", "rfd", "damascene_", "png"], &["gui/"]),
    (&["tract_"], &["engine/"]),
    (&["hdrhistogram", "statrs"], &["statistics/"]),
    // Docker's configuration writes name and password in it.
    (&["base64"], &["package/", "statistics/"]),
    (&["flate2"], &["foreign/", "serve/", "statistics/", "table/"]),
    (&["lz4_flex"], &["foreign/"]),
    (&["sysinfo"], &["benchmark/"]),
    (&["pulp", "rlimit"], &["engine/"]),
    (&["bollard", "tar", "lddtree", "memchr"], &["package/"]),
    (&["axum", "hyper", "hyper_", "tower", "tower_"], &["serve/"]),
    (&["prometheus", "tokio_rustls", "tokio_io_timeout", "subtle"], &["serve/"]),
    (&["bytes"], &["package/", "serve/"]),
    (&["parquet", "csv", "brotli"], &["table/"]),
    (&["clap"], &["cli/", "main.rs", "bin/"]),
    (&["indicatif"], &["cli/"]),
    (&["anyhow"], &["cli/", "gui/", "main.rs"]),
    (&["poll_promise"], &["jobs.rs"]),
    (&["ron"], &["project/"]),
    (&["rust_embed"], &["example.rs", "package/inventory.rs"]),
    (&["tracing_subscriber"], &["cli/"]),
];

/// For each top-level module, what it may name of the others, besides itself; `module::item` allows the item alone.
///
/// A new module needs a row here, and so a decision where it stands.
const MAY_NAME: &[(&str, &[&[&str]])] = &[
    ("problem", &[]),
    // Numbers in, numbers out.
    ("statistics", &[]),
    ("judge", &[&["project", "statistics"]]),
    ("clock", &[]),
    // No step, engine or features below; `project::brief` is data, not the step `brief`.
    ("project", &[&["problem"]]),
    // The words stand in the executable: nothing else may decide what they are.
    ("identity", &[]),
    ("jobs", &[&["problem"]]),
    ("step", &[&["problem", "jobs"]]),
    ("command", &[&["problem", "project", "step"]]),
    ("example", &[&["problem", "project"]]),
    // Files of other frameworks are described without any of ours.
    ("foreign", &[&["problem"]]),
    // The worker counts latencies.
    ("engine", &[COMMON, &["statistics"]]),
    ("table", &[COMMON]),
    ("features", &[COMMON, &["engine", "table"]]),
    ("session", &[COMMON, &["engine", "features"]]),
    ("scoring", &[COMMON, &["engine", "features", "table"]]),
    // No step names another step.
    ("brief", &[COMMON, UNDER_STEPS]),
    ("model", &[COMMON, UNDER_STEPS, &["foreign"]]),
    ("evaluation", &[COMMON, UNDER_STEPS]),
    ("benchmark", &[COMMON, UNDER_STEPS]),
    ("readiness", &[COMMON, UNDER_STEPS]),
    ("drift", &[COMMON, UNDER_STEPS]),
    ("package", &[COMMON, UNDER_STEPS, &["identity"]]),
    // Never the workbench, the front ends or a step.
    ("serve", &[COMMON, &["clock", "engine", "features", "table"]]),
    ("workbench", &[COMMON, UNDER_STEPS, STEPS, &["clock", "example"]]),
    ("cli", &[COMMON, UNDER_STEPS, STEPS, &["clock", "foreign", "gui::pictures", "scoring", "serve", "workbench"]]),
    // Views never run a step: only the brief's pure helpers and the words for a value.
    (
        "gui",
        &[
            COMMON,
            &[
                "brief",
                "clock",
                "command",
                "example",
                "features::plain_value",
                "foreign::Foreign",
                "identity::Build",
                "judge",
                // What the workbench tells of the executable.
                "package::ChosenExecutable",
                "package::Reason",
                "package::SERVE_NAME",
                "statistics",
                "workbench",
            ],
        ],
    ),
    ("main", &[&["cli", "engine::run_worker", "gui::run", "identity", "workbench"]]),
    // The executable of the smallest image.
    ("bin", &[&["cli", "identity"]]),
    ("lib", &[]),
];

const COMMON: &[&str] = &["problem", "project", "jobs", "step"];
const UNDER_STEPS: &[&str] = &["command", "engine", "features", "judge", "session", "statistics", "table"];
const STEPS: &[&str] = &["benchmark", "brief", "drift", "evaluation", "model", "package", "readiness"];

/// Lines of the longest source file.
const MAX_LINES: usize = 600;

/// What may lie at the top of the repository, besides dot-files, licences and the build folder.
const TOP_LEVEL: [&str; 7] = ["Cargo.toml", "Cargo.lock", "src", "assets", "projects", "tests", "README.md"];

/// A source file by its path below `src`, with forward slashes.
struct Source {
    path: String,
    text: String,
}

/// A word or a sign of the code, with its line.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// A path as the code names it: `crate::a::b` is inside, `tract_onnx::x` outside.
#[derive(Debug, PartialEq)]
struct Named {
    inside: bool,
    parts: Vec<String>,
    line: usize,
}

/// The code with comments, strings and characters blanked; line ends stay.
fn blanked(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = |index: usize| letters.get(index).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut index = 0;
    while index < letters.len() {
        let word_before = index.checked_sub(1).is_some_and(|before| is_word(at(before)));
        let end = match (at(index), at(index + 1)) {
            ('/', '/') => (index..letters.len()).find(|end| at(*end) == '\n').unwrap_or(letters.len()),
            ('/', '*') => block_comment_end(&letters, index),
            ('"', _) => quoted_end(&letters, index + 1, '"'),
            ('r', '"' | '#') if !word_before || at(index - 1) == 'b' => raw_string_end(&letters, index),
            // A character, not a lifetime.
            ('\'', '\\') => quoted_end(&letters, index + 1, '\''),
            ('\'', _) if at(index + 2) == '\'' => index + 3,
            _ => index,
        };
        if end == index {
            out.push(at(index));
            index += 1;
        } else {
            out.extend(letters[index..end].iter().map(|letter| if *letter == '\n' { '\n' } else { ' ' }));
            index = end;
        }
    }
    out
}

fn block_comment_end(letters: &[char], start: usize) -> usize {
    let (mut depth, mut index) = (0, start);
    while index < letters.len() {
        match (letters[index], letters.get(index + 1)) {
            ('/', Some('*')) => (depth, index) = (depth + 1, index + 2),
            ('*', Some('/')) => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            break;
        }
    }
    index
}

fn quoted_end(letters: &[char], mut index: usize, quote: char) -> usize {
    while index < letters.len() && letters[index] != quote {
        index += if letters[index] == '\\' { 2 } else { 1 };
    }
    (index + 1).min(letters.len())
}

/// The end of `r#"…"#`; `start` itself for a raw identifier such as `r#type`.
fn raw_string_end(letters: &[char], start: usize) -> usize {
    let n_hashes = letters[start + 1..].iter().take_while(|letter| **letter == '#').count();
    let open = start + 1 + n_hashes;
    if letters.get(open) != Some(&'"') {
        return start;
    }
    let closes = |index: usize| {
        letters[index] == '"' && letters[index + 1..].iter().take(n_hashes).filter(|l| **l == '#').count() == n_hashes
    };
    (open + 1..letters.len()).find(|index| closes(*index)).map_or(letters.len(), |index| index + 1 + n_hashes)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (number, line) in blanked(text).lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token { text: rest[..length].to_owned(), line: number + 1 });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// The modules a file is: `gui/steps/brief.rs` is `gui::steps::brief`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "main" || path == "lib" || path.starts_with("bin/") {
        Vec::new()
    } else {
        path.split('/').map(str::to_owned).collect()
    }
}

/// Everything a file names by a path of two parts or in a `use`.
fn named(source: &Source) -> Vec<Named> {
    let tokens = tokens(&source.text);
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let is_name = |index: usize| text(index).starts_with(is_word);
    let is_main = source.path == "main.rs" || source.path.starts_with("bin/");
    let mut found = Vec::new();
    // For each open brace, the inline module it belongs to.
    let mut open: Vec<Option<String>> = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        match text(index) {
            "{" => {
                let module = (2 <= index && text(index - 2) == "mod").then(|| text(index - 1).to_owned());
                open.push(module);
            }
            "}" => drop(open.pop()),
            _ => {}
        }
        // `use ::a::b` begins a path after `::`, `A::b` and `<A>::b` continue one.
        let is_rooted = 2 <= index && text(index - 1) == "::" && text(index - 2) == "use";
        let continues =
            2 <= index && text(index - 1) == "::" && !is_rooted && (is_name(index - 2) || text(index - 2) == ">");
        if !is_name(index) || continues || text(index) == "use" {
            index += 1;
            continue;
        }
        let mut paths = Vec::new();
        let end = spread(&tokens, index, &[], &mut paths);
        let used = is_rooted || index.checked_sub(1).is_some_and(|before| text(before) == "use");
        let mut here = module_of(&source.path);
        here.extend(open.iter().flatten().cloned());
        let paths = paths.into_iter().filter(|(parts, _)| used || 2 <= parts.len());
        found.extend(paths.map(|(parts, line)| resolve(&here, parts, line, is_main)));
        index = end;
    }
    found
}

/// Reads one path with its groups from `index` on; returns the index after it.
fn spread(tokens: &[Token], mut index: usize, before: &[String], paths: &mut Vec<(Vec<String>, usize)>) -> usize {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let mut parts = before.to_vec();
    let line = tokens.get(index).map_or(0, |token| token.line);
    loop {
        if text(index) == "{" {
            index += 1;
            while !matches!(text(index), "}" | "") {
                index = match text(index) {
                    "as" => index + 2,
                    word if word.starts_with(is_word) => spread(tokens, index, &parts, paths),
                    _ => index + 1,
                };
            }
            return index + 1;
        }
        let is_end = text(index) == "*" || (text(index) == "self" && !parts.is_empty());
        if !is_end {
            parts.push(text(index).to_owned());
        }
        let next = text(index + 2);
        let goes_on = text(index + 1) == "::" && (next.starts_with(is_word) || next == "{" || next == "*");
        if !goes_on {
            paths.push((parts, line));
            return index + 1;
        }
        index += 2;
    }
}

/// Follows `crate`, `self` and `super`; in `main.rs` and `bin/` the library is named `trestle`.
fn resolve(here: &[String], parts: Vec<String>, line: usize, in_main: bool) -> Named {
    let first = parts[0].as_str();
    if first == "crate" || (in_main && first == "trestle") {
        return Named { inside: true, parts: parts[1..].to_vec(), line };
    }
    let n_up = parts.iter().take_while(|part| *part == "super" || *part == "self").count();
    if n_up == 0 {
        return Named { inside: false, parts, line };
    }
    let n_supers = parts[..n_up].iter().filter(|part| *part == "super").count();
    let base = &here[..here.len().saturating_sub(n_supers)];
    Named { inside: true, parts: base.iter().chain(&parts[n_up..]).cloned().collect(), line }
}

/// Every rule on every file, as `file:line: what` sentences.
fn violations(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources {
        let at = |line: usize, what: String| format!("src/{}:{line}: {what}", source.path);
        let n_lines = source.text.lines().count();
        if MAX_LINES < n_lines {
            violations.push(at(n_lines, format!("a file has at most {MAX_LINES} lines")));
        }
        let words = tokens(&source.text);
        let forbidden = words.iter().filter(|token| token.text == "unsafe");
        violations.extend(forbidden.map(|token| at(token.line, "`unsafe` is not used".to_owned())));
        let named = named(source);
        for named in named.iter().filter(|named| !named.inside) {
            violations.extend(away_from_home(source, &named.parts[0]).map(|what| at(named.line, what)));
        }
        let top = source.path.split(['/', '.']).next().unwrap_or_default();
        let Some((_, allowed)) = MAY_NAME.iter().find(|(module, _)| *module == top) else {
            violations.push(at(1, format!("the module `{top}` has no row in MAY_NAME")));
            continue;
        };
        for named in named.iter().filter(|named| named.inside) {
            let other = named.parts.first().map_or("", String::as_str);
            // Items of the crate's root are the root's own.
            if other == top || !MAY_NAME.iter().any(|(module, _)| *module == other) {
                continue;
            }
            let path = named.parts.join("::");
            let is_allowed = |allowed: &&str| path == **allowed || path.starts_with(&format!("{allowed}::"));
            if !allowed.iter().copied().flatten().any(is_allowed) {
                violations.push(at(named.line, format!("`{top}` must not name `crate::{path}`")));
            }
        }
    }
    violations
}

/// What is wrong with naming an external crate in this file, if anything.
fn away_from_home(source: &Source, name: &str) -> Option<String> {
    let is_meant = |known: &&str| *known == name || (known.ends_with('_') && name.starts_with(*known));
    let (_, homes) = HOMES.iter().find(|(names, _)| names.iter().any(&is_meant))?;
    let at_home = homes.iter().any(|home| source.path.starts_with(home));
    (!at_home).then(|| format!("`{name}` is named only in {}", homes.join(", ")))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read_sources(folder: &Path, below: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            read_sources(&entry.path(), &format!("{below}{name}/"), sources);
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            sources.push(Source { path: format!("{below}{name}"), text });
        }
    }
}

fn all_sources() -> Vec<Source> {
    let mut sources = Vec::new();
    read_sources(&root().join("src"), "", &mut sources);
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

#[test]
fn every_module_names_only_what_it_may() {
    let sources = all_sources();
    assert!(50 < sources.len(), "the sources were not found");
    let violations = violations(&sources);
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn rules_are_about_modules_that_exist() {
    let sources = all_sources();
    let exists = |prefix: &str| sources.iter().any(|source| source.path.starts_with(prefix));
    for (module, _) in MAY_NAME {
        assert!(exists(&format!("{module}/")) || exists(&format!("{module}.rs")), "{module}");
    }
    for home in HOMES.iter().flat_map(|(_, homes)| *homes) {
        assert!(exists(home), "{home}");
    }
}

#[test]
fn the_top_of_the_repository_holds_only_what_belongs_there() {
    let mut strangers: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            !TOP_LEVEL.contains(&name.as_str())
                && !name.starts_with('.')
                && !name.starts_with("LICENSE")
                && name != "target"
        })
        .collect();
    strangers.sort();
    assert_eq!(strangers, Vec::<String>::new());
}

#[track_caller]
fn check_found(path: &str, text: &str, expected: &str) {
    let found = violations(&[Source { path: path.to_owned(), text: text.to_owned() }]);
    assert_eq!(found, [expected], "{path}: {text}");
}

#[test]
fn planted_violations_are_found() {
    for (path, text, expected) in [
        ("model/a.rs", "\nuse egui::Ui;", "src/model/a.rs:2: `egui` is named only in gui/"),
        ("cli/a.rs", "use egui_plot as p;", "src/cli/a.rs:1: `egui_plot` is named only in gui/"),
        ("workbench/a.rs", "fn f(_: rfd::FileDialog) {}", "src/workbench/a.rs:1: `rfd` is named only in gui/"),
        ("serve/a.rs", "use tract_onnx::prelude::*;", "src/serve/a.rs:1: `tract_onnx` is named only in engine/"),
        ("model/a.rs", "use ::bollard::Docker;", "src/model/a.rs:1: `bollard` is named only in package/"),
        ("cli/a.rs", "type A = axum::Router;", "src/cli/a.rs:1: `axum` is named only in serve/"),
        ("package/a.rs", "use hyper_util::rt;", "src/package/a.rs:1: `hyper_util` is named only in serve/"),
        ("features/a.rs", "use {csv::Reader, std::fs};", "src/features/a.rs:1: `csv` is named only in table/"),
        ("gui/a.rs", "#[derive(clap::Args)] struct A;", "src/gui/a.rs:1: `clap` is named only in cli/, main.rs, bin/"),
        ("step.rs", "use poll_promise::Promise;", "src/step.rs:1: `poll_promise` is named only in jobs.rs"),
        ("brief/a.rs", "use crate::model::ask;", "src/brief/a.rs:1: `brief` must not name `crate::model::ask`"),
        ("model/a.rs", "use crate::{jobs::Job,\npackage};", "src/model/a.rs:2: `model` must not name `crate::package`"),
        ("package/mod.rs", "use super::brief;", "src/package/mod.rs:1: `package` must not name `crate::brief`"),
        (
            "package/a/b.rs",
            "mod tests { use super::super::super::super::model::x; }",
            "src/package/a/b.rs:1: `package` must not name `crate::model::x`",
        ),
        (
            "serve/a.rs",
            "use crate::command::Command;",
            "src/serve/a.rs:1: `serve` must not name `crate::command::Command`",
        ),
        (
            "project/a.rs",
            "use crate::engine::Model;",
            "src/project/a.rs:1: `project` must not name `crate::engine::Model`",
        ),
        ("jobs.rs", "use crate::brief;", "src/jobs.rs:1: `jobs` must not name `crate::brief`"),
        ("engine/a.rs", "fn f() { crate::cli::run(); }", "src/engine/a.rs:1: `engine` must not name `crate::cli::run`"),
        ("gui/a.rs", "use crate::model;", "src/gui/a.rs:1: `gui` must not name `crate::model`"),
        ("gui/a.rs", "use crate::features::{self};", "src/gui/a.rs:1: `gui` must not name `crate::features`"),
        ("main.rs", "use trestle::model::ask;", "src/main.rs:1: `main` must not name `crate::model::ask`"),
        ("bin/a.rs", "use trestle::package::build;", "src/bin/a.rs:1: `bin` must not name `crate::package::build`"),
        ("table/a.rs", "unsafe fn f() {}", "src/table/a.rs:1: `unsafe` is not used"),
        ("novelty.rs", "", "src/novelty.rs:1: the module `novelty` has no row in MAY_NAME"),
        ("clock.rs", &"\n".repeat(601), "src/clock.rs:601: a file has at most 600 lines"),
    ] {
        check_found(path, text, expected);
    }
}

#[test]
fn what_only_looks_like_a_violation_is_not_one() {
    for (path, text) in [
        ("gui/a.rs", "use egui::{self, Ui}; use crate::features::plain_value; use crate::brief::markdown;"),
        ("model/a.rs", "// use egui::Ui;\n/* crate::package /* unsafe */ axum::x */ fn f() {}"),
        ("model/a.rs", "/// See [`crate::package`].\nconst A: &str = \"crate::package \\\" axum::x\";"),
        ("model/a.rs", "const A: &str = r#\"\" axum::x\"#; const B: &[u8] = br\"csv::x\"; const C: char = '\"';"),
        ("model/a.rs", "fn f<'a>(csv: &'a [u8]) -> u8 { csv.len(); let q = '\\''; csv.bytes() }"),
        ("project/a.rs", "use super::brief::Brief; use crate::project::brief;"),
        ("engine/model.rs", "mod tests { use super::super::model::x; use self::package::x; }"),
        ("jobs.rs", "mod tests { use super::*; }"),
        ("clock.rs", &"\n".repeat(600)),
    ] {
        let found = violations(&[Source { path: path.to_owned(), text: text.to_owned() }]);
        assert_eq!(found, Vec::<String>::new(), "{path}: {text}");
    }
}
