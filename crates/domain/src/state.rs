//! The states that commands are decided on: each is the fold of one stream, and the file of an aggregate contains its state. `evolve`
//! accepts every event. Clients that prefer a representation receive states in responses, so their fields are part of the API.

pub(crate) mod memory;

use std::sync::LazyLock;

use events::customer::EmailEvent;
use events::personal::Erase;
use events::stock::Level;
use events::{CustomerId, Event};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::customer::state::Customer;
use crate::order::state::Order;
use crate::product::state::Product;
use crate::state::memory::{TEXT, list};
use crate::stock_hold::state::StockHold;

/// Version of `evolve`. Increase it when `evolve` folds the same events into another state, so that older snapshots are
/// not used. A change of the fields changes [`shape`] by itself.
const FOLD: u32 = 2;

/// Hash of the JSON Schema of the states and of [`FOLD`]. A snapshot with another shape is not used.
pub fn shape() -> i64 {
    static SHAPE: LazyLock<i64> = LazyLock::new(|| {
        let mut schema = schemars::schema_for!(State).to_value();
        remove_descriptions(&mut schema);
        xxh3_64(format!("{FOLD} {schema}").as_bytes()) as i64
    });
    *SHAPE
}

/// Removes the descriptions from a schema: they are texts for people and do not affect the shape.
fn remove_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|name, member| !(name == "description" && member.is_string()));
            members.values_mut().for_each(remove_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_descriptions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// State of a stream that has at least one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// State of a product.
    Product(Product),
    /// State of a stock item.
    Stock(Level),
    // Boxed, because it is the largest state and most streams are of other kinds.
    /// State of an order.
    Order(Box<Order>),
    /// State of a customer.
    Customer(Customer),
    /// State of an e-mail address: the customer who has the address.
    Email(Option<CustomerId>),
    /// State of a stock hold.
    #[serde(rename = "hold")]
    StockHold(StockHold),
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
            Event::StockHold(_) => State::StockHold(StockHold::default()),
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
            (State::StockHold(hold), Event::StockHold(event)) => hold.evolve(event),
            (State::Product(_), _)
            | (State::Stock(_), _)
            | (State::Order(_), _)
            | (State::Customer(_), _)
            | (State::Email(_), _)
            | (State::StockHold(_), _) => {}
        }
    }

    /// Removes the personal data; returns whether there was any.
    pub fn erase_personal_data(&mut self) -> bool {
        match self {
            State::Order(order) => order.erase_personal_data(),
            State::Customer(customer) => customer.profile.erase(),
            State::Product(_) | State::Stock(_) | State::Email(_) | State::StockHold(_) => false,
        }
    }

    /// Estimated bytes on the heap: the elements of lists, and the texts of each element.
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
            State::StockHold(hold) => list(&hold.lines, 2),
        }
    }
}
