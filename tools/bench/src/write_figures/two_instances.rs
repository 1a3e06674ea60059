//! `two_writers_ratio`: orders of three events over HTTP through two instances of the command service on one log, compared with
//! one instance with the same number of connections. Then the log is checked: no lost or duplicated order, no gaps.
//!
//! One instance is measured before and after, so that a change in the speed of the machine affects both.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget, Run};
use crate::peak_memory::PeakMemory;
use crate::requests::acknowledged::AcknowledgedOrders;
use crate::requests::orders::Orders;
use crate::settings::{CONNECTIONS, WARM_UP};
use crate::setup::Setup;
use crate::usage::Usage;
use e2e::audit::{self, Findings, Invariant, Subject, Verdict};
use e2e::client_history::Ack;
use e2e::fleet::{FleetConfig, Service};

/// Places orders through one instance, through two, and through one again.
pub(super) async fn measure(length: Duration, figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let setup = Setup::command_only().await?;
    let first = setup.addr(Service::Command)?;
    let orders = AcknowledgedOrders::new(Orders::new(first));
    let alone = [LoadTarget { addr: first, connections: CONNECTIONS }];
    let before = place(&alone, &orders, length / 2).await?;

    let second = FleetConfig::command_service_only(&setup.bed).start().await?;
    let both = [first, second.addr(Service::Command)?].map(|addr| LoadTarget { addr, connections: CONNECTIONS / 2 });
    let usage = Usage::begin(&setup.bed, &[&setup.fleet, &second]).await?;
    let two = place(&both, &orders, length).await?;
    let cores = usage.report(&setup.bed, &[&setup.fleet, &second]).await?;
    second.finish();

    let after = place(&alone, &orders, length / 2).await?;
    let drift = format!("{:.0} before, {:.0} after", before.per_second(), after.per_second());
    let one = before.then(after)?;
    add_rates(&one, &two, &drift, &cores, figures);
    check_log(&setup, orders.take_acks(), unresolved(&one) + unresolved(&two), figures).await?;
    setup.tear_down(memory).await
}

async fn place(loads: &[LoadTarget], orders: &AcknowledgedOrders, length: Duration) -> anyhow::Result<Run> {
    let (loads, orders) = (loads.to_vec(), orders.clone());
    load::on_own_thread(async move || load::closed_over(&loads, orders, WARM_UP, length).await).await
}

fn add_rates(one: &Run, two: &Run, drift: &str, cores: &str, figures: &mut Figures) {
    let limit = figures.value("postgres_insert_orders_per_s");
    let add = |key, run: &Run, note: String| {
        Figure::new(key, run.per_second(), "orders/s")
            .limit(limit, "PostgreSQL's own insert of the rows")
            .note((note + &run.failures()).trim_end())
    };
    figures.add(add("one_writer_orders_per_s", one, format!("{drift} ")));
    let spread = format!("p50 {:.1} ms, p99 {:.1} ms", two.quantile_ms(0.5), two.quantile_ms(0.99));
    figures.add(add("two_writers_orders_per_s", two, format!("{spread}; {cores} ")));
    figures.add(
        Figure::new("two_writers_ratio", two.per_second() / one.per_second(), "ratio")
            .target(Target::AtLeast(0.6))
            .note("rate with two instances, divided by the rate with one"),
    );
}

/// Number of requests with an unknown outcome.
fn unresolved(run: &Run) -> u64 {
    run.unanswered + run.statuses.iter().filter(|(status, _)| **status >= 500).map(|(_, count)| count).sum::<u64>()
}

async fn check_log(setup: &Setup, acks: Vec<Ack>, unresolved: u64, figures: &mut Figures) -> anyhow::Result<()> {
    let acknowledged = acks.len() as u64;
    let subject = Subject::of(&setup.bed, acks)?;
    let lost = findings(&subject, &[Invariant::NoLostAck]).await?;
    let twice = findings(&subject, &[Invariant::OneEffect]).await?;
    let gaps = findings(&subject, &[Invariant::Gapless, Invariant::Numbers]).await?;
    // An order that was not acknowledged, and whose outcome is not unknown, is a duplicate.
    let in_log = setup.orders().await?;
    let surplus = in_log.saturating_sub(acknowledged + unresolved);
    let none = Target::Exactly(0.0);
    let note = format!("{acknowledged} orders acknowledged, {in_log} in the log, {unresolved} unresolved");
    figures.add(Figure::new("two_writers_lost", lost as f64, "orders").target(none).note(note));
    figures.add(Figure::new("two_writers_duplicated", (twice + surplus) as f64, "orders").target(none));
    figures.add(
        Figure::new("two_writers_gaps", gaps as f64, "gaps")
            .target(none)
            .note("in positions, versions and order codes"),
    );
    Ok(())
}

async fn findings(subject: &Subject, invariants: &[Invariant]) -> anyhow::Result<u64> {
    let mut count = 0;
    for line in audit::run(subject, invariants).await {
        println!("  {line}");
        match line.verdict {
            Verdict::Checked(Findings { checked: 0, count: 0, .. }) => {
                bail!("{} found nothing to check", line.invariant.as_str())
            }
            Verdict::Checked(findings) => count += findings.count,
            Verdict::NotChecked(reason) => bail!("{} was not checked: {reason}", line.invariant.as_str()),
            Verdict::Failed(error) => return Err(error).context(line.invariant.as_str()),
        }
    }
    Ok(count)
}
