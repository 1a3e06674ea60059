//! Keeps orders at a size at which they can be read, written and folded as a whole.

use events::Event;
use events::order::OrderEvent;

use super::NewEvent;
use crate::rejection::Rejection;
use crate::state::{Order, State};
use crate::world::World;

/// Most bytes of an order's document.
pub(super) const MAX_DOCUMENT_BYTES: usize = 1_000_000;

/// Guards against what makes an order too large. What adds nothing to it goes on, however large it is.
pub(super) fn check(events: &[NewEvent], world: &World) -> Result<(), Rejection> {
    let Some(stream) = events.iter().find(|new| may_add(&new.event)).map(|new| &new.stream) else { return Ok(()) };
    let (mut order, before) = match world.find(stream).and_then(|slot| slot.state.as_ref()) {
        Some(State::Order(order)) => (Order::clone(order), order.document_bytes()),
        _ => (Order::default(), 0),
    };
    for new in events.iter().filter(|new| new.stream == *stream) {
        if let Event::Order(event) = &new.event {
            order.evolve(event);
        }
    }
    let bytes = order.document_bytes();
    match bytes <= MAX_DOCUMENT_BYTES || bytes <= before {
        true => Ok(()),
        false => Err(Rejection::OrderTooLarge { bytes, limit: MAX_DOCUMENT_BYTES }),
    }
}

/// Whether the event can add to an order what its document did not have room for before.
fn may_add(event: &Event) -> bool {
    let Event::Order(event) = event else { return false };
    match event {
        OrderEvent::Placed(_)
        | OrderEvent::Amended(_)
        | OrderEvent::PaymentAuthorized(_)
        | OrderEvent::PaymentCaptured(_)
        | OrderEvent::PaymentFailed(_)
        | OrderEvent::FulfilmentCreated(_)
        | OrderEvent::ReturnRequested(_)
        | OrderEvent::ReturnReceived(_)
        | OrderEvent::NoteAdded(_)
        | OrderEvent::CustomerAssigned(_) => true,
        OrderEvent::PaymentVoided(_)
        | OrderEvent::FulfilmentShipped(_)
        | OrderEvent::FulfilmentDelivered(_)
        | OrderEvent::FulfilmentCancelled(_)
        | OrderEvent::LinesCancelled(_)
        | OrderEvent::Cancelled(_)
        | OrderEvent::ReturnRejected(_)
        | OrderEvent::RefundRecorded(_)
        | OrderEvent::Held(_)
        | OrderEvent::HoldReleased(_)
        | OrderEvent::Tagged(_)
        | OrderEvent::AddressesChanged(_)
        | OrderEvent::PersonalDataErased(_)
        | OrderEvent::BackordersChanged(_)
        | OrderEvent::Expired(_)
        | OrderEvent::Completed(_) => false,
    }
}
