//! Integers that every reader of JSON holds exactly. JavaScript, and whatever reads numbers as IEEE 754 doubles, loses the last
//! digits of larger ones (RFC 8259, section 6), so no event and no answer has any: amounts and their sums are bounded by
//! [`Minor`](crate::Minor)'s arithmetic, counts of units by the quantities that move them, and positions are counted one by one.

use serde_json::Value;

/// The largest of them, 2^53 - 1; the smallest is its negative.
pub const MAX_EXACT: i64 = (1 << 53) - 1;

/// Where a JSON document has a JSON Schema of an integer that is not bounded by [`MAX_EXACT`]: JSON pointers (RFC 6901). The
/// contract of the platform has none, in its events and in its OpenAPI documents.
pub fn find_unbounded_integers(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(document, "", &mut found);
    found
}

fn look(value: &Value, at: &str, found: &mut Vec<String>) {
    if is_integer(value) && !is_bounded(value) {
        found.push(at.to_owned());
    }
    match value {
        Value::Object(members) => members.iter().for_each(|(name, inner)| look(inner, &format!("{at}/{name}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, inner)| look(inner, &format!("{at}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_integer(schema: &Value) -> bool {
    let types = &schema["type"];
    types == "integer" || types.as_array().is_some_and(|types| types.contains(&"integer".into()))
}

fn is_bounded(schema: &Value) -> bool {
    let is_exact = |bound: &Value| bound.as_i64().is_some_and(|bound| bound.abs() <= MAX_EXACT);
    let is_small =
        matches!(schema["format"].as_str(), Some("int32" | "uint32" | "int16" | "uint16" | "int8" | "uint8"));
    is_small || (is_exact(&schema["minimum"]) && is_exact(&schema["maximum"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_integer_without_bounds_or_with_wide_ones_is_found_wherever_it_is() {
        let document = json!({
            "a": { "type": "integer" },
            "b": [{ "type": "integer", "minimum": 0, "maximum": MAX_EXACT }, { "type": ["integer", "null"], "minimum": 0 }],
            "c": { "type": "integer", "format": "uint32", "minimum": 0 },
            "d": { "type": "integer", "minimum": 0, "maximum": MAX_EXACT + 1 },
            "e": { "type": "string" },
        });
        assert_eq!(find_unbounded_integers(&document), ["/a", "/b/1", "/d"]);
    }
}
