//! `pipeline_orders_per_s`, `pipeline_ratio`, `pipeline_recovery_s`: orders at a fixed rate through relay, Kafka, projector, replica and Redis, and
//! the time until the lag is zero after the load has ended.
//!
//! The rate is the highest of [`RATES`] that a short trial sustains. If the long run does not sustain the rate, it is repeated
//! with the next lower one.

use std::time::Duration;

use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget, Run};
use crate::peak_memory::PeakMemory;
use crate::requests::orders::Orders;
use crate::settings::{CONNECTIONS, SUSTAINED_SHARE};
use crate::setup::Setup;
use crate::usage::Usage;
use e2e::fleet::Service;

/// Rates in orders per second; the lowest is above the target, because some orders may be late.
const RATES: [u64; 7] = [4_200, 5_000, 6_000, 8_000, 10_000, 12_000, 16_000];

/// Duration of a trial: long enough for the lag of a component that is too slow to reach seconds.
const TRIAL: Duration = Duration::from_secs(10);

/// Target for the time until the lag is zero after the end of the load.
const RECOVERY_S: f64 = 5.0;

/// Time limit for the lag to become zero.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(300);

/// Result of a run at one rate.
#[derive(Debug)]
struct Trial {
    run: Run,
    recovery: Duration,
    cores: String,
}

impl Trial {
    fn is_sustained(&self, rate: u64) -> bool {
        self.run.per_second() >= SUSTAINED_SHARE * rate as f64 && self.recovery.as_secs_f64() < RECOVERY_S
    }
}

/// Measures at the given rate, or searches for the highest sustainable rate.
pub(crate) async fn measure(
    rate: Option<u64>,
    length: Duration,
    figures: &mut Figures,
    memory: &mut PeakMemory,
) -> anyhow::Result<()> {
    let mut candidates = match rate {
        Some(rate) => vec![rate],
        None => sustainable_rates(memory).await?,
    };
    let (rate, trial) = loop {
        let rate = candidates.pop().unwrap_or(RATES[0]);
        let trial = run_trial(rate, length, memory).await?;
        if trial.is_sustained(rate) || candidates.is_empty() {
            break (rate, trial);
        }
        println!("  {rate}/s was not sustained for {} s", length.as_secs());
    };
    let Trial { run, recovery, cores } = trial;
    let note = format!(
        "{rate}/s requested for {} s; p50 {:.1} ms, p99 {:.1} ms; {cores} {}",
        length.as_secs(),
        run.quantile_ms(0.5),
        run.quantile_ms(0.99),
        run.failures()
    );
    figures.add(
        Figure::new("pipeline_orders_per_s", run.per_second(), "orders/s")
            .target(Target::AtLeast(4_000.0))
            .limit(figures.value("postgres_insert_orders_per_s"), "PostgreSQL's own insert of the rows, log only")
            .note(note.trim_end()),
    );
    figures.add_ratio("pipeline_ratio", ("pipeline_orders_per_s", "place_orders_per_s"), Target::AtLeast(0.5));
    figures.add(Figure::new("pipeline_recovery_s", recovery.as_secs_f64(), "s").target(Target::Below(RECOVERY_S)));
    Ok(())
}

/// The rates that a trial sustains, in ascending order; at least the lowest rate.
async fn sustainable_rates(memory: &mut PeakMemory) -> anyhow::Result<Vec<u64>> {
    let mut sustained = Vec::new();
    for rate in RATES {
        let trial = run_trial(rate, TRIAL, memory).await?;
        let (reached, recovery) = (trial.run.per_second(), trial.recovery.as_secs_f64());
        println!("  trial of {rate}/s: {reached:.0}/s, lag zero after {recovery:.1} s");
        // A lag that grows for ten seconds would be six times as long after a minute.
        if !trial.is_sustained(rate) || recovery > RECOVERY_S / 2.0 {
            break;
        }
        sustained.push(rate);
    }
    Ok(if sustained.is_empty() { vec![RATES[0]] } else { sustained })
}

/// Runs the load at one rate on a new setup, so that the rows of earlier trials have no influence.
async fn run_trial(rate: u64, length: Duration, memory: &mut PeakMemory) -> anyhow::Result<Trial> {
    let setup = Setup::everything().await?;
    let addr = setup.addr(Service::Command)?;
    let target = LoadTarget { addr, connections: CONNECTIONS };
    let usage = Usage::begin(&setup.bed, &[&setup.fleet]).await?;
    let run = load::on_own_thread(move || load::open(target, Orders::new(addr), rate, length)).await?;
    let cores = usage.report(&setup.bed, &[&setup.fleet]).await?;
    let (recovery, _) = setup.wait_until_caught_up(RECOVERY_TIMEOUT).await?;
    setup.tear_down(memory).await?;
    Ok(Trial { run, recovery, cores })
}
