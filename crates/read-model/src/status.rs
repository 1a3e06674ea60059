//! The four statuses of an order side by side, and the words for them in columns and filters.

use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, Progress, ReturnStatus};
use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::de::value::Error;
use serde::{Deserialize, Serialize};

/// The statuses of an order; each a function of its quantities and sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Whether it still goes on.
    pub lifecycle: Lifecycle,
    /// How the money stands.
    pub payment: PaymentStatus,
    /// How the goods stand.
    pub fulfilment: FulfilmentStatus,
    /// How returns stand.
    #[serde(rename = "return")]
    pub returns: ReturnStatus,
}

impl Status {
    /// The statuses of an order that has come so far.
    pub fn of(progress: &Progress) -> Status {
        Status {
            lifecycle: progress.lifecycle,
            payment: progress.payment_status(),
            fulfilment: progress.fulfilment_status(),
            returns: progress.return_status(),
        }
    }
}

/// The word in column `lifecycle`: the same as in JSON.
pub fn lifecycle_word(status: Lifecycle) -> &'static str {
    match status {
        Lifecycle::Open => "open",
        Lifecycle::Completed => "completed",
        Lifecycle::Cancelled => "cancelled",
        Lifecycle::Expired => "expired",
    }
}

/// The word in column `payment`.
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

/// The word in column `fulfilment`.
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

/// The word in column `returns`.
pub fn return_word(status: ReturnStatus) -> &'static str {
    match status {
        ReturnStatus::None => "none",
        ReturnStatus::Requested => "requested",
        ReturnStatus::PartiallyReturned => "partially_returned",
        ReturnStatus::Returned => "returned",
    }
}

/// Reads a word of a column or a filter back: `read::<Lifecycle>("open")`. `None` for a word that is none of them.
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
    fn words_in_columns_are_the_words_in_json_and_are_read_back() {
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
