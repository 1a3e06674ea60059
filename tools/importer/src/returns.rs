//! Plans the returns of a file: matches every line of a `C` invoice with the customer's latest earlier order that still has
//! enough returnable units of the SKU.
//!
//! A line is matched with one order only: splitting lines would match one more line in sixteen hundred of the real data.
//! Lines of one `C` invoice that match the same order form one return.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use events::order::LineNo;

use crate::contents::{FileContents, Invoice, InvoiceLine};
use crate::lines::LineNumber;
use crate::orders::Order;
use crate::reason::{Reason, Warning};
use domain::value::label::Reference;

/// The units of one order that are returned with one `C` invoice.
#[derive(Debug, Clone)]
pub(crate) struct Return {
    /// Index of the order in the plan.
    pub order: usize,
    /// Number of the `C` invoice.
    pub external_ref: Reference,
    /// Date of the `C` invoice.
    pub at: DateTime<Utc>,
    /// Returned units, by order line.
    pub units: BTreeMap<LineNo, u32>,
    /// The lines of the file that the return consists of.
    pub lines: Vec<LineNumber>,
    /// Total of these lines, in pence.
    pub amount: i64,
    /// Whether the payment of the order, less earlier refunds, covers the refund.
    pub refunded: bool,
}

/// The units that can still be returned.
struct Returnable<'a> {
    orders: &'a [Order],
    /// By customer and SKU, the order lines (index of the order, index of the line), in order of time.
    sold: HashMap<(u32, u32), Vec<(usize, usize)>>,
    /// Returnable units, by order and line.
    left: Vec<Vec<u32>>,
}

/// All returns, sorted by order and time. Lines that match no order are added to the rejected lines.
pub(crate) fn list(contents: &mut FileContents, orders: &[Order]) -> Vec<Return> {
    let mut returnable = Returnable::new(orders);
    let mut returns: Vec<Return> = Vec::new();
    for invoice in std::mem::take(&mut contents.invoices) {
        let mut by_order: BTreeMap<usize, Return> = BTreeMap::new();
        for item in &invoice.lines {
            match returnable.take(&invoice, item) {
                Ok((order, units)) => {
                    by_order.entry(order).or_insert_with(|| empty(&invoice, order)).add(item, &units);
                }
                Err(reason) => drop(contents.rejected.insert(item.line, reason)),
            }
        }
        returns.extend(by_order.into_values());
    }
    returns.sort_by_key(|found| (found.order, found.at));
    settle_refunds(&mut returns, orders);
    for found in returns.iter().filter(|found| !found.refunded) {
        contents.warnings.push((found.lines[0], Warning::RefundNotCovered));
    }
    returns
}

fn empty(invoice: &Invoice, order: usize) -> Return {
    Return {
        order,
        external_ref: invoice.number.parse().expect("an invoice number is short digits"),
        at: invoice.at,
        units: BTreeMap::new(),
        lines: Vec::new(),
        amount: 0,
        refunded: true,
    }
}

impl Return {
    fn add(&mut self, item: &InvoiceLine, units: &[(usize, u32)]) {
        for (line, count) in units {
            *self.units.entry(*line as LineNo + 1).or_default() += count;
        }
        self.lines.push(item.line);
        self.amount += item.total();
    }
}

/// Decides which returns are refunded: those that the payment of the order, less earlier refunds, covers.
fn settle_refunds(returns: &mut [Return], orders: &[Order]) {
    for returns in returns.chunk_by_mut(|a, b| a.order == b.order) {
        let mut left = orders[returns[0].order].total();
        for found in returns {
            found.refunded = found.amount <= left;
            left -= if found.refunded { found.amount } else { 0 };
        }
    }
}

impl Returnable<'_> {
    fn new(orders: &[Order]) -> Returnable<'_> {
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
        Returnable { orders, sold, left }
    }

    /// Takes the units of a line from the latest earlier order that has enough of them; returns the index of the order, and the
    /// units by index of its lines.
    fn take(&mut self, invoice: &Invoice, item: &InvoiceLine) -> Result<(usize, Vec<(usize, u32)>), Reason> {
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
        let mut units = Vec::new();
        let mut missing = wanted;
        for (_, line) in places {
            let left = &mut self.left[order][line];
            let taken = missing.min(*left);
            if taken > 0 {
                *left -= taken;
                missing -= taken;
                units.push((line, taken));
            }
        }
        units
    }
}

#[cfg(test)]
mod tests;
