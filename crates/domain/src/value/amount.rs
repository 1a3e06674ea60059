//! Amounts of money and tax rates with limits, checked while a command is parsed.

use std::borrow::Cow;

use events::Minor;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Largest allowed amount, in minor units. Every JSON parser reads amounts up to this limit exactly (below 2^53), and
/// sums of thousands of such amounts fit in `i64`.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000_000;

/// Largest allowed [`TaxRate`], in millionths: 100 %.
pub const MAX_TAX_RATE: u32 = 1_000_000;

/// A number that was rejected. The message states the unit and the allowed range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of {unit} from {min} to {max}")]
pub struct OutOfBounds {
    unit: &'static str,
    min: i64,
    max: i64,
}

const PRICE: OutOfBounds = OutOfBounds { unit: "minor units", min: 0, max: MAX_AMOUNT };
const AMOUNT: OutOfBounds = OutOfBounds { unit: "minor units", min: 1, max: MAX_AMOUNT };
const TAX_RATE: OutOfBounds = OutOfBounds { unit: "millionths", min: 0, max: MAX_TAX_RATE as i64 };

/// A price, discount, fee or sum: 0 to 1,000,000,000,000,000 minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Price(i64);

/// An amount of money that is paid or refunded: 1 to 1,000,000,000,000,000 minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Amount(i64);

/// A tax rate in millionths, 0 to 1,000,000 (100 %); 200,000 is 20 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TaxRate(i64);

impl Price {
    /// Returns the price in minor units.
    pub fn minor(self) -> Minor {
        Minor(self.0)
    }
}

impl Amount {
    /// Returns the amount in minor units.
    pub fn minor(self) -> Minor {
        Minor(self.0)
    }
}

impl TaxRate {
    /// Returns the tax rate in millionths.
    pub fn millionths(self) -> i64 {
        self.0
    }
}

impl OutOfBounds {
    fn check(self, number: i64) -> Result<i64, OutOfBounds> {
        if (self.min..=self.max).contains(&number) { Ok(number) } else { Err(self) }
    }

    fn schema(self) -> Schema {
        json_schema!({ "type": "integer", "format": "int64", "minimum": self.min, "maximum": self.max })
    }
}

impl TryFrom<i64> for Price {
    type Error = OutOfBounds;

    fn try_from(minor: i64) -> Result<Self, OutOfBounds> {
        PRICE.check(minor).map(Self)
    }
}

impl TryFrom<i64> for Amount {
    type Error = OutOfBounds;

    fn try_from(minor: i64) -> Result<Self, OutOfBounds> {
        AMOUNT.check(minor).map(Self)
    }
}

impl TryFrom<i64> for TaxRate {
    type Error = OutOfBounds;

    fn try_from(millionths: i64) -> Result<Self, OutOfBounds> {
        TAX_RATE.check(millionths).map(Self)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(PRICE).map(Self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(AMOUNT).map(Self)
    }
}

impl<'de> Deserialize<'de> for TaxRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(TAX_RATE).map(Self)
    }
}

impl Visitor<'_> for OutOfBounds {
    type Value = i64;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a whole number of {} from {} to {}", self.unit, self.min, self.max)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        self.check(number).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| self).and_then(|number| self.check(number)).map_err(E::custom)
    }
}

impl JsonSchema for Price {
    fn schema_name() -> Cow<'static, str> {
        "Price".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        PRICE.schema()
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        AMOUNT.schema()
    }
}

impl JsonSchema for TaxRate {
    fn schema_name() -> Cow<'static, str> {
        "TaxRate".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        TAX_RATE.schema()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_bounded_whole_numbers() {
        let error = |json: &str| serde_json::from_str::<Price>(json).unwrap_err().to_string();
        assert!(error("-1").starts_with("must be a whole number of minor units from 0 to 1000000000000000"));
        assert!(error("4.50").contains("floating point `4.5`, expected a whole number of minor units"));
        assert!(error("18446744073709551615").starts_with("must be"));
        assert!(error("1e999").contains("number out of range"));
        assert!(serde_json::from_str::<Amount>("0").is_err());
        assert!(serde_json::from_str::<TaxRate>("1000001").is_err());
        assert_eq!(serde_json::from_str::<Price>("450").unwrap().minor(), Minor(450));
    }
}
