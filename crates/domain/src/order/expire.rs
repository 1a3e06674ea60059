//! Expire an order that is unpaid at its `payment_due`. Issued by the platform; a command that no longer applies has no
//! effect.

use events::OrderId;
use events::order::progress::{Lifecycle, PaymentStatus, Progress};
use events::order::{OrderEvent, OrderExpired};

use crate::decision::{Context, Decision, NewEvent};
use crate::order::{backorders, fulfilment, units};
use crate::reader::Reader;

pub(crate) fn expire(order_id: OrderId, context: &Context, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let is_due = order.payment_due.is_some_and(|due| due <= context.now);
    if !is_due || !expires_if_due(&order.progress) {
        return Ok(vec![]);
    }
    let released = backorders::released(order_id, order, &units::all(&order.progress, units::unshipped), reader);
    let mut events: Vec<NewEvent> = fulfilment::open_cancelled(&stream, &order.progress).collect();
    events.push(NewEvent::new(&stream, OrderEvent::Expired(OrderExpired {})));
    events.extend(released);
    Ok(events)
}

/// Whether the order expires when its payment is due: the order is open and unpaid, and no unit is shipped, because
/// shipped units are owed. An authorization of the whole amount counts as paid; an authorization of a part of it does
/// not.
fn expires_if_due(progress: &Progress) -> bool {
    progress.lifecycle == Lifecycle::Open
        && progress.payment_status() == PaymentStatus::Unpaid
        && progress.lines.iter().all(|line| line.shipped == 0)
}

#[cfg(test)]
mod tests;
