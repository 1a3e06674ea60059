//! JSON request and response bodies. A request body that cannot be parsed results in a problem document with the place of the
//! error: `fault` locates the error, [`words`] translates the parser's message. Integers may be written with a fraction of zero
//! (`integer`).

mod fault;
mod integer;
pub mod words;

use crate::problem::{Problem, shell, types};
use crate::{body, content_type};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The document shows a state that may change at any time; without the header, a proxy may store it for as long as it likes.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A JSON body. As an extractor, it accepts an object; as a response, it serialises any document.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        parse_object(&read(&head.headers, body).await?, "").map(Json)
    }
}

/// Reads a JSON body whole, for handlers that parse it themselves.
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let content_type = check_content_type(headers);
    // Read the body of a rejected request too: unread bytes would reset the connection before the client reads the response.
    let bytes = body::read(body).await?;
    content_type.map(|()| bytes)
}

/// The UTF-8 byte order mark. Senders must not add it and recipients may ignore it (RFC 8259, 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Parses a body. The problem contains the place of the error.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    parse_at(bytes, "")
}

/// Parses a body that keeps parts of the input as raw JSON. Integers in these parts stay as they were written.
pub fn parse_borrowed<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Problem> {
    let bytes = without_mark(bytes);
    serde_json::from_slice(bytes).map_err(|error| fault::explain::<T>(bytes, "", &error))
}

/// Parses an object that is located at `place`, a JSON pointer. Rejects arrays, which derived deserialisers accept as the list of
/// the field values.
pub fn parse_object<T: DeserializeOwned>(bytes: &[u8], place: &str) -> Result<T, Problem> {
    let bytes = without_mark(bytes);
    let parsed = parse_at(bytes, place)?;
    match bytes.trim_ascii_start().first() {
        Some(b'{') => Ok(parsed),
        _ => Err(fault::no_object(place)),
    }
}

/// Parses a part of a body that is located at `place`, a JSON pointer.
pub fn parse_at<T: DeserializeOwned>(bytes: &[u8], place: &str) -> Result<T, Problem> {
    let bytes = without_mark(bytes);
    let error = match serde_json::from_slice(bytes) {
        Ok(parsed) => return Ok(parsed),
        Err(error) => error,
    };
    match Some(&error).filter(|error| error.is_data()).and_then(|_| integer::written_out(bytes)) {
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| fault::explain::<T>(&bytes, place, &error)),
        None => Err(fault::explain::<T>(bytes, place, &error)),
    }
}

/// The problem of a document with an invalid value at this JSON pointer; `reason` continues the sentence "At …: …".
pub fn invalid(pointer: &str, reason: &str) -> Problem {
    fault::invalid(pointer, reason)
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let bytes = match serde_json::to_vec(&self.0) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "cannot serialise a response as JSON");
                return shell::internal().into_response();
            }
        };
        let mut response = Response::new(Body::from(bytes));
        response.headers_mut().insert(header::CONTENT_TYPE, APPLICATION_JSON);
        response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
        response
    }
}

/// Rejects a content type other than JSON, and an encoding other than UTF-8 (RFC 8259, 8.1).
pub fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let found = match content_type::only(headers) {
        Ok(only) if only == APPLICATION_JSON => return Ok(()),
        Ok(only) => match content_type::of_text(headers) {
            Ok(essence) if is_json(&essence) => return Ok(()),
            Ok(_) | Err(_) => format!("{only:?}"),
        },
        Err(found) => found,
    };
    Err(Problem::of(types::CONTENT_TYPE)
        .detail(format!("Send JSON with exactly one Content-Type: application/json (found: {found}).")))
}

/// `application/json` or `application/*+json`.
fn is_json(essence: &str) -> bool {
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(content_type: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in content_type {
            headers.append(header::CONTENT_TYPE, HeaderValue::from_static(line));
        }
        check_content_type(&headers).is_ok()
    }

    #[test]
    fn json_by_any_of_its_names() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json; charset=utf8",
            "application/merge-patch+json;charset=\"utf-8\"",
        ] {
            assert!(is_taken(&[good]), "{good}");
        }
        for bad in [
            &["text/json"][..],
            &["application/jsonp"],
            &["application/json; charset=latin1"],
            &[""],
            &["application/x-www-form-urlencoded"],
            &["application/json", "application/json"],
            &["application/json", "text/plain"],
            &[],
        ] {
            assert!(!is_taken(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
        for (json, number) in [("7.0", 7), ("1e2", 100), ("-0.0", 0)] {
            assert_eq!(parse::<i64>(json.as_bytes()).expect("an integer"), number, "{json}");
        }
        let problem = parse::<i64>(b"1.5").expect_err("no integer").to_json();
        assert_eq!(
            problem["detail"],
            "At the document: must be a whole number that is not too large, and is the number 1.5."
        );
    }

    #[test]
    fn a_byte_order_mark_is_not_a_part_of_the_document() {
        assert_eq!(parse::<u8>(b"\xef\xbb\xbf7").expect("JSON"), 7);
        let object = parse_object::<serde_json::Value>(b"\xef\xbb\xbf{}", "").expect("an object");
        assert_eq!(object, serde_json::json!({}));
        assert_eq!(parse::<u8>(b"\xef\xbb\xbf").expect_err("empty").kind(), "malformed-json");
        assert_eq!(parse::<u8>(b"\xff\xfe7\0").expect_err("UTF-16").kind(), "malformed-json");
    }
}
