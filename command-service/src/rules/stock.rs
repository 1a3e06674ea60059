//! What may happen to the stock of one SKU at one location by itself; orders move it in [`super::shelf`].

use events::stock::{Level, StockAdjusted, StockEvent, StockReceived};
use events::{Location, Sku, StreamId};

use super::lookup::Reader;
use super::{Decision, NewEvent, Refusal};
use crate::command::stock::{Change, MAX_ON_HAND};
use crate::command::{AdjustStock, ReceiveStock};
use crate::rejection::{Rejection, ShortLine};
use crate::world::World;

pub(super) fn receive(command: &ReceiveStock, world: &World) -> Decision {
    let ReceiveStock { sku, location, body } = command;
    let (stream, level) = item(sku, location, world)?;
    let quantity = body.quantity.get();
    within_limit(level.on_hand + i64::from(quantity))?;
    let reference = body.reference.as_ref().map(|reference| reference.as_str().to_owned());
    Ok(vec![NewEvent::new(&stream, StockEvent::Received(StockReceived { quantity, reference }))])
}

pub(super) fn adjust(command: &AdjustStock, world: &World) -> Decision {
    let AdjustStock { sku, location, body } = command;
    let (stream, level) = item(sku, location, world)?;
    // Before `expected`: who repeats a count that was taken finds it done, not moved under his feet.
    if body.change == Change::To(level.on_hand) {
        return Ok(vec![]);
    }
    if let Some(expected) = body.expected
        && expected != level.on_hand
    {
        return Err(Rejection::StaleExpected { expected, on_hand: level.on_hand }.into());
    }
    let delta = match body.change {
        Change::By(delta) => delta,
        Change::To(count) => count - level.on_hand,
    };
    if delta > 0 {
        within_limit(level.on_hand + delta)?;
    }
    if delta < 0 && level.available() + delta < 0 {
        let (sku, location) = (sku.clone(), location.clone());
        let short = ShortLine { line: None, sku, location, requested: -delta, available: level.available() };
        return Err(Rejection::InsufficientStock(vec![short]).into());
    }
    let adjusted = StockAdjusted { delta, reason: body.reason.as_str().to_owned() };
    Ok(vec![NewEvent::new(&stream, StockEvent::Adjusted(adjusted))])
}

/// A stock item begins with its first piece, but only of a product that exists.
fn item(sku: &Sku, location: &Location, world: &World) -> Result<(StreamId, Level), Refusal> {
    let (stream, product) = (StreamId::stock(sku, location), StreamId::product(sku));
    let mut reader = Reader::new(world);
    let level = reader.level(&stream);
    let product = reader.product(&product);
    reader.complete()?;
    match product {
        Some(_) => Ok((stream, level)),
        None => Err(Rejection::UnknownProduct(sku.clone()).into()),
    }
}

fn within_limit(on_hand: i64) -> Result<(), Rejection> {
    match on_hand <= MAX_ON_HAND {
        true => Ok(()),
        false => Err(Rejection::StockLimit { on_hand, limit: MAX_ON_HAND }),
    }
}
