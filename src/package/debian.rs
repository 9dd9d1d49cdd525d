//! Which package of a Debian-like system a file comes from, read from dpkg's own files; nothing is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Longest copyright notice that is copied.
const MOST_COPYRIGHT_BYTES: u64 = 1 << 20;

/// A package of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SystemPackage {
    pub(super) name: String,
    pub(super) version: String,
    /// As Debian names it: `amd64`, `arm64`.
    pub(super) architecture: String,
    /// The system, as `/etc/os-release` names it: `debian`, `ubuntu`.
    pub(super) system: String,
    /// Its notice of copyrights and licences; empty when there is none.
    pub(super) copyright: String,
}

/// For each of `paths`, as they are on this system, the package that it comes from, where that is known.
pub(super) fn owners(root: &Path, paths: &[String]) -> BTreeMap<String, SystemPackage> {
    let names = list_names(root, paths);
    if names.is_empty() {
        return BTreeMap::new();
    }
    let wanted: BTreeSet<&str> = names.values().map(String::as_str).collect();
    let packages = read_status(root, &wanted);
    let found = names.into_iter().filter_map(|(path, name)| Some((path, packages.get(&name)?.clone())));
    found.collect()
}

/// The package of each path as dpkg's lists are named: `libc6:amd64`, or `base-files`.
fn list_names(root: &Path, paths: &[String]) -> BTreeMap<String, String> {
    // Where `/lib` is a link to `/usr/lib`, the lists may have either.
    let mut spellings: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        spellings.insert(path.clone(), path);
        match path.strip_prefix("/usr") {
            Some(short) => spellings.insert(short.to_owned(), path),
            None => spellings.insert(format!("/usr{path}"), path),
        };
    }
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(root.join("var/lib/dpkg/info")) else { return found };
    for entry in entries.flatten() {
        let Ok(file) = entry.file_name().into_string() else { continue };
        let Some(name) = file.strip_suffix(".list") else { continue };
        let Ok(list) = fs::read_to_string(entry.path()) else { continue };
        for line in list.lines() {
            if let Some(path) = spellings.get(line) {
                found.insert((*path).to_owned(), name.to_owned());
            }
        }
    }
    found
}

fn read_status(root: &Path, wanted: &BTreeSet<&str>) -> BTreeMap<String, SystemPackage> {
    let mut packages = BTreeMap::new();
    let Ok(status) = fs::read_to_string(root.join("var/lib/dpkg/status")) else { return packages };
    let system = system(root);
    for paragraph in status.split("\n\n") {
        let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let (name, architecture) = (field("Package:"), field("Architecture:"));
        let qualified = format!("{name}:{architecture}");
        let Some(key) = [qualified.as_str(), name].into_iter().find(|key| wanted.contains(key)) else { continue };
        let package = SystemPackage {
            name: name.to_owned(),
            version: field("Version:").to_owned(),
            architecture: architecture.to_owned(),
            system: system.clone(),
            copyright: copyright(&root.join("usr/share/doc").join(name).join("copyright")),
        };
        packages.insert(key.to_owned(), package);
    }
    packages
}

fn copyright(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() <= MOST_COPYRIGHT_BYTES => {
            fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn system(root: &Path) -> String {
    let release = fs::read_to_string(root.join("etc/os-release")).unwrap_or_default();
    let id = release.lines().find_map(|line| line.strip_prefix("ID=")).unwrap_or("debian");
    id.trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_s_package_is_found_under_either_spelling() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("etc/os-release", "NAME=\"A system\"\nID=\"ubuntu\"\n");
        write("var/lib/dpkg/info/libc6:amd64.list", "/.\n/usr\n/usr/lib/x86_64-linux-gnu/libc.so.6\n");
        write("var/lib/dpkg/info/zlib.list", "/lib/libz.so.1\n");
        write(
            "var/lib/dpkg/status",
            "Package: libc6\nArchitecture: i386\nVersion: 1\n\nPackage: libc6\nArchitecture: amd64\nVersion: 2.36-9\n\
             Description: more\n words\n\nPackage: zlib\nArchitecture: all\nVersion: 3\n",
        );
        write("usr/share/doc/libc6/copyright", "The GNU C Library");
        let paths = ["/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/libz.so.1", "/lib/libunknown.so"].map(str::to_owned);
        let found = owners(root, &paths);
        assert_eq!(found.len(), 2, "{found:?}");
        let libc = &found[&paths[0]];
        assert_eq!((libc.version.as_str(), libc.architecture.as_str()), ("2.36-9", "amd64"));
        assert_eq!((libc.system.as_str(), libc.copyright.as_str()), ("ubuntu", "The GNU C Library"));
        assert_eq!(found[&paths[1]].version, "3");
    }

    #[test]
    fn another_system_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(owners(folder.path(), &["/lib/libc.so.6".to_owned()]).is_empty());
    }
}
