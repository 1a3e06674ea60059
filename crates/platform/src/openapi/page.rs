//! Serves the OpenAPI document and a page with Swagger UI. All files come from this process, and the content security policy of the page
//! allows no other scripts.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;
use swagger_ui_dist::{ApiDefinition, OpenApiSource};

/// Path of the OpenAPI document.
pub const DOCUMENT_PATH: &str = "/v1/openapi.json";

/// Path of the documentation page.
pub const PAGE_PATH: &str = "/docs";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
/// The response can be stored, but must be revalidated before use.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// Swagger UI sets inline styles and uses `data:` URLs for icons; nothing else is allowed.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Starts Swagger UI. The URL is relative to the page, so that a proxy can serve both under another path.
const START: &str = "window.onload = () => SwaggerUIBundle({ url: 'v1/openapi.json', dom_id: '#swagger-ui', \
                     deepLinking: true, validatorUrl: null });\n";

/// The routes of the document and the page.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(title: &'static str, document: &Value) -> Router<S> {
    let document = Document::new(document);
    let page = page(title);
    let script = || fixed(SCRIPT, Bytes::from_static(START.as_bytes()));
    // The page of the crate has an inline script, which the policy forbids; only its other files are used.
    let files = swagger_ui_dist::generate_routes(ApiDefinition {
        uri_prefix: "/docs/ui",
        api_definition: OpenApiSource::Uri(DOCUMENT_PATH),
        title: Some(title),
    });
    Router::new()
        .route(DOCUMENT_PATH, get(async move |headers: HeaderMap| document.respond(&headers)))
        .route(PAGE_PATH, get(async move || fixed(HTML, page.clone())))
        .route("/docs/start.js", get(async move || script()))
        .merge(files.with_state(()))
}

/// The serialised document.
#[derive(Clone)]
struct Document {
    json: Bytes,
    etag: HeaderValue,
}

impl Document {
    fn new(document: &Value) -> Self {
        let json = document.to_string();
        let mut hasher = DefaultHasher::new();
        json.hash(&mut hasher);
        let etag = HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())).expect("digits in quotes");
        Document { json: json.into(), etag }
    }

    fn respond(&self, headers: &HeaderMap) -> Response {
        let mut response = match headers.get(header::IF_NONE_MATCH) == Some(&self.etag) {
            true => Response::new(Body::empty()),
            false => fixed(JSON, self.json.clone()),
        };
        if headers.get(header::IF_NONE_MATCH) == Some(&self.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        response.headers_mut().insert(header::ETAG, self.etag.clone());
        response.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
        response
    }
}

fn page(title: &str) -> Bytes {
    let page = format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/ui/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="docs/ui/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"#
    );
    page.into()
}

fn fixed(content_type: HeaderValue, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, NO_CACHE);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}
