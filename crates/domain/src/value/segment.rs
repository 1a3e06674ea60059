//! Names that become a segment of a path. `.` and `..` are SKUs and locations by their form, but clients resolve them as
//! relative paths before they send a request (WHATWG URL, 4.4; `%2e` too), so nothing with such a name could be addressed. They
//! are refused where something new gets its name; what has one already stays readable.

use std::borrow::Cow;

use events::{Location, Sku};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::json;

const DOTS: [&str; 2] = [".", ".."];

/// Why a name cannot be a segment of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must not be `.` or `..`: as a part of an address they mean another address")]
pub struct DotSegment;

/// A name that clients do not resolve as a relative path.
pub fn check(name: &str) -> Result<(), DotSegment> {
    if DOTS.contains(&name) { Err(DotSegment) } else { Ok(()) }
}

/// The SKU of a new product.
pub(crate) fn new_sku<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sku, D::Error> {
    let sku = Sku::deserialize(deserializer)?;
    check(sku.as_str()).map(|()| sku).map_err(D::Error::custom)
}

/// A location where stock may appear for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLocation(pub Location);

impl<'de> Deserialize<'de> for NewLocation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        new_location(deserializer).map(NewLocation)
    }
}

/// The same, as a field.
pub(crate) fn new_location<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Location, D::Error> {
    let location = Location::deserialize(deserializer)?;
    check(location.as_str()).map(|()| location).map_err(D::Error::custom)
}

impl JsonSchema for NewLocation {
    fn schema_name() -> Cow<'static, str> {
        "NewLocation".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Location::json_schema(generator);
        without_dots(&mut schema);
        schema
    }
}

/// Says it in a schema.
pub(crate) fn without_dots(schema: &mut Schema) {
    schema.insert("not".to_owned(), json!({ "enum": DOTS }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_alone_are_no_segment() {
        for name in ["...", ".a", "a..", "A-1"] {
            assert_eq!(check(name), Ok(()));
            assert!(serde_json::from_value::<NewLocation>(name.into()).is_ok());
        }
        for dots in DOTS {
            let refused = serde_json::from_value::<NewLocation>(dots.into()).unwrap_err().to_string();
            assert!(refused.starts_with("must not be `.` or `..`"), "{refused}");
        }
    }
}
