//! `hot_sku_orders_per_s`, `hot_sku_ratio`: orders of the same product, compared with the same orders spread over many products.
//!
//! The rate of the spread orders is measured before and after, so that a change in the speed of the machine affects both.

use std::time::Duration;

use anyhow::ensure;

use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget, Run};
use crate::peak_memory::PeakMemory;
use crate::requests::orders::{Basket, Orders};
use crate::settings::{CONNECTIONS, WARM_UP};
use crate::setup::Setup;
use crate::usage::Usage;
use e2e::fleet::Service;

const POSTGRES: &str = "PostgreSQL's own insert of the rows";

/// Places orders of one line: of all products, then of one product, then of all products again.
pub(super) async fn measure(length: Duration, figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let setup = Setup::command_only().await?;
    let before = place(&setup, Basket::ONE_LINE, length / 2).await?;
    let usage = Usage::begin(&setup.bed, &[&setup.fleet]).await?;
    let hot = place(&setup, Basket::HOT, length).await?;
    let cores = usage.report(&setup.bed, &[&setup.fleet]).await?;
    let after = place(&setup, Basket::ONE_LINE, length / 2).await?;
    let drift = format!("{:.0} before, {:.0} after", before.per_second(), after.per_second());
    let spread = before.then(after)?;
    let in_log = setup.orders().await?;
    let acknowledged = spread.successes() + hot.successes();
    ensure!(in_log >= acknowledged, "{acknowledged} orders were acknowledged, the log has {in_log}");
    let limit = figures.value("postgres_insert_one_line_per_s");
    figures.add(
        Figure::new("spread_orders_per_s", spread.per_second(), "orders/s")
            .limit(limit, POSTGRES)
            .note([drift, spread.failures()].join(" ").trim_end()),
    );
    let note = format!("p50 {:.1} ms, p99 {:.1} ms; {cores} ", hot.quantile_ms(0.5), hot.quantile_ms(0.99));
    figures.add(
        Figure::new("hot_sku_orders_per_s", hot.per_second(), "orders/s")
            .limit(limit, POSTGRES)
            .note((note + &hot.failures()).trim_end()),
    );
    figures.add(
        Figure::new("hot_sku_ratio", hot.per_second() / spread.per_second(), "ratio")
            .target(Target::AtLeast(0.7))
            .note("rate of orders of one product, divided by the rate of spread orders"),
    );
    setup.tear_down(memory).await
}

async fn place(setup: &Setup, basket: Basket, length: Duration) -> anyhow::Result<Run> {
    let addr = setup.addr(Service::Command)?;
    let target = LoadTarget { addr, connections: CONNECTIONS };
    load::on_own_thread(move || load::closed(target, Orders::of(addr, basket), WARM_UP, length)).await
}
