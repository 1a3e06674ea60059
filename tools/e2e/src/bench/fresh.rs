//! `freshness_p99_ms`: at 1,000 orders a second, the time from the answer to a command until the query-service answers with
//! its effect from the replica.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::figures::{Figure, Figures, Target};
use super::generator::{self, Schedule, histogram};
use super::requests::{Orders, Requests, get};
use super::stage::{Memory, Stage};
use super::usage::Usage;
use super::wire::{self, Wire};
use crate::fleet::Service;

/// Orders a second.
const RATE: u64 = 1_000;

/// Every so many orders one is read back.
const SAMPLE_EVERY: u64 = 10;

/// Connections that place.
const PLACERS: usize = 64;

/// Connections that read back; more than can be waiting at the target.
const READERS: usize = 64;

/// An order that was just acknowledged.
struct Placed {
    id: String,
    position: i64,
    answered: Instant,
}

/// What reading back saw.
struct Seen {
    delay_us: Histogram<u64>,
    failures: u64,
}

/// Places and reads back.
pub async fn measure(length: Duration, figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let stage = Stage::everything().await?;
    let (commands, queries) = (stage.addr(Service::Command)?, stage.addr(Service::Query)?);
    let usage = Usage::begin(&stage.bed, &[&stage.fleet]).await?;
    let seen = generator::on_own_thread(move || place_and_read(commands, queries, length)).await?;
    let cores = usage.told(&stage.bed, &[&stage.fleet]).await?;
    let ms = |quantile| seen.delay_us.value_at_quantile(quantile) as f64 / 1_000.0;
    let count = seen.delay_us.len();
    let mut note = format!("{count} read back, p50 {:.1}, p99.9 {:.1}; {cores}", ms(0.5), ms(0.999));
    if seen.failures > 0 {
        note.push_str(&format!(", {} NOT READABLE within the wait", seen.failures));
    }
    figures.add(
        Figure::new("freshness_p99_ms", ms(0.99), "ms")
            .target(Target::Below(250.0))
            .limit(figures.value("replication_p99_ms"), "a bare commit, seen on the replica")
            .note(note),
    );
    stage.strike(memory).await
}

async fn place_and_read(commands: SocketAddr, queries: SocketAddr, length: Duration) -> anyhow::Result<Seen> {
    let (placed, to_read) = mpsc::channel(READERS * 16);
    let to_read = Arc::new(Mutex::new(to_read));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read_back(queries, Arc::clone(&to_read)));
    }
    let schedule = Schedule::new(RATE, length);
    let orders = Orders::new(commands);
    let mut placers = JoinSet::new();
    for _ in 0..PLACERS {
        placers.spawn(place(commands, orders.clone(), Arc::clone(&schedule), placed.clone()));
    }
    drop(placed);
    while let Some(placer) = placers.join_next().await {
        placer.context("a placing connection died")??;
    }
    let mut all = Seen { delay_us: histogram()?, failures: 0 };
    while let Some(reader) = readers.join_next().await {
        let seen = reader.context("a reading connection died")??;
        all.delay_us.add(&seen.delay_us).context("adding delays")?;
        all.failures += seen.failures;
    }
    Ok(all)
}

async fn place(
    addr: SocketAddr,
    mut orders: Orders,
    schedule: Arc<Schedule>,
    placed: mpsc::Sender<Placed>,
) -> anyhow::Result<()> {
    let mut wire = Wire::connect(addr).await.context("connecting to place orders")?;
    while let Some((number, _)) = schedule.turn().await {
        let answer = wire.exchange(orders.nth(number)).await.context("placing an order")?;
        if number % SAMPLE_EVERY != 0 || !answer.is_success() {
            continue;
        }
        let answered = Instant::now();
        let id = wire::text(answer.body, "id").context("an answer without id")?.to_owned();
        let position = wire::number(answer.body, "position").context("an answer without position")?;
        placed.send(Placed { id, position, answered }).await.context("nobody reads back")?;
    }
    Ok(())
}

async fn read_back(addr: SocketAddr, placed: Arc<Mutex<mpsc::Receiver<Placed>>>) -> anyhow::Result<Seen> {
    let mut wire = Wire::connect(addr).await.context("connecting to read back")?;
    let mut seen = Seen { delay_us: histogram()?, failures: 0 };
    loop {
        let Some(Placed { id, position, answered }) = placed.lock().await.recv().await else { return Ok(seen) };
        let token = position.to_string();
        let headers = [("consistency-token", token.as_str()), ("prefer", "wait=5")];
        let request = get(addr, &format!("/v1/orders/{id}"), &headers);
        let answer = wire.exchange(&request).await.context("reading an order back")?;
        let is_there = answer.is_success() && wire::text(answer.body, "id") == Some(&id);
        seen.failures += u64::from(!is_there);
        seen.delay_us.saturating_record(answered.elapsed().as_micros() as u64);
    }
}
