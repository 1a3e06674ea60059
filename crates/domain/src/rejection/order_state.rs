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
    pub allowed: Vec<AllowedCommand>,
}

/// A command that the state of an order allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowedCommand {
    /// Name of the command, as [`Command::name`](crate::command::Command::name).
    pub name: &'static str,
    /// Number of the fulfilment or return; none for a command to the order itself.
    pub part: Option<PartNo>,
}

impl AllowedCommand {
    /// A command to the order itself.
    pub const fn to_order(name: &'static str) -> AllowedCommand {
        AllowedCommand { name, part: None }
    }

    /// A command to this fulfilment or return of the order.
    pub const fn to_part(name: &'static str, part: PartNo) -> AllowedCommand {
        AllowedCommand { name, part: Some(part) }
    }
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
