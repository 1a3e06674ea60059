//! Scheduling rules: which events schedule, reschedule and remove which commands. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::order::OrderEvent;
use events::stock::StockEvent;
use events::stock_hold::StockHoldEvent;
use events::{Event, Recorded};

use super::action::Action;
use super::command::ScheduledCommand;
use super::config::Delays;
use crate::log::scan::PayloadText;

/// Edition of the scheduling rules. It must be incremented with every change of the rules: the first instance of the new release then
/// rebuilds the schedule, and instances of older releases, which do not know the new rules, stop changing it.
pub const EDITION: i32 = 2;

/// Types of the events that change the schedule. Other events are not read.
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

/// Of these event types, only some events are read: orders with a payment deadline or with backordered units, and reservations
/// unless they say that no unit is backordered.
pub const PAYLOADS: &[(&str, PayloadText)] = &[
    ("OrderPlaced", PayloadText::ContainsAny(&["\"payment_due\":", "\"backordered\":"])),
    ("StockReserved", PayloadText::Lacks("\"backordered\":0")),
];

/// The actions of an event.
pub(super) fn actions(recorded: &Recorded, event: &Event, delays: Delays) -> Vec<(ScheduledCommand, Action)> {
    match event {
        Event::Order(event) => order_actions(recorded, event, delays),
        Event::StockHold(event) => vec![(ScheduledCommand::ExpireStockHold, hold_action(event))],
        Event::Stock(event) => {
            stock_action(recorded, event).map(|action| (ScheduledCommand::AllocateStock, action)).into_iter().collect()
        }
        Event::Product(_) | Event::Customer(_) | Event::Email(_) => Vec::new(),
    }
}

fn hold_action(event: &StockHoldEvent) -> Action {
    match event {
        StockHoldEvent::Placed(e) => Action::Schedule(e.expires_at),
        StockHoldEvent::Released(_) | StockHoldEvent::Expired(_) | StockHoldEvent::Consumed(_) => Action::Remove,
    }
}

/// Events that can free units schedule an allocation if orders have backordered units. A negative adjustment always schedules an
/// allocation, because the missing units may be allocated.
fn stock_action(recorded: &Recorded, event: &StockEvent) -> Option<Action> {
    let now = recorded.recorded_at;
    match event {
        StockEvent::Adjusted(e) if e.delta < 0 => Some(Action::Schedule(now)),
        StockEvent::Received(_)
        | StockEvent::Adjusted(_)
        | StockEvent::Released(_)
        | StockEvent::Restocked(_)
        | StockEvent::HoldReleased(_)
        | StockEvent::TransferredIn(_)
        | StockEvent::PolicyChanged(_) => Some(Action::ScheduleIfBackordered(now)),
        StockEvent::Reserved(_)
        | StockEvent::Shipped(_)
        | StockEvent::Held(_)
        | StockEvent::TransferredOut(_)
        | StockEvent::BackordersChanged(_) => None,
    }
}

/// A completion is first scheduled by a delivery; other events that can complete an order (payments, returns) only reschedule it. The
/// expiry of a paid order is submitted once, at the payment deadline, and has no effect.
fn order_actions(recorded: &Recorded, event: &OrderEvent, delays: Delays) -> Vec<(ScheduledCommand, Action)> {
    let now = recorded.occurred_at();
    let complete_at = later(now, delays.complete_after);
    match event {
        OrderEvent::Placed(e) => {
            let due = e.payment_due.map(|due| payment_due(due, recorded.recorded_at, delays));
            due.map(|due| (ScheduledCommand::ExpireOrder, Action::Schedule(due))).into_iter().collect()
        }
        OrderEvent::FulfilmentDelivered(_) => vec![(ScheduledCommand::CompleteOrder, Action::Schedule(complete_at))],
        OrderEvent::PaymentCaptured(_)
        | OrderEvent::ReturnReceived(_)
        | OrderEvent::ReturnRejected(_)
        | OrderEvent::LinesCancelled(_) => vec![(ScheduledCommand::CompleteOrder, Action::Reschedule(complete_at))],
        OrderEvent::PaymentVoided(_) | OrderEvent::PaymentFailed(_) => {
            vec![(ScheduledCommand::ExpireOrder, Action::Reschedule(now))]
        }
        // Removed lines may complete the order. For added lines the authorized payment may not suffice.
        OrderEvent::Amended(_) => {
            vec![
                (ScheduledCommand::ExpireOrder, Action::Reschedule(now)),
                (ScheduledCommand::CompleteOrder, Action::Reschedule(complete_at)),
            ]
        }
        OrderEvent::Cancelled(_) | OrderEvent::Expired(_) | OrderEvent::Completed(_) => {
            vec![(ScheduledCommand::ExpireOrder, Action::Remove), (ScheduledCommand::CompleteOrder, Action::Remove)]
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

/// An order that was recorded after its payment deadline is an imported order, whose payment may be imported next.
fn payment_due(due: DateTime<Utc>, recorded_at: DateTime<Utc>, delays: Delays) -> DateTime<Utc> {
    if due > recorded_at { due } else { later(recorded_at, delays.history_grace) }
}

/// `instant` plus `delay`, at most the maximum instant.
pub(super) fn later(instant: DateTime<Utc>, delay: Duration) -> DateTime<Utc> {
    let delay = chrono::TimeDelta::from_std(delay).unwrap_or(chrono::TimeDelta::MAX);
    instant.checked_add_signed(delay).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
