//! Record a refund.

use chrono::{DateTime, Utc};
use events::OrderId;
use events::order::{OrderEvent, PartNo, RefundKind as RecordedKind, RefundRecorded};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::guards;
use crate::reader::Reader;
use crate::rejection::{OrderPart, Rejection};
use crate::value::amount::Amount;
use crate::value::instant;

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
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn refund(order_id: OrderId, body: &RecordRefund, reader: &Reader<'_>) -> Decision {
    let kind = refund_kind(body)?;
    let (stream, order) = reader.order(order_id)?;
    let payment = guards::numbered(&order.progress.payments, OrderPart::Payment, body.payment)?;
    if let Some(number) = body.return_no {
        guards::numbered(&order.progress.returns, OrderPart::Return, number)?;
    }
    let amount = body.amount.minor();
    let refundable = payment.captured.minus(payment.refunded).map_err(Rejection::from)?;
    if amount > refundable {
        return Err(Rejection::AmountExceeded { payment: body.payment, amount, refundable });
    }
    let refunded = RefundRecorded { payment: body.payment, amount, kind: Some(kind), return_no: body.return_no };
    Ok(vec![NewEvent::new(&stream, OrderEvent::RefundRecorded(refunded))])
}

fn refund_kind(body: &RecordRefund) -> Result<RecordedKind, Rejection> {
    match (body.return_no, body.kind) {
        (Some(_), Some(_)) => Err(Rejection::Exclusive(["return", "kind"])),
        (Some(_), None) => Ok(RecordedKind::Return),
        (None, None | Some(RefundKind::Repayment)) => Ok(RecordedKind::Repayment),
        (None, Some(RefundKind::Goodwill)) => Ok(RecordedKind::Goodwill),
    }
}
