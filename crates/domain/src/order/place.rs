//! Place an order: [`pricing`] computes the amounts, [`reservation`] reserves the stock of all lines or of none, unless
//! the caller accepts part of them.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use events::order::{OrderEvent, OrderPlaced};
use events::{ChannelCode, Currency, CustomerId, Event, OrderCode, OrderId, Personal, StockHoldId, StreamId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::decision::{Context, Decision, NewEvent};
use crate::order::line::OrderLine;
use crate::order::line_pricing::LinePricing;
use crate::order::personal_data::is_erased;
use crate::order::pricing::{Priced, Shipping, expect};
use crate::order::reservation::{Counting, Reservation, Terms, Wish};
use crate::order::shipping::ShippingLines;
use crate::order::shortage::{OnShortage, StockHandling};
use crate::order::{change_addresses, line_pricing, pricing, reservation};
use crate::reader::Reader;
use crate::rejection::EXTERNAL_REF;
use crate::rejection::Rejection;
use crate::stock::stock_units;
use crate::stock_hold::conversion::HoldConversion;
use crate::value::address::{Address, Contact};
use crate::value::amount::Price;
use crate::value::instant;
use crate::value::label::Reference;
use crate::value::lines::Lines;
use crate::value::tags::Tags;
use crate::value::text::Note;

/// Places an order and reserves its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceOrder {
    /// Body of the command.
    pub body: PlaceOrderBody,
    /// How the order reserves stock; set by the platform, not by callers.
    #[serde(skip_serializing_if = "StockHandling::is_enforce")]
    pub stock: StockHandling,
}

/// An order to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrderBody {
    /// Id of the order: a UUID version 7 that carries the instant at which the order was placed; generated if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<OrderId>,
    /// Sales channel; the default channel if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelCode>,
    /// Currency of every amount of the order.
    pub currency: Currency,
    /// Id of the customer; a guest order if left out. The customer need not be registered here, but must not be erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Id of the order in another system, unique per channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<Reference>,
    /// Lines of the order.
    pub lines: Lines<OrderLine>,
    /// Discount on the whole order before tax, in minor units; spread over the lines in proportion to their amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Price>,
    /// Shipping charge including tax, in minor units. Send `shipping_lines` instead, which state the tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub shipping: Option<Price>,
    /// Shipping charges; no shipping charge if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_lines: Option<ShippingLines>,
    /// Total that was shown to the buyer, in minor units; the order is rejected if its total differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Price>,
    /// Note of the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<Note>>,
    /// Contact of a guest; not together with `customer_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Personal<Contact>>,
    /// Shipping address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Billing address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Tags of the order.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Instant at which the order expires if it is unpaid; at most 366 days ahead.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub payment_due: Option<DateTime<Utc>>,
    /// Id of the stock hold that the order consumes: the held units are reserved for the order, and held units that the
    /// order does not need are released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<StockHoldId>,
    /// What to do if more units are requested than are in stock; the stock policy decides if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_shortage: Option<OnShortage>,
}

/// Longest time until the payment of an order is due.
const LONGEST_DUE: TimeDelta = TimeDelta::days(366);

pub(crate) fn place(command: &PlaceOrder, context: &Context, reader: &Reader<'_>) -> Decision {
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

/// Rejects fields that exclude each other.
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

fn reserve(command: &PlaceOrder, conversion: Option<&HoldConversion<'_>>, reader: &Reader<'_>) -> Reservation {
    let body = &command.body;
    let wishes = (1..).zip(body.lines.iter()).map(|(number, line)| Wish {
        line: number,
        sku: &line.sku,
        location: stock_units::location(line),
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
        shipping_address: body.shipping_address.as_ref().map(change_addresses::address),
        billing_address: body.billing_address.as_ref().map(change_addresses::address),
        tags: body.tags.to_event(),
        payment_due,
        hold_id: body.hold_id,
    };
    NewEvent { stream, event: Event::Order(OrderEvent::Placed(placed)), claim }
}

#[cfg(test)]
mod tests;
