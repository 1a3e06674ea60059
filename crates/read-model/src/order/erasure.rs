//! Removes the personal data of an order from its document, when the personal data of the order or of one of its
//! customers was erased. `tests/documents/erasure.rs` compares this module with the fields that the document's JSON
//! Schema marks as personal.

use events::CustomerId;
use events::personal::Erase;

use super::document::OrderDocument;

impl OrderDocument {
    /// The current and former customers of the order: the erasure of any of them erases the personal data of the order.
    pub fn customers(&self) -> impl Iterator<Item = CustomerId> + '_ {
        self.former_customers.iter().copied().chain(self.customer_id)
    }

    /// Removes all personal data; `false` if there was none.
    pub fn erase_personal_data(&mut self) -> bool {
        let is_changed = erase(self);
        self.personal_data_erased |= is_changed;
        is_changed
    }
}

/// A note is kept with its instant and an empty text, so that the number of notes does not change.
pub(super) fn erase(order: &mut OrderDocument) -> bool {
    let mut any = order.note.erase() | order.contact.erase();
    any |= order.shipping_address.erase() | order.billing_address.erase();
    any |= order.hold_reason.erase() | order.cancel_reason.erase();
    for note in &mut order.notes {
        any |= note.note.erase() | note.author.erase();
    }
    for payment in &mut order.payments {
        any |= payment.failure.erase();
    }
    for it in &mut order.returns {
        any |= it.reason.erase() | it.rejection.erase();
    }
    any
}
