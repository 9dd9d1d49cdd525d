//! The crates that an executable is compiled from, by the lock file and the list that stands beside it.
//!
//! Both were read when this program was compiled. `assets/make_crates.py` writes the list.

use std::collections::{BTreeMap, BTreeSet};

use rust_embed::Embed;
use serde::Deserialize;

use super::error::PackageError;
use crate::identity::{Build, Identity, LOCK_DIGEST, LOCK_FILE};

#[derive(Embed)]
#[folder = "assets/crates"]
struct Files;

#[derive(Deserialize)]
struct Document {
    packages: Vec<Package>,
    /// Name and version of packages that are in no executable for Linux.
    #[cfg_attr(not(test), expect(dead_code, reason = "only a test asks whether the list is whole"))]
    elsewhere: Vec<String>,
    texts: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    build: String,
    licence: String,
    authors: Vec<String>,
    texts: Vec<usize>,
}

/// A crate that is in an executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// SPDX expression.
    pub(super) licence: String,
    pub(super) authors: Vec<String>,
    /// Positions in [`Inventory::texts`].
    pub(super) texts: Vec<usize>,
    /// SHA-256 of the package as the registry has it, in hexadecimal; empty where it comes from elsewhere.
    pub(super) sha256: String,
    /// Positions in [`Inventory::crates`] of what it needs, as the lock file has it.
    pub(super) needs: Vec<usize>,
}

/// What an executable is compiled from.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Sorted by name and version; Trestle itself is none of them.
    pub(super) crates: Vec<Crate>,
    /// Positions in [`Inventory::crates`] of what Trestle itself needs.
    pub(super) direct: Vec<usize>,
    /// The licences' texts.
    pub(super) texts: Vec<String>,
}

impl Inventory {
    /// What the executable with this identity is compiled from; `None` when that is not known here.
    pub(super) fn of(identity: &Identity) -> Result<Option<Self>, PackageError> {
        if identity.lock_digest != LOCK_DIGEST || identity.version != env!("CARGO_PKG_VERSION") {
            return Ok(None);
        }
        let document = document()?;
        let locked = locked(LOCK_FILE);
        let is_in = |package: &Package| {
            Build::ALL
                .into_iter()
                .find(|build| build.id() == package.build)
                .is_some_and(|least| least <= identity.build)
        };
        let mut crates: Vec<Crate> = document
            .packages
            .into_iter()
            .filter(is_in)
            .map(|package| Crate {
                sha256: locked
                    .get(&(package.name.as_str(), package.version.as_str()))
                    .map(|locked| locked.checksum.to_owned())
                    .unwrap_or_default(),
                name: package.name,
                version: package.version,
                licence: package.licence,
                authors: package.authors,
                texts: package.texts,
                needs: Vec::new(),
            })
            .collect();
        crates.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        let positions: BTreeMap<(String, String), usize> = crates
            .iter()
            .enumerate()
            .map(|(position, found)| ((found.name.clone(), found.version.clone()), position))
            .collect();
        let needs = |name: &str, version: &str| -> Vec<usize> {
            let Some(package) = locked.get(&(name, version)) else { return Vec::new() };
            let found = package.needs.iter().filter_map(|need| {
                let (name, version) = named(&locked, need)?;
                positions.get(&(name.to_owned(), version.to_owned())).copied()
            });
            found.collect::<BTreeSet<usize>>().into_iter().collect()
        };
        for found in &mut crates {
            found.needs = needs(&found.name, &found.version);
        }
        let direct = needs(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Ok(Some(Self { crates, direct, texts: document.texts }))
    }
}

fn document() -> Result<Document, PackageError> {
    let unreadable = |reason: String| PackageError::Context { reason: format!("the list of crates ({reason})") };
    let file = Files::get("crates.json").ok_or_else(|| unreadable("it is missing".to_owned()))?;
    serde_json::from_slice(&file.data).map_err(|error| unreadable(error.to_string()))
}

/// A package of a lock file.
#[derive(Debug, Default)]
struct Locked<'a> {
    checksum: &'a str,
    needs: Vec<&'a str>,
}

type Packages<'a> = BTreeMap<(&'a str, &'a str), Locked<'a>>;

/// The packages of a lock file, by name and version. What cargo writes is all that is understood of TOML.
fn locked(text: &str) -> Packages<'_> {
    let mut packages = BTreeMap::new();
    for block in text.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
            line.and_then(|rest| rest.strip_suffix('"')).unwrap_or_default()
        };
        let needs = block.lines().filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","));
        let package = Locked { checksum: field("checksum"), needs: needs.collect() };
        packages.insert((field("name"), field("version")), package);
    }
    packages
}

/// The package that a line of dependencies means: a name, with its version where there are several.
fn named<'a>(packages: &Packages<'a>, line: &str) -> Option<(&'a str, &'a str)> {
    let mut words = line.split(' ');
    let (name, version) = (words.next()?, words.next());
    let mut alike = packages.keys().filter(|(known, number)| *known == name && version.is_none_or(|v| v == *number));
    alike.next().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_package_of_the_lock_file() {
        let document = document().unwrap();
        let listed = document.packages.iter().map(|package| format!("{} {}", package.name, package.version));
        let listed: BTreeSet<String> = listed.chain(document.elsewhere).collect();
        let locked = locked(LOCK_FILE);
        let own = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let expected: BTreeSet<String> =
            locked.keys().filter(|key| **key != own).map(|(name, version)| format!("{name} {version}")).collect();
        let missing: Vec<_> = expected.symmetric_difference(&listed).collect();
        assert!(missing.is_empty(), "run assets/make_crates.py; these differ: {missing:?}");
    }

    #[test]
    fn every_crate_has_a_licence_with_its_text_and_a_checksum() {
        let inventory = Inventory::of(&Identity::this()).unwrap().unwrap();
        for found in &inventory.crates {
            assert!(!found.licence.is_empty() && !found.texts.is_empty(), "{found:?}");
            assert!(found.texts.iter().all(|text| inventory.texts.get(*text).is_some_and(|text| 50 < text.len())));
            assert_eq!(found.sha256.len(), 64, "{found:?}");
        }
        assert!(20 < inventory.direct.len());
        let tract = inventory.crates.iter().find(|found| found.name == "tract-onnx").unwrap();
        assert!(tract.needs.iter().any(|need| inventory.crates[*need].name == "tract-hir"));
    }

    #[test]
    fn a_smaller_build_has_fewer_crates_and_another_lock_file_tells_nothing() {
        let of = |build| Inventory::of(&Identity { build, ..Identity::this() }).unwrap().unwrap();
        let has = |inventory: &Inventory, name: &str| inventory.crates.iter().any(|found| found.name == name);
        let (serve, headless, window) = (of(Build::Serve), of(Build::Headless), of(Build::Window));
        assert!(has(&serve, "axum") && !has(&serve, "bollard") && !has(&serve, "egui"));
        assert!(has(&headless, "bollard") && !has(&headless, "egui"));
        assert!(has(&window, "egui") && has(&window, "axum"));
        let other = Identity { lock_digest: "0".to_owned(), ..Identity::this() };
        assert!(Inventory::of(&other).unwrap().is_none());
    }

    #[test]
    fn a_name_alone_means_the_only_one() {
        let text = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"b 2.0.0\",\n \"c\",\n]\n\n\
                    [[package]]\nname = \"b\"\nversion = \"1.0.0\"\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n\
                    checksum = \"00\"\n[[package]]\nname = \"c\"\nversion = \"3.0.0\"\n";
        let packages = locked(text);
        let needs = &packages[&("a", "1.0.0")].needs;
        let found: Vec<_> = needs.iter().filter_map(|need| named(&packages, need)).collect();
        assert_eq!(found, [("b", "2.0.0"), ("c", "3.0.0")]);
        assert_eq!(packages[&("b", "2.0.0")].checksum, "00");
    }
}
