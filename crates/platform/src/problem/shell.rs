//! The problems that the shell itself answers with, so that their types stay in one list.
//!
//! | type | status | answered by |
//! |---|---|---|
//! | `not-found`, `method-not-allowed` | 404, 405 | routes that do not exist |
//! | `invalid-host`, `transfer-encoding` | 400, 501 | [`crate::server`] |
//! | `unsupported-version` | 400 | [`crate::server`] |
//! | `overloaded`, `stopping`, `timeout`, `internal` | 503, 503, 503, 500 | [`crate::server`] |
//! | `body-too-large`, `body-timeout`, `body-unreadable` | 413, 408, 400 | [`crate::body`] |
//! | `content-encoding`, `malformed-gzip` | 415, 400 | [`crate::body::coding`] |
//! | `content-type`, `malformed-json`, `invalid-body` | 415, 400, 422 | [`crate::json`] |
//! | `invalid-query`, `invalid-path` | 400 | [`crate::params`] |

use super::Problem;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};

/// No such route.
pub(crate) async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "No such resource")
        .detail(format!("There is nothing at {}.", uri.path()))
}

/// The route is there, the method is not. axum adds `Allow`.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here")
        .detail(format!("{} cannot be used on {}; the Allow header says what can.", method, uri.path()))
}

/// The request names no host, or several.
pub(crate) fn invalid_host() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid-host", "The Host header is wrong")
        .detail("Send exactly one Host header with the host, and the port if it is not the default (RFC 9112, 3.2).")
}

/// The body has a transfer coding that the server does not apply.
pub(crate) fn transfer_encoding() -> Problem {
    Problem::new(StatusCode::NOT_IMPLEMENTED, "transfer-encoding", "The transfer coding is not supported").detail(
        "Send Transfer-Encoding: chunked or none (RFC 9112, 6.1); compress the body with Content-Encoding: gzip instead.",
    )
}

/// There is no such version of the API.
pub(crate) fn unsupported_version(found: &str, supported: &[&str]) -> Problem {
    let said = supported.join(", ");
    Problem::new(StatusCode::BAD_REQUEST, "unsupported-version", "There is no such version of the API")
        .detail(format!("Api-Version is `{found}`. Send one of: {said}; or leave it out, and the path decides."))
        .with("supported", supported)
}

/// More requests in flight than we take.
pub(crate) fn overloaded() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Too many requests at once")
        .detail("The request was not begun. Repeat it after the time in Retry-After.")
        .retry_after(1)
}

/// The server is about to stop.
pub(crate) fn stopping() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The server is stopping")
        .detail("The request was not begun. Repeat it after the time in Retry-After, on a new connection.")
        .retry_after(1)
}

/// The handler took too long.
pub(crate) fn timeout() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "The request took too long")
        .detail("It may or may not have taken effect. Repeat it with the same Idempotency-Key to learn which.")
        .retry_after(1)
}

/// The handler panicked.
pub(crate) fn internal() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")
        .detail("It is logged under the X-Request-Id of this answer.")
}

/// The body is larger than this route takes.
pub(crate) fn body_too_large(max_bytes: u64) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
        .detail(format!("This route takes {max_bytes} bytes at most. Split the request."))
        .with("max_bytes", max_bytes)
}

/// The body came too slowly.
pub(crate) fn body_timeout() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", "The body did not arrive in time")
        .detail("Nothing was done. Send the request again.")
}

/// The body is encoded in a way that is not taken. `Accept-Encoding` names those that are (RFC 9110, 15.5.16).
pub(crate) fn content_encoding(found: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding", "The body's encoding is not supported")
        .detail(format!("Send the body as it is or with one Content-Encoding: gzip (found: {found})."))
        .header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))
}

/// The body says that it is compressed, and cannot be decompressed.
pub(crate) fn malformed_gzip(error: &std::io::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed-gzip", "The body cannot be decompressed")
        .detail(format!("Content-Encoding is gzip, but the body is not valid gzip data: {error}."))
}

/// The connection or its framing broke inside the body.
pub(crate) fn body_unreadable() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "body-unreadable", "The body could not be read")
        .detail("It ended early or its transfer encoding is broken. Send the request again.")
}
