//! The timeline of an order: one entry per event, with a sentence for people.
//!
//! A sentence has no personal data, so an erasure does not change the timeline. [`text`] writes the sentences, [`units`]
//! their lists of units. Most events have neither the currency nor the SKUs of the order: [`order`] keeps them.

mod order;
mod text;
mod units;

use chrono::{DateTime, Utc};
use events::order::{OrderEvent, OrderPlaced};
use events::{EventId, Incarnation, LogPosition, OrderId, Position, Recorded, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use order::{TimelineLine, TimelineOrder};

use crate::fold_error::FoldError;
use crate::order_stream::{self, Next};

/// An entry in the timeline of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
    /// Id of the event.
    pub id: EventId,
    /// Order that the event belongs to.
    pub order_id: OrderId,
    /// Version of the event in the order's stream, starting at 1.
    pub version: Version,
    /// Event type, such as `OrderPlaced`.
    pub kind: String,
    /// Description of the event in one English sentence, without personal data.
    pub text: String,
    /// Instant at which the event occurred.
    pub occurred_at: DateTime<Utc>,
    /// Incarnation of the log that contains the event.
    pub incarnation: Incarnation,
    /// Position of the event in the log.
    pub position: Position,
}

impl TimelineOrder {
    /// Folds the next event into `order` (`None`: the order does not exist yet) and describes the event. A [`FoldError`]
    /// leaves `order` unchanged.
    pub fn fold(
        order: &mut Option<TimelineOrder>,
        recorded: &Recorded,
        event: &OrderEvent,
    ) -> Result<TimelineEntry, FoldError> {
        match order_stream::next(order, |order| order.version, recorded, event)? {
            Next::Begins(order, placed) => {
                Ok(order.insert(TimelineOrder::placed(placed, recorded)).entry(recorded, event))
            }
            Next::Continues(order) => {
                // The sentence about an amendment compares the lines before and after the amendment.
                let entry = order.entry(recorded, event);
                order.evolve(event, recorded);
                Ok(entry)
            }
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

    fn placed(placed: &OrderPlaced, recorded: &Recorded) -> TimelineOrder {
        TimelineOrder {
            order_id: placed.order_id,
            currency: placed.currency,
            lines: placed.lines.iter().map(TimelineLine::of).collect(),
            version: recorded.version,
            incarnation: recorded.incarnation,
            position: recorded.position,
        }
    }

    fn entry(&self, recorded: &Recorded, event: &OrderEvent) -> TimelineEntry {
        TimelineEntry {
            id: recorded.id(),
            order_id: self.order_id,
            version: recorded.version,
            kind: recorded.event_type.clone(),
            text: text::describe(self, event),
            occurred_at: recorded.occurred_at(),
            incarnation: recorded.incarnation,
            position: recorded.position,
        }
    }

    fn evolve(&mut self, event: &OrderEvent, recorded: &Recorded) {
        match event {
            OrderEvent::LinesCancelled(e) => {
                for cancelled in &e.lines {
                    self.update(cancelled.line, |line| line.cancelled += cancelled.quantity);
                }
            }
            OrderEvent::Amended(e) => {
                for change in &e.changed {
                    self.update(change.line, |line| line.ordered = change.quantity);
                }
                self.lines.extend(e.added.iter().map(TimelineLine::of));
            }
            // An expired order has cancelled units, too, but cannot be amended.
            OrderEvent::Placed(_)
            | OrderEvent::PaymentAuthorized(_)
            | OrderEvent::PaymentCaptured(_)
            | OrderEvent::PaymentVoided(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::FulfilmentCreated(_)
            | OrderEvent::FulfilmentShipped(_)
            | OrderEvent::FulfilmentDelivered(_)
            | OrderEvent::FulfilmentCancelled(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::ReturnRequested(_)
            | OrderEvent::ReturnReceived(_)
            | OrderEvent::ReturnRejected(_)
            | OrderEvent::RefundRecorded(_)
            | OrderEvent::Held(_)
            | OrderEvent::HoldReleased(_)
            | OrderEvent::NoteAdded(_)
            | OrderEvent::Tagged(_)
            | OrderEvent::AddressesChanged(_)
            | OrderEvent::CustomerAssigned(_)
            | OrderEvent::PersonalDataErased(_)
            | OrderEvent::BackordersChanged(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Completed(_) => {}
        }
        self.advance_to(recorded);
    }

    fn update(&mut self, line: u32, change: impl FnOnce(&mut TimelineLine)) {
        if let Some(line) = (line as usize).checked_sub(1).and_then(|index| self.lines.get_mut(index)) {
            change(line);
        }
    }
}
