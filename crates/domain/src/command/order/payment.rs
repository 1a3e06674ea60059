//! Commands about money: what happened to payments, and what went back.

use chrono::{DateTime, Utc};
use events::Personal;
use events::order::PartNo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::amount::Amount;
use crate::value::instant;
use crate::value::text::{Method, Reason, Reference};

/// A payment to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum RecordPayment {
    /// A payment was authorized; creates a new payment.
    Authorized {
        /// Amount in minor units.
        amount: Amount,
        /// Payment method, such as card, transfer or cash.
        method: Method,
        /// The payment provider's reference of this transaction. A method, reference and kind are recorded once: the same
        /// report again has no effect, and another amount or another order is refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// Instant at which it happened (RFC 3339); the time of the request if left out.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// Money was captured.
    Captured {
        /// Number of the authorized payment that was captured; a new payment if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        payment: Option<PartNo>,
        /// Amount in minor units.
        amount: Amount,
        /// Payment method, such as card, transfer or cash; the method of the named payment if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        method: Option<Method>,
        /// The payment provider's reference of this transaction. A method, reference and kind are recorded once: the same
        /// report again has no effect, and another amount or another order is refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// Instant at which it happened (RFC 3339); the time of the request if left out.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// The rest of an authorization was voided.
    Voided {
        /// Number of the payment.
        payment: PartNo,
        /// Instant at which it happened (RFC 3339); the time of the request if left out.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// A payment failed.
    Failed {
        /// Number of the payment; a new payment if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        payment: Option<PartNo>,
        /// Reason of the payment provider.
        reason: Personal<Reason>,
        /// Instant at which it happened (RFC 3339); the time of the request if left out.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
}

impl RecordPayment {
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Authorized { occurred_at, .. }
            | Self::Captured { occurred_at, .. }
            | Self::Voided { occurred_at, .. }
            | Self::Failed { occurred_at, .. } => *occurred_at,
        }
    }
}

/// Effect of a refund that is not for a return on the amount that the buyer owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RefundKind {
    /// Money that the buyer did not owe, or that is to be paid in another way: the excess after a cancellation or an
    /// overpayment, a payment that another one replaces. It no longer counts as paid.
    Repayment,
    /// A reduction of the price that the seller grants. The buyer does not have to pay it again.
    Goodwill,
}

/// A refund to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordRefund {
    /// Number of the payment that is refunded.
    pub payment: PartNo,
    /// Amount in minor units.
    pub amount: Amount,
    /// Number of the return that the refund is for, if any. The buyer does not have to pay such a refund again.
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    pub return_no: Option<PartNo>,
    /// Kind of the refund, if it is not for a return; `repayment` if left out. Not together with `return`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<RefundKind>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
