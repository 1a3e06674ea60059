//! Events to test with.

use chrono::{DateTime, Utc};
use events::order::*;
use events::personal::{Address, Personal};
use events::{Event, Incarnation, Location, Metadata, Minor, OrderId, Position, Recorded, StreamId, Version, codec};
use read_model::OrderDocument;

pub(crate) fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

pub(crate) fn order_id() -> OrderId {
    OrderId::new(instant(0), [7; 10])
}

pub(crate) fn recorded(stream: &StreamId, version: i32, event: &Event) -> Recorded {
    let encoded = codec::encode(event);
    Recorded {
        incarnation: Incarnation(1),
        position: Position(i64::from(version) * 10),
        stream: stream.clone(),
        version: Version(version),
        event_type: encoded.event_type.into(),
        schema_version: encoded.schema_version,
        payload: encoded.payload,
        metadata: Metadata::default(),
        command_id: None,
        recorded_at: instant(i64::from(version)),
    }
}

pub(crate) fn line(line: u32, quantity: u32, price: i64) -> Line {
    Line {
        line,
        sku: format!("SKU-{line}").parse().unwrap(),
        name: format!("thing \"{line}\" ü"),
        quantity,
        unit_price: Minor(price),
        discount: Minor::ZERO,
        tax: Minor(price / 5),
        total: Minor(price * i64::from(quantity) + price / 5),
        pricing: events::order::pricing::Pricing { tax_rate: Some(0), ..Default::default() },
        location: Location::main(),
        backordered: 0,
        untracked: false,
    }
}

pub(crate) fn placed(lines: Vec<Line>) -> OrderEvent {
    let total = lines.iter().map(|line| line.total.0).sum::<i64>() + 500;
    OrderEvent::Placed(OrderPlaced {
        order_id: order_id(),
        code: "SON000001".parse().unwrap(),
        channel: "web".parse().unwrap(),
        currency: "GBP".parse().unwrap(),
        customer_id: None,
        external_ref: Some("inv-1".into()),
        lines,
        discount: Minor::ZERO,
        shipping: Minor(500),
        shipping_lines: Vec::new(),
        total: Minor(total),
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Default::default(),
        payment_due: None,
        hold_id: None,
    })
}

pub(crate) fn captured(amount: i64) -> OrderEvent {
    OrderEvent::PaymentCaptured(PaymentCaptured {
        payment: 1,
        amount: Minor(amount),
        method: "card".into(),
        reference: None,
    })
}

pub(crate) fn post() -> ShippingLine {
    ShippingLine {
        name: "Post".into(),
        amount: Minor(400),
        tax_rate: Some(250_000),
        tax: Minor(100),
        total: Minor(500),
    }
}

pub(crate) fn address(city: &str) -> Personal<Address> {
    let text = str::to_owned;
    Personal::new(Address {
        name: text("Ada"),
        line1: text("1 High St"),
        city: text(city),
        country: text("GB"),
        ..Default::default()
    })
}

pub(crate) fn fold_orders(mut document: Option<OrderDocument>, history: &[(i32, OrderEvent)]) -> Option<OrderDocument> {
    let stream = StreamId::order(order_id());
    for (version, event) in history {
        OrderDocument::fold(&mut document, &recorded(&stream, *version, &Event::Order(event.clone())), event).unwrap();
    }
    document
}

pub(crate) fn numbered<T>(events: Vec<T>) -> Vec<(i32, T)> {
    (1..).zip(events).collect()
}

/// The events of one order with their places in the log.
pub(crate) fn recorded_orders(history: Vec<OrderEvent>) -> Vec<(Recorded, OrderEvent)> {
    let stream = StreamId::order(order_id());
    let record =
        |(version, event): (i32, OrderEvent)| (recorded(&stream, version, &Event::Order(event.clone())), event);
    numbered(history).into_iter().map(record).collect()
}
