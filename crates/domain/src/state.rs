//! The states that decisions are made on, each the fold of one stream; that of an order is in [`order`], because there is most
//! to know of it. `evolve` believes every event. Callers who prefer a representation are shown them, so their fields are part
//! of the API.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use events::customer::{CustomerEvent, EmailEvent};
use events::hold::{HoldEvent, HoldLine};
use events::personal::{Erase, Personal, Profile};
use events::product::ProductEvent;
use events::stock::Level;
use events::{Currency, CustomerId, EmailHash, Event, Minor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

mod order;

pub use order::{Order, Parcel, PaymentTrail, Transaction, TransactionKind};

/// Raise it when `evolve` makes something else of the same events: snapshots that were folded the old way are then folded
/// anew. A change of the fields needs nothing, [`shape`] sees it.
const FOLD: u32 = 2;

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
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Of a `product-` stream.
    Product(Product),
    /// Of a `stock-` stream.
    Stock(Level),
    /// Of an `order-` stream; boxed, because there is most to know of it and most streams are of other kinds.
    Order(Box<Order>),
    /// Of a `customer-` stream.
    Customer(Customer),
    /// Of an `email-` stream: who has the address.
    Email(Option<CustomerId>),
    /// Of a `hold-` stream.
    Hold(Hold),
}

/// What a decision needs to know of a product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    /// What people call it.
    pub name: String,
    /// Price of one unit per currency.
    pub prices: BTreeMap<Currency, Minor>,
    /// What tax engines call its kind of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// What else is known of it.
    pub attributes: BTreeMap<String, String>,
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// Whether it can be ordered.
    pub active: bool,
}

/// What a decision needs to know of a customer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Customer {
    /// The stream of the e-mail address; none of one who is forgotten.
    pub email_hash: Option<EmailHash>,
    /// Who it is.
    pub profile: Personal<Profile>,
    /// Words to find customers by.
    pub tags: BTreeSet<String>,
    /// Whether the customer is to be forgotten.
    pub erased: bool,
}

/// What a decision needs to know of a hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// What it keeps, or kept.
    pub lines: Vec<HoldLine>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// The cart or session, as the caller named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether it still keeps anything.
    pub standing: HoldStanding,
}

/// Whether a hold still keeps anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldStanding {
    /// It does.
    #[default]
    Open,
    /// It was given back.
    Released,
    /// Its time was over.
    Expired,
    /// An order consumed it.
    Consumed,
}

impl State {
    /// The state after the first event of a stream.
    pub fn first(event: &Event) -> State {
        let mut state = match event {
            Event::Product(_) => State::Product(Product::default()),
            Event::Stock(_) => State::Stock(Level::default()),
            Event::Order(_) => State::Order(Box::default()),
            Event::Customer(_) => State::Customer(Customer::default()),
            Event::Email(_) => State::Email(None),
            Event::Hold(_) => State::Hold(Hold::default()),
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
            (State::Customer(customer), Event::Customer(event)) => customer.evolve(event),
            (State::Email(owner), Event::Email(event)) => {
                *owner = match event {
                    EmailEvent::Taken(e) => Some(e.customer_id),
                    EmailEvent::Freed(_) => None,
                };
            }
            (State::Hold(hold), Event::Hold(event)) => hold.evolve(event),
            (State::Product(_), _)
            | (State::Stock(_), _)
            | (State::Order(_), _)
            | (State::Customer(_), _)
            | (State::Email(_), _)
            | (State::Hold(_), _) => {}
        }
    }

    /// Removes everything personal; says whether there was anything.
    pub fn erase_personal_data(&mut self) -> bool {
        match self {
            State::Order(order) => order.erase_personal_data(),
            State::Customer(customer) => customer.profile.erase(),
            State::Product(_) | State::Stock(_) | State::Email(_) | State::Hold(_) => false,
        }
    }

    /// Roughly the bytes that it takes beyond its own size: what grows with the length of a list counts, with what hangs
    /// on each of its elements.
    pub fn bytes(&self) -> usize {
        match self {
            State::Product(product) => {
                (1 + product.prices.len() + 2 * product.attributes.len() + product.tags.len()) * TEXT
            }
            State::Stock(_) | State::Email(_) => 0,
            State::Order(order) => size_of::<Order>() + order.bytes(),
            State::Customer(customer) => {
                let addresses = &customer.profile.expose().addresses;
                3 * TEXT + list(addresses, 8) + customer.tags.len() * TEXT
            }
            State::Hold(hold) => list(&hold.lines, 2),
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
                self.tax_class.clone_from(&e.tax_class);
                self.attributes.clone_from(&e.attributes);
                self.tags.clone_from(&e.tags);
                self.active = true;
            }
            ProductEvent::Updated(e) => {
                self.name.clone_from(&e.name);
                self.tax_class.clone_from(&e.tax_class);
                self.attributes.clone_from(&e.attributes);
                self.tags.clone_from(&e.tags);
            }
            ProductEvent::PriceChanged(e) => {
                self.prices.insert(e.currency, e.price);
            }
            ProductEvent::Discontinued(_) => self.active = false,
            ProductEvent::Reactivated(_) => self.active = true,
        }
    }
}

impl Customer {
    /// The customer after `event`.
    pub fn evolve(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Registered(e) => {
                self.email_hash = Some(e.email_hash);
                self.profile.clone_from(&e.profile);
                self.tags.clone_from(&e.tags);
            }
            CustomerEvent::Updated(e) => {
                self.email_hash = Some(e.email_hash);
                self.profile.clone_from(&e.profile);
                self.tags.clone_from(&e.tags);
            }
            CustomerEvent::Erased(_) => *self = Customer { erased: true, ..Customer::default() },
        }
    }
}

impl Hold {
    /// Whether it keeps anything at this instant. One whose time is over keeps nothing for anybody, even before that is
    /// written down.
    pub fn stands_at(&self, now: DateTime<Utc>) -> bool {
        self.standing == HoldStanding::Open && now < self.expires_at
    }

    /// The hold after `event`.
    pub fn evolve(&mut self, event: &HoldEvent) {
        match event {
            HoldEvent::Placed(e) => {
                self.lines.clone_from(&e.lines);
                self.expires_at = e.expires_at;
                self.reference.clone_from(&e.reference);
            }
            HoldEvent::Released(_) => self.standing = HoldStanding::Released,
            HoldEvent::Expired(_) => self.standing = HoldStanding::Expired,
            HoldEvent::Consumed(_) => self.standing = HoldStanding::Consumed,
        }
    }
}
