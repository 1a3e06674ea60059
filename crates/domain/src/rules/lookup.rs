//! How the rules read the world: what is not in memory is named, so that the writer can load it in one go.

use events::stock::Level;
use events::{CustomerId, HoldId, OrderId, Sku, StreamId};

use super::Refusal;
use crate::rejection::Rejection;
use crate::state::{Customer, Hold, Order, Product, State};
use crate::world::World;

/// Reads the world and notes what is missing.
pub(super) struct Reader<'w> {
    world: &'w World,
    missing: Vec<StreamId>,
}

impl<'w> Reader<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Reader { world, missing: Vec::new() }
    }

    /// The state of a stream; `None` if it has no events, or is not in memory.
    pub(super) fn state(&mut self, stream: &StreamId) -> Option<&'w State> {
        match self.world.find(stream) {
            Some(slot) => slot.state.as_ref(),
            None => {
                self.missing.push(stream.clone());
                None
            }
        }
    }

    pub(super) fn product(&mut self, stream: &StreamId) -> Option<&'w Product> {
        match self.state(stream)? {
            State::Product(product) => Some(product),
            _ => None,
        }
    }

    /// The sums of a stock item; none of anything where it has no events.
    pub(super) fn level(&mut self, stream: &StreamId) -> Level {
        match self.state(stream) {
            Some(State::Stock(level)) => *level,
            _ => Level::default(),
        }
    }

    /// Everything that was asked for was there.
    pub(super) fn complete(self) -> Result<(), Refusal> {
        match self.missing.is_empty() {
            true => Ok(()),
            false => Err(Refusal::Needs(self.missing)),
        }
    }
}

/// A product that must exist.
pub(super) fn product<'w>(world: &'w World, sku: &Sku) -> Result<(StreamId, &'w Product), Refusal> {
    let stream = StreamId::product(sku);
    let mut reader = Reader::new(world);
    let product = reader.product(&stream);
    reader.complete()?;
    match product {
        Some(product) => Ok((stream, product)),
        None => Err(Rejection::UnknownProduct(sku.clone()).into()),
    }
}

/// An order that must exist.
pub(super) fn order(world: &World, id: OrderId) -> Result<(StreamId, &Order), Refusal> {
    let stream = StreamId::order(id);
    let mut reader = Reader::new(world);
    let state = reader.state(&stream);
    reader.complete()?;
    match state {
        Some(State::Order(order)) => Ok((stream, order)),
        _ => Err(Rejection::UnknownOrder(id).into()),
    }
}

/// A hold that must exist.
pub(super) fn hold(world: &World, id: HoldId) -> Result<(StreamId, &Hold), Refusal> {
    let stream = StreamId::hold(id);
    let mut reader = Reader::new(world);
    let state = reader.state(&stream);
    reader.complete()?;
    match state {
        Some(State::Hold(hold)) => Ok((stream, hold)),
        _ => Err(Rejection::UnknownHold(id).into()),
    }
}

/// A customer that must exist; one who is forgotten did.
pub(super) fn customer(world: &World, id: CustomerId) -> Result<(StreamId, &Customer), Refusal> {
    let stream = StreamId::customer(id);
    let mut reader = Reader::new(world);
    let state = reader.state(&stream);
    reader.complete()?;
    match state {
        Some(State::Customer(customer)) => Ok((stream, customer)),
        _ => Err(Rejection::UnknownCustomer(id).into()),
    }
}
