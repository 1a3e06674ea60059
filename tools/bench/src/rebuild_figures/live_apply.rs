//! `apply_events_per_s`: one projector applies a log that was published before it started, with all projections.
//!
//! The relay publishes a generated log to Kafka; then the command service is stopped and the projector is started. Measured is the
//! time until every projection contains every published event: the command service, whose schedule completes delivered orders,
//! may have recorded more.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use testbed::Bed;

use crate::figures::{Figure, Figures, Target};
use crate::generated_log::{self, LogSize, PARTITIONS, Relayed};
use crate::machine;
use crate::peak_memory::PeakMemory;
use e2e::checkers::liveness;
use e2e::fleet::{FleetConfig, Service};
use e2e::log;

/// Number of events: enough for half a minute at the target.
const EVENTS: u64 = 1_200_000;

/// Interval between two readings of the lag.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Time limit for publishing and for applying the log.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Publishes the log, starts the projector and measures.
pub(super) async fn measure(large: LogSize, figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let bed = Bed::new().await?;
    let size = LogSize { seed: large.seed, events: EVENTS.min(large.events) };
    generated_log::fill(&bed, size, Relayed::Nothing).await?;
    let pool = log::connect(&bed.admin_url()?).await?;
    let generated = log::head(&pool).await?;
    let config = FleetConfig::all_services(&bed).with(Service::Command, "TOPIC_PARTITIONS", PARTITIONS.to_string());
    let commands = config.clone().only(Service::Command).start().await?;
    let began = Instant::now();
    while liveness::stages(&pool).await?.relayed < generated {
        ensure!(began.elapsed() < TIMEOUT, "the log was not published in time");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    commands.finish();

    let began = Instant::now();
    let projector = config.only(Service::Projector).start().await?;
    let events = loop {
        let stages = liveness::stages(&pool).await?;
        if stages.applied.iter().all(|(_, position)| *position >= stages.relayed) {
            break stages.relayed.0;
        }
        ensure!(began.elapsed() < TIMEOUT, "the log was not applied in time: {stages:?}");
        tokio::time::sleep(POLL_INTERVAL).await;
    };
    let took = began.elapsed();
    let parked = liveness::parked(&pool).await?;
    ensure!(parked.is_empty(), "streams are parked: {parked:?}");
    figures.add(
        Figure::new("apply_events_per_s", events as f64 / took.as_secs_f64(), "events/s")
            .target(Target::AtLeast(40_000.0))
            .note(format!("{events} events by all projections in {:.1} s", took.as_secs_f64())),
    );
    let pid = projector.pid(Service::Projector).context("the projector is not running")?;
    memory.record(Service::Projector, machine::peak_memory_mb(pid));
    projector.finish();
    pool.close().await;
    bed.discard().await
}
