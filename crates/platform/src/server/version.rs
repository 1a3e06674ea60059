//! The version of the API that a request means: by its path (`/v1/…`), by the header `Api-Version`, or by both, which then
//! must agree. A path without a version means the one in the header, or the newest.
//!
//! With one version every path is of it, so all that is left to check is the header. The day there is a second one,
//! [`crate::openapi::Routes`] registers the unversioned path once and asks here which handler is meant.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::problem::{Problem, shell as problems};
use crate::shown::shown;

/// Every version that is served, the newest last.
pub const API_VERSIONS: [&str; 1] = ["1"];

/// Names a version, in both directions.
pub(super) const API_VERSION: HeaderName = HeaderName::from_static("api-version");
/// The version of every answer.
pub(super) const NEWEST: HeaderValue = HeaderValue::from_static(API_VERSIONS[API_VERSIONS.len() - 1]);

/// What was sent is repeated to this length.
const SHOWN_MAX_CHARS: usize = 32;

/// Refuses a version that is not served.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(asked) = headers.get(API_VERSION) else { return Ok(()) };
    if asked.to_str().is_ok_and(|asked| API_VERSIONS.contains(&asked.trim())) {
        return Ok(());
    }
    let found = shown(&String::from_utf8_lossy(asked.as_bytes()), SHOWN_MAX_CHARS);
    Err(problems::unsupported_version(&found, &API_VERSIONS))
}
