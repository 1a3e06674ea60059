//! The events of the example platform, with everything that the checkers check.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use events::order::pricing::Amounts;
use events::order::{
    CancelledLine, Disposition, FulfilmentCreated, FulfilmentShipped, Line, LineQuantity, OrderCancelled, OrderEvent,
    OrderLinesCancelled, OrderPersonalDataErased, OrderPlaced, PaymentCaptured, ReceivedUnits, RemainingLine,
    ReturnReceived, ReturnRequested,
};
use events::product::{ProductCreated, ProductEvent, ProductPriceChanged};
use events::stock::{StockEvent, StockReceived, StockReleased, StockReserved, StockRestocked, StockShipped};
use events::{
    Event, Incarnation, Location, Metadata, Minor, OrderCode, OrderId, Position, Recorded, StreamId, Version, codec,
};
use uuid::Uuid;

/// An event, and the other columns of its row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) event: Recorded,
    pub(crate) command_size: Option<i16>,
}

/// The events of all commands, in the order of the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) rows: Vec<Row>,
    versions: HashMap<StreamId, i32>,
}

impl History {
    fn command(&mut self, events: Vec<(StreamId, Event)>) {
        let size = events.len() as i16;
        for (index, (stream, event)) in events.into_iter().enumerate() {
            let version = self.versions.entry(stream.clone()).or_default();
            *version += 1;
            let position = self.rows.len() as i64 + 1;
            let encoded = codec::encode(&event);
            let event = Recorded {
                incarnation: Incarnation(1),
                position: Position(position),
                stream,
                version: Version(*version),
                event_type: encoded.event_type.to_owned(),
                schema_version: encoded.schema_version,
                payload: encoded.payload,
                metadata: Metadata::default(),
                command_id: (index == 0).then(Uuid::now_v7),
                recorded_at: instant() + Duration::microseconds(position),
            };
            self.rows.push(Row { event, command_size: (index == 0).then_some(size) });
        }
    }

    /// The events of each stream.
    pub(crate) fn streams(&self) -> HashMap<StreamId, Vec<Recorded>> {
        let mut streams: HashMap<StreamId, Vec<Recorded>> = HashMap::new();
        for row in &self.rows {
            streams.entry(row.event.stream.clone()).or_default().push(row.event.clone());
        }
        streams
    }
}

/// Note of the erased order.
pub(crate) const ERASED_NOTE: &str = "ring at Ada Lovelace";

/// A product with two orders (one is paid, shipped and partly returned, one is cancelled), and an erased order of a guest.
pub(crate) fn example() -> History {
    let (shipped_order, cancelled_order) = (order_id(1), order_id(2));
    let stock = || StreamId::stock(&"A".parse().unwrap(), &Location::main());
    let product = || StreamId::product(&"A".parse().unwrap());
    let mut history = History::default();
    history.command(vec![(product(), created())]);
    history.command(vec![(product(), priced())]);
    history.command(vec![(stock(), StockEvent::Received(StockReceived { quantity: 10, reference: None }).into())]);
    history.command(vec![
        (StreamId::order(shipped_order), placed(shipped_order, 1, 3)),
        (
            stock(),
            StockEvent::Reserved(StockReserved { order_id: shipped_order, quantity: 3, backordered: Some(0) }).into(),
        ),
    ]);
    history.command(vec![(StreamId::order(shipped_order), paid())]);
    history.command(vec![(StreamId::order(shipped_order), packed())]);
    let shipped = OrderEvent::FulfilmentShipped(FulfilmentShipped { fulfilment: 1, carrier: None, tracking: None });
    history.command(vec![
        (StreamId::order(shipped_order), shipped.into()),
        (stock(), StockEvent::Shipped(StockShipped { order_id: shipped_order, quantity: 3 }).into()),
    ]);
    history.command(vec![(StreamId::order(shipped_order), return_requested())]);
    let received = OrderEvent::ReturnReceived(ReturnReceived {
        return_no: 1,
        lines: vec![ReceivedUnits { line: 1, quantity: 1, disposition: Disposition::Restock }],
        rest: None,
    });
    history.command(vec![
        (StreamId::order(shipped_order), received.into()),
        (stock(), StockEvent::Restocked(StockRestocked { order_id: shipped_order, quantity: 1 }).into()),
    ]);
    history.command(vec![
        (StreamId::order(cancelled_order), placed(cancelled_order, 2, 2)),
        (
            stock(),
            StockEvent::Reserved(StockReserved { order_id: cancelled_order, quantity: 2, backordered: Some(0) }).into(),
        ),
    ]);
    let remaining = RemainingLine { amounts: Amounts::default(), backordered: 0 };
    let lines = vec![CancelledLine { line: 1, quantity: 2, remaining: Some(remaining) }];
    let lines = OrderLinesCancelled { lines, reason: "late".into() };
    history.command(vec![
        (StreamId::order(cancelled_order), OrderEvent::LinesCancelled(lines).into()),
        (StreamId::order(cancelled_order), OrderEvent::Cancelled(OrderCancelled { reason: "late".into() }).into()),
        (
            stock(),
            StockEvent::Released(StockReleased { order_id: cancelled_order, quantity: 2, backordered: Some(0) }).into(),
        ),
    ]);
    let guest_order = order_id(3);
    history.command(vec![(StreamId::order(guest_order), placed_by_guest(guest_order))]);
    let erased = OrderEvent::PersonalDataErased(OrderPersonalDataErased {});
    history.command(vec![(StreamId::order(guest_order), erased.into())]);
    history
}

/// Id of the example order `number`.
pub(crate) fn order_id(number: u8) -> OrderId {
    OrderId::new(instant(), [number; 10])
}

fn instant() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000).unwrap()
}

fn created() -> Event {
    let prices = [("EUR".parse().unwrap(), Minor(500)), ("GBP".parse().unwrap(), Minor(450))].into();
    ProductEvent::Created(ProductCreated {
        sku: "A".parse().unwrap(),
        name: "Lamp".into(),
        prices,
        tax_class: None,
        attributes: Default::default(),
        tags: Default::default(),
    })
    .into()
}

fn priced() -> Event {
    ProductEvent::PriceChanged(ProductPriceChanged { currency: "GBP".parse().unwrap(), price: Minor(400) }).into()
}

fn placed(order_id: OrderId, number: u64, quantity: u32) -> Event {
    OrderEvent::Placed(order(order_id, number, quantity)).into()
}

/// An order of a product that is not tracked in stock.
fn placed_by_guest(order_id: OrderId) -> Event {
    let mut order = order(order_id, 3, 1);
    order.lines[0].untracked = true;
    OrderEvent::Placed(OrderPlaced { note: Some(ERASED_NOTE.into()), ..order }).into()
}

fn order(order_id: OrderId, number: u64, quantity: u32) -> OrderPlaced {
    let total = Minor(400 * i64::from(quantity));
    let line = Line {
        line: 1,
        sku: "A".parse().unwrap(),
        name: "Lamp".into(),
        quantity,
        unit_price: Minor(400),
        discount: Minor::ZERO,
        tax: Minor::ZERO,
        total,
        pricing: events::order::pricing::Pricing { tax_rate: Some(0), ..Default::default() },
        location: Location::main(),
        backordered: 0,
        untracked: false,
    };
    OrderPlaced {
        order_id,
        code: OrderCode::new("SON", number),
        channel: "default".parse().unwrap(),
        currency: "GBP".parse().unwrap(),
        customer_id: None,
        external_ref: Some(format!("shop-{number}")),
        lines: vec![line],
        discount: Minor::ZERO,
        shipping: Minor::ZERO,
        shipping_lines: Vec::new(),
        total,
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Default::default(),
        payment_due: None,
        hold_id: None,
    }
}

fn paid() -> Event {
    let captured = PaymentCaptured { payment: 1, amount: Minor(1_200), method: "card".into(), reference: None };
    OrderEvent::PaymentCaptured(captured).into()
}

fn packed() -> Event {
    let created = FulfilmentCreated { fulfilment: 1, location: Location::main(), lines: units(3) };
    OrderEvent::FulfilmentCreated(created).into()
}

fn return_requested() -> Event {
    let requested = ReturnRequested { return_no: 1, lines: units(1), reason: "broken".into(), external_ref: None };
    OrderEvent::ReturnRequested(requested).into()
}

fn units(quantity: u32) -> Vec<LineQuantity> {
    vec![LineQuantity { line: 1, quantity }]
}
