//! Optional instants in command bodies. The error message for an invalid instant contains an example of a valid
//! instant.

use chrono::{DateTime, Utc};
use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Deserialises an optional instant (RFC 3339) and converts the instant to UTC; `null` is no instant.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    deserializer.deserialize_option(Optional)
}

struct Optional;

impl<'de> Visitor<'de> for Optional {
    type Value = Option<DateTime<Utc>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an instant in RFC 3339 format, such as 2024-06-01T12:00:00Z")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let instant = DateTime::parse_from_rfc3339(text);
        instant
            .map(|instant| Some(instant.to_utc()))
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}
