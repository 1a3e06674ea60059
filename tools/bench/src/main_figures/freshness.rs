//! `freshness_p50_ms`, `freshness_p99_ms`: the time from the answer to a command until a query on the replica shows the effect of
//! the command; at 1,000 orders per second, or at half of the pipeline's rate where that is less.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::connection::{self, HttpConnection};
use crate::figures::{Figure, Figures, Target};
use crate::load::{self, Schedule, histogram};
use crate::peak_memory::PeakMemory;
use crate::requests::http::get;
use crate::requests::orders::Orders;
use crate::requests::source::RequestSource;
use crate::setup::Setup;
use crate::usage::Usage;
use e2e::fleet::Service;

/// Highest number of orders per second.
const RATE_MAX: u64 = 1_000;

/// One of this number of orders is read back.
const SAMPLE_EVERY: u64 = 10;

/// Connections that place orders.
const PLACERS: usize = 64;

/// Connections that read orders back: more than can be waiting if the target is met.
const READERS: usize = 64;

/// An acknowledged order.
struct Placed {
    id: String,
    position: i64,
    answered: Instant,
}

/// Delays of the orders that were read back.
struct Delays {
    delay_us: Histogram<u64>,
    failures: u64,
}

/// Places orders at a fixed rate and reads some of them back. `pipeline_rate` is used if the pipeline was not measured.
pub(super) async fn measure(
    pipeline_rate: Option<u64>,
    length: Duration,
    figures: &mut Figures,
    memory: &mut PeakMemory,
) -> anyhow::Result<()> {
    let measured = figures.value("pipeline_orders_per_s").map(|rate| rate as u64);
    let rate = measured.or(pipeline_rate).map_or(RATE_MAX, |rate| (rate / 2).clamp(1, RATE_MAX));
    let setup = Setup::everything().await?;
    let (commands, queries) = (setup.addr(Service::Command)?, setup.addr(Service::Query)?);
    let usage = Usage::begin(&setup.bed, &[&setup.fleet]).await?;
    let delays = load::on_own_thread(move || place_and_read(commands, queries, rate, length)).await?;
    let cores = usage.report(&setup.bed, &[&setup.fleet]).await?;
    let ms = |quantile| delays.delay_us.value_at_quantile(quantile) as f64 / 1_000.0;
    let count = delays.delay_us.len();
    let mut note = format!("{rate} orders/s, {count} read back, p99.9 {:.1}; {cores}", ms(0.999));
    if delays.failures > 0 {
        note.push_str(&format!(", {} NOT READABLE within the waiting time", delays.failures));
    }
    figures.add(Figure::new("freshness_p50_ms", ms(0.5), "ms"));
    figures.add(
        Figure::new("freshness_p99_ms", ms(0.99), "ms")
            .target(Target::Below(100.0))
            .limit(figures.value("replication_p99_ms"), "a bare commit, seen on the replica")
            .note(note),
    );
    setup.tear_down(memory).await
}

async fn place_and_read(
    commands: SocketAddr,
    queries: SocketAddr,
    rate: u64,
    length: Duration,
) -> anyhow::Result<Delays> {
    let (placed, to_read) = mpsc::channel(READERS * 16);
    let to_read = Arc::new(Mutex::new(to_read));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read_back(queries, Arc::clone(&to_read)));
    }
    let schedule = Schedule::new(rate, length);
    let orders = Orders::new(commands);
    let mut placers = JoinSet::new();
    for _ in 0..PLACERS {
        placers.spawn(place(commands, orders.clone(), Arc::clone(&schedule), placed.clone()));
    }
    drop(placed);
    while let Some(placer) = placers.join_next().await {
        placer.context("a connection that places orders panicked")??;
    }
    let mut all = Delays { delay_us: histogram()?, failures: 0 };
    while let Some(reader) = readers.join_next().await {
        let delays = reader.context("a connection that reads orders panicked")??;
        all.delay_us.add(&delays.delay_us).context("adding delays")?;
        all.failures += delays.failures;
    }
    Ok(all)
}

async fn place(
    addr: SocketAddr,
    mut orders: Orders,
    schedule: Arc<Schedule>,
    placed: mpsc::Sender<Placed>,
) -> anyhow::Result<()> {
    let mut connection = HttpConnection::connect(addr).await.context("connecting to place orders")?;
    while let Some((number, _)) = schedule.next().await {
        let answer = connection.exchange(orders.nth(number)).await.context("placing an order")?;
        if number % SAMPLE_EVERY != 0 || !answer.is_success() {
            continue;
        }
        let answered = Instant::now();
        let id = connection::text(answer.body, "id").context("the answer has no id")?.to_owned();
        let position = connection::number(answer.body, "position").context("the answer has no position")?;
        placed.send(Placed { id, position, answered }).await.context("the readers have stopped")?;
    }
    Ok(())
}

async fn read_back(addr: SocketAddr, placed: Arc<Mutex<mpsc::Receiver<Placed>>>) -> anyhow::Result<Delays> {
    let mut connection = HttpConnection::connect(addr).await.context("connecting to read back")?;
    let mut delays = Delays { delay_us: histogram()?, failures: 0 };
    loop {
        let Some(Placed { id, position, answered }) = placed.lock().await.recv().await else { return Ok(delays) };
        let token = position.to_string();
        let headers = [("consistency-token", token.as_str()), ("prefer", "wait=5")];
        let request = get(addr, &format!("/v1/orders/{id}"), &headers);
        let answer = connection.exchange(&request).await.context("reading an order back")?;
        let is_there = answer.is_success() && connection::text(answer.body, "id") == Some(&id);
        delays.failures += u64::from(!is_there);
        delays.delay_us.saturating_record(answered.elapsed().as_micros() as u64);
    }
}
