//! Assign unassigned units of a stock item to orders.

use events::OrderId;

use crate::decision::Decision;
use crate::order::backorders;
use crate::order::backorders::Changes;
use crate::reader::Reader;
use crate::stock::allocation::{append_changes, open};
use crate::stock::item::StockItem;

/// Assigns unassigned units on hand to the named orders, in the given order. Safety stock is not assigned.
pub(crate) fn allocate(item: &StockItem, orders: &[OrderId], reader: &Reader<'_>) -> Decision {
    let stream = item.stream();
    let level = reader.level(&stream);
    let orders = open(orders, reader);

    let counters = orders.iter().flat_map(|(_, order)| backorders::on_item(order, &stream));
    let waiting: i64 = counters.map(|line| i64::from(line.backordered)).sum();
    // Orders can have more backordered units than the stock item: the difference is assigned already, to the first
    // orders.
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
            // At most the counter of the line, so the number fits.
            changes.set(line, (backordered - known - given) as u32, -given);
        }
        append_changes(&changes, &mut events);
    }
    Ok(events)
}
