//! Record a payment. Captured money is a fact: it is recorded in every state of the order.

use chrono::{DateTime, Utc};
use events::order::{OrderEvent, PartNo, PaymentAuthorized, PaymentCaptured, PaymentFailed, PaymentVoided};
use events::{Minor, OrderId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::guards;
use crate::order::payment::{once, text, transaction, within_count};
use crate::order::state::{Order, TransactionKind};
use crate::reader::Reader;
use crate::rejection::{Obstacle, OrderPart, Rejection};
use crate::value::amount::Amount;
use crate::value::instant;
use crate::value::label::{Method, Reference};
use crate::value::text::Reason;

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
        /// The payment provider's reference of this transaction. A method, reference and kind are recorded once: the
        /// same report again has no effect, and another amount or another order is refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// Instant at which the event happened (RFC 3339); the time of the request if left out.
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
        /// The payment provider's reference of this transaction. A method, reference and kind are recorded once: the
        /// same report again has no effect, and another amount or another order is refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// Instant at which the event happened (RFC 3339); the time of the request if left out.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// The rest of an authorization was voided.
    Voided {
        /// Number of the payment.
        payment: PartNo,
        /// Instant at which the event happened (RFC 3339); the time of the request if left out.
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
        /// Instant at which the event happened (RFC 3339); the time of the request if left out.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
}

impl RecordPayment {
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Authorized { occurred_at, .. }
            | Self::Captured { occurred_at, .. }
            | Self::Voided { occurred_at, .. }
            | Self::Failed { occurred_at, .. } => *occurred_at,
        }
    }
}

pub(crate) fn record(order_id: OrderId, body: &RecordPayment, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let event = match body {
        RecordPayment::Authorized { amount, method, reference, .. } => {
            let transaction = transaction(TransactionKind::Authorized, *amount, method.as_str(), reference.as_ref());
            return once(&stream, order, transaction, || authorized(order, *amount, method, reference.as_ref()));
        }
        RecordPayment::Captured { payment, amount, method, reference, .. } => {
            let method = method_of(order, *payment, method.as_ref())?;
            let transaction = transaction(TransactionKind::Captured, *amount, &method, reference.as_ref());
            return once(&stream, order, transaction, || {
                captured(order, *payment, *amount, method, reference.as_ref())
            });
        }
        RecordPayment::Voided { payment, .. } => {
            is_authorized(order, *payment)?.then_some(OrderEvent::PaymentVoided(PaymentVoided { payment: *payment }))
        }
        RecordPayment::Failed { payment, reason, .. } => failed(order, *payment, reason.expose().as_str())?,
    };
    Ok(event.map(|event| NewEvent::new(&stream, event)).into_iter().collect())
}

fn authorized(
    order: &Order,
    amount: Amount,
    method: &Method,
    reference: Option<&Reference>,
) -> Result<OrderEvent, Rejection> {
    let progress = &order.progress;
    guards::open(progress)?;
    let payment = guards::next_number(&progress.payments, OrderPart::Payment)?;
    within_count(progress.authorized(), amount)?;
    let (amount, method, reference) = (amount.minor(), method.as_str().to_owned(), text(reference));
    Ok(OrderEvent::PaymentAuthorized(PaymentAuthorized { payment, amount, method, reference }))
}

fn captured(
    order: &Order,
    named: Option<PartNo>,
    amount: Amount,
    method: String,
    reference: Option<&Reference>,
) -> Result<OrderEvent, Rejection> {
    within_count(order.progress.captured(), amount)?;
    let payment = named.map_or_else(|| guards::next_number(&order.progress.payments, OrderPart::Payment), Ok)?;
    let (amount, reference) = (amount.minor(), text(reference));
    Ok(OrderEvent::PaymentCaptured(PaymentCaptured { payment, amount, method, reference }))
}

/// The method of a capture: the method that the caller sends, or the method of the payment that the caller names.
fn method_of(order: &Order, named: Option<PartNo>, method: Option<&Method>) -> Result<String, Rejection> {
    if let Some(number) = named {
        guards::numbered(&order.progress.payments, OrderPart::Payment, number)?;
    }
    let before = named.and_then(|number| order.payment(number)?.method.clone());
    method.map(|method| method.as_str().to_owned()).or(before).ok_or(Rejection::MethodMissing)
}

fn failed(order: &Order, named: Option<PartNo>, reason: &str) -> Result<Option<OrderEvent>, Rejection> {
    let payment = match named {
        Some(number) if !is_authorized(order, number)? => return Ok(None),
        Some(number) => number,
        None => guards::next_number(&order.progress.payments, OrderPart::Payment)?,
    };
    Ok(Some(OrderEvent::PaymentFailed(PaymentFailed { payment, reason: reason.into() })))
}

/// Whether an authorized amount of the payment is left; false if the payment was voided or has failed. A rejection if
/// the payment is captured.
fn is_authorized(order: &Order, number: PartNo) -> Result<bool, Rejection> {
    let payment = guards::numbered(&order.progress.payments, OrderPart::Payment, number)?;
    if payment.authorized > Minor::ZERO {
        return Ok(true);
    }
    match order.payment(number).is_some_and(|trail| trail.closed) {
        true => Ok(false),
        false => Err(guards::forbidden(&order.progress, Obstacle::Captured(number))),
    }
}
