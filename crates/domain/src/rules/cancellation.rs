//! Giving up units of an order that have not left.
//!
//! Units in an open fulfilment: who cancels the whole order wants none of it, so open fulfilments are cancelled along.
//! Who cancels lines gets those that are not packed; a packed unit may share its parcel with units that are wanted, so
//! its fulfilment has to be cancelled first, by somebody who knows the parcel.

use events::OrderId;
use events::order::progress::{FulfilmentState, Lifecycle, LineProgress, Progress};
use events::order::{CancelledLine, LineQuantity, OrderCancelled, OrderEvent, OrderLinesCancelled, RemainingLine};
use events::stock::StockEvent;

use super::backorders::Backorders;
use super::reader::Reader;
use super::{Decision, NewEvent, fulfilment, guards, units};
use crate::command::CancelOrder;
use crate::rejection::{Obstacle, Purpose, Rejection};
use crate::state::Order;

pub(super) fn cancel(order_id: OrderId, body: &CancelOrder, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let progress = &order.progress;
    if progress.lifecycle == Lifecycle::Cancelled || is_rest_cancelled(body, progress) {
        return Ok(vec![]);
    }
    guards::open(progress)?;
    let lines = units(body, order)?;
    if lines.is_empty() {
        return nothing_to_cancel(progress);
    }
    let backorders = Backorders::of_lines(order, &lines, reader);
    let released = backorders.release(order_id, order, &lines);

    let reason = body.reason.expose().as_str();
    let mut events = Vec::new();
    if body.lines.is_none() {
        let open = progress.fulfilments.iter().filter(|fulfilment| fulfilment.state == FulfilmentState::Created);
        events.extend(open.map(|open| fulfilment::cancelled(&stream, open.fulfilment)));
    }
    let released_units: u64 = lines.iter().map(|units| u64::from(units.quantity)).sum();
    let is_nothing_left = released_units == wanted(progress);
    let lines = remaining(progress, &backorders, &lines)?;
    let cancelled = OrderLinesCancelled { lines, reason: reason.into() };
    events.push(NewEvent::new(&stream, OrderEvent::LinesCancelled(cancelled)));
    if is_nothing_left {
        let cancelled = OrderCancelled { reason: reason.into() };
        events.push(NewEvent::new(&stream, OrderEvent::Cancelled(cancelled)));
    }
    let released = released.into_iter().map(|(stream, it)| NewEvent::new(&stream, StockEvent::Released(it)));
    events.extend(released);
    Ok(events)
}

/// The units that are given up, none beyond what may be.
pub(super) fn units(body: &CancelOrder, order: &Order) -> Result<Vec<LineQuantity>, Rejection> {
    match &body.lines {
        Some(lines) => units::named(lines, &order.progress, Purpose::Cancellation),
        None => Ok(units::all(&order.progress, units::unshipped)),
    }
}

/// The whole order was to be cancelled, and all that could be was: a completed order has nothing left to cancel.
fn is_rest_cancelled(body: &CancelOrder, progress: &Progress) -> bool {
    body.lines.is_none()
        && progress.lifecycle == Lifecycle::Completed
        && progress.lines.iter().any(|line| line.cancelled > 0)
}

/// The cancelled units with what is left of their lines: priced as if no more had been ordered. Units that are not on hand are
/// cancelled first.
fn remaining(
    progress: &Progress,
    backorders: &Backorders,
    cancelled: &[LineQuantity],
) -> Result<Vec<CancelledLine>, Rejection> {
    let lines = cancelled.iter().filter_map(|units| Some((progress.line(units.line)?, units.quantity)));
    let remaining = |(line, quantity): (&LineProgress, u32)| {
        let amounts = line.amounts(line.wanted() - quantity)?;
        let backordered = backorders.of(line.line).saturating_sub(quantity);
        Ok(CancelledLine { line: line.line, quantity, remaining: Some(RemainingLine { amounts, backordered }) })
    };
    lines.map(remaining).collect()
}

/// What could be given up was given up before, or everything is shipped.
fn nothing_to_cancel(progress: &Progress) -> Decision {
    match progress.lines.iter().any(|line| line.cancelled > 0) {
        true => Ok(vec![]),
        false => Err(guards::forbidden(progress, Obstacle::AllShipped)),
    }
}

/// Units wanted, shipped ones too: as long as one is shipped, something is left of the order.
fn wanted(progress: &Progress) -> u64 {
    progress.lines.iter().map(LineProgress::wanted).map(u64::from).sum()
}
