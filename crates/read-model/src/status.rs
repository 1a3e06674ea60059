//! The four statuses of an order, their number in columns and their words in filters.

use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, Progress, ReturnStatus};
use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::de::value::Error;
use serde::{Deserialize, Serialize};

/// The statuses of an order. Each status follows from the quantities and sums of the order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Lifecycle of the order: open, completed, cancelled or expired.
    pub lifecycle: Lifecycle,
    /// Payment status.
    pub payment: PaymentStatus,
    /// Fulfilment status.
    pub fulfilment: FulfilmentStatus,
    /// Return status.
    #[serde(rename = "return")]
    pub returns: ReturnStatus,
}

impl Status {
    /// The statuses that follow from quantities and sums.
    pub fn of(progress: &Progress) -> Status {
        Status {
            lifecycle: progress.lifecycle,
            payment: progress.payment_status(),
            fulfilment: progress.fulfilment_status(),
            returns: progress.return_status(),
        }
    }
}

impl Status {
    /// The four statuses as one number of four digits, for a column with one index for every combination of statuses: the
    /// digits of lifecycle, payment, fulfilment and return status, in this order.
    pub fn number(self) -> i32 {
        let digits = [
            digit(&LIFECYCLES, self.lifecycle),
            digit(&PAYMENTS, self.payment),
            digit(&FULFILMENTS, self.fulfilment),
            digit(&RETURNS, self.returns),
        ];
        digits.into_iter().fold(0, |number, digit| number * 10 + digit)
    }

    /// The statuses of a number; `None` if no combination has the number.
    pub fn of_number(number: i32) -> Option<Status> {
        let digit = |unit: i32| usize::try_from(number / unit % 10).ok();
        Some(Status {
            lifecycle: *LIFECYCLES.get(usize::try_from(number / 1000).ok()?)?,
            payment: *PAYMENTS.get(digit(100)?)?,
            fulfilment: *FULFILMENTS.get(digit(10)?)?,
            returns: *RETURNS.get(digit(1)?)?,
        })
    }

    /// Every combination of statuses, whether or not an order can have it.
    pub fn all() -> impl Iterator<Item = Status> {
        (0..LIFECYCLES.len() as i32 * 1000).filter_map(Status::of_number)
    }
}

// The digit of a status is its index. Rows contain the digits, so a new status is added at the end, and none is removed.
const LIFECYCLES: [Lifecycle; 4] = [Lifecycle::Open, Lifecycle::Completed, Lifecycle::Cancelled, Lifecycle::Expired];
const PAYMENTS: [PaymentStatus; 8] = [
    PaymentStatus::Unpaid,
    PaymentStatus::Authorized,
    PaymentStatus::PartiallyPaid,
    PaymentStatus::Paid,
    PaymentStatus::Overpaid,
    PaymentStatus::PartiallyRefunded,
    PaymentStatus::Refunded,
    PaymentStatus::NotRequired,
];
const FULFILMENTS: [FulfilmentStatus; 7] = [
    FulfilmentStatus::Unfulfilled,
    FulfilmentStatus::Backordered,
    FulfilmentStatus::Processing,
    FulfilmentStatus::PartiallyShipped,
    FulfilmentStatus::Shipped,
    FulfilmentStatus::Delivered,
    FulfilmentStatus::OnHold,
];
const RETURNS: [ReturnStatus; 4] =
    [ReturnStatus::None, ReturnStatus::Requested, ReturnStatus::PartiallyReturned, ReturnStatus::Returned];

/// A status that is not in its list has a digit that no status has, so that the row is found to be unreadable.
fn digit<T: PartialEq>(statuses: &[T], status: T) -> i32 {
    statuses.iter().position(|it| *it == status).map_or(9, |index| index as i32)
}

/// The word of a lifecycle status, which is the same as in JSON.
pub fn lifecycle_word(status: Lifecycle) -> &'static str {
    match status {
        Lifecycle::Open => "open",
        Lifecycle::Completed => "completed",
        Lifecycle::Cancelled => "cancelled",
        Lifecycle::Expired => "expired",
    }
}

/// The word of a payment status, which is the same as in JSON.
pub fn payment_word(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Unpaid => "unpaid",
        PaymentStatus::Authorized => "authorized",
        PaymentStatus::PartiallyPaid => "partially_paid",
        PaymentStatus::Paid => "paid",
        PaymentStatus::Overpaid => "overpaid",
        PaymentStatus::PartiallyRefunded => "partially_refunded",
        PaymentStatus::Refunded => "refunded",
        PaymentStatus::NotRequired => "not_required",
    }
}

/// The word of a fulfilment status, which is the same as in JSON.
pub fn fulfilment_word(status: FulfilmentStatus) -> &'static str {
    match status {
        FulfilmentStatus::Unfulfilled => "unfulfilled",
        FulfilmentStatus::Backordered => "backordered",
        FulfilmentStatus::Processing => "processing",
        FulfilmentStatus::PartiallyShipped => "partially_shipped",
        FulfilmentStatus::Shipped => "shipped",
        FulfilmentStatus::Delivered => "delivered",
        FulfilmentStatus::OnHold => "on_hold",
    }
}

/// The word of a return status, which is the same as in JSON.
pub fn return_word(status: ReturnStatus) -> &'static str {
    match status {
        ReturnStatus::None => "none",
        ReturnStatus::Requested => "requested",
        ReturnStatus::PartiallyReturned => "partially_returned",
        ReturnStatus::Returned => "returned",
    }
}

/// Parses the word of a status: `read::<Lifecycle>("open")`. `None` for an unknown value.
pub fn read<'de, T: Deserialize<'de>>(word: &'de str) -> Option<T> {
    let deserializer = IntoDeserializer::<Error>::into_deserializer(word);
    T::deserialize(deserializer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_word(status: impl Serialize) -> String {
        serde_json::to_value(status).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn every_combination_of_statuses_has_a_number_of_its_own() {
        let all: Vec<Status> = Status::all().collect();
        assert_eq!(all.len(), 4 * 8 * 7 * 4);
        assert!(all.iter().all(|status| Status::of_number(status.number()) == Some(*status)));
        let status = Status {
            lifecycle: Lifecycle::Completed,
            payment: PaymentStatus::Refunded,
            fulfilment: FulfilmentStatus::Delivered,
            returns: ReturnStatus::Returned,
        };
        assert_eq!(status.number(), 1653, "the digits are stored in rows and must not change");
        assert_eq!(Status::default().number(), 0);
        for unknown in [-1, 4, 70, 800, 4000, 10_000] {
            assert_eq!(Status::of_number(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn words_are_the_values_in_json_and_are_parsed() {
        use {FulfilmentStatus as F, Lifecycle as L, PaymentStatus as P, ReturnStatus as R};
        for status in [L::Open, L::Completed, L::Cancelled, L::Expired] {
            assert_eq!(lifecycle_word(status), json_word(status));
            assert_eq!(read(lifecycle_word(status)), Some(status));
        }
        let payments = [P::Unpaid, P::Authorized, P::PartiallyPaid, P::Paid];
        for status in payments.into_iter().chain([P::Overpaid, P::PartiallyRefunded, P::Refunded, P::NotRequired]) {
            assert_eq!(payment_word(status), json_word(status));
            assert_eq!(read(payment_word(status)), Some(status));
        }
        let fulfilments = [F::Unfulfilled, F::Backordered, F::Processing, F::PartiallyShipped, F::Shipped];
        for status in fulfilments.into_iter().chain([F::Delivered, F::OnHold]) {
            assert_eq!(fulfilment_word(status), json_word(status));
            assert_eq!(read(fulfilment_word(status)), Some(status));
        }
        for status in [R::None, R::Requested, R::PartiallyReturned, R::Returned] {
            assert_eq!(return_word(status), json_word(status));
            assert_eq!(read(return_word(status)), Some(status));
        }
        assert_eq!(read::<Lifecycle>("paid"), None);
    }
}
