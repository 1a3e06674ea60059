//! What an event changes in the sums of returns, at the instant of the event.

use chrono::{DateTime, Utc};
use events::order::progress::{Progress, Return};
use events::order::{Disposition, LineQuantity, OrderEvent, PartNo};
use events::{ChannelCode, Currency};
use serde::Serialize;

/// A change of the sums of returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnChange {
    /// Instant at which the event occurred.
    pub instant: DateTime<Utc>,
    /// Sales channel of the order.
    pub channel: ChannelCode,
    /// Currency of refunded amounts (ISO 4217).
    pub currency: Currency,
    /// Change of the sums.
    pub measures: ReturnMeasures,
}

/// Sums of returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ReturnMeasures {
    /// Requested returns.
    pub requested: i64,
    /// Receipts; a return whose units arrive in two parcels has two receipts.
    pub receipts: i64,
    /// Rejected returns, including those of which only the remaining units were rejected.
    pub rejected: i64,
    /// Requested units.
    pub units_requested: i64,
    /// Received units that can be sold again and were added to stock.
    pub units_restocked: i64,
    /// Units that arrived damaged.
    pub units_damaged: i64,
    /// Units that did not arrive.
    pub units_lost: i64,
    /// Units that were rejected.
    pub units_rejected: i64,
    /// Refunds for returns.
    pub refunds: i64,
    /// Amount refunded for returns, in minor units.
    pub refunded: i64,
}

/// Received units of one return, by condition.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReceivedUnits {
    restocked: i64,
    damaged: i64,
    lost: i64,
}

/// The units of the return that an event receives, as received before the event.
pub(super) fn received_units(order: &Progress, event: &OrderEvent) -> ReceivedUnits {
    match event {
        OrderEvent::ReturnReceived(event) => received(order, event.return_no),
        _ => ReceivedUnits::default(),
    }
}

fn received(order: &Progress, return_no: PartNo) -> ReceivedUnits {
    let Some(found) = order.find_return(return_no) else { return ReceivedUnits::default() };
    let units = |condition: Disposition| {
        let in_condition = found.received.iter().filter(|units| units.disposition == condition);
        in_condition.map(|units| i64::from(units.quantity)).sum()
    };
    ReceivedUnits {
        restocked: units(Disposition::Restock),
        damaged: units(Disposition::Damaged),
        lost: units(Disposition::Lost),
    }
}

impl ReturnMeasures {
    /// The change that an event makes; `order` is the order after the event, `before` the units that its return had
    /// received before. `None` for events that concern no return.
    pub(super) fn of(event: &OrderEvent, order: &Progress, before: ReceivedUnits) -> Option<ReturnMeasures> {
        let none = ReturnMeasures::default();
        match event {
            OrderEvent::ReturnRequested(event) => {
                Some(ReturnMeasures { requested: 1, units_requested: quantity(&event.lines), ..none })
            }
            OrderEvent::ReturnReceived(event) => {
                let after = received(order, event.return_no);
                Some(ReturnMeasures {
                    receipts: 1,
                    units_restocked: after.restocked - before.restocked,
                    units_damaged: after.damaged - before.damaged,
                    units_lost: after.lost - before.lost,
                    ..none
                })
            }
            OrderEvent::ReturnRejected(event) => {
                let units_rejected = order.find_return(event.return_no).map_or(0, not_received);
                Some(ReturnMeasures { rejected: 1, units_rejected, ..none })
            }
            OrderEvent::RefundRecorded(event) => {
                event.return_no.map(|_| ReturnMeasures { refunds: 1, refunded: event.amount.0, ..none })
            }
            _ => None,
        }
    }

    /// The sums of both.
    #[must_use]
    pub fn plus(self, other: ReturnMeasures) -> ReturnMeasures {
        ReturnMeasures {
            requested: self.requested + other.requested,
            receipts: self.receipts + other.receipts,
            rejected: self.rejected + other.rejected,
            units_requested: self.units_requested + other.units_requested,
            units_restocked: self.units_restocked + other.units_restocked,
            units_damaged: self.units_damaged + other.units_damaged,
            units_lost: self.units_lost + other.units_lost,
            units_rejected: self.units_rejected + other.units_rejected,
            refunds: self.refunds + other.refunds,
            // Saturating: no real sum reaches the limit, and one absurd amount must not stop a projection.
            refunded: self.refunded.saturating_add(other.refunded),
        }
    }
}

fn quantity(lines: &[LineQuantity]) -> i64 {
    lines.iter().map(|units| i64::from(units.quantity)).sum()
}

fn not_received(found: &Return) -> i64 {
    let received: i64 = found.received.iter().map(|units| i64::from(units.quantity)).sum();
    (quantity(&found.lines) - received).max(0)
}
