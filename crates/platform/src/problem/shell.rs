//! The problems that the HTTP server itself responds with, before or around a handler. Their types are in [`super::types`].

use super::{Problem, types};
use axum::http::{HeaderValue, Method, Uri, header};

/// The path matches no route.
pub(crate) async fn not_found(uri: Uri) -> Problem {
    Problem::of(types::NOT_FOUND).detail(format!("There is no resource at {}.", uri.path()))
}

/// The path exists, but not with this method. axum adds the header `Allow`.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::of(types::METHOD_NOT_ALLOWED).detail(format!(
        "{} is not supported on {}. The Allow header lists the supported methods.",
        method,
        uri.path()
    ))
}

/// The request has no Host header, or several.
pub(crate) fn invalid_host() -> Problem {
    Problem::of(types::INVALID_HOST).detail(
        "Send exactly one Host header with the host, and with the port unless it is the default (RFC 9112, 3.2).",
    )
}

/// The body has a transfer coding that the server does not support.
pub(crate) fn transfer_encoding() -> Problem {
    Problem::of(types::TRANSFER_ENCODING).detail(
        "Send Transfer-Encoding: chunked or none (RFC 9112, 6.1). To compress the body, send Content-Encoding: gzip.",
    )
}

/// The header `Api-Version` names an unknown version.
pub(crate) fn unsupported_version(found: &str, supported: &[&str]) -> Problem {
    Problem::of(types::UNSUPPORTED_VERSION)
        .detail(format!(
            "Api-Version is `{found}`. Supported versions: {}. Without the header, the path determines the version.",
            supported.join(", ")
        ))
        .with("supported", supported)
}

/// The server has as many requests in progress as it accepts.
pub(crate) fn overloaded() -> Problem {
    Problem::of(types::OVERLOADED)
        .detail("The request was not processed. Repeat the request after the number of seconds in Retry-After.")
        .retry_after(1)
}

/// The server is shutting down.
pub(crate) fn stopping() -> Problem {
    Problem::of(types::STOPPING)
        .detail(
            "The request was not processed. Repeat the request after the number of seconds in Retry-After, on a new \
             connection.",
        )
        .retry_after(1)
}

/// The handler exceeded its time limit.
pub(crate) fn timeout() -> Problem {
    Problem::of(types::TIMEOUT)
        .detail(
            "The request may or may not have taken effect. To find out, repeat the request with the same Idempotency-Key.",
        )
        .retry_after(1)
}

/// The handler panicked.
pub(crate) fn internal() -> Problem {
    Problem::of(types::INTERNAL)
        .detail("The service failed unexpectedly and logged the error with the X-Request-Id of this response.")
}

/// The body is larger than the route accepts.
pub(crate) fn body_too_large(max_bytes: u64) -> Problem {
    Problem::of(types::BODY_TOO_LARGE)
        .detail(format!("The maximum size of a request body on this route is {max_bytes} bytes. Split the request."))
        .with("max_bytes", max_bytes)
}

/// The client sends the body too slowly.
pub(crate) fn body_timeout() -> Problem {
    Problem::of(types::BODY_TIMEOUT).detail("The request was not processed. Send the request again.")
}

/// The body has an unsupported content coding. `Accept-Encoding` lists the supported ones (RFC 9110, 15.5.16).
pub(crate) fn content_encoding(found: &str) -> Problem {
    Problem::of(types::CONTENT_ENCODING)
        .detail(format!("Send the body uncompressed or with exactly one Content-Encoding: gzip (found: {found})."))
        .header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))
}

/// The content coding is gzip, and the body is not gzip data.
pub(crate) fn malformed_gzip(error: &std::io::Error) -> Problem {
    Problem::of(types::MALFORMED_GZIP)
        .detail(format!("Content-Encoding is gzip, but the body is not valid gzip data: {error}."))
}

/// The connection was closed, or the transfer coding is invalid, before the end of the body.
pub(crate) fn body_unreadable() -> Problem {
    Problem::of(types::BODY_UNREADABLE)
        .detail("The body ended early, or its transfer coding is invalid. Send the request again.")
}
