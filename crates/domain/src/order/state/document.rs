//! The upper bound of the size of an order document (`read_model::OrderDocument`), in bytes of JSON. What can still be added to a part
//! of the order, such as the carrier of a fulfilment, counts from the beginning: a part that exists can always be completed. The
//! tests of [`decide::order_size`](crate::decide) compare the bound with documents.

use crate::order::state::Order;

/// What every order has: contact, two addresses, note, reasons, tags and ways of shipping, each as long as can be, and sums.
const ORDER: usize = 64_000;

/// A line without its name.
const LINE: usize = 800;

/// A payment with its method and the provider's reference.
const PAYMENT: usize = 1_100;

/// A fulfilment with its carrier and tracking number, without its units.
const FULFILMENT: usize = 1_400;

/// A return with its name elsewhere and why it was rejected, without its units and why it was requested.
const RETURN: usize = 2_900;

/// Units of a line in a fulfilment or return.
const UNITS: usize = 40;

/// Units of a line that were received.
const RECEIVED: usize = 70;

/// A note without its texts.
const NOTE: usize = 100;

/// A customer that the order belonged to.
const CUSTOMER: usize = 40;

impl Order {
    /// Most bytes that the order takes as a document.
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
