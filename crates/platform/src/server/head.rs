//! What HTTP/1.1 asks of the head of a request beyond what hyper checks: one valid `Host` (RFC 9112, 3.2), and no transfer coding
//! that is not applied (RFC 9112, 6.1). [`super::connection`] checks every request that comes over a connection and leaves the
//! fault with the request; [`super::shell`] refuses it like any other, with a request id and a count.

use axum::extract::Request;
use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Version};

use crate::problem::{Problem, shell as problems};

/// What is wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not exactly one `Host`, or one that names no host.
    Host,
    /// A transfer coding beside `chunked`: the body would be taken for what it is not.
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

/// Checks the head of a request as it was received.
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
