//! `swap_ms`, `swap_failed_reads`: clients read orders while `projector promote` and `projector rollback` alternate.
//!
//! Clients read different orders through the query service, so that no read is answered by a cache; a missing order is a failed
//! read. At the same time one connection reads from the view on the primary without pause: its longest read is the longest time
//! that a reader waited for the lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sqlx::{Connection, PgConnection, PgPool};
use testbed::Bed;

use crate::figures::{Figure, Figures, Target};
use crate::generated_log::{self, LogSize, PARTITIONS, Relayed};
use crate::load::{self, LoadTarget};
use crate::operator;
use crate::requests::http::Gets;
use e2e::fleet::{FleetConfig, Service};
use e2e::log;

/// Number of events in the log: the duration of a swap does not depend on it.
const EVENTS: u64 = 400_000;

/// Reads per second.
const READS_PER_S: u64 = 2_000;

/// Connections of the readers.
const READERS: usize = 32;

/// Duration of the reads.
const LENGTH: Duration = Duration::from_secs(30);

/// Time until the first swap, in which connections are opened.
const SETTLE: Duration = Duration::from_secs(2);

/// Pause between two swaps.
const PAUSE: Duration = Duration::from_secs(1);

/// Replaces the views under load.
pub(super) async fn measure(large: LogSize, figures: &mut Figures) -> anyhow::Result<()> {
    let bed = Bed::new().await?;
    let size = LogSize { seed: large.seed, events: EVENTS.min(large.events) };
    generated_log::fill(&bed, size, Relayed::All).await?;
    bed.create_topics(PARTITIONS).await?;
    operator::projector(&bed, &["rebuild", "--all"]).await?;
    for projection in read_model::Projection::ALL {
        operator::projector(&bed, &["promote", projection.name(), "--force"]).await?;
    }
    let config = FleetConfig::all_services(&bed);
    let projector = config.clone().only(Service::Projector).start().await?;
    let queries = config.only(Service::Query).start().await?;
    operator::projector(&bed, &["rebuild", "orders"]).await?;
    operator::projector(&bed, &["verify", "orders"]).await?;
    bed.replica_caught_up().await?;

    let pool = log::connect(&bed.admin_url()?).await?;
    let paths = order_paths(&pool).await?;
    ensure!(paths.len() as u64 >= READS_PER_S * LENGTH.as_secs(), "the log has too few orders");
    let addr = queries.addr(Service::Query)?;
    let (target, gets) = (LoadTarget { addr, connections: READERS }, Gets::of(addr, &paths));
    let reading = tokio::spawn(load::on_own_thread(move || load::open(target, gets, READS_PER_S, LENGTH)));
    let is_over = Arc::new(AtomicBool::new(false));
    let probing = tokio::spawn(longest_read(bed.reader_url()?, Arc::clone(&is_over)));
    let swaps = swap_during(&bed, LENGTH).await?;
    is_over.store(true, Ordering::Relaxed);
    let (run, (longest, probes)) = (reading.await??, probing.await??);

    let failed = run.statuses.iter().filter(|(status, _)| **status != 200).map(|(_, count)| count).sum::<u64>();
    let note = format!("longest of {probes} reads on the primary, {swaps} swaps");
    figures.add(Figure::new("swap_ms", longest.as_secs_f64() * 1e3, "ms").target(Target::Below(100.0)).note(note));
    let (p50, p99, max) = (run.quantile_ms(0.5), run.quantile_ms(0.99), run.quantile_ms(1.0));
    let note = format!(
        "{} reads over HTTP at {:.0}/s; p50 {p50:.1} ms, p99 {p99:.1} ms, longest {max:.1} ms {}",
        run.successes(),
        run.per_second(),
        run.failures()
    );
    figures.add(
        Figure::new("swap_failed_reads", (failed + run.unanswered) as f64, "reads")
            .target(Target::Exactly(0.0))
            .note(note.trim_end()),
    );
    projector.finish();
    queries.finish();
    pool.close().await;
    bed.discard().await
}

/// Alternates between the two generations; returns the number of swaps.
async fn swap_during(bed: &Bed, length: Duration) -> anyhow::Result<usize> {
    let began = Instant::now();
    tokio::time::sleep(SETTLE).await;
    let mut swaps = 0;
    while began.elapsed() + PAUSE < length {
        let verb = if swaps % 2 == 0 { "promote" } else { "rollback" };
        operator::projector(bed, &[verb, "orders"]).await?;
        swaps += 1;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(swaps)
}

/// The longest of many reads from the view, and their number. A read that finds nothing is an error.
async fn longest_read(url: String, is_over: Arc<AtomicBool>) -> anyhow::Result<(Duration, u64)> {
    let mut connection = PgConnection::connect(&url).await.context("connecting to the primary")?;
    let (mut longest, mut reads) = (Duration::ZERO, 0);
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let found: Option<i64> = sqlx::query_scalar("select position from orders limit 1")
            .fetch_optional(&mut connection)
            .await
            .context("reading from the view")?;
        ensure!(found.is_some(), "the view was empty");
        longest = longest.max(began.elapsed());
        reads += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok((longest, reads))
}

async fn order_paths(pool: &PgPool) -> anyhow::Result<Vec<String>> {
    let ids = "select substr(stream_id, 7) from events where event_type = 'OrderPlaced' order by position";
    let ids: Vec<String> = sqlx::query_scalar(ids).fetch_all(pool).await.context("reading ids of orders")?;
    Ok(ids.into_iter().map(|id| format!("/v1/orders/{id}")).collect())
}
