//! Sends a plan: products with their stock and prices, then orders, then returns. What is independent runs side by side;
//! the steps of one product, order or order's returns follow each other.

mod chain;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use tokio::task::JoinSet;

use super::call::Call;
use super::client::{Answer, Client, Done, Failed};
use super::fate::Fates;
use super::plan::Plan;
use super::progress::Progress;
use super::reason::Refusal;

/// What the chains share; cheap to clone.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The way to the service.
    pub client: Client,
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// Who watches.
    pub progress: Progress,
    /// Requests at a time.
    pub connections: usize,
}

impl Sender {
    /// Sends everything; gives what became of it.
    pub async fn send(self) -> Result<Fates, Failed> {
        self.client.check().await?;
        self.progress.begin("products");
        let products = self.each(self.plan.products.len(), chain::product).await?;
        self.progress.begin("orders");
        let placed = self.each(self.plan.orders.len(), chain::order).await?;
        self.progress.begin("returns");
        let placed: Arc<[chain::Placed]> = placed.into();
        let groups: Arc<[_]> = chain::returns_by_order(&self.plan).into();
        let (told, grouped) = (placed.clone(), groups.clone());
        let returns = move |sender, index: usize| chain::returns(sender, told.clone(), grouped[index].clone());
        let returns = self.each(groups.len(), returns).await?;
        Ok(Fates {
            orders: placed.iter().map(|placed| placed.fate.clone()).collect(),
            returns: returns.into_iter().flatten().collect(),
            products: products.into_iter().flatten().collect(),
        })
    }

    /// Does all of so many things, some at a time; gives the results in order. The first failure ends it.
    async fn each<T, W, F>(&self, count: usize, work: W) -> Result<Vec<T>, Failed>
    where
        T: Send + 'static,
        W: Fn(Sender, usize) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, Failed>> + Send + 'static,
    {
        let (work, next) = (Arc::new(work), Arc::new(AtomicUsize::new(0)));
        let mut workers = JoinSet::new();
        for _ in 0..self.connections.min(count) {
            let (sender, work, next) = (self.clone(), work.clone(), next.clone());
            workers.spawn(async move {
                let mut done = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return Ok(done);
                    }
                    done.push((index, work(sender.clone(), index).await?));
                }
            });
        }
        let mut all = Vec::with_capacity(count);
        // Dropping the others in the middle of a request is fine: its key settles later what became of it.
        while let Some(ended) = workers.join_next().await {
            all.extend(ended.context("a worker died").map_err(Failed::Lost)??);
        }
        all.sort_by_key(|(index, _)| *index);
        Ok(all.into_iter().map(|(_, done)| done).collect())
    }

    /// Sends one request and counts it.
    async fn call(&self, call: Call) -> Result<Result<Done, Refusal>, Failed> {
        let answer = self.client.send(&call).await?;
        self.progress.answered();
        match answer {
            Answer::Done(done) => {
                if done.replayed {
                    self.progress.replayed();
                }
                Ok(Ok(done))
            }
            Answer::Refused(refusal) => Ok(Err(refusal)),
        }
    }
}
