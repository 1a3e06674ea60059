//! `batch_orders_per_s`: a thousand orders a request.

use std::time::Duration;

use anyhow::ensure;

use super::WARM_UP;
use crate::bench::figures::{Figure, Figures, Target};
use crate::bench::generator::{self, Target as Load};
use crate::bench::requests::Basket;
use crate::bench::requests::batches::{Batches, ORDERS_PER_REQUEST};
use crate::bench::stage::{Memory, Stage};
use crate::bench::usage::Usage;
use crate::fleet::Service;

/// Connections that send batches: while one is decided and committed, others are read and answered. All of their orders fit
/// into the writer's mailbox.
pub const CONNECTIONS: usize = 4;

/// Places batches of orders of two lines, and of one.
pub async fn measure(length: Duration, figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let two = place(Basket::TWO_LINES, length, memory).await?;
    figures.add(
        Figure::new("batch_orders_per_s", two.per_second, "orders/s")
            .target(Target::AtLeast(40_000.0))
            .limit(figures.value("postgres_insert_orders_per_s"), "PostgreSQL's own insert of the rows")
            .note(format!("two lines each; {}", two.note)),
    );
    let one = place(Basket::ONE_LINE, length, memory).await?;
    figures.add(
        Figure::new("batch_one_line_orders_per_s", one.per_second, "orders/s")
            .limit(figures.value("postgres_insert_one_line_per_s"), "PostgreSQL's own insert of the rows")
            .note(one.note),
    );
    Ok(())
}

struct Placed {
    per_second: f64,
    note: String,
}

async fn place(basket: Basket, length: Duration, memory: &mut Memory) -> anyhow::Result<Placed> {
    let stage = Stage::command_only().await?;
    let addr = stage.addr(Service::Command)?;
    let load = Load { addr, connections: CONNECTIONS };
    let usage = Usage::begin(&stage.bed, &[&stage.fleet]).await?;
    let batches = Batches::of(addr, basket);
    let run = generator::on_own_thread(move || generator::closed(load, batches, WARM_UP, length)).await?;
    let cores = usage.told(&stage.bed, &[&stage.fleet]).await?;
    let (placed, in_log) = (run.successes() * ORDERS_PER_REQUEST, stage.orders().await?);
    ensure!(in_log >= placed, "{placed} orders were acknowledged, the log has {in_log}");
    stage.strike(memory).await?;
    let spread = format!("a request takes {:.0} ms, p99 {:.0}", run.quantile_ms(0.5), run.quantile_ms(0.99));
    let note = format!("{spread}; {cores} {}", run.complaints()).trim_end().to_owned();
    Ok(Placed { per_second: run.per_second() * ORDERS_PER_REQUEST as f64, note })
}
