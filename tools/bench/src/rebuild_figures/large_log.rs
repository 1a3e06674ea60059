//! `rebuild_events_per_s`, `rebuild_copy_ratio`, `rebuild_rss_mb`, `verify_s`, `rebuild_all_s`: rebuilds and a verification on a
//! log of twenty million events.
//!
//! The rates count all events of the log, as their limit does. A rebuild reads the events of its category only, with the index by
//! stream; the notes contain their number.

use std::time::Instant;

use anyhow::{Context, ensure};
use read_model::Projection;
use sqlx::PgPool;
use testbed::Bed;

use super::copy_limits;
use crate::figures::{Figure, Figures, Target};
use crate::generated_log::{self, LargeLog, LogSize, Relayed};
use crate::operator;
use crate::settings::Settings;
use e2e::{log, read_models};

/// The figures of this module.
pub(super) const KEYS: [&str; 5] =
    ["rebuild_events_per_s", "rebuild_copy_ratio", "rebuild_rss_mb", "verify_s", "rebuild_all_s"];

/// Generates the log, unless it was kept, and measures.
pub(super) async fn measure(settings: &Settings, large: &LargeLog, figures: &mut Figures) -> anyhow::Result<()> {
    let LogSize { seed, events } = large.size;
    let bed = Bed::named(&format!("bench_log_{seed}_{events}")).await?;
    let pool = log::connect(&bed.admin_url()?).await?;
    prepare(&bed, &pool, large.size).await?;
    if settings.wants(&KEYS[..4]) {
        measure_orders(settings, &bed, &pool, figures).await?;
    }
    if settings.wants(&["rebuild_all_s"]) {
        measure_all(&bed, &pool, figures).await?;
    }
    pool.close().await;
    if large.is_kept { Ok(()) } else { bed.discard().await }
}

/// Generates the log if it is empty, and removes the generations that an interrupted run has left.
async fn prepare(bed: &Bed, pool: &PgPool, size: LogSize) -> anyhow::Result<()> {
    if log::head(pool).await?.0 == 0 {
        let began = Instant::now();
        generated_log::fill(bed, size, Relayed::All).await?;
        println!("  generated {} events in {:.0} s", log::head(pool).await?, began.elapsed().as_secs_f64());
    }
    retire_all(bed, pool).await
}

/// Rebuilds and verifies `orders`.
async fn measure_orders(settings: &Settings, bed: &Bed, pool: &PgPool, figures: &mut Figures) -> anyhow::Result<()> {
    let events = log::head(pool).await?.0 as u64;
    let out = copy_limits::log_out(bed, events).await?;
    let note = format!("{:.0} MB/s, {:.1} s", out.megabytes_per_s(), out.took.as_secs_f64());
    figures.add(Figure::new("copy_log_events_per_s", out.rows_per_s(), "events/s").note(note));
    let ran = operator::projector(bed, &["rebuild", "orders"]).await?;
    let seconds = ran.took.as_secs_f64();
    let (orders, folded) = (log::count_orders(pool).await?, count_events_of_orders(pool).await?);
    let note = format!("{events} events, {folded} of them of {orders} orders, in {seconds:.1} s");
    figures.add(
        Figure::new("rebuild_events_per_s", events as f64 / seconds, "events/s")
            .target(Target::AtLeast(250_000.0))
            .limit(Some(out.rows_per_s()), "one COPY of the log to nowhere")
            .note(note),
    );
    figures.add_ratio("rebuild_copy_ratio", ("rebuild_events_per_s", "copy_log_events_per_s"), Target::AtLeast(0.5));
    figures.add(Figure::new("rebuild_rss_mb", ran.peak_mb, "MB").target(Target::Below(1_024.0)));
    let rows = copy_limits::rows_in(bed, "orders_1.orders").await?;
    let note = format!("{:.0} MB/s, one connection, no index", rows.megabytes_per_s());
    figures.add(Figure::new("copy_orders_rows_per_s", rows.rows_per_s(), "rows/s").note(note));
    let raw = out.took.as_secs_f64() + orders as f64 / rows.rows_per_s();
    let note =
        "time of one COPY of the log out and one COPY of the rows in, one after the other, to that of the rebuild";
    figures.add(Figure::new("rebuild_raw_ratio", raw / seconds, "ratio").note(note));
    if settings.wants(&["verify_s"]) {
        let ran = operator::projector(bed, &["verify", "orders"]).await?;
        figures.add(
            Figure::new("verify_s", ran.took.as_secs_f64(), "s")
                .target(Target::Below(60.0))
                .note(format!("{orders} orders; {:.0} MB", ran.peak_mb)),
        );
    }
    retire_all(bed, pool).await
}

/// Rebuilds all projections.
async fn measure_all(bed: &Bed, pool: &PgPool, figures: &mut Figures) -> anyhow::Result<()> {
    let events = log::head(pool).await?.0;
    let ran = operator::projector(bed, &["rebuild", "--all"]).await?;
    let parked: i64 = sqlx::query_scalar("select count(*) from parked_streams").fetch_one(pool).await?;
    ensure!(parked == 0, "{parked} streams are parked: the generated log is invalid");
    figures.add(Figure::new("rebuild_all_s", ran.took.as_secs_f64(), "s").target(Target::Below(480.0)).note(format!(
        "{} projections, {events} events; {:.0} MB",
        Projection::ALL.len(),
        ran.peak_mb
    )));
    retire_all(bed, pool).await
}

async fn retire_all(bed: &Bed, pool: &PgPool) -> anyhow::Result<()> {
    for projection in Projection::ALL {
        for number in read_models::list_generations(pool, projection).await? {
            operator::projector(bed, &["retire", projection.name(), &number.to_string()]).await?;
        }
    }
    Ok(())
}

async fn count_events_of_orders(pool: &PgPool) -> anyhow::Result<i64> {
    let count = "select count(*) from events where stream_id >= 'order-' and stream_id < 'order.'";
    sqlx::query_scalar(count).fetch_one(pool).await.context("counting events of orders")
}
