//! The fulfilments of orders as rows, for reports on fulfilment.
//!
//! [`FulfilmentRow`] is one fulfilment of an order; [`FulfilmentOrder`] is the state of the fold of an order.

use chrono::{DateTime, Utc};
use events::order::{FulfilmentCreated, OrderEvent, OrderPlaced, PartNo};
use events::{ChannelCode, Incarnation, Location, LogPosition, OrderId, Position, Recorded, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fold_error::FoldError;
use crate::order_stream::{self, Next};

/// A fulfilment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentRow {
    /// Order that the fulfilment belongs to.
    pub order_id: OrderId,
    /// Number of the fulfilment in the order, starting at 1.
    pub fulfilment: PartNo,
    /// Sales channel of the order.
    pub channel: ChannelCode,
    /// Location from which the units are shipped.
    pub location: Location,
    /// Units in the fulfilment. A cancelled fulfilment keeps the units that it had.
    pub units: i64,
    /// Carrier of the shipment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Instant at which the order was placed.
    pub placed_at: DateTime<Utc>,
    /// Instant at which the fulfilment was created: packing of its units began.
    pub packed_at: DateTime<Utc>,
    /// Instant at which the fulfilment was shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_at: Option<DateTime<Utc>>,
    /// Instant at which the fulfilment was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// Instant at which the fulfilment was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Incarnation of the log that contains the last event of the fulfilment.
    pub incarnation: Incarnation,
    /// Position of the last event of the fulfilment in the log.
    pub position: Position,
}

impl FulfilmentRow {
    /// Log position of the last event that this row contains.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }
}

/// What the fulfilments of an order need to know from its earlier events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilmentOrder {
    /// Id of the order.
    pub order_id: OrderId,
    /// Sales channel.
    pub channel: ChannelCode,
    /// Instant at which the order was placed; the same instant as in the order id.
    pub placed_at: DateTime<Utc>,
    /// Fulfilments of the order, by number.
    pub fulfilments: Vec<FulfilmentRow>,
    /// Version of the order's stream that this state contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the order.
    pub incarnation: Incarnation,
    /// Position of the last event of the order in the log.
    pub position: Position,
}

impl FulfilmentOrder {
    /// Folds the next event into `order` (`None`: the order does not exist yet) and gives the rows that the event
    /// changed. A [`FoldError`] leaves `order` unchanged.
    pub fn fold(
        order: &mut Option<FulfilmentOrder>,
        recorded: &Recorded,
        event: &OrderEvent,
    ) -> Result<Vec<FulfilmentRow>, FoldError> {
        match order_stream::next(order, |order| order.version, recorded, event)? {
            Next::Begins(order, placed) => {
                *order = Some(FulfilmentOrder::placed(placed, recorded));
                Ok(Vec::new())
            }
            Next::Continues(order) => Ok(order.evolve(event, recorded).into_iter().collect()),
        }
    }

    /// Log position of the last event that this state contains.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }

    /// Moves version and log position to an event of the order, and changes nothing else.
    pub fn advance_to(&mut self, recorded: &Recorded) {
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }

    /// The order after it was placed, without fulfilments.
    pub(crate) fn placed(placed: &OrderPlaced, recorded: &Recorded) -> FulfilmentOrder {
        FulfilmentOrder {
            order_id: placed.order_id,
            channel: placed.channel.clone(),
            placed_at: placed.order_id.instant(),
            fulfilments: Vec::new(),
            version: recorded.version,
            incarnation: recorded.incarnation,
            position: recorded.position,
        }
    }

    /// The order after `event`; gives the row of the fulfilment that the event changed.
    pub(crate) fn evolve(&mut self, event: &OrderEvent, recorded: &Recorded) -> Option<FulfilmentRow> {
        self.advance_to(recorded);
        let now = recorded.occurred_at();
        match event {
            OrderEvent::FulfilmentCreated(e) => Some(self.create(e, recorded)),
            OrderEvent::FulfilmentShipped(e) => self.update(e.fulfilment, recorded, |row| {
                row.carrier.clone_from(&e.carrier);
                row.shipped_at = Some(now);
            }),
            OrderEvent::FulfilmentDelivered(e) => {
                self.update(e.fulfilment, recorded, |row| row.delivered_at = Some(now))
            }
            OrderEvent::FulfilmentCancelled(e) => {
                self.update(e.fulfilment, recorded, |row| row.cancelled_at = Some(now))
            }
            OrderEvent::Placed(_)
            | OrderEvent::PaymentAuthorized(_)
            | OrderEvent::PaymentCaptured(_)
            | OrderEvent::PaymentVoided(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::LinesCancelled(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::ReturnRequested(_)
            | OrderEvent::ReturnReceived(_)
            | OrderEvent::ReturnRejected(_)
            | OrderEvent::RefundRecorded(_)
            | OrderEvent::Amended(_)
            | OrderEvent::Held(_)
            | OrderEvent::HoldReleased(_)
            | OrderEvent::NoteAdded(_)
            | OrderEvent::Tagged(_)
            | OrderEvent::AddressesChanged(_)
            | OrderEvent::CustomerAssigned(_)
            | OrderEvent::PersonalDataErased(_)
            | OrderEvent::BackordersChanged(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Completed(_) => None,
        }
    }

    fn create(&mut self, created: &FulfilmentCreated, recorded: &Recorded) -> FulfilmentRow {
        let row = FulfilmentRow {
            order_id: self.order_id,
            fulfilment: created.fulfilment,
            channel: self.channel.clone(),
            location: created.location.clone(),
            units: created.lines.iter().map(|units| i64::from(units.quantity)).sum(),
            carrier: None,
            placed_at: self.placed_at,
            packed_at: recorded.occurred_at(),
            shipped_at: None,
            delivered_at: None,
            cancelled_at: None,
            incarnation: recorded.incarnation,
            position: recorded.position,
        };
        self.fulfilments.push(row.clone());
        row
    }

    /// Updates fulfilment `number`, if there is one, and gives its row.
    fn update(
        &mut self,
        number: PartNo,
        recorded: &Recorded,
        change: impl FnOnce(&mut FulfilmentRow),
    ) -> Option<FulfilmentRow> {
        let row = self.fulfilments.get_mut((number as usize).checked_sub(1)?)?;
        change(row);
        row.incarnation = recorded.incarnation;
        row.position = recorded.position;
        Some(row.clone())
    }
}
