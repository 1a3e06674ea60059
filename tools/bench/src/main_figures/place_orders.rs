//! `place_orders_per_s`, `place_p99_ms`, their ratios to the limits, and `idle_share`: durable orders of two lines over HTTP,
//! with the command service and PostgreSQL only.

use std::time::Duration;

use anyhow::ensure;

use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget};
use crate::peak_memory::PeakMemory;
use crate::requests::orders::Orders;
use crate::settings::CONNECTIONS;
use crate::setup::Setup;
use crate::usage::Usage;
use e2e::fleet::Service;

/// Longer than [`crate::settings::WARM_UP`]: PostgreSQL's buffers have to be filled too.
const WARM_UP: Duration = Duration::from_secs(3);

/// Places orders in a closed loop.
pub(super) async fn measure(length: Duration, figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let setup = Setup::command_only().await?;
    let addr = setup.addr(Service::Command)?;
    let usage = Usage::begin(&setup.bed, &[&setup.fleet]).await?;
    let target = LoadTarget { addr, connections: CONNECTIONS };
    let run = load::on_own_thread(move || load::closed(target, Orders::new(addr), WARM_UP, length)).await?;
    let idle = usage.idle_share();
    let cores = usage.report(&setup.bed, &[&setup.fleet]).await?;
    let in_log = setup.orders().await?;
    ensure!(in_log >= run.successes(), "{} orders were acknowledged, the log has {in_log}", run.successes());
    let note = [cores, run.failures()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
    figures.add(
        Figure::new("place_orders_per_s", run.per_second(), "orders/s")
            .target(Target::AtLeast(25_000.0))
            .limit(figures.value("postgres_insert_orders_per_s"), "PostgreSQL's own insert of the rows")
            .note(note),
    );
    let spread = format!("p50 {:.1}, p99.9 {:.1}", run.quantile_ms(0.5), run.quantile_ms(0.999));
    figures.add(Figure::new("place_p99_ms", run.quantile_ms(0.99), "ms").target(Target::Below(20.0)).note(spread));
    figures.add(
        Figure::new("idle_share", 100.0 * idle, "%")
            .target(Target::Below(10.0))
            .note("of all cores, while the orders were placed"),
    );
    figures.add_ratio("place_ratio", ("place_orders_per_s", "postgres_insert_orders_per_s"), Target::AtLeast(0.65));
    figures.add_ratio("place_of_bare_http", ("place_orders_per_s", "bare_http_per_s"), Target::None);
    figures.add_ratio("place_p99_ratio", ("place_p99_ms", "bare_http_p99_ms"), Target::Below(4.0));
    setup.tear_down(memory).await
}
