//! The bill of materials of an image, in CycloneDX's JSON form.
//!
//! What it says depends on what is inside alone: its serial number is made from its content, its time is that of the
//! model's registration. The form is written here and not by a library: it is a few dozen lines, in a fixed order, and
//! a test holds them against CycloneDX's own schema.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::BuildPlan;
use super::contents::{Contents, System};
use super::error::PackageError;
use super::inventory::Crate;
use super::licences::SWAGGER_UI_VERSION;
use crate::project::evidence::bytes_sha256;

/// Where it is in the image.
pub(super) const PATH: &str = "sbom.cdx.json";

/// Name and value of facts that the form has no field for; the prefix keeps them apart from others'.
fn property(name: &str, value: impl Into<String>) -> Json {
    json!({ "name": format!("trestle:{name}"), "value": value.into() })
}

fn sha256(hash: &str) -> Json {
    if hash.is_empty() { json!([]) } else { json!([{ "alg": "SHA-256", "content": hash }]) }
}

/// A file of the model: name and SHA-256.
pub(super) type ModelFile = (String, String);

/// The document, for an image with these contents and this model.
pub(super) fn document(
    plan: &BuildPlan,
    contents: &Contents,
    model_sha256: &str,
    others: &[ModelFile],
) -> Result<Bytes, PackageError> {
    const IMAGE: &str = "image";
    const EXECUTABLE: &str = "trestle";
    const MODEL: &str = "model";
    const STANDARD_LIBRARY: &str = "std";
    const SWAGGER_UI: &str = "swagger-ui";
    let mut components = vec![executable(EXECUTABLE, contents), model(MODEL, plan, model_sha256, others)];
    let standard_library = standard_library(STANDARD_LIBRARY, contents.compiler.as_deref());
    components.push(standard_library);
    components.push(json!({
        "type": "library",
        "bom-ref": SWAGGER_UI,
        "name": "swagger-ui-dist",
        "version": SWAGGER_UI_VERSION,
        "licenses": [{ "expression": "Apache-2.0" }],
        "purl": format!("pkg:npm/swagger-ui-dist@{SWAGGER_UI_VERSION}"),
    }));
    let mut executable_needs = vec![json!(STANDARD_LIBRARY), json!(SWAGGER_UI)];
    let mut dependencies = Vec::new();
    if let Some(inventory) = &contents.inventory {
        let reference = |position: &usize| inventory.crates.get(*position).map(purl);
        executable_needs.extend(inventory.direct.iter().filter_map(reference).map(Json::from));
        for found in &inventory.crates {
            components.push(library(found));
            let needs: Vec<String> = found.needs.iter().filter_map(reference).collect();
            dependencies.push(json!({ "ref": purl(found), "dependsOn": needs }));
        }
    }
    if contents.is_static() {
        components.push(json!({
            "type": "library", "bom-ref": "libc", "name": "libc",
            "properties": [property("linked", "into the executable; its version is not known")],
        }));
        executable_needs.push(json!("libc"));
    }
    for (index, system) in contents.systems.iter().enumerate() {
        let reference = format!("system-{index}");
        components.push(system_component(&reference, system));
        executable_needs.push(json!(reference));
    }
    dependencies.insert(0, json!({ "ref": IMAGE, "dependsOn": [EXECUTABLE, MODEL] }));
    dependencies.insert(1, json!({ "ref": EXECUTABLE, "dependsOn": executable_needs }));
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": time(plan.registered),
            "tools": { "components": [
                { "type": "application", "name": "trestle", "version": env!("CARGO_PKG_VERSION") },
            ]},
            "component": {
                "type": "container", "bom-ref": IMAGE, "name": plan.slug, "version": plan.version.to_string(),
                "description": plan.description,
            },
            "properties": properties(contents),
        },
        "components": components,
        "dependencies": dependencies,
    });
    let unwritten =
        |error: serde_json::Error| PackageError::Context { reason: format!("the bill of materials ({error})") };
    let nameless = serde_json::to_vec(&document).map_err(unwritten)?;
    document["serialNumber"] = json!(format!("urn:uuid:{}", uuid(&bytes_sha256(&nameless))));
    let mut bytes = serde_json::to_vec_pretty(&document).map_err(unwritten)?;
    bytes.push(b'\n');
    Ok(Bytes::from(bytes))
}

/// Digests of data and code are the image's labels: here they would change a layer that does not hold them.
fn properties(contents: &Contents) -> Vec<Json> {
    let crates = match &contents.inventory {
        Some(_) => "those that this build of Trestle links for Linux, from the lock file it was compiled with",
        None => "not known: the executable does not say what it was compiled from",
    };
    let time = "that of the model's registration, so that the same contents give the same document";
    vec![property("time", time), property("crates", crates)]
}

fn executable(reference: &str, contents: &Contents) -> Json {
    let identity = contents.identity.as_ref();
    let mut component = json!({
        "type": "application",
        "bom-ref": reference,
        "name": "trestle",
        "hashes": sha256(&contents.executable_sha256),
    });
    let mut properties = vec![property("path", "/trestle")];
    if !contents.architecture.is_empty() {
        properties.push(property("architecture", contents.architecture));
    }
    if let Some(identity) = identity {
        component["version"] = json!(identity.version);
        component["licenses"] = json!([{ "expression": env!("CARGO_PKG_LICENSE") }]);
        component["purl"] = json!(format!("pkg:cargo/trestle@{}", identity.version));
        properties.push(property("build", identity.build.id()));
    }
    component["properties"] = json!(properties);
    component
}

fn model(reference: &str, plan: &BuildPlan, model_sha256: &str, others: &[ModelFile]) -> Json {
    let names = |specs: &[crate::project::contract::TensorSpec]| -> Vec<Json> {
        specs.iter().map(|spec| json!({ "format": format!("{} {}", spec.name, spec.dtype) })).collect()
    };
    let files: Vec<Json> =
        others.iter().map(|(name, hash)| json!({ "type": "file", "name": name, "hashes": sha256(hash) })).collect();
    json!({
        "type": "machine-learning-model",
        "bom-ref": reference,
        "name": plan.slug,
        "version": plan.version.to_string(),
        "description": plan.title,
        "hashes": sha256(model_sha256),
        "components": files,
        "modelCard": { "modelParameters": {
            "inputs": names(&plan.model.inputs),
            "outputs": names(&plan.model.outputs),
        }},
        "properties": [property("path", format!("/model/models/{}/model.onnx", plan.version))],
    })
}

fn standard_library(reference: &str, version: Option<&str>) -> Json {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": "std",
        "description": "The Rust standard library",
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
    });
    if let Some(version) = version {
        component["version"] = json!(version);
    }
    component
}

fn purl(found: &Crate) -> String {
    // A version's build metadata begins with a sign that a package's address must not have.
    format!("pkg:cargo/{}@{}", found.name, found.version.replace('+', "%2B"))
}

fn library(found: &Crate) -> Json {
    json!({
        "type": "library",
        "bom-ref": purl(found),
        "name": found.name,
        "version": found.version,
        "hashes": sha256(&found.sha256),
        "licenses": [{ "expression": found.licence }],
        "purl": purl(found),
    })
}

/// A package of the system with the files that are taken from it.
fn system_component(reference: &str, system: &System) -> Json {
    let files: Vec<Json> = system
        .files
        .iter()
        .map(|file| json!({ "type": "file", "name": file.path, "hashes": sha256(&file.sha256) }))
        .collect();
    let mut component = json!({
        "type": "library", "bom-ref": reference, "name": "libraries of an unknown package", "components": files,
    });
    if let Some(package) = &system.package {
        component["name"] = json!(package.name);
        component["version"] = json!(package.version);
        let version = package.version.replace('+', "%2B").replace(':', "%3A");
        let (system, name, architecture) = (&package.system, &package.name, &package.architecture);
        component["purl"] = json!(format!("pkg:deb/{system}/{name}@{version}?arch={architecture}"));
        let licence = match package.name.as_str() {
            "libc6" => Some("LGPL-2.1-or-later"),
            "libgcc-s1" => Some("GPL-3.0-or-later WITH GCC-exception-3.1"),
            _ => None,
        };
        if let Some(licence) = licence {
            component["licenses"] = json!([{ "expression": licence }]);
        }
    }
    component
}

fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A UUID of version 8, of one's own making, from the first 122 bits of a hash in hexadecimal.
fn uuid(hash: &str) -> String {
    let mut digits: Vec<u8> = hash.bytes().take(32).collect();
    digits.resize(32, b'0');
    digits[12] = b'8';
    digits[16] = match digits[16] {
        b'0' | b'4' | b'8' | b'c' => b'8',
        b'1' | b'5' | b'9' | b'd' => b'9',
        b'2' | b'6' | b'a' | b'e' => b'a',
        _ => b'b',
    };
    let digits = String::from_utf8_lossy(&digits).into_owned();
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use boon::{Compiler, Schemas};

    use super::super::contents::LibraryFile;
    use super::super::debian::SystemPackage;
    use super::super::inventory::Inventory;
    use super::super::testing::plan;
    use super::*;
    use crate::identity::{Build, Identity};

    /// What CycloneDX publishes, under the addresses that it gives itself.
    const SCHEMAS: [(&str, &str); 3] = [
        ("bom-1.6", include_str!("../../tests/cyclonedx/bom-1.6.schema.json")),
        ("spdx", include_str!("../../tests/cyclonedx/spdx.schema.json")),
        ("jsf-0.82", include_str!("../../tests/cyclonedx/jsf-0.82.schema.json")),
    ];

    fn contents(identity: Option<Identity>) -> Contents {
        let file = |path: &str| LibraryFile { path: path.to_owned(), sha256: "2".repeat(64) };
        let package = SystemPackage {
            name: "libc6".to_owned(),
            version: "1:2.36-9+deb12u7".to_owned(),
            architecture: "amd64".to_owned(),
            system: "debian".to_owned(),
            copyright: String::new(),
        };
        Contents {
            executable_sha256: "1".repeat(64),
            architecture: "amd64",
            inventory: identity.as_ref().and_then(|identity| Inventory::of(identity).unwrap()),
            compiler: identity.as_ref().map(|_| "1.95.0".to_owned()),
            systems: vec![
                System { package: None, files: vec![file("/opt/lib/libodd.so")] },
                System { package: Some(package), files: vec![file("/lib/libc.so.6"), file("/lib64/ld-linux.so.2")] },
            ],
            identity,
        }
    }

    fn made(contents: &Contents) -> Json {
        let folder = tempfile::tempdir().unwrap();
        let others = [("golden.ron".to_owned(), "3".repeat(64))];
        let bytes = document(&plan(folder.path()), contents, &"4".repeat(64), &others).unwrap();
        assert_eq!(bytes, document(&plan(folder.path()), contents, &"4".repeat(64), &others).unwrap());
        serde_json::from_slice(&bytes).unwrap()
    }

    #[track_caller]
    fn check_valid(document: &Json) {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        let address = |name: &str| format!("http://cyclonedx.org/schema/{name}.schema.json");
        for (name, text) in SCHEMAS {
            compiler.add_resource(&address(name), serde_json::from_str(text).unwrap()).unwrap();
        }
        let mut schemas = Schemas::new();
        let schema = compiler.compile(&address("bom-1.6"), &mut schemas).unwrap();
        if let Err(error) = schemas.validate(document, schema) {
            panic!("{error:#}");
        }
    }

    #[test]
    fn every_document_is_valid_by_the_published_schema() {
        let identity = |build, is_static| Some(Identity { build, is_static, ..Identity::this() });
        for identity in [identity(Build::Window, false), identity(Build::Serve, true), None] {
            check_valid(&made(&contents(identity)));
        }
    }

    #[test]
    #[should_panic(expected = "specVersion")]
    fn a_document_that_is_not_valid_is_found() {
        let mut document = made(&contents(None));
        document["specVersion"] = json!(16);
        check_valid(&document);
    }

    #[test]
    fn what_a_scanner_looks_for_is_there() {
        let document = made(&contents(Some(Identity::this())));
        let components = document["components"].as_array().unwrap();
        let by = |name: &str| components.iter().find(|component| component["name"] == name).unwrap();
        let tract = by("tract-onnx");
        assert_eq!(tract["purl"], format!("pkg:cargo/tract-onnx@{}", tract["version"].as_str().unwrap()));
        assert_eq!(by("libc6")["purl"], "pkg:deb/debian/libc6@1%3A2.36-9%2Bdeb12u7?arch=amd64");
        let model = by("standin");
        assert_eq!(model["type"], "machine-learning-model");
        assert_eq!(model["hashes"][0]["content"], "4".repeat(64));
        assert_eq!(document["metadata"]["timestamp"], "2026-11-22T00:00:00Z");
        let mut references: Vec<&str> = components.iter().map(|found| found["bom-ref"].as_str().unwrap()).collect();
        references.push(document["metadata"]["component"]["bom-ref"].as_str().unwrap());
        let known: BTreeSet<&str> = references.iter().copied().collect();
        assert_eq!(known.len(), references.len());
        for dependency in document["dependencies"].as_array().unwrap() {
            let needs = dependency["dependsOn"].as_array().unwrap().iter().chain([&dependency["ref"]]);
            needs.for_each(|need| assert!(known.contains(need.as_str().unwrap()), "{need}"));
        }
    }

    #[test]
    fn the_serial_number_is_that_of_the_content() {
        let of = |hash: &str| {
            let changed = Contents { executable_sha256: hash.repeat(64), ..contents(Some(Identity::this())) };
            made(&changed)["serialNumber"].as_str().unwrap().to_owned()
        };
        assert_eq!(of("1"), of("1"));
        assert_ne!(of("1"), of("5"));
        assert_eq!(uuid(&"f".repeat(64)), "ffffffff-ffff-8fff-bfff-ffffffffffff");
    }
}
