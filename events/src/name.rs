//! Validated short values: SKU, location, channel code, order code and quantity. They are parsed once, at the boundary.

use std::num::NonZeroU32;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// Maximum length of a SKU, location or channel code, in characters.
pub const MAX_NAME_CHARS: usize = 64;

/// Maximum quantity of one line or one stock movement, in units: far above real orders, and low enough that no sum overflows.
pub const MAX_QUANTITY: u32 = 1_000_000;

/// The text is not a valid SKU, location, channel code or order code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_NAME_CHARS} of the characters A-Z a-z 0-9 . _ -")]
pub struct InvalidName;

fn parse(text: &str) -> Result<Arc<str>, InvalidName> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if text.is_empty() || text.len() > MAX_NAME_CHARS || !text.bytes().all(allowed) {
        return Err(InvalidName);
    }
    Ok(text.into())
}

/// Stock keeping unit of a product: 1 to 64 of the characters `A-Z a-z 0-9 . _ -`, case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Sku(#[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))] Arc<str>);

/// Location of stock: 1 to 64 of the characters `A-Z a-z 0-9 . _ -`, case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Location(#[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))] Arc<str>);

/// Code of a sales channel: 1 to 64 of the characters `A-Z a-z 0-9 . _ -`, case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct ChannelCode(#[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))] Arc<str>);

/// Order code: the prefix of the sales channel and the gapless number of the order in the channel, at least six digits, such as
/// `SON000001`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct OrderCode(#[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))] Arc<str>);

impl Sku {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Location {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The default location, `main`.
    pub fn main() -> Self {
        Self("main".into())
    }
}

impl ChannelCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OrderCode {
    /// The code of order `number` (starting at 1) in the channel with this prefix.
    pub fn new(prefix: &str, number: u64) -> Self {
        Self(format!("{prefix}{number:06}").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of the order, if the code has this prefix.
    pub fn number(&self, prefix: &str) -> Option<u64> {
        self.0.strip_prefix(prefix)?.parse().ok()
    }
}

/// A number of units: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Quantity(#[schemars(range(min = 1, max = 1_000_000))] NonZeroU32);

/// The number is not a valid quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {MAX_QUANTITY}")]
pub struct InvalidQuantity;

impl Quantity {
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl TryFrom<u32> for Quantity {
    type Error = InvalidQuantity;

    fn try_from(units: u32) -> Result<Self, InvalidQuantity> {
        if units > MAX_QUANTITY {
            return Err(InvalidQuantity);
        }
        NonZeroU32::new(units).map(Self).ok_or(InvalidQuantity)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let units = u32::deserialize(deserializer).map_err(|_| serde::de::Error::custom(InvalidQuantity))?;
        Self::try_from(units).map_err(serde::de::Error::custom)
    }
}

impl std::str::FromStr for Sku {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse(text).map(Self)
    }
}

impl std::fmt::Display for Sku {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Sku {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

impl std::str::FromStr for Location {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse(text).map(Self)
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

impl std::str::FromStr for ChannelCode {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse(text).map(Self)
    }
}

impl std::fmt::Display for ChannelCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for ChannelCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

impl std::str::FromStr for OrderCode {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse(text).map(Self)
    }
}

impl std::fmt::Display for OrderCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for OrderCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

/// Checks the borrowed text before it is copied, so that parsing needs one allocation.
struct NameVisitor;

impl serde::de::Visitor<'_> for NameVisitor {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a text of 1 to {MAX_NAME_CHARS} of the characters A-Z a-z 0-9 . _ -")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Arc<str>, E> {
        parse(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_case_and_reject_other_characters() {
        assert_eq!("85123a".parse::<Sku>().unwrap().as_str(), "85123a");
        for bad in ["", " ", "a b", "a@b", "a/b", "ü", "a\0", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Sku>(), Err(InvalidName), "{bad:?}");
        }
    }

    #[test]
    fn order_codes_have_at_least_six_digits() {
        assert_eq!(OrderCode::new("SON", 1).as_str(), "SON000001");
        assert_eq!(OrderCode::new("SON", 1_234_567).as_str(), "SON1234567");
        assert_eq!(OrderCode::new("SON", 42).number("SON"), Some(42));
    }

    #[test]
    fn quantities_are_bounded() {
        assert!(Quantity::try_from(0).is_err() && Quantity::try_from(MAX_QUANTITY + 1).is_err());
        assert!(serde_json::from_str::<Quantity>("-1").is_err() && serde_json::from_str::<Quantity>("1.5").is_err());
        assert_eq!(serde_json::from_str::<Quantity>("3").unwrap().get(), 3);
    }
}
