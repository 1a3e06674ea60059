//! `command_rss_mb`, `command_ready_s`, `cold_hot_sku_s`: the command-service on a log of five million orders, of which a
//! million are of one product.
//!
//! The orders are placed through the batch endpoint. Then the service is killed and started again: how long until it is
//! ready, and how long the first order of that product takes, whose stock it has not yet read.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use uuid::Uuid;

use super::CONNECTIONS;
use super::batch;
use crate::api::Api;
use crate::bench::Plan;
use crate::bench::figures::{Figure, Figures, Target};
use crate::bench::generator::{self, Target as Load};
use crate::bench::machine;
use crate::bench::requests::batches::{Batches, ORDERS_PER_REQUEST};
use crate::bench::requests::{Basket, Orders, Requests, sku};
use crate::bench::stage::{Memory, Stage};
use crate::bench::wire::Wire;
use crate::fleet::Service;
use crate::log;

/// Orders in the log.
const ORDERS: u64 = 5_000_000;

/// Orders among them of the one product: as many events in the stream of its stock.
const HOT_ORDERS: u64 = 1_000_000;

/// Pieces of it: enough for all of them.
const HOT_STOCK: u32 = 100_000_000;

/// Orders that are placed after the start, as any others are: they fill caches.
const ORDERS_AFTER: u64 = 20_000;

/// Fills the log, starts on it, places.
pub async fn measure(plan: &Plan, figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let mut stage = Stage::command_only().await?;
    let empty = Resident::of(&stage)?;
    fill(&stage, plan).await?;
    let filled = Resident::of(&stage)?;

    let began = Instant::now();
    stage.fleet.restart(Service::Command).await?;
    let ready = began.elapsed();
    let first = first_order(&stage).await?;
    let addr = stage.addr(Service::Command)?;
    let load = Load { addr, connections: CONNECTIONS };
    let orders = Orders::new(addr);
    generator::on_own_thread(move || generator::closed_count(load, orders, ORDERS_AFTER)).await?;
    let started = Resident::of(&stage)?;

    let orders = stage.orders().await?;
    figures.add(
        Figure::new("command_rss_mb", f64::max(filled.now_mb, started.now_mb), "MB")
            .target(Target::Below(512.0))
            .limit(Some(empty.now_mb), "the same service before the orders")
            .note(format!("{orders} orders in the log; {filled} after placing them, {started} after a start")),
    );
    let note = format!("from a kill to ready, {orders} orders in the log");
    figures.add(Figure::new("command_ready_s", ready.as_secs_f64(), "s").note(note));
    let (events, read) = read_hot_stream(&stage).await?;
    figures.add(
        Figure::new("cold_hot_sku_s", first.as_secs_f64(), "s")
            .target(Target::Below(1.0))
            .limit(Some(read.as_secs_f64()), "PostgreSQL's own reading of the stream")
            .note(format!("first order after the start, of a product with {events} events of stock")),
    );
    stage.strike(memory).await
}

/// Memory of the running command-service.
struct Resident {
    now_mb: f64,
    peak_mb: f64,
}

impl Resident {
    fn of(stage: &Stage) -> anyhow::Result<Resident> {
        let pid = stage.fleet.pid(Service::Command).context("the command-service does not run")?;
        Ok(Resident { now_mb: machine::memory_mb(pid), peak_mb: machine::peak_memory_mb(pid) })
    }
}

impl std::fmt::Display for Resident {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} (peak {:.0})", self.now_mb, self.peak_mb)
    }
}

async fn fill(stage: &Stage, plan: &Plan) -> anyhow::Result<()> {
    let (api, path) = (Api::of(&stage.fleet)?, format!("/v1/stock/{}/main/adjustments", sku(0)));
    let enough = json!({ "count": HOT_STOCK, "reason": "enough for all of them" });
    api.command(&path, Uuid::now_v7(), &enough).await?.success()?;
    let began = Instant::now();
    for (basket, orders) in [(Basket::HOT, HOT_ORDERS), (Basket::TWO_LINES, ORDERS - HOT_ORDERS)] {
        let requests = plan.count(orders).div_ceil(ORDERS_PER_REQUEST);
        place(stage, basket, requests).await?;
    }
    println!("  placed {} orders in {:.0} s", plan.count(ORDERS), began.elapsed().as_secs_f64());
    Ok(())
}

async fn place(stage: &Stage, basket: Basket, requests: u64) -> anyhow::Result<()> {
    let addr = stage.addr(Service::Command)?;
    let load = Load { addr, connections: batch::CONNECTIONS };
    let batches = Batches::of(addr, basket);
    let run = generator::on_own_thread(move || generator::closed_count(load, batches, requests)).await?;
    ensure!(run.successes() == requests, "{} of {requests} batches; {}", run.successes(), run.complaints());
    Ok(())
}

/// From the request to the answer.
async fn first_order(stage: &Stage) -> anyhow::Result<Duration> {
    let addr = stage.addr(Service::Command)?;
    let mut orders = Orders::of(addr, Basket::HOT);
    let began = Instant::now();
    let mut wire = Wire::connect(addr).await.context("connecting to place the first order")?;
    let answer = wire.exchange(orders.nth(0)).await.context("placing the first order")?;
    let took = began.elapsed();
    ensure!(answer.status == 201, "the first order: {} {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok(took)
}

/// How many events the hot product's stock has, and how long it takes to read them, with nobody who folds them.
async fn read_hot_stream(stage: &Stage) -> anyhow::Result<(i64, Duration)> {
    const READ: &str = "
        select count(*) from (
            select version, payload::text from events where stream_id = $1 order by version offset 0) e
        where payload <> ''";
    let pool = log::connect(&stage.bed.admin_url()?).await?;
    let began = Instant::now();
    let stream = format!("stock-{}@main", sku(0));
    let events: i64 =
        sqlx::query_scalar(READ).bind(stream).fetch_one(&pool).await.context("reading the hot product's stock")?;
    Ok((events, began.elapsed()))
}
