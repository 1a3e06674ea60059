//! Progress of one order line: counters of its units and its current amounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Minor, Overflow};
use crate::name::{Location, Sku};
use crate::order::amendment::LineChange;
use crate::order::cancellation::CancelledLine;
use crate::order::line::Line;
use crate::order::numbers::LineNo;
use crate::order::pricing::{Amounts, Pricing};

/// Progress of one order line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineProgress {
    /// Number of the line in the order, starting at 1.
    pub line: LineNo,
    /// SKU of the ordered product.
    pub sku: Sku,
    /// Location at which the stock of the line is reserved.
    pub location: Location,
    /// Ordered units.
    pub ordered: u32,
    /// Cancelled units.
    pub cancelled: u32,
    /// Units in a fulfilment that is not shipped.
    pub in_fulfilment: u32,
    /// Shipped units.
    pub shipped: u32,
    /// Delivered units.
    pub delivered: u32,
    /// Units in an open return.
    pub return_requested: u32,
    /// Returned units.
    pub returned: u32,
    /// Price of one unit before discount and tax, in minor units of the order's currency.
    pub unit_price: Minor,
    /// Discount on the line as last ordered or amended, in minor units of the order's currency.
    pub discount: Minor,
    /// Tax on the line as last ordered or amended, in minor units of the order's currency.
    pub tax: Minor,
    /// Amount of the line as last ordered or amended, in minor units of the order's currency:
    /// `quantity * unit_price - discount + tax`.
    pub total: Minor,
    /// Amount of the units that are not cancelled, in minor units of the order's currency.
    pub due: Minor,
    /// Tax rate and discounts from which `discount` and `tax` are computed.
    pub pricing: Pricing,
    /// Units that are neither cancelled nor in a fulfilment nor shipped, and to which no stock on hand is allocated.
    #[serde(default)]
    pub backordered: u32,
    /// Whether the stock of the line is untracked: no stock is reserved or shipped for the line.
    #[serde(default)]
    pub untracked: bool,
}

impl LineProgress {
    /// A line that was just ordered.
    pub(super) fn ordered(line: &Line) -> LineProgress {
        LineProgress {
            line: line.line,
            sku: line.sku.clone(),
            location: line.location.clone(),
            ordered: line.quantity,
            cancelled: 0,
            in_fulfilment: 0,
            shipped: 0,
            delivered: 0,
            return_requested: 0,
            returned: 0,
            unit_price: line.unit_price,
            discount: line.discount,
            tax: line.tax,
            total: line.total,
            due: line.total,
            pricing: line.pricing,
            backordered: line.backordered,
            untracked: line.untracked,
        }
    }

    /// Units that are neither cancelled nor in a fulfilment nor shipped.
    pub fn unfulfilled(&self) -> u32 {
        self.ordered - self.cancelled - self.in_fulfilment - self.shipped
    }

    /// Units that are reserved in stock for the line: neither cancelled nor shipped; none if the stock is untracked.
    pub fn reserved(&self) -> u32 {
        if self.untracked { 0 } else { self.ordered - self.cancelled - self.shipped }
    }

    /// Units for which a return can be requested.
    pub fn returnable(&self) -> u32 {
        self.shipped - self.return_requested - self.returned
    }

    /// Units that are not cancelled.
    pub fn wanted(&self) -> u32 {
        self.ordered - self.cancelled
    }

    /// Amounts of `quantity` units of the line, or [`Overflow`].
    pub fn amounts(&self, quantity: u32) -> Result<Amounts, Overflow> {
        self.pricing.amounts(self.unit_price, quantity)
    }

    pub(super) fn cancel(&mut self, cancelled: &CancelledLine) {
        self.cancelled += cancelled.quantity;
        match cancelled.remaining {
            Some(remaining) => {
                self.due = remaining.amounts.total;
                self.backordered = remaining.backordered;
            }
            None => {
                self.due = Minor(self.total.0 - self.cancelled_share());
                self.backordered = self.backordered.saturating_sub(cancelled.quantity).min(self.unfulfilled());
            }
        }
    }

    pub(super) fn change(&mut self, change: &LineChange) {
        let amounts = Amounts { discount: change.discount, tax: change.tax, total: change.total };
        // Version 1 recorded only amounts. The earlier pricing is kept unless the amounts contradict it.
        if !change.with_cancelled || self.amounts(change.quantity) != Ok(amounts) {
            self.pricing = change.pricing;
        }
        self.ordered = change.quantity;
        (self.discount, self.tax, self.total) = (change.discount, change.tax, change.total);
        self.backordered = change.backordered;
        let cancelled = if change.with_cancelled { self.cancelled_share() } else { 0 };
        self.due = Minor(change.total.0 - cancelled);
    }

    /// Cancels every unit that is not in a fulfilment and not shipped; nothing is due for the line any more.
    pub(super) fn expire(&mut self) {
        self.cancelled += self.unfulfilled();
        self.due = Minor::ZERO;
        self.backordered = 0;
    }

    /// The cancelled units' share of the line total, for events of version 1, which did not record the remaining amounts. The
    /// remainder of the division stays with the units that are not cancelled.
    fn cancelled_share(&self) -> i64 {
        if self.cancelled == 0 || self.ordered == 0 {
            return 0;
        }
        (i128::from(self.total.0) * i128::from(self.cancelled) / i128::from(self.ordered)) as i64
    }
}
