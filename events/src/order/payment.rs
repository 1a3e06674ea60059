//! Payment events of an order: authorized, captured, voided, failed, refunded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numbers::PartNo;
use crate::money::Minor;
use crate::payload::Payload;
use crate::personal::Personal;

/// A payment was authorized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentAuthorized {
    /// Number of the payment in the order, starting at 1.
    pub payment: PartNo,
    /// Authorized amount in minor units of the order's currency.
    pub amount: Minor,
    /// Payment method, such as card, transfer or cash.
    pub method: String,
    /// Reference of the payment at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Payload for PaymentAuthorized {
    const EVENT_TYPE: &'static str = "PaymentAuthorized";
}

/// A payment was captured: the money was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCaptured {
    /// Number of the payment in the order: an authorized payment or a new payment.
    pub payment: PartNo,
    /// Captured amount in minor units of the order's currency.
    pub amount: Minor,
    /// Payment method, such as card, transfer or cash.
    pub method: String,
    /// Reference of the payment at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Payload for PaymentCaptured {
    const EVENT_TYPE: &'static str = "PaymentCaptured";
}

/// The authorization of a payment was voided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentVoided {
    /// Number of the payment in the order.
    pub payment: PartNo,
}

impl Payload for PaymentVoided {
    const EVENT_TYPE: &'static str = "PaymentVoided";
}

/// A payment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// Number of the payment in the order.
    pub payment: PartNo,
    /// Reason for the failure, from the payment provider.
    pub reason: Personal<String>,
}

impl Payload for PaymentFailed {
    const EVENT_TYPE: &'static str = "PaymentFailed";
}

/// How a refund changes the amount that the buyer owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundKind {
    /// The refund returns money that the buyer did not owe or that the buyer pays in another way: the excess after a cancellation
    /// or an overpayment, or a payment that another payment replaces. The refunded amount no longer counts as paid.
    Repayment,
    /// Price of returned goods. The buyer does not owe the refunded amount again.
    Return,
    /// Price reduction granted by the seller. The buyer does not owe the refunded amount again.
    Goodwill,
}

/// A refund was recorded. Version 2; version 1 did not record the kind of refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundRecorded {
    /// Number of the refunded payment in the order.
    pub payment: PartNo,
    /// Refunded amount in minor units of the order's currency.
    pub amount: Minor,
    /// How the refund changes the amount that the buyer owes. Missing in events of version 1 that do not name a return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RefundKind>,
    /// Number of the return for which the refund was made. Missing if the refund was not made for a return.
    #[serde(default, rename = "return", skip_serializing_if = "Option::is_none")]
    pub return_no: Option<PartNo>,
}

impl Payload for RefundRecorded {
    const EVENT_TYPE: &'static str = "RefundRecorded";
    const SCHEMA_VERSION: i16 = 2;
}
