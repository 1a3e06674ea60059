//! The setup of a measurement: running services on their own database, with products and stock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use testbed::Bed;
use tokio::task::JoinSet;

use crate::machine;
use crate::peak_memory::PeakMemory;
use crate::requests::products::{SKUS, sku};
use e2e::api::Api;
use e2e::checkers::liveness;
use e2e::fleet::{Fleet, FleetConfig, Service};
use e2e::log;

/// Units of each product: more than any measurement needs.
const STOCK: u32 = 1_000_000;

/// Number of products that are created concurrently.
const CREATORS: usize = 32;

/// Interval between two queries of the lag.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Running services and their test bed.
#[derive(Debug)]
pub struct Setup {
    pub bed: Bed,
    pub fleet: Fleet,
}

impl Setup {
    /// The command service alone, with products and stock.
    pub async fn command_only() -> anyhow::Result<Setup> {
        Setup::command_only_empty().await?.with_products().await
    }

    /// The command service alone, without products.
    pub async fn command_only_empty() -> anyhow::Result<Setup> {
        let bed = Bed::new().await?;
        let fleet = FleetConfig::command_service_only(&bed).start().await?;
        Ok(Setup { bed, fleet })
    }

    /// All services, with products and stock. Topics have six partitions, as with `deploy/up`.
    pub async fn everything() -> anyhow::Result<Setup> {
        let setup = Setup::empty().await?.with_products().await?;
        setup.wait_until_caught_up(Duration::from_secs(60)).await?;
        Ok(setup)
    }

    /// All services, without products.
    pub async fn empty() -> anyhow::Result<Setup> {
        let bed = Bed::new().await?;
        let fleet = FleetConfig::all_services(&bed).with(Service::Command, "TOPIC_PARTITIONS", "6").start().await?;
        Ok(Setup { bed, fleet })
    }

    async fn with_products(self) -> anyhow::Result<Setup> {
        create_products(&self.fleet).await?;
        Ok(self)
    }

    /// Address at which a service accepts requests.
    pub fn addr(&self, service: Service) -> anyhow::Result<std::net::SocketAddr> {
        self.fleet.addr(service)
    }

    /// Waits until relay, projections and replica have processed the whole log; returns the waiting time and the last position.
    pub async fn wait_until_caught_up(&self, timeout: Duration) -> anyhow::Result<(Duration, i64)> {
        wait_until_caught_up(&self.bed, timeout).await
    }

    /// Number of orders in the log.
    pub async fn orders(&self) -> anyhow::Result<u64> {
        log::count_orders(&log::connect(&self.bed.admin_url()?).await?).await
    }

    /// Stops the services, records their peak memory and removes their data.
    pub async fn tear_down(self, memory: &mut PeakMemory) -> anyhow::Result<()> {
        for service in self.fleet.services() {
            let mb = self.fleet.pid(service).map_or(0.0, machine::peak_memory_mb);
            memory.record(service, mb);
        }
        self.fleet.finish();
        self.bed.discard().await
    }
}

/// Creates the products of the orders that the load generator places, with stock.
pub async fn create_products(fleet: &Fleet) -> anyhow::Result<()> {
    let api = Api::of(fleet)?;
    let next = Arc::new(AtomicU64::new(0));
    let mut creators = JoinSet::new();
    for _ in 0..CREATORS {
        let (api, next) = (api.clone(), Arc::clone(&next));
        creators.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= SKUS {
                    return anyhow::Ok(());
                }
                api.create_product_with_stock(&sku(number), 450, STOCK).await?;
            }
        });
    }
    while let Some(created) = creators.join_next().await {
        created.context("creating products")?.context("creating products")?;
    }
    Ok(())
}

/// Waits until relay, projections and replica have processed the whole log; returns the waiting time and the last position.
pub async fn wait_until_caught_up(bed: &Bed, timeout: Duration) -> anyhow::Result<(Duration, i64)> {
    let began = Instant::now();
    let primary = log::connect(&bed.admin_url()?).await?;
    let replica = log::connect(&bed.reader_replica_url()?).await?;
    let head = log::head(&primary).await?;
    loop {
        // A new database may not exist on the replica yet, which is an error of this query.
        let stages = liveness::stages(&replica).await;
        if stages.as_ref().is_ok_and(|stages| stages.head >= head && stages.lag() == 0) {
            return Ok((began.elapsed(), head.0));
        }
        if began.elapsed() > timeout {
            bail!("the lag did not reach zero within {} s: {stages:?}", timeout.as_secs());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
