//! The requests of one product, of one order, and of the returns of one order, in the order in which they are sent.

use std::ops::Range;
use std::sync::Arc;

use events::Sku;
use events::order::PartNo;

use crate::client::{Accepted, SendError};
use crate::orders::Order;
use crate::outcome::Outcome;
use crate::plan::ImportPlan;
use crate::reason::Rejection;
use crate::requests;
use crate::sender::Sender;

/// Requests of a return: request the return, receive it, refund it.
const RETURN_STEPS: usize = 3;

/// Number of the first payment or fulfilment of an order; the importer creates only one of each.
const FIRST: PartNo = 1;

/// The outcome of an order, and the payment that its refunds refer to.
#[derive(Debug, Clone)]
pub(crate) struct PlacedOrder {
    pub(crate) outcome: Outcome,
    payment: PartNo,
}

/// Creates a product, receives its stock and changes its prices. After a rejection the stock is still received: whether the
/// product's orders can be placed is for the service to decide. The prices of a product that existed before the import stay
/// as they are: they belong to whoever created the product, and changing a price to its current value leaves no event, so
/// that a second run could not tell that the change had been made.
pub(crate) async fn send_product(sender: Sender, index: usize) -> Result<Option<(Sku, Rejection)>, SendError> {
    let plan = sender.plan.clone();
    let product = &plan.products[index];
    let changes = &product.prices[1..];
    let mut rejected = sender.send(requests::create_product(product)).await?.err();
    let changes = match &rejected {
        None => changes,
        Some(_) => {
            sender.progress.skip(changes.len());
            &[]
        }
    };
    for (number, quantity) in product.receipts().enumerate() {
        let receipt = requests::receive_stock(product, number + 1, quantity, plan.stocked_at);
        rejected = rejected.or(sender.send(receipt).await?.err());
    }
    for price in changes {
        rejected = rejected.or(sender.send(requests::change_price(product, *price)).await?.err());
    }
    Ok(rejected.map(|rejection| (product.sku.clone(), rejection)))
}

/// Places an order, records its payment, creates its fulfilment and ships it.
pub(crate) async fn send_order(sender: Sender, index: usize) -> Result<PlacedOrder, SendError> {
    let plan = sender.plan.clone();
    let order = &plan.orders[index];
    let place = requests::place_order(order, |number| plan.contents.sku(number));
    if let Err(rejection) = sender.send(place).await? {
        sender.progress.skip(Order::STEPS - 1);
        return Ok(PlacedOrder { outcome: Outcome::Rejected(Arc::new(rejection)), payment: FIRST });
    }
    let paid = sender.send(requests::record_payment(order)).await?;
    let payment = paid.as_ref().ok().and_then(|accepted| accepted.payment).unwrap_or(FIRST);
    let packed = sender.send(requests::create_fulfilment(order)).await?;
    let fulfilment = packed.as_ref().ok().and_then(|accepted| accepted.fulfilment).unwrap_or(FIRST);
    let shipped = sender.send(requests::ship_fulfilment(order, fulfilment)).await?;
    Ok(PlacedOrder { outcome: outcome_of_steps([paid, packed, shipped]), payment })
}

/// `Incomplete` with the first rejection, if a step was rejected.
fn outcome_of_steps<const N: usize>(steps: [Result<Accepted, Rejection>; N]) -> Outcome {
    match steps.into_iter().find_map(Result::err) {
        Some(rejection) => Outcome::Incomplete(Arc::new(rejection)),
        None => Outcome::Complete,
    }
}

/// For every order with returns, the indexes of its returns in the plan.
pub(crate) fn returns_by_order(plan: &ImportPlan) -> Vec<Range<usize>> {
    let mut start = 0;
    let groups = plan.returns.chunk_by(|a, b| a.order == b.order).map(|group| {
        let range = start..start + group.len();
        start = range.end;
        range
    });
    groups.collect()
}

/// Sends the returns of one order, one after the other.
pub(crate) async fn send_returns(
    sender: Sender,
    orders: Arc<[PlacedOrder]>,
    range: Range<usize>,
) -> Result<Vec<Outcome>, SendError> {
    let mut outcomes = Vec::with_capacity(range.len());
    for index in range {
        outcomes.push(send_return(&sender, &orders, index).await?);
    }
    Ok(outcomes)
}

/// Requests a return, receives it, and refunds it where the payment covers the refund.
async fn send_return(sender: &Sender, orders: &[PlacedOrder], index: usize) -> Result<Outcome, SendError> {
    let found = &sender.plan.returns[index];
    let order = &sender.plan.orders[found.order];
    let PlacedOrder { outcome, payment } = &orders[found.order];
    let steps = RETURN_STEPS - usize::from(!found.refunded);
    if let Outcome::Rejected(rejection) = outcome {
        sender.progress.skip(steps);
        return Ok(Outcome::OrderRejected(rejection.clone()));
    }
    let requested = match sender.send(requests::request_return(order, found)).await? {
        Ok(accepted) => accepted,
        Err(rejection) => {
            sender.progress.skip(steps - 1);
            return Ok(Outcome::Rejected(Arc::new(rejection)));
        }
    };
    let Some(return_no) = requested.return_no else {
        return Err(SendError::Unreachable(anyhow::anyhow!(
            "the answer of the service lacks the number of the new return: do the importer and the service have the same version?"
        )));
    };
    let received = sender.send(requests::receive_return(order, found, return_no)).await?;
    let refunded = match found.refunded {
        true => sender.send(requests::record_refund(order, found, *payment, return_no)).await?,
        false => Ok(Accepted::default()),
    };
    Ok(outcome_of_steps([received, refunded]))
}
