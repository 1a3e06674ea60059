//! Tells callers in time that something they use will go away: `Deprecation` (RFC 9745) says since when it is discouraged,
//! `Sunset` (RFC 8594) from when on it may be gone, `Link` where to read what to do instead.
//!
//! A whole route says so with every answer, a part of a body only where it was used. In the OpenAPI document a route says it by
//! [`crate::openapi::Operation::deprecated`], a field by `#[schemars(extend("deprecated" = true))]`.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// Something that will go away.
#[derive(Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// Since when it is discouraged, as a structured field's date (RFC 9651, 3.3.7): `@` and Unix seconds.
    pub since: &'static str,
    /// From when on it may be gone, as an HTTP date (RFC 9110, 5.6.7).
    pub sunset: &'static str,
    /// Where to read what to do instead: a link with relation `deprecation`.
    pub link: &'static str,
}

impl Deprecation {
    /// Says so in an answer.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        headers.insert(DEPRECATION, HeaderValue::from_static(self.since));
        headers.insert(SUNSET, HeaderValue::from_static(self.sunset));
        headers.append(header::LINK, HeaderValue::from_static(self.link));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_beside_other_links() {
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, HeaderValue::from_static("</v1/orders?cursor=x>; rel=\"next\""));
        let gone = Deprecation {
            since: "@1796083200",
            sunset: "Wed, 01 Dec 2027 00:00:00 GMT",
            link: "</docs>; rel=\"deprecation\"",
        };
        gone.add_headers(&mut headers);
        assert_eq!(headers[DEPRECATION], "@1796083200");
        assert_eq!(headers[SUNSET], "Wed, 01 Dec 2027 00:00:00 GMT");
        assert_eq!(headers.get_all(header::LINK).iter().count(), 2);
    }
}
