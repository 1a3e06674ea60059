//! Stock level of a stock item: sums of its units, folded from its events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::StockEvent;
use super::policy::StockPolicy;
use crate::omit::is_default;

/// Stock level of a stock item, in units. `received + restocked + adjusted + transferred = on_hand + shipped`, and
/// `available = on_hand - safety - reserved`. Every reserved unit is either backordered, or a unit on hand is allocated to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    /// Units on hand.
    pub on_hand: i64,
    /// Units reserved for orders and stock holds. More than the units on hand only if the stock policy allows backorders.
    pub reserved: i64,
    /// Reserved units to which no unit on hand is allocated: the sum of the backordered units of order lines and open stock holds.
    #[serde(default)]
    pub backordered: i64,
    /// Whether `backordered` is derived from the units on hand and reserved, because events of version 1 did not record it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backorders_derived: bool,
    /// Units received in total.
    pub received: i64,
    /// Returned units restocked in total.
    pub restocked: i64,
    /// Sum of all stock adjustments, in units.
    pub adjusted: i64,
    /// Units shipped in total.
    pub shipped: i64,
    /// Units transferred from other locations minus units transferred to other locations.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transferred: i64,
    /// Safety stock: units that are never reserved.
    #[serde(default, skip_serializing_if = "is_default")]
    pub safety: i64,
    /// What happens if more units are ordered than are available.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy: StockPolicy,
}

impl Level {
    /// Units on hand that can still be reserved; negative if units are backordered.
    pub fn available(&self) -> i64 {
        self.on_hand - self.safety - self.reserved
    }

    /// Units that can still be reserved, including units that can be backordered; `None` if the stock is untracked.
    pub fn promisable(&self) -> Option<i64> {
        match self.policy {
            StockPolicy::Deny => Some(self.available()),
            StockPolicy::Backorder { limit } => Some(self.available() + i64::from(limit)),
            StockPolicy::Untracked => None,
        }
    }

    /// Reserved units to which units on hand are allocated.
    pub fn allocated(&self) -> i64 {
        self.reserved - self.backordered
    }

    /// Units on hand that are not allocated; negative if allocated units are missing.
    pub fn unassigned(&self) -> i64 {
        self.on_hand - self.allocated()
    }

    /// Units on hand that can be allocated to backordered orders, without the safety stock.
    pub fn assignable(&self) -> i64 {
        (self.unassigned() - self.safety).max(0)
    }

    /// Allocated units that are not on hand, for example because a stock count found that they are missing.
    pub fn shortage(&self) -> i64 {
        (-self.unassigned()).max(0)
    }

    /// The stock level after `event`.
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
            StockEvent::Reserved(e) => self.reserve(i64::from(e.quantity), e.backordered.map(i64::from)),
            StockEvent::Released(e) => self.reserve(-i64::from(e.quantity), e.backordered.map(|it| -i64::from(it))),
            StockEvent::Shipped(e) => {
                self.on_hand -= i64::from(e.quantity);
                self.reserved -= i64::from(e.quantity);
                self.shipped += i64::from(e.quantity);
            }
            StockEvent::Restocked(e) => {
                self.on_hand += i64::from(e.quantity);
                self.restocked += i64::from(e.quantity);
            }
            StockEvent::Held(e) => self.reserve(i64::from(e.quantity), e.backordered.map(i64::from)),
            StockEvent::HoldReleased(e) => self.reserve(-i64::from(e.quantity), e.backordered.map(|it| -i64::from(it))),
            StockEvent::TransferredIn(e) => {
                self.on_hand += i64::from(e.quantity);
                self.transferred += i64::from(e.quantity);
            }
            StockEvent::TransferredOut(e) => {
                self.on_hand -= i64::from(e.quantity);
                self.transferred -= i64::from(e.quantity);
            }
            StockEvent::PolicyChanged(e) => {
                self.policy = e.policy;
                self.safety = i64::from(e.safety);
            }
            StockEvent::BackordersChanged(e) => self.reserve(0, Some(e.delta)),
        }
        self.settle();
    }

    /// Adds to the reserved and the backordered units. Events of version 1 do not record backordered units.
    fn reserve(&mut self, reserved: i64, backordered: Option<i64>) {
        self.reserved += reserved;
        self.backordered += backordered.unwrap_or(0);
        self.backorders_derived = backordered.is_none();
    }

    /// Limits `backordered` to the reserved units. If the events do not record it, it is the reserved units that exceed those on hand.
    fn settle(&mut self) {
        self.backordered = match self.backorders_derived {
            true => (self.reserved - self.on_hand).max(0),
            false => self.backordered.min(self.reserved).max(0),
        };
    }
}
