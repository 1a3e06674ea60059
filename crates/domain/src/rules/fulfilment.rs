//! Packing, shipping and delivering units of an order. A fulfilment is of one location: one parcel, one packer.

use std::collections::BTreeSet;

use events::order::progress::{Fulfilment, FulfilmentState, Lifecycle, LineProgress, Progress};
use events::order::{
    FulfilmentCancelled, FulfilmentCreated, FulfilmentDelivered, FulfilmentShipped, LineQuantity, OrderEvent, PartNo,
};
use events::stock::{StockEvent, StockShipped};
use events::{Location, OrderId, StreamId};

use super::reader::Reader;
use super::{Decision, NewEvent, backorders, guards, stock_items, units};
use crate::command::{CreateFulfilment, ShipFulfilment};
use crate::rejection::{Obstacle, Part, Purpose, Rejection};
use crate::state::{Order, Parcel};
use crate::value::text::Reference;

pub(super) fn create(order_id: OrderId, body: &CreateFulfilment, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let progress = &order.progress;
    // The platform completes an order once everything is delivered: to pack all that is left finds nothing, as before.
    if progress.lifecycle == Lifecycle::Completed && body.lines.is_none() {
        return Ok(vec![]);
    }
    guards::open(progress)?;
    guards::not_held(progress)?;
    let lines = chosen(body, order)?;
    let Some(location) = location_of(&lines, progress)? else { return Ok(vec![]) };
    let backorders = backorders::pack(order_id, order, &lines, reader)?;
    let fulfilment = guards::next_number(&progress.fulfilments, Part::Fulfilment)?;
    let created = FulfilmentCreated { fulfilment, location, lines };
    let mut events = vec![NewEvent::new(&stream, OrderEvent::FulfilmentCreated(created))];
    events.extend(backorders.of_order());
    events.extend(backorders.of_stock_items());
    Ok(events)
}

pub(super) fn ship(order_id: OrderId, fulfilment: PartNo, body: &ShipFulfilment, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let packed = find(order, fulfilment)?;
    match packed.state {
        FulfilmentState::Created => {}
        FulfilmentState::Shipped | FulfilmentState::Delivered => return already_shipped(fulfilment, body, order),
        state @ FulfilmentState::Cancelled => return stands(order, fulfilment, state),
    }
    guards::not_held(&order.progress)?;
    stock_items::present(reader, order, &packed.lines)?;
    let Parcel { carrier, tracking } = parcel(body);
    let shipped = FulfilmentShipped { fulfilment, carrier, tracking };
    let moved =
        stock_items::moved(order, &packed.lines, |quantity| StockEvent::Shipped(StockShipped { order_id, quantity }));
    let mut events = vec![NewEvent::new(&stream, OrderEvent::FulfilmentShipped(shipped))];
    events.extend(moved);
    Ok(events)
}

pub(super) fn deliver(order_id: OrderId, fulfilment: PartNo, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    match find(order, fulfilment)?.state {
        FulfilmentState::Shipped => {
            let delivered = FulfilmentDelivered { fulfilment };
            Ok(vec![NewEvent::new(&stream, OrderEvent::FulfilmentDelivered(delivered))])
        }
        FulfilmentState::Delivered => Ok(vec![]),
        state @ (FulfilmentState::Created | FulfilmentState::Cancelled) => stands(order, fulfilment, state),
    }
}

pub(super) fn cancel(order_id: OrderId, fulfilment: PartNo, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let packed = find(order, fulfilment)?;
    match packed.state {
        FulfilmentState::Created => {
            let backorders = backorders::unpack(order_id, order, &packed.lines, reader)?;
            let mut events = vec![cancelled(&stream, fulfilment)];
            events.extend(backorders.of_order());
            events.extend(backorders.of_stock_items());
            Ok(events)
        }
        FulfilmentState::Cancelled => Ok(vec![]),
        state @ (FulfilmentState::Shipped | FulfilmentState::Delivered) => stands(order, fulfilment, state),
    }
}

pub(super) fn cancelled(stream: &StreamId, fulfilment: u32) -> NewEvent {
    NewEvent::new(stream, OrderEvent::FulfilmentCancelled(FulfilmentCancelled { fulfilment }))
}

/// The units to pack: those named, or all that are left, at the location if one is named.
pub(super) fn chosen(body: &CreateFulfilment, order: &Order) -> Result<Vec<LineQuantity>, Rejection> {
    let progress = &order.progress;
    let elsewhere = |line: &LineProgress| body.location.as_ref().is_some_and(|location| line.location != *location);
    let Some(lines) = &body.lines else {
        if let Some(location) = &body.location
            && progress.lines.iter().all(elsewhere)
        {
            return Err(Rejection::WrongLocation { location: location.clone(), lines: vec![] });
        }
        return Ok(units::all(progress, |line| if elsewhere(line) { 0 } else { line.unfulfilled() }));
    };
    let lines = units::named(lines, progress, Purpose::Fulfilment)?;
    if let Some(location) = &body.location {
        let wrong = lines.iter().filter(|units| progress.line(units.line).is_some_and(elsewhere));
        let wrong: Vec<_> = wrong.map(|units| units.line).collect();
        if !wrong.is_empty() {
            return Err(Rejection::WrongLocation { location: location.clone(), lines: wrong });
        }
    }
    Ok(lines)
}

/// Where all of these units lie; `None` where there are none.
fn location_of(lines: &[LineQuantity], progress: &Progress) -> Result<Option<Location>, Rejection> {
    let places: BTreeSet<&Location> =
        lines.iter().filter_map(|units| Some(&progress.line(units.line)?.location)).collect();
    match places.len() {
        0 | 1 => Ok(places.first().map(|location| (*location).clone())),
        _ => Err(Rejection::SeveralLocations(places.into_iter().cloned().collect())),
    }
}

fn find(order: &Order, number: u32) -> Result<&Fulfilment, Rejection> {
    guards::numbered(&order.progress.fulfilments, Part::Fulfilment, number)
}

fn already_shipped(fulfilment: PartNo, body: &ShipFulfilment, order: &Order) -> Decision {
    match order.parcel(fulfilment) == Some(&parcel(body)) {
        true => Ok(vec![]),
        false => Err(guards::forbidden(&order.progress, Obstacle::OtherShipment(fulfilment))),
    }
}

fn stands(order: &Order, number: u32, state: FulfilmentState) -> Decision {
    Err(guards::forbidden(&order.progress, Obstacle::Fulfilment(number, state)))
}

fn parcel(body: &ShipFulfilment) -> Parcel {
    let text = |reference: &Option<Reference>| reference.as_ref().map(|reference| reference.as_str().to_owned());
    Parcel { carrier: text(&body.carrier), tracking: text(&body.tracking) }
}
