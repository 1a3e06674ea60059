//! The peer and the request id of a request. [`crate::server`] adds them to every request; handlers get them as an extractor.

use crate::problem::{Problem, shell};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Header with the request id, in requests and responses.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer id of the client is replaced by a generated one.
const GIVEN_ID_MAX_BYTES: usize = 128;

/// The sender of a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Address of the connection: the client, or the proxy in front of the service.
    pub peer: SocketAddr,
    /// Id of the request in logs and in the response header `X-Request-Id`.
    pub request_id: RequestId,
}

impl Caller {
    pub(crate) fn new(peer: SocketAddr, given_id: Option<&HeaderValue>) -> Self {
        let given = given_id.filter(|id| is_valid(id)).cloned();
        Caller { peer, request_id: given.map_or_else(RequestId::next, |id| RequestId(Id::Given(id))) }
    }

    /// The id of a request. A request without a connection, as in tests, gets an unspecified address.
    pub(crate) fn request_id_of(request: &mut Request) -> RequestId {
        if let Some(caller) = request.extensions().get::<Caller>() {
            return caller.request_id.clone();
        }
        let caller = Caller::new((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0).into(), request.headers().get(X_REQUEST_ID));
        let request_id = caller.request_id.clone();
        request.extensions_mut().insert(caller);
        request_id
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| {
            tracing::error!("the caller of a request is unknown: the route is outside the server's request layer");
            shell::internal()
        })
    }
}

/// The id of a request: the client's id if it is 1 to 128 visible ASCII characters, otherwise 28 hexadecimal digits, of which 16 identify
/// the process and 12 count its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Id);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Id {
    Given(HeaderValue),
    Made(u64),
}

const PROCESS_DIGITS: usize = 16;
const DIGITS: usize = 28;

/// The first digits of all ids of this process; the others are zero.
static PROCESS: LazyLock<[u8; DIGITS]> = LazyLock::new(|| {
    let random = RandomState::new().build_hasher().finish();
    let mut text = [b'0'; DIGITS];
    write_hex(random, &mut text[..PROCESS_DIGITS]);
    text
});
static COUNT: AtomicU64 = AtomicU64::new(0);

impl RequestId {
    fn next() -> Self {
        RequestId(Id::Made(COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    pub(crate) fn into_header(self) -> HeaderValue {
        match self.0 {
            Id::Given(value) => value,
            // Digits are always a valid header value.
            Id::Made(count) => HeaderValue::from_bytes(&digits(count)).unwrap_or(HeaderValue::from_static("-")),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Id::Given(value) => f.write_str(value.to_str().unwrap_or("-")),
            Id::Made(count) => f.write_str(std::str::from_utf8(&digits(*count)).unwrap_or("-")),
        }
    }
}

fn is_valid(id: &HeaderValue) -> bool {
    (1..=GIVEN_ID_MAX_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn digits(count: u64) -> [u8; DIGITS] {
    let mut text = *PROCESS;
    write_hex(count, &mut text[PROCESS_DIGITS..]);
    text
}

/// Writes the lowest hexadecimal digits of a number. `format!` would cost ten times as much, for every request.
fn write_hex(number: u64, text: &mut [u8]) {
    for (at, digit) in text.iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (4 * at)) as usize & 0xf];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: &'static str) -> String {
        let given = HeaderValue::from_static(given);
        Caller::new(([127, 0, 0, 1], 1).into(), Some(&given)).request_id.to_string()
    }

    #[test]
    fn a_valid_id_is_kept_and_an_invalid_one_replaced() {
        assert_eq!(id_for("abc-1"), "abc-1");
        let long = Box::leak("x".repeat(129).into_boxed_str());
        for odd in ["", "a b", "a\tb", long] {
            assert_eq!(id_for(odd).len(), DIGITS, "{odd}");
        }
    }

    #[test]
    fn header_and_log_contain_the_same_id() {
        let id = RequestId::next();
        assert_eq!(id.clone().into_header().to_str().expect("ids are visible ASCII"), id.to_string());
        assert_ne!(id, RequestId::next());
    }
}
