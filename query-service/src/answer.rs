//! An answer that is ready to be sent, as often as it is asked for: the body and its headers are made once.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use events::{LogPosition, Position, Version};
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
    /// How new it is; of a collection, how new the newest document in it is.
    stamp: LogPosition,
    /// Of a collection: the documents in it by their keys, and how new each of them is.
    parts: Arc<[(String, LogPosition)]>,
    /// It is not older than this: its own stamp, or a later one up to which nothing else happened to it.
    pub as_of: LogPosition,
    /// Whose personal data it has; where any of them is erased it must not be sent as it is. Most answers have none.
    pub people: Arc<[Person]>,
}

impl Answer {
    /// One document, just as it stands. Its tag begins with the version of its stream, which a command takes as `If-Match`.
    pub fn document(json: Bytes, stamp: LogPosition) -> Answer {
        let (etag, position) = (document_tag(&json), header(stamp.position));
        Answer { body: json, etag, position, stamp, parts: Arc::default(), as_of: stamp, people: Arc::default() }
    }

    /// The same document, with personal data of these people.
    pub fn about(self, people: Vec<Person>) -> Answer {
        Answer { people: people.into(), ..self }
    }

    /// The document of the same stream without the personal data that it had, `json`. Its tag is another one, because a reader
    /// who holds the document as it was must not be told that it still holds.
    pub fn without_personal_data(&self, json: Bytes) -> Answer {
        Answer { etag: document_tag(&json), body: json, people: Arc::default(), ..self.clone() }
    }

    /// The document as it stands.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Several documents put together. Nothing says that none is missing until [`Answer::not_older_than`] does.
    pub fn collection(json: Bytes, parts: impl IntoIterator<Item = (String, LogPosition)>) -> Answer {
        let (etag, parts) = (tag(format!("\"{}\"", digest(&json))), parts.into_iter().collect::<Arc<[_]>>());
        let stamp = parts.iter().map(|(_, stamp)| *stamp).max().unwrap_or(LogPosition::ZERO);
        let position = header(Position::ZERO);
        Answer { body: json, etag, position, stamp, parts, as_of: LogPosition::ZERO, people: Arc::default() }
    }

    /// A page of a list, which contains everything up to `stamp`. Its tag is weak: it may be sent compressed.
    pub fn page(json: Bytes, stamp: LogPosition) -> Answer {
        let (etag, position) = (tag(format!("W/\"{}\"", digest(&json))), header(stamp.position));
        Answer { body: json, etag, position, stamp, parts: Arc::default(), as_of: stamp, people: Arc::default() }
    }

    /// The same answer, known to be not older than that. A collection contains everything up to there, and nothing less than
    /// the whole of it could say so.
    pub fn not_older_than(self, proven: LogPosition) -> Answer {
        let as_of = self.as_of.max(proven);
        let position = if self.parts.is_empty() { self.position } else { header(as_of.position) };
        Answer { as_of, position, ..self }
    }

    /// Whether nothing of `other` is newer: no document in it, and not what is known of the whole.
    pub fn is_as_new_as(&self, other: &Answer) -> bool {
        let has =
            |(key, stamp): &(String, LogPosition)| self.parts.iter().any(|(own, held)| own == key && held >= stamp);
        self.as_of >= other.as_of && self.stamp >= other.stamp && other.parts.iter().all(has)
    }

    /// Everything that must still be in the log for the answer to hold.
    pub fn stamps(&self) -> impl Iterator<Item = LogPosition> {
        [self.as_of, self.stamp].into_iter().chain(self.parts.iter().map(|(_, stamp)| *stamp))
    }

    /// Bytes of memory that it takes, roughly.
    pub fn weight(&self) -> usize {
        /// Headers, counters and the place in the cache.
        const OVERHEAD: usize = 256;
        let parts = self.parts.iter().map(|(key, _)| key.len()).sum::<usize>() + size_of_val(&*self.parts);
        self.body.len() + parts + size_of_val(&*self.people) + OVERHEAD
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

/// The version of the document and what the whole of it says: so also its incarnation, its personal data, and its shape.
fn document_tag(json: &[u8]) -> HeaderValue {
    tag(match version_of(json) {
        Some(version) => format!("\"{version}-{}\"", digest(json)),
        None => format!("\"{}\"", digest(json)),
    })
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

#[cfg(test)]
mod tests {
    use events::Incarnation;

    use super::*;

    fn stamp(position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(1), position: Position(position) }
    }

    fn collection(parts: &[(&str, i64)], as_of: i64) -> Answer {
        let parts = parts.iter().map(|(key, position)| ((*key).to_owned(), stamp(*position)));
        Answer::collection(Bytes::from_static(b"{}"), parts).not_older_than(stamp(as_of))
    }

    #[test]
    fn a_collection_is_newer_only_where_every_part_of_it_is() {
        let both = collection(&[("main", 7), ("north", 8)], 9);
        assert!(both.is_as_new_as(&both) && both.is_as_new_as(&collection(&[("main", 7)], 7)));
        assert!(!both.is_as_new_as(&collection(&[("main", 9)], 9)), "it has an older part");
        assert!(!collection(&[("main", 12)], 12).is_as_new_as(&both), "it lacks a part");
        assert!(!collection(&[("main", 12), ("north", 8)], 8).is_as_new_as(&both), "less is known of it");
    }

    #[test]
    fn a_collection_says_that_it_contains_no_more_than_was_proven() {
        assert_eq!(collection(&[("main", 12)], 9).position, "9");
        assert_eq!(collection(&[("main", 12)], 20).position, "20");
    }

    #[test]
    fn the_tag_of_a_document_begins_with_its_version_and_covers_the_rest() {
        let tag = |json: &'static str| Answer::document(Bytes::from_static(json.as_bytes()), stamp(7)).etag;
        let [first, other_life] = [r#"{"version":7,"incarnation":1}"#, r#"{"version":7,"incarnation":2}"#].map(tag);
        assert!(first.as_bytes().starts_with(b"\"7-") && other_life.as_bytes().starts_with(b"\"7-"));
        assert_ne!(first, other_life);
        assert_eq!(first, tag(r#"{"version":7,"incarnation":1}"#));
    }
}
