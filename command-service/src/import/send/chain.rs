//! The steps of one product, one order, and the returns of one order.

use std::ops::Range;
use std::sync::Arc;

use events::order::PartNo;

use super::super::call::{self, Call};
use super::super::client::{Done, Failed};
use super::super::fate::Fate;
use super::super::orders::Order;
use super::super::plan::Plan;
use super::super::reason::Refusal;
use super::Sender;

/// Steps of a return: request, receipt, refund.
const RETURN_STEPS: usize = 3;

/// The first part of an order that was made by us is its only one.
const FIRST: PartNo = 1;

/// What became of an order.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) fate: Fate,
    payment: PartNo,
}

/// Creates a product, brings in its stock, follows its prices. Whether its orders can be placed after a refusal is for the
/// service to say. A product that was there already keeps its prices: they belong to whoever made it, and a change to what
/// holds already leaves no trace, so that a second run could not tell that it was made.
pub(super) async fn product(sender: Sender, index: usize) -> Result<Option<(events::Sku, Refusal)>, Failed> {
    let plan = sender.plan.clone();
    let product = &plan.products[index];
    let changes = &product.prices[1..];
    let mut refused = sender.call(call::create(product)).await?.err();
    let changes = match &refused {
        None => changes,
        Some(_) => {
            sender.progress.skip(changes.len());
            &[]
        }
    };
    for (number, quantity) in product.receipts().enumerate() {
        let receipt = call::receive(product, number + 1, quantity, plan.stocked_at);
        refused = refused.or(sender.call(receipt).await?.err());
    }
    for price in changes {
        refused = refused.or(sender.call(call::change_price(product, *price)).await?.err());
    }
    Ok(refused.map(|refusal| (product.sku.clone(), refusal)))
}

/// Places an order, then pays, packs and ships it.
pub(super) async fn order(sender: Sender, index: usize) -> Result<Placed, Failed> {
    let plan = sender.plan.clone();
    let order = &plan.orders[index];
    if let Err(refusal) = sender.call(call::place(order, |number| plan.survey.sku(number))).await? {
        sender.progress.skip(Order::STEPS - 1);
        return Ok(Placed { fate: Fate::Refused(Arc::new(refusal)), payment: FIRST });
    }
    let paid = sender.call(call::pay(order)).await?;
    let payment = paid.as_ref().ok().and_then(|done| done.payment).unwrap_or(FIRST);
    let packed = sender.call(call::fulfil(order)).await?;
    let fulfilment = packed.as_ref().ok().and_then(|done| done.fulfilment).unwrap_or(FIRST);
    let shipped = sender.call(call::ship(order, fulfilment)).await?;
    Ok(Placed { fate: fate_of_steps([paid, packed, shipped]), payment })
}

/// The first refusal of the steps, if there is one.
fn fate_of_steps<const N: usize>(steps: [Result<Done, Refusal>; N]) -> Fate {
    match steps.into_iter().find_map(Result::err) {
        Some(refusal) => Fate::Incomplete(Arc::new(refusal)),
        None => Fate::Done,
    }
}

/// Places of the returns of each order that has some.
pub(super) fn returns_by_order(plan: &Plan) -> Vec<Range<usize>> {
    let mut start = 0;
    let groups = plan.returns.chunk_by(|a, b| a.order == b.order).map(|group| {
        let range = start..start + group.len();
        start = range.end;
        range
    });
    groups.collect()
}

/// Takes back what came back to one order, one return after the other.
pub(super) async fn returns(sender: Sender, placed: Arc<[Placed]>, range: Range<usize>) -> Result<Vec<Fate>, Failed> {
    let mut fates = Vec::with_capacity(range.len());
    for index in range {
        fates.push(take_back(&sender, &placed, index).await?);
    }
    Ok(fates)
}

async fn take_back(sender: &Sender, placed: &[Placed], index: usize) -> Result<Fate, Failed> {
    let found = &sender.plan.returns[index];
    let order = &sender.plan.orders[found.order];
    let Placed { fate, payment } = &placed[found.order];
    let steps = RETURN_STEPS - usize::from(!found.refunded);
    if let Fate::Refused(refusal) = fate {
        sender.progress.skip(steps);
        return Ok(Fate::OrderRefused(refusal.clone()));
    }
    let requested = match sender.call(call::request_return(order, found)).await? {
        Ok(done) => done,
        Err(refusal) => {
            sender.progress.skip(steps - 1);
            return Ok(Fate::Refused(Arc::new(refusal)));
        }
    };
    let Some(return_no) = requested.return_no else {
        return Err(Failed::Lost(anyhow::anyhow!(
            "the service did not say which return it made; is it of our version?"
        )));
    };
    let received = sender.call(call::receive_return(order, found, return_no)).await?;
    let refund: Option<Call> = found.refunded.then(|| call::refund(order, found, *payment, return_no));
    let refunded = match refund {
        Some(refund) => sender.call(refund).await?,
        None => Ok(Done::default()),
    };
    Ok(fate_of_steps([received, refunded]))
}
