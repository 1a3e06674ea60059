//! Checks of request headers that HTTP/1.1 requires and hyper does not perform: exactly one valid `Host` (RFC 9112, 3.2), and no unsupported
//! transfer coding (RFC 9112, 6.1). [`super::connection`] checks every request and stores the fault in the request; [`super::shell`] rejects
//! the request, with a request id and metrics.

use axum::extract::Request;
use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Version};

use crate::problem::{Problem, shell as problems};

/// A fault of the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not exactly one `Host`, or an invalid one.
    Host,
    /// A transfer coding other than `chunked`: the body would be misinterpreted.
    TransferCoding,
}

impl Fault {
    pub(super) fn problem(self) -> Problem {
        match self {
            Fault::Host => problems::invalid_host(),
            Fault::TransferCoding => problems::transfer_encoding(),
        }
    }
}

/// Checks the headers of a request.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Fault> {
    let headers = request.headers();
    match request.version() {
        Version::HTTP_09 | Version::HTTP_10 if !headers.contains_key(HOST) => {}
        _ if has_one_host(headers) => {}
        _ => return Err(Fault::Host),
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked_only = match codings.next() {
        None => true,
        Some(only) => only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") && codings.next().is_none(),
    };
    if is_chunked_only { Ok(()) } else { Err(Fault::TransferCoding) }
}

fn has_one_host(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(HOST).iter();
    let (Some(only), None) = (lines.next(), lines.next()) else { return false };
    // A host has no user information (RFC 9110, 7.2).
    Authority::try_from(only.as_bytes()).is_ok() && !only.as_bytes().contains(&b'@')
}
