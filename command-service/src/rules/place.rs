//! Placing an order: products as they are now, prices by [`pricing`], stock reserved shelf by shelf, all lines or none.

use std::collections::{BTreeSet, HashMap};

use events::order::{LineNo, OrderEvent, OrderPlaced};
use events::stock::{StockEvent, StockReserved};
use events::{Currency, Event, Minor, OrderCode, OrderId, StreamId};

use super::lookup::Reader;
use super::pricing::{self, Offer, Priced};
use super::shelf::{self, Shelf};
use super::{Context, Decision, NewEvent, channel};
use crate::command::PlaceOrder;
use crate::command::amount::Price;
use crate::command::order::{OrderLine, PlaceOrderBody};
use crate::rejection::{EXTERNAL_REF, Rejection, ShortLine, Unfit, UnfitLine};
use crate::rules::channel::Channel;
use crate::state::Product;
use crate::world::World;

pub(super) fn place(command: &PlaceOrder, context: &Context, world: &World) -> Decision {
    let body = &command.body;
    let channel = channel::find(channel::all(), body.channel.as_ref(), body.currency)?;
    let order_id = body.id.unwrap_or_else(|| context.new_id.order());
    let stream = StreamId::order(order_id);

    let mut reader = Reader::new(world);
    let taken = body.id.is_some() && reader.state(&stream).is_some();
    let products: Vec<_> = body.lines.iter().map(|line| reader.product(&StreamId::product(&line.sku))).collect();
    let shelves = shelf::sum(body.lines.iter().map(|line| (&line.sku, shelf::location(line), line.quantity.get())));
    let available: Vec<i64> = shelves.iter().map(|shelf| reader.level(&shelf.stream).available()).collect();
    reader.complete()?;

    if taken {
        return Err(Rejection::DuplicateOrder(order_id).into());
    }
    let priced = pricing::price(body, &offers(body, &products)?)?;
    expect(body.expected_total.map(Price::minor), priced.total)?;
    if shelves.iter().zip(&available).any(|(shelf, available)| i64::from(shelf.pieces) > *available) {
        return Err(Rejection::InsufficientStock(short_lines(&body.lines, &shelves, &available)).into());
    }

    let code = OrderCode::new(&channel.prefix, world.last_number(&channel.prefix) + 1);
    let mut events = Vec::with_capacity(1 + shelves.len());
    events.push(placed(stream, order_id, code, channel, body, priced));
    events.extend(shelves.into_iter().map(|shelf| {
        let reserved = StockReserved { order_id, quantity: shelf.pieces };
        NewEvent { stream: shelf.stream, event: StockEvent::Reserved(reserved).into(), claim: None }
    }));
    Ok(events)
}

/// The order's own stream only where the caller chose its id: one of ours is new.
pub(super) fn reads(command: &PlaceOrder) -> Vec<StreamId> {
    let lines = &command.body.lines;
    let mut streams = Vec::with_capacity(2 * lines.len() + 1);
    streams.extend(command.body.id.map(StreamId::order));
    for line in lines.iter() {
        streams.push(StreamId::product(&line.sku));
        streams.push(StreamId::stock(&line.sku, shelf::location(line)));
    }
    streams
}

fn placed(
    stream: StreamId,
    order_id: OrderId,
    code: OrderCode,
    channel: &Channel,
    body: &PlaceOrderBody,
    priced: Priced,
) -> NewEvent {
    let external_ref = body.external_ref.as_ref().map(|name| name.as_str().to_owned());
    let claim = external_ref.as_ref().map(|name| format!("{EXTERNAL_REF}{}:{name}", channel.code));
    let placed = OrderPlaced {
        order_id,
        code,
        channel: channel.code.clone(),
        currency: body.currency,
        customer_id: body.customer_id,
        external_ref,
        lines: priced.lines,
        shipping: priced.shipping,
        shipping_lines: Vec::new(),
        total: priced.total,
        note: body.note.as_ref().map(|note| note.as_str().to_owned()),
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: BTreeSet::new(),
        payment_due: None,
        hold_id: None,
    };
    NewEvent { stream, event: Event::Order(OrderEvent::Placed(placed)), claim }
}

/// What each line is called and sold for, or every line that cannot be sold.
fn offers<'w>(body: &PlaceOrderBody, products: &[Option<&'w Product>]) -> Result<Vec<Offer<'w>>, Rejection> {
    let mut offers = Vec::with_capacity(products.len());
    let mut unfit = Vec::new();
    for (index, (line, product)) in body.lines.iter().zip(products).enumerate() {
        match offer(line, *product, body.currency) {
            Ok(offer) => offers.push(offer),
            Err(problem) => unfit.push(UnfitLine { line: number(index), sku: line.sku.clone(), problem }),
        }
    }
    match unfit.is_empty() {
        true => Ok(offers),
        false => Err(Rejection::UnfitProducts(unfit)),
    }
}

fn offer<'w>(line: &OrderLine, product: Option<&'w Product>, currency: Currency) -> Result<Offer<'w>, Unfit> {
    let product = product.ok_or(Unfit::UnknownProduct)?;
    if !product.active {
        return Err(Unfit::InactiveProduct);
    }
    let listed = || product.prices.get(&currency).copied();
    let unit_price = line.unit_price.map(Price::minor).or_else(listed).ok_or(Unfit::PriceMissing)?;
    Ok(Offer { name: &product.name, unit_price })
}

fn expect(expected: Option<Minor>, total: Minor) -> Result<(), Rejection> {
    match expected {
        Some(expected) if expected != total => Err(Rejection::TotalMismatch { expected, total }),
        _ => Ok(()),
    }
}

/// The lines that find too little on their shelf after the lines before them; there is at least one.
fn short_lines(lines: &[OrderLine], shelves: &[Shelf], available: &[i64]) -> Vec<ShortLine> {
    let mut left: HashMap<&StreamId, i64> =
        shelves.iter().zip(available).map(|(shelf, available)| (&shelf.stream, *available)).collect();
    let mut short = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let (location, requested) = (shelf::location(line), i64::from(line.quantity.get()));
        let Some(left) = left.get_mut(&StreamId::stock(&line.sku, location)) else { continue };
        if requested <= *left {
            *left -= requested;
            continue;
        }
        let (sku, location) = (line.sku.clone(), location.clone());
        short.push(ShortLine { line: Some(number(index)), sku, location, requested, available: *left });
    }
    short
}

fn number(index: usize) -> LineNo {
    index as LineNo + 1
}
