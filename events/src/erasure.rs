//! Erasure: the events that ask for it, and the removal of everything personal from what is shown of events.
//!
//! Whose data it is follows from the stream: a customer's events are about that customer, an order's about whoever bought.
//! `tests/erasure.rs` holds [`Event::erase_personal_data`] against the marks in the JSON Schemas, so that no member is missed.

use crate::codec::Event;
use crate::customer::CustomerEvent;
use crate::order::OrderEvent;
use crate::personal::Erase;

/// The types of the events after which nothing personal of their stream may be shown.
pub const ERASING: [&str; 2] = ["CustomerErased", "OrderPersonalDataErased"];

impl Event {
    /// Removes everything personal; says whether there was anything.
    pub fn erase_personal_data(&mut self) -> bool {
        match self {
            Event::Order(event) => of_order(event),
            Event::Customer(event) => of_customer(event),
            Event::Stock(_) | Event::Product(_) | Event::Email(_) | Event::Hold(_) => false,
        }
    }
}

fn of_order(event: &mut OrderEvent) -> bool {
    match event {
        OrderEvent::Placed(e) => {
            let words = e.note.erase() | e.contact.erase();
            words | e.shipping_address.erase() | e.billing_address.erase()
        }
        OrderEvent::PaymentFailed(e) => e.reason.erase(),
        OrderEvent::LinesCancelled(e) => e.reason.erase(),
        OrderEvent::Cancelled(e) => e.reason.erase(),
        OrderEvent::ReturnRequested(e) => e.reason.erase(),
        OrderEvent::ReturnRejected(e) => e.reason.erase(),
        OrderEvent::Amended(e) => e.reason.erase(),
        OrderEvent::Held(e) => e.reason.erase(),
        OrderEvent::NoteAdded(e) => e.note.erase() | e.author.erase(),
        OrderEvent::AddressesChanged(e) => e.shipping_address.erase() | e.billing_address.erase(),
        OrderEvent::PaymentAuthorized(_)
        | OrderEvent::PaymentCaptured(_)
        | OrderEvent::PaymentVoided(_)
        | OrderEvent::FulfilmentCreated(_)
        | OrderEvent::FulfilmentShipped(_)
        | OrderEvent::FulfilmentDelivered(_)
        | OrderEvent::FulfilmentCancelled(_)
        | OrderEvent::ReturnReceived(_)
        | OrderEvent::RefundRecorded(_)
        | OrderEvent::HoldReleased(_)
        | OrderEvent::Tagged(_)
        | OrderEvent::CustomerAssigned(_)
        | OrderEvent::PersonalDataErased(_)
        | OrderEvent::BackordersChanged(_)
        | OrderEvent::Expired(_)
        | OrderEvent::Completed(_) => false,
    }
}

fn of_customer(event: &mut CustomerEvent) -> bool {
    match event {
        CustomerEvent::Registered(e) => e.profile.erase(),
        CustomerEvent::Updated(e) => e.profile.erase(),
        CustomerEvent::Erased(_) => false,
    }
}
