//! Commands to fulfilments, each in its own file, and the rules that they share.

pub mod cancel;
pub mod create;
pub mod deliver;
pub mod ship;

use events::StreamId;
use events::order::progress::{Fulfilment, FulfilmentState};
use events::order::{FulfilmentCancelled, OrderEvent};

use crate::decision::{Decision, NewEvent};
use crate::order::guards;
use crate::order::state::Order;
use crate::rejection::{Obstacle, OrderPart, Rejection};

pub(crate) fn cancelled(stream: &StreamId, fulfilment: u32) -> NewEvent {
    NewEvent::new(stream, OrderEvent::FulfilmentCancelled(FulfilmentCancelled { fulfilment }))
}

pub(crate) fn find(order: &Order, number: u32) -> Result<&Fulfilment, Rejection> {
    guards::numbered(&order.progress.fulfilments, OrderPart::Fulfilment, number)
}

pub(crate) fn not_allowed(order: &Order, number: u32, state: FulfilmentState) -> Decision {
    Err(guards::forbidden(&order.progress, Obstacle::Fulfilment(number, state)))
}

#[cfg(test)]
mod tests;
