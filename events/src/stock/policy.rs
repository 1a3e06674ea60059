//! Stock policy of a stock item: what happens if more units are ordered than are available.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payload::Payload;

/// The stock policy of the stock item was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockPolicyChanged {
    /// What happens if more units are ordered than are available.
    pub policy: StockPolicy,
    /// Safety stock: units that are never reserved.
    #[serde(default)]
    pub safety: u32,
}

impl Payload for StockPolicyChanged {
    const EVENT_TYPE: &'static str = "StockPolicyChanged";
}

/// What happens if more units are ordered than are available.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum StockPolicy {
    /// The order is rejected.
    #[default]
    Deny,
    /// Units beyond those available can be ordered, up to a limit. They are shipped when stock is on hand.
    Backorder {
        /// Maximum number of backordered units.
        limit: u32,
    },
    /// Stock is not tracked: orders neither reserve nor ship stock of this item.
    Untracked,
}
