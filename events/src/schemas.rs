//! The JSON Schemas of payloads: of every event type, every version ever written, embedded from `schemas/`.
//!
//! A schema is named by a URN for good: `ce_dataschema` of messages and `$id` of the schema. `GET /v1/schemas/{type}/{version}`
//! of the query-service resolves it. The build script lists the files, so none can be forgotten.

include!(concat!(env!("OUT_DIR"), "/schemas.rs"));

/// Name of the schema of a type and version: `urn:order-platform:event:OrderPlaced:2`.
pub fn urn(event_type: &str, version: i16) -> String {
    format!("urn:order-platform:event:{event_type}:{version}")
}

/// The schema (JSON Schema 2020-12) of a type and version; `None` where no event was ever written so.
pub fn find(event_type: &str, version: i16) -> Option<&'static str> {
    let place = ALL.binary_search_by_key(&(event_type, version), |(known, number, _)| (*known, *number));
    place.ok().map(|index| ALL[index].2)
}

/// Every type and version that has a schema.
pub fn list() -> impl Iterator<Item = (&'static str, i16)> {
    ALL.iter().map(|(event_type, version, _)| (*event_type, *version))
}
