//! Events to test with.

use chrono::{DateTime, Utc};
use events::order::pricing::Pricing;
use events::order::*;
use events::product::*;
use events::stock::*;
use events::{CustomerId, Location, Minor, OrderId, Sku, StreamId};

pub(crate) fn sku(name: &str) -> Sku {
    name.parse().unwrap()
}

pub(crate) fn stock_stream(name: &str) -> StreamId {
    StreamId::stock(&sku(name), &Location::main())
}

pub(crate) fn product_stream(name: &str) -> StreamId {
    StreamId::product(&sku(name))
}

pub(crate) fn order_at(placed_at: DateTime<Utc>, number: u8) -> (OrderId, StreamId) {
    let id = OrderId::new(placed_at, [number; 10]);
    (id, StreamId::order(id))
}

pub(crate) fn placed(order_id: OrderId, number: u64) -> OrderEvent {
    let line = Line {
        line: 1,
        sku: sku("MUG"),
        name: "Mug \"ü\" 'x'".into(),
        quantity: 2,
        unit_price: Minor(500),
        discount: Minor::ZERO,
        tax: Minor(200),
        total: Minor(1200),
        pricing: taxed(),
        location: Location::main(),
        backordered: 0,
        untracked: false,
    };
    OrderEvent::Placed(OrderPlaced {
        order_id,
        code: events::OrderCode::new("SON", number),
        channel: "web".parse().unwrap(),
        currency: "GBP".parse().unwrap(),
        customer_id: None,
        external_ref: None,
        lines: vec![line],
        discount: Minor::ZERO,
        shipping: Minor(300),
        shipping_lines: Vec::new(),
        total: Minor(1500),
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Default::default(),
        payment_due: None,
        hold_id: None,
    })
}

/// At 20 %.
fn taxed() -> Pricing {
    Pricing { tax_rate: Some(200_000), ..Pricing::default() }
}

pub(crate) fn captured(amount: i64) -> OrderEvent {
    let (payment, method) = (1, "card".to_owned());
    OrderEvent::PaymentCaptured(PaymentCaptured { payment, amount: Minor(amount), method, reference: None })
}

/// One more mug.
pub(crate) fn grown() -> OrderEvent {
    let (discount, tax, total, with_cancelled) = (Minor::ZERO, Minor(300), Minor(1800), false);
    OrderEvent::Amended(OrderAmended {
        added: Vec::new(),
        changed: vec![LineChange {
            line: 1,
            quantity: 3,
            discount,
            tax,
            total,
            pricing: taxed(),
            with_cancelled,
            backordered: 0,
        }],
        shipping_lines: None,
        shipping: Minor(300),
        total: Minor(2100),
        reason: None,
    })
}

pub(crate) fn tagged(added: &[&str], removed: &[&str]) -> OrderEvent {
    let set = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    OrderEvent::Tagged(OrderTagged { added: set(added), removed: set(removed) })
}

pub(crate) fn customer_id() -> CustomerId {
    CustomerId::new(DateTime::UNIX_EPOCH, [1; 10])
}

pub(crate) fn assigned() -> OrderEvent {
    OrderEvent::CustomerAssigned(OrderCustomerAssigned { customer_id: customer_id() })
}

pub(crate) fn fulfilment_created() -> OrderEvent {
    let lines = vec![LineQuantity { line: 1, quantity: 2 }];
    OrderEvent::FulfilmentCreated(FulfilmentCreated { fulfilment: 1, location: Location::main(), lines })
}

pub(crate) fn shipped() -> OrderEvent {
    OrderEvent::FulfilmentShipped(FulfilmentShipped {
        fulfilment: 1,
        carrier: Some("post".into()),
        tracking: Some("T1".into()),
    })
}

pub(crate) fn received(quantity: u32) -> StockEvent {
    StockEvent::Received(StockReceived { quantity, reference: None })
}

pub(crate) fn reserved(order_id: OrderId, quantity: u32) -> StockEvent {
    StockEvent::Reserved(StockReserved { order_id, quantity, backordered: Some(0) })
}

pub(crate) fn released(order_id: OrderId, quantity: u32) -> StockEvent {
    StockEvent::Released(StockReleased { order_id, quantity, backordered: Some(0) })
}

pub(crate) fn created(name: &str, title: &str, pence: i64) -> ProductEvent {
    let prices = [("GBP".parse().unwrap(), Minor(pence)), ("EUR".parse().unwrap(), Minor(pence + 20))].into();
    ProductEvent::Created(ProductCreated {
        sku: sku(name),
        name: title.into(),
        prices,
        tax_class: None,
        attributes: Default::default(),
        tags: Default::default(),
    })
}

pub(crate) fn price_changed(pence: i64) -> ProductEvent {
    ProductEvent::PriceChanged(ProductPriceChanged { currency: "GBP".parse().unwrap(), price: Minor(pence) })
}

pub(crate) fn updated(title: &str) -> ProductEvent {
    ProductEvent::Updated(ProductUpdated {
        name: title.into(),
        tax_class: Some("reduced".into()),
        attributes: [("colour".into(), "\"red\" 'ü'".into())].into(),
        tags: ["b".into(), "a".into()].into(),
    })
}

pub(crate) fn transferred_out(quantity: u32) -> StockEvent {
    let to = "shop".parse().unwrap();
    StockEvent::TransferredOut(StockTransferredOut { to, quantity, reference: None })
}

pub(crate) fn backorders(limit: u32, safety: u32) -> StockEvent {
    StockEvent::PolicyChanged(StockPolicyChanged { policy: StockPolicy::Backorder { limit }, safety })
}
