//! `bench cost`: what one order costs in every process of the platform, at several rates.
//!
//! A command places an order of two lines, which is three events. All processes run on this machine; the costs of a command are
//! the processor time of all of them, without the load generator, from the first command until every projection and the replica
//! have caught up. At a low rate, the costs include what idle processes need.

mod counters;
mod report;

use std::time::{Duration, Instant};

use anyhow::ensure;
use platform::metric_names;

use crate::figures::{Figure, Figures};
use crate::limits;
use crate::load::{self, LoadTarget, Run};
use crate::machine::Machine;
use crate::peak_memory::PeakMemory;
use crate::processor_time::{LOAD, ProcessorTimes};
use crate::requests::orders::Orders;
use crate::settings::{CONNECTIONS, SUSTAINED_SHARE, Settings, WARM_UP};
use crate::setup::Setup;
use counters::Counters;
use e2e::fleet::Service;
use report::{Cost, Report};

/// Rates in orders per second, in ascending order, with the key of the total costs; 1,333 orders are 4,000 events.
const RATES: [(u64, &str); 4] = [
    (100, "pipeline_us_per_command_100"),
    (500, "pipeline_us_per_command_500"),
    (1_333, "pipeline_us_per_command_1333"),
    (2_000, "pipeline_us_per_command_2000"),
];

/// The rate at which the costs of an event in Kafka are a figure, and the key of this figure.
const KAFKA_RATE: u64 = 1_333;
const KAFKA_KEY: &str = "kafka_us_per_event";

/// Events of an order.
const EVENTS: f64 = 3.0;

/// Time under load in which Kafka's Java virtual machine compiles most of what it executes.
const KAFKA_WARM_UP: Duration = Duration::from_secs(30);

/// Time limit until all orders can be read.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(120);

/// Interval between two queries of the schedule's lag.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Measures the costs at every rate, and prints the report.
pub async fn run(settings: &Settings) -> anyhow::Result<(Machine, Figures)> {
    let machine = Machine::inspect().await?;
    let (mut figures, mut memory) = (Figures::default(), PeakMemory::default());
    let bare = limits::bare_http(CONNECTIONS, settings.length(5)).await?;
    figures.add(Figure::new("bare_http_per_s", bare.per_second(), "1/s").note(bare.failures()));
    warm_up_kafka(settings.length.unwrap_or(KAFKA_WARM_UP), &mut memory).await?;
    let setup = Setup::everything().await?;
    let mut report = Report::default();
    for (rate, key) in RATES {
        let has_kafka_figure = rate == KAFKA_RATE;
        let keys: &[&str] = if has_kafka_figure { &[key, KAFKA_KEY] } else { &[key] };
        if !settings.wants(keys) {
            continue;
        }
        let cost = measure(&setup, rate, settings.length(20)).await?;
        figures.add(Figure::new(key, cost.total_us(), "us").note(cost.note.clone()));
        if has_kafka_figure {
            figures.add(Figure::new(KAFKA_KEY, cost.of("kafka") / EVENTS, "us").note("at 4,000 events/s"));
        }
        report.add(cost);
    }
    setup.tear_down(&mut memory).await?;
    println!("\n{report}");
    Ok((machine, figures))
}

/// On a setup of its own, so that the measured one has no work left from it, such as vacuuming its tables.
async fn warm_up_kafka(length: Duration, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let setup = Setup::everything().await?;
    let (highest, _) = RATES[RATES.len() - 1];
    place(&setup, highest, length).await?;
    setup.tear_down(memory).await
}

async fn measure(setup: &Setup, rate: u64, length: Duration) -> anyhow::Result<Cost> {
    place(setup, rate, WARM_UP).await?;
    counters::wait_for_reports().await;

    let (times_before, counters_before) = (read_times(setup).await?, Counters::read(setup).await?);
    let run = place(setup, rate, length).await?;
    let mut seconds = read_times(setup).await?.since(&times_before);
    seconds.remove(LOAD);
    counters::wait_for_reports().await;
    let counted = Counters::read(setup).await?.since(&counters_before);

    let commands = run.successes() as f64;
    let mut note = run.failures();
    if run.per_second() < SUSTAINED_SHARE * rate as f64 {
        note = format!("NOT SUSTAINED: {:.0}/s {note}", run.per_second());
    }
    let us_per_command = seconds.into_iter().map(|(name, seconds)| (name, seconds * 1e6 / commands)).collect();
    Ok(Cost { rate, us_per_command, counted, commands, length: run.took, note })
}

/// Places orders at this rate, and waits until they can be read everywhere.
async fn place(setup: &Setup, rate: u64, length: Duration) -> anyhow::Result<Run> {
    let addr = setup.addr(Service::Command)?;
    let target = LoadTarget { addr, connections: CONNECTIONS };
    let run = load::on_own_thread(move || load::open(target, Orders::new(addr), rate, length)).await?;
    setup.wait_until_caught_up(RECOVERY_TIMEOUT).await?;
    wait_for_schedule(setup).await?;
    Ok(run)
}

/// Waits until the schedule has read the log, which no reader has to wait for.
async fn wait_for_schedule(setup: &Setup) -> anyhow::Result<()> {
    let began = Instant::now();
    while counters::read_one(setup, Service::Command, metric_names::SCHEDULE_LAG_EVENTS).await? > 0.0 {
        ensure!(began.elapsed() < RECOVERY_TIMEOUT, "the schedule did not read the log within {RECOVERY_TIMEOUT:?}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

async fn read_times(setup: &Setup) -> anyhow::Result<ProcessorTimes> {
    ProcessorTimes::read(&setup.bed, &[&setup.fleet]).await
}
