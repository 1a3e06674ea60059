//! The sums of an order by line, and the difference that an event makes.

use std::collections::BTreeMap;

use events::order::OrderEvent;
use events::order::progress::{Lifecycle, LineProgress, Progress};
use events::{Minor, Sku};

use super::measures::SalesMeasures;
use super::refund;

/// The sums of an order before an event.
#[derive(Debug)]
pub(super) struct OrderSums {
    lines: Vec<LineSums>,
    /// Shipping that is due.
    shipping: i64,
    /// Refunds without repayments.
    refunded: i64,
}

/// The sums of an order line.
#[derive(Debug, Clone, Copy, Default)]
struct LineSums {
    ordered: u32,
    cancelled: u32,
    returned: u32,
    /// Amount of the units that are not cancelled.
    due: i64,
    /// Amount of the returned units: their share of `due`. If all units are returned, it is exactly the amount due.
    returned_amount: i64,
}

pub(super) fn of(order: &Progress) -> OrderSums {
    let lines = order.lines.iter().map(|line| LineSums::of(line, order.lifecycle)).collect();
    OrderSums { lines, shipping: shipping(order), refunded: refunded(order) }
}

impl LineSums {
    fn of(line: &LineProgress, lifecycle: Lifecycle) -> LineSums {
        let due = if has_ended(lifecycle) { Minor::ZERO } else { line.due };
        let returned = due.scaled(line.returned.into(), line.wanted().into());
        LineSums {
            ordered: line.ordered,
            cancelled: line.cancelled,
            returned: line.returned,
            due: due.0,
            // A share of an amount is too large only if the amount itself is too large.
            returned_amount: returned.unwrap_or(due).0,
        }
    }
}

/// Nothing is due for an order that was cancelled or has expired, as in [`Progress::due`].
fn has_ended(lifecycle: Lifecycle) -> bool {
    matches!(lifecycle, Lifecycle::Cancelled | Lifecycle::Expired)
}

fn shipping(order: &Progress) -> i64 {
    if has_ended(order.lifecycle) { 0 } else { order.shipping.0 }
}

fn refunded(order: &Progress) -> i64 {
    order.payments.iter().map(|payment| payment.refunded.0 - payment.repaid.0).sum()
}

/// The difference that `event` makes to the sums `before`, by SKU; without a SKU for the order as a whole. `order` is the
/// order after the event. Empty if the event makes no difference.
pub(super) fn difference(
    before: &OrderSums,
    order: &Progress,
    event: &OrderEvent,
) -> Vec<(Option<Sku>, SalesMeasures)> {
    let after = of(order);
    let mut by_sku: BTreeMap<Option<Sku>, SalesMeasures> = BTreeMap::new();
    let mut add = |sku: Option<&Sku>, measures: SalesMeasures| {
        if !measures.is_zero() {
            let sum = by_sku.entry(sku.cloned()).or_default();
            *sum = sum.plus(measures);
        }
    };

    for (index, (line, after)) in order.lines.iter().zip(&after.lines).enumerate() {
        let before = before.lines.get(index).copied().unwrap_or_default();
        add(Some(&line.sku), line_difference(before, *after, event));
    }
    add(None, due_difference(after.shipping - before.shipping, event));
    for (sku, refunded) in refund::by_sku(order, event, after.refunded - before.refunded) {
        add(sku, SalesMeasures { refunded, ..SalesMeasures::default() });
    }
    if let OrderEvent::Placed(_) = event {
        add(None, SalesMeasures { orders: 1, ..SalesMeasures::default() });
    }
    by_sku.into_iter().collect()
}

fn line_difference(before: LineSums, after: LineSums, event: &OrderEvent) -> SalesMeasures {
    let units = |after: u32, before: u32| i64::from(after) - i64::from(before);
    // The share of returned units changes with the amount due, too. Only the receipt of a return returns units.
    let returned = match event {
        OrderEvent::ReturnReceived(_) => after.returned_amount - before.returned_amount,
        _ => 0,
    };
    SalesMeasures {
        units_ordered: units(after.ordered, before.ordered),
        units_cancelled: units(after.cancelled, before.cancelled),
        units_returned: units(after.returned, before.returned),
        returned,
        ..due_difference(after.due - before.due, event)
    }
}

/// A change of the amount due: placing and amending change what is ordered, everything else cancels.
fn due_difference(difference: i64, event: &OrderEvent) -> SalesMeasures {
    match event {
        OrderEvent::Placed(_) | OrderEvent::Amended(_) => {
            SalesMeasures { ordered: difference, ..SalesMeasures::default() }
        }
        _ => SalesMeasures { cancelled: -difference, ..SalesMeasures::default() },
    }
}
