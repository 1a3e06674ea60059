//! Commands to payments, and the references of payment providers that both commands claim.

pub mod record;
pub mod refund;

use events::order::OrderEvent;
use events::{Minor, StreamId};

use crate::decision::{Decision, NewEvent};
use crate::order::pricing;
use crate::order::state::{Order, Transaction, TransactionKind};
use crate::rejection::PAYMENT_REFERENCE;
use crate::rejection::{Counted, Rejection};
use crate::value::amount::Amount;
use crate::value::label::Reference;

/// Most references of a payment provider in one order; the order keeps each, so that its transaction is recorded once.
const MAX_REFERENCES: usize = 1_000;

pub(crate) fn transaction(
    kind: TransactionKind,
    amount: Amount,
    method: &str,
    reference: Option<&Reference>,
) -> Option<Transaction> {
    let reference = reference?.as_str().to_owned();
    Some(Transaction { reference, method: method.to_owned(), kind, amount: amount.minor() })
}

/// The event of a payment; none if this order has its transaction already.
pub(crate) fn once(
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

/// Whether this order has the transaction already; a rejection if it has the transaction with another amount.
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

/// The event with a claim on the reference of the payment provider, so that no other order can record the transaction.
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

pub(crate) fn within_count(so_far: Minor, amount: Amount) -> Result<(), Rejection> {
    pricing::bounded(so_far.plus(amount.minor())?).map(drop)
}

pub(crate) fn text(reference: Option<&Reference>) -> Option<String> {
    reference.map(|reference| reference.as_str().to_owned())
}

#[cfg(test)]
mod tests;
