//! Money that came, was promised, or went back. Captured money is a fact: it is recorded whatever the order's state.

use events::Minor;
use events::order::{
    OrderEvent, PartNo, PaymentAuthorized, PaymentCaptured, PaymentFailed, PaymentVoided, RefundRecorded,
};

use super::{Decision, NewEvent, lookup, pricing, standing};
use crate::command::amount::Amount;
use crate::command::order::RecordPaymentBody;
use crate::command::text::{Method, Reference};
use crate::command::{RecordPayment, RecordRefund};
use crate::rejection::{Obstacle, Part, Rejection};
use crate::state::Order;
use crate::world::World;

pub(super) fn record(command: &RecordPayment, world: &World) -> Decision {
    let (stream, order) = lookup::order(world, command.order_id)?;
    let event = match &command.body {
        RecordPaymentBody::Authorized { amount, method, reference, .. } => {
            Some(authorized(order, *amount, method, reference.as_ref())?)
        }
        RecordPaymentBody::Captured { payment, amount, method, reference, .. } => {
            Some(captured(order, *payment, *amount, method.as_ref(), reference.as_ref())?)
        }
        RecordPaymentBody::Voided { payment, .. } => {
            is_promised(order, *payment)?.then_some(OrderEvent::PaymentVoided(PaymentVoided { payment: *payment }))
        }
        RecordPaymentBody::Failed { payment, reason, .. } => failed(order, *payment, reason.as_str())?,
    };
    Ok(event.map(|event| NewEvent::new(&stream, event)).into_iter().collect())
}

pub(super) fn refund(command: &RecordRefund, world: &World) -> Decision {
    let body = &command.body;
    let (stream, order) = lookup::order(world, command.order_id)?;
    let payment = standing::numbered(&order.progress.payments, Part::Payment, body.payment)?;
    if let Some(number) = body.return_no {
        standing::numbered(&order.progress.returns, Part::Return, number)?;
    }
    let amount = body.amount.minor();
    let refundable = payment.captured.minus(payment.refunded).map_err(Rejection::from)?;
    if amount > refundable {
        return Err(Rejection::AmountExceeded { payment: body.payment, amount, refundable }.into());
    }
    let refunded = RefundRecorded { payment: body.payment, amount, return_no: body.return_no };
    Ok(vec![NewEvent::new(&stream, OrderEvent::RefundRecorded(refunded))])
}

fn authorized(
    order: &Order,
    amount: Amount,
    method: &Method,
    reference: Option<&Reference>,
) -> Result<OrderEvent, Rejection> {
    let progress = &order.progress;
    standing::open(progress)?;
    let payment = standing::next_number(&progress.payments, Part::Payment)?;
    within_count(progress.authorized(), amount)?;
    let (amount, method, reference) = (amount.minor(), method.as_str().to_owned(), text(reference));
    Ok(OrderEvent::PaymentAuthorized(PaymentAuthorized { payment, amount, method, reference }))
}

fn captured(
    order: &Order,
    named: Option<PartNo>,
    amount: Amount,
    method: Option<&Method>,
    reference: Option<&Reference>,
) -> Result<OrderEvent, Rejection> {
    let payments = &order.progress.payments;
    if let Some(number) = named {
        standing::numbered(payments, Part::Payment, number)?;
    }
    let before = named.and_then(|number| order.payment(number)?.method.clone());
    let method = method.map(|method| method.as_str().to_owned()).or(before).ok_or(Rejection::MethodMissing)?;
    within_count(order.progress.captured(), amount)?;
    let payment = named.unwrap_or(payments.len() as PartNo + 1);
    let (amount, reference) = (amount.minor(), text(reference));
    Ok(OrderEvent::PaymentCaptured(PaymentCaptured { payment, amount, method, reference }))
}

fn failed(order: &Order, named: Option<PartNo>, reason: &str) -> Result<Option<OrderEvent>, Rejection> {
    let payment = match named {
        Some(number) if !is_promised(order, number)? => return Ok(None),
        Some(number) => number,
        None => standing::next_number(&order.progress.payments, Part::Payment)?,
    };
    Ok(Some(OrderEvent::PaymentFailed(PaymentFailed { payment, reason: reason.to_owned() })))
}

/// Whether money is promised by this payment; not if that was taken back or failed already. What came in whole cannot.
fn is_promised(order: &Order, number: PartNo) -> Result<bool, Rejection> {
    let payment = standing::numbered(&order.progress.payments, Part::Payment, number)?;
    if payment.authorized > Minor::ZERO {
        return Ok(true);
    }
    match order.payment(number).is_some_and(|trail| trail.closed) {
        true => Ok(false),
        false => Err(standing::forbidden(&order.progress, Obstacle::Captured(number))),
    }
}

fn within_count(so_far: Minor, amount: Amount) -> Result<(), Rejection> {
    pricing::bounded(so_far.plus(amount.minor())?).map(drop)
}

fn text(reference: Option<&Reference>) -> Option<String> {
    reference.map(|reference| reference.as_str().to_owned())
}
