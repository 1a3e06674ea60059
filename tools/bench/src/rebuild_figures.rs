//! `bench rebuild`: the figures of projections, most of them on a generated log.
//!
//! | module | figures |
//! |---|---|
//! | [`copy_limits`] | the limits: PostgreSQL's own `COPY` of the log, and of rows into a table |
//! | [`large_log`] | rebuild of one projection and of all, and verification, on a log of twenty million events |
//! | [`live_apply`] | all projections follow Kafka |
//! | [`swap`] | readers while views are replaced |
//! | [`takeover`] | one of two projectors is killed |
//!
//! The pipeline is measured as by `bench main`.

mod copy_limits;
mod large_log;
mod live_apply;
mod swap;
mod takeover;

use std::time::Duration;

use crate::figures::{Figure, Figures};
use crate::generated_log::LargeLog;
use crate::limits;
use crate::machine::Machine;
use crate::main_figures::pipeline;
use crate::peak_memory::PeakMemory;
use crate::settings::{CONNECTIONS, Settings};

/// Orders per second that the pipeline has to sustain, unless another rate is given; above the target, because some orders
/// may be late.
const PIPELINE_RATE: u64 = 4_200;

/// Measures the figures, and prints each one as soon as it is measured.
pub async fn run(settings: &Settings, log: &LargeLog) -> anyhow::Result<(Machine, Figures)> {
    let machine = Machine::inspect().await?;
    let (mut figures, mut memory) = (Figures::default(), PeakMemory::default());
    let bare = limits::bare_http(CONNECTIONS, Duration::from_secs(5)).await?;
    figures.add(Figure::new("bare_http_per_s", bare.per_second(), "1/s").note(bare.failures()));
    if settings.wants(&large_log::KEYS) {
        large_log::measure(settings, log, &mut figures).await?;
    }
    if settings.wants(&["apply_events_per_s"]) {
        live_apply::measure(log.size, &mut figures, &mut memory).await?;
    }
    if settings.wants(&["swap_ms", "swap_failed_reads"]) {
        swap::measure(log.size, &mut figures).await?;
    }
    if settings.wants(&["takeover_s", "takeover_differences"]) {
        takeover::measure(&mut figures, &mut memory).await?;
    }
    if settings.wants(&["pipeline_orders_per_s", "pipeline_recovery_s"]) {
        limits::measure_order_inserts(settings, &mut figures).await?;
        let rate = settings.pipeline_rate.unwrap_or(PIPELINE_RATE);
        pipeline::measure(Some(rate), settings.length(60), &mut figures, &mut memory).await?;
    }
    if let Some((mb, peaks)) = memory.max() {
        figures.add(Figure::new("rss_mb_max", mb, "MB").note(peaks));
    }
    Ok((machine, figures))
}
