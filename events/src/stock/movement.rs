//! Events that change the units on hand: received, adjusted, shipped, restocked, transferred.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exact::MAX_EXACT;
use crate::id::OrderId;
use crate::name::Location;
use crate::payload::Payload;

/// Stock was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReceived {
    /// Number of received units.
    pub quantity: u32,
    /// Reference of the delivery, such as a delivery note or purchase order number, as given by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Payload for StockReceived {
    const EVENT_TYPE: &'static str = "StockReceived";
}

/// The stock level was adjusted, for example after a stock count or because units were damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockAdjusted {
    /// Change of the units on hand; negative if units were removed.
    #[schemars(range(min = -MAX_EXACT, max = MAX_EXACT))]
    pub delta: i64,
    /// Reason for the stock adjustment.
    pub reason: String,
}

impl Payload for StockAdjusted {
    const EVENT_TYPE: &'static str = "StockAdjusted";
}

/// Reserved units were shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockShipped {
    /// Order for which the units were shipped.
    pub order_id: OrderId,
    /// Number of shipped units.
    pub quantity: u32,
}

impl Payload for StockShipped {
    const EVENT_TYPE: &'static str = "StockShipped";
}

/// Returned units were added to stock and can be sold again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockRestocked {
    /// Order from which the units were returned.
    pub order_id: OrderId,
    /// Number of restocked units.
    pub quantity: u32,
}

impl Payload for StockRestocked {
    const EVENT_TYPE: &'static str = "StockRestocked";
}

/// Units were transferred from another location. The other location records `StockTransferredOut` in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockTransferredIn {
    /// Location from which the units were transferred.
    pub from: Location,
    /// Number of transferred units.
    pub quantity: u32,
    /// Reference of the transfer, as given by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Payload for StockTransferredIn {
    const EVENT_TYPE: &'static str = "StockTransferredIn";
}

/// Units were transferred to another location. The other location records `StockTransferredIn` in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockTransferredOut {
    /// Location to which the units were transferred.
    pub to: Location,
    /// Number of transferred units.
    pub quantity: u32,
    /// Reference of the transfer, as given by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Payload for StockTransferredOut {
    const EVENT_TYPE: &'static str = "StockTransferredOut";
}
