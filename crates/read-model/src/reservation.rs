//! The open reservations of stock items: how many units are reserved for which order or stock hold.
//!
//! A stock item keeps only the sum of its reserved units. The sum of the changes of one stock item and one holder is the
//! number of units that are reserved for the holder; the sum of all changes of a stock item is its number of reserved
//! units.

use chrono::{DateTime, Utc};
use events::stock::StockEvent;
use events::stream::Subject;
use events::{Incarnation, Location, LogPosition, OrderId, Position, Recorded, Sku, StockHoldId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fold_error::FoldError;

/// The order or stock hold that units are reserved for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ReservationHolder {
    /// Id of an order.
    #[serde(rename = "order_id")]
    Order(OrderId),
    /// Id of a stock hold.
    #[serde(rename = "hold_id")]
    StockHold(StockHoldId),
}

/// A change of the units of a stock item that are reserved for one order or stock hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationChange {
    /// SKU of the stock item.
    pub sku: Sku,
    /// Location of the stock item.
    pub location: Location,
    /// Order or stock hold that the units are reserved for.
    #[serde(flatten)]
    pub holder: ReservationHolder,
    /// Change of the reserved units; negative if units were released or shipped.
    pub units: i64,
    /// Instant at which the event occurred.
    pub occurred_at: DateTime<Utc>,
    /// Incarnation of the log that contains the event.
    pub incarnation: Incarnation,
    /// Position of the event in the log.
    pub position: Position,
}

impl ReservationChange {
    /// The change that an event of a stock stream makes; `None` if the event changes no reservation.
    pub fn of(recorded: &Recorded, event: &StockEvent) -> Result<Option<ReservationChange>, FoldError> {
        let Subject::Stock(sku, location) = recorded.stream.subject() else {
            return Err(FoldError::wrong_stream(recorded));
        };
        let Some((holder, units)) = change(event) else { return Ok(None) };
        Ok(Some(ReservationChange {
            sku,
            location,
            holder,
            units,
            occurred_at: recorded.occurred_at(),
            incarnation: recorded.incarnation,
            position: recorded.position,
        }))
    }

    /// Log position of the event.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }
}

fn change(event: &StockEvent) -> Option<(ReservationHolder, i64)> {
    use ReservationHolder::{Order, StockHold};
    match event {
        StockEvent::Reserved(e) => Some((Order(e.order_id), i64::from(e.quantity))),
        StockEvent::Released(e) => Some((Order(e.order_id), -i64::from(e.quantity))),
        StockEvent::Shipped(e) => Some((Order(e.order_id), -i64::from(e.quantity))),
        StockEvent::Held(e) => Some((StockHold(e.hold_id), i64::from(e.quantity))),
        StockEvent::HoldReleased(e) => Some((StockHold(e.hold_id), -i64::from(e.quantity))),
        // Changes of backordered units change which units are on hand, but not how many units are reserved.
        StockEvent::BackordersChanged(_)
        | StockEvent::Received(_)
        | StockEvent::Adjusted(_)
        | StockEvent::Restocked(_)
        | StockEvent::TransferredIn(_)
        | StockEvent::TransferredOut(_)
        | StockEvent::PolicyChanged(_) => None,
    }
}
