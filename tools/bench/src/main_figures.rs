//! `bench main`: the figures of the whole platform.
//!
//! | module | figures |
//! |---|---|
//! | [`place_orders`] | orders per second over HTTP, durable, without Kafka |
//! | [`pipeline`] | orders per second through relay, Kafka, projector and replica |
//! | [`freshness`] | time until a query shows the effect of a command |
//! | [`cached_orders`] | cached reads per second |
//! | [`import`] | import of the data set "Online Retail" |

mod cached_orders;
mod freshness;
mod import;
pub(crate) mod pipeline;
mod place_orders;

use crate::figures::{Figure, Figures, Target};
use crate::limits;
use crate::machine::Machine;
use crate::peak_memory::PeakMemory;
use crate::settings::{CONNECTIONS, Settings};

/// Figures of the placing of orders, and those that compare others with it.
const PLACE_ORDERS: [&str; 6] =
    ["place_orders_per_s", "place_p99_ms", "place_ratio", "idle_share", "place_p99_ratio", "pipeline_ratio"];

/// Measures the figures, and prints each one as soon as it is measured.
pub async fn run(settings: &Settings) -> anyhow::Result<(Machine, Figures)> {
    let machine = Machine::inspect().await?;
    let (mut figures, mut memory) = (Figures::default(), PeakMemory::default());
    measure_limits(settings, &mut figures).await?;
    if settings.wants(&PLACE_ORDERS) {
        place_orders::measure(settings.length(20), &mut figures, &mut memory).await?;
    }
    if settings.wants(&["pipeline_orders_per_s", "pipeline_recovery_s", "pipeline_ratio"]) {
        pipeline::measure(settings.pipeline_rate, settings.length(60), &mut figures, &mut memory).await?;
    }
    if settings.wants(&["freshness_p50_ms", "freshness_p99_ms"]) {
        freshness::measure(settings.pipeline_rate, settings.length(20), &mut figures, &mut memory).await?;
    }
    if settings.wants(&["cached_order_per_s"]) {
        cached_orders::measure(settings.length(10), &mut figures, &mut memory).await?;
    }
    if settings.wants(&["import_s"]) {
        import::measure(settings.data.as_deref(), &mut figures, &mut memory).await?;
    }
    if let Some((mb, peaks)) = memory.max() {
        figures.add(Figure::new("rss_mb_max", mb, "MB").target(Target::Below(256.0)).note(peaks));
    }
    Ok((machine, figures))
}

/// Measures the limits that the figures are compared with.
async fn measure_limits(settings: &Settings, figures: &mut Figures) -> anyhow::Result<()> {
    let with_orders = |others: &[&str]| settings.wants(&PLACE_ORDERS) || settings.wants(others);
    if with_orders(&["bare_http_per_s", "bare_http_p99_ms", "cached_order_per_s"]) {
        let bare = limits::bare_http(CONNECTIONS, settings.length(5)).await?;
        figures.add(Figure::new("bare_http_per_s", bare.per_second(), "1/s").note(bare.failures()));
        figures.add(Figure::new("bare_http_p99_ms", bare.quantile_ms(0.99), "ms"));
    }
    if with_orders(&["postgres_insert_orders_per_s", "pipeline_orders_per_s", "import_s"]) {
        limits::measure_order_inserts(settings, figures).await?;
    }
    if settings.wants(&["replication_p99_ms", "freshness_p50_ms", "freshness_p99_ms"]) {
        figures.add(Figure::new("replication_p99_ms", limits::replication_p99_ms().await?, "ms"));
    }
    Ok(())
}
