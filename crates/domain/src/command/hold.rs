//! Commands to holds: stock that is kept for a checkout for some time.

use events::{HoldId, Location, Quantity, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::lines::Lines;
use crate::value::text::Reference;

/// Longest time for which stock is held: a day. What takes longer is an order.
pub const MAX_TTL_SECONDS: u32 = 86_400;

/// Time for which stock is held by default: 15 minutes.
pub const DEFAULT_TTL_SECONDS: u32 = 900;

/// A stock hold to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldStock {
    /// Id of the stock hold: a UUID version 7 that carries the instant at which it was placed; generated if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<HoldId>,
    /// Units to hold.
    pub lines: Lines<HoldLine>,
    /// Time until the stock hold expires, in seconds; 900 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<Ttl>,
    /// Id of the cart or session in the system of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
}

/// A line of a stock hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldLine {
    /// SKU of the product.
    pub sku: Sku,
    /// Number of units to hold.
    pub quantity: Quantity,
    /// Location of the units; `main` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// Time until a stock hold expires: 1 to [`MAX_TTL_SECONDS`] seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
pub struct Ttl(#[schemars(range(min = 1, max = 86_400))] u32);

/// Why a number is not the time until a stock hold expires.
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
