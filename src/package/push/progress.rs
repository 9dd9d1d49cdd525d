//! How far each layer is, out of the engine's lines.

use std::sync::{Arc, Mutex, PoisonError};

use bollard::models::CreateImageInfo;

use crate::project::deployment::PushedLayer;

/// Layers that are followed; no engine takes more in one image.
const MAX_LAYERS: usize = 1_000;

/// Longest word of the engine that is kept.
const MAX_CHARS: usize = 200;

/// How far a push is, to be looked at while it goes on.
#[derive(Clone, Debug, Default)]
pub struct PushProgress {
    layers: Arc<Mutex<Vec<PushedLayer>>>,
}

impl PushProgress {
    /// The layers, in the engine's order.
    pub fn layers(&self) -> Vec<PushedLayer> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes one line; gives the digest when it tells that.
    pub(super) fn take(&self, info: &CreateImageInfo) -> Option<String> {
        let status = info.status.as_deref().unwrap_or_default();
        let Some(id) = info.id.as_deref().filter(|id| !id.is_empty()) else { return digest_of(status) };
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = layers.iter().position(|layer| layer.id == id);
        let idx = match known {
            Some(idx) => idx,
            None if layers.len() < MAX_LAYERS => {
                layers.push(PushedLayer { id: id.chars().take(MAX_CHARS).collect(), ..PushedLayer::default() });
                layers.len() - 1
            }
            None => return None,
        };
        let layer = &mut layers[idx];
        layer.state = status.chars().take(MAX_CHARS).collect();
        if let Some(detail) = &info.progress_detail {
            let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
            if let Some(total) = bytes(detail.total).filter(|total| 0 < *total) {
                layer.total_bytes = total;
            }
            if let Some(done) = bytes(detail.current) {
                // An engine counts what it packs, which may come to more than it announced.
                layer.done_bytes = done.max(layer.done_bytes);
                layer.total_bytes = layer.total_bytes.max(if layer.total_bytes == 0 { 0 } else { layer.done_bytes });
            }
        }
        if layer.done() {
            layer.total_bytes = layer.total_bytes.max(layer.done_bytes);
            layer.done_bytes = layer.total_bytes;
        }
        None
    }

    /// The share that is done, 0 to 1; `None` before the first layer.
    pub(super) fn share(&self) -> Option<f32> {
        let layers = self.layers();
        let share = |layer: &PushedLayer| match layer {
            layer if layer.done() => 1.0,
            layer if layer.total_bytes == 0 => 0.0,
            layer => layer.done_bytes as f32 / layer.total_bytes as f32,
        };
        (!layers.is_empty()).then(|| layers.iter().map(share).sum::<f32>() / layers.len() as f32)
    }
}

/// The digest in `1.0.0: digest: sha256:… size: 943`.
fn digest_of(status: &str) -> Option<String> {
    let (_, rest) = status.split_once("digest: ")?;
    let digest = rest.split_whitespace().next()?;
    let hash = digest.strip_prefix("sha256:")?;
    (hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| digest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> CreateImageInfo {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn layers_are_followed_and_the_digest_is_told() {
        let progress = PushProgress::default();
        assert_eq!(progress.share(), None);
        let digest = format!("sha256:{}", "a".repeat(64));
        for text in [
            r#"{"status":"The push refers to repository [127.0.0.1:5000/churn]"}"#,
            r#"{"status":"Preparing","progressDetail":{},"id":"aa"}"#,
            r#"{"status":"Waiting","progressDetail":{},"id":"bb"}"#,
            r#"{"status":"Pushing","progressDetail":{"current":50,"total":100},"progress":"[=>  ]","id":"aa"}"#,
            r#"{"status":"Layer already exists","progressDetail":{},"id":"bb"}"#,
        ] {
            assert_eq!(progress.take(&line(text)), None);
        }
        assert_eq!(progress.share(), Some(0.75));
        // More than was announced is no share above one.
        progress.take(&line(r#"{"status":"Pushing","progressDetail":{"current":120,"total":100},"id":"aa"}"#));
        assert_eq!(progress.share(), Some(1.0));
        progress.take(&line(r#"{"status":"Pushed","progressDetail":{},"id":"aa"}"#));
        assert!(progress.layers().iter().all(PushedLayer::done));
        assert_eq!(progress.layers()[0].done_bytes, 120);
        let last = line(&format!(r#"{{"status":"1.0.0: digest: {digest} size: 943"}}"#));
        assert_eq!(progress.take(&last), Some(digest));
    }

    #[test]
    fn nonsense_is_no_digest_and_no_flood() {
        let progress = PushProgress::default();
        for text in ["digest: ", "digest: sha256:xyz", "digest: md5:aa", ""] {
            assert_eq!(digest_of(text), None, "{text}");
        }
        for number in 0..2_000 {
            progress.take(&line(&format!(r#"{{"id":"{number}","status":"{}"}}"#, "x".repeat(1_000))));
        }
        progress.take(&line(r#"{"id":"0","status":"Pushing","progressDetail":{"current":-5,"total":-1}}"#));
        assert_eq!(progress.layers().len(), MAX_LAYERS);
        assert!(progress.layers().iter().all(|layer| layer.state.len() <= MAX_CHARS && layer.total_bytes == 0));
    }
}
