//! `command_rss_mb`, `command_ready_s`, `cold_hot_sku_s`: the command service on a log of five million orders, a million of them
//! of one product.
//!
//! The orders are placed with the batch endpoint. Then the service is killed and restarted; measured are the time until it is
//! ready, and the duration of the first order of the hot product, whose stock stream has to be read first.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use uuid::Uuid;

use super::batches;
use crate::connection::HttpConnection;
use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget};
use crate::machine;
use crate::peak_memory::PeakMemory;
use crate::requests::batches::{Batches, ORDERS_PER_REQUEST};
use crate::requests::orders::{Basket, Orders};
use crate::requests::products::sku;
use crate::requests::source::RequestSource;
use crate::settings::CONNECTIONS;
use crate::settings::Settings;
use crate::setup::Setup;
use e2e::api::Api;
use e2e::fleet::Service;
use e2e::log;

/// Number of orders in the log.
const ORDERS: u64 = 5_000_000;

/// Number of orders of the hot product; its stock stream has as many events.
const HOT_ORDERS: u64 = 1_000_000;

/// Units of the hot product: enough for all orders.
const HOT_STOCK: u32 = 100_000_000;

/// Number of orders that are placed after the restart, to fill the caches.
const ORDERS_AFTER: u64 = 20_000;

/// Fills the log, restarts the service and places orders.
pub(super) async fn measure(settings: &Settings, figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let mut setup = Setup::command_only().await?;
    let empty = ResidentMemory::of(&setup)?;
    fill(&setup, settings).await?;
    let filled = ResidentMemory::of(&setup)?;

    let began = Instant::now();
    setup.fleet.restart(Service::Command).await?;
    let ready = began.elapsed();
    let first = first_order(&setup).await?;
    let addr = setup.addr(Service::Command)?;
    let target = LoadTarget { addr, connections: CONNECTIONS };
    let orders = Orders::new(addr);
    load::on_own_thread(move || load::closed_count(target, orders, ORDERS_AFTER)).await?;
    let started = ResidentMemory::of(&setup)?;

    let orders = setup.orders().await?;
    figures.add(
        Figure::new("command_rss_mb", f64::max(filled.now_mb, started.now_mb), "MB")
            .target(Target::Below(512.0))
            .limit(Some(empty.now_mb), "the same service with an empty log")
            .note(format!("{orders} orders in the log; {filled} after placing the orders, {started} after a restart")),
    );
    let note = format!("from the kill until ready, {orders} orders in the log");
    figures.add(Figure::new("command_ready_s", ready.as_secs_f64(), "s").note(note));
    let (events, read) = read_hot_stream(&setup).await?;
    figures.add(
        Figure::new("cold_hot_sku_s", first.as_secs_f64(), "s")
            .target(Target::Below(1.0))
            .limit(Some(read.as_secs_f64()), "PostgreSQL's own reading of the stream")
            .note(format!("first order after the restart, of a product with {events} stock events")),
    );
    setup.tear_down(memory).await
}

/// Memory of the running command service.
struct ResidentMemory {
    now_mb: f64,
    peak_mb: f64,
}

impl ResidentMemory {
    fn of(setup: &Setup) -> anyhow::Result<ResidentMemory> {
        let pid = setup.fleet.pid(Service::Command).context("the command service is not running")?;
        Ok(ResidentMemory { now_mb: machine::memory_mb(pid), peak_mb: machine::peak_memory_mb(pid) })
    }
}

impl std::fmt::Display for ResidentMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} (peak {:.0})", self.now_mb, self.peak_mb)
    }
}

async fn fill(setup: &Setup, settings: &Settings) -> anyhow::Result<()> {
    let (api, path) = (Api::of(&setup.fleet)?, format!("/v1/stock/{}/main/adjustments", sku(0)));
    let enough = json!({ "count": HOT_STOCK, "reason": "stock for all orders of the bench" });
    api.command(&path, Uuid::now_v7(), &enough).await?.success()?;
    let began = Instant::now();
    for (basket, orders) in [(Basket::HOT, HOT_ORDERS), (Basket::TWO_LINES, ORDERS - HOT_ORDERS)] {
        let requests = settings.count(orders).div_ceil(ORDERS_PER_REQUEST);
        place(setup, basket, requests).await?;
    }
    println!("  placed {} orders in {:.0} s", settings.count(ORDERS), began.elapsed().as_secs_f64());
    Ok(())
}

async fn place(setup: &Setup, basket: Basket, requests: u64) -> anyhow::Result<()> {
    let addr = setup.addr(Service::Command)?;
    let target = LoadTarget { addr, connections: batches::CONNECTIONS };
    let batches = Batches::of(addr, basket);
    let run = load::on_own_thread(move || load::closed_count(target, batches, requests)).await?;
    ensure!(run.successes() == requests, "{} of {requests} batches; {}", run.successes(), run.failures());
    Ok(())
}

/// Duration of the first order after the restart.
async fn first_order(setup: &Setup) -> anyhow::Result<Duration> {
    let addr = setup.addr(Service::Command)?;
    let mut orders = Orders::of(addr, Basket::HOT);
    let began = Instant::now();
    let mut connection = HttpConnection::connect(addr).await.context("connecting to place the first order")?;
    let answer = connection.exchange(orders.nth(0)).await.context("placing the first order")?;
    let took = began.elapsed();
    ensure!(answer.status == 201, "the first order: {} {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok(took)
}

/// Number of events in the stock stream of the hot product, and the time to read them without folding.
async fn read_hot_stream(setup: &Setup) -> anyhow::Result<(i64, Duration)> {
    const READ: &str = "
        select count(*) from (
            select version, payload::text from events where stream_id = $1 order by version offset 0) e
        where payload <> ''";
    let pool = log::connect(&setup.bed.admin_url()?).await?;
    let began = Instant::now();
    let stream = format!("stock-{}@main", sku(0));
    let events: i64 = sqlx::query_scalar(READ)
        .bind(stream)
        .fetch_one(&pool)
        .await
        .context("reading the stock stream of the hot product")?;
    Ok((events, began.elapsed()))
}
