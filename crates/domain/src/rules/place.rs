//! Placing an order: products as they are now, prices by [`pricing`], stock by [`reservation`], all lines or none unless
//! the caller takes less.
//!
//! A customer whom nobody registered is taken as given: imports bring orders of customers that another system knows. One
//! who is erased is refused; the stream is read along with the products, so it costs no round trip of its own.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use events::order::{OrderEvent, OrderPlaced};
use events::{CustomerId, Event, Minor, OrderCode, OrderId, Personal, StreamId};

use super::hold_conversion::HoldConversion;
use super::line_pricing::{self, LinePricing};
use super::pricing::{self, Priced, Shipping};
use super::reader::Reader;
use super::reservation::{self, Counting, Reservation, Terms, Wish};
use super::{Context, Decision, NewEvent, annotation, stock_items};
use crate::command::PlaceOrder;
use crate::command::order::PlaceOrderBody;
use crate::rejection::{EXTERNAL_REF, Rejection};
use crate::rules::channel::Channel;
use crate::state::State;
use crate::value::amount::Price;

/// How long an order may wait for its payment.
const LONGEST_DUE: TimeDelta = TimeDelta::days(366);

pub(super) fn place(command: &PlaceOrder, context: &Context, reader: &Reader<'_>) -> Decision {
    let body = &command.body;
    unambiguous(body)?;
    let channel = reader.channels().find(body.channel.as_ref(), body.currency)?;
    let payment_due = body.payment_due.map(|due| in_time(due, context.now)).transpose()?;
    let order_id = body.id.unwrap_or_else(|| context.new_id.order());
    let stream = StreamId::order(order_id);
    let taken = body.id.is_some() && reader.state(&stream).is_some();
    let erased = body.customer_id.filter(|id| is_erased(*id, reader));
    let products: Vec<_> = body.lines.iter().map(|line| reader.find_product(&line.sku)).collect();
    let conversion = body.hold_id.map(|id| HoldConversion::read(id, reader));
    let reservation = reserve(command, conversion.as_ref(), reader);

    if taken {
        return Err(Rejection::DuplicateOrder(order_id));
    }
    if let Some(customer) = erased {
        return Err(Rejection::ErasedBuyer(customer));
    }
    conversion.iter().try_for_each(|conversion| conversion.check(context.now))?;
    let line_pricings = line_pricing::line_pricings(&body.lines, &products, body.currency, 1)?;
    let priced = price(body, line_pricings, &reservation)?;
    expect(body.expected_total.map(Price::minor), priced.total)?;
    reservation.complete()?;

    let code = OrderCode::new(&channel.prefix, reader.last_number(&channel.prefix) + 1);
    let mut events = Vec::with_capacity(1 + 2 * reservation.lines.len());
    events.push(placed(stream, order_id, code, channel, body, priced, payment_due));
    events.extend(conversion.iter().flat_map(|conversion| conversion.events(order_id)));
    events.extend(reservation.events(order_id));
    Ok(events)
}

/// Guards against saying the same thing twice.
fn unambiguous(body: &PlaceOrderBody) -> Result<(), Rejection> {
    if body.shipping.is_some() && body.shipping_lines.is_some() {
        return Err(Rejection::Exclusive(["shipping", "shipping_lines"]));
    }
    if body.customer_id.is_some() && body.contact.is_some() {
        return Err(Rejection::Exclusive(["customer_id", "contact"]));
    }
    Ok(())
}

fn in_time(due: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Rejection> {
    let latest = now.checked_add_signed(LONGEST_DUE).unwrap_or(now);
    match now < due && due <= latest {
        true => Ok(due.trunc_subsecs(6)),
        false => Err(Rejection::InstantOutOfRange { instant: due, earliest: now, latest }),
    }
}

pub(super) fn is_erased(id: CustomerId, reader: &Reader<'_>) -> bool {
    matches!(reader.state(&StreamId::customer(id)), Some(State::Customer(customer)) if customer.erased)
}

fn reserve(command: &PlaceOrder, conversion: Option<&HoldConversion<'_>>, reader: &Reader<'_>) -> Reservation {
    let body = &command.body;
    let wishes = (1..).zip(body.lines.iter()).map(|(number, line)| Wish {
        line: number,
        sku: &line.sku,
        location: stock_items::location(line),
        units: line.quantity.get(),
        counting: Counting::ByPolicy,
    });
    let terms = Terms { on_shortage: body.on_shortage, handling: command.stock };
    reservation::reserve(wishes, terms, |stream| {
        let level = reader.level(stream);
        conversion.map_or(level, |conversion| conversion.lift(stream, level))
    })
}

fn price(
    body: &PlaceOrderBody,
    line_pricings: Vec<LinePricing<'_>>,
    reservation: &Reservation,
) -> Result<Priced, Rejection> {
    reservation.something()?;
    let shipping = shipping(body)?;
    let ordered = body.lines.iter().zip(line_pricings).zip(&reservation.lines);
    let ordered: Vec<_> = ordered.map(|((line, line_pricing), given)| (line, line_pricing, *given)).collect();
    pricing::price(&ordered, body.discount, shipping)
}

fn shipping(body: &PlaceOrderBody) -> Result<Shipping, Rejection> {
    match &body.shipping_lines {
        Some(lines) => pricing::shipping(lines),
        None => Ok(pricing::shipping_in_one(body.shipping)),
    }
}

fn placed(
    stream: StreamId,
    order_id: OrderId,
    code: OrderCode,
    channel: &Channel,
    body: &PlaceOrderBody,
    priced: Priced,
    payment_due: Option<DateTime<Utc>>,
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
        discount: priced.discount,
        shipping: priced.shipping.total,
        shipping_lines: priced.shipping.lines,
        total: priced.total,
        note: body.note.as_ref().map(|note| note.expose().as_str().into()),
        contact: body.contact.as_ref().map(|contact| Personal::new(contact.expose().to_event())),
        shipping_address: body.shipping_address.as_ref().map(annotation::address),
        billing_address: body.billing_address.as_ref().map(annotation::address),
        tags: body.tags.to_event(),
        payment_due,
        hold_id: body.hold_id,
    };
    NewEvent { stream, event: Event::Order(OrderEvent::Placed(placed)), claim }
}

pub(super) fn expect(expected: Option<Minor>, total: Minor) -> Result<(), Rejection> {
    match expected {
        Some(expected) if expected != total => Err(Rejection::TotalMismatch { expected, total }),
        _ => Ok(()),
    }
}
