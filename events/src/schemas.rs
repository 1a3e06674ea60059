//! JSON Schemas of the payloads: every event type in every schema version that was ever written, embedded from `schemas/`.
//!
//! Each schema has a permanent URN, which is the `$id` of the schema and the `ce_dataschema` of messages.
//! `GET /v1/schemas/{type}/{version}` of the query service returns the schema. The build script embeds every file in `schemas/`.

include!(concat!(env!("OUT_DIR"), "/schemas.rs"));

/// URN of the schema of an event type and version: `urn:order-platform:event:OrderPlaced:2`.
pub fn urn(event_type: &str, version: i16) -> String {
    format!("urn:order-platform:event:{event_type}:{version}")
}

/// The schema (JSON Schema 2020-12) of an event type and version; `None` if there is no such version.
pub fn find(event_type: &str, version: i16) -> Option<&'static str> {
    let found = ALL.binary_search_by_key(&(event_type, version), |(known, number, _)| (*known, *number));
    found.ok().map(|index| ALL[index].2)
}

/// Every event type and version that has a schema.
pub fn list() -> impl Iterator<Item = (&'static str, i16)> {
    ALL.iter().map(|(event_type, version, _)| (*event_type, *version))
}
