//! Refusals as RFC 9457 problem documents. Services make theirs with [`Problem::new`]; those of the shell itself are in `problem/shell.rs`.

pub(crate) mod shell;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

/// The media type of a problem document.
pub const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// RFC 9457's own members.
const MEMBERS: [&str; 5] = ["type", "title", "status", "detail", "instance"];

/// A refusal: what is wrong and what to do about it. Boxed inside, so that a `Result` with it stays small.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: Option<String>,
    instance: Option<String>,
    extensions: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of type `/problems/{kind}`. Type and title are the same for every occurrence; what differs goes into the rest.
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str) -> Self {
        let inner =
            Inner { status, kind, title, detail: None, instance: None, extensions: Map::new(), headers: vec![] };
        Problem(Box::new(inner))
    }

    /// What happened this time and what to do, as a sentence for people.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// The URI reference of this occurrence.
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.0.instance = Some(instance.into());
        self
    }

    /// A member of its own, for machines. RFC 9457's own five members cannot be replaced.
    pub fn with(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.0.extensions.insert(key.into(), value);
        self
    }

    /// A header of the response.
    pub fn header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// When to come back, in seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, seconds)
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The last part of the type: `order-state` of `/problems/order-state`.
    pub fn kind(&self) -> &'static str {
        self.0.kind
    }

    /// The document.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Problem(inner) = self;
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("type", &format_args!("/problems/{}", inner.kind))?;
        document.serialize_entry("title", inner.title)?;
        document.serialize_entry("status", &inner.status.as_u16())?;
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
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
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
    }
}
