//! Sends single requests and counts them, and works through many products, orders or returns concurrently.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use tokio::task::JoinSet;

use crate::client::{Accepted, Answer, Client, SendError};
use crate::plan::ImportPlan;
use crate::progress::Progress;
use crate::reason::Rejection;
use crate::requests::Request;

/// Everything that is needed to send the requests of a plan; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) client: Client,
    pub(crate) plan: Arc<ImportPlan>,
    pub(crate) progress: Progress,
    /// Number of concurrent requests.
    pub(crate) connections: usize,
}

impl Sender {
    /// Sends one request until the service answers, and counts the request.
    pub(crate) async fn send(&self, request: Request) -> Result<Result<Accepted, Rejection>, SendError> {
        let answer = self.client.send(&request).await?;
        self.progress.answered();
        match answer {
            Answer::Accepted(accepted) => {
                if accepted.replayed {
                    self.progress.replayed();
                }
                Ok(Ok(accepted))
            }
            Answer::Rejected(rejection) => Ok(Err(rejection)),
        }
    }

    /// Calls `work` for every index below `count`, [`Sender::connections`] of them concurrently; returns the results in order.
    /// The first error ends the work.
    pub(crate) async fn for_each<T, W, F>(&self, count: usize, work: W) -> Result<Vec<T>, SendError>
    where
        T: Send + 'static,
        W: Fn(Sender, usize) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, SendError>> + Send + 'static,
    {
        let (work, next) = (Arc::new(work), Arc::new(AtomicUsize::new(0)));
        let mut workers = JoinSet::new();
        for _ in 0..self.connections.min(count) {
            let (sender, work, next) = (self.clone(), work.clone(), next.clone());
            workers.spawn(async move {
                let mut results = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return Ok(results);
                    }
                    results.push((index, work(sender.clone(), index).await?));
                }
            });
        }
        let mut all = Vec::with_capacity(count);
        // After an error the other workers are cancelled, also in the middle of a request: the idempotency key of such a
        // request lets the next run find its outcome.
        while let Some(ended) = workers.join_next().await {
            all.extend(ended.context("a task that sends requests failed").map_err(SendError::Unreachable)??);
        }
        all.sort_by_key(|(index, _)| *index);
        Ok(all.into_iter().map(|(_, result)| result).collect())
    }
}
