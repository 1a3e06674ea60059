//! The stock item as it is read, and its ledger: every movement that made it so.

use chrono::{DateTime, Utc};
use events::stock::{Level, StockEvent};
use events::stream::Subject;
use events::{EventId, Incarnation, Location, LogPosition, OrderId, Position, Recorded, Sku, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fold_error::FoldError;

/// One SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockDocument {
    /// What.
    pub sku: Sku,
    /// Where.
    pub location: Location,
    /// Units on hand that can still be reserved: those that are neither reserved nor safety stock, and never fewer than 0.
    pub available: i64,
    /// Units that are assigned to orders or holds and not on hand, because a count has shown that they are missing. The
    /// platform takes what it can back from orders, whose lines then show it as `backordered`; what stays is packed or held.
    #[serde(default)]
    pub shortage: i64,
    /// Its sums.
    #[serde(flatten)]
    pub level: Level,
    /// When the last event happened.
    pub updated_at: DateTime<Utc>,
    /// Number of its last event.
    pub version: Version,
    /// Life of the log in which its last event was written.
    pub incarnation: Incarnation,
    /// Place of its last event in the log.
    pub position: Position,
}

impl StockDocument {
    /// Folds one more event into `held` (`None` is the item that does not exist yet). After a [`FoldError`] `held` is as
    /// before.
    pub fn fold(held: &mut Option<StockDocument>, recorded: &Recorded, event: &StockEvent) -> Result<(), FoldError> {
        FoldError::unless_next(held.as_ref().map_or(Version::NONE, |item| item.version), recorded)?;
        match held {
            Some(item) => item.evolve(event, recorded),
            None => {
                let Subject::Stock(sku, location) = recorded.stream.subject() else {
                    return Err(FoldError::wrong_stream(recorded));
                };
                held.insert(StockDocument::none(sku, location, recorded)).evolve(event, recorded);
            }
        }
        Ok(())
    }

    /// The document of an item with these sums.
    pub fn of(
        sku: Sku,
        location: Location,
        level: Level,
        updated_at: DateTime<Utc>,
        version: Version,
        LogPosition { incarnation, position }: LogPosition,
    ) -> StockDocument {
        let (available, shortage) = (units_available(&level), level.shortage());
        StockDocument { sku, location, available, shortage, level, updated_at, version, incarnation, position }
    }

    /// How new this document is.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }

    fn none(sku: Sku, location: Location, recorded: &Recorded) -> StockDocument {
        let stamp = LogPosition { incarnation: recorded.incarnation, position: recorded.position };
        StockDocument::of(sku, location, Level::default(), recorded.occurred_at(), Version::NONE, stamp)
    }

    fn evolve(&mut self, event: &StockEvent, recorded: &Recorded) {
        self.level.evolve(event);
        self.available = units_available(&self.level);
        self.shortage = self.level.shortage();
        self.updated_at = recorded.occurred_at();
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }
}

/// The level of a stock item goes below 0 where units are backordered or missing: none is available then.
fn units_available(level: &Level) -> i64 {
    level.available().max(0)
}

/// What kind of movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Movement {
    /// Pieces came in.
    Received,
    /// The count was corrected.
    Adjusted,
    /// An order laid claim to pieces.
    Reserved,
    /// An order gave its claim back.
    Released,
    /// Reserved pieces left.
    Shipped,
    /// Returned pieces can be sold again.
    Restocked,
    /// A hold laid claim to pieces.
    Held,
    /// A hold gave its claim back, or handed it to an order.
    #[serde(rename = "hold_released")]
    HoldReleased,
    /// Pieces came from another location.
    #[serde(rename = "transferred_in")]
    TransferredIn,
    /// Pieces went to another location.
    #[serde(rename = "transferred_out")]
    TransferredOut,
    /// It is promised by other rules; the quantity is what is never promised.
    #[serde(rename = "policy_changed")]
    PolicyChanged,
    /// Units on hand were assigned to an order that waited for them (negative) or taken back from it.
    #[serde(rename = "backorders_changed")]
    BackordersChanged,
}

impl Movement {
    /// The word in column `kind`: the same as in JSON. [`crate::status::read`] reads it back.
    pub fn word(self) -> &'static str {
        match self {
            Movement::Received => "received",
            Movement::Adjusted => "adjusted",
            Movement::Reserved => "reserved",
            Movement::Released => "released",
            Movement::Shipped => "shipped",
            Movement::Restocked => "restocked",
            Movement::Held => "held",
            Movement::HoldReleased => "hold_released",
            Movement::TransferredIn => "transferred_in",
            Movement::TransferredOut => "transferred_out",
            Movement::PolicyChanged => "policy_changed",
            Movement::BackordersChanged => "backorders_changed",
        }
    }
}

/// One movement of a stock item. Received, restocked, adjusted and transferred-in pieces less the shipped and transferred-out
/// ones are those on hand; reserved and held ones less the released and shipped ones are those that are promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerRow {
    /// The event's id.
    pub id: EventId,
    /// What.
    pub sku: Sku,
    /// Where.
    pub location: Location,
    /// What kind of movement.
    pub kind: Movement,
    /// How many units, as the event says it: only a correction and a change of backorders can be negative.
    pub quantity: i64,
    /// For which order, where it was for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// Place of the event in the log.
    pub position: Position,
}

impl LedgerRow {
    /// The row of an event of a stock stream.
    pub fn of(recorded: &Recorded, event: &StockEvent) -> Result<LedgerRow, FoldError> {
        let Subject::Stock(sku, location) = recorded.stream.subject() else {
            return Err(FoldError::wrong_stream(recorded));
        };
        let (kind, quantity, order_id) = movement(event);
        Ok(LedgerRow {
            id: recorded.id(),
            sku,
            location,
            kind,
            quantity,
            order_id,
            occurred_at: recorded.occurred_at(),
            position: recorded.position,
        })
    }
}

fn movement(event: &StockEvent) -> (Movement, i64, Option<OrderId>) {
    match event {
        StockEvent::Received(e) => (Movement::Received, i64::from(e.quantity), None),
        StockEvent::Adjusted(e) => (Movement::Adjusted, e.delta, None),
        StockEvent::Reserved(e) => (Movement::Reserved, i64::from(e.quantity), Some(e.order_id)),
        StockEvent::Released(e) => (Movement::Released, i64::from(e.quantity), Some(e.order_id)),
        StockEvent::Shipped(e) => (Movement::Shipped, i64::from(e.quantity), Some(e.order_id)),
        StockEvent::Restocked(e) => (Movement::Restocked, i64::from(e.quantity), Some(e.order_id)),
        StockEvent::Held(e) => (Movement::Held, i64::from(e.quantity), None),
        StockEvent::HoldReleased(e) => (Movement::HoldReleased, i64::from(e.quantity), None),
        StockEvent::TransferredIn(e) => (Movement::TransferredIn, i64::from(e.quantity), None),
        StockEvent::TransferredOut(e) => (Movement::TransferredOut, i64::from(e.quantity), None),
        StockEvent::PolicyChanged(e) => (Movement::PolicyChanged, i64::from(e.safety), None),
        StockEvent::BackordersChanged(e) => (Movement::BackordersChanged, e.delta, Some(e.order_id)),
    }
}
