//! `bench write`: the figures of the write side.
//!
//! | module | figures |
//! |---|---|
//! | [`hot_product`], [`oversell`] | all orders request the same product |
//! | [`append`] | the log as a library, without HTTP |
//! | [`two_instances`] | two instances of the command service on one log |
//! | [`replays`] | repeated idempotency keys |
//! | [`batches`] | a thousand orders per request |
//! | [`large_log`] | memory and start with millions of orders |

mod append;
mod batches;
mod hot_product;
mod large_log;
mod oversell;
mod replays;
mod two_instances;

use crate::event_rows::CommandRows;
use crate::figures::{Figure, Figures};
use crate::limits;
use crate::machine::Machine;
use crate::peak_memory::PeakMemory;
use crate::requests::orders::Basket;
use crate::settings::Settings;

/// Measures the figures, and prints each one as soon as it is measured.
pub async fn run(settings: &Settings) -> anyhow::Result<(Machine, Figures)> {
    let machine = Machine::inspect().await?;
    if settings.share < 1.0 {
        println!(
            "trial run with {} of the numbers of orders, keys and events: the figures are not valid\n",
            settings.share
        );
    }
    let (mut figures, mut memory) = (Figures::default(), PeakMemory::default());
    measure_limits(settings, &mut figures).await?;
    if settings.wants(&["hot_sku_orders_per_s", "hot_sku_ratio"]) {
        hot_product::measure(settings.length(10), &mut figures, &mut memory).await?;
    }
    if settings.wants(&["oversell_sold"]) {
        oversell::measure(&mut figures, &mut memory).await?;
    }
    if settings.wants(&["append_events_per_s", "append_ratio"]) {
        append::measure_groups(settings.length(10), &mut figures).await?;
    }
    if settings.wants(&["append_64_per_s", "append_64_ratio"]) {
        append::measure_single(settings.length(10), &mut figures).await?;
    }
    if settings.wants(&["two_writers_ratio"]) {
        two_instances::measure(settings.length(10), &mut figures, &mut memory).await?;
    }
    if settings.wants(&["replay_keys_ratio"]) {
        replays::measure(settings, &mut figures, &mut memory).await?;
    }
    if settings.wants(&["batch_orders_per_s", "batch_ratio"]) {
        batches::measure(settings.length(10), &mut figures, &mut memory).await?;
    }
    if settings.wants(&["command_rss_mb", "command_ready_s", "cold_hot_sku_s"]) {
        large_log::measure(settings, &mut figures, &mut memory).await?;
    }
    if let Some((mb, peaks)) = memory.max() {
        figures.add(Figure::new("rss_mb_max", mb, "MB").note(peaks));
    }
    Ok((machine, figures))
}

/// Measures the limits that the figures are compared with.
async fn measure_limits(settings: &Settings, figures: &mut Figures) -> anyhow::Result<()> {
    if settings.wants(&["two_writers_ratio", "replay_keys_ratio", "batch_orders_per_s", "batch_ratio"]) {
        limits::measure_order_inserts(settings, figures).await?;
    }
    if settings.wants(&["hot_sku_orders_per_s", "hot_sku_ratio", "batch_orders_per_s", "batch_ratio"]) {
        let rows = CommandRows::Orders(Basket::ONE_LINE);
        let per_second = limits::inserts_per_s(rows, limits::ORDERS_PER_STATEMENT, settings.length(10)).await?;
        figures.add(Figure::new("postgres_insert_one_line_per_s", per_second, "orders/s"));
    }
    Ok(())
}
