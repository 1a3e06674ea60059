//! What happens to orders because of time: those that nobody paid expire, those with nothing left to do are completed.
//!
//! The platform asks; whatever does not apply (any more) is nothing to do, and no rejection.

use events::order::progress::{FulfilmentState, Lifecycle, LineProgress, PaymentStatus, Progress, ReturnState};
use events::order::{LineQuantity, OrderCompleted, OrderEvent, OrderExpired};
use events::{Minor, OrderId};

use super::reader::Reader;
use super::{Context, Decision, NewEvent, backorders, fulfilment, units};
use crate::state::Order;

pub(super) fn expire(order_id: OrderId, context: &Context, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let is_due = order.payment_due.is_some_and(|due| due <= context.now);
    if !is_due || !is_forfeit(&order.progress) {
        return Ok(vec![]);
    }
    let released = backorders::released(order_id, order, &units(order), reader)?;
    let open = order.progress.fulfilments.iter().filter(|fulfilment| fulfilment.state == FulfilmentState::Created);
    let mut events: Vec<NewEvent> = open.map(|open| fulfilment::cancelled(&stream, open.fulfilment)).collect();
    events.push(NewEvent::new(&stream, OrderEvent::Expired(OrderExpired {})));
    events.extend(released);
    Ok(events)
}

pub(super) fn complete(order_id: OrderId, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    match is_done(&order.progress) {
        true => Ok(vec![NewEvent::new(&stream, OrderEvent::Completed(OrderCompleted {}))]),
        false => Ok(vec![]),
    }
}

/// The units that an order which expires gives back.
pub(super) fn units(order: &Order) -> Vec<LineQuantity> {
    units::all(&order.progress, units::unshipped)
}

/// Open, and nothing was paid: a promise of the whole sum counts as paid in time, a part of it does not. Once a unit has
/// left, money is owed for it, and the order stays.
fn is_forfeit(progress: &Progress) -> bool {
    progress.lifecycle == Lifecycle::Open
        && progress.payment_status() == PaymentStatus::Unpaid
        && progress.lines.iter().all(|line| line.shipped == 0)
}

/// Open, everything that is wanted has arrived, nothing is owed and nothing is on its way back.
fn is_done(progress: &Progress) -> bool {
    let has_arrived = |line: &LineProgress| line.delivered == line.wanted();
    progress.lifecycle == Lifecycle::Open
        && progress.lines.iter().all(has_arrived)
        && progress.owed() == Minor::ZERO
        && progress.returns.iter().all(|it| it.state != ReturnState::Requested)
}
