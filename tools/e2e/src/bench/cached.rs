//! `cached_order_per_s`: orders by id, as often as the query-service answers them from its caches.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::CONNECTIONS;
use super::figures::{Figure, Figures, Target};
use super::generator::{self, Target as Load};
use super::requests::{Fixed, Orders, Requests};
use super::stage::{Memory, Stage};
use super::usage::Usage;
use super::wire::{self, Wire};
use crate::fleet::Service;

/// Orders that are asked for in turn.
const ORDERS: u64 = 1_000;

/// Every order has been read once by then.
const WARM_UP: Duration = Duration::from_secs(2);

/// Places some orders, then reads them again and again.
pub async fn measure(length: Duration, figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let stage = Stage::everything().await?;
    let paths = place(&stage).await?;
    stage.caught_up(Duration::from_secs(60)).await?;
    let addr = stage.addr(Service::Query)?;
    let load = Load { addr, connections: CONNECTIONS };
    let requests = Fixed::gets(addr, &paths);
    let usage = Usage::begin(&stage.bed, &[&stage.fleet]).await?;
    let run = generator::on_own_thread(move || generator::closed(load, requests, WARM_UP, length)).await?;
    let cores = usage.told(&stage.bed, &[&stage.fleet]).await?;
    let note = format!("p99 {:.1} ms; {cores} {}", run.quantile_ms(0.99), run.complaints());
    figures.add(
        Figure::new("cached_order_per_s", run.per_second(), "1/s")
            .target(Target::AtLeast(60_000.0))
            .limit(figures.value("bare_http_per_s"), "the bare HTTP server")
            .note(note.trim_end()),
    );
    stage.strike(memory).await
}

async fn place(stage: &Stage) -> anyhow::Result<Vec<String>> {
    let addr = stage.addr(Service::Command)?;
    let mut wire = Wire::connect(addr).await.context("connecting to place orders")?;
    let mut orders = Orders::new(addr);
    let mut paths = Vec::new();
    for number in 0..ORDERS {
        let answer = wire.exchange(orders.nth(number)).await.context("placing an order")?;
        ensure!(answer.is_success(), "placing an order: {}", String::from_utf8_lossy(answer.body));
        let id = wire::text(answer.body, "id").context("an answer without id")?;
        paths.push(format!("/v1/orders/{id}"));
    }
    Ok(paths)
}
