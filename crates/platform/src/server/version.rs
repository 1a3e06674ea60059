//! The API version of a request, given by the path (`/v1/…`), by the header `Api-Version`, or by both, which must then agree. A path without
//! a version refers to the version in the header, or to the newest.
//!
//! There is one version, so only the header is checked. With a second version, [`crate::openapi::Routes`] will register an unversioned path once
//! and select the handler by this header.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::problem::{Problem, shell as problems};
use crate::shown::shown;

/// The supported versions, newest last.
pub const API_VERSIONS: [&str; 1] = ["1"];

/// Header with the API version, in requests and responses.
pub(super) const API_VERSION: HeaderName = HeaderName::from_static("api-version");
/// API version of every response.
pub(super) const NEWEST: HeaderValue = HeaderValue::from_static(API_VERSIONS[API_VERSIONS.len() - 1]);

/// Longer values are cut where a problem repeats them.
const SHOWN_MAX_CHARS: usize = 32;

/// Rejects an unsupported version.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(requested) = headers.get(API_VERSION) else { return Ok(()) };
    if requested.to_str().is_ok_and(|requested| API_VERSIONS.contains(&requested.trim())) {
        return Ok(());
    }
    let found = shown(&String::from_utf8_lossy(requested.as_bytes()), SHOWN_MAX_CHARS);
    Err(problems::unsupported_version(&found, &API_VERSIONS))
}
