//! Rejects requests that pages of other sites send through the browser of an operator, because the API has no
//! authentication yet.
//!
//! A page of another site can send a request with `Content-Type: application/json` only after a preflight request, which the
//! API never allows; the handlers of commands require that type. This module rejects what remains: requests with a foreign
//! `Origin`, and names that the site may have pointed at this server (DNS rebinding).

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use platform::body;
use platform::problem::Problem;

use super::problems;

/// Fetch Metadata (W3C): how the page that sent the request relates to the server.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Passes requests that do not come from another site's page, and forbids to store their responses.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    if let Err(problem) = check(request.headers()) {
        body::discard(request.into_body()).await;
        return problem.into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST.as_str()).unwrap_or_default();
    if !is_local_name(host) {
        return Err(problems::cross_site(
            "The Host is a name with dots, which another site may have pointed at this server. Use its IP address, \
             `localhost`, or a name without dots.",
        ));
    }
    let is_own = |origin: &str| {
        origin.strip_prefix("http://").or(origin.strip_prefix("https://")).is_some_and(|authority| authority == host)
    };
    if text(header::ORIGIN.as_str()).is_some_and(|origin| !is_own(origin)) {
        return Err(problems::cross_site(
            "The Origin is another site. Send requests from a page of this server, or without a browser.",
        ));
    }
    match text(SEC_FETCH_SITE) {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(problems::cross_site("A page of another site sent the request.")),
    }
}

/// Whether the host is an IP address, `localhost`, or another name without dots: no site on the internet has such a name.
fn is_local_name(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.parse::<IpAddr>().is_ok() || (!name.is_empty() && !name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_passed(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        check(&map).is_ok()
    }

    #[test]
    fn programs_and_own_pages_are_passed() {
        for host in ["127.0.0.1:9083", "localhost:9083", "[::1]:9083", "10.1.2.3", "projector:9083"] {
            assert!(is_passed(&[("host", host)]), "{host}");
        }
        assert!(is_passed(&[("host", "localhost:9083"), ("origin", "http://localhost:9083")]));
        assert!(is_passed(&[("host", "localhost:9083"), ("sec-fetch-site", "same-origin")]));
        assert!(is_passed(&[("host", "localhost:9083"), ("sec-fetch-site", "none")]), "typed into the address bar");
    }

    #[test]
    fn pages_of_other_sites_are_rejected() {
        for origin in
            ["http://evil.example", "https://localhost:9084", "null", "http://localhost:9083.evil.example", ""]
        {
            assert!(!is_passed(&[("host", "localhost:9083"), ("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site", "unknown"] {
            assert!(!is_passed(&[("host", "localhost:9083"), ("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn names_that_a_site_may_have_pointed_at_this_server_are_rejected() {
        for host in ["evil.example:9083", "127.0.0.1.evil.example", "localhost.", ""] {
            assert!(!is_passed(&[("host", host)]), "{host}");
        }
        assert!(!is_passed(&[("host", "evil.example:9083"), ("origin", "http://evil.example:9083")]));
        assert!(!is_passed(&[]));
    }
}
