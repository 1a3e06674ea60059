//! The filter and the order of a list of orders. [`super::select`] turns both into SQL, [`super::list`] reads the pages.
//!
//! A range of `placed_at` becomes a range of order ids, which contain that instant, so only the partitions of those months are
//! read.

use chrono::{DateTime, Utc};
use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, ReturnStatus};
use events::{ChannelCode, CustomerId, OrderCode, Sku};
use read_model::Status;
use read_model::search::SearchPatterns;
use uuid::Uuid;

use crate::reads::label::Label;

/// Which orders a list contains: those that match every filter that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Lifecycle statuses, any of which matches; empty for all.
    pub lifecycle: Vec<Lifecycle>,
    /// Payment statuses, any of which matches; empty for all.
    pub payment: Vec<PaymentStatus>,
    /// Fulfilment statuses, any of which matches; empty for all.
    pub fulfilment: Vec<FulfilmentStatus>,
    /// Return statuses, any of which matches; empty for all.
    pub returns: Vec<ReturnStatus>,
    /// Sales channel.
    pub channel: Option<ChannelCode>,
    /// Customer.
    pub customer_id: Option<CustomerId>,
    /// SKU of a line.
    pub sku: Option<Sku>,
    /// Tags, all of which must match.
    pub tags: Vec<Label>,
    /// External reference.
    pub external_ref: Option<Label>,
    /// Order code.
    pub code: Option<OrderCode>,
    /// Text to search for.
    pub text: Option<SearchPatterns>,
    /// Total, in minor units.
    pub total: Range<i64>,
    /// Amount due, in minor units: more than this.
    pub due_above: Option<i64>,
    /// Amount that the buyer owes, in minor units: at least this, which is at least 1.
    pub owed: Option<i64>,
    /// Instant before which an open order that is not paid expires.
    pub payment_due_before: Option<DateTime<Utc>>,
    /// Instant of the last event.
    pub updated: Range<DateTime<Utc>>,
    /// Smallest order id, inclusive.
    pub first_id: Option<Uuid>,
    /// Largest order id, exclusive.
    pub end_id: Option<Uuid>,
}

/// Values from `from` (inclusive) to `to` (exclusive).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range<T> {
    /// The first value; `None` without a lower bound.
    pub from: Option<T>,
    /// The first value that is not in the range; `None` without an upper bound.
    pub to: Option<T>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrderSort {
    /// Last placed first.
    #[default]
    NewestFirst,
    /// First placed first.
    OldestFirst,
    /// Last changed first.
    LastUpdatedFirst,
    /// Longest unchanged first.
    FirstUpdatedFirst,
    /// Highest total first, whatever the currency.
    HighestTotalFirst,
    /// Lowest total first, whatever the currency.
    LowestTotalFirst,
}

/// The payment statuses of orders on which money is owed.
const OWING: [PaymentStatus; 4] =
    [PaymentStatus::Unpaid, PaymentStatus::Authorized, PaymentStatus::PartiallyPaid, PaymentStatus::Refunded];

impl<T> Range<T> {
    /// Whether the range contains every value.
    pub fn is_unbounded(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

impl OrderFilter {
    /// The numbers of the combinations of statuses that match; `None` if all do. An order on which money is owed can have only
    /// some of them.
    pub(super) fn status_numbers(&self) -> Option<Vec<i32>> {
        let owes = self.owed.is_some() || self.payment_due_before.is_some();
        let has_status_filter = !self.lifecycle.is_empty()
            || !self.payment.is_empty()
            || !self.fulfilment.is_empty()
            || !self.returns.is_empty();
        if !has_status_filter && !owes {
            return None;
        }
        let is_matching = |status: &Status| {
            matches(&self.lifecycle, status.lifecycle)
                && matches(&self.payment, status.payment)
                && matches(&self.fulfilment, status.fulfilment)
                && matches(&self.returns, status.returns)
                && (!owes || (OWING.contains(&status.payment) && is_payable(status.lifecycle)))
                && (self.payment_due_before.is_none() || status.lifecycle == Lifecycle::Open)
        };
        Some(Status::all().filter(is_matching).map(Status::number).collect())
    }

    /// Whether the filter has a condition besides statuses, channel, customer and time of placement.
    pub(super) fn has_search(&self) -> bool {
        self.sku.is_some()
            || !self.tags.is_empty()
            || self.text.is_some()
            || !self.total.is_unbounded()
            || self.due_above.is_some()
            || self.owed.is_some()
            || self.payment_due_before.is_some()
            || !self.updated.is_unbounded()
    }
}

fn matches<T: PartialEq>(wanted: &[T], found: T) -> bool {
    wanted.is_empty() || wanted.contains(&found)
}

/// Nothing is due for a cancelled or expired order.
fn is_payable(lifecycle: Lifecycle) -> bool {
    matches!(lifecycle, Lifecycle::Open | Lifecycle::Completed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_of_statuses_becomes_the_numbers_of_all_matching_combinations() {
        let count = |filter: OrderFilter| filter.status_numbers().map(|numbers| numbers.len());
        let all = OrderFilter::default();
        assert_eq!(count(all.clone()), None);
        assert_eq!(count(OrderFilter { lifecycle: vec![Lifecycle::Open], ..all.clone() }), Some(8 * 7 * 4));
        let two = vec![PaymentStatus::Paid, PaymentStatus::Unpaid];
        assert_eq!(count(OrderFilter { payment: two.clone(), ..all.clone() }), Some(4 * 2 * 7 * 4));
        assert_eq!(count(OrderFilter { payment: two, owed: Some(1), ..all.clone() }), Some(2 * 7 * 4));
        assert_eq!(count(OrderFilter { owed: Some(1), ..all.clone() }), Some(2 * 4 * 7 * 4));
        let due = OrderFilter { payment_due_before: Some(Utc::now()), ..all.clone() };
        assert_eq!(count(due.clone()), Some(4 * 7 * 4));
        assert_eq!(count(OrderFilter { lifecycle: vec![Lifecycle::Cancelled], ..due }), Some(0));
        let one = OrderFilter {
            lifecycle: vec![Lifecycle::Completed],
            payment: vec![PaymentStatus::Refunded],
            fulfilment: vec![FulfilmentStatus::Delivered],
            returns: vec![ReturnStatus::Returned],
            ..all
        };
        assert_eq!(one.status_numbers(), Some(vec![1653]));
    }
}
