//! Sends representations as HTTP responses.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::http::preconditions::Preconditions;
use crate::reads::representation::Representation;

/// The response contains every event up to this position of the log; usable as the `Consistency-Token` of the next query.
pub(crate) const PROJECTION_POSITION: HeaderName = HeaderName::from_static("projection-position");
/// Age of the oldest event that is not applied, in milliseconds.
pub(crate) const PROJECTION_LAG_MS: HeaderName = HeaderName::from_static("projection-lag-ms");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A reader may store a response and must revalidate it; shared caches must not store it (RFC 9111, 5.2.2).
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Sends a representation, or 304 if the reader already has it.
pub(crate) fn respond(
    representation: &Representation,
    preconditions: &Preconditions,
    lag_ms: Option<HeaderValue>,
) -> Response {
    let mut response = match preconditions.matches(&representation.etag) {
        true => not_modified(),
        false => Response::new(Body::from(representation.body.clone())),
    };
    let headers = response.headers_mut();
    // Two more headers are added by the server layers around all handlers.
    *headers = HeaderMap::with_capacity(8);
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::ETAG, representation.etag.clone());
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    insert_freshness(headers, representation.position.clone(), lag_ms);
    response
}

fn insert_freshness(headers: &mut HeaderMap, position: HeaderValue, lag_ms: Option<HeaderValue>) {
    headers.insert(PROJECTION_POSITION, position);
    if let Some(lag_ms) = lag_ms {
        headers.insert(PROJECTION_LAG_MS, lag_ms);
    }
}

/// Sends a body that is produced while it is sent, so it has no `ETag`.
pub(crate) fn respond_streamed(
    body: Body,
    content_type: HeaderValue,
    position: HeaderValue,
    lag_ms: Option<HeaderValue>,
) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    insert_freshness(headers, position, lag_ms);
    response
}

/// Sends the result of a search, which depends on the body of the request, so that no cache may store it.
pub(crate) fn respond_to_search(representation: &Representation, lag_ms: Option<HeaderValue>) -> Response {
    let mut response = Response::new(Body::from(representation.body.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    insert_freshness(headers, representation.position.clone(), lag_ms);
    response
}

/// 304 Not Modified, without a body.
pub(crate) fn not_modified() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}
