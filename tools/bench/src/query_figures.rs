//! `bench query`: the figures of the query service, on the projections of a generated log.
//!
//! | module | figures |
//! |---|---|
//! | [`shop`] | the projections, what they contain, and services that read them |
//! | [`documents`] | orders and products by key, from the process cache, Redis and the replica |
//! | [`lists`] | pages of orders: the same page, page after page, every pair of filters |
//! | [`months`] | a page that no cache serves, with few and with many months |
//! | [`searches`] | searches by a part of an order code and by a product name |
//! | [`reports`] | a sales report, and the statistics of a dashboard |
//! | [`agreement`] | sales reports compared with SQL over the log |
//! | [`clients`] | concurrent clients that read and think, see [`think_time`] |
//! | [`kills`] | the same clients, while a server is killed and started again |
//! | [`mixed`] | reads beside new orders, with every service running |
//! | [`database_time`] | how long the statements of all services took |
//!
//! The limits are the bare HTTP server and the same statements run by pgbench.

mod agreement;
mod clients;
mod database_time;
mod documents;
mod kills;
mod lists;
mod mixed;
mod months;
mod reports;
mod searches;
mod shop;
mod think_time;

use std::time::Duration;

use crate::figures::{Figure, Figures};
use crate::generated_log::LargeLog;
use crate::limits;
use crate::machine::Machine;
use crate::settings::{CONNECTIONS, Settings};
use shop::Shop;

/// Measures the figures, and prints each one as soon as it is measured.
pub async fn run(settings: &Settings, log: &LargeLog) -> anyhow::Result<(Machine, Figures)> {
    let machine = Machine::inspect().await?;
    let mut figures = Figures::default();
    let bare = limits::bare_http(CONNECTIONS, Duration::from_secs(5)).await?;
    figures.add(Figure::new("bare_http_per_s", bare.per_second(), "1/s").note(bare.failures()));
    let shop = Shop::open(log.size).await?;
    figures.add(Figure::new("orders", shop.orders as f64, "orders").note(format!("in {} months", shop.months)));
    documents::measure(settings, &shop, &mut figures).await?;
    lists::measure(settings, &shop, &mut figures).await?;
    months::measure(settings, &shop, &mut figures).await?;
    searches::measure(settings, &shop, &mut figures).await?;
    reports::measure(settings, &shop, &mut figures).await?;
    agreement::measure(settings, &shop, &mut figures).await?;
    clients::measure(settings, &shop, &mut figures).await?;
    kills::measure(settings, &shop, &mut figures).await?;
    mixed::measure(settings, &shop, &mut figures).await?;
    shop.report_database_time(&mut figures);
    if !log.is_kept {
        shop.bed.discard().await?;
    }
    Ok((machine, figures))
}
