//! `/docs`: Swagger UI from assets inside the executable; nothing is fetched from another host.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use utoipa_swagger_ui::Config;

use super::error::ApiError;

/// The browser itself is told to load nothing from elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
);

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // Relative, so that it works behind a proxy that adds a prefix. Without `none` the page asks a validator abroad.
    let config = Config::from("../openapi.json").validator_url("none").try_it_out_enabled(true);
    Arc::new(config.display_request_duration(true).query_config_enabled(false))
});

/// To the page, relative for the same reason.
pub(super) async fn redirect() -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, HeaderValue::from_static("docs/"))]).into_response()
}

/// The page.
pub(super) async fn index() -> Response {
    asset("index.html")
}

/// A part of the page.
pub(super) async fn file(Path(file): Path<String>) -> Response {
    asset(&file)
}

fn asset(path: &str) -> Response {
    match utoipa_swagger_ui::serve(path, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => {
            let mut response = file.bytes.into_owned().into_response();
            let headers = response.headers_mut();
            if let Ok(content_type) = HeaderValue::from_str(&file.content_type) {
                headers.insert(CONTENT_TYPE, content_type);
            }
            if file.gzpipped {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(CONTENT_SECURITY_POLICY, POLICY);
            response
        }
        Ok(None) => ApiError::not_found(format!("there is nothing at /docs/{path}")).into_response(),
        Err(error) => ApiError::internal("the page could not be made", error.to_string()).into_response(),
    }
}
