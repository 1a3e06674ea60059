//! `cached_order_per_s`: reads of orders by id per second, answered by the query service from its caches.

use std::time::Duration;

use anyhow::{Context, ensure};

use crate::connection::{self, HttpConnection};
use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget};
use crate::peak_memory::PeakMemory;
use crate::requests::http::Gets;
use crate::requests::orders::Orders;
use crate::requests::source::RequestSource;
use crate::settings::{CONNECTIONS, WARM_UP};
use crate::setup::Setup;
use crate::usage::Usage;
use e2e::fleet::Service;

/// Number of different orders that are read.
const ORDERS: u64 = 1_000;

/// Places orders, then reads them in a closed loop.
pub(super) async fn measure(length: Duration, figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let setup = Setup::everything().await?;
    let paths = place(&setup).await?;
    setup.wait_until_caught_up(Duration::from_secs(60)).await?;
    let addr = setup.addr(Service::Query)?;
    let target = LoadTarget { addr, connections: CONNECTIONS };
    let requests = Gets::of(addr, &paths);
    let usage = Usage::begin(&setup.bed, &[&setup.fleet]).await?;
    let run = load::on_own_thread(move || load::closed(target, requests, WARM_UP, length)).await?;
    let cores = usage.report(&setup.bed, &[&setup.fleet]).await?;
    let note = format!("p99 {:.1} ms; {cores} {}", run.quantile_ms(0.99), run.failures());
    figures.add(
        Figure::new("cached_order_per_s", run.per_second(), "1/s")
            .target(Target::AtLeast(60_000.0))
            .limit(figures.value("bare_http_per_s"), "the bare HTTP server")
            .note(note.trim_end()),
    );
    setup.tear_down(memory).await
}

async fn place(setup: &Setup) -> anyhow::Result<Vec<String>> {
    let addr = setup.addr(Service::Command)?;
    let mut connection = HttpConnection::connect(addr).await.context("connecting to place orders")?;
    let mut orders = Orders::new(addr);
    let mut paths = Vec::new();
    for number in 0..ORDERS {
        let answer = connection.exchange(orders.nth(number)).await.context("placing an order")?;
        ensure!(answer.is_success(), "placing an order: {}", String::from_utf8_lossy(answer.body));
        let id = connection::text(answer.body, "id").context("the answer has no id")?;
        paths.push(format!("/v1/orders/{id}"));
    }
    Ok(paths)
}
