//! `pipeline_orders_per_s`, `pipeline_recovery_s`: orders at a fixed rate with relay, Kafka, projector, replica and Redis at
//! work, and how long the lag takes to go away when the load ends.
//!
//! The rate is the highest of [`RATES`] that a short trial bears; if the long run then shows that it was too high, the next
//! lower one is held instead.

use std::time::Duration;

use super::CONNECTIONS;
use super::figures::{Figure, Figures, Target};
use super::generator::{self, Run, Target as Load};
use super::requests::Orders;
use super::stage::{Memory, Stage};
use super::usage::Usage;
use crate::fleet::Service;

/// Orders a second that are tried; the lowest leaves room for the part that may come late.
const RATES: [u64; 7] = [4_200, 5_000, 6_000, 8_000, 10_000, 12_000, 16_000];

/// Length of a trial: long enough for a stage that is too slow to fall behind by seconds.
const TRIAL: Duration = Duration::from_secs(10);

/// The lag must be gone this soon after the load ends.
const RECOVERY_S: f64 = 5.0;

/// A lag that lasts longer than this is not worth waiting for.
const PATIENCE: Duration = Duration::from_secs(300);

/// This part of the orders must be acknowledged in time for a rate to count as held.
const HELD: f64 = 0.99;

/// What one rate came to.
#[derive(Debug)]
struct Trial {
    run: Run,
    recovery: Duration,
    cores: String,
}

impl Trial {
    fn is_held(&self, rate: u64) -> bool {
        self.run.per_second() >= HELD * rate as f64 && self.recovery.as_secs_f64() < RECOVERY_S
    }
}

/// Finds the rate, unless it is given, and holds it.
pub async fn measure(
    rate: Option<u64>,
    length: Duration,
    figures: &mut Figures,
    memory: &mut Memory,
) -> anyhow::Result<()> {
    let mut candidates = match rate {
        Some(rate) => vec![rate],
        None => promising(memory).await?,
    };
    let (rate, held) = loop {
        let rate = candidates.pop().unwrap_or(RATES[0]);
        let held = fresh_trial(rate, length, memory).await?;
        if held.is_held(rate) || candidates.is_empty() {
            break (rate, held);
        }
        println!("  {rate}/s was too much for {} s", length.as_secs());
    };
    let Trial { run, recovery, cores } = held;
    let note = format!(
        "{rate}/s offered for {} s; p50 {:.1} ms, p99 {:.1} ms; {cores} {}",
        length.as_secs(),
        run.quantile_ms(0.5),
        run.quantile_ms(0.99),
        run.complaints()
    );
    figures.add(
        Figure::new("pipeline_orders_per_s", run.per_second(), "orders/s")
            .target(Target::AtLeast(4_000.0))
            .limit(figures.value("postgres_insert_orders_per_s"), "PostgreSQL's own insert of the rows, log only")
            .note(note.trim_end()),
    );
    figures.add(Figure::new("pipeline_recovery_s", recovery.as_secs_f64(), "s").target(Target::Below(RECOVERY_S)));
    Ok(())
}

/// The rates up to the highest that a trial bears, and the lowest in any case.
async fn promising(memory: &mut Memory) -> anyhow::Result<Vec<u64>> {
    let mut borne = Vec::new();
    for rate in RATES {
        let trial = fresh_trial(rate, TRIAL, memory).await?;
        let (reached, recovery) = (trial.run.per_second(), trial.recovery.as_secs_f64());
        println!("  trial of {rate}/s: {reached:.0}/s, lag gone after {recovery:.1} s");
        // A lag that grows for ten seconds grows six times as much in a minute.
        if !trial.is_held(rate) || recovery > RECOVERY_S / 2.0 {
            break;
        }
        borne.push(rate);
    }
    Ok(if borne.is_empty() { vec![RATES[0]] } else { borne })
}

/// One rate on a stage of its own, so that no trial carries the rows of another.
async fn fresh_trial(rate: u64, length: Duration, memory: &mut Memory) -> anyhow::Result<Trial> {
    let stage = Stage::everything().await?;
    let addr = stage.addr(Service::Command)?;
    let load = Load { addr, connections: CONNECTIONS };
    let usage = Usage::begin(&stage.bed, &[&stage.fleet]).await?;
    let run = generator::on_own_thread(move || generator::open(load, Orders::new(addr), rate, length)).await?;
    let cores = usage.told(&stage.bed, &[&stage.fleet]).await?;
    let (recovery, _) = stage.caught_up(PATIENCE).await?;
    stage.strike(memory).await?;
    Ok(Trial { run, recovery, cores })
}
