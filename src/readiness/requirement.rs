//! One requirement: whether it names one version and no other.
//!
//! The grammar is that of pip's requirement files, pip.pypa.io/en/stable/reference/requirements-file-format, as far as
//! pinning asks for it: names, versions and addresses, but no evaluation of markers.

/// What a line of a list of requirements is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Empty, a comment, or an option that chooses no package.
    Nothing,
    /// `-r`: another list.
    Include(String),
    /// `-c`: versions for packages that are named elsewhere.
    Constrain(String),
    /// A folder or file beside the list, such as `-e .`.
    Local(String),
    /// A package.
    Package(Package),
    /// Neither of these.
    Unreadable,
}

/// A package as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    /// Its normalised name; empty for a bare address.
    pub(super) name: String,
    /// What is wrong with it as a pin, to be read after its name; `None` when it is pinned.
    pub(super) loose: Option<&'static str>,
}

/// Lines with their numbers, continued ones joined, comments removed; numbers count from 1.
pub(super) fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (idx, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let (number, mut whole) = open.take().unwrap_or((idx + 1, String::new()));
        // A comment ends what is continued, as in pip.
        let is_comment = line.trim_start().starts_with('#');
        match line.strip_suffix('\\') {
            Some(rest) if !is_comment => {
                whole.push_str(rest);
                open = Some((number, whole));
            }
            _ => {
                if is_comment {
                    whole.push(' ');
                }
                whole.push_str(line);
                lines.push((number, whole));
            }
        }
    }
    lines.extend(open);
    lines.into_iter().map(|(number, line)| (number, without_comment(&line).trim().to_owned())).collect()
}

/// A `#` begins a comment at the start of a line or after a blank; elsewhere it belongs to an address.
fn without_comment(line: &str) -> &str {
    let begins = |idx: usize| line[..idx].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices('#').map(|(idx, _)| idx).find(|idx| begins(*idx)).map_or(line, |idx| &line[..idx])
}

/// What a line of a requirements file is.
pub(super) fn parse_line(line: &str) -> Line {
    if line.is_empty() {
        return Line::Nothing;
    }
    if !line.starts_with('-') {
        return parse_requirement(line);
    }
    for (short, long, kind) in [("-r", "--requirement", 'r'), ("-c", "--constraint", 'c'), ("-e", "--editable", 'e')] {
        let Some(value) = option_value(line, short, long) else { continue };
        if value.is_empty() {
            return Line::Unreadable;
        }
        return match kind {
            'r' => Line::Include(value.to_owned()),
            'c' => Line::Constrain(value.to_owned()),
            _ if value.contains("://") || is_from_version_control(value) => parse_requirement(value),
            // `-e ./package[extra]`
            _ => Line::Local(value.split('[').next().unwrap_or(value).trim().to_owned()),
        };
    }
    Line::Nothing
}

/// `-r x`, `-rx`, `--requirement x`, `--requirement=x`
fn option_value<'a>(line: &'a str, short: &str, long: &str) -> Option<&'a str> {
    let value = match line.strip_prefix(long) {
        Some(rest) => rest.strip_prefix('=').or_else(|| rest.strip_prefix(char::is_whitespace))?,
        None if line.starts_with("--") => return None,
        None => line.strip_prefix(short)?,
    };
    Some(value.trim().trim_matches(['"', '\'']))
}

fn is_from_version_control(address: &str) -> bool {
    ["git+", "hg+", "svn+", "bzr+"].iter().any(|scheme| address.starts_with(scheme))
}

/// A requirement as PEP 508 has it, an address, or a path.
pub(super) fn parse_requirement(line: &str) -> Line {
    let (line, options) = match line.find(" --").or_else(|| line.find("\t--")) {
        Some(at) => (line[..at].trim(), &line[at..]),
        None => (line, ""),
    };
    let is_hashed = options.contains("--hash");
    let n_name = line.find(|letter: char| !letter.is_ascii_alphanumeric() && !"._-".contains(letter));
    let (name, rest) = line.split_at(n_name.unwrap_or(line.len()));
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => match extras.split_once(']') {
            Some((_, rest)) => rest.trim_start(),
            None => return Line::Unreadable,
        },
        None => rest,
    };
    let ends_well = |end: Option<char>| end.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let is_name = ends_well(name.chars().next()) && ends_well(name.chars().next_back());
    if is_name && let Some(address) = rest.strip_prefix('@') {
        return parse_address(normal(name), address.trim(), is_hashed);
    }
    if line.contains("://") || is_from_version_control(line) {
        return parse_address(String::new(), line, is_hashed);
    }
    let is_file = [".whl", ".tar.gz", ".zip"].iter().any(|end| line.ends_with(end));
    if line.starts_with(['.', '/', '~']) || is_file || line.contains('\\') {
        return Line::Local(line.to_owned());
    }
    if !is_name {
        return Line::Unreadable;
    }
    let versions = rest.split(';').next().unwrap_or_default().trim();
    let versions = versions.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(versions).trim();
    match looseness(versions) {
        Ok(loose) => Line::Package(Package { name: normal(name), loose }),
        Err(()) => Line::Unreadable,
    }
}

/// What keeps `==1.2,<2` and the like from being a pin; an error when it cannot be read.
fn looseness(versions: &str) -> Result<Option<&'static str>, ()> {
    if versions.is_empty() {
        return Ok(Some("has no version"));
    }
    let mut has_wildcard = false;
    for part in versions.split(',').map(str::trim) {
        let sign = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"].into_iter().find(|sign| part.starts_with(sign));
        let version = part.trim_start_matches(['=', '~', '!', '<', '>']).trim();
        let (Some(sign), false) = (sign, version.is_empty() || version.contains(char::is_whitespace)) else {
            return Err(());
        };
        if sign == "===" || sign == "==" && !version.contains('*') {
            return Ok(None);
        }
        has_wildcard |= version.contains('*');
    }
    Ok(Some(if has_wildcard { "allows every version that begins so" } else { "allows a range of versions" }))
}

fn parse_address(name: String, address: &str, is_hashed: bool) -> Line {
    // In an address a marker is set off by a blank, because `;` may be part of it.
    let address = address.split(" ;").next().unwrap_or(address).trim();
    if let Some(path) = address.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return Line::Local(path.split('#').next().unwrap_or(path).to_owned());
    }
    let (place, fragment) = address.split_once('#').unwrap_or((address, ""));
    let loose = if is_from_version_control(place) {
        let path = place.split_once("://").map_or(place, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        let revision = path.rsplit_once('@').map_or("", |(_, revision)| revision);
        let is_commit = matches!(revision.len(), 40 | 64) && revision.chars().all(|digit| digit.is_ascii_hexdigit());
        match (revision.is_empty(), is_commit) {
            (_, true) => None,
            (true, false) => Some("follows a branch"),
            (false, false) => Some("names a branch or tag, which can move"),
        }
    } else {
        let is_hashed = is_hashed || ["sha256=", "sha384=", "sha512="].iter().any(|hash| fragment.contains(hash));
        (!is_hashed).then_some("comes from an address without a hash")
    };
    Line::Package(Package { name, loose })
}

/// A name as PEP 503 compares it: `Scikit_Learn` is `scikit-learn`.
pub(super) fn normal(name: &str) -> String {
    let mut normal = String::new();
    for letter in name.chars() {
        match letter {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            letter => normal.extend(letter.to_lowercase()),
        }
    }
    normal
}

/// A package of a conda environment, `conda-forge::numpy=2.1`; `None` when it cannot be read.
pub(super) fn parse_conda(spec: &str) -> Option<Package> {
    let spec = spec.rsplit_once("::").map_or(spec, |(_, spec)| spec).trim();
    let at = spec.find(|letter: char| "=<>!~ ".contains(letter)).unwrap_or(spec.len());
    let (name, versions) = (&spec[..at], spec[at..].trim());
    if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter)) {
        return None;
    }
    let version = versions.trim_start_matches(['=', ' ']);
    let is_exact = versions.starts_with(|first: char| first == '=' || first.is_ascii_digit());
    let is_exact = is_exact && !version.is_empty() && !version.contains(['*', ',', '|', '<', '>']);
    let loose = match (versions.is_empty(), is_exact) {
        (true, _) => Some("has no version"),
        (false, false) => Some("allows a range of versions"),
        (false, true) => None,
    };
    Some(Package { name: normal(name), loose })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, name: &str, loose: Option<&str>) {
        let Line::Package(package) = parse_line(line) else { panic!("{line}: {:?}", parse_line(line)) };
        assert_eq!((package.name.as_str(), package.loose), (name, loose), "{line}");
    }

    const SHA: &str = "6f1d2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b";

    #[test]
    fn one_exact_version_is_a_pin() {
        check("numpy==2.4.6", "numpy", None);
        check("Scikit_Learn == 1.9.1", "scikit-learn", None);
        check("numpy===2.4.6+local", "numpy", None);
        check("uvicorn[standard,dev]==0.30", "uvicorn", None);
        check("numpy (==2.4.6)", "numpy", None);
        check("pywin32==306 ; sys_platform == 'win32'", "pywin32", None);
        check("numpy==2.4.6,!=2.4.7", "numpy", None);
        check("numpy==2.4.6 --hash=sha256:aa --hash=sha256:bb", "numpy", None);
        check("zope.interface==1!2.0.post1", "zope-interface", None);
    }

    #[test]
    fn everything_else_is_loose() {
        check("pandas", "pandas", Some("has no version"));
        check("pandas[excel]", "pandas", Some("has no version"));
        check("pandas; python_version < '3.12'", "pandas", Some("has no version"));
        check("pandas>=2", "pandas", Some("allows a range of versions"));
        check("pandas~=2.1", "pandas", Some("allows a range of versions"));
        check("pandas>=2,<3", "pandas", Some("allows a range of versions"));
        check("pandas!=2.0", "pandas", Some("allows a range of versions"));
        check("pandas==2.*", "pandas", Some("allows every version that begins so"));
    }

    #[test]
    fn an_address_is_a_pin_by_commit_or_hash() {
        check(&format!("shap @ git+https://example.org/shap@{SHA}"), "shap", None);
        check(&format!("-e git+ssh://git@example.org/shap.git@{SHA}#egg=shap"), "", None);
        check("shap @ git+https://example.org/shap@main", "shap", Some("names a branch or tag, which can move"));
        check("git+ssh://git@example.org/shap.git", "", Some("follows a branch"));
        check("shap @ https://example.org/shap.whl#sha256=aa ; python_version > '3'", "shap", None);
        check("https://example.org/shap-1.0-py3-none-any.whl --hash=sha256:aa", "", None);
        check("https://example.org/shap.zip", "", Some("comes from an address without a hash"));
    }

    #[test]
    fn options_include_constrain_or_choose_nothing() {
        #[track_caller]
        fn check(line: &str, expected: Line) {
            assert_eq!(parse_line(line), expected, "{line}");
        }
        for line in ["-r base.txt", "-rbase.txt", "--requirement base.txt", "--requirement=base.txt"] {
            check(line, Line::Include("base.txt".to_owned()));
        }
        check("-c pins.txt", Line::Constrain("pins.txt".to_owned()));
        check("-e .[dev]", Line::Local(".".to_owned()));
        check("--editable=./package", Line::Local("./package".to_owned()));
        check("./wheels/own-1.0-py3-none-any.whl", Line::Local("./wheels/own-1.0-py3-none-any.whl".to_owned()));
        check("own @ file:///srv/own", Line::Local("/srv/own".to_owned()));
        for line in ["", "--index-url https://example.org/simple", "-i x", "--no-binary :all:", "--pre"] {
            check(line, Line::Nothing);
        }
        for line in ["==1.0", "numpy=1.0", "numpy==", "[x]", "numpy[x", "!", "numpy == 1 2", "-r"] {
            check(line, Line::Unreadable);
        }
    }

    #[test]
    fn lines_are_joined_as_pip_joins_them() {
        #[track_caller]
        fn check(text: &str, expected: &[(usize, &str)]) {
            let lines = logical_lines(text);
            let filled: Vec<_> =
                lines.iter().filter(|(_, line)| !line.is_empty()).map(|(n, line)| (*n, line.as_str())).collect();
            assert_eq!(filled, expected, "{text:?}");
        }
        check("\u{feff}a==1\r\nb==2\r\n", &[(1, "a==1"), (2, "b==2")]);
        check("# head\n\na==1 # why\n", &[(3, "a==1")]);
        check("a==1 \\\n  --hash=sha256:x\nb\n", &[(1, "a==1   --hash=sha256:x"), (3, "b")]);
        check("a==1 \\\n# end\nb", &[(1, "a==1"), (3, "b")]);
        check("https://x.org/a.zip#sha256=1", &[(1, "https://x.org/a.zip#sha256=1")]);
        check("a==1 \\", &[(1, "a==1")]);
    }

    #[test]
    fn conda_pins_by_an_equals_sign() {
        #[track_caller]
        fn check(spec: &str, name: &str, pinned: bool) {
            let package = parse_conda(spec).unwrap();
            assert_eq!((package.name.as_str(), package.loose.is_none()), (name, pinned), "{spec}");
        }
        check("numpy=2.1", "numpy", true);
        check("numpy==2.1.0", "numpy", true);
        check("conda-forge::numpy=2.1.0=py311_0", "numpy", true);
        check("numpy 2.1.0", "numpy", true);
        check("numpy", "numpy", false);
        check("numpy>=2", "numpy", false);
        check("numpy=2.*", "numpy", false);
        check("numpy !=2", "numpy", false);
        assert_eq!(parse_conda("{x: 1}"), None);
    }
}
