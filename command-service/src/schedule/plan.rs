//! What time will make of a stream: which events make one of the platform's own commands due, and which make an end of it. Pure.
//!
//! An event alone decides, without the state of its stream: the [`rules`](domain::rules) know that, and are asked when the time
//! has come. Who is asked too early says no and is asked again after the stream's next event that may change the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::hold::HoldEvent;
use events::order::OrderEvent;
use events::stock::StockEvent;
use events::{DecodeError, Event, Position, Recorded, StreamId};
use uuid::Uuid;

pub use waiting::{Units, Wait, Waiting};

mod waiting;

/// A command that time gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An order was not paid in time.
    ExpireOrder,
    /// A hold's time is over.
    ExpireHold,
    /// Everything is delivered or cancelled, and nothing is owed.
    CompleteOrder,
    /// Units of a stock item may be free for orders that wait, or missing.
    AllocateStock,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::ExpireOrder, Kind::ExpireHold, Kind::CompleteOrder, Kind::AllocateStock];

    /// The command's name; also what stands in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::ExpireOrder => "expire_order",
            Kind::ExpireHold => "expire_hold",
            Kind::CompleteOrder => "complete_order",
            Kind::AllocateStock => "allocate_stock",
        }
    }

    /// The kind of this name.
    pub fn find(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// How long the platform waits where an event does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// From the last thing that can complete an order to its completion.
    pub complete_after: Duration,
    /// From the recording of an order whose payment was due before that: what else is known of it (its payments) follows.
    pub history_grace: Duration,
}

/// What an event does to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The rules are to be asked from this instant on, or from the later one that is planned already.
    Due(DateTime<Utc>),
    /// The same, but only where they have been asked or will be.
    Again(DateTime<Utc>),
    /// The same, but only where orders wait for units of the stream.
    IfWaiting(DateTime<Utc>),
    /// The rules need not be asked any more.
    Over,
}

impl Change {
    /// Both changes in one.
    fn then(self, next: Change) -> Change {
        match (self, next) {
            (_, Change::Over) | (Change::Over, Change::Again(_)) => Change::Over,
            (Change::Over, Change::Due(_) | Change::IfWaiting(_)) => next,
            (Change::Due(a), Change::Due(b) | Change::Again(b) | Change::IfWaiting(b))
            | (Change::Again(a) | Change::IfWaiting(a), Change::Due(b)) => Change::Due(a.max(b)),
            (Change::Again(a), Change::Again(b)) => Change::Again(a.max(b)),
            (Change::IfWaiting(a), Change::IfWaiting(b) | Change::Again(b))
            | (Change::Again(a), Change::IfWaiting(b)) => Change::IfWaiting(a.max(b)),
        }
    }
}

/// A change and the event that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What to do.
    pub change: Change,
    /// Position of the event.
    pub position: Position,
    /// Id of the event.
    pub cause: Uuid,
}

/// The net changes of a stretch of the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// One per stream and kind.
    pub entries: BTreeMap<(StreamId, Kind), Planned>,
    /// Orders that wait for units of stock items, or do not any more.
    pub waiting: Waiting,
}

impl Plan {
    /// Takes the next event of the log into account.
    pub fn add(&mut self, recorded: &Recorded, waits: Waits) -> Result<(), DecodeError> {
        let event = recorded.decode()?;
        let (position, cause) = (recorded.position, recorded.id().uuid());
        for (kind, change) in changes(recorded, &event, waits) {
            let planned =
                self.entries.entry((recorded.stream.clone(), kind)).or_insert(Planned { change, position, cause });
            *planned = Planned { change: planned.change.then(change), position, cause };
        }
        self.waiting.add(recorded, &event);
        Ok(())
    }
}

/// Raised with whatever changes what is planned: the first instance of a new build then makes the plan anew, and older ones,
/// which would miss what they do not know, leave it alone.
pub const EDITION: i32 = 2;

/// The events that change anything; no others need be read.
pub const EVENT_TYPES: [&str; 25] = [
    "OrderPlaced",
    "PaymentCaptured",
    "PaymentVoided",
    "PaymentFailed",
    "FulfilmentDelivered",
    "ReturnReceived",
    "ReturnRejected",
    "OrderAmended",
    "OrderLinesCancelled",
    "OrderCancelled",
    "OrderExpired",
    "OrderCompleted",
    "HoldPlaced",
    "HoldReleased",
    "HoldExpired",
    "HoldConsumed",
    "StockReceived",
    "StockAdjusted",
    "StockReserved",
    "StockReleased",
    "StockRestocked",
    "StockHoldReleased",
    "StockTransferredIn",
    "StockPolicyChanged",
    "StockBackordersChanged",
];

/// Of these types, only events with one of these texts: an order whose payment is due or that waits for units, and a
/// reservation with any unit that is not on hand.
pub const ONLY_WITH: &[(&str, &str)] = &[
    ("OrderPlaced", "\"payment_due\":"),
    ("OrderPlaced", "\"backordered\":"),
    ("StockReserved", "\"backordered\":1"),
    ("StockReserved", "\"backordered\":2"),
    ("StockReserved", "\"backordered\":3"),
    ("StockReserved", "\"backordered\":4"),
    ("StockReserved", "\"backordered\":5"),
    ("StockReserved", "\"backordered\":6"),
    ("StockReserved", "\"backordered\":7"),
    ("StockReserved", "\"backordered\":8"),
    ("StockReserved", "\"backordered\":9"),
];

fn changes(recorded: &Recorded, event: &Event, waits: Waits) -> Vec<(Kind, Change)> {
    match event {
        Event::Order(event) => of_order(recorded, event, waits),
        Event::Hold(event) => vec![(Kind::ExpireHold, of_hold(event))],
        Event::Stock(event) => {
            of_stock(recorded, event).map(|change| (Kind::AllocateStock, change)).into_iter().collect()
        }
        Event::Product(_) | Event::Customer(_) | Event::Email(_) => Vec::new(),
    }
}

fn of_hold(event: &HoldEvent) -> Change {
    match event {
        HoldEvent::Placed(e) => Change::Due(e.expires_at),
        HoldEvent::Released(_) | HoldEvent::Expired(_) | HoldEvent::Consumed(_) => Change::Over,
    }
}

/// What may free units is worth a look where orders wait; what a count takes away may be assigned, and is worth one anyway.
fn of_stock(recorded: &Recorded, event: &StockEvent) -> Option<Change> {
    let now = recorded.recorded_at;
    match event {
        StockEvent::Adjusted(e) if e.delta < 0 => Some(Change::Due(now)),
        StockEvent::Received(_)
        | StockEvent::Adjusted(_)
        | StockEvent::Released(_)
        | StockEvent::Restocked(_)
        | StockEvent::HoldReleased(_)
        | StockEvent::TransferredIn(_)
        | StockEvent::PolicyChanged(_) => Some(Change::IfWaiting(now)),
        StockEvent::Reserved(_)
        | StockEvent::Shipped(_)
        | StockEvent::Held(_)
        | StockEvent::TransferredOut(_)
        | StockEvent::BackordersChanged(_) => None,
    }
}

/// Only a delivery can be the beginning of a completion, so what else may be the last thing that was missing (money, a return)
/// costs nothing before that. A paid order is asked about once, when its payment would have been due.
fn of_order(recorded: &Recorded, event: &OrderEvent, waits: Waits) -> Vec<(Kind, Change)> {
    let now = recorded.occurred_at();
    let settled = later(now, waits.complete_after);
    match event {
        OrderEvent::Placed(e) => {
            let due = e.payment_due.map(|due| payment_due(due, recorded.recorded_at, waits));
            due.map(|due| (Kind::ExpireOrder, Change::Due(due))).into_iter().collect()
        }
        OrderEvent::FulfilmentDelivered(_) => vec![(Kind::CompleteOrder, Change::Due(settled))],
        OrderEvent::PaymentCaptured(_)
        | OrderEvent::ReturnReceived(_)
        | OrderEvent::ReturnRejected(_)
        | OrderEvent::LinesCancelled(_) => vec![(Kind::CompleteOrder, Change::Again(settled))],
        OrderEvent::PaymentVoided(_) | OrderEvent::PaymentFailed(_) => vec![(Kind::ExpireOrder, Change::Again(now))],
        // Lines that are gone may be what was missing; for lines that are new the promised money may not do.
        OrderEvent::Amended(_) => {
            vec![(Kind::ExpireOrder, Change::Again(now)), (Kind::CompleteOrder, Change::Again(settled))]
        }
        OrderEvent::Cancelled(_) | OrderEvent::Expired(_) | OrderEvent::Completed(_) => {
            vec![(Kind::ExpireOrder, Change::Over), (Kind::CompleteOrder, Change::Over)]
        }
        OrderEvent::PaymentAuthorized(_)
        | OrderEvent::FulfilmentCreated(_)
        | OrderEvent::FulfilmentShipped(_)
        | OrderEvent::FulfilmentCancelled(_)
        | OrderEvent::ReturnRequested(_)
        | OrderEvent::RefundRecorded(_)
        | OrderEvent::BackordersChanged(_)
        | OrderEvent::Held(_)
        | OrderEvent::HoldReleased(_)
        | OrderEvent::NoteAdded(_)
        | OrderEvent::Tagged(_)
        | OrderEvent::AddressesChanged(_)
        | OrderEvent::CustomerAssigned(_)
        | OrderEvent::PersonalDataErased(_) => Vec::new(),
    }
}

/// An order that was recorded after its payment was due is history that is brought in: its payment may be the next line.
fn payment_due(due: DateTime<Utc>, recorded_at: DateTime<Utc>, waits: Waits) -> DateTime<Utc> {
    if due > recorded_at { due } else { later(recorded_at, waits.history_grace) }
}

/// Beyond the end of time is its end.
fn later(instant: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    let wait = chrono::TimeDelta::from_std(wait).unwrap_or(chrono::TimeDelta::MAX);
    instant.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
