//! Limits the size of an order, so that it can be read, written and folded as a whole.

use std::collections::BTreeMap;

use events::order::OrderEvent;
use events::{Event, StreamId};

use crate::decision::NewEvent;
use crate::order::state::Order;
use crate::reader::Reader;
use crate::rejection::Rejection;

/// Most bytes of an order's document.
pub(crate) const MAX_DOCUMENT_BYTES: usize = 1_000_000;

/// Rejects events that make an order too large. Events that add nothing to the order are accepted, however large the
/// order is.
pub(crate) fn check(events: &[NewEvent], reader: &Reader<'_>) -> Result<(), Rejection> {
    let mut orders: BTreeMap<&StreamId, Vec<&OrderEvent>> = BTreeMap::new();
    for new in events {
        if let Event::Order(event) = &new.event {
            orders.entry(&new.stream).or_default().push(event);
        }
    }
    orders.into_iter().try_for_each(|(stream, events)| {
        let (mut order, before) = match reader.known_order(stream) {
            Some(order) => (order.clone(), order.document_bytes()),
            None => (Order::default(), 0),
        };
        events.into_iter().for_each(|event| order.evolve(event));
        let bytes = order.document_bytes();
        match bytes <= MAX_DOCUMENT_BYTES || bytes <= before {
            true => Ok(()),
            false => Err(Rejection::OrderTooLarge { bytes, limit: MAX_DOCUMENT_BYTES }),
        }
    })
}

#[cfg(test)]
mod tests;
