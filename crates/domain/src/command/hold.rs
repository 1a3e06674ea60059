//! Commands to holds: stock that is kept for a checkout for some time.

use events::{HoldId, Location, Quantity, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lines::Lines;
use super::text::Reference;

/// Longest that stock is kept: a day. What takes longer is an order.
pub const MAX_TTL_SECONDS: u32 = 86_400;

/// How long stock is kept when nothing is said: a quarter of an hour.
pub const DEFAULT_TTL_SECONDS: u32 = 900;

/// Body of `POST /v1/stock-holds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldStock {
    /// The hold's key, a UUID version 7 whose instant is when it was placed; ours if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<HoldId>,
    /// What is to be kept.
    pub lines: Lines<HoldLine>,
    /// How long, in seconds; a quarter of an hour if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<Ttl>,
    /// The cart or session, as the caller names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
}

/// A line of a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldLine {
    /// What.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// Where; `main` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// How long a hold lasts: 1 to [`MAX_TTL_SECONDS`] seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
pub struct Ttl(#[schemars(range(min = 1, max = 86_400))] u32);

/// Why a number is not how long a hold lasts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of seconds from 1 to {MAX_TTL_SECONDS}")]
pub struct InvalidTtl;

impl Ttl {
    /// In seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Ttl(DEFAULT_TTL_SECONDS)
    }
}

impl TryFrom<u32> for Ttl {
    type Error = InvalidTtl;

    fn try_from(seconds: u32) -> Result<Self, InvalidTtl> {
        if (1..=MAX_TTL_SECONDS).contains(&seconds) { Ok(Ttl(seconds)) } else { Err(InvalidTtl) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lasts_a_second_to_a_day() {
        let ttl = |json: &str| serde_json::from_str::<Ttl>(json).map(Ttl::seconds);
        assert!(matches!((ttl("1"), ttl("86400")), (Ok(1), Ok(86_400))));
        for bad in ["0", "86401", "-1", "1.5", "\"1\""] {
            assert!(ttl(bad).is_err(), "{bad}");
        }
    }
}
