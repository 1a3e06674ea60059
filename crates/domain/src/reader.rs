//! What a decision reads: the only way in which the rules see the [`World`]. The reader records every stream that is
//! requested, so that no second definition of what a rule reads is needed.
//!
//! A stream that is not in memory reads like a stream without events, and is recorded as missing. The rules then go on
//! and request what else they read; [`decide`](crate::decide::decide) returns the missing streams instead of such a
//! decision.

use std::cell::RefCell;

use events::stock::Level;
use events::{CustomerId, OrderId, Sku, StockHoldId, StreamId};

use crate::channel::Channels;
use crate::customer::state::Customer;
use crate::order::state::Order;
use crate::product::state::Product;
use crate::rejection::Rejection;
use crate::state::State;
use crate::stock_hold::state::StockHold;
use crate::world::{Slot, World};

/// Rounds of loading after which every command can be decided: a command names an order or a hold, which names stock
/// items and customers.
pub const MAX_LOAD_ROUNDS: usize = 2;

/// Reads the world for one decision and records the streams that are requested.
#[derive(Debug)]
pub struct Reader<'w> {
    world: &'w World,
    found: RefCell<Vec<StreamId>>,
    missing: RefCell<Vec<StreamId>>,
}

/// Streams that a decision depends on and that are not in memory: load them, then decide again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingStreams(pub Vec<StreamId>);

impl<'w> Reader<'w> {
    /// A reader that has not read anything.
    pub fn new(world: &'w World) -> Self {
        Reader { world, found: RefCell::default(), missing: RefCell::default() }
    }

    /// The stream in memory; `None`, and recorded as missing, if it is not there.
    pub fn find(&self, stream: &StreamId) -> Option<&'w Slot> {
        let slot = self.world.find(stream);
        let requested = if slot.is_some() { &self.found } else { &self.missing };
        requested.borrow_mut().push(stream.clone());
        slot
    }

    /// Succeeds if every requested stream is in memory; otherwise returns the missing streams, each once.
    pub fn complete(&self) -> Result<(), MissingStreams> {
        let mut missing = self.missing.borrow().clone();
        missing.sort();
        missing.dedup();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(MissingStreams(missing)),
        }
    }

    /// The requested streams that are in memory, in the order of the requests.
    pub fn into_found(self) -> Vec<StreamId> {
        self.found.into_inner()
    }

    /// The state of a stream; `None` if the stream has no events, or is missing.
    pub(crate) fn state(&self, stream: &StreamId) -> Option<&'w State> {
        self.find(stream)?.state.as_ref()
    }

    /// Whether the stream is in memory.
    pub(crate) fn has(&self, stream: &StreamId) -> bool {
        self.world.find(stream).is_some()
    }

    /// An order that was requested before, or is new and therefore not requested.
    pub(crate) fn known_order(&self, stream: &StreamId) -> Option<&'w Order> {
        match self.world.find(stream)?.state.as_ref()? {
            State::Order(order) => Some(order),
            _ => None,
        }
    }

    /// A product, if it exists.
    pub(crate) fn find_product(&self, sku: &Sku) -> Option<&'w Product> {
        match self.state(&StreamId::product(sku))? {
            State::Product(product) => Some(product),
            _ => None,
        }
    }

    /// A stock hold, if it exists.
    pub(crate) fn find_stock_hold(&self, id: StockHoldId) -> Option<&'w StockHold> {
        match self.state(&StreamId::stock_hold(id))? {
            State::StockHold(hold) => Some(hold),
            _ => None,
        }
    }

    /// The sums of a stock item; all zero if it has no events.
    pub(crate) fn level(&self, stream: &StreamId) -> Level {
        match self.state(stream) {
            Some(State::Stock(level)) => *level,
            _ => Level::default(),
        }
    }

    /// A product that must exist.
    pub(crate) fn product(&self, sku: &Sku) -> Result<(StreamId, &'w Product), Rejection> {
        let stream = StreamId::product(sku);
        match self.state(&stream) {
            Some(State::Product(product)) => Ok((stream, product)),
            _ => Err(Rejection::UnknownProduct(sku.clone())),
        }
    }

    /// An order that must exist.
    pub(crate) fn order(&self, id: OrderId) -> Result<(StreamId, &'w Order), Rejection> {
        let stream = StreamId::order(id);
        match self.state(&stream) {
            Some(State::Order(order)) => Ok((stream, order)),
            _ => Err(Rejection::UnknownOrder(id)),
        }
    }

    /// A stock hold that must exist.
    pub(crate) fn stock_hold(&self, id: StockHoldId) -> Result<(StreamId, &'w StockHold), Rejection> {
        let stream = StreamId::stock_hold(id);
        match self.state(&stream) {
            Some(State::StockHold(hold)) => Ok((stream, hold)),
            _ => Err(Rejection::UnknownStockHold(id)),
        }
    }

    /// A customer that must exist; a customer who was erased exists.
    pub(crate) fn customer(&self, id: CustomerId) -> Result<(StreamId, &'w Customer), Rejection> {
        let stream = StreamId::customer(id);
        match self.state(&stream) {
            Some(State::Customer(customer)) => Ok((stream, customer)),
            _ => Err(Rejection::UnknownCustomer(id)),
        }
    }

    /// The sales channels.
    pub(crate) fn channels(&self) -> &'w Channels {
        self.world.channels()
    }

    /// The last order number that was given out with this prefix; 0 before the first.
    pub(crate) fn last_number(&self, prefix: &str) -> u64 {
        self.world.last_number(prefix)
    }
}

#[cfg(test)]
mod tests;
