//! Persons whose personal data can be erased.

use events::{Category, CustomerId, OrderId, StreamId};
use uuid::Uuid;

/// A customer or an order whose personal data can be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataSubject {
    /// The personal data of an order, such as that of a guest.
    Order(OrderId),
    /// The personal data of a customer, on all of the customer's orders.
    Customer(CustomerId),
}

impl DataSubject {
    /// The stream that contains the erasure.
    pub fn stream(self) -> StreamId {
        match self {
            DataSubject::Order(id) => StreamId::order(id),
            DataSubject::Customer(id) => StreamId::customer(id),
        }
    }

    /// Identifies the subject: category and id of its stream.
    pub fn key(self) -> (Category, Uuid) {
        match self {
            DataSubject::Order(id) => (Category::Order, id.uuid()),
            DataSubject::Customer(id) => (Category::Customer, id.uuid()),
        }
    }
}
