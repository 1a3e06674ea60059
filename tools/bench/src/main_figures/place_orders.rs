//! `place_orders_per_s`, `place_p99_ms`: durable orders of two lines over HTTP, with the command service and PostgreSQL only.

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
    if let Some(bare) = figures.value("bare_http_per_s") {
        let share = Figure::new("place_of_bare_http", run.per_second() / bare, "ratio");
        figures.add(share.note("orders per request of the bare HTTP server"));
    }
    setup.tear_down(memory).await
}
