//! Take assigned units that are missing back from orders.

use events::OrderId;

use crate::decision::Decision;
use crate::order::backorders;
use crate::order::backorders::Changes;
use crate::reader::Reader;
use crate::stock::allocation::{append_changes, open};
use crate::stock::item::StockItem;

/// Takes units back from the named orders, in the given order, until no assigned unit is missing; packed units stay
/// packed.
pub(crate) fn deallocate(item: &StockItem, orders: &[OrderId], reader: &Reader<'_>) -> Decision {
    let stream = item.stream();
    let mut missing = reader.level(&stream).shortage();
    let orders = open(orders, reader);
    let taken = orders
        .into_iter()
        .map(|(order_id, order)| backorders::take_back(order_id, order, &stream, &mut missing, reader));
    let taken: Vec<Changes<'_>> = taken.collect();
    let mut events = Vec::new();
    taken.iter().for_each(|changes| append_changes(changes, &mut events));
    Ok(events)
}
