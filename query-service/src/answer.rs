//! An answer that is ready to be sent, as often as it is asked for: the body and its headers are made once.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use events::{Position, Version};
use read_model::Stamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::asked::Asked;
use crate::erasures::Person;

/// Position in the log that an answer contains; good as the `Consistency-Token` of the next query.
pub const PROJECTION_POSITION: HeaderName = HeaderName::from_static("projection-position");
/// How long the oldest event that is not applied has waited, in milliseconds.
pub const PROJECTION_LAG_MS: HeaderName = HeaderName::from_static("projection-lag-ms");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Readers may keep answers and must ask whether they still hold; caches that many share may not keep them.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Bytes of a digest in a tag: enough that two answers of one address never share it.
const TAG_BYTES: usize = 12;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    body: Bytes,
    etag: HeaderValue,
    position: HeaderValue,
    /// How new it is.
    pub stamp: Stamp,
    /// It is not older than this position: its own, or a later one up to which nothing else happened to it.
    pub as_of: Position,
    /// Whose personal data it has; where any of them is erased it must not be sent as it is. Most answers have none.
    pub people: Arc<[Person]>,
}

impl Answer {
    /// One document, just as it stands. Its tag is the version of its stream, as in the command-service's answers.
    pub fn document(json: Bytes, stamp: Stamp) -> Answer {
        let etag = tag(match version_of(&json) {
            Some(version) => format!("\"{version}\""),
            None => format!("\"{}-{}\"", stamp.incarnation, stamp.position),
        });
        let people = Arc::default();
        Answer { body: json, etag, position: header(stamp.position), stamp, as_of: stamp.position, people }
    }

    /// The same document, with personal data of these people.
    pub fn about(self, people: Vec<Person>) -> Answer {
        Answer { people: people.into(), ..self }
    }

    /// The document of the same stream without the personal data that it had, `json`. Its tag is another one, because a reader
    /// who holds the document as it was must not be told that it still holds.
    pub fn without_personal_data(&self, json: Bytes) -> Answer {
        let etag = tag(match version_of(&json) {
            Some(version) => format!("\"{version}-erased\""),
            None => format!("\"{}-{}-erased\"", self.stamp.incarnation, self.stamp.position),
        });
        Answer { body: json, etag, people: Arc::default(), ..self.clone() }
    }

    /// The document as it stands.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Several documents put together: its tag is drawn from the body. Nothing says that a newer one is not missing.
    pub fn collection(json: Bytes, stamp: Stamp) -> Answer {
        let etag = tag(format!("\"{}\"", digest(&json)));
        let people = Arc::default();
        Answer { body: json, etag, position: header(stamp.position), stamp, as_of: Position::ZERO, people }
    }

    /// A page of a list, which contains everything up to `stamp`. Its tag is weak: it may be sent compressed.
    pub fn page(json: Bytes, stamp: Stamp) -> Answer {
        let etag = tag(format!("W/\"{}\"", digest(&json)));
        let people = Arc::default();
        Answer { body: json, etag, position: header(stamp.position), stamp, as_of: stamp.position, people }
    }

    /// The same answer, known to be not older than `position`.
    pub fn not_older_than(self, position: Position) -> Answer {
        Answer { as_of: self.as_of.max(position), ..self }
    }

    /// Whether it should replace `other`.
    pub fn is_newer_than(&self, other: &Answer) -> bool {
        (self.stamp, self.as_of) > (other.stamp, other.as_of)
    }

    /// Bytes of memory that it takes, roughly.
    pub fn weight(&self) -> usize {
        /// Headers, counters and the place in the cache.
        const OVERHEAD: usize = 256;
        self.body.len() + size_of_val(&*self.people) + OVERHEAD
    }

    /// Sends it, or says that the reader holds it already.
    pub fn respond(&self, asked: &Asked, lag_ms: Option<HeaderValue>) -> Response {
        let mut response = match asked.holds(&self.etag) {
            true => not_modified(),
            false => Response::new(Body::from(self.body.clone())),
        };
        let headers = response.headers_mut();
        // The shell around all handlers adds two more.
        *headers = HeaderMap::with_capacity(8);
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
        headers.insert(PROJECTION_POSITION, self.position.clone());
        if let Some(lag_ms) = lag_ms {
            headers.insert(PROJECTION_LAG_MS, lag_ms);
        }
        response
    }
}

/// The member `version`, without reading the rest.
fn version_of(json: &[u8]) -> Option<Version> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Version,
    }
    serde_json::from_slice::<Versioned>(json).ok().map(|it| it.version)
}

/// An answer without a body: the reader holds it already.
pub(crate) fn not_modified() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// An `ETag`.
pub(crate) fn tag(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("a tag is made of digits, dashes and quotes")
}

fn header(position: Position) -> HeaderValue {
    HeaderValue::from(position.0)
}

/// What a tag is drawn from a body by.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..TAG_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}
