//! What can happen to the stock of one SKU at one location, and the sums that follow ([`Level`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::OrderId;

/// What happened to a stock item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockEvent {
    /// Pieces came in.
    Received(StockReceived),
    /// Somebody counted, or something broke.
    Adjusted(StockAdjusted),
    /// An order laid claim to pieces.
    Reserved(StockReserved),
    /// An order gave its claim back.
    Released(StockReleased),
    /// Reserved pieces left the building.
    Shipped(StockShipped),
    /// Returned pieces can be sold again.
    Restocked(StockRestocked),
}

/// Pieces came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReceived {
    /// How many pieces.
    pub quantity: u32,
    /// The delivery note or purchase order, as the caller names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// The count was corrected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockAdjusted {
    /// Pieces more (or less, when negative) than before.
    pub delta: i64,
    /// Why.
    pub reason: String,
}

/// An order laid claim to pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReserved {
    /// Whose claim.
    pub order_id: OrderId,
    /// How many pieces.
    pub quantity: u32,
}

/// An order gave its claim back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReleased {
    /// Whose claim.
    pub order_id: OrderId,
    /// How many pieces.
    pub quantity: u32,
}

/// Reserved pieces left the building.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockShipped {
    /// For whom.
    pub order_id: OrderId,
    /// How many pieces.
    pub quantity: u32,
}

/// Returned pieces can be sold again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockRestocked {
    /// From whom.
    pub order_id: OrderId,
    /// How many pieces.
    pub quantity: u32,
}

/// Sums of a stock item. `received + restocked + adjusted = on_hand + shipped`, and `available = on_hand - reserved`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    /// Pieces in the building.
    pub on_hand: i64,
    /// Pieces in the building that an order has claimed.
    pub reserved: i64,
    /// Pieces that ever came in.
    pub received: i64,
    /// Pieces that ever came back for sale.
    pub restocked: i64,
    /// Sum of all corrections.
    pub adjusted: i64,
    /// Pieces that ever left.
    pub shipped: i64,
}

impl Level {
    /// Pieces that can still be promised.
    pub fn available(&self) -> i64 {
        self.on_hand - self.reserved
    }

    /// The sums after `event`.
    pub fn evolve(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Received(e) => {
                self.on_hand += i64::from(e.quantity);
                self.received += i64::from(e.quantity);
            }
            StockEvent::Adjusted(e) => {
                self.on_hand += e.delta;
                self.adjusted += e.delta;
            }
            StockEvent::Reserved(e) => self.reserved += i64::from(e.quantity),
            StockEvent::Released(e) => self.reserved -= i64::from(e.quantity),
            StockEvent::Shipped(e) => {
                self.on_hand -= i64::from(e.quantity);
                self.reserved -= i64::from(e.quantity);
                self.shipped += i64::from(e.quantity);
            }
            StockEvent::Restocked(e) => {
                self.on_hand += i64::from(e.quantity);
                self.restocked += i64::from(e.quantity);
            }
        }
    }
}
