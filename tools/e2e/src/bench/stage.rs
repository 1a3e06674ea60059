//! Where a bench plays: services on a database of their own, with products and ample stock, and their peak memory at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use testbed::Bed;
use tokio::task::JoinSet;

use super::machine;
use super::requests::{SKUS, sku};
use crate::api::Api;
use crate::checkers::liveness;
use crate::fleet::{Fleet, Plan, Service};
use crate::log;

/// Pieces of each product: no bench runs dry.
const STOCK: u32 = 1_000_000;

/// Products made at the same time.
const MAKERS: usize = 32;

/// How often the lag is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Running services with something to sell.
#[derive(Debug)]
pub struct Stage {
    /// Where their data is.
    pub bed: Bed,
    /// The services.
    pub fleet: Fleet,
}

/// Peak resident memory per service over all stages, in MB.
#[derive(Debug, Default)]
pub struct Memory(BTreeMap<Service, f64>);

impl Memory {
    /// The largest of all, and all of them in words.
    pub fn max(&self) -> Option<(f64, String)> {
        let told: Vec<String> = self.0.iter().map(|(service, mb)| format!("{service} {mb:.0}")).collect();
        let max = self.0.values().copied().reduce(f64::max)?;
        Some((max, told.join(", ")))
    }
}

impl Stage {
    /// The command-service alone.
    pub async fn command_only() -> anyhow::Result<Stage> {
        Stage::command_only_empty().await?.stocked().await
    }

    /// The command-service alone and nothing to sell.
    pub async fn command_only_empty() -> anyhow::Result<Stage> {
        let bed = Bed::new().await?;
        let fleet = Plan::command_only(&bed).start().await?;
        Ok(Stage { bed, fleet })
    }

    /// All services, with six partitions per topic as deploy/up has them.
    pub async fn everything() -> anyhow::Result<Stage> {
        let stage = Stage::empty().await?.stocked().await?;
        stage.caught_up(Duration::from_secs(60)).await?;
        Ok(stage)
    }

    /// All services and nothing to sell.
    pub async fn empty() -> anyhow::Result<Stage> {
        let bed = Bed::new().await?;
        let fleet = Plan::everything(&bed).with(Service::Command, "TOPIC_PARTITIONS", "6").start().await?;
        Ok(Stage { bed, fleet })
    }

    async fn stocked(self) -> anyhow::Result<Stage> {
        let api = Api::of(&self.fleet)?;
        let next = Arc::new(AtomicU64::new(0));
        let mut makers = JoinSet::new();
        for _ in 0..MAKERS {
            let (api, next) = (api.clone(), Arc::clone(&next));
            makers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= SKUS {
                        return anyhow::Ok(());
                    }
                    api.offer(&sku(number), 450, STOCK).await?;
                }
            });
        }
        while let Some(made) = makers.join_next().await {
            made.context("making products")?.context("making products")?;
        }
        Ok(self)
    }

    /// Where a service takes requests.
    pub fn addr(&self, service: Service) -> anyhow::Result<std::net::SocketAddr> {
        self.fleet.addr(service)
    }

    /// Waits until the replica shows that every stage has the whole log; gives the time that took and the log's end.
    pub async fn caught_up(&self, patience: Duration) -> anyhow::Result<(Duration, i64)> {
        let began = Instant::now();
        let primary = log::connect(&self.bed.admin_url()?).await?;
        let replica = log::connect(&self.bed.reader_replica_url()?).await?;
        let head = log::head(&primary).await?;
        loop {
            // A new database may not have reached the replica yet.
            let stages = liveness::stages(&replica).await;
            if stages.as_ref().is_ok_and(|stages| stages.head >= head && stages.lag() == 0) {
                return Ok((began.elapsed(), head.0));
            }
            if began.elapsed() > patience {
                bail!("the lag did not go away in {} s: {stages:?}", patience.as_secs());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Orders in the log.
    pub async fn orders(&self) -> anyhow::Result<u64> {
        log::count_orders(&log::connect(&self.bed.admin_url()?).await?).await
    }

    /// Ends it, keeps what its services peaked at, and removes its data.
    pub async fn strike(self, memory: &mut Memory) -> anyhow::Result<()> {
        for service in self.fleet.services() {
            let mb = self.fleet.pid(service).map_or(0.0, machine::peak_memory_mb);
            let peak = memory.0.entry(service).or_default();
            *peak = mb.max(*peak);
        }
        self.fleet.retire();
        self.bed.discard().await
    }
}
