//! Money that came, was promised, or went back. Captured money is a fact: it is recorded whatever the order's state.
//!
//! A provider's reference names one transaction: a method, reference and kind (authorized, captured) are recorded once. The same
//! report again, under another idempotency key, is nothing new; another amount or another order is refused. Within an order its
//! state tells; across orders the claim of the event does, which the log takes once.

use events::order::{
    OrderEvent, PartNo, PaymentAuthorized, PaymentCaptured, PaymentFailed, PaymentVoided, RefundKind, RefundRecorded,
};
use events::{Minor, OrderId, StreamId};

use super::reader::Reader;
use super::{Decision, NewEvent, guards, pricing};
use crate::command::order as command;
use crate::command::{RecordPayment, RecordRefund};
use crate::rejection::{Counted, Obstacle, PAYMENT_REFERENCE, Part, Rejection};
use crate::state::{Order, Transaction, TransactionKind};
use crate::value::amount::Amount;
use crate::value::text::{Method, Reference};

/// Most references of a payment provider in one order: each is kept, so that its transaction is recorded once.
const MAX_REFERENCES: usize = 1_000;

pub(super) fn record(order_id: OrderId, body: &RecordPayment, reader: &Reader<'_>) -> Decision {
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
            is_promised(order, *payment)?.then_some(OrderEvent::PaymentVoided(PaymentVoided { payment: *payment }))
        }
        RecordPayment::Failed { payment, reason, .. } => failed(order, *payment, reason.expose().as_str())?,
    };
    Ok(event.map(|event| NewEvent::new(&stream, event)).into_iter().collect())
}

pub(super) fn refund(order_id: OrderId, body: &RecordRefund, reader: &Reader<'_>) -> Decision {
    let kind = refund_kind(body)?;
    let (stream, order) = reader.order(order_id)?;
    let payment = guards::numbered(&order.progress.payments, Part::Payment, body.payment)?;
    if let Some(number) = body.return_no {
        guards::numbered(&order.progress.returns, Part::Return, number)?;
    }
    let amount = body.amount.minor();
    let refundable = payment.captured.minus(payment.refunded).map_err(Rejection::from)?;
    if amount > refundable {
        return Err(Rejection::AmountExceeded { payment: body.payment, amount, refundable });
    }
    let refunded = RefundRecorded { payment: body.payment, amount, kind: Some(kind), return_no: body.return_no };
    Ok(vec![NewEvent::new(&stream, OrderEvent::RefundRecorded(refunded))])
}

fn refund_kind(body: &RecordRefund) -> Result<RefundKind, Rejection> {
    match (body.return_no, body.kind) {
        (Some(_), Some(_)) => Err(Rejection::Exclusive(["return", "kind"])),
        (Some(_), None) => Ok(RefundKind::Return),
        (None, None | Some(command::RefundKind::Repayment)) => Ok(RefundKind::Repayment),
        (None, Some(command::RefundKind::Goodwill)) => Ok(RefundKind::Goodwill),
    }
}

fn authorized(
    order: &Order,
    amount: Amount,
    method: &Method,
    reference: Option<&Reference>,
) -> Result<OrderEvent, Rejection> {
    let progress = &order.progress;
    guards::open(progress)?;
    let payment = guards::next_number(&progress.payments, Part::Payment)?;
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
    let payment = named.map_or_else(|| guards::next_number(&order.progress.payments, Part::Payment), Ok)?;
    let (amount, reference) = (amount.minor(), text(reference));
    Ok(OrderEvent::PaymentCaptured(PaymentCaptured { payment, amount, method, reference }))
}

/// How money was captured: as the caller says, or as the payment that the caller names was made.
fn method_of(order: &Order, named: Option<PartNo>, method: Option<&Method>) -> Result<String, Rejection> {
    if let Some(number) = named {
        guards::numbered(&order.progress.payments, Part::Payment, number)?;
    }
    let before = named.and_then(|number| order.payment(number)?.method.clone());
    method.map(|method| method.as_str().to_owned()).or(before).ok_or(Rejection::MethodMissing)
}

fn transaction(
    kind: TransactionKind,
    amount: Amount,
    method: &str,
    reference: Option<&Reference>,
) -> Option<Transaction> {
    let reference = reference?.as_str().to_owned();
    Some(Transaction { reference, method: method.to_owned(), kind, amount: amount.minor() })
}

/// The event of a payment; none if this order has its transaction already.
fn once(
    stream: &StreamId,
    order: &Order,
    transaction: Option<Transaction>,
    event: impl FnOnce() -> Result<OrderEvent, Rejection>,
) -> Decision {
    match is_recorded(order, transaction.as_ref())? {
        true => Ok(vec![]),
        false => Ok(vec![claiming(stream, event()?, transaction)]),
    }
}

/// Whether this order has the transaction already; refused if with another amount.
fn is_recorded(order: &Order, transaction: Option<&Transaction>) -> Result<bool, Rejection> {
    let Some(new) = transaction else { return Ok(false) };
    let is_same =
        |old: &&Transaction| (old.kind, &old.method, &old.reference) == (new.kind, &new.method, &new.reference);
    let transactions = || order.payments.iter().flat_map(|payment| &payment.transactions);
    match transactions().find(is_same) {
        None if transactions().count() >= MAX_REFERENCES => {
            Err(Rejection::TooManyParts { what: Counted::PaymentReference, limit: MAX_REFERENCES })
        }
        None => Ok(false),
        Some(old) if old.amount == new.amount => Ok(true),
        Some(_) => {
            let (method, reference) = (new.method.clone(), new.reference.clone());
            Err(Rejection::DuplicatePaymentReference { method, reference })
        }
    }
}

/// The event takes the provider's reference, so that no other order can.
fn claiming(stream: &StreamId, event: OrderEvent, transaction: Option<Transaction>) -> NewEvent {
    let claim = transaction.map(|Transaction { reference, method, kind, .. }| {
        let kind = match kind {
            TransactionKind::Authorized => "authorized",
            TransactionKind::Captured => "captured",
        };
        format!("{PAYMENT_REFERENCE}{kind}\n{method}\n{reference}")
    });
    NewEvent { claim, ..NewEvent::new(stream, event) }
}

fn failed(order: &Order, named: Option<PartNo>, reason: &str) -> Result<Option<OrderEvent>, Rejection> {
    let payment = match named {
        Some(number) if !is_promised(order, number)? => return Ok(None),
        Some(number) => number,
        None => guards::next_number(&order.progress.payments, Part::Payment)?,
    };
    Ok(Some(OrderEvent::PaymentFailed(PaymentFailed { payment, reason: reason.into() })))
}

/// Whether money is promised by this payment; not if that was taken back or failed already. What came in whole cannot.
fn is_promised(order: &Order, number: PartNo) -> Result<bool, Rejection> {
    let payment = guards::numbered(&order.progress.payments, Part::Payment, number)?;
    if payment.authorized > Minor::ZERO {
        return Ok(true);
    }
    match order.payment(number).is_some_and(|trail| trail.closed) {
        true => Ok(false),
        false => Err(guards::forbidden(&order.progress, Obstacle::Captured(number))),
    }
}

fn within_count(so_far: Minor, amount: Amount) -> Result<(), Rejection> {
    pricing::bounded(so_far.plus(amount.minor())?).map(drop)
}

fn text(reference: Option<&Reference>) -> Option<String> {
    reference.map(|reference| reference.as_str().to_owned())
}
