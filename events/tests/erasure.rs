//! The erasure of an event removes exactly the fields that its JSON Schema marks as personal data.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::path::Path;

use events::codec::{self, EVENT_TYPES, EventType};
use events::personal::MARK;
use serde_json::Value;

fn read(folder: &str, name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The top-level fields that are marked as personal data. No field below the top level is marked.
fn personal_members(schema: &Value) -> Vec<String> {
    let is_marked = |member: &Value| member.to_string().contains(MARK);
    let members = schema["properties"].as_object();
    let marked = members.into_iter().flatten().filter(|(_, member)| is_marked(member));
    marked.map(|(name, _)| name.clone()).collect()
}

/// Whether a value contains a text that is not empty.
fn has_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(has_text),
        Value::Object(members) => members.values().any(has_text),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[test]
fn erasure_removes_exactly_the_marked_fields() {
    let mut types_with_personal_data = 0;
    for EventType { name: event_type, schema_version: version, .. } in EVENT_TYPES {
        let personal = personal_members(&read("schemas", &format!("{event_type}.v{version}.json")));
        let full = read("golden", &format!("{event_type}.v{version}.json"));
        let mut event = codec::decode(event_type, *version, &full.to_string()).unwrap();
        assert_eq!(event.erase_personal_data(), !personal.is_empty(), "{event_type}");
        let mut left: Value = serde_json::from_str(&codec::encode(&event).payload).unwrap();
        let mut expected = full.clone();
        for member in &personal {
            assert!(has_text(&full[member]), "{event_type}: the golden file has no text in {member}");
            assert!(!has_text(&left[member]), "{event_type}: {member} was not removed: {left}");
            left.as_object_mut().unwrap().remove(member);
            expected.as_object_mut().unwrap().remove(member);
        }
        assert_eq!(left, expected, "{event_type}: something else changed");
        types_with_personal_data += usize::from(!personal.is_empty());
    }
    assert!(types_with_personal_data >= 12, "the marks are missing in the schemas");
}

#[test]
fn only_top_level_fields_are_personal_data() {
    for EventType { name: event_type, schema_version: version, .. } in EVENT_TYPES {
        let schema = read("schemas", &format!("{event_type}.v{version}.json"));
        assert!(!schema["$defs"].to_string().contains(MARK), "{event_type} has personal data below the top level");
    }
}

#[test]
fn an_erased_event_can_be_decoded() {
    for EventType { name: event_type, schema_version: version, .. } in EVENT_TYPES {
        let full = read("golden", &format!("{event_type}.v{version}.json"));
        let mut event = codec::decode(event_type, *version, &full.to_string()).unwrap();
        event.erase_personal_data();
        let encoded = codec::encode(&event);
        let again = codec::decode(encoded.event_type, encoded.schema_version, &encoded.payload).unwrap();
        assert_eq!((encoded.event_type, again), (*event_type, event));
    }
}
