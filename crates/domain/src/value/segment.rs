//! Names that become a segment of a URL path. `.` and `..` have the form of SKUs and locations, but clients resolve
//! both names as relative paths before sending a request (WHATWG URL, 4.4; `%2e` too), so a product or location with
//! such a name could not be addressed. Both names are rejected for new products and locations; existing products and
//! locations with such a name stay readable.

use std::borrow::Cow;

use events::{Location, Sku};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::json;

const DOTS: [&str; 2] = [".", ".."];

/// A name that cannot be a segment of a URL path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must not be `.` or `..`: clients resolve these names as relative paths")]
pub struct DotSegment;

/// Rejects a name that clients resolve as a relative path.
pub fn check(name: &str) -> Result<(), DotSegment> {
    if DOTS.contains(&name) { Err(DotSegment) } else { Ok(()) }
}

/// Deserialises the SKU of a new product.
pub(crate) fn new_sku<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sku, D::Error> {
    let sku = Sku::deserialize(deserializer)?;
    check(sku.as_str()).map(|()| sku).map_err(D::Error::custom)
}

/// A location that may get stock for the first time; not `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLocation(pub Location);

impl<'de> Deserialize<'de> for NewLocation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        new_location(deserializer).map(NewLocation)
    }
}

/// Deserialises a location that may get stock for the first time, for a field of type [`Location`].
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

/// Excludes `.` and `..` in a schema.
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
