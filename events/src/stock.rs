//! What can happen to the stock of one SKU at one location, and the sums that follow ([`Level`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exact::MAX_EXACT;
use crate::id::{HoldId, OrderId};
use crate::name::Location;

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
    /// A hold laid claim to pieces.
    Held(StockHeld),
    /// A hold gave its claim back, or handed it to an order.
    HoldReleased(StockHoldReleased),
    /// Pieces came from another location.
    TransferredIn(StockTransferredIn),
    /// Pieces went to another location.
    TransferredOut(StockTransferredOut),
    /// It is promised by other rules from now on.
    PolicyChanged(StockPolicyChanged),
    /// Units on hand were assigned to an order that waited for them, or taken back from it.
    BackordersChanged(StockBackordersChanged),
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
    #[schemars(range(min = -MAX_EXACT, max = MAX_EXACT))]
    pub delta: i64,
    /// Why.
    pub reason: String,
}

/// An order laid claim to pieces. Version 2; version 1 did not say how many were backordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReserved {
    /// Whose claim.
    pub order_id: OrderId,
    /// How many pieces.
    pub quantity: u32,
    /// How many of these units were not on hand, so that no unit on hand is assigned to them. Missing in events of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backordered: Option<u32>,
}

/// An order gave its claim back. Version 2; version 1 did not say how many were backordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReleased {
    /// Whose claim.
    pub order_id: OrderId,
    /// How many pieces.
    pub quantity: u32,
    /// How many of these units no unit on hand was assigned to. Missing in events of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backordered: Option<u32>,
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

/// A hold laid claim to pieces. Version 2; version 1 did not say how many were backordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockHeld {
    /// Whose claim.
    pub hold_id: HoldId,
    /// How many pieces.
    pub quantity: u32,
    /// How many of these units were not on hand, so that no unit on hand is assigned to them. Missing in events of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backordered: Option<u32>,
}

/// A hold gave its claim back, or handed it to an order that reserves in the same commit. Version 2; version 1 did not say
/// how many were backordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockHoldReleased {
    /// Whose claim.
    pub hold_id: HoldId,
    /// How many pieces.
    pub quantity: u32,
    /// How many of these units no unit on hand was assigned to. Missing in events of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backordered: Option<u32>,
}

/// Pieces came from another location; the other half of [`StockTransferredOut`], in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockTransferredIn {
    /// Where they were.
    pub from: Location,
    /// How many pieces.
    pub quantity: u32,
    /// The transfer, as the caller names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Pieces went to another location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockTransferredOut {
    /// Where they are now.
    pub to: Location,
    /// How many pieces.
    pub quantity: u32,
    /// The transfer, as the caller names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// The item is promised by these rules from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockPolicyChanged {
    /// What happens when there are not enough pieces.
    pub policy: StockPolicy,
    /// Pieces that are never promised.
    #[serde(default)]
    pub safety: u32,
}

/// Units on hand were assigned to an order that waited for them, or taken back from it; the lines of the order say the same
/// in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockBackordersChanged {
    /// The order.
    pub order_id: OrderId,
    /// Change of the backordered units of the item: negative where units on hand were assigned to the order, positive where
    /// they were taken back from it.
    #[schemars(range(min = -MAX_EXACT, max = MAX_EXACT))]
    pub delta: i64,
    /// Units of the order that are backordered here from now on.
    pub backordered: u32,
}

/// What happens when more is asked for than there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum StockPolicy {
    /// The order is refused.
    #[default]
    Deny,
    /// So many pieces more than there are can be promised; they leave when they are here.
    Backorder {
        /// How many.
        limit: u32,
    },
    /// Nobody counts: orders move no stock.
    Untracked,
}

/// Sums of a stock item. `received + restocked + adjusted + transferred = on_hand + shipped`, and
/// `available = on_hand - safety - reserved`. Every reserved unit is backordered, or a unit on hand is assigned to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    /// Pieces in the building.
    pub on_hand: i64,
    /// Pieces that an order or a hold has claimed; more than are in the building only where they can be backordered.
    pub reserved: i64,
    /// Reserved units that no unit on hand is assigned to: those that the lines of orders and the open holds say.
    #[serde(default)]
    pub backordered: i64,
    /// Whether `backordered` only follows from the units on hand and reserved, because events of version 1 do not say it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub backorders_derived: bool,
    /// Pieces that ever came in.
    pub received: i64,
    /// Pieces that ever came back for sale.
    pub restocked: i64,
    /// Sum of all corrections.
    pub adjusted: i64,
    /// Pieces that ever left.
    pub shipped: i64,
    /// Pieces that came from other locations less those that went there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub transferred: i64,
    /// Pieces that are never promised.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub safety: i64,
    /// What happens when more is asked for than there is.
    #[serde(default, skip_serializing_if = "is_deny")]
    pub policy: StockPolicy,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_deny(policy: &StockPolicy) -> bool {
    *policy == StockPolicy::Deny
}

impl Level {
    /// Pieces here that can still be promised; less than none where pieces are backordered.
    pub fn available(&self) -> i64 {
        self.on_hand - self.safety - self.reserved
    }

    /// Pieces that can still be promised, those included that are not here yet; `None` where nobody counts.
    pub fn promisable(&self) -> Option<i64> {
        match self.policy {
            StockPolicy::Deny => Some(self.available()),
            StockPolicy::Backorder { limit } => Some(self.available() + i64::from(limit)),
            StockPolicy::Untracked => None,
        }
    }

    /// Reserved units that units on hand are assigned to.
    pub fn allocated(&self) -> i64 {
        self.reserved - self.backordered
    }

    /// Units on hand that are assigned to nobody; fewer than none where assigned units are missing.
    pub fn unassigned(&self) -> i64 {
        self.on_hand - self.allocated()
    }

    /// Units on hand that can be assigned to orders that wait; the safety stock is left alone.
    pub fn assignable(&self) -> i64 {
        (self.unassigned() - self.safety).max(0)
    }

    /// Assigned units that are not on hand: a count has shown that they are missing.
    pub fn shortage(&self) -> i64 {
        (-self.unassigned()).max(0)
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
            StockEvent::Reserved(e) => self.claim(i64::from(e.quantity), e.backordered.map(i64::from)),
            StockEvent::Released(e) => self.claim(-i64::from(e.quantity), e.backordered.map(|it| -i64::from(it))),
            StockEvent::Shipped(e) => {
                self.on_hand -= i64::from(e.quantity);
                self.reserved -= i64::from(e.quantity);
                self.shipped += i64::from(e.quantity);
            }
            StockEvent::Restocked(e) => {
                self.on_hand += i64::from(e.quantity);
                self.restocked += i64::from(e.quantity);
            }
            StockEvent::Held(e) => self.claim(i64::from(e.quantity), e.backordered.map(i64::from)),
            StockEvent::HoldReleased(e) => self.claim(-i64::from(e.quantity), e.backordered.map(|it| -i64::from(it))),
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
            StockEvent::BackordersChanged(e) => self.claim(0, Some(e.delta)),
        }
        self.settle();
    }

    /// More or fewer units are reserved; of how many of them are backordered, events of version 1 say nothing.
    fn claim(&mut self, reserved: i64, backordered: Option<i64>) {
        self.reserved += reserved;
        self.backordered += backordered.unwrap_or(0);
        self.backorders_derived = backordered.is_none();
    }

    /// Where events do not say what is backordered, it is what cannot be on hand.
    fn settle(&mut self) {
        self.backordered = match self.backorders_derived {
            true => (self.reserved - self.on_hand).max(0),
            false => self.backordered.min(self.reserved).max(0),
        };
    }
}
