//! Representations (RFC 9110, section 8) of documents and lists: body, `ETag` and position, prepared once and sent as often as
//! requested. [`crate::reads::cache`] keeps them, `http::respond` sends them.

use std::sync::Arc;

use axum::http::HeaderValue;
use bytes::Bytes;
use events::{LogPosition, Position, Version};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::reads::data_subject::DataSubject;

/// Bytes of the digest in an `ETag`: enough that two representations of one resource never have the same `ETag`.
const DIGEST_BYTES: usize = 12;

/// A representation that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Representation {
    /// The JSON body.
    pub body: Bytes,
    /// The `ETag`.
    pub etag: HeaderValue,
    /// The value of `Projection-Position`: the representation contains every event up to this position.
    pub position: HeaderValue,
    /// The log position of the last event in the document; for a collection, that of its newest document.
    newest: LogPosition,
    /// For a collection: the cache keys of its documents and the log position of each.
    parts: Arc<[(String, LogPosition)]>,
    /// The representation is not older than this log position. Later than the last event in it where a read proved that no
    /// event is missing.
    pub as_of: LogPosition,
    /// The persons whose personal data the representation contains. If one of them is erased, it must not be sent as it is.
    /// Empty for most representations.
    pub data_subjects: Arc<[DataSubject]>,
}

impl Representation {
    /// A single document. Its `ETag` begins with the version of its stream, which a command accepts as `If-Match`.
    pub fn document(json: Bytes, at: LogPosition) -> Representation {
        let (etag, position) = (document_etag(&json), position_header(at.position));
        let (parts, data_subjects) = (Arc::default(), Arc::default());
        Representation { body: json, etag, position, newest: at, parts, as_of: at, data_subjects }
    }

    /// The same document, marked as containing personal data of these persons.
    pub fn with_data_subjects(self, data_subjects: Vec<DataSubject>) -> Representation {
        Representation { data_subjects: data_subjects.into(), ..self }
    }

    /// The same document without personal data; `json` is its new body. The `ETag` differs, so that a reader who has the
    /// document with personal data receives it again.
    pub fn without_personal_data(&self, json: Bytes) -> Representation {
        Representation { etag: document_etag(&json), body: json, data_subjects: Arc::default(), ..self.clone() }
    }

    /// Several documents in one body. It may lack a document until [`Representation::not_older_than`] proves otherwise.
    pub fn collection(json: Bytes, parts: impl IntoIterator<Item = (String, LogPosition)>) -> Representation {
        let (etag, parts) = (etag(format!("\"{}\"", digest(&json))), parts.into_iter().collect::<Arc<[_]>>());
        let newest = parts.iter().map(|(_, at)| *at).max().unwrap_or(LogPosition::ZERO);
        let (position, as_of) = (position_header(Position::ZERO), LogPosition::ZERO);
        Representation { body: json, etag, position, newest, parts, as_of, data_subjects: Arc::default() }
    }

    /// A page of a list that contains every event up to `at`. Its `ETag` is weak, because it may be sent compressed.
    pub fn page(json: Bytes, at: LogPosition) -> Representation {
        let (etag, position) = (etag(format!("W/\"{}\"", digest(&json))), position_header(at.position));
        let (parts, data_subjects) = (Arc::default(), Arc::default());
        Representation { body: json, etag, position, newest: at, parts, as_of: at, data_subjects }
    }

    /// The same representation, proven to be not older than `proven`. A collection then contains every event up to there.
    pub fn not_older_than(self, proven: LogPosition) -> Representation {
        let as_of = self.as_of.max(proven);
        let position = if self.parts.is_empty() { self.position } else { position_header(as_of.position) };
        Representation { as_of, position, ..self }
    }

    /// Whether nothing in `other` is newer: neither a document in it nor its `as_of`.
    pub fn is_as_new_as(&self, other: &Representation) -> bool {
        let has = |(key, at): &(String, LogPosition)| self.parts.iter().any(|(own, held)| own == key && held >= at);
        self.as_of >= other.as_of && self.newest >= other.newest && other.parts.iter().all(has)
    }

    /// All log positions that must still exist in the log for the representation to be valid.
    pub fn log_positions(&self) -> impl Iterator<Item = LogPosition> {
        [self.as_of, self.newest].into_iter().chain(self.parts.iter().map(|(_, at)| *at))
    }

    /// Memory that the representation occupies in a cache, in bytes (an estimate).
    pub fn weight(&self) -> usize {
        /// Headers, counters and the cache entry.
        const OVERHEAD: usize = 256;
        let parts = self.parts.iter().map(|(key, _)| key.len()).sum::<usize>() + size_of_val(&*self.parts);
        self.body.len() + parts + size_of_val(&*self.data_subjects) + OVERHEAD
    }
}

/// The version of the document and a digest of the whole body, which covers its incarnation, personal data and shape.
fn document_etag(json: &[u8]) -> HeaderValue {
    etag(match version_of(json) {
        Some(version) => format!("\"{version}-{}\"", digest(json)),
        None => format!("\"{}\"", digest(json)),
    })
}

/// The member `version` of a document.
fn version_of(json: &[u8]) -> Option<Version> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Version,
    }
    serde_json::from_slice::<Versioned>(json).ok().map(|it| it.version)
}

/// A header value with this text, which contains only digits, letters, dashes, slashes and quotes.
pub(crate) fn etag(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("an ETag is made of digits, letters, dashes and quotes")
}

/// The digest of a body for its `ETag`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn position_header(position: Position) -> HeaderValue {
    HeaderValue::from(position.0)
}

#[cfg(test)]
mod tests {
    use events::Incarnation;

    use super::*;

    fn at(position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(1), position: Position(position) }
    }

    fn collection(parts: &[(&str, i64)], as_of: i64) -> Representation {
        let parts = parts.iter().map(|(key, position)| ((*key).to_owned(), at(*position)));
        Representation::collection(Bytes::from_static(b"{}"), parts).not_older_than(at(as_of))
    }

    #[test]
    fn a_collection_is_newer_only_if_each_part_of_it_is() {
        let both = collection(&[("main", 7), ("north", 8)], 9);
        assert!(both.is_as_new_as(&both) && both.is_as_new_as(&collection(&[("main", 7)], 7)));
        assert!(!both.is_as_new_as(&collection(&[("main", 9)], 9)), "it has an older part");
        assert!(!collection(&[("main", 12)], 12).is_as_new_as(&both), "it lacks a part");
        assert!(!collection(&[("main", 12), ("north", 8)], 8).is_as_new_as(&both), "it is proven up to less");
    }

    #[test]
    fn a_collection_reports_no_later_position_than_was_proven() {
        assert_eq!(collection(&[("main", 12)], 9).position, "9");
        assert_eq!(collection(&[("main", 12)], 20).position, "20");
    }

    #[test]
    fn the_etag_of_a_document_begins_with_its_version_and_covers_the_rest() {
        let etag = |json: &'static str| Representation::document(Bytes::from_static(json.as_bytes()), at(7)).etag;
        let bodies = [r#"{"version":7,"incarnation":1}"#, r#"{"version":7,"incarnation":2}"#];
        let [first, other_incarnation] = bodies.map(etag);
        assert!(first.as_bytes().starts_with(b"\"7-") && other_incarnation.as_bytes().starts_with(b"\"7-"));
        assert_ne!(first, other_incarnation);
        assert_eq!(first, etag(r#"{"version":7,"incarnation":1}"#));
    }
}
