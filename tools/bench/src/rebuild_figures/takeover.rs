//! `takeover_s`, `takeover_differences`: two projectors share the partitions while orders are placed, and one is killed with
//! SIGKILL.
//!
//! Measured is the time from the kill until the lag is what it was before. Afterwards every read model is compared with the
//! log: whatever was applied twice, or not at all, is a difference.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use read_model::Projection;
use serde_json::Value;
use sqlx::PgPool;

use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget};
use crate::machine;
use crate::operator;
use crate::peak_memory::PeakMemory;
use crate::requests::orders::Orders;
use crate::setup::Setup;
use e2e::checkers::liveness;
use e2e::fleet::{FleetConfig, Service};
use e2e::log;

/// Orders per second: the machine must have time left for the takeover.
const ORDERS_PER_S: u64 = 500;

/// Connections that place orders.
const PLACERS: usize = 32;

/// Time before the kill in which the usual lag is observed.
const OBSERVED: Duration = Duration::from_secs(10);

/// Duration of the load.
const LENGTH: Duration = Duration::from_secs(45);

/// Interval between two readings of the lag.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Time limit for the takeover, and for the end of the lag after the load.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Kills one of two projectors under load.
pub(super) async fn measure(figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let mut setup = Setup::everything().await?;
    let second = FleetConfig::all_services(&setup.bed).only(Service::Projector).start().await?;
    let addr = setup.addr(Service::Command)?;
    let target = LoadTarget { addr, connections: PLACERS };
    let placing =
        tokio::spawn(load::on_own_thread(move || load::open(target, Orders::new(addr), ORDERS_PER_S, LENGTH)));
    let pool = log::connect(&setup.bed.admin_url()?).await?;
    let usual = usual_lag(&pool).await?;
    setup.fleet.kill_9(Service::Projector)?;
    let (took, highest) = recovery(&pool, usual).await?;
    let run = placing.await??;
    let (zero, _) = setup.wait_until_caught_up(TIMEOUT).await?;
    let note = format!(
        "{:.0} orders/s; lag up to {usual} events before and {highest} after; zero {:.1} s after the load {}",
        run.per_second(),
        zero.as_secs_f64(),
        run.failures()
    );
    figures.add(Figure::new("takeover_s", took.as_secs_f64(), "s").target(Target::Below(10.0)).note(note.trim_end()));
    let (rows, differences) = verify_all(&setup).await?;
    figures.add(
        Figure::new("takeover_differences", differences as f64, "rows")
            .target(Target::Exactly(0.0))
            .note(format!("{rows} rows of all projections compared with the log")),
    );
    let pid = second.pid(Service::Projector).context("the second projector is not running")?;
    memory.record(Service::Projector, machine::peak_memory_mb(pid));
    pool.close().await;
    second.finish();
    setup.tear_down(memory).await
}

/// The highest lag while both projectors run.
async fn usual_lag(pool: &PgPool) -> anyhow::Result<i64> {
    let (began, mut highest) = (Instant::now(), 0);
    while began.elapsed() < OBSERVED {
        tokio::time::sleep(POLL_INTERVAL).await;
        // The first seconds are those of the rebalance after the start of the second projector.
        if began.elapsed() > OBSERVED / 2 {
            highest = highest.max(liveness::stages(pool).await?.lag());
        }
    }
    Ok(highest)
}

/// Time from now until the lag, which has to rise first, is at most `usual`; and the highest lag.
async fn recovery(pool: &PgPool, usual: i64) -> anyhow::Result<(Duration, i64)> {
    let (began, mut highest, mut below_since) = (Instant::now(), 0, None);
    loop {
        let lag = liveness::stages(pool).await?.lag();
        highest = highest.max(lag);
        match (lag <= usual, below_since) {
            (false, _) => below_since = None,
            (true, None) => below_since = Some(began.elapsed()),
            (true, Some(since)) if highest > usual && began.elapsed() - since > Duration::from_secs(1) => {
                return Ok((since, highest));
            }
            (true, Some(_)) => {}
        }
        ensure!(began.elapsed() < TIMEOUT, "no takeover: the lag is {lag} events, usual are {usual}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Compares all read models with the log; returns the numbers of rows and of rows that differ.
async fn verify_all(setup: &Setup) -> anyhow::Result<(u64, u64)> {
    let (mut rows, mut differences) = (0, 0);
    for projection in Projection::ALL {
        let ran = operator::projector(&setup.bed, &["verify", projection.name(), "--json"]).await?;
        let report: Value = serde_json::from_str(&ran.output).context("reading the report of the verification")?;
        let tables = report["tables"].as_array().into_iter().flatten();
        rows += tables.filter_map(|table| table["stored"].as_u64()).sum::<u64>();
        differences += report["differences_total"].as_u64().context("the report has no number of differences")?;
    }
    Ok((rows, differences))
}
