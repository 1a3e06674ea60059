//! Details of rejections by the state of an order: the obstacle, and the commands that are allowed instead.

use events::order::PartNo;
use events::order::progress::{FulfilmentState, Lifecycle, ReturnState};

/// The obstacle, and the commands that are allowed instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    /// Lifecycle of the order.
    pub lifecycle: Lifecycle,
    /// The part of the state that does not allow the command.
    pub obstacle: Obstacle,
    /// Commands that the state of the order allows.
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

/// The part of the state of an order that does not allow a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The order's lifecycle.
    Lifecycle,
    /// All units are shipped.
    AllShipped,
    /// A unit is shipped.
    SomeShipped,
    /// The order is on hold.
    OnHold,
    /// The state of the fulfilment.
    Fulfilment(PartNo, FulfilmentState),
    /// The fulfilment was shipped with another carrier or tracking number.
    OtherShipment(PartNo),
    /// The state of the return.
    Return(PartNo, ReturnState),
    /// The payment is captured: no authorized amount is left.
    Captured(PartNo),
}

/// A numbered part of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderPart {
    /// A payment.
    Payment,
    /// A fulfilment.
    Fulfilment,
    /// A return.
    Return,
}

/// A kind of parts whose number in an order is limited.
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
    /// Former customers.
    FormerCustomer,
}
