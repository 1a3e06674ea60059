//! Commands about money: what happened to payments, and what went back.

use chrono::{DateTime, Utc};
use events::Personal;
use events::order::PartNo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::amount::Amount;
use crate::command::instant;
use crate::command::text::{Method, Reason, Reference};

/// Body of `POST /v1/orders/{id}/payments`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum RecordPayment {
    /// Money was promised; a new payment.
    Authorized {
        /// How much, minor units.
        amount: Amount,
        /// How: card, transfer, cash.
        method: Method,
        /// The payment provider's reference of this transaction. A method, reference and kind are recorded once: the same
        /// report again has no effect, and another amount or another order is refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// When it happened, if not now.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// Money came in.
    Captured {
        /// The authorized payment that it came from; a new payment if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        payment: Option<PartNo>,
        /// How much, minor units.
        amount: Amount,
        /// How: card, transfer, cash; that of the named payment if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        method: Option<Method>,
        /// The payment provider's reference of this transaction. A method, reference and kind are recorded once: the same
        /// report again has no effect, and another amount or another order is refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// When it happened, if not now.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// What is left of a promise was taken back.
    Voided {
        /// Which payment.
        payment: PartNo,
        /// When it happened, if not now.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// A payment did not work.
    Failed {
        /// Which payment; a new one if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        payment: Option<PartNo>,
        /// The provider's reason.
        reason: Personal<Reason>,
        /// When it happened, if not now.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
}

impl RecordPayment {
    /// When it happened, if not now.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Authorized { occurred_at, .. }
            | Self::Captured { occurred_at, .. }
            | Self::Voided { occurred_at, .. }
            | Self::Failed { occurred_at, .. } => *occurred_at,
        }
    }
}

/// What a refund that is not for a return does to the amount that the buyer has to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RefundKind {
    /// Money that the buyer did not owe, or that is to be paid in another way: the excess after a cancellation or an
    /// overpayment, a payment that another one replaces. It no longer counts as paid.
    Repayment,
    /// A reduction of the price that the seller grants. The buyer does not have to pay it again.
    Goodwill,
}

/// Body of `POST /v1/orders/{id}/refunds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordRefund {
    /// Which payment it came from.
    pub payment: PartNo,
    /// How much, minor units.
    pub amount: Amount,
    /// Number of the return that the refund is for, if any. The buyer does not have to pay such a refund again.
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    pub return_no: Option<PartNo>,
    /// What the refund is, if it is not for a return; `repayment` if left out. Not together with `return`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<RefundKind>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
