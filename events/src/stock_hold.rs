//! Events of a stock hold: stock of one or more stock items that is reserved for a checkout for a limited time.
//!
//! A stock hold reserves all of its lines or none of them.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{OrderId, StockHoldId};
use crate::name::{Location, Sku};
use crate::omit::is_default;
use crate::payload::Payload;

/// An event of a stock hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockHoldEvent {
    Placed(HoldPlaced),
    Released(HoldReleased),
    Expired(HoldExpired),
    /// An order took over the stock.
    Consumed(HoldConsumed),
}

/// A stock hold was placed. Its stock was reserved in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldPlaced {
    /// Identifier of the stock hold (UUID version 7). Its timestamp is the instant at which the stock hold was placed.
    pub hold_id: StockHoldId,
    /// Units on hold, with at most one line for each stock item.
    pub lines: Vec<HoldLine>,
    /// Instant at which the stock hold expires.
    pub expires_at: DateTime<Utc>,
    /// Reference of the cart or session, as given by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Payload for HoldPlaced {
    const EVENT_TYPE: &'static str = "HoldPlaced";
}

/// Units of one stock item that are reserved for a stock hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldLine {
    /// SKU of the product.
    pub sku: Sku,
    /// Location of the stock.
    pub location: Location,
    /// Number of units.
    pub quantity: u32,
    /// Number of these units that were not on hand when the stock hold was placed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backordered: u32,
}

/// The stock hold was released before it expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldReleased {}

impl Payload for HoldReleased {
    const EVENT_TYPE: &'static str = "HoldReleased";
}

/// The stock hold expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldExpired {}

impl Payload for HoldExpired {
    const EVENT_TYPE: &'static str = "HoldExpired";
}

/// The stock hold was consumed: an order took over its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldConsumed {
    /// Order that took over the stock.
    pub order_id: OrderId,
}

impl Payload for HoldConsumed {
    const EVENT_TYPE: &'static str = "HoldConsumed";
}
