//! All commands. Commands to one aggregate are grouped, as events are: the id of the aggregate and a command of its
//! group, such as [`OrderCommand`]. The body of a command is a struct of its own, which HTTP parses.
//!
//! Bodies consist of validated values ([`value`](crate::value)), so the rules only decide. Bodies are also serialised
//! to compute the [`fingerprint`] of a command: absent fields are left out, so a new optional field never changes the
//! fingerprint of a known command.

pub mod fingerprint;
pub(crate) mod name_and_instant;

use chrono::{DateTime, SubsecRound, Utc};
use events::{CustomerId, OrderId, Sku, StockHoldId, StreamId};

use crate::command::name_and_instant::NameAndInstant;
use crate::customer::CustomerCommand;
use crate::customer::register::RegisterCustomer;
use crate::new_id::NewId;
use crate::order::OrderCommand;
use crate::order::place::PlaceOrder;
use crate::product::ProductCommand;
use crate::product::create::CreateProduct;
use crate::stock::StockCommand;
use crate::stock::item::StockItem;
use crate::stock::transfer::TransferStock;
use crate::stock_hold::StockHoldCommand;
use crate::stock_hold::place::HoldStock;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Create a product.
    CreateProduct { body: CreateProduct },
    /// A command to a product.
    Product(Sku, ProductCommand),
    /// A command to a stock item.
    Stock(StockItem, StockCommand),
    /// Move units from one location to another.
    TransferStock { body: TransferStock },
    /// Place a stock hold.
    HoldStock { body: HoldStock },
    /// A command to a stock hold.
    StockHold(StockHoldId, StockHoldCommand),
    /// Register a customer.
    RegisterCustomer(RegisterCustomer),
    /// A command to a customer.
    Customer(CustomerId, CustomerCommand),
    /// Place an order.
    PlaceOrder(PlaceOrder),
    /// A command to an order.
    Order(OrderId, OrderCommand),
}

impl Command {
    /// The name of the command in metrics, logs and batches.
    pub fn name(&self) -> &'static str {
        self.name_and_instant().0
    }

    /// Instant of the command, to the microsecond, if the caller states an instant: the field `occurred_at`, or the
    /// instant that the id in the command carries.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.name_and_instant().1.map(|instant| instant.trunc_subsecs(6))
    }

    /// The stream that the command addresses: the stream of the first event, and of the version in the answer.
    pub fn target(&self, new_id: NewId) -> StreamId {
        match self {
            Command::CreateProduct { body } => StreamId::product(&body.sku),
            Command::Product(sku, _) => StreamId::product(sku),
            Command::Stock(item, _) => item.stream(),
            Command::TransferStock { body } => StreamId::stock(&body.sku, &body.from),
            Command::HoldStock { body } => StreamId::stock_hold(body.id.unwrap_or_else(|| new_id.hold())),
            Command::StockHold(hold_id, _) => StreamId::stock_hold(*hold_id),
            Command::RegisterCustomer(c) => StreamId::customer(c.body.id.unwrap_or_else(|| new_id.customer())),
            Command::Customer(customer_id, _) => StreamId::customer(*customer_id),
            Command::PlaceOrder(c) => StreamId::order(c.body.id.unwrap_or_else(|| new_id.order())),
            Command::Order(order_id, _) => StreamId::order(*order_id),
        }
    }

    pub(crate) fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Command::CreateProduct { body } => ("create_product", body.occurred_at),
            Command::Product(_, command) => command.name_and_instant(),
            Command::Stock(_, command) => command.name_and_instant(),
            Command::TransferStock { body } => ("transfer_stock", body.occurred_at),
            Command::HoldStock { body } => ("hold_stock", body.id.map(StockHoldId::instant)),
            Command::StockHold(_, command) => command.name_and_instant(),
            Command::RegisterCustomer(c) => ("register_customer", c.body.id.map(CustomerId::instant)),
            Command::Customer(_, command) => command.name_and_instant(),
            Command::PlaceOrder(c) => ("place_order", c.body.id.map(OrderId::instant)),
            Command::Order(_, command) => command.name_and_instant(),
        }
    }
}

#[cfg(test)]
mod tests;
