//! JSON bodies in and out. Whatever is wrong with a request's body becomes a problem document that says where and what to do;
//! how a fault is told is in `fault`.

mod fault;

use crate::body;
use crate::problem::{Problem, shell};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON body: as an extractor of a request's, as the answer of a handler.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let content_type = check_content_type(request.headers().get(header::CONTENT_TYPE));
        // Read the body even of a request that is refused: unread bytes would reset the connection under the answer.
        let bytes = body::read(request.into_body()).await?;
        content_type?;
        parse(&bytes).map(Json)
    }
}

/// Parses a body, with the problem that says where it is wrong.
pub fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Problem> {
    parse_at(bytes, "")
}

/// Parses a part of a body that stands at `place`, a JSON pointer.
pub fn parse_at<'de, T: Deserialize<'de>>(bytes: &'de [u8], place: &str) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| fault::explain::<T>(bytes, place, &error))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let bytes = match serde_json::to_vec(&self.0) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "cannot write an answer as JSON");
                return shell::internal().into_response();
            }
        };
        let mut response = Response::new(Body::from(bytes));
        response.headers_mut().insert(header::CONTENT_TYPE, APPLICATION_JSON);
        response
    }
}

/// Refuses what says that it is something else than JSON.
pub fn check_content_type(value: Option<&HeaderValue>) -> Result<(), Problem> {
    let is_json = value.is_some_and(|value| value == APPLICATION_JSON || value.to_str().is_ok_and(names_json));
    if is_json {
        return Ok(());
    }
    let found = value.map_or("none".to_owned(), |value| format!("{value:?}"));
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", "The body's type is not supported")
        .detail(format!("Send JSON with the header Content-Type: application/json (found: {found}).")))
}

/// `application/json` or `application/*+json`, with or without parameters; JSON is UTF-8 (RFC 8259, 8.1).
fn names_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    let is_json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    is_json && parts.all(|part| part.strip_prefix("charset=").is_none_or(|it| it.trim_matches('"') == "utf-8"))
}

#[cfg(test)]
mod tests {
    use super::names_json;

    #[test]
    fn json_by_any_of_its_names() {
        for good in
            ["application/json", "Application/JSON; charset=UTF-8", "application/merge-patch+json;charset=\"utf-8\""]
        {
            assert!(names_json(good), "{good}");
        }
        for bad in [
            "text/json",
            "application/jsonp",
            "application/json; charset=latin1",
            "",
            "application/x-www-form-urlencoded",
        ] {
            assert!(!names_json(bad), "{bad}");
        }
    }
}
