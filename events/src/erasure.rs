//! Erasure of personal data: the event types that request it, and the removal of personal data from events before they are shown.
//!
//! The stream determines whose data an event contains: the customer of a customer stream, the buyer of an order stream.
//! `tests/erasure.rs` compares [`Event::erase_personal_data`] with the marks in the JSON Schemas, so that no field is missed.

use crate::customer::CustomerEvent;
use crate::event::Event;
use crate::order::OrderEvent;
use crate::personal::Erase;

/// Event types after which the personal data of their stream must not be shown.
pub const ERASING: [&str; 2] = ["CustomerErased", "OrderPersonalDataErased"];

impl Event {
    /// Removes the personal data of the event. Returns whether there was any.
    pub fn erase_personal_data(&mut self) -> bool {
        match self {
            Event::Order(event) => erase_order(event),
            Event::Customer(event) => erase_customer(event),
            Event::Stock(_) | Event::Product(_) | Event::Email(_) | Event::StockHold(_) => false,
        }
    }
}

fn erase_order(event: &mut OrderEvent) -> bool {
    match event {
        OrderEvent::Placed(e) => {
            let texts = e.note.erase() | e.contact.erase();
            texts | e.shipping_address.erase() | e.billing_address.erase()
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

fn erase_customer(event: &mut CustomerEvent) -> bool {
    match event {
        CustomerEvent::Registered(e) => e.profile.erase(),
        CustomerEvent::Updated(e) => e.profile.erase(),
        CustomerEvent::Erased(_) => false,
    }
}
