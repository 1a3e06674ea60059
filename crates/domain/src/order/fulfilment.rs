//! Commands to fulfilments, each in its own file, and the rules that they share.

pub mod cancel;
pub mod create;
pub mod deliver;
pub mod ship;

use events::StreamId;
use events::order::progress::{Fulfilment, FulfilmentState, Progress};
use events::order::{FulfilmentCancelled, OrderEvent, PartNo};

use crate::decision::{Decision, NewEvent};
use crate::order::guards;
use crate::order::state::Order;
use crate::rejection::{AllowedCommand, Obstacle, OrderPart, Rejection};

pub(crate) fn cancelled(stream: &StreamId, fulfilment: PartNo) -> NewEvent {
    NewEvent::new(stream, OrderEvent::FulfilmentCancelled(FulfilmentCancelled { fulfilment }))
}

/// The events that cancel the fulfilments that are not shipped.
pub(crate) fn open_cancelled(stream: &StreamId, progress: &Progress) -> impl Iterator<Item = NewEvent> {
    let open = progress.fulfilments.iter().filter(|fulfilment| fulfilment.state == FulfilmentState::Created);
    open.map(|open| cancelled(stream, open.fulfilment))
}

pub(crate) fn find(order: &Order, number: PartNo) -> Result<&Fulfilment, Rejection> {
    guards::numbered(&order.progress.fulfilments, OrderPart::Fulfilment, number)
}

pub(crate) fn not_allowed(order: &Order, number: PartNo, state: FulfilmentState) -> Decision {
    Err(guards::forbidden(&order.progress, Obstacle::Fulfilment(number, state)))
}

/// Commands that a fulfilment in this state allows.
pub(crate) fn allowed_commands(number: PartNo, state: FulfilmentState, is_held: bool) -> Vec<AllowedCommand> {
    let names: &[&str] = match state {
        FulfilmentState::Created if is_held => &["cancel_fulfilment"],
        FulfilmentState::Created => &["ship_fulfilment", "cancel_fulfilment"],
        FulfilmentState::Shipped => &["deliver_fulfilment"],
        FulfilmentState::Delivered | FulfilmentState::Cancelled => &[],
    };
    names.iter().map(|name| AllowedCommand::to_part(name, number)).collect()
}

#[cfg(test)]
mod tests;
