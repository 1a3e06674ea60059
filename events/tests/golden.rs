//! Events of every schema version that was ever written can be decoded. `golden/{type}.v{version}.json` contains a payload with all
//! fields, `.least.json` a payload without optional fields; other suffixes before `.json` are payloads with fields that were added
//! later without a new version. Files are added, never edited.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use events::codec::{self, EVENT_TYPES, EventType};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn file_names() -> Vec<String> {
    std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Every event type in every schema version that this build reads.
fn versions() -> impl Iterator<Item = (&'static str, i16)> {
    EVENT_TYPES.iter().flat_map(|known| (1..=known.schema_version).map(|version| (known.name, version)))
}

fn payloads(event_type: &str, version: i16) -> Vec<(String, String)> {
    let prefix = format!("{event_type}.v{version}.");
    let names = file_names().into_iter().filter(|name| name.starts_with(&prefix));
    let read = |name: String| (std::fs::read_to_string(directory().join(&name)).unwrap().trim_end().to_owned(), name);
    names.map(read).map(|(payload, name)| (name, payload)).collect()
}

#[test]
fn every_version_has_a_golden_file_and_every_golden_file_a_version() {
    let version_of = |name: &String| name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    let found: BTreeSet<String> = file_names().iter().map(version_of).collect();
    let expected: BTreeSet<String> =
        versions().map(|(event_type, version)| format!("{event_type}.v{version}")).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_stored_version_is_decoded() {
    for (event_type, version) in versions() {
        for (name, payload) in payloads(event_type, version) {
            let event =
                codec::decode(event_type, version, &payload).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let again = codec::encode(&event);
            assert_eq!(again.event_type, event_type, "{name}");
            let read = codec::decode(again.event_type, again.schema_version, &again.payload).unwrap();
            assert_eq!(read, event, "{name}");
        }
    }
}

#[test]
fn the_encoding_of_the_current_version_is_unchanged() {
    for EventType { name: event_type, schema_version: current, .. } in EVENT_TYPES {
        for (name, payload) in payloads(event_type, *current) {
            let written = codec::encode(&codec::decode(event_type, *current, &payload).unwrap());
            assert_eq!((written.schema_version, written.payload), (*current, payload), "{name}");
        }
    }
}

#[test]
fn unknown_fields_are_ignored() {
    for EventType { name: event_type, schema_version: current, .. } in EVENT_TYPES {
        for (name, payload) in payloads(event_type, *current) {
            let mut value: serde_json::Value = serde_json::from_str(&payload).unwrap();
            value["added_later"] = 1.into();
            let event = codec::decode(event_type, *current, &value.to_string());
            assert_eq!(event.ok(), codec::decode(event_type, *current, &payload).ok(), "{name}");
        }
    }
}

#[test]
fn unknown_types_versions_and_payloads_are_errors() {
    let newer = EVENT_TYPES[0].schema_version + 1;
    assert!(matches!(codec::decode("OrderBaked", 1, "{}"), Err(codec::DecodeError::UnknownType(_))));
    for version in [0, newer] {
        let unknown = codec::decode(EVENT_TYPES[0].name, version, "{}");
        assert!(matches!(unknown, Err(codec::DecodeError::UnknownVersion { .. })));
    }
    assert!(matches!(codec::decode("StockReceived", 1, "{}"), Err(codec::DecodeError::Shape { .. })));
}
