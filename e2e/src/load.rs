//! A modest, continuous load of orders for tests that break something meanwhile. Every worker repeats a command with its
//! key until it is settled, and keeps what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use serde_json::json;
use testbed::PATIENCE;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ack::Ack;
use crate::api::{Answer, Api};

/// Pause of a worker between two orders: the machine also builds and runs other tests.
const PAUSE: Duration = Duration::from_millis(20);

/// Pieces of each line.
const PIECES: u32 = 2;

/// A load that runs until it is stopped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    settled: Arc<AtomicU64>,
    workers: JoinSet<anyhow::Result<Vec<Ack>>>,
}

/// What a load was promised.
#[derive(Debug, Default)]
pub struct Promised {
    /// Every acknowledged command.
    pub acks: Vec<Ack>,
}

impl Load {
    /// Lets `workers` place orders of two lines of `skus`, and pay, ship or cancel some of them.
    pub fn start(api: &Api, skus: &[String], workers: usize) -> Load {
        let (stop, settled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut set = JoinSet::new();
        for number in 0..workers {
            let worker = Worker {
                api: api.clone(),
                skus: skus.to_vec(),
                random: fastrand::Rng::with_seed(number as u64),
                settled: Arc::clone(&settled),
                acks: Vec::new(),
            };
            set.spawn(worker.run(Arc::clone(&stop)));
        }
        Load { stop, settled, workers: set }
    }

    /// Returns once so many more orders have been acknowledged.
    pub async fn settle_more(&self, orders: u64) -> anyhow::Result<()> {
        let target = self.settled.load(Ordering::Relaxed) + orders;
        let reached = async {
            while self.settled.load(Ordering::Relaxed) < target {
                tokio::time::sleep(PAUSE).await;
            }
        };
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("the load came to a standstill: {orders} more orders were not acknowledged in time"),
        }
    }

    /// Ends it; what was begun is settled first.
    pub async fn stop(mut self) -> anyhow::Result<Promised> {
        self.stop.store(true, Ordering::Relaxed);
        let mut promised = Promised::default();
        while let Some(worker) = self.workers.join_next().await {
            promised.acks.extend(worker??);
        }
        Ok(promised)
    }
}

impl Promised {
    /// The orders that were placed.
    pub fn orders(&self) -> impl Iterator<Item = &Ack> {
        self.acks.iter().filter(|ack| ack.code.is_some())
    }
}

#[derive(Debug)]
struct Worker {
    api: Api,
    skus: Vec<String>,
    random: fastrand::Rng,
    settled: Arc<AtomicU64>,
    acks: Vec<Ack>,
}

impl Worker {
    async fn run(mut self, stop: Arc<AtomicBool>) -> anyhow::Result<Vec<Ack>> {
        while !stop.load(Ordering::Relaxed) {
            self.place_and_go_on().await?;
            self.settled.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(self.acks)
    }

    async fn place_and_go_on(&mut self) -> anyhow::Result<()> {
        let first = self.random.usize(..self.skus.len());
        let second = (first + 1) % self.skus.len();
        let line = |index: usize| json!({ "sku": self.skus[index], "quantity": PIECES });
        let order = json!({ "currency": "GBP", "lines": [line(first), line(second)] });
        let key = Uuid::now_v7();
        let placed = self.api.settle("/v1/orders", key, &order, PATIENCE).await?.success()?;
        let id = placed.text("id").to_owned();
        self.acks.push(placed.ack(key, format!("order-{id}"))?);
        match self.random.u8(..6) {
            0 => self.follow(&id, "payments", json!({ "kind": "captured", "amount": 100, "method": "card" })).await?,
            1 => self.follow(&id, "cancellation", json!({ "reason": "changed their mind" })).await?,
            2 => {
                self.follow(&id, "fulfilments", json!({})).await?;
                self.follow(&id, "fulfilments/1/shipment", json!({})).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn follow(&mut self, id: &str, part: &str, body: serde_json::Value) -> anyhow::Result<()> {
        let key = Uuid::now_v7();
        let path = format!("/v1/orders/{id}/{part}");
        let answer: Answer = self.api.settle(&path, key, &body, PATIENCE).await?.success()?;
        self.acks.push(answer.ack(key, format!("order-{id}"))?);
        Ok(())
    }
}
