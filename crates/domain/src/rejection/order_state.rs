//! Details of rejections by the state of an order: the obstacle, and the commands that are allowed instead.

use events::order::PartNo;
use events::order::progress::{FulfilmentState, Lifecycle, ReturnState};

/// What stands in the way and what could be done instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    /// Whether the order goes on.
    pub lifecycle: Lifecycle,
    /// What stands in the way.
    pub obstacle: Obstacle,
    /// What the state of the order allows.
    pub allowed: Vec<OrderAction>,
}

/// A command to an order, or to one of its fulfilments or returns, that the state of the order allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderAction {
    /// Record a payment.
    RecordPayment,
    /// Record a refund.
    RecordRefund,
    /// Create a fulfilment.
    CreateFulfilment,
    /// Mark this fulfilment as shipped.
    ShipFulfilment(PartNo),
    /// Mark this fulfilment as delivered.
    DeliverFulfilment(PartNo),
    /// Cancel this fulfilment.
    CancelFulfilment(PartNo),
    /// Cancel lines, or the order.
    CancelOrder,
    /// Request a return.
    RequestReturn,
    /// Record the receipt of this return.
    ReceiveReturn(PartNo),
    /// Reject this return.
    RejectReturn(PartNo),
    /// Amend the order.
    AmendOrder,
    /// Put the order on hold.
    HoldOrder,
    /// Release the order from its hold.
    ReleaseOrder,
    /// Change the addresses.
    ChangeAddresses,
    /// Add a note.
    AddNote,
    /// Change the tags.
    TagOrder,
    /// Assign the order to a customer.
    AssignCustomer,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The order's lifecycle.
    Lifecycle,
    /// Everything is shipped.
    AllShipped,
    /// Something is shipped.
    SomeShipped,
    /// The order is on hold.
    OnHold,
    /// Where the fulfilment stands.
    Fulfilment(PartNo, FulfilmentState),
    /// The fulfilment was shipped with another carrier or tracking number.
    OtherShipment(PartNo),
    /// Where the return stands.
    Return(PartNo, ReturnState),
    /// The payment is captured: nothing is promised any more.
    Captured(PartNo),
}

/// Something with a number in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderPart {
    /// A payment.
    Payment,
    /// A fulfilment.
    Fulfilment,
    /// A return.
    Return,
}

/// Something of which an order has a limited number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Payments, fulfilments or returns.
    Part(OrderPart),
    /// Notes.
    Note,
    /// Tags.
    Tag,
    /// References of a payment provider.
    PaymentReference,
    /// Customers that it belonged to before.
    FormerCustomer,
}
