//! What can happen to a hold: stock that is kept for a checkout for some time, all of its lines or none.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{HoldId, OrderId};
use crate::name::{Location, Sku};

/// What happened to a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldEvent {
    /// Stock is kept.
    Placed(HoldPlaced),
    /// It was given back before its time.
    Released(HoldReleased),
    /// Its time was over.
    Expired(HoldExpired),
    /// An order took it over.
    Consumed(HoldConsumed),
}

/// Stock is kept; the pieces are held on their shelves in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldPlaced {
    /// The key; carries the instant at which it was placed.
    pub hold_id: HoldId,
    /// What is kept, each shelf once.
    pub lines: Vec<HoldLine>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// The cart or session, as the caller names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Pieces of one shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldLine {
    /// What.
    pub sku: Sku,
    /// Where.
    pub location: Location,
    /// How many pieces.
    pub quantity: u32,
    /// How many of these units were not on hand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backordered: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(units: &u32) -> bool {
    *units == 0
}

/// The hold was given back before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldReleased {}

/// The hold's time was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldExpired {}

/// An order took the hold over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldConsumed {
    /// Which.
    pub order_id: OrderId,
}
