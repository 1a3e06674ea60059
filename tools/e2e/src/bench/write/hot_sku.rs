//! `hot_sku_orders_per_s`, `hot_sku_ratio`: everybody orders the same product, against the same orders spread over many.
//!
//! The spread-out rate is measured before and after: a machine that gets slower meanwhile does it to both.

use std::time::Duration;

use anyhow::ensure;

use super::{CONNECTIONS, WARM_UP};
use crate::bench::figures::{Figure, Figures, Target};
use crate::bench::generator::{self, Run, Target as Load};
use crate::bench::requests::{Basket, Orders};
use crate::bench::stage::{Memory, Stage};
use crate::bench::usage::Usage;
use crate::fleet::Service;

const POSTGRES: &str = "PostgreSQL's own insert of the rows";

/// Places orders of one line, first of all products, then of one, then of all again.
pub async fn measure(length: Duration, figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let stage = Stage::command_only().await?;
    let before = place(&stage, Basket::ONE_LINE, length / 2).await?;
    let usage = Usage::begin(&stage.bed, &[&stage.fleet]).await?;
    let hot = place(&stage, Basket::HOT, length).await?;
    let cores = usage.told(&stage.bed, &[&stage.fleet]).await?;
    let after = place(&stage, Basket::ONE_LINE, length / 2).await?;
    let drift = format!("{:.0} before, {:.0} after", before.per_second(), after.per_second());
    let spread = before.then(after)?;
    let in_log = stage.orders().await?;
    let told = spread.successes() + hot.successes();
    ensure!(in_log >= told, "{told} orders were acknowledged, the log has {in_log}");
    let limit = figures.value("postgres_insert_one_line_per_s");
    figures.add(
        Figure::new("spread_orders_per_s", spread.per_second(), "orders/s")
            .limit(limit, POSTGRES)
            .note([drift, spread.complaints()].join(" ").trim_end()),
    );
    let note = format!("p50 {:.1} ms, p99 {:.1} ms; {cores} ", hot.quantile_ms(0.5), hot.quantile_ms(0.99));
    figures.add(
        Figure::new("hot_sku_orders_per_s", hot.per_second(), "orders/s")
            .limit(limit, POSTGRES)
            .note((note + &hot.complaints()).trim_end()),
    );
    figures.add(
        Figure::new("hot_sku_ratio", hot.per_second() / spread.per_second(), "ratio")
            .target(Target::AtLeast(0.7))
            .note("orders of one product per order spread over all"),
    );
    stage.strike(memory).await
}

async fn place(stage: &Stage, basket: Basket, length: Duration) -> anyhow::Result<Run> {
    let addr = stage.addr(Service::Command)?;
    let load = Load { addr, connections: CONNECTIONS };
    generator::on_own_thread(move || generator::closed(load, Orders::of(addr, basket), WARM_UP, length)).await
}
