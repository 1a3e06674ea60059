//! Shared caching of the product catalogue (RFC 9111): a content delivery network or another caching proxy may store products and
//! prices for a short time, because they are the same for every caller. All other responses are private ([`super::respond`]), and problems
//! are never stored.

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

use crate::reads::consistency::Required;

/// A response to a request without a consistency token never matches a request with one, and vice versa.
const VARY: &str = "Consistency-Token";

/// How long shared caches may store the product catalogue.
#[derive(Debug, Clone)]
pub struct CatalogueCaching {
    /// `Cache-Control` of responses to requests without a consistency token; `None` if shared caches must not store them.
    cache_control: Option<HeaderValue>,
}

impl CatalogueCaching {
    /// Shared caches may use a response for `max_age`, in whole seconds, and for as long again while they revalidate it (RFC 5861); with
    /// zero they must not store it. Clients revalidate before each use in either case.
    pub fn new(max_age: Duration) -> CatalogueCaching {
        let directives = match max_age.as_secs() {
            0 => None,
            seconds => Some(format!("public, max-age=0, s-maxage={seconds}, stale-while-revalidate={seconds}")),
        };
        CatalogueCaching { cache_control: directives.map(header_value) }
    }

    /// Sets `Cache-Control` of a response with products or prices. The response to a request with a consistency token stays private,
    /// because a shared cache cannot compare positions of the log.
    pub(super) fn apply(&self, required: Option<&Required>, mut response: Response) -> Response {
        if let Some(cache_control) = self.cache_control.as_ref().filter(|_| required.is_none()) {
            response.headers_mut().insert(header::CACHE_CONTROL, cache_control.clone());
        }
        response
    }
}

/// Adds to `Vary` of every response of the catalogue. A problem needs it too: Varnish remembers a response that must not be stored, and
/// without `Vary` it would use that memory, and not the stored response, for requests without a token.
///
/// `Vary` stays one line, because nginx before 1.23 reads only one.
pub(super) async fn vary_by_token(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let vary = match headers.get(header::VARY).and_then(|others| others.to_str().ok()) {
        Some(others) => header_value(format!("{VARY}, {others}")),
        None => HeaderValue::from_static(VARY),
    };
    headers.insert(header::VARY, vary);
    response
}

/// A header value with this text, which contains only visible ASCII characters and spaces.
fn header_value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("directives and field names are ASCII")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn cache_control(max_age: Duration) -> Option<HeaderValue> {
        let response = CatalogueCaching::new(max_age).apply(None, Response::new(Body::empty()));
        response.headers().get(header::CACHE_CONTROL).cloned()
    }

    #[test]
    fn a_shared_cache_may_store_the_catalogue_for_whole_seconds() {
        let minute = "public, max-age=0, s-maxage=60, stale-while-revalidate=60";
        assert_eq!(cache_control(Duration::from_secs(60)).expect("shared"), minute);
        assert_eq!(cache_control(Duration::from_millis(60_999)).expect("shared"), minute);
        assert_eq!(cache_control(Duration::from_millis(999)), None);
    }
}
