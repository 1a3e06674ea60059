//! Every shape of event ever written is still read: `golden/{type}.v{version}.json` holds one with everything in it,
//! `.least.json` beside it one without its optional fields, other words before `.json` what was added later without a new
//! version. Files are added, never edited.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use events::codec::{self, EVENT_TYPES};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn file_names() -> Vec<String> {
    std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Every type in every version that this build reads.
fn shapes() -> impl Iterator<Item = (&'static str, i16)> {
    EVENT_TYPES.iter().flat_map(|(event_type, current)| (1..=*current).map(|version| (*event_type, version)))
}

fn payloads(event_type: &str, version: i16) -> Vec<(String, String)> {
    let prefix = format!("{event_type}.v{version}.");
    let names = file_names().into_iter().filter(|name| name.starts_with(&prefix));
    let read = |name: String| (std::fs::read_to_string(directory().join(&name)).unwrap().trim_end().to_owned(), name);
    names.map(read).map(|(payload, name)| (name, payload)).collect()
}

#[test]
fn every_shape_has_a_payload_and_every_payload_a_shape() {
    let shape = |name: &String| name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    let found: BTreeSet<String> = file_names().iter().map(shape).collect();
    let expected: BTreeSet<String> = shapes().map(|(event_type, version)| format!("{event_type}.v{version}")).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_was_ever_written_is_read() {
    for (event_type, version) in shapes() {
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
fn todays_shapes_are_written_as_they_were() {
    for (event_type, current) in EVENT_TYPES {
        for (name, payload) in payloads(event_type, *current) {
            let written = codec::encode(&codec::decode(event_type, *current, &payload).unwrap());
            assert_eq!((written.schema_version, written.payload), (*current, payload), "{name}");
        }
    }
}

#[test]
fn a_reader_of_today_ignores_what_tomorrow_adds() {
    for (event_type, current) in EVENT_TYPES {
        for (name, payload) in payloads(event_type, *current) {
            let mut value: serde_json::Value = serde_json::from_str(&payload).unwrap();
            value["added_later"] = 1.into();
            let event = codec::decode(event_type, *current, &value.to_string());
            assert_eq!(event.ok(), codec::decode(event_type, *current, &payload).ok(), "{name}");
        }
    }
}

#[test]
fn what_this_build_does_not_know_is_an_error() {
    let newer = EVENT_TYPES[0].1 + 1;
    assert!(matches!(codec::decode("OrderBaked", 1, "{}"), Err(codec::DecodeError::UnknownType(_))));
    for version in [0, newer] {
        let unknown = codec::decode(EVENT_TYPES[0].0, version, "{}");
        assert!(matches!(unknown, Err(codec::DecodeError::UnknownVersion { .. })));
    }
    assert!(matches!(codec::decode("StockReceived", 1, "{}"), Err(codec::DecodeError::Shape { .. })));
}
