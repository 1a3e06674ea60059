//! `batch_orders_per_s`, `batch_ratio`: a thousand orders per request.

use std::time::Duration;

use anyhow::ensure;

use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget};
use crate::peak_memory::PeakMemory;
use crate::requests::batches::{Batches, ORDERS_PER_REQUEST};
use crate::requests::orders::Basket;
use crate::settings::WARM_UP;
use crate::setup::Setup;
use crate::usage::Usage;
use e2e::fleet::Service;

/// Number of connections: while one batch is decided and appended, others are read and answered. All orders in flight fit
/// into the mailbox of the writer.
pub(super) const CONNECTIONS: usize = 4;

/// Places batches of orders of two lines, then of one line.
pub(super) async fn measure(length: Duration, figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let two = place(Basket::TWO_LINES, length, memory).await?;
    figures.add(
        Figure::new("batch_orders_per_s", two.per_second, "orders/s")
            .target(Target::AtLeast(40_000.0))
            .limit(figures.value("postgres_insert_orders_per_s"), "PostgreSQL's own insert of the rows")
            .note(format!("two lines each; {}", two.note)),
    );
    figures.add_ratio("batch_ratio", ("batch_orders_per_s", "postgres_insert_orders_per_s"), Target::AtLeast(0.95));
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

async fn place(basket: Basket, length: Duration, memory: &mut PeakMemory) -> anyhow::Result<Placed> {
    let setup = Setup::command_only().await?;
    let addr = setup.addr(Service::Command)?;
    let target = LoadTarget { addr, connections: CONNECTIONS };
    let usage = Usage::begin(&setup.bed, &[&setup.fleet]).await?;
    let batches = Batches::of(addr, basket);
    let run = load::on_own_thread(move || load::closed(target, batches, WARM_UP, length)).await?;
    let cores = usage.report(&setup.bed, &[&setup.fleet]).await?;
    let (placed, in_log) = (run.successes() * ORDERS_PER_REQUEST, setup.orders().await?);
    ensure!(in_log >= placed, "{placed} orders were acknowledged, the log has {in_log}");
    setup.tear_down(memory).await?;
    let spread = format!("p50 {:.0} ms per request, p99 {:.0}", run.quantile_ms(0.5), run.quantile_ms(0.99));
    let note = format!("{spread}; {cores} {}", run.failures()).trim_end().to_owned();
    Ok(Placed { per_second: run.per_second() * ORDERS_PER_REQUEST as f64, note })
}
