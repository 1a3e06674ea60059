//! Units on hand go to the orders that wait for them, first come, first served; where a count has shown that assigned units are
//! missing, orders give theirs back, the latest reservation first.
//!
//! The platform asks, and names the orders; what they and the stock item say decides. An order that does not wait any more, and a
//! stock item that has nothing to give, is nothing to do.

use events::OrderId;
use events::StreamId;
use events::order::progress::Lifecycle;

use super::reader::Reader;
use super::{Decision, NewEvent, backorders};
use crate::command::StockItem;
use crate::state::{Order, State};
use backorders::Changes;

/// Gives units that are assigned to nobody to the orders named, in their order. The safety stock stays.
pub(super) fn allocate(item: &StockItem, orders: &[OrderId], reader: &Reader<'_>) -> Decision {
    let stream = item.stream();
    let level = reader.level(&stream);
    let orders = open(orders, reader);

    let counters = orders.iter().flat_map(|(_, order)| backorders::on_item(order, &stream));
    let waiting: i64 = counters.map(|line| i64::from(line.backordered)).sum();
    // What orders count beyond the stock item is assigned to them already; the first to come were the first to be served.
    let mut out_of_date = (waiting - level.backordered).max(0);
    let mut free = level.assignable();
    let mut events = Vec::new();
    for (order_id, order) in orders {
        let mut changes = Changes::new(order_id, order);
        for line in backorders::on_item(order, &stream) {
            let backordered = i64::from(line.backordered);
            let known = backordered.min(out_of_date);
            let given = (backordered - known).min(free);
            (out_of_date, free) = (out_of_date - known, free - given);
            // No more than the line's own counter.
            changes.set(line, (backordered - known - given) as u32, -given);
        }
        said(&changes, &mut events);
    }
    Ok(events)
}

/// Takes units back from the orders named, in their order, until no assigned unit is missing; packed units stay packed.
pub(super) fn deallocate(item: &StockItem, orders: &[OrderId], reader: &Reader<'_>) -> Decision {
    let stream = item.stream();
    let mut missing = reader.level(&stream).shortage();
    let orders = open(orders, reader);
    let taken = orders
        .into_iter()
        .map(|(order_id, order)| backorders::take_back(order_id, order, &stream, &mut missing, reader));
    let taken: Vec<Changes<'_>> = taken.collect();
    let mut events = Vec::new();
    taken.iter().for_each(|changes| said(changes, &mut events));
    Ok(events)
}

/// Those of the orders that go on.
fn open<'w>(orders: &[OrderId], reader: &Reader<'w>) -> Vec<(OrderId, &'w Order)> {
    let found = orders.iter().filter_map(|order_id| match reader.state(&StreamId::order(*order_id)) {
        Some(State::Order(order)) if order.progress.lifecycle == Lifecycle::Open => Some((*order_id, &**order)),
        _ => None,
    });
    found.collect()
}

/// The stock item speaks first: it is what the command addresses.
fn said(changes: &Changes<'_>, events: &mut Vec<NewEvent>) {
    events.extend(changes.of_stock_items());
    events.extend(changes.of_order());
}
