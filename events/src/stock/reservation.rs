//! Events that change the reserved and backordered units: reservations for orders and stock holds, and allocations to backorders.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exact::MAX_EXACT;
use crate::id::{OrderId, StockHoldId};
use crate::payload::Payload;

/// Units were reserved for an order. Version 2; version 1 did not record how many units were backordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReserved {
    /// Order for which the units were reserved.
    pub order_id: OrderId,
    /// Number of reserved units.
    pub quantity: u32,
    /// Number of these units that were not on hand and are therefore backordered. Missing in events of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backordered: Option<u32>,
}

impl Payload for StockReserved {
    const EVENT_TYPE: &'static str = "StockReserved";
    const SCHEMA_VERSION: i16 = 2;
}

/// The reservation of units for an order was released. Version 2; version 1 did not record how many units were backordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReleased {
    /// Order for which the units had been reserved.
    pub order_id: OrderId,
    /// Number of released units.
    pub quantity: u32,
    /// Number of these units that were backordered. Missing in events of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backordered: Option<u32>,
}

impl Payload for StockReleased {
    const EVENT_TYPE: &'static str = "StockReleased";
    const SCHEMA_VERSION: i16 = 2;
}

/// Units were reserved for a stock hold. Version 2; version 1 did not record how many units were backordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockHeld {
    /// Stock hold for which the units were reserved.
    pub hold_id: StockHoldId,
    /// Number of reserved units.
    pub quantity: u32,
    /// Number of these units that were not on hand and are therefore backordered. Missing in events of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backordered: Option<u32>,
}

impl Payload for StockHeld {
    const EVENT_TYPE: &'static str = "StockHeld";
    const SCHEMA_VERSION: i16 = 2;
}

/// The reservation of units for a stock hold was released, or an order took the units over and reserved them in the same commit.
/// Version 2; version 1 did not record how many units were backordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockHoldReleased {
    /// Stock hold for which the units had been reserved.
    pub hold_id: StockHoldId,
    /// Number of released units.
    pub quantity: u32,
    /// Number of these units that were backordered. Missing in events of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backordered: Option<u32>,
}

impl Payload for StockHoldReleased {
    const EVENT_TYPE: &'static str = "StockHoldReleased";
    const SCHEMA_VERSION: i16 = 2;
}

/// Stock on hand was allocated to a backordered order, or an allocation was withdrawn. The order records the same change for its
/// lines in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockBackordersChanged {
    /// Order whose backordered units changed.
    pub order_id: OrderId,
    /// Change of the backordered units of the stock item: negative if stock on hand was allocated to the order, positive if an
    /// allocation was withdrawn.
    #[schemars(range(min = -MAX_EXACT, max = MAX_EXACT))]
    pub delta: i64,
    /// Units of the order that are backordered at this stock item after the change.
    pub backordered: u32,
}

impl Payload for StockBackordersChanged {
    const EVENT_TYPE: &'static str = "StockBackordersChanged";
}
