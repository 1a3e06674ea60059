//! Problem documents (RFC 9457): the response to every request that fails. [`types`] is the table of the types that all services
//! share, `shell` builds the problems of the HTTP server itself.

pub(crate) mod shell;
pub mod types;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

pub use types::ProblemType;

/// The media type of a problem document.
pub const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Without it, caches may store some errors, such as 404, for as long as they like (RFC 9111, 4.2.2).
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The members that RFC 9457 defines.
const MEMBERS: [&str; 5] = ["type", "title", "status", "detail", "instance"];

/// A problem document: what is wrong with a request and how to correct it. The content is boxed, so that a `Result` with a problem
/// stays small.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    problem_type: ProblemType,
    detail: Option<String>,
    instance: Option<String>,
    extensions: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of type `/problems/{kind}`. Prefer [`Problem::of`] with a type from a table.
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str) -> Self {
        Problem::of(ProblemType::new(status, kind, title))
    }

    /// A problem of this type, without a detail.
    pub fn of(problem_type: ProblemType) -> Self {
        let inner = Inner { problem_type, detail: None, instance: None, extensions: Map::new(), headers: vec![] };
        Problem(Box::new(inner))
    }

    /// Sets the explanation of this occurrence: a sentence for people that says what is wrong and how to correct it.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Sets the URI reference that identifies this occurrence.
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.0.instance = Some(instance.into());
        self
    }

    /// Adds an extension member. The five members that RFC 9457 defines cannot be replaced.
    pub fn with(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.0.extensions.insert(key.into(), value);
        self
    }

    /// Adds a header to the response.
    pub fn header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// Adds `Retry-After`, in seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, seconds)
    }

    /// The status code of the response.
    pub fn status(&self) -> StatusCode {
        self.0.problem_type.status
    }

    /// The slug of the type: `order-state` of `/problems/order-state`.
    pub fn kind(&self) -> &'static str {
        self.0.problem_type.slug
    }

    /// The explanation of this occurrence; empty where the problem has none.
    pub fn explanation(&self) -> &str {
        self.0.detail.as_deref().unwrap_or_default()
    }

    /// The problem document as JSON.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Problem(inner) = self;
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("type", &format_args!("/problems/{}", inner.problem_type.slug))?;
        document.serialize_entry("title", inner.problem_type.title)?;
        document.serialize_entry("status", &inner.problem_type.status.as_u16())?;
        if let Some(detail) = &inner.detail {
            document.serialize_entry("detail", detail)?;
        }
        if let Some(instance) = &inner.instance {
            document.serialize_entry("instance", instance)?;
        }
        for (key, value) in inner.extensions.iter().filter(|(key, _)| !MEMBERS.contains(&key.as_str())) {
            document.serialize_entry(key, value)?;
        }
        document.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(serde_json::to_vec(&self).unwrap_or_default()));
        *response.status_mut() = self.0.problem_type.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.extend(self.0.headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_has_the_standard_members_and_its_own() {
        let problem = Problem::new(StatusCode::CONFLICT, "insufficient-stock", "Not enough stock")
            .detail("Line 2 asks for 5, 3 are there. Ask for less.")
            .with("lines", [json!({"line": 2, "available": 3})])
            .with("status", "mine");
        assert_eq!(
            problem.to_json(),
            json!({
                "type": "/problems/insufficient-stock",
                "title": "Not enough stock",
                "status": 409,
                "detail": "Line 2 asks for 5, 3 are there. Ask for less.",
                "lines": [{"line": 2, "available": 3}],
            })
        );
    }

    #[test]
    fn the_response_says_what_it_is_and_when_to_come_back() {
        let response =
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Too busy").retry_after(1).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}
