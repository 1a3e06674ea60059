//! Expire an order that is unpaid at its `payment_due`. Given by the platform; a command that no longer applies has no effect.

use events::OrderId;
use events::order::progress::{FulfilmentState, Lifecycle, PaymentStatus, Progress};
use events::order::{LineQuantity, OrderEvent, OrderExpired};

use crate::decision::{Context, Decision, NewEvent};
use crate::order::state::Order;
use crate::order::{backorders, fulfilment, units};
use crate::reader::Reader;

pub(crate) fn expire(order_id: OrderId, context: &Context, reader: &Reader<'_>) -> Decision {
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

/// The units that an order which expires gives back.
pub(crate) fn units(order: &Order) -> Vec<LineQuantity> {
    units::all(&order.progress, units::unshipped)
}

/// Open, and nothing was paid: a promise of the whole sum counts as paid in time, a part of it does not. Once a unit has
/// left, money is owed for it, and the order stays.
fn is_forfeit(progress: &Progress) -> bool {
    progress.lifecycle == Lifecycle::Open
        && progress.payment_status() == PaymentStatus::Unpaid
        && progress.lines.iter().all(|line| line.shipped == 0)
}

#[cfg(test)]
mod tests;
