//! What may happen to the stock of a SKU by itself; orders move it in [`super::stock_items`], holds in [`super::stock_hold`].
//!
//! A receipt, an adjustment and a policy are facts: reservations and safety stock never refuse them. They limit what is
//! reserved from then on, and what is transferred, because a transfer is a choice.

use events::stock::{
    Level, StockAdjusted, StockEvent, StockPolicyChanged, StockReceived, StockTransferredIn, StockTransferredOut,
};
use events::{Location, Sku, StreamId};

use super::reader::Reader;
use super::{Decision, NewEvent};
use crate::command::stock::{Change, MAX_ON_HAND};
use crate::command::{AdjustStock, ReceiveStock, SetStockPolicy, StockItem, TransferStock};
use crate::rejection::{Rejection, ShortLine};

pub(super) fn receive(item: &StockItem, body: &ReceiveStock, reader: &Reader<'_>) -> Decision {
    let (stream, level) = existing(&item.sku, &item.location, reader)?;
    let quantity = body.quantity.get();
    within_limit(level.on_hand + i64::from(quantity))?;
    let reference = body.reference.as_ref().map(|reference| reference.as_str().to_owned());
    Ok(vec![NewEvent::new(&stream, StockEvent::Received(StockReceived { quantity, reference }))])
}

pub(super) fn adjust(item: &StockItem, body: &AdjustStock, reader: &Reader<'_>) -> Decision {
    let (stream, level) = existing(&item.sku, &item.location, reader)?;
    // Before `expected`: who repeats a count that was taken finds it done, not moved under his feet.
    if body.change == Change::To(level.on_hand) {
        return Ok(vec![]);
    }
    if let Some(expected) = body.expected
        && expected != level.on_hand
    {
        return Err(Rejection::StaleExpected { expected, on_hand: level.on_hand });
    }
    let delta = match body.change {
        Change::By(delta) => delta,
        Change::To(count) => count - level.on_hand,
    };
    if delta > 0 {
        within_limit(level.on_hand + delta)?;
    }
    if level.on_hand + delta < 0 {
        return Err(Rejection::BelowZero { on_hand: level.on_hand, delta });
    }
    let adjusted = StockAdjusted { delta, reason: body.reason.as_str().to_owned() };
    Ok(vec![NewEvent::new(&stream, StockEvent::Adjusted(adjusted))])
}

pub(super) fn set_policy(item: &StockItem, body: &SetStockPolicy, reader: &Reader<'_>) -> Decision {
    let (stream, level) = existing(&item.sku, &item.location, reader)?;
    let (policy, safety) = (body.policy, i64::from(body.safety));
    if (level.policy, level.safety) == (policy, safety) {
        return Ok(vec![]);
    }
    let changed = StockPolicyChanged { policy, safety: body.safety };
    Ok(vec![NewEvent::new(&stream, StockEvent::PolicyChanged(changed))])
}

pub(super) fn transfer(body: &TransferStock, reader: &Reader<'_>) -> Decision {
    let (sku, from, to) = (&body.sku, &body.from, &body.to);
    if from == to {
        return Err(Rejection::SameLocation(from.clone()));
    }
    let (origin, target) = (existing(sku, from, reader), existing(sku, to, reader));
    let ((origin, there), (target, here)) = (origin?, target?);
    let quantity = body.quantity.get();
    at_most(there.available().max(0), i64::from(quantity), sku, from)?;
    within_limit(here.on_hand + i64::from(quantity))?;
    let reference = body.reference.as_ref().map(|reference| reference.as_str().to_owned());
    let out = StockTransferredOut { to: to.clone(), quantity, reference: reference.clone() };
    let into = StockTransferredIn { from: from.clone(), quantity, reference };
    Ok(vec![
        NewEvent::new(&origin, StockEvent::TransferredOut(out)),
        NewEvent::new(&target, StockEvent::TransferredIn(into)),
    ])
}

fn at_most(available: i64, requested: i64, sku: &Sku, location: &Location) -> Result<(), Rejection> {
    if requested <= available {
        return Ok(());
    }
    let (sku, location) = (sku.clone(), location.clone());
    Err(Rejection::InsufficientStock(vec![ShortLine { line: None, sku, location, requested, available }]))
}

/// A stock item begins with its first unit, but only of a product that exists.
fn existing(sku: &Sku, location: &Location, reader: &Reader<'_>) -> Result<(StreamId, Level), Rejection> {
    let stream = StreamId::stock(sku, location);
    let level = reader.level(&stream);
    match reader.find_product(sku) {
        Some(_) => Ok((stream, level)),
        None => Err(Rejection::UnknownProduct(sku.clone())),
    }
}

fn within_limit(on_hand: i64) -> Result<(), Rejection> {
    match on_hand <= MAX_ON_HAND {
        true => Ok(()),
        false => Err(Rejection::StockLimit { on_hand, limit: MAX_ON_HAND }),
    }
}
