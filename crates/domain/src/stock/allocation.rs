//! The allocation of stock to orders, which [`super::allocate`] and [`super::deallocate`] share. The platform issues
//! these commands when the units on hand of a stock item change; an order that is not concerned is skipped.

use events::order::progress::Lifecycle;
use events::{OrderId, StreamId};

use crate::decision::NewEvent;
use crate::order::backorders::Changes;
use crate::order::state::Order;
use crate::reader::Reader;
use crate::state::State;

/// Most orders that one of these commands names; the writer decides as many in well under a millisecond.
pub const MAX_ORDERS: usize = 100;

/// The orders that are open.
pub(crate) fn open<'w>(orders: &[OrderId], reader: &Reader<'w>) -> Vec<(OrderId, &'w Order)> {
    let found = orders.iter().filter_map(|order_id| match reader.state(&StreamId::order(*order_id)) {
        Some(State::Order(order)) if order.progress.lifecycle == Lifecycle::Open => Some((*order_id, &**order)),
        _ => None,
    });
    found.collect()
}

/// Appends the events of the changes. The event of the stock item comes first, because the command addresses the stock
/// item.
pub(crate) fn append_changes(changes: &Changes<'_>, events: &mut Vec<NewEvent>) {
    events.extend(changes.of_stock_items());
    events.extend(changes.of_order());
}
