//! The image as a file, written without any engine: an OCI layout that also carries Docker's own `manifest.json`, so
//! that `docker load`, `podman load` and every tool that reads an OCI archive take the same file.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::BuildPlan;
use super::context::Parts;
use super::dockerfile::{HEALTH_SECONDS, KIND_IMAGE, KIND_LABEL, PORT, USER, command, health_command, variables};
use super::error::PackageError;
use super::reference::Reference;
use super::tarball::{Tarball, TarballBuilder};
use crate::project::evidence::bytes_sha256;

/// Nanoseconds of a second, the unit of Docker's health check.
const SECOND: i64 = 1_000_000_000;

/// The archive of the image under this reference.
pub(super) fn archive(plan: &BuildPlan, parts: Parts, reference: &Reference) -> Result<Tarball, PackageError> {
    let mut archive = TarballBuilder::default();
    let mut layers = Vec::new();
    let mut paths = Vec::new();
    let mut diff_ids = Vec::new();
    let config = config(plan, &parts);
    for (name, layer) in parts.layers {
        // Layers are not compressed, so that a layer's digest is also that of its content.
        let digest = layer.sha256();
        let path = blob_path(&digest);
        layers.push(json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": format!("sha256:{digest}"),
            "size": layer.size_bytes(),
            "annotations": { "org.opencontainers.image.title": name },
        }));
        diff_ids.push(format!("sha256:{digest}"));
        archive.archive(&path, layer);
        paths.push(path);
    }
    let config = to_bytes(&config(&diff_ids))?;
    let config_digest = bytes_sha256(&config);
    let manifest = to_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": format!("sha256:{config_digest}"),
            "size": config.len(),
        },
        "layers": layers,
    }))?;
    let manifest_digest = bytes_sha256(&manifest);
    let index = to_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{manifest_digest}"),
            "size": manifest.len(),
            "platform": { "os": "linux", "architecture": parts.architecture },
            "annotations": {
                "io.containerd.image.name": reference.full(),
                "org.opencontainers.image.ref.name": reference.tag,
            },
        }],
    }))?;
    // What `docker load` of older engines reads.
    let docker = to_bytes(&json!([{
        "Config": blob_path(&config_digest), "RepoTags": [reference.full()], "Layers": paths,
    }]))?;
    archive.file(&blob_path(&config_digest), config, false);
    archive.file(&blob_path(&manifest_digest), manifest, false);
    archive.file("index.json", index, false);
    archive.file("manifest.json", docker, false);
    archive.file("oci-layout", Bytes::from_static(b"{\"imageLayoutVersion\":\"1.0.0\"}"), false);
    archive.finish()
}

/// The image's configuration but for its layers, whose digests are given later.
fn config<'a>(plan: &BuildPlan, parts: &Parts) -> impl Fn(&[String]) -> Json + use<'a> {
    let created = plan.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut labels = serde_json::Map::from_iter([(KIND_LABEL.to_owned(), json!(KIND_IMAGE))]);
    labels.extend(parts.labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    let environment: Vec<String> =
        variables(&parts.library_folders).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut test = vec!["CMD".to_owned()];
    test.extend(health_command());
    let mut run = json!({
        "User": USER,
        "ExposedPorts": { format!("{PORT}/tcp"): {} },
        "Cmd": command(),
        "StopSignal": "SIGTERM",
        "Labels": labels,
        // Docker's own extension of the format; others ignore it.
        "Healthcheck": {
            "Test": test,
            "Interval": HEALTH_SECONDS.interval * SECOND,
            "Timeout": HEALTH_SECONDS.timeout * SECOND,
            "StartPeriod": HEALTH_SECONDS.start_period * SECOND,
            "Retries": HEALTH_SECONDS.retries,
        },
    });
    if !environment.is_empty() {
        run["Env"] = json!(environment);
    }
    let history: Vec<Json> = parts
        .layers
        .iter()
        .map(|(name, _)| json!({ "created": Timestamp::UNIX_EPOCH.to_string(), "created_by": format!("ADD {name} /") }))
        .collect();
    let architecture = parts.architecture;
    move |diff_ids| {
        json!({
            "created": created,
            "architecture": architecture,
            "os": "linux",
            "config": run,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": history,
        })
    }
}

fn blob_path(digest: &str) -> String {
    format!("blobs/sha256/{digest}")
}

fn to_bytes(json: &Json) -> Result<Bytes, PackageError> {
    serde_json::to_vec(json)
        .map(Bytes::from)
        .map_err(|error| PackageError::Context { reason: format!("the image's description ({error})") })
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;
    use crate::package::context::parts;
    use crate::package::testing::plan;

    fn made(plan: &BuildPlan) -> Vec<u8> {
        let reference = Reference::parse(&plan.tag).unwrap();
        archive(plan, parts(plan, "", "").unwrap(), &reference).unwrap().to_vec()
    }

    #[test]
    fn every_digest_is_that_of_its_blob_and_the_same_input_gives_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let bytes = made(&plan);
        assert_eq!(bytes, made(&plan));
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
        let json = |name: &str| serde_json::from_slice::<Json>(&files[name]).unwrap();
        let blob = |entry: &Json| {
            let digest = entry["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
            let content = &files[&blob_path(digest)];
            assert_eq!(bytes_sha256(content), digest);
            assert_eq!(entry["size"], content.len());
            content
        };
        let manifest: Json = serde_json::from_slice(blob(&json("index.json")["manifests"][0])).unwrap();
        let config: Json = serde_json::from_slice(blob(&manifest["config"])).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 3);
        for (layer, diff_id) in layers.iter().zip(config["rootfs"]["diff_ids"].as_array().unwrap()) {
            blob(layer);
            assert_eq!(layer["digest"], *diff_id);
        }
        assert_eq!(config["config"]["User"], USER);
        assert_eq!(config["config"]["Labels"]["org.opencontainers.image.title"], plan.title);
        assert_eq!(json("manifest.json")[0]["RepoTags"][0], plan.tag);
    }
}
