//! A log of each kind, and rows to append.

use chrono::{DateTime, Utc};
use command_service::log::batch::{Appended, CommandHeader, NewRow};
use command_service::log::snapshot::StreamItem;
use command_service::log::{self, Log};
use events::order::{Line, OrderEvent, OrderPlaced};
use events::stock::{StockEvent, StockReceived};
use events::{Event, Location, Minor, OrderCode, OrderId, Position, StreamId, Version};
use testbed::Bed;
use uuid::Uuid;

/// A log of each kind, both empty.
pub(crate) async fn logs() -> [Log; 2] {
    let bed = Bed::new().await.unwrap();
    [Log::in_memory(), Log::new(log::connect(bed.writer_url().unwrap().parse().unwrap(), 4))]
}

pub(crate) fn stock_item(sku: &str) -> StreamId {
    format!("stock-{sku}@main").parse().unwrap()
}

pub(crate) fn row(sku: &str, version: i32) -> NewRow {
    let received = StockEvent::Received(StockReceived { quantity: 1, reference: None });
    NewRow::new(stock_item(sku), Version(version), &received.into())
}

/// The rows of versions `first..=last` of one stock item.
pub(crate) fn rows(sku: &str, first: i32, last: i32) -> Vec<NewRow> {
    (first..=last).map(|version| row(sku, version)).collect()
}

pub(crate) fn placed(prefix: &str, number: u64) -> NewRow {
    let mut random = [prefix.as_bytes()[0]; 10];
    random[6..].copy_from_slice(&(number as u32).to_be_bytes());
    let order_id = OrderId::new(DateTime::UNIX_EPOCH, random);
    let line = Line {
        line: 1,
        sku: "A".parse().unwrap(),
        name: "A".into(),
        quantity: 1,
        unit_price: Minor(1),
        discount: Minor::ZERO,
        tax: Minor::ZERO,
        total: Minor(1),
        pricing: events::order::pricing::Pricing { tax_rate: Some(0), ..Default::default() },
        location: Location::main(),
        backordered: 0,
        untracked: false,
    };
    let placed = OrderPlaced {
        order_id,
        code: OrderCode::new(prefix, number),
        channel: "default".parse().unwrap(),
        currency: "GBP".parse().unwrap(),
        customer_id: None,
        external_ref: None,
        lines: vec![line],
        discount: Minor::ZERO,
        shipping: Minor::ZERO,
        shipping_lines: Vec::new(),
        total: Minor(1),
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Default::default(),
        payment_due: None,
        hold_id: None,
    };
    NewRow::new(StreamId::order(order_id), Version(1), &Event::Order(OrderEvent::Placed(placed)))
}

pub(crate) fn header(id: Uuid, size: i16) -> Option<CommandHeader> {
    Some(CommandHeader { id, fingerprint: 7, size })
}

pub(crate) async fn append(log: &Log, rows: &[NewRow]) -> Position {
    let head = log.head().await.unwrap();
    match log.append(head, Utc::now(), rows).await {
        Appended::After(base, _) => base,
        other => panic!("not appended: {other:?}"),
    }
}

pub(crate) async fn load(log: &Log, streams: &[StreamId], shape: i64) -> Vec<StreamItem> {
    let mut items = Vec::new();
    log.load(streams, shape, |item| items.push(item)).await.unwrap();
    items
}
