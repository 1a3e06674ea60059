//! Identifiers with a timestamp: UUID version 7 (RFC 9562, section 5.7).
//!
//! Read models are partitioned by month on these ids, so the id alone determines the partition of a row.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::fmt::Hyphenated;
use uuid::{Builder, Uuid};

use crate::position::{Incarnation, Position};

/// The text is not a UUID version 7.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a UUID version 7: send one (RFC 9562, section 5.7), or leave the id out and use the id in the response"
)]
pub struct InvalidId(pub String);

fn version_7(uuid: Uuid) -> Result<Uuid, InvalidId> {
    if uuid.get_version_num() != 7 {
        return Err(InvalidId(uuid.to_string()));
    }
    Ok(uuid)
}

/// Accepts only the form with hyphens, in upper or lower case. The `uuid` crate also accepts braces, URNs and bare digits, which no
/// other part of the platform accepts.
fn parse(text: &str) -> Result<Uuid, InvalidId> {
    let hyphenated = Some(text).filter(|text| text.len() == Hyphenated::LENGTH);
    let uuid = hyphenated.and_then(|text| Uuid::try_parse(text).ok());
    version_7(uuid.ok_or_else(|| InvalidId(text.chars().take(64).collect()))?)
}

fn instant(uuid: Uuid) -> DateTime<Utc> {
    let ms = (uuid.as_u128() >> 80) as i64;
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn at(instant: DateTime<Utc>, random: [u8; 10]) -> Uuid {
    let ms = instant.timestamp_millis().max(0) as u64;
    Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
}

/// Identifier of an order (UUID version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct OrderId(Uuid);

impl OrderId {
    /// A new id with this timestamp. The clock and the random bytes come from the caller, so that rules stay pure.
    pub fn new(placed_at: DateTime<Utc>, random: [u8; 10]) -> Self {
        Self(at(placed_at, random))
    }

    /// The timestamp of the id, in milliseconds.
    pub fn instant(self) -> DateTime<Utc> {
        instant(self.0)
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl TryFrom<Uuid> for OrderId {
    type Error = InvalidId;

    fn try_from(uuid: Uuid) -> Result<Self, InvalidId> {
        version_7(uuid).map(Self)
    }
}

impl std::str::FromStr for OrderId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse(text).map(Self)
    }
}

impl std::fmt::Display for OrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor).map(Self)
    }
}

/// Identifier of a customer (UUID version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct CustomerId(Uuid);

impl CustomerId {
    /// A new id with this timestamp; see [`OrderId::new`].
    pub fn new(registered_at: DateTime<Utc>, random: [u8; 10]) -> Self {
        Self(at(registered_at, random))
    }

    /// The timestamp of the id, in milliseconds.
    pub fn instant(self) -> DateTime<Utc> {
        instant(self.0)
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl TryFrom<Uuid> for CustomerId {
    type Error = InvalidId;

    fn try_from(uuid: Uuid) -> Result<Self, InvalidId> {
        version_7(uuid).map(Self)
    }
}

impl std::str::FromStr for CustomerId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse(text).map(Self)
    }
}

impl std::fmt::Display for CustomerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for CustomerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor).map(Self)
    }
}

/// Identifier of a stock hold (UUID version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
// Its name in the published schemas.
#[schemars(rename = "HoldId")]
pub struct StockHoldId(Uuid);

impl StockHoldId {
    /// A new id with this timestamp; see [`OrderId::new`].
    pub fn new(placed_at: DateTime<Utc>, random: [u8; 10]) -> Self {
        Self(at(placed_at, random))
    }

    /// The timestamp of the id, in milliseconds.
    pub fn instant(self) -> DateTime<Utc> {
        instant(self.0)
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl TryFrom<Uuid> for StockHoldId {
    type Error = InvalidId;

    fn try_from(uuid: Uuid) -> Result<Self, InvalidId> {
        version_7(uuid).map(Self)
    }
}

impl std::str::FromStr for StockHoldId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse(text).map(Self)
    }
}

impl std::fmt::Display for StockHoldId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for StockHoldId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor).map(Self)
    }
}

/// Deserializes a UUID version 7.
struct IdVisitor;

impl serde::de::Visitor<'_> for IdVisitor {
    type Value = Uuid;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a UUID version 7 (RFC 9562, section 5.7)")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Uuid, E> {
        parse(text).map_err(E::custom)
    }
}

/// Identifier of an event (UUID version 7), computed from its instant, incarnation and position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct EventId(Uuid);

impl EventId {
    /// The id of the event at `position`: 48 bits of time, 12 bits of incarnation, 62 bits of position.
    pub fn of(occurred_at: DateTime<Utc>, incarnation: Incarnation, position: Position) -> Self {
        let mut tail = [0; 10];
        tail[..2].copy_from_slice(&(incarnation.0 as u16).to_be_bytes());
        tail[2..].copy_from_slice(&position.0.to_be_bytes());
        Self(at(occurred_at, tail))
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_has_a_timestamp() {
        let placed_at = DateTime::from_timestamp_millis(1_291_191_960_000).unwrap();
        assert_eq!(OrderId::new(placed_at, [7; 10]).instant(), placed_at);
    }

    #[test]
    fn a_uuid_of_another_version_is_rejected() {
        let v4 = "9f0d4f63-6b7c-4f70-a6f5-0a3c8cf0a0b1";
        assert_eq!(v4.parse::<OrderId>(), Err(InvalidId(v4.into())));
    }

    #[test]
    fn an_id_has_one_form_in_upper_or_lower_case() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        assert_eq!(id.to_uppercase().parse::<OrderId>(), id.parse());
        let (braced, urn, bare) = (format!("{{{id}}}"), format!("urn:uuid:{id}"), id.replace('-', ""));
        for other in [braced.as_str(), &urn, &bare, &format!(" {id}"), ""] {
            assert_eq!(other.parse::<CustomerId>(), Err(InvalidId(other.to_owned())));
            assert!(serde_json::from_value::<StockHoldId>(other.into()).is_err());
        }
    }

    #[test]
    fn event_ids_differ_by_position_and_sort_by_it_within_an_instant() {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let id = |position| EventId::of(at, Incarnation(1), Position(position));
        assert!(id(1) < id(2) && id(255) < id(256) && id(i64::from(u32::MAX)) < id(i64::from(u32::MAX) + 1));
        assert_eq!(id(9).uuid().get_version_num(), 7);
    }
}
