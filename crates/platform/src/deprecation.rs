//! Headers that announce the removal of a part of the API: `Deprecation` (RFC 9745) contains the date since which the use is discouraged,
//! `Sunset` (RFC 8594) the date after which the part may be removed, `Link` the documentation of the replacement.
//!
//! A deprecated route sends the headers with every response, a deprecated field only with responses to requests that use it. In the OpenAPI
//! document, [`crate::openapi::Operation::deprecated`] marks a route and `#[schemars(extend("deprecated" = true))]` a field.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// The deprecation of a part of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// Date since which the use is discouraged, as a structured field's date (RFC 9651, 3.3.7): `@` and Unix seconds.
    pub since: &'static str,
    /// Date after which the part may be removed, as an HTTP date (RFC 9110, 5.6.7).
    pub sunset: &'static str,
    /// Link to the documentation of the replacement, with relation `deprecation`.
    pub link: &'static str,
}

impl Deprecation {
    /// Adds the headers to a response.
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
    fn the_headers_keep_other_links() {
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, HeaderValue::from_static("</v1/orders?cursor=x>; rel=\"next\""));
        let deprecation = Deprecation {
            since: "@1796083200",
            sunset: "Wed, 01 Dec 2027 00:00:00 GMT",
            link: "</docs>; rel=\"deprecation\"",
        };
        deprecation.add_headers(&mut headers);
        assert_eq!(headers[DEPRECATION], "@1796083200");
        assert_eq!(headers[SUNSET], "Wed, 01 Dec 2027 00:00:00 GMT");
        assert_eq!(headers.get_all(header::LINK).iter().count(), 2);
    }
}
