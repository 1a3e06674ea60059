//! `order_l1_per_s`, `order_redis_per_s`, `order_replica_per_s`, `cached_speedup`, `product_p99_ms`, `products_p99_ms`: reads by key.

use std::time::Duration;

use e2e::fleet::{Fleet, Service};

use super::shop::Shop;
use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget, Run};
use crate::pgbench;
use crate::requests::http::Gets;
use crate::settings::{CONNECTIONS, Settings, WARM_UP};
use crate::wrk;

/// Orders that the caches are measured with.
const CACHED_ORDERS: usize = 1_000;
/// Connections of reads that reach the database: twice the connections of the query service to it.
const DATABASE_CONNECTIONS: usize = 32;
/// Statements of pgbench, which accepts at most 128 scripts.
const SCRIPTS: usize = 100;
/// Products read per second, which the machine sustains easily: the figures are response times.
const PRODUCTS_PER_S: u64 = 2_000;

pub(super) const NO_PROCESS_CACHE: (&str, &str) = ("PROCESS_CACHE_BYTES_MAX", "0");
const NO_REDIS: (&str, &str) = ("REDIS_URL", "");

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    if settings.wants(&["order_l1_per_s", "order_redis_per_s", "order_replica_per_s", "cached_speedup"]) {
        orders(settings, shop, figures).await?;
    }
    if settings.wants(&["product_p99_ms", "products_p99_ms"]) {
        products(settings, shop, figures).await?;
    }
    Ok(())
}

async fn orders(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    let paths: Vec<String> = shop.order_ids.iter().map(|id| format!("/v1/orders/{id}")).collect();
    let cached = &paths[..CACHED_ORDERS.min(paths.len())];
    let length = settings.length(10);
    let bare = figures.value("bare_http_per_s");

    let service = shop.serve(&[]).await?;
    let l1 = closed(&service, cached, CONNECTIONS, length).await?;
    let by_wrk = wrk::run(service.addr(Service::Query)?, cached, CONNECTIONS, length).await?;
    let l1_alone = closed(&service, cached, 1, length / 4).await?;
    shop.stop(service).await?;
    figures.add(rate("order_l1_per_s", &l1).limit(bare, "the bare server"));
    let note = format!("the same, measured by wrk {}", by_wrk.failures);
    figures.add(Figure::new("order_l1_wrk_per_s", by_wrk.per_second, "1/s").note(note.trim_end()));
    figures.add_ratio("order_l1_ratio", ("order_l1_per_s", "bare_http_per_s"), Target::AtLeast(0.85));

    let service = shop.serve(&[NO_PROCESS_CACHE]).await?;
    let redis = closed(&service, cached, CONNECTIONS, length).await?;
    shop.stop(service).await?;
    figures.add(rate("order_redis_per_s", &redis).limit(bare, "the bare server"));
    figures.add_ratio("order_redis_ratio", ("order_redis_per_s", "bare_http_per_s"), Target::AtLeast(0.35));

    let service = shop.serve(&[NO_PROCESS_CACHE, NO_REDIS]).await?;
    let replica = closed(&service, &paths, DATABASE_CONNECTIONS, length).await?;
    let replica_alone = closed(&service, &paths, 1, length / 4).await?;
    shop.stop(service).await?;
    let select = |id: &String| {
        format!("select document::text as document, incarnation, position from orders where id = '{id}';")
    };
    let scripts: Vec<String> = shop.order_ids.iter().step_by(ORDERS_STEP).take(SCRIPTS).map(select).collect();
    let url = shop.bed.reader_replica_url()?;
    let limit = pgbench::transactions_per_s(&url, &scripts, DATABASE_CONNECTIONS / 2, length).await?;
    figures.add(Figure::new("pgbench_order_per_s", limit, "1/s").note("the same select, prepared, on the replica"));
    figures.add(rate("order_replica_per_s", &replica).limit(Some(limit), "pgbench"));
    figures.add_ratio("order_replica_ratio", ("order_replica_per_s", "pgbench_order_per_s"), Target::AtLeast(0.8));

    let speedup = replica_alone.quantile_ms(0.5) / l1_alone.quantile_ms(0.5);
    let note = format!(
        "median of one connection: {:.3} ms from the replica, {:.3} ms from the process cache",
        replica_alone.quantile_ms(0.5),
        l1_alone.quantile_ms(0.5)
    );
    figures.add(Figure::new("cached_speedup", speedup, "times").target(Target::AtLeast(10.0)).note(note));
    Ok(())
}

/// Distance between the orders that pgbench reads, so that they are of all months.
const ORDERS_STEP: usize = 97;

async fn products(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let target = LoadTarget { addr, connections: DATABASE_CONNECTIONS };
    let length = settings.length(10);
    let products: Vec<String> = shop.skus.iter().map(|sku| format!("/v1/products/{sku}")).collect();
    for (key, paths) in [("product_p99_ms", products), ("products_p99_ms", vec!["/v1/products?limit=20".to_owned()])] {
        let requests = Gets::of(addr, &paths);
        let run = load::on_own_thread(move || load::open(target, requests, PRODUCTS_PER_S, length)).await?;
        let note = format!("at {PRODUCTS_PER_S}/s {}", run.failures());
        figures.add(Figure::new(key, run.quantile_ms(0.99), "ms").target(Target::Below(10.0)).note(note));
    }
    shop.stop(service).await?;
    Ok(())
}

/// Reads the paths in a closed loop.
pub(super) async fn closed(
    service: &Fleet,
    paths: &[String],
    connections: usize,
    length: Duration,
) -> anyhow::Result<Run> {
    let addr = service.addr(Service::Query)?;
    let requests = Gets::of(addr, paths);
    let target = LoadTarget { addr, connections };
    load::on_own_thread(move || load::closed(target, requests, WARM_UP, length)).await
}

/// The figure of a closed loop.
pub(super) fn rate(key: &'static str, run: &Run) -> Figure {
    let note = format!("p99 {:.1} ms {}", run.quantile_ms(0.99), run.failures());
    Figure::new(key, run.per_second(), "1/s").note(note)
}
