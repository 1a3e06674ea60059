//! Distributes a refund for a return over the SKUs of the return.

use std::collections::BTreeMap;

use events::order::progress::{Progress, Return};
use events::order::{LineNo, OrderEvent};
use events::{Minor, Sku};

/// The parts of a refund by SKU, which add up to `refunded`; without a SKU if the refund is not for a return.
pub(super) fn by_sku<'o>(order: &'o Progress, event: &OrderEvent, refunded: i64) -> Vec<(Option<&'o Sku>, i64)> {
    let OrderEvent::RefundRecorded(refund) = event else { return vec![(None, refunded)] };
    let found = refund.return_no.and_then(|return_no| order.find_return(return_no));
    let lines = found.map(|found| returned_lines(order, found)).unwrap_or_default();
    if lines.is_empty() {
        return vec![(None, refunded)];
    }
    let amounts: Vec<Minor> = lines.iter().map(|(_, amount)| *amount).collect();
    let parts = Minor(refunded).allocate(&amounts);
    lines.into_iter().zip(parts).map(|((sku, _), part)| (Some(sku), part.0)).collect()
}

/// The lines of a return with the amounts of their units: of the received units, or of the requested units before the
/// first receipt.
fn returned_lines<'o>(order: &'o Progress, found: &Return) -> Vec<(&'o Sku, Minor)> {
    let requested = found.lines.iter().map(|units| (units.line, units.quantity));
    let received = found.received.iter().map(|units| (units.line, units.quantity));
    let units = if found.received.is_empty() { by_line(requested) } else { by_line(received) };
    let amount = |(line, quantity): (LineNo, u32)| {
        let line = order.line(line)?;
        let amount = line.due.scaled(quantity.into(), line.wanted().into()).unwrap_or(line.due);
        // A weight must not be negative.
        Some((&line.sku, amount.max(Minor::ZERO)))
    };
    units.into_iter().filter_map(amount).collect()
}

/// Units of a line in different conditions are added, so that they are rounded together.
fn by_line(units: impl Iterator<Item = (LineNo, u32)>) -> BTreeMap<LineNo, u32> {
    let mut by_line = BTreeMap::new();
    for (line, quantity) in units {
        *by_line.entry(line).or_default() += quantity;
    }
    by_line
}
