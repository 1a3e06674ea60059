//! The upper bound of the size of an order document (`read_model::OrderDocument`), in bytes of JSON. What can still be
//! added to a part of the order, such as the carrier of a fulfilment, counts from the beginning: a part that exists can
//! always be completed. The tests of [`decide::order_size`](crate::decide) compare the bound with documents.

use crate::order::state::Order;

/// The parts that every order has, each at its maximum: contact, two addresses, note, reasons, tags, shipping lines and
/// totals.
const ORDER: usize = 64_000;

/// A line without its name.
const LINE: usize = 800;

/// A payment with its method and the reference of the payment provider.
const PAYMENT: usize = 1_100;

/// A fulfilment with its carrier and tracking number, without its units.
const FULFILMENT: usize = 1_400;

/// A return with its external reference and the reason for its rejection, without its units and the reason for the
/// request.
const RETURN: usize = 2_900;

/// Units of a line in a fulfilment or return.
const UNITS: usize = 40;

/// Units of a line that were received.
const RECEIVED: usize = 70;

/// A note without its texts.
const NOTE: usize = 100;

/// A former customer of the order.
const CUSTOMER: usize = 40;

impl Order {
    /// Upper bound of the bytes of the order as a document.
    pub fn document_bytes(&self) -> usize {
        let progress = &self.progress;
        let fulfilments = progress.fulfilments.iter().map(|it| FULFILMENT + it.lines.len() * UNITS);
        let received = |requested: usize, received: usize| requested.max(received) * RECEIVED;
        let returns = progress.returns.iter();
        let returns = returns.map(|it| RETURN + it.lines.len() * UNITS + received(it.lines.len(), it.received.len()));
        ORDER
            + progress.lines.len() * LINE
            + progress.payments.len() * PAYMENT
            + fulfilments.sum::<usize>()
            + returns.sum::<usize>()
            + self.notes * NOTE
            + self.former_customers.len() * CUSTOMER
            + self.text_bytes
    }
}
