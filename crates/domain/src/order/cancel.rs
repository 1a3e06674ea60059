//! Cancel units of an order that are not shipped, or the whole order. If lines are named, only units that are not
//! packed are cancelled, because a packed unit may share its parcel with other units. A cancellation of the whole order
//! also cancels the fulfilments that are not shipped.

use chrono::{DateTime, Utc};
use events::order::progress::{Lifecycle, LineProgress, Progress};
use events::order::{CancelledLine, LineQuantity, OrderCancelled, OrderEvent, OrderLinesCancelled, RemainingLine};
use events::{OrderId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::backorders::Backorders;
use crate::order::state::Order;
use crate::order::{backorders, fulfilment, guards, units};
use crate::reader::Reader;
use crate::rejection::{Obstacle, Purpose, Rejection};
use crate::value::instant;
use crate::value::lines::{Lines, Units};
use crate::value::text::Reason;

/// A cancellation of order lines or of a whole order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Reason for the cancellation.
    pub reason: Personal<Reason>,
    /// Units to cancel; all units that are not shipped if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines<Units>>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn cancel(order_id: OrderId, body: &CancelOrder, reader: &Reader<'_>) -> Decision {
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
        events.extend(fulfilment::open_cancelled(&stream, progress));
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
    events.extend(backorders::released_events(released));
    Ok(events)
}

/// The units to cancel; units that cannot be cancelled are rejected.
fn units(body: &CancelOrder, order: &Order) -> Result<Vec<LineQuantity>, Rejection> {
    match &body.lines {
        Some(lines) => units::named(lines, &order.progress, Purpose::Cancellation),
        None => Ok(units::all(&order.progress, units::unshipped)),
    }
}

/// Whether a cancellation of the whole order repeats an earlier one: the order is completed, and units of it were
/// cancelled.
fn is_rest_cancelled(body: &CancelOrder, progress: &Progress) -> bool {
    body.lines.is_none()
        && progress.lifecycle == Lifecycle::Completed
        && progress.lines.iter().any(|line| line.cancelled > 0)
}

/// The cancelled units, with the remaining amounts of their lines: those of an order of the remaining units.
/// Backordered units are cancelled first.
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

/// No effect if units were cancelled earlier; a rejection if all units are shipped.
fn nothing_to_cancel(progress: &Progress) -> Decision {
    match progress.lines.iter().any(|line| line.cancelled > 0) {
        true => Ok(vec![]),
        false => Err(guards::forbidden(progress, Obstacle::AllShipped)),
    }
}

/// Units ordered and not cancelled, including shipped units: an order of which a unit is shipped is never cancelled as
/// a whole.
fn wanted(progress: &Progress) -> u64 {
    progress.lines.iter().map(LineProgress::wanted).map(u64::from).sum()
}

#[cfg(test)]
mod tests;
