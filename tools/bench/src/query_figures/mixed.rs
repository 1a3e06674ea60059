//! `mixed_p99_ms`, `cache_hit_ratio`, `mixed_errors`: reads beside new orders, with every service running.

use std::time::Duration;

use anyhow::Context;
use e2e::fleet::{FleetConfig, Service};
use platform::metric_names::QUERY_CACHE_REQUESTS_TOTAL;

use super::shop::Shop;
use super::think_time;
use crate::figures::{Figure, Figures, Target};
use crate::generated_log::PARTITIONS;
use crate::load::{self, LoadTarget};
use crate::requests::http::Gets;
use crate::requests::orders::Orders;
use crate::settings::Settings;
use crate::setup;

/// Reads and orders per second, on a machine whose bare server answers 100,000/s.
const READS_PER_S: f64 = 5_000.0;
const ORDERS_PER_S: f64 = 500.0;
const READERS: usize = 128;
const BUYERS: usize = 32;
/// Time limit for the projections to contain all orders, so that the next run finds them complete.
const CAUGHT_UP_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    if !settings.wants(&["mixed_p99_ms", "cache_hit_ratio", "mixed_errors"]) {
        return Ok(());
    }
    let partitions = PARTITIONS.to_string();
    let everything = FleetConfig::all_services(&shop.bed).with(Service::Command, "TOPIC_PARTITIONS", partitions);
    let services = everything.start().await?;
    setup::create_products(&services).await?;
    let (command, query) = (services.addr(Service::Command)?, services.addr(Service::Query)?);
    let scale = figures.value("bare_http_per_s").map_or(1.0, |bare| (bare / 100_000.0).min(1.0));
    let (reads_per_s, orders_per_s) = ((READS_PER_S * scale) as u64, (ORDERS_PER_S * scale) as u64);
    let length = settings.length(60);
    let requests = Gets::of(query, &think_time::paths(shop));
    let reading = load::on_own_thread(move || {
        load::open(LoadTarget { addr: query, connections: READERS }, requests, reads_per_s, length)
    });
    let ordering = load::on_own_thread(move || {
        load::open(LoadTarget { addr: command, connections: BUYERS }, Orders::new(command), orders_per_s, length)
    });
    let (reads, orders) = tokio::try_join!(reading, ordering)?;
    let hits = hit_ratio(&services.metrics(Service::Query).await?).context("the query service has no cache metrics")?;
    setup::wait_until_caught_up(&shop.bed, CAUGHT_UP_TIMEOUT).await?;
    services.finish();

    let note = format!(
        "{reads_per_s} reads/s beside {orders_per_s} orders/s for {} s; p50 {:.1} ms, orders p99 {:.1} ms",
        length.as_secs(),
        reads.quantile_ms(0.5),
        orders.quantile_ms(0.99)
    );
    figures.add(Figure::new("mixed_p99_ms", reads.quantile_ms(0.99), "ms").target(Target::Below(50.0)).note(note));
    let ratio = Figure::new("cache_hit_ratio", hits, "ratio").target(Target::AtLeast(0.8));
    figures.add(ratio.note("reads that the process cache or Redis served"));
    let requested = reads_per_s * length.as_secs() + orders_per_s * length.as_secs();
    let errors = requested.saturating_sub(reads.successes() + orders.successes()) as f64;
    let note = format!("{} {}", reads.failures(), orders.failures());
    figures.add(Figure::new("mixed_errors", errors, "errors").target(Target::Exactly(0.0)).note(note.trim()));
    Ok(())
}

/// The share of reads that a cache served: lookups in the process cache come first, and Redis is asked after a miss.
fn hit_ratio(metrics: &str) -> Option<f64> {
    let (mut reads, mut served) = (0.0, 0.0);
    for line in metrics.lines().filter_map(|line| line.strip_prefix(QUERY_CACHE_REQUESTS_TOTAL)) {
        let (labels, count) = line.rsplit_once(' ')?;
        let count: f64 = count.parse().ok()?;
        if labels.contains("level=\"process\"") {
            reads += count;
        }
        if !labels.contains("result=\"miss\"") {
            served += count;
        }
    }
    (reads > 0.0).then_some(served / reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_that_miss_both_caches_are_not_served_by_a_cache() {
        let metrics = "query_cache_requests_total{kind=\"order\",level=\"process\",result=\"hit\"} 60\n\
                       query_cache_requests_total{kind=\"order\",level=\"process\",result=\"miss\"} 40\n\
                       query_cache_requests_total{kind=\"order\",level=\"redis\",result=\"hit\"} 30\n\
                       query_cache_requests_total{kind=\"order\",level=\"redis\",result=\"miss\"} 10\n";
        assert_eq!(hit_ratio(metrics), Some(0.9));
        assert_eq!(hit_ratio(""), None);
    }
}
