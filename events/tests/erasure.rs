//! Every member of an event that its JSON Schema marks as personal is removed by the erasure of that event, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use events::codec::{self, EVENT_TYPES};
use events::personal::MARK;
use serde_json::Value;

fn read(folder: &str, name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The members of an object that are marked, at the top: personal data stands nowhere deeper in an event.
fn personal_members(schema: &Value) -> Vec<String> {
    let is_marked = |member: &Value| member.to_string().contains(MARK);
    let members = schema["properties"].as_object();
    let marked = members.into_iter().flatten().filter(|(_, member)| is_marked(member));
    marked.map(|(name, _)| name.clone()).collect()
}

/// Whether any text is left in a value.
fn says_something(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(members) => members.values().any(says_something),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[test]
fn what_the_schemas_mark_as_personal_is_what_is_erased() {
    let mut types_with_personal_data = 0;
    for (event_type, version) in EVENT_TYPES {
        let personal = personal_members(&read("schemas", &format!("{event_type}.v{version}.json")));
        let full = read("golden", &format!("{event_type}.v{version}.json"));
        let mut event = codec::decode(event_type, *version, &full.to_string()).unwrap();
        assert_eq!(event.erase_personal_data(), !personal.is_empty(), "{event_type}");
        let mut left: Value = serde_json::from_str(&codec::encode(&event).payload).unwrap();
        let mut expected = full.clone();
        for member in &personal {
            assert!(says_something(&full[member]), "{event_type}: the golden file says nothing under {member}");
            assert!(!says_something(&left[member]), "{event_type}: {member} is still there: {left}");
            left.as_object_mut().unwrap().remove(member);
            expected.as_object_mut().unwrap().remove(member);
        }
        assert_eq!(left, expected, "{event_type}: something else changed");
        types_with_personal_data += usize::from(!personal.is_empty());
    }
    assert!(types_with_personal_data >= 12, "the marks are missing in the schemas");
}

#[test]
fn personal_data_stands_at_the_top_of_an_event() {
    for (event_type, version) in EVENT_TYPES {
        let schema = read("schemas", &format!("{event_type}.v{version}.json"));
        assert!(!schema["$defs"].to_string().contains(MARK), "{event_type} has personal data inside of a member");
    }
}

#[test]
fn an_erased_event_is_still_an_event_of_its_type() {
    for (event_type, version) in EVENT_TYPES {
        let full = read("golden", &format!("{event_type}.v{version}.json"));
        let mut event = codec::decode(event_type, *version, &full.to_string()).unwrap();
        event.erase_personal_data();
        let encoded = codec::encode(&event);
        let again = codec::decode(encoded.event_type, encoded.schema_version, &encoded.payload).unwrap();
        assert_eq!((encoded.event_type, again), (*event_type, event));
    }
}
