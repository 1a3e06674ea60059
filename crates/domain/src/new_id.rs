//! The id of what a command creates. The id is drawn before the decision, so that rules contain no randomness.

use events::{CustomerId, HoldId, OrderId};
use uuid::Uuid;

/// A fresh UUID version 7: becomes the id of the order, customer or hold that a command makes without naming one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewId(Uuid);

impl NewId {
    /// An id of this instant.
    pub fn now() -> NewId {
        NewId(Uuid::now_v7())
    }

    /// As an order's.
    pub fn order(self) -> OrderId {
        OrderId::try_from(self.0).expect("a new id is a UUID version 7")
    }

    /// As a customer's.
    pub fn customer(self) -> CustomerId {
        CustomerId::try_from(self.0).expect("a new id is a UUID version 7")
    }

    /// As a hold's.
    pub fn hold(self) -> HoldId {
        HoldId::try_from(self.0).expect("a new id is a UUID version 7")
    }

    /// As it is stored.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<OrderId> for NewId {
    fn from(id: OrderId) -> NewId {
        NewId(id.uuid())
    }
}
