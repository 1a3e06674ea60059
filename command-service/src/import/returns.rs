//! `C` invoices become returns: each line against the customer's latest earlier order that has so many of the SKU left.
//!
//! One order must cover a line: splitting lines over orders would win one line in sixteen hundred of the real data. Lines of
//! one `C` invoice that fall on the same order are one return.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use events::order::LineNo;

use super::file::LineNumber;
use super::orders::Order;
use super::reason::{Note, Reason};
use super::survey::{Invoice, Item, Survey};
use domain::command::text::Reference;

/// Pieces that come back to one order under one `C` invoice.
#[derive(Debug, Clone)]
pub struct Return {
    /// Place of the order in the plan.
    pub order: usize,
    /// Number of the `C` invoice.
    pub external_ref: Reference,
    /// When the `C` invoice was written.
    pub at: DateTime<Utc>,
    /// Pieces by the order's line.
    pub pieces: BTreeMap<LineNo, u32>,
    /// The file's lines that it stands for.
    pub lines: Vec<LineNumber>,
    /// What those lines come to, in pence.
    pub worth: i64,
    /// Whether the order's payment has so much left.
    pub refunded: bool,
}

/// What can still come back.
struct Shelf<'a> {
    orders: &'a [Order],
    /// Places (order, line) that sold a SKU to a customer, by time.
    sold: HashMap<(u32, u32), Vec<(usize, usize)>>,
    /// Pieces left to give back, by order and line.
    left: Vec<Vec<u32>>,
}

/// Every return, by order and time. Lines that match no order are put aside.
pub fn list(survey: &mut Survey, orders: &[Order]) -> Vec<Return> {
    let mut shelf = Shelf::new(orders);
    let mut returns: Vec<Return> = Vec::new();
    for invoice in std::mem::take(&mut survey.invoices) {
        let mut by_order: BTreeMap<usize, Return> = BTreeMap::new();
        for item in &invoice.lines {
            match shelf.take(&invoice, item) {
                Ok((order, pieces)) => {
                    by_order.entry(order).or_insert_with(|| empty(&invoice, order)).add(item, &pieces);
                }
                Err(reason) => drop(survey.rejected.insert(item.line, reason)),
            }
        }
        returns.extend(by_order.into_values());
    }
    returns.sort_by_key(|found| (found.order, found.at));
    settle_refunds(&mut returns, orders);
    for found in returns.iter().filter(|found| !found.refunded) {
        survey.notes.push((found.lines[0], Note::RefundNotCovered));
    }
    returns
}

fn empty(invoice: &Invoice, order: usize) -> Return {
    Return {
        order,
        external_ref: invoice.number.parse().expect("an invoice number is short digits"),
        at: invoice.at,
        pieces: BTreeMap::new(),
        lines: Vec::new(),
        worth: 0,
        refunded: true,
    }
}

impl Return {
    fn add(&mut self, item: &Item, pieces: &[(usize, u32)]) {
        for (line, count) in pieces {
            *self.pieces.entry(*line as LineNo + 1).or_default() += count;
        }
        self.lines.push(item.line);
        self.worth += item.total();
    }
}

/// A refund is recorded where the order's payment, less earlier refunds, covers it.
fn settle_refunds(returns: &mut [Return], orders: &[Order]) {
    for returns in returns.chunk_by_mut(|a, b| a.order == b.order) {
        let mut left = orders[returns[0].order].total();
        for found in returns {
            found.refunded = found.worth <= left;
            left -= if found.refunded { found.worth } else { 0 };
        }
    }
}

impl Shelf<'_> {
    fn new(orders: &[Order]) -> Shelf<'_> {
        let mut sold: HashMap<(u32, u32), Vec<(usize, usize)>> = HashMap::new();
        for (place, order) in orders.iter().enumerate() {
            let Some(customer) = order.customer else { continue };
            for (line, item) in order.items.iter().enumerate() {
                sold.entry((customer, item.sku)).or_default().push((place, line));
            }
        }
        for places in sold.values_mut() {
            places.sort_by_key(|(order, line)| (orders[*order].placed_at, *order, *line));
        }
        let left = orders.iter().map(|order| order.items.iter().map(|item| item.quantity.get()).collect()).collect();
        Shelf { orders, sold, left }
    }

    /// Takes a line's pieces from the latest earlier order that has them; gives the order, and the pieces by its lines.
    fn take(&mut self, invoice: &Invoice, item: &Item) -> Result<(usize, Vec<(usize, u32)>), Reason> {
        let mut most = 0;
        let wanted = item.quantity.get();
        let customer = invoice.customer.unwrap_or(u32::MAX);
        let places = self.sold.get(&(customer, item.sku)).map(Vec::as_slice).unwrap_or_default();
        for places in places.chunk_by(|a, b| a.0 == b.0).rev() {
            let order = places[0].0;
            let (placed, first) = (self.orders[order].placed_at, self.orders[order].items[0].line);
            if placed > invoice.at || first > item.line {
                continue;
            }
            let left = places.iter().map(|(_, line)| self.left[order][*line]).sum::<u32>();
            if left >= wanted {
                return Ok((order, self.take_from(order, places.to_vec(), wanted)));
            }
            most = most.max(left);
        }
        Err(Reason::NoMatchingOrder { left: most })
    }

    fn take_from(&mut self, order: usize, places: Vec<(usize, usize)>, wanted: u32) -> Vec<(usize, u32)> {
        let mut pieces = Vec::new();
        let mut missing = wanted;
        for (_, line) in places {
            let left = &mut self.left[order][line];
            let taken = missing.min(*left);
            if taken > 0 {
                *left -= taken;
                missing -= taken;
                pieces.push((line, taken));
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests;
