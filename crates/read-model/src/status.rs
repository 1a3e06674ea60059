//! The four statuses of an order, and their values in columns and filters.

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

/// The value in column `lifecycle`, which is the same as in JSON.
pub fn lifecycle_word(status: Lifecycle) -> &'static str {
    match status {
        Lifecycle::Open => "open",
        Lifecycle::Completed => "completed",
        Lifecycle::Cancelled => "cancelled",
        Lifecycle::Expired => "expired",
    }
}

/// The value in column `payment`, which is the same as in JSON.
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

/// The value in column `fulfilment`, which is the same as in JSON.
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

/// The value in column `returns`, which is the same as in JSON.
pub fn return_word(status: ReturnStatus) -> &'static str {
    match status {
        ReturnStatus::None => "none",
        ReturnStatus::Requested => "requested",
        ReturnStatus::PartiallyReturned => "partially_returned",
        ReturnStatus::Returned => "returned",
    }
}

/// Parses the value of a column or a filter: `read::<Lifecycle>("open")`. `None` for an unknown value.
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
    fn values_in_columns_are_the_values_in_json_and_are_parsed() {
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
