//! Invoices become orders: one each, and one for every five hundred lines of the few that are longer.

use chrono::{DateTime, Utc};
use events::{CustomerId, OrderId};

use super::ids;
use super::row::Kind;
use super::survey::{Invoice, Item, Survey};
use domain::command::lines::MAX_LINES;
use domain::command::text::{Note, Reference};

/// An order to place.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its key; carries the invoice's instant.
    pub id: OrderId,
    /// The invoice's number, with `#2` and so on for its further parts.
    pub external_ref: Reference,
    /// When the invoice was written.
    pub placed_at: DateTime<Utc>,
    /// Who bought.
    pub customer_id: Option<CustomerId>,
    /// Number of who bought in the survey.
    pub customer: Option<u32>,
    /// Where to, as a note: the file knows no more of the address.
    pub note: Option<Note>,
    /// What was bought; the order's lines, from 1.
    pub items: Vec<Item>,
}

impl Order {
    /// Requests that it takes: place, pay, pack, ship.
    pub const STEPS: usize = 4;

    /// What it comes to, in pence.
    pub fn total(&self) -> i64 {
        self.items.iter().map(Item::total).sum()
    }
}

/// The orders of all sales, in the order of the file. Takes their lines out of the survey.
pub fn list(survey: &mut Survey) -> Vec<Order> {
    let mut sales: Vec<Invoice> = survey.invoices.extract_if(.., |invoice| invoice.kind == Kind::Sale).collect();
    let mut orders = Vec::with_capacity(sales.len());
    for invoice in &mut sales {
        let items = std::mem::take(&mut invoice.lines);
        for (part, items) in items.chunks(MAX_LINES).enumerate() {
            orders.push(order(survey, invoice, part + 1, items.to_vec()));
        }
    }
    orders
}

fn order(survey: &Survey, invoice: &Invoice, part: usize, items: Vec<Item>) -> Order {
    let external_ref = match part {
        1 => invoice.number.to_string(),
        _ => format!("{}#{part}", invoice.number),
    };
    Order {
        id: ids::order(&external_ref, invoice.at),
        external_ref: external_ref.parse().expect("an invoice number is short digits"),
        placed_at: invoice.at,
        customer_id: invoice.customer.map(|number| ids::customer(survey.customers.word(number))),
        customer: invoice.customer,
        note: note(survey.countries.word(invoice.country)),
        items,
    }
}

/// Longest country in a note, in characters; the longest that there is has some fifty.
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

    use super::super::fixture::survey;
    use super::*;

    #[test]
    fn an_invoice_is_an_order_with_its_lines_as_they_stand() {
        let mut read = survey(
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
        let orders = list(&mut survey(&lines));
        let parts: Vec<_> = orders.iter().map(|order| (order.external_ref.as_str(), order.items.len())).collect();
        assert_eq!(parts, [("7", 500), ("7#2", 500), ("7#3", 1)]);
        assert!(orders[0].id != orders[1].id && orders[0].note.is_none() && orders[0].customer_id.is_none());
    }
}
