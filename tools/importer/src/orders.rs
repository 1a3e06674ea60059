//! Plans the orders of a file: one order per invoice, or several for an invoice of more than five hundred lines.

use chrono::{DateTime, Utc};
use events::{CustomerId, OrderId};

use crate::contents::{FileContents, Invoice, InvoiceLine};
use crate::ids;
use crate::row::Kind;
use domain::value::label::Reference;
use domain::value::lines::MAX_LINES;
use domain::value::text::Note;

/// An order to place.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Contains the date of the invoice.
    pub id: OrderId,
    /// Number of the invoice; the second order of a split invoice has the suffix `#2`.
    pub external_ref: Reference,
    /// Date of the invoice.
    pub placed_at: DateTime<Utc>,
    pub customer_id: Option<CustomerId>,
    /// Number of the customer in the file contents.
    pub customer: Option<u32>,
    /// The country, which is all that the file contains of an address.
    pub note: Option<Note>,
    /// The lines of the order, in order of their line numbers.
    pub items: Vec<InvoiceLine>,
}

impl Order {
    /// Number of requests per order: place it, record its payment, create and ship its fulfilment.
    pub(crate) const STEPS: usize = 4;

    /// Total of the order, in pence.
    pub(crate) fn total(&self) -> i64 {
        self.items.iter().map(InvoiceLine::total).sum()
    }
}

/// The orders of all sales, in the order of the file. Moves their lines out of the file contents.
pub(crate) fn list(contents: &mut FileContents) -> Vec<Order> {
    let mut sales: Vec<Invoice> = contents.invoices.extract_if(.., |invoice| invoice.kind == Kind::Sale).collect();
    let mut orders = Vec::with_capacity(sales.len());
    for invoice in &mut sales {
        let items = std::mem::take(&mut invoice.lines);
        for (part, items) in items.chunks(MAX_LINES).enumerate() {
            orders.push(order(contents, invoice, part + 1, items.to_vec()));
        }
    }
    orders
}

fn order(contents: &FileContents, invoice: &Invoice, part: usize, items: Vec<InvoiceLine>) -> Order {
    let external_ref = match part {
        1 => invoice.number.to_string(),
        _ => format!("{}#{part}", invoice.number),
    };
    Order {
        id: ids::order(&external_ref, invoice.at),
        external_ref: external_ref.parse().expect("an invoice number is short digits"),
        placed_at: invoice.at,
        customer_id: invoice.customer.map(|number| ids::customer(contents.customers.word(number))),
        customer: invoice.customer,
        note: note(contents.countries.word(invoice.country)),
        items,
    }
}

/// Longest country in a note, in characters; the longest existing name of a country has about fifty.
const MAX_COUNTRY_CHARS: usize = 100;

fn note(country: &str) -> Option<Note> {
    if country.is_empty() {
        return None;
    }
    let shown: String = country.chars().filter(|c| !c.is_control()).take(MAX_COUNTRY_CHARS).collect();
    format!("Country: {shown}").parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::contents::FileContents;

    #[test]
    fn an_invoice_becomes_an_order_with_the_same_lines() {
        let mut read = FileContents::of_lines(
            "1,B,Mug,2,1/5/24 9:00,1.50,7,Malta\n1,A,Cup,1,1/5/24 9:01,1.00,7,Malta\n1,B,Mug,1,1/5/24 9:01,1.00,7,Malta\n\
            C1,B,Mug,-1,1/5/24 9:02,1.50,7,Malta\n",
        );
        let orders = list(&mut read);
        assert_eq!(orders.len(), 1);
        let order = &orders[0];
        assert_eq!((order.external_ref.as_str(), order.total()), ("1", 500));
        assert_eq!(order.id.instant(), order.placed_at);
        assert_eq!(order.note.as_ref().map(Note::as_str), Some("Country: Malta"));
        assert_eq!(order.items.iter().map(|item| item.line).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(read.invoices.len(), 1, "the return stays");
    }

    #[test]
    fn a_long_invoice_becomes_orders_of_five_hundred_lines() {
        let mut lines = String::new();
        (0..1001).for_each(|n| writeln!(lines, "7,S{n},Cup,1,1/5/24 9:00,1.00,,").unwrap());
        let orders = list(&mut FileContents::of_lines(&lines));
        let parts: Vec<_> = orders.iter().map(|order| (order.external_ref.as_str(), order.items.len())).collect();
        assert_eq!(parts, [("7", 500), ("7#2", 500), ("7#3", 1)]);
        assert!(orders[0].id != orders[1].id && orders[0].note.is_none() && orders[0].customer_id.is_none());
    }
}
