//! Commands to returns, each in its own file, and the rules that they share.

pub mod receive;
pub mod reject;
pub mod request;

use events::order::PartNo;
use events::order::progress::{Return, ReturnState};

use crate::decision::Decision;
use crate::order::guards;
use crate::order::state::Order;
use crate::rejection::{AllowedCommand, Obstacle, OrderPart, Rejection};

pub(crate) fn find(order: &Order, number: PartNo) -> Result<&Return, Rejection> {
    guards::numbered(&order.progress.returns, OrderPart::Return, number)
}

pub(crate) fn not_allowed(order: &Order, found: &Return) -> Decision {
    Err(guards::forbidden(&order.progress, Obstacle::Return(found.return_no, found.state)))
}

/// Commands that a return in this state allows.
pub(crate) fn allowed_commands(number: PartNo, state: ReturnState) -> Vec<AllowedCommand> {
    let names: &[&str] = match state {
        ReturnState::Requested => &["receive_return", "reject_return"],
        ReturnState::Received | ReturnState::Rejected => &[],
    };
    names.iter().map(|name| AllowedCommand::to_part(name, number)).collect()
}

#[cfg(test)]
mod tests;
