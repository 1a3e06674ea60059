//! Holds: stock that is kept for a checkout, all of the lines or none, until it is given back, its time is over, or an order
//! takes it over. What nobody counts is kept without a claim.

use chrono::{SubsecRound, TimeDelta};
use events::hold::{HoldEvent, HoldExpired, HoldLine, HoldPlaced, HoldReleased};
use events::stock::{Level, StockEvent, StockHeld};
use events::{HoldId, StreamId};

use super::reader::Reader;
use super::shelf::{self, Shelf};
use super::{Context, Decision, NewEvent, takeover};
use crate::command::HoldStock;
use crate::rejection::{Gone, Rejection, Unfit, UnfitLine};
use crate::state::{Hold, HoldStanding, Product};

pub(super) fn place(body: &HoldStock, context: &Context, reader: &Reader<'_>) -> Decision {
    let hold_id = body.id.unwrap_or_else(|| context.new_id.hold());
    let stream = StreamId::hold(hold_id);
    let taken = body.id.is_some() && reader.state(&stream).is_some();
    let products: Vec<_> = body.lines.iter().map(|line| reader.find_product(&line.sku)).collect();
    let shelves = shelves(body);
    let levels: Vec<_> = shelves.iter().map(|shelf| reader.level(&shelf.stream)).collect();

    if taken {
        return Err(Rejection::DuplicateHold(hold_id));
    }
    fit(body, &products)?;
    let counted =
        shelves.into_iter().zip(levels).filter_map(|(shelf, level)| Some((level.promisable()?, shelf, level)));
    let (kept, short): (Vec<_>, Vec<_>) = counted.partition(|(left, shelf, _)| i64::from(shelf.pieces) <= *left);
    if !short.is_empty() {
        let short = short.iter().filter_map(|(left, shelf, _)| shelf.short(*left)).collect();
        return Err(Rejection::InsufficientStock(short));
    }
    let ttl = body.ttl_seconds.unwrap_or_default().seconds();
    let placed = HoldPlaced {
        hold_id,
        lines: kept.iter().filter_map(|(_, shelf, level)| line(shelf, level)).collect(),
        expires_at: (context.now + TimeDelta::seconds(ttl.into())).trunc_subsecs(6),
        reference: body.reference.as_ref().map(|reference| reference.as_str().to_owned()),
    };
    let mut events = vec![NewEvent::new(&stream, HoldEvent::Placed(placed))];
    events.extend(kept.iter().map(|(_, shelf, level)| {
        let held = StockHeld { hold_id, quantity: shelf.pieces, backordered: Some(backordered(shelf, level)) };
        NewEvent::new(&shelf.stream, StockEvent::Held(held))
    }));
    Ok(events)
}

pub(super) fn release(hold_id: HoldId, reader: &Reader<'_>) -> Decision {
    let (stream, hold) = reader.hold(hold_id)?;
    match hold.standing {
        HoldStanding::Open => end(hold_id, &stream, hold, HoldEvent::Released(HoldReleased {})),
        HoldStanding::Released | HoldStanding::Expired => Ok(vec![]),
        HoldStanding::Consumed => Err(Rejection::HoldGone { hold_id, gone: Gone::Consumed }),
    }
}

/// Who issues it need not know whether the hold still stands: before its time and after its end there is nothing to do.
pub(super) fn expire(hold_id: HoldId, context: &Context, reader: &Reader<'_>) -> Decision {
    let (stream, hold) = reader.hold(hold_id)?;
    match hold.standing {
        HoldStanding::Open if !hold.stands_at(context.now) => {
            end(hold_id, &stream, hold, HoldEvent::Expired(HoldExpired {}))
        }
        HoldStanding::Open | HoldStanding::Released | HoldStanding::Expired | HoldStanding::Consumed => Ok(vec![]),
    }
}

/// The hold ends, and its units can be promised to others.
fn end(hold_id: HoldId, stream: &StreamId, hold: &Hold, how: HoldEvent) -> Decision {
    let released =
        hold.lines.iter().map(|line| NewEvent::new(&takeover::shelf(line), takeover::released(hold_id, line)));
    Ok(std::iter::once(NewEvent::new(stream, how)).chain(released).collect())
}

fn shelves(body: &HoldStock) -> Vec<Shelf> {
    let lines = body.lines.iter();
    shelf::sum(lines.map(|line| (&line.sku, shelf::or_main(line.location.as_ref()), line.quantity.get())))
}

/// What cannot be ordered is not kept for an order.
fn fit(body: &HoldStock, products: &[Option<&Product>]) -> Result<(), Rejection> {
    let problem = |product: Option<&Product>| match product {
        None => Some(Unfit::UnknownProduct),
        Some(product) if !product.active => Some(Unfit::InactiveProduct),
        Some(_) => None,
    };
    let unfit: Vec<UnfitLine> = body
        .lines
        .iter()
        .zip(products)
        .zip(1..)
        .filter_map(|((line, product), number)| {
            Some(UnfitLine { line: number, sku: line.sku.clone(), problem: problem(*product)? })
        })
        .collect();
    match unfit.is_empty() {
        true => Ok(()),
        false => Err(Rejection::UnfitProducts(unfit)),
    }
}

fn line(shelf: &Shelf, level: &Level) -> Option<HoldLine> {
    let (sku, location) = shelf.place()?;
    Some(HoldLine { sku, location, quantity: shelf.pieces, backordered: backordered(shelf, level) })
}

/// Units of a hold that are not on hand: a hold can keep what the policy promises, too.
fn backordered(shelf: &Shelf, level: &Level) -> u32 {
    let here = level.available().max(0);
    // No more than the hold asks for.
    (i64::from(shelf.pieces) - here).max(0) as u32
}
