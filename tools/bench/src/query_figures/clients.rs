//! `clients_2000_p99_ms`, `clients_2000_errors`, `query_rss_mb`: two thousand clients that read and then think, as the requirements
//! describe the users of a shop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use e2e::fleet::Service;
use tokio::task::JoinSet;

use super::shop::Shop;
use crate::connection::HttpConnection;
use crate::figures::{Figure, Figures, Target};
use crate::load::{self, histogram};
use crate::machine;
use crate::requests::http::get;
use crate::settings::Settings;

const CLIENTS: usize = 2_000;
/// Time between two requests of a client, in milliseconds.
const THINK_MS: std::ops::Range<u64> = 1_000..3_000;

/// What the clients have seen.
struct Seen {
    latencies: hdrhistogram::Histogram<u64>,
    errors: u64,
}

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    if !settings.wants(&["clients_2000_p99_ms", "clients_2000_errors", "query_rss_mb"]) {
        return Ok(());
    }
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let requests: Arc<[Vec<u8>]> = paths(shop).iter().map(|path| get(addr, path, &[])).collect();
    let end = Instant::now() + settings.length(300);
    let seen = load::on_own_thread(move || run(addr, requests, end)).await?;
    let p99 = seen.latencies.value_at_quantile(0.99) as f64 / 1e3;
    let note = format!("{} requests, think time 1 to 3 s", seen.latencies.len());
    figures.add(Figure::new("clients_2000_p99_ms", p99, "ms").target(Target::Below(100.0)).note(note));
    figures.add(Figure::new("clients_2000_errors", seen.errors as f64, "errors").target(Target::Exactly(0.0)));
    let mb = service.pid(Service::Query).map_or(0.0, machine::peak_memory_mb);
    figures.add(Figure::new("query_rss_mb", mb, "MB").target(Target::Below(256.0)).note("peak"));
    service.finish();
    Ok(())
}

/// Ten requests of which four are for an order, three for lists, two for the catalogue and one is a search.
fn paths(shop: &Shop) -> Vec<String> {
    let lists =
        ["/v1/orders?limit=20", "/v1/orders?lifecycle=open&limit=20", "/v1/orders?payment=paid&channel=web&limit=20"];
    let mut paths = Vec::new();
    for (index, id) in shop.order_ids.iter().enumerate() {
        paths.push(format!("/v1/orders/{id}"));
        match index % 4 {
            0 => paths.push(lists[index / 4 % lists.len()].to_owned()),
            1 => paths.extend(shop.skus.get(index % shop.skus.len()).map(|sku| format!("/v1/products/{sku}"))),
            2 => paths.push(lists[index / 4 % lists.len()].to_owned()),
            _ => paths.extend(
                shop.codes
                    .get(index % shop.codes.len().max(1))
                    .map(|code| format!("/v1/orders?limit=20&q={}", &code[3..])),
            ),
        }
    }
    paths
}

async fn run(addr: SocketAddr, requests: Arc<[Vec<u8>]>, end: Instant) -> anyhow::Result<Seen> {
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(addr, Arc::clone(&requests), number, end));
    }
    let mut all = Seen { latencies: histogram()?, errors: 0 };
    while let Some(seen) = clients.join_next().await {
        let seen = seen.context("a client panicked")??;
        all.latencies.add(&seen.latencies).context("adding latencies")?;
        all.errors += seen.errors;
    }
    Ok(all)
}

async fn client(addr: SocketAddr, requests: Arc<[Vec<u8>]>, number: usize, end: Instant) -> anyhow::Result<Seen> {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let mut seen = Seen { latencies: histogram()?, errors: 0 };
    // The clients do not all begin at once.
    tokio::time::sleep(Duration::from_millis(random.u64(0..THINK_MS.end))).await;
    let mut connection = HttpConnection::connect(addr).await.context("connecting a client")?;
    while Instant::now() < end {
        let began = Instant::now();
        match connection.exchange(&requests[random.usize(0..requests.len())]).await.map(|answer| answer.is_success()) {
            Ok(true) => seen.latencies.saturating_record(began.elapsed().as_micros() as u64),
            Ok(false) => seen.errors += 1,
            Err(_) => {
                seen.errors += 1;
                connection = HttpConnection::connect(addr).await.context("reconnecting a client")?;
            }
        }
        tokio::time::sleep(Duration::from_millis(random.u64(THINK_MS))).await;
    }
    Ok(seen)
}
