//! `/docs`: Swagger UI from assets inside the executable; nothing is fetched from another host.
//!
//! Of its distribution only the files that the page loads are here, and packed as browsers take them: all of it, plain,
//! was a tenth of the smallest executable.

use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::coding::{self, Coding};
use super::error::ApiError;

/// The browser itself is told to load nothing from elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
);

/// The largest file, unpacked, is smaller.
const MOST_BYTES: usize = 4 << 20;

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="UTF-8">
    <title>The model's interface</title>
    <link rel="stylesheet" type="text/css" href="./swagger-ui.css">
    <link rel="stylesheet" type="text/css" href="./index.css">
    <link rel="icon" type="image/png" href="./favicon-32x32.png" sizes="32x32">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="./swagger-ui-bundle.js" charset="UTF-8"></script>
    <script src="./swagger-ui-standalone-preset.js" charset="UTF-8"></script>
    <script src="./swagger-initializer.js" charset="UTF-8"></script>
  </body>
</html>
"#;

const STYLE: &str = "html { box-sizing: border-box; overflow-y: scroll; }\n\
                     *, *:before, *:after { box-sizing: inherit; }\n\
                     body { margin: 0; background: #fafafa; }\n";

/// The address is relative, so that it works behind a proxy that adds a prefix. Without `none` the page asks a
/// validator abroad.
const START: &str = r##"window.onload = function() {
  window.ui = SwaggerUIBundle({
    "dom_id": "#swagger-ui",
    "url": "../openapi.json",
    "queryConfigEnabled": false,
    "deepLinking": true,
    "displayRequestDuration": true,
    "tryItOutEnabled": true,
    "validatorUrl": "none",
    "layout": "StandaloneLayout",
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl],
  });
};
"##;

/// A part of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
    is_packed: bool,
}

const fn plain(name: &'static str, kind: &'static str, content: &'static [u8]) -> Asset {
    Asset { name, kind, content, is_packed: false }
}

const fn packed(name: &'static str, kind: &'static str, content: &'static [u8]) -> Asset {
    Asset { name, kind, content, is_packed: true }
}

const JAVASCRIPT: &str = "text/javascript";

static ASSETS: [Asset; 7] = [
    plain("index.html", "text/html", PAGE.as_bytes()),
    plain("index.css", "text/css", STYLE.as_bytes()),
    plain("swagger-initializer.js", JAVASCRIPT, START.as_bytes()),
    plain("favicon-32x32.png", "image/png", include_bytes!("../../assets/swagger-ui/favicon-32x32.png")),
    packed("swagger-ui.css", "text/css", include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz")),
    packed("swagger-ui-bundle.js", JAVASCRIPT, include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz")),
    packed(
        "swagger-ui-standalone-preset.js",
        JAVASCRIPT,
        include_bytes!("../../assets/swagger-ui/swagger-ui-standalone-preset.js.gz"),
    ),
];

/// To the page, relative for the same reason.
pub(super) async fn redirect() -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, HeaderValue::from_static("docs/"))]).into_response()
}

/// The page.
pub(super) async fn index(headers: HeaderMap) -> Response {
    asset("index.html", &headers)
}

/// A part of the page.
pub(super) async fn file(Path(file): Path<String>, headers: HeaderMap) -> Response {
    asset(&file, &headers)
}

fn asset(name: &str, request: &HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return ApiError::not_found(format!("there is nothing at /docs/{name}")).into_response();
    };
    let stays_packed = asset.is_packed && coding::accepts_gzip(request);
    let mut response = if asset.is_packed && !stays_packed {
        match coding::unpack(Coding::Gzip, asset.content, MOST_BYTES) {
            Ok(plain) => plain.into_response(),
            Err(error) => return error.into_response(),
        }
    } else {
        asset.content.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    if stays_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if asset.is_packed {
        headers.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}
