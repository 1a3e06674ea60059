//! Holds: stock that is kept for a checkout, all of the lines or none, until it is given back, its time is over, or an order
//! takes it over. What nobody counts is kept without a claim.

use chrono::{SubsecRound, TimeDelta};
use events::hold::{HoldEvent, HoldExpired, HoldLine, HoldPlaced, HoldReleased};
use events::stock::{Level, StockEvent, StockHeld};
use events::{HoldId, StreamId};

use super::reader::Reader;
use super::stock_items::{self, StockUnits};
use super::{Context, Decision, NewEvent, hold_conversion};
use crate::command::HoldStock;
use crate::rejection::{Gone, Rejection, Unfit, UnfitLine};
use crate::state::{Hold, HoldStanding, Product};

pub(super) fn place(body: &HoldStock, context: &Context, reader: &Reader<'_>) -> Decision {
    let hold_id = body.id.unwrap_or_else(|| context.new_id.hold());
    let stream = StreamId::hold(hold_id);
    let taken = body.id.is_some() && reader.state(&stream).is_some();
    let products: Vec<_> = body.lines.iter().map(|line| reader.find_product(&line.sku)).collect();
    let items = items(body);
    let levels: Vec<_> = items.iter().map(|item| reader.level(&item.stream)).collect();

    if taken {
        return Err(Rejection::DuplicateHold(hold_id));
    }
    fit(body, &products)?;
    let counted = items.into_iter().zip(levels).filter_map(|(item, level)| Some((level.promisable()?, item, level)));
    let (kept, short): (Vec<_>, Vec<_>) = counted.partition(|(left, item, _)| i64::from(item.units) <= *left);
    if !short.is_empty() {
        let short = short.iter().filter_map(|(left, item, _)| item.short(*left)).collect();
        return Err(Rejection::InsufficientStock(short));
    }
    let ttl = body.ttl_seconds.unwrap_or_default().seconds();
    let placed = HoldPlaced {
        hold_id,
        lines: kept.iter().filter_map(|(_, item, level)| line(item, level)).collect(),
        expires_at: (context.now + TimeDelta::seconds(ttl.into())).trunc_subsecs(6),
        reference: body.reference.as_ref().map(|reference| reference.as_str().to_owned()),
    };
    let mut events = vec![NewEvent::new(&stream, HoldEvent::Placed(placed))];
    events.extend(kept.iter().map(|(_, item, level)| {
        let held = StockHeld { hold_id, quantity: item.units, backordered: Some(backordered(item, level)) };
        NewEvent::new(&item.stream, StockEvent::Held(held))
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
    let released = hold
        .lines
        .iter()
        .map(|line| NewEvent::new(&hold_conversion::item(line), hold_conversion::released(hold_id, line)));
    Ok(std::iter::once(NewEvent::new(stream, how)).chain(released).collect())
}

fn items(body: &HoldStock) -> Vec<StockUnits> {
    let lines = body.lines.iter();
    stock_items::sum(lines.map(|line| (&line.sku, stock_items::or_main(line.location.as_ref()), line.quantity.get())))
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

fn line(item: &StockUnits, level: &Level) -> Option<HoldLine> {
    let (sku, location) = item.place()?;
    Some(HoldLine { sku, location, quantity: item.units, backordered: backordered(item, level) })
}

/// Units of a hold that are not on hand: a hold can keep what the policy promises, too.
fn backordered(item: &StockUnits, level: &Level) -> u32 {
    let here = level.available().max(0);
    // No more than the hold asks for.
    (i64::from(item.units) - here).max(0) as u32
}
