//! Which of the server's addresses a path is: its template for metrics, and who may ask it.

/// Who may ask an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody: health, and the page without what is on it.
    Open,
    /// Whoever may ask models.
    Inference,
    /// Whoever may see how the server is doing.
    Administration,
}

/// A path's template and access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The path with names in place of values; the number of templates is bounded, unlike the number of paths.
    pub(super) template: &'static str,
    /// Who may ask it.
    pub(super) access: Access,
}

/// Segments of the longest path.
const MAX_SEGMENTS: usize = 6;

impl Route {
    /// The route of a path as it was sent; what is not known is closed like administration.
    pub(super) fn of(path: &str) -> Self {
        use Access::{Administration, Inference, Open};
        let mut segments = [""; MAX_SEGMENTS];
        let mut n_segments = 0;
        for segment in path.split('/').skip(1) {
            let Some(place) = segments.get_mut(n_segments) else { return Self::OTHER };
            *place = segment;
            n_segments += 1;
        }
        let (template, access) = match segments[..n_segments] {
            [""] => ("/", Open),
            ["docs", ..] => ("/docs", Open),
            ["ping"] => ("/ping", Open),
            ["health"] => ("/health", Open),
            ["version"] => ("/version", Open),
            ["v2", "health", "live"] => ("/v2/health/live", Open),
            ["v2", "health", "ready"] => ("/v2/health/ready", Open),
            ["openapi.json"] => ("/openapi.json", Inference),
            ["predict"] => ("/predict", Inference),
            ["invocations"] => ("/invocations", Inference),
            ["v2"] => ("/v2", Inference),
            ["metrics"] => ("/metrics", Administration),
            ["v2", "models", "stats"] => ("/v2/models/stats", Administration),
            ["v2", "models", _, "stats"] => ("/v2/models/{model}/stats", Administration),
            ["v2", "models", _, "versions", _, "stats"] => {
                ("/v2/models/{model}/versions/{version}/stats", Administration)
            }
            ["v2", "models", _] => ("/v2/models/{model}", Inference),
            ["v2", "models", _, "ready"] => ("/v2/models/{model}/ready", Open),
            ["v2", "models", _, "config"] => ("/v2/models/{model}/config", Inference),
            ["v2", "models", _, "infer"] => ("/v2/models/{model}/infer", Inference),
            ["v2", "models", _, "versions", _] => ("/v2/models/{model}/versions/{version}", Inference),
            ["v2", "models", _, "versions", _, "ready"] => ("/v2/models/{model}/versions/{version}/ready", Open),
            ["v2", "models", _, "versions", _, "config"] => ("/v2/models/{model}/versions/{version}/config", Inference),
            ["v2", "models", _, "versions", _, "infer"] => ("/v2/models/{model}/versions/{version}/infer", Inference),
            ["v2", "repository", "index"] => ("/v2/repository/index", Administration),
            ["v2", "repository", "models", _, "load" | "unload"] => {
                ("/v2/repository/models/{model}/load", Administration)
            }
            _ => return Self::OTHER,
        };
        Self { template, access }
    }

    const OTHER: Self = Self { template: "other", access: Access::Administration };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fall_into_few_templates_and_the_unknown_is_closed() {
        let cases = [
            ("/v2/models/churn/infer", "/v2/models/{model}/infer", Access::Inference),
            ("/v2/models/churn/versions/1/infer", "/v2/models/{model}/versions/{version}/infer", Access::Inference),
            ("/v2/models/stats", "/v2/models/stats", Access::Administration),
            ("/docs/swagger-ui.css", "/docs", Access::Open),
            ("/metrics", "/metrics", Access::Administration),
            ("/metrics/", "other", Access::Administration),
            ("//predict", "other", Access::Administration),
            ("/%70redict", "other", Access::Administration),
            ("/a/b/c/d/e/f/g", "other", Access::Administration),
            ("*", "other", Access::Administration),
            ("", "other", Access::Administration),
        ];
        for (path, template, access) in cases {
            assert_eq!(Route::of(path), Route { template, access }, "{path}");
        }
    }
}
