//! Sends the requests of a plan: first the products with their stock and prices, then the orders, then the returns.
//!
//! Products, orders and the returns of different orders are independent of each other and are sent concurrently
//! ([`Sender::for_each`]). The requests of one of them are sent one after the other ([`crate::steps`]).

use std::sync::Arc;

use crate::client::SendError;
use crate::outcome::Outcomes;
use crate::sender::Sender;
use crate::steps::{self, PlacedOrder};

/// Sends all requests of the plan; returns the outcome of every product, order and return.
pub(crate) async fn send(sender: &Sender) -> Result<Outcomes, SendError> {
    sender.client.check().await?;
    let plan = &sender.plan;
    sender.progress.begin("products");
    let products = sender.for_each(plan.products.len(), steps::send_product).await?;
    sender.progress.begin("orders");
    let orders: Arc<[PlacedOrder]> = sender.for_each(plan.orders.len(), steps::send_order).await?.into();
    sender.progress.begin("returns");
    let groups: Arc<[_]> = steps::returns_by_order(plan).into();
    let (placed, ranges) = (orders.clone(), groups.clone());
    let send_group = move |sender, index: usize| steps::send_returns(sender, placed.clone(), ranges[index].clone());
    let returns = sender.for_each(groups.len(), send_group).await?;
    Ok(Outcomes {
        orders: orders.iter().map(|order| order.outcome.clone()).collect(),
        returns: returns.into_iter().flatten().collect(),
        products: products.into_iter().flatten().collect(),
    })
}
