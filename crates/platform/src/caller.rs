//! Who calls and under which request id. [`crate::server`] puts it into every request; handlers take it as an extractor.

use crate::problem::{Problem, shell};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a request, in both directions.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer id from outside is replaced by one of ours.
const GIVEN_ID_MAX_BYTES: usize = 128;

/// The other side of a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where the connection comes from: the client, or the proxy before us.
    pub peer: SocketAddr,
    /// Names the request in logs and in the answer's `X-Request-Id`.
    pub request_id: RequestId,
}

impl Caller {
    pub(crate) fn new(peer: SocketAddr, given_id: Option<&HeaderValue>) -> Self {
        let given = given_id.filter(|id| is_sane(id)).cloned();
        Caller { peer, request_id: given.map_or_else(RequestId::next, |id| RequestId(Id::Given(id))) }
    }

    /// The id of a request. One that came over no connection, as tests make them, gets a caller from nowhere.
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
            tracing::error!("a route outside the server's shell asks who calls");
            shell::internal()
        })
    }
}

/// The name of one request: the client's own if it is 1 to 128 visible ASCII characters, otherwise 28 hexadecimal digits: 16 of the
/// process, 12 that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Id);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Id {
    Given(HeaderValue),
    Made(u64),
}

const PROCESS_DIGITS: usize = 16;
const DIGITS: usize = 28;

/// Tells the ids of two processes apart: their first digits, the rest zero.
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
            // Digits are always a header's value.
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

fn is_sane(id: &HeaderValue) -> bool {
    (1..=GIVEN_ID_MAX_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn digits(count: u64) -> [u8; DIGITS] {
    let mut text = *PROCESS;
    write_hex(count, &mut text[PROCESS_DIGITS..]);
    text
}

/// The lowest digits of a number. `format!` costs ten times as much, on every request.
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
    fn a_sane_id_is_kept_and_another_replaced() {
        assert_eq!(id_for("abc-1"), "abc-1");
        let long = Box::leak("x".repeat(129).into_boxed_str());
        for odd in ["", "a b", "a\tb", long] {
            assert_eq!(id_for(odd).len(), DIGITS, "{odd}");
        }
    }

    #[test]
    fn the_header_and_the_log_say_the_same() {
        let id = RequestId::next();
        assert_eq!(id.clone().into_header().to_str().expect("ids are text"), id.to_string());
        assert_ne!(id, RequestId::next());
    }
}
