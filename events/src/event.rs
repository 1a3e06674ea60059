//! [`Event`]: any event of any stream, grouped by the kind of stream that the event belongs to.

use crate::customer::{CustomerEvent, EmailEvent};
use crate::order::OrderEvent;
use crate::product::ProductEvent;
use crate::stock::StockEvent;
use crate::stock_hold::StockHoldEvent;

/// An event of any stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Order(OrderEvent),
    Stock(StockEvent),
    Product(ProductEvent),
    Customer(CustomerEvent),
    /// An event of an e-mail address.
    Email(EmailEvent),
    /// An event of a stock hold.
    StockHold(StockHoldEvent),
}

impl From<OrderEvent> for Event {
    fn from(event: OrderEvent) -> Self {
        Event::Order(event)
    }
}

impl From<StockEvent> for Event {
    fn from(event: StockEvent) -> Self {
        Event::Stock(event)
    }
}

impl From<ProductEvent> for Event {
    fn from(event: ProductEvent) -> Self {
        Event::Product(event)
    }
}

impl From<CustomerEvent> for Event {
    fn from(event: CustomerEvent) -> Self {
        Event::Customer(event)
    }
}

impl From<EmailEvent> for Event {
    fn from(event: EmailEvent) -> Self {
        Event::Email(event)
    }
}

impl From<StockHoldEvent> for Event {
    fn from(event: StockHoldEvent) -> Self {
        Event::StockHold(event)
    }
}
