//! `place_orders_per_s`, `place_p99_ms`: orders of two lines over HTTP, durable, command-service and PostgreSQL only.

use std::time::Duration;

use anyhow::ensure;

use super::CONNECTIONS;
use super::figures::{Figure, Figures, Target};
use super::generator::{self, Target as Load};
use super::requests::Orders;
use super::stage::{Memory, Stage};
use super::usage::Usage;
use crate::fleet::Service;

/// Connections open, caches fill, PostgreSQL's buffers too.
const WARM_UP: Duration = Duration::from_secs(3);

/// Places orders as fast as they are answered.
pub async fn measure(length: Duration, figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let stage = Stage::command_only().await?;
    let addr = stage.addr(Service::Command)?;
    let usage = Usage::begin(&stage.bed, &[&stage.fleet]).await?;
    let load = Load { addr, connections: CONNECTIONS };
    let run = generator::on_own_thread(move || generator::closed(load, Orders::new(addr), WARM_UP, length)).await?;
    let cores = usage.told(&stage.bed, &[&stage.fleet]).await?;
    let in_log = stage.orders().await?;
    ensure!(in_log >= run.successes(), "{} orders were acknowledged, the log has {in_log}", run.successes());
    let told = [cores, run.complaints()].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("; ");
    figures.add(
        Figure::new("place_orders_per_s", run.per_second(), "orders/s")
            .target(Target::AtLeast(25_000.0))
            .limit(figures.value("postgres_insert_orders_per_s"), "PostgreSQL's own insert of the rows")
            .note(told),
    );
    let spread = format!("p50 {:.1}, p99.9 {:.1}", run.quantile_ms(0.5), run.quantile_ms(0.999));
    figures.add(Figure::new("place_p99_ms", run.quantile_ms(0.99), "ms").target(Target::Below(20.0)).note(spread));
    if let Some(bare) = figures.value("bare_http_per_s") {
        let share = Figure::new("place_of_bare_http", run.per_second() / bare, "ratio");
        figures.add(share.note("orders placed per request that a bare server answers"));
    }
    stage.strike(memory).await
}
