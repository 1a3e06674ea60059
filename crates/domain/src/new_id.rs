//! The id of what a command creates. The id is drawn before the decision, so that rules contain no randomness.

use events::{CustomerId, OrderId, StockHoldId};
use uuid::Uuid;

/// A new UUID version 7: the id of the order, customer or stock hold that a command without an id creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewId(Uuid);

impl NewId {
    /// A new id that carries the current instant.
    pub fn now() -> NewId {
        NewId(Uuid::now_v7())
    }

    /// The id as the id of an order.
    pub fn order(self) -> OrderId {
        OrderId::try_from(self.0).expect("a new id is a UUID version 7")
    }

    /// The id as the id of a customer.
    pub fn customer(self) -> CustomerId {
        CustomerId::try_from(self.0).expect("a new id is a UUID version 7")
    }

    /// The id as the id of a stock hold.
    pub fn hold(self) -> StockHoldId {
        StockHoldId::try_from(self.0).expect("a new id is a UUID version 7")
    }

    /// The id as a UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<OrderId> for NewId {
    fn from(id: OrderId) -> NewId {
        NewId(id.uuid())
    }
}
