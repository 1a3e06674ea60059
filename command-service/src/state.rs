//! The states that decisions are made on, each the fold of one stream. `evolve` believes every event.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use events::order::progress::Progress;
use events::order::{OrderEvent, PartNo};
use events::product::ProductEvent;
use events::stock::Level;
use events::{Currency, Event, Minor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// Raise it when `evolve` makes something else of the same events: snapshots that were folded the old way are then folded
/// anew. A change of the fields needs nothing, [`shape`] sees it.
const FOLD: u32 = 1;

/// What the states look like and how they are folded, as a number: a snapshot of another shape is none.
pub fn shape() -> i64 {
    static SHAPE: LazyLock<i64> = LazyLock::new(|| {
        let mut schema = schemars::schema_for!(State).to_value();
        forget_words(&mut schema);
        xxh3_64(format!("{FOLD} {schema}").as_bytes()) as i64
    });
    *SHAPE
}

/// What people read in a schema says nothing about the shape.
fn forget_words(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|name, member| !(name == "description" && member.is_string()));
            members.values_mut().for_each(forget_words);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_words),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// State of a stream that has at least one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Of a `product-` stream.
    Product(Product),
    /// Of a `stock-` stream.
    Stock(Level),
    /// Of an `order-` stream.
    Order(Order),
}

/// What a decision needs to know of a product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    /// What people call it.
    pub name: String,
    /// Price of one piece per currency.
    pub prices: BTreeMap<Currency, Minor>,
    /// Whether it can be ordered.
    pub active: bool,
}

/// What a decision needs to know of an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// How far it has come.
    pub progress: Progress,
    /// More of its payments, by number.
    pub payments: Vec<PaymentTrail>,
    /// What left with which carrier, by number of the fulfilment.
    pub parcels: Vec<Parcel>,
}

/// What a decision needs to know of a payment beyond its sums.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentTrail {
    /// How it was made, where that is known.
    pub method: Option<String>,
    /// Whether it was voided or failed.
    pub closed: bool,
}

/// How a fulfilment left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Parcel {
    /// Who carries it.
    pub carrier: Option<String>,
    /// The carrier's number.
    pub tracking: Option<String>,
}

impl State {
    /// The state after the first event of a stream.
    pub fn first(event: &Event) -> State {
        let mut state = match event {
            Event::Product(_) => State::Product(Product::default()),
            Event::Stock(_) => State::Stock(Level::default()),
            Event::Order(_) => State::Order(Order::default()),
        };
        state.evolve(event);
        state
    }

    /// The state after `event`; an event of another category changes nothing.
    pub fn evolve(&mut self, event: &Event) {
        match (self, event) {
            (State::Product(product), Event::Product(event)) => product.evolve(event),
            (State::Stock(level), Event::Stock(event)) => level.evolve(event),
            (State::Order(order), Event::Order(event)) => order.evolve(event),
            (State::Product(_), Event::Stock(_) | Event::Order(_))
            | (State::Stock(_), Event::Product(_) | Event::Order(_))
            | (State::Order(_), Event::Product(_) | Event::Stock(_)) => {}
        }
    }

    /// Roughly the bytes that it takes beyond its own size: what grows with the length of a list counts, with what hangs
    /// on each of its elements.
    pub fn bytes(&self) -> usize {
        match self {
            State::Product(product) => TEXT + product.prices.len() * TEXT,
            State::Stock(_) => 0,
            State::Order(order) => order.bytes(),
        }
    }
}

/// Roughly the bytes of a short text with what the allocator adds.
const TEXT: usize = 64;

fn list<T>(list: &[T], texts: usize) -> usize {
    list.len() * (size_of::<T>() + texts * TEXT)
}

impl Product {
    /// The product after `event`.
    pub fn evolve(&mut self, event: &ProductEvent) {
        match event {
            ProductEvent::Created(e) => {
                self.name.clone_from(&e.name);
                self.prices.clone_from(&e.prices);
                self.active = true;
            }
            ProductEvent::PriceChanged(e) => {
                self.prices.insert(e.currency, e.price);
            }
            ProductEvent::Discontinued(_) => self.active = false,
            ProductEvent::Reactivated(_) => self.active = true,
        }
    }
}

impl Order {
    /// The order after `event`.
    pub fn evolve(&mut self, event: &OrderEvent) {
        self.progress.evolve(event);
        match event {
            OrderEvent::PaymentAuthorized(e) => self.trail(e.payment).method = Some(e.method.clone()),
            OrderEvent::PaymentCaptured(e) => self.trail(e.payment).method = Some(e.method.clone()),
            OrderEvent::PaymentVoided(e) => self.trail(e.payment).closed = true,
            OrderEvent::PaymentFailed(e) => self.trail(e.payment).closed = true,
            OrderEvent::FulfilmentShipped(e) => {
                let parcel = Parcel { carrier: e.carrier.clone(), tracking: e.tracking.clone() };
                *numbered(&mut self.parcels, e.fulfilment) = parcel;
            }
            OrderEvent::Placed(_)
            | OrderEvent::FulfilmentCreated(_)
            | OrderEvent::FulfilmentDelivered(_)
            | OrderEvent::FulfilmentCancelled(_)
            | OrderEvent::LinesCancelled(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::ReturnRequested(_)
            | OrderEvent::ReturnReceived(_)
            | OrderEvent::ReturnRejected(_)
            | OrderEvent::RefundRecorded(_) => {}
        }
    }

    fn bytes(&self) -> usize {
        let Progress { lines, payments, fulfilments, returns, .. } = &self.progress;
        let pieces = fulfilments.iter().map(|fulfilment| &fulfilment.lines).chain(returns.iter().map(|r| &r.lines));
        list(lines, 2)
            + list(payments, 0)
            + list(fulfilments, 1)
            + list(returns, 0)
            + pieces.map(|pieces| list(pieces, 0)).sum::<usize>()
            + list(&self.payments, 1)
            + list(&self.parcels, 2)
    }

    /// More of the payment with this number.
    pub fn payment(&self, payment: PartNo) -> Option<&PaymentTrail> {
        self.payments.get((payment as usize).checked_sub(1)?)
    }

    /// How the fulfilment with this number left.
    pub fn parcel(&self, fulfilment: PartNo) -> Option<&Parcel> {
        self.parcels.get((fulfilment as usize).checked_sub(1)?)
    }

    fn trail(&mut self, payment: PartNo) -> &mut PaymentTrail {
        numbered(&mut self.payments, payment)
    }
}

/// The part with this number, from 1; those before it that nothing was said of are empty.
fn numbered<T: Default>(parts: &mut Vec<T>, number: PartNo) -> &mut T {
    let index = number.saturating_sub(1) as usize;
    if parts.len() <= index {
        parts.resize_with(index + 1, T::default);
    }
    &mut parts[index]
}
