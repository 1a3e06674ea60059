//! Events of a small shop, and commands from their JSON.

use chrono::{DateTime, Utc};
use events::customer::{CustomerEmailTaken, CustomerEvent, CustomerRegistered, EmailEvent};
use events::order::pricing::{Amounts, Pricing};
use events::order::{
    CancelledLine, FulfilmentCancelled, FulfilmentCreated, FulfilmentDelivered, FulfilmentShipped, Line, LineQuantity,
    OrderAddressesChanged, OrderCancelled, OrderEvent, OrderLinesCancelled, OrderPlaced, PaymentAuthorized,
    PaymentCaptured, RemainingLine, ReturnRequested,
};
use events::product::{ProductCreated, ProductDiscontinued, ProductEvent};
use events::stock::{
    StockEvent, StockHeld, StockPolicy, StockPolicyChanged, StockReceived, StockReleased, StockReserved, StockShipped,
};
use events::stock_hold::{HoldLine, HoldPlaced, StockHoldEvent};
use events::{CustomerId, Location, Minor, OrderCode, OrderId, Personal, Sku, StockHoldId, StreamId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::customer::tests::hash;
use crate::rejection::AllowedCommand;
use crate::tests::scenario::{Past, now};

pub(crate) fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}

pub(crate) fn main() -> Location {
    Location::main()
}

/// The id of the order in these tests.
pub(crate) fn order_id() -> OrderId {
    OrderId::new(now(), [1; 10])
}

/// A body as a caller sends it.
pub(crate) fn body<T: DeserializeOwned>(json: Value) -> T {
    // The body is parsed from text, as in HTTP requests: deserialisation from a `Value` differs.
    serde_json::from_str(&json.to_string()).unwrap()
}

/// A product that is sold at 450 GBP pence.
pub(crate) fn product(text: &str) -> Vec<Past> {
    let prices = [("GBP".parse().unwrap(), Minor(450))].into();
    let created = ProductCreated {
        sku: sku(text),
        name: format!("Product {text}"),
        prices,
        tax_class: None,
        attributes: Default::default(),
        tags: Default::default(),
    };
    vec![(StreamId::product(&sku(text)), ProductEvent::Created(created).into())]
}

pub(crate) fn discontinued(text: &str) -> Vec<Past> {
    vec![(StreamId::product(&sku(text)), ProductEvent::Discontinued(ProductDiscontinued {}).into())]
}

pub(crate) fn on_item(text: &str, event: StockEvent) -> Vec<Past> {
    vec![(StreamId::stock(&sku(text), &main()), event.into())]
}

pub(crate) fn received(text: &str, quantity: u32) -> Vec<Past> {
    on_item(text, StockEvent::Received(StockReceived { quantity, reference: None }))
}

pub(crate) fn reserved(text: &str, quantity: u32) -> Vec<Past> {
    reserved_beyond(text, quantity, 0)
}

/// Units are reserved, of which `backordered` are not on hand.
pub(crate) fn reserved_beyond(text: &str, quantity: u32, backordered: u32) -> Vec<Past> {
    let backordered = Some(backordered);
    on_item(text, StockEvent::Reserved(StockReserved { order_id: order_id(), quantity, backordered }))
}

pub(crate) fn released(text: &str, quantity: u32) -> Vec<Past> {
    released_beyond(text, quantity, 0)
}

/// Units are released, of which `backordered` had no unit on hand assigned.
pub(crate) fn released_beyond(text: &str, quantity: u32, backordered: u32) -> Vec<Past> {
    let backordered = Some(backordered);
    on_item(text, StockEvent::Released(StockReleased { order_id: order_id(), quantity, backordered }))
}

pub(crate) fn left(text: &str, quantity: u32) -> Vec<Past> {
    on_item(text, StockEvent::Shipped(StockShipped { order_id: order_id(), quantity }))
}

pub(crate) fn policy(text: &str, policy: StockPolicy, safety: u32) -> Vec<Past> {
    on_item(text, StockEvent::PolicyChanged(StockPolicyChanged { policy, safety }))
}

/// A stock hold of these units at `main`.
pub(crate) fn held<const N: usize>(
    hold_id: StockHoldId,
    lines: [(&str, u32); N],
    expires_at: DateTime<Utc>,
) -> Vec<Past> {
    let lines = lines.map(|(text, quantity)| HoldLine { sku: sku(text), location: main(), quantity, backordered: 0 });
    let items = lines.iter().map(|line| {
        let held = StockEvent::Held(StockHeld { hold_id, quantity: line.quantity, backordered: Some(0) });
        (StreamId::stock(&line.sku, &line.location), held.into())
    });
    let items: Vec<Past> = items.collect();
    let placed = HoldPlaced { hold_id, lines: lines.to_vec(), expires_at, reference: None };
    [vec![(StreamId::stock_hold(hold_id), StockHoldEvent::Placed(placed).into())], items].concat()
}

pub(crate) fn registered(customer_id: CustomerId) -> Vec<Past> {
    let email_hash = hash(&format!("{customer_id}@example.com"));
    let (profile, tags) = Default::default();
    let registered = CustomerRegistered { customer_id, email_hash, profile, tags };
    vec![
        (StreamId::customer(customer_id), CustomerEvent::Registered(registered).into()),
        (StreamId::email(email_hash), EmailEvent::Taken(CustomerEmailTaken { customer_id }).into()),
    ]
}

pub(crate) fn of_order(event: OrderEvent) -> Vec<Past> {
    vec![(StreamId::order(order_id()), event.into())]
}

/// The order, placed with these lines of 450 pence a unit at `main`; their stock is reserved.
pub(crate) fn placed<const N: usize>(lines: [(&str, u32); N]) -> Vec<Past> {
    let mut past = of_order(OrderEvent::Placed(order_placed(lines)));
    past.extend(lines.into_iter().flat_map(|(sku, quantity)| {
        let mut item = received(sku, quantity);
        item.extend(reserved(sku, quantity));
        item
    }));
    past
}

pub(crate) fn order_placed<const N: usize>(lines: [(&str, u32); N]) -> OrderPlaced {
    let lines: Vec<Line> = lines.into_iter().enumerate().map(|(index, (sku, units))| line(index, sku, units)).collect();
    OrderPlaced {
        order_id: order_id(),
        code: OrderCode::new("SON", 1),
        channel: "web".parse().unwrap(),
        currency: "GBP".parse().unwrap(),
        customer_id: None,
        external_ref: None,
        discount: Minor::ZERO,
        shipping: Minor::ZERO,
        shipping_lines: Vec::new(),
        total: Minor::sum(lines.iter().map(|line| line.total)).unwrap(),
        lines,
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Default::default(),
        payment_due: None,
        hold_id: None,
    }
}

fn line(index: usize, text: &str, quantity: u32) -> Line {
    Line {
        line: index as u32 + 1,
        sku: sku(text),
        name: format!("Product {text}"),
        quantity,
        unit_price: Minor(450),
        discount: Minor::ZERO,
        tax: Minor::ZERO,
        total: Minor(450 * i64::from(quantity)),
        pricing: taxed(0),
        location: main(),
        backordered: 0,
        untracked: false,
    }
}

/// The pricing of a line without discounts, with this tax rate in millionths.
pub(crate) fn taxed(tax_rate: u32) -> Pricing {
    Pricing { tax_rate: Some(tax_rate), ..Pricing::default() }
}

pub(crate) fn units<const N: usize>(units: [(u32, u32); N]) -> Vec<LineQuantity> {
    units.into_iter().map(|(line, quantity)| LineQuantity { line, quantity }).collect()
}

pub(crate) fn packed<const N: usize>(fulfilment: u32, lines: [(u32, u32); N]) -> Vec<Past> {
    let created = FulfilmentCreated { fulfilment, location: main(), lines: units(lines) };
    of_order(OrderEvent::FulfilmentCreated(created))
}

pub(crate) fn shipped(fulfilment: u32) -> Vec<Past> {
    let (carrier, tracking) = (Some("DHL".to_owned()), Some("T1".to_owned()));
    of_order(OrderEvent::FulfilmentShipped(FulfilmentShipped { fulfilment, carrier, tracking }))
}

pub(crate) fn delivered(fulfilment: u32) -> Vec<Past> {
    of_order(OrderEvent::FulfilmentDelivered(FulfilmentDelivered { fulfilment }))
}

pub(crate) fn unpacked(fulfilment: u32) -> Vec<Past> {
    of_order(OrderEvent::FulfilmentCancelled(FulfilmentCancelled { fulfilment }))
}

/// Units of lines at 450 were cancelled; the third number is how many units are left of the line.
pub(crate) fn lines_cancelled<const N: usize>(lines: [(u32, u32, i64); N]) -> Vec<Past> {
    let cancelled = |(line, quantity, left)| {
        let amounts = Amounts { total: Minor(450 * left), ..Amounts::default() };
        CancelledLine { line, quantity, remaining: Some(RemainingLine { amounts, backordered: 0 }) }
    };
    let (lines, reason) = (lines.into_iter().map(cancelled).collect(), "changed mind".into());
    of_order(OrderEvent::LinesCancelled(OrderLinesCancelled { lines, reason }))
}

pub(crate) fn cancelled() -> Vec<Past> {
    of_order(OrderEvent::Cancelled(OrderCancelled { reason: "changed mind".into() }))
}

pub(crate) fn authorized(payment: u32, amount: i64) -> Vec<Past> {
    let (amount, method) = (Minor(amount), "card".to_owned());
    of_order(OrderEvent::PaymentAuthorized(PaymentAuthorized { payment, amount, method, reference: None }))
}

pub(crate) fn captured(payment: u32, amount: i64) -> Vec<Past> {
    let (amount, method) = (Minor(amount), "card".to_owned());
    of_order(OrderEvent::PaymentCaptured(PaymentCaptured { payment, amount, method, reference: None }))
}

pub(crate) fn return_requested<const N: usize>(return_no: u32, lines: [(u32, u32); N]) -> Vec<Past> {
    let (lines, reason) = (units(lines), "too small".into());
    of_order(OrderEvent::ReturnRequested(ReturnRequested { return_no, lines, reason, external_ref: None }))
}

/// These commands, and the commands that every state of an order allows.
pub(crate) fn words(allowed: &[AllowedCommand]) -> Vec<AllowedCommand> {
    [
        allowed,
        &[
            AllowedCommand::to_order("add_note"),
            AllowedCommand::to_order("tag_order"),
            AllowedCommand::to_order("assign_customer"),
        ],
    ]
    .concat()
}

/// An address in the JSON that callers send.
pub(crate) fn address(city: &str) -> Value {
    json!({ "name": "Ada", "line1": "1 High St", "city": city, "country": "GB" })
}

pub(crate) fn addresses_changed(shipping: Option<&str>, billing: Option<&str>) -> Vec<Past> {
    let at = |city: &str| Personal::new(serde_json::from_value(address(city)).unwrap());
    let changed = OrderAddressesChanged { shipping_address: shipping.map(at), billing_address: billing.map(at) };
    of_order(OrderEvent::AddressesChanged(changed))
}
