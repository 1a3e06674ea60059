//! A moderate, continuous load of orders, for tests that inject faults meanwhile. Every worker sends a command with the same
//! idempotency key until the outcome is known, reads what the command changed, and records its [`ClientHistory`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use testbed::PATIENCE;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::api::{Answer, Api};
use crate::client_history::{ClientHistory, FinalOutcome, Read, RetriedCommand};

/// Pause of a worker between two orders, because the machine also builds and runs other tests.
const PAUSE: Duration = Duration::from_millis(20);

/// Pause before a command is sent again with the same idempotency key.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Units of each order line.
const UNITS: u32 = 2;

/// Locations that receive stock in addition to `main`, so that SKUs get new locations during the load.
const EXTRA_LOCATIONS: u8 = 4;

/// Units of an order that exceed the stock.
const EXCESSIVE_UNITS: u32 = 900_000;

/// How long a read may wait for its consistency token; short, because the worker has commands to send.
const READ_WAIT_S: u32 = 1;

/// A load that runs until it is stopped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    workers: JoinSet<anyhow::Result<ClientHistory>>,
}

/// Progress of all workers together.
#[derive(Debug, Default)]
struct Counts {
    /// Orders that were acknowledged, including the commands that followed them.
    orders: AtomicU64,
    /// Commands whose outcome was unknown after the first request.
    unknown_outcomes: AtomicU64,
}

impl Load {
    /// Starts workers that place orders of two lines, pay, ship or cancel some of the orders, and receive stock.
    pub fn start(api: &Api, skus: &[String], workers: u32) -> Load {
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::<Counts>::default());
        let mut set = JoinSet::new();
        for number in 0..workers {
            let worker = Worker {
                api: api.clone(),
                skus: skus.to_vec(),
                random: fastrand::Rng::with_seed(number.into()),
                counts: Arc::clone(&counts),
                session: number,
                newest: 0,
                history: ClientHistory::default(),
            };
            set.spawn(worker.run(Arc::clone(&stop)));
        }
        Load { stop, counts, workers: set }
    }

    /// Waits until this many more orders have been acknowledged.
    pub async fn wait_for_orders(&self, orders: u64) -> anyhow::Result<()> {
        let what = || format!("{orders} more orders were not acknowledged in time");
        grow(&self.counts.orders, orders).await.with_context(what)
    }

    /// Waits until the outcome of this many more commands was unknown after the first request.
    pub async fn wait_for_unknown_outcomes(&self, commands: u64) -> anyhow::Result<()> {
        let what = || format!("the outcome of {commands} more commands did not become unknown in time");
        grow(&self.counts.unknown_outcomes, commands).await.with_context(what)
    }

    /// Stops the workers after the outcome of every command is known.
    pub async fn stop(mut self) -> anyhow::Result<ClientHistory> {
        self.stop.store(true, Ordering::Relaxed);
        let mut history = ClientHistory::default();
        while let Some(worker) = self.workers.join_next().await {
            history.extend(worker??);
        }
        Ok(history)
    }
}

/// Waits until a count has grown by `more`.
async fn grow(count: &AtomicU64, more: u64) -> anyhow::Result<()> {
    let target = count.load(Ordering::Relaxed) + more;
    let reached = async {
        while count.load(Ordering::Relaxed) < target {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.context("the load made no progress")
}

/// A command whose outcome is known.
#[derive(Debug)]
struct Completed {
    /// The first response that states the outcome.
    answer: Answer,
    /// Earlier requests after which the outcome was unknown.
    failed_attempts: u32,
}

#[derive(Debug)]
struct Worker {
    api: Api,
    skus: Vec<String>,
    random: fastrand::Rng,
    counts: Arc<Counts>,
    session: u32,
    /// The newest position that the session has received in responses to commands and reads.
    newest: i64,
    history: ClientHistory,
}

impl Worker {
    async fn run(mut self, stop: Arc<AtomicBool>) -> anyhow::Result<ClientHistory> {
        while !stop.load(Ordering::Relaxed) {
            self.place_and_process_order().await?;
            self.counts.orders.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(self.history)
    }

    async fn place_and_process_order(&mut self) -> anyhow::Result<()> {
        let first = self.random.usize(..self.skus.len());
        let second = (first + 1) % self.skus.len();
        let line = |index: usize| json!({ "sku": self.skus[index], "quantity": UNITS });
        let order = json!({ "currency": "GBP", "lines": [line(first), line(second)] });
        let placed = self.send("/v1/orders", "order-{id}", &order).await?;
        let id = placed.text("id").to_owned();
        match self.random.u8(..6) {
            0 => {
                self.change_order(&id, "payments", json!({ "kind": "captured", "amount": 100, "method": "card" }))
                    .await?
            }
            1 => self.change_order(&id, "cancellation", json!({ "reason": "changed their mind" })).await?,
            2 => {
                self.change_order(&id, "fulfilments", json!({})).await?;
                self.change_order(&id, "fulfilments/1/shipment", json!({})).await?;
            }
            3 => self.receive(&self.skus[first].clone()).await?,
            4 => self.place_excessive_order(&self.skus[first].clone()).await?,
            _ => {}
        }
        let path = match self.random.bool() {
            true => format!("/v1/orders/{id}"),
            false => format!("/v1/stock/{}", self.skus[first]),
        };
        self.read(&path).await;
        Ok(())
    }

    async fn change_order(&mut self, id: &str, path: &str, body: Value) -> anyhow::Result<()> {
        self.send(&format!("/v1/orders/{id}/{path}"), "order-{id}", &body).await.map(|_| ())
    }

    async fn receive(&mut self, sku: &str) -> anyhow::Result<()> {
        let number = self.random.u8(..EXTRA_LOCATIONS);
        let path = format!("/v1/stock/{sku}/extra-{number}/receipts");
        self.send(&path, "stock-{id}", &json!({ "quantity": 1 })).await.map(|_| ())
    }

    /// Places an order for more units than are in stock. The order must be rejected, whatever faults happen.
    async fn place_excessive_order(&mut self, sku: &str) -> anyhow::Result<()> {
        let (path, key) = ("/v1/orders", Uuid::now_v7());
        let order = json!({ "currency": "GBP", "lines": [{ "sku": sku, "quantity": EXCESSIVE_UNITS }] });
        let Completed { answer, failed_attempts } = self.send_until_outcome_known(path, key, &order).await?;
        if answer.is_success() {
            bail!("an order for {EXCESSIVE_UNITS} of {sku} was accepted: {}", answer.body);
        }
        self.record_retried(
            failed_attempts,
            RetriedCommand { key, path: path.to_owned(), outcome: FinalOutcome::Rejected(answer.status) },
        );
        Ok(())
    }

    /// Sends a command until its outcome is known; `{id}` in `stream` is the id in the response.
    async fn send(&mut self, path: &str, stream: &str, body: &Value) -> anyhow::Result<Answer> {
        let key = Uuid::now_v7();
        let Completed { answer, failed_attempts } = self.send_until_outcome_known(path, key, body).await?;
        let answer = answer.success()?;
        let ack = answer.ack(key, stream.replace("{id}", answer.text("id")))?;
        self.newest = self.newest.max(ack.position);
        self.record_retried(
            failed_attempts,
            RetriedCommand { key, path: path.to_owned(), outcome: FinalOutcome::Acknowledged(ack.clone()) },
        );
        self.history.acks.push(ack);
        Ok(answer)
    }

    /// Sends a command with the same idempotency key until its outcome is known. After a lost connection, a timeout or a status
    /// 5xx the outcome is unknown, and only a request with the same key can establish the outcome.
    async fn send_until_outcome_known(&self, path: &str, key: Uuid, body: &Value) -> anyhow::Result<Completed> {
        let deadline = Instant::now() + PATIENCE;
        let mut failed_attempts = 0;
        loop {
            let last = match self.api.command(path, key, body).await {
                Ok(answer) if !answer.is_outcome_unknown() => return Ok(Completed { answer, failed_attempts }),
                Ok(answer) => format!("{} {}", answer.status, answer.body),
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() >= deadline {
                bail!("{path} has no known outcome in time: {last}");
            }
            if failed_attempts == 0 {
                self.counts.unknown_outcomes.fetch_add(1, Ordering::Relaxed);
            }
            failed_attempts += 1;
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    /// Records a command that was sent more than once.
    fn record_retried(&mut self, failed_attempts: u32, retried: RetriedCommand) {
        if failed_attempts > 0 {
            self.history.retried.push(retried);
        }
    }

    /// Reads with the newest position of the session as consistency token. A read that fails is not recorded.
    async fn read(&mut self, path: &str) {
        if !self.api.has_queries() {
            return;
        }
        if self.random.bool() {
            // A read without a token fills the caches with values that may be older than the token of the next read.
            let _ = self.api.query(path).await;
        }
        let Ok(answer) = self.api.query_within(path, self.newest, READ_WAIT_S).await else { return };
        let Some(read) = Read::of(self.session, path, self.newest, &answer) else { return };
        self.newest = self.newest.max(read.projection_position);
        self.history.reads.push(read);
    }
}
