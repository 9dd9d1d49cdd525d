//! Weights outside of the file: only beside it or below, never through a link.

use std::path::{Component, Path, PathBuf};

use tract_onnx::pb;

use crate::engine::proto;

/// What is wrong, and what to do about it.
pub(crate) type Objection = (String, &'static str);

const KEEP_BESIDE: &str = "Export the model again with its weights beside it, or as one file.";

/// The location of a tensor's data, once it is a file of ours and long enough.
pub(super) fn check(tensor: &pb::TensorProto, model: &Path, expected_bytes: Option<u64>) -> Result<String, Objection> {
    let Some(location) = proto::external(tensor, "location") else {
        return Err(("The weights are in another file that is not named".to_owned(), "Export the model again."));
    };
    let Some(expected_bytes) = expected_bytes else {
        return Err(("Text cannot be stored in another file".to_owned(), "Export the model again."));
    };
    let number = |key: &str| match proto::external(tensor, key) {
        None => Ok(None),
        Some(value) => match value.parse::<u64>() {
            Ok(number) => Ok(Some(number)),
            Err(_not_a_number) => {
                Err((format!("The weights in `{location}` have a bad {key} ({value})"), "Export the model again."))
            }
        },
    };
    let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
    if length.is_some_and(|length| length != expected_bytes) {
        let what = format!("The weights in `{location}` do not have the length their shape asks for");
        return Err((what, "Export the model again."));
    }
    let file = resolve(model, location)?;
    let size = std::fs::metadata(&file).map_or(0, |metadata| metadata.len());
    // Without a length, everything from the offset on is read.
    let fits = match length {
        Some(_) => offset.checked_add(expected_bytes).is_some_and(|end| end <= size),
        None => size.checked_sub(offset) == Some(expected_bytes),
    };
    if !fits {
        let what = format!("The weights in `{location}` are incomplete: the file has {size} bytes");
        return Err((what, "Copy it again, or export the model again."));
    }
    Ok(location.to_owned())
}

/// The file at `location`, walking down from the model's folder without following links.
pub(crate) fn resolve(model: &Path, location: &str) -> Result<PathBuf, Objection> {
    let outside = || (format!("The weights are outside of the model's folder, at `{location}`"), KEEP_BESIDE);
    let mut path = match model.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    // A backslash would be a separator elsewhere.
    if location.is_empty() || location.contains('\\') {
        return Err(outside());
    }
    for component in Path::new(location).components() {
        match component {
            Component::CurDir => continue,
            Component::Normal(name) => path.push(name),
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return Err(outside()),
        }
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                return Err((format!("The weights at `{location}` are behind a link"), KEEP_BESIDE));
            }
            Ok(_) => {}
            Err(_missing) => {
                let what = format!("The weights are in `{location}`, which is missing");
                return Err((what, "Put that file beside the model."));
            }
        }
    }
    if path.is_file() {
        Ok(path)
    } else {
        Err((format!("The weights are in `{location}`, which is not a file"), KEEP_BESIDE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn only_plain_files_in_the_folder_are_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("inside").join("model.onnx");
        std::fs::create_dir_all(model.parent().unwrap().join("deep")).unwrap();
        std::fs::write(folder.path().join("outside.bin"), [0; 8]).unwrap();
        std::fs::write(model.with_file_name("w.bin"), [0; 8]).unwrap();
        std::fs::write(model.with_file_name("deep").join("w.bin"), [0; 8]).unwrap();
        std::os::unix::fs::symlink("w.bin", model.with_file_name("link.bin")).unwrap();
        std::os::unix::fs::symlink("deep", model.with_file_name("linked")).unwrap();
        for accepted in ["w.bin", "./w.bin", "deep/w.bin"] {
            assert!(resolve(&model, accepted).is_ok(), "{accepted}");
        }
        for (refused, why) in [
            ("../outside.bin", "outside"),
            ("deep/../w.bin", "outside"),
            ("/etc/passwd", "outside"),
            ("a\\b", "outside"),
            ("", "outside"),
            ("link.bin", "behind a link"),
            ("linked/w.bin", "behind a link"),
            ("none.bin", "missing"),
            ("deep", "not a file"),
        ] {
            let (what, _) = resolve(&model, refused).unwrap_err();
            assert!(what.contains(why), "{refused}: {what}");
        }
    }
}
