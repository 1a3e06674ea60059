//! `bench write`: the figures of the write side, each with the limit that the same work has in the same run.
//!
//! | file | measures |
//! |---|---|
//! | [`hot_sku`], [`oversell`] | everybody wants one product |
//! | [`append`] | the log as a library, without HTTP |
//! | [`two_writers`] | two instances on one log |
//! | [`repeats`] | clients that send again what they have sent |
//! | [`batch`] | a thousand orders a request |
//! | [`large_log`] | memory and start with millions of orders |

pub mod append;
pub mod batch;
pub mod hot_sku;
pub mod large_log;
pub mod oversell;
pub mod repeats;
pub mod two_writers;

use std::time::Duration;

use super::figures::{Figure, Figures};
use super::machine::Machine;
use super::requests::Basket;
use super::rows::Of;
use super::stage::Memory;
use super::{CONNECTIONS, Plan, bare, look, postgres_orders};

/// Connections open, caches fill, PostgreSQL's buffers too.
const WARM_UP: Duration = Duration::from_secs(2);

/// Measures and prints as it goes.
pub async fn run(plan: &Plan) -> anyhow::Result<(Machine, Figures)> {
    let machine = look().await?;
    if plan.share < 1.0 {
        println!("{} of all numbers of orders, keys and events: for trying, not for figures\n", plan.share);
    }
    let (mut figures, mut memory) = (Figures::default(), Memory::default());
    limits(plan, &mut figures).await?;
    if plan.wants(&["hot_sku_orders_per_s", "hot_sku_ratio"]) {
        hot_sku::measure(plan.length(10), &mut figures, &mut memory).await?;
    }
    if plan.wants(&["oversell_sold"]) {
        oversell::measure(&mut figures, &mut memory).await?;
    }
    if plan.wants(&["append_events_per_s"]) {
        append::measure(plan.length(10), &mut figures).await?;
    }
    if plan.wants(&["two_writers_ratio"]) {
        two_writers::measure(plan.length(10), &mut figures, &mut memory).await?;
    }
    if plan.wants(&["replay_keys_ratio"]) {
        repeats::measure(plan, &mut figures, &mut memory).await?;
    }
    if plan.wants(&["batch_orders_per_s"]) {
        batch::measure(plan.length(10), &mut figures, &mut memory).await?;
    }
    if plan.wants(&["command_rss_mb", "command_ready_s", "cold_hot_sku_s"]) {
        large_log::measure(plan, &mut figures, &mut memory).await?;
    }
    if let Some((mb, told)) = memory.max() {
        figures.add(Figure::new("rss_mb_max", mb, "MB").note(told));
    }
    Ok((machine, figures))
}

/// PostgreSQL's own pace with the rows of each kind of command that the wanted figures write.
async fn limits(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    if plan.wants(&["two_writers_ratio", "replay_keys_ratio", "batch_orders_per_s"]) {
        postgres_orders(plan, figures).await?;
    }
    if plan.wants(&["hot_sku_orders_per_s", "hot_sku_ratio", "batch_orders_per_s"]) {
        let of = Of::Orders(Basket::ONE_LINE);
        let per_second = bare::insert(of, bare::ORDERS_PER_STATEMENT, plan.length(10)).await?;
        figures.add(Figure::new("postgres_insert_one_line_per_s", per_second, "orders/s"));
    }
    Ok(())
}
