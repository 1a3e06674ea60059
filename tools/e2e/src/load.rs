//! A modest, continuous load of orders for tests that break something meanwhile. Every worker repeats a command with its
//! key until it is settled, reads what it has changed, and keeps what was acknowledged and what it saw.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use testbed::PATIENCE;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ack::Ack;
use crate::api::{Answer, Api};
use crate::seen::{End, Read, Resolved};

/// Pause of a worker between two orders: the machine also builds and runs other tests.
const PAUSE: Duration = Duration::from_millis(20);

/// Pause before a command is repeated with the same key.
const REPEAT_INTERVAL: Duration = Duration::from_millis(50);

/// Pieces of each line.
const PIECES: u32 = 2;

/// Locations that stock arrives at besides `main`, so that a SKU has new ones now and then.
const SHELVES: u8 = 4;

/// Pieces that no shelf holds.
const TOO_MUCH: u32 = 900_000;

/// How long a read may wait for what it wants to see: a worker has commands to send.
const READ_WAIT_S: u32 = 1;

/// A load that runs until it is stopped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    workers: JoinSet<anyhow::Result<Promised>>,
}

/// How far all workers together have come.
#[derive(Debug, Default)]
struct Counts {
    /// Orders that were acknowledged, with what followed them.
    settled: AtomicU64,
    /// Commands of which a request left open what had become of them.
    open: AtomicU64,
}

/// What a load was promised, and what it saw.
#[derive(Debug, Default)]
pub struct Promised {
    /// Every acknowledged command.
    pub acks: Vec<Ack>,
    /// Every answer to a read, those of a session in order.
    pub reads: Vec<Read>,
    /// Every command that had to be repeated.
    pub resolved: Vec<Resolved>,
}

impl Load {
    /// Lets `workers` place orders of two lines of `skus`, pay, ship or cancel some of them, and receive stock.
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
                seen: Promised::default(),
            };
            set.spawn(worker.run(Arc::clone(&stop)));
        }
        Load { stop, counts, workers: set }
    }

    /// Returns once so many more orders have been acknowledged.
    pub async fn settle_more(&self, orders: u64) -> anyhow::Result<()> {
        let what = || format!("{orders} more orders were not acknowledged in time");
        grow(&self.counts.settled, orders).await.with_context(what)
    }

    /// Returns once of so many more commands a request has left open what became of them.
    pub async fn leave_open(&self, commands: u64) -> anyhow::Result<()> {
        let what = || format!("the outcome of {commands} more commands did not become unknown in time");
        grow(&self.counts.open, commands).await.with_context(what)
    }

    /// Ends it; what was begun is settled first.
    pub async fn stop(mut self) -> anyhow::Result<Promised> {
        self.stop.store(true, Ordering::Relaxed);
        let mut promised = Promised::default();
        while let Some(worker) = self.workers.join_next().await {
            let Promised { acks, reads, resolved } = worker??;
            promised.acks.extend(acks);
            promised.reads.extend(reads);
            promised.resolved.extend(resolved);
        }
        Ok(promised)
    }
}

/// Returns once a count has grown by `more`.
async fn grow(count: &AtomicU64, more: u64) -> anyhow::Result<()> {
    let target = count.load(Ordering::Relaxed) + more;
    let reached = async {
        while count.load(Ordering::Relaxed) < target {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.context("the load came to a standstill")
}

impl Promised {
    /// The orders that were placed.
    pub fn orders(&self) -> impl Iterator<Item = &Ack> {
        self.acks.iter().filter(|ack| ack.code.is_some())
    }
}

/// A command that has an outcome.
#[derive(Debug)]
struct Settled {
    /// The first answer that says what the outcome is.
    answer: Answer,
    /// How many requests before that one left it open.
    unanswered: u32,
}

#[derive(Debug)]
struct Worker {
    api: Api,
    skus: Vec<String>,
    random: fastrand::Rng,
    counts: Arc<Counts>,
    session: u32,
    /// The newest position that the session has heard of, in answers to commands and to reads.
    newest: i64,
    seen: Promised,
}

impl Worker {
    async fn run(mut self, stop: Arc<AtomicBool>) -> anyhow::Result<Promised> {
        while !stop.load(Ordering::Relaxed) {
            self.place_and_go_on().await?;
            self.counts.settled.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(self.seen)
    }

    async fn place_and_go_on(&mut self) -> anyhow::Result<()> {
        let first = self.random.usize(..self.skus.len());
        let second = (first + 1) % self.skus.len();
        let line = |index: usize| json!({ "sku": self.skus[index], "quantity": PIECES });
        let order = json!({ "currency": "GBP", "lines": [line(first), line(second)] });
        let placed = self.send("/v1/orders", "order-{id}", &order).await?;
        let id = placed.text("id").to_owned();
        match self.random.u8(..6) {
            0 => self.follow(&id, "payments", json!({ "kind": "captured", "amount": 100, "method": "card" })).await?,
            1 => self.follow(&id, "cancellation", json!({ "reason": "changed their mind" })).await?,
            2 => {
                self.follow(&id, "fulfilments", json!({})).await?;
                self.follow(&id, "fulfilments/1/shipment", json!({})).await?;
            }
            3 => self.receive(&self.skus[first].clone()).await?,
            4 => self.ask_for_too_much(&self.skus[first].clone()).await?,
            _ => {}
        }
        let path = match self.random.bool() {
            true => format!("/v1/orders/{id}"),
            false => format!("/v1/stock/{}", self.skus[first]),
        };
        self.look(&path).await;
        Ok(())
    }

    async fn follow(&mut self, id: &str, part: &str, body: Value) -> anyhow::Result<()> {
        self.send(&format!("/v1/orders/{id}/{part}"), "order-{id}", &body).await.map(|_| ())
    }

    async fn receive(&mut self, sku: &str) -> anyhow::Result<()> {
        let shelf = self.random.u8(..SHELVES);
        let path = format!("/v1/stock/{sku}/shelf-{shelf}/receipts");
        self.send(&path, "stock-{id}", &json!({ "quantity": 1 })).await.map(|_| ())
    }

    /// Asks for more than there is: whatever happens on the way, that has no effect.
    async fn ask_for_too_much(&mut self, sku: &str) -> anyhow::Result<()> {
        let (path, key) = ("/v1/orders", Uuid::now_v7());
        let order = json!({ "currency": "GBP", "lines": [{ "sku": sku, "quantity": TOO_MUCH }] });
        let Settled { answer, unanswered } = self.settle(path, key, &order).await?;
        if answer.is_success() {
            bail!("an order for {TOO_MUCH} of {sku} was taken: {}", answer.body);
        }
        self.note(unanswered, Resolved { key, path: path.to_owned(), end: End::Refused(answer.status) });
        Ok(())
    }

    /// Sends a command until it is settled; `{id}` in `stream` is the id in its answer.
    async fn send(&mut self, path: &str, stream: &str, body: &Value) -> anyhow::Result<Answer> {
        let key = Uuid::now_v7();
        let Settled { answer, unanswered } = self.settle(path, key, body).await?;
        let answer = answer.success()?;
        let ack = answer.ack(key, stream.replace("{id}", answer.text("id")))?;
        self.newest = self.newest.max(ack.position);
        self.note(unanswered, Resolved { key, path: path.to_owned(), end: End::Done(ack.clone()) });
        self.seen.acks.push(ack);
        Ok(answer)
    }

    /// Sends a command with the same key until it is settled: a lost connection, a timeout and a 5xx leave open what became
    /// of it, and only the key tells.
    async fn settle(&self, path: &str, key: Uuid, body: &Value) -> anyhow::Result<Settled> {
        let deadline = Instant::now() + PATIENCE;
        let mut unanswered = 0;
        loop {
            let last = match self.api.command(path, key, body).await {
                Ok(answer) if !answer.is_open() => return Ok(Settled { answer, unanswered }),
                Ok(answer) => format!("{} {}", answer.status, answer.body),
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() >= deadline {
                bail!("{path} was not settled in time: {last}");
            }
            if unanswered == 0 {
                self.counts.open.fetch_add(1, Ordering::Relaxed);
            }
            unanswered += 1;
            tokio::time::sleep(REPEAT_INTERVAL).await;
        }
    }

    /// Keeps how a command ended that had to be repeated.
    fn note(&mut self, unanswered: u32, resolved: Resolved) {
        if unanswered > 0 {
            self.seen.resolved.push(resolved);
        }
    }

    /// Reads what has to be as new as everything that the session has heard of. A read that fails shows nothing.
    async fn look(&mut self, path: &str) {
        if !self.api.has_queries() {
            return;
        }
        if self.random.bool() {
            // Others read without a token, so caches hold answers that nobody has proven to be new enough.
            let _ = self.api.query(path).await;
        }
        let Ok(answer) = self.api.query_within(path, self.newest, READ_WAIT_S).await else { return };
        let Some(read) = Read::of(self.session, path, self.newest, &answer) else { return };
        self.newest = self.newest.max(read.contains);
        self.seen.reads.push(read);
    }
}
