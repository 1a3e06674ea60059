//! Integers that every JSON parser represents exactly.
//!
//! JavaScript and other parsers that read numbers as IEEE 754 doubles lose the last digits of larger integers (RFC 8259, section 6), so
//! no event and no response contains larger integers. Amounts are bounded by the arithmetic of [`Minor`](crate::Minor), counts of units
//! by [`crate::name::MAX_QUANTITY`], and positions increase by one.

use serde_json::Value;

/// Largest exact integer, 2^53 - 1. The smallest is `-MAX_EXACT`.
pub const MAX_EXACT: i64 = (1 << 53) - 1;

/// JSON pointers (RFC 6901) to the JSON Schemas in `document` that allow integers beyond [`MAX_EXACT`]. The JSON Schemas of events and
/// the OpenAPI documents must not contain any.
pub fn find_unbounded_integers(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(document, "", &mut found);
    found
}

fn collect(value: &Value, at: &str, found: &mut Vec<String>) {
    if is_integer(value) && !is_bounded(value) {
        found.push(at.to_owned());
    }
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, inner)| collect(inner, &format!("{at}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, inner)| collect(inner, &format!("{at}/{index}"), found));
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
    fn integers_without_bounds_or_with_too_wide_bounds_are_found() {
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
