//! The document of a stock item and its fold, and the rows of the stock ledger.

use chrono::{DateTime, Utc};
use events::stock::{Level, StockEvent};
use events::stream::Subject;
use events::{EventId, Incarnation, Location, LogPosition, OrderId, Position, Recorded, Sku, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fold_error::FoldError;

/// A stock item: one SKU at one location. Quantities are in units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockDocument {
    /// SKU of the stock item.
    pub sku: Sku,
    /// Location of the stock item.
    pub location: Location,
    /// Units on hand that can still be reserved: neither reserved nor safety stock; at least 0.
    pub available: i64,
    /// Units that are assigned to orders or stock holds but are not on hand, because a stock count found them missing.
    /// The platform takes such units back from orders, whose lines then count the units as `backordered`; the remaining
    /// units are in a fulfilment or in a stock hold.
    #[serde(default)]
    pub shortage: i64,
    /// Quantities of the stock item.
    #[serde(flatten)]
    pub level: Level,
    /// Instant at which the last event of the stock item occurred.
    pub updated_at: DateTime<Utc>,
    /// Version of the stock item's stream that this document contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the stock item.
    pub incarnation: Incarnation,
    /// Position of the last event of the stock item in the log.
    pub position: Position,
}

impl StockDocument {
    /// Folds the next event into `document` (`None`: the stock item does not exist yet). A [`FoldError`] leaves
    /// `document` unchanged.
    pub fn fold(
        document: &mut Option<StockDocument>,
        recorded: &Recorded,
        event: &StockEvent,
    ) -> Result<(), FoldError> {
        FoldError::unless_next(document.as_ref().map_or(Version::NONE, |item| item.version), recorded)?;
        match document {
            Some(item) => item.evolve(event, recorded),
            None => {
                let Subject::Stock(sku, location) = recorded.stream.subject() else {
                    return Err(FoldError::wrong_stream(recorded));
                };
                document.insert(StockDocument::none(sku, location, recorded)).evolve(event, recorded);
            }
        }
        Ok(())
    }

    /// Contains an event without applying it. Any event creates a stock item, so the item exists afterwards.
    pub fn skip(document: &mut Option<StockDocument>, recorded: &Recorded) {
        match (&mut *document, recorded.stream.subject()) {
            (Some(item), _) => item.advance_to(recorded),
            (None, Subject::Stock(sku, location)) => {
                document.insert(StockDocument::none(sku, location, recorded)).advance_to(recorded);
            }
            (None, _) => {}
        }
    }

    /// The document of a stock item with these quantities.
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

    /// Log position of the last event that this document contains.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }

    /// Moves version and log position to an event of the stock item, and changes nothing else.
    pub fn advance_to(&mut self, recorded: &Recorded) {
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }

    fn none(sku: Sku, location: Location, recorded: &Recorded) -> StockDocument {
        let log_position = LogPosition { incarnation: recorded.incarnation, position: recorded.position };
        StockDocument::of(sku, location, Level::default(), recorded.occurred_at(), Version::NONE, log_position)
    }

    fn evolve(&mut self, event: &StockEvent, recorded: &Recorded) {
        self.level.evolve(event);
        self.available = units_available(&self.level);
        self.shortage = self.level.shortage();
        self.updated_at = recorded.occurred_at();
        self.advance_to(recorded);
    }
}

/// The available level is below 0 if units are backordered or missing; then no unit is available.
fn units_available(level: &Level) -> i64 {
    level.available().max(0)
}

/// Kind of a stock movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Movement {
    /// Units were received.
    Received,
    /// The quantity on hand was corrected.
    Adjusted,
    /// Units were reserved for an order.
    Reserved,
    /// The reservation of an order was released.
    Released,
    /// Reserved units were shipped.
    Shipped,
    /// Returned units were restocked.
    Restocked,
    /// Units were reserved by a stock hold.
    Held,
    /// A stock hold was released, or an order took over its units.
    #[serde(rename = "hold_released")]
    HoldReleased,
    /// Units were transferred from another location.
    #[serde(rename = "transferred_in")]
    TransferredIn,
    /// Units were transferred to another location.
    #[serde(rename = "transferred_out")]
    TransferredOut,
    /// The stock policy was changed; the quantity is the new safety stock.
    #[serde(rename = "policy_changed")]
    PolicyChanged,
    /// The backordered units of an order changed: negative if units on hand were assigned to the order, positive if
    /// units were taken back from the order.
    #[serde(rename = "backorders_changed")]
    BackordersChanged,
}

impl Movement {
    /// The value in column `kind`, which is the same as in JSON. [`crate::status::read`] parses it.
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

/// A movement of a stock item. The units on hand are those received, restocked, adjusted and transferred in, less those
/// shipped and transferred out. The reserved units are those reserved and held, less those released and shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerRow {
    /// Id of the event.
    pub id: EventId,
    /// SKU of the stock item.
    pub sku: Sku,
    /// Location of the stock item.
    pub location: Location,
    /// Kind of the movement.
    pub kind: Movement,
    /// Units of the event; only `adjusted` and `backorders_changed` can be negative.
    pub quantity: i64,
    /// Order that the movement belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Instant at which the movement occurred.
    pub occurred_at: DateTime<Utc>,
    /// Position of the event in the log.
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
