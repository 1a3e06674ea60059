//! `two_writers_ratio`: orders of three events over HTTP, two instances of the command-service at work on one log, against
//! one with as many connections. Then the log is looked at: nothing lost, nothing twice, no gaps.
//!
//! One instance is measured before and after: a machine that gets slower meanwhile does it to both.

use std::time::Duration;

use anyhow::{Context, bail};

use super::{CONNECTIONS, WARM_UP};
use crate::ack::Ack;
use crate::audit::{self, Findings, Invariant, Subject, Verdict};
use crate::bench::figures::{Figure, Figures, Target};
use crate::bench::generator::{self, Run, Target as Load};
use crate::bench::requests::Orders;
use crate::bench::requests::kept::Kept;
use crate::bench::stage::{Memory, Stage};
use crate::bench::usage::Usage;
use crate::fleet::{Plan, Service};

/// Places orders through one, two, and again one instance.
pub async fn measure(length: Duration, figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let stage = Stage::command_only().await?;
    let first = stage.addr(Service::Command)?;
    let orders = Kept::new(Orders::new(first));
    let alone = [Load { addr: first, connections: CONNECTIONS }];
    let before = place(&alone, &orders, length / 2).await?;

    let second = Plan::command_only(&stage.bed).start().await?;
    let both = [first, second.addr(Service::Command)?].map(|addr| Load { addr, connections: CONNECTIONS / 2 });
    let usage = Usage::begin(&stage.bed, &[&stage.fleet, &second]).await?;
    let two = place(&both, &orders, length).await?;
    let cores = usage.told(&stage.bed, &[&stage.fleet, &second]).await?;
    second.retire();

    let after = place(&alone, &orders, length / 2).await?;
    let drift = format!("{:.0} before, {:.0} after", before.per_second(), after.per_second());
    let one = before.then(after)?;
    add_rates(&one, &two, &drift, &cores, figures);
    look_at_the_log(&stage, orders.take_acks(), unsettled(&one) + unsettled(&two), figures).await?;
    stage.strike(memory).await
}

async fn place(loads: &[Load], orders: &Kept, length: Duration) -> anyhow::Result<Run> {
    let (loads, orders) = (loads.to_vec(), orders.clone());
    generator::on_own_thread(async move || generator::closed_over(&loads, orders, WARM_UP, length).await).await
}

fn add_rates(one: &Run, two: &Run, drift: &str, cores: &str, figures: &mut Figures) {
    let limit = figures.value("postgres_insert_orders_per_s");
    let add = |key, run: &Run, note: String| {
        Figure::new(key, run.per_second(), "orders/s")
            .limit(limit, "PostgreSQL's own insert of the rows")
            .note((note + &run.complaints()).trim_end())
    };
    figures.add(add("one_writer_orders_per_s", one, format!("{drift} ")));
    let spread = format!("p50 {:.1} ms, p99 {:.1} ms", two.quantile_ms(0.5), two.quantile_ms(0.99));
    figures.add(add("two_writers_orders_per_s", two, format!("{spread}; {cores} ")));
    figures.add(
        Figure::new("two_writers_ratio", two.per_second() / one.per_second(), "ratio")
            .target(Target::AtLeast(0.6))
            .note("orders through two instances per order through one"),
    );
}

/// Requests whose order may or may not be in the log.
fn unsettled(run: &Run) -> u64 {
    run.broken + run.statuses.iter().filter(|(status, _)| **status >= 500).map(|(_, count)| count).sum::<u64>()
}

async fn look_at_the_log(stage: &Stage, acks: Vec<Ack>, unsettled: u64, figures: &mut Figures) -> anyhow::Result<()> {
    let promised = acks.len() as u64;
    let subject = Subject::of(&stage.bed, acks)?;
    let lost = findings(&subject, &[Invariant::NoLostAck]).await?;
    let twice = findings(&subject, &[Invariant::OneEffect]).await?;
    let gaps = findings(&subject, &[Invariant::Gapless, Invariant::Numbers]).await?;
    // Every order that nobody was promised is one too many.
    let in_log = stage.orders().await?;
    let surplus = in_log.saturating_sub(promised + unsettled);
    let none = Target::Exactly(0.0);
    let note = format!("{promised} orders acknowledged, {in_log} in the log, {unsettled} unsettled");
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
            Verdict::Looked(Findings { checked: 0, count: 0, .. }) => {
                bail!("{} found nothing to check", line.invariant.as_str())
            }
            Verdict::Looked(findings) => count += findings.count,
            Verdict::NotChecked(reason) => bail!("{} was not checked: {reason}", line.invariant.as_str()),
            Verdict::Failed(error) => return Err(error).context(line.invariant.as_str()),
        }
    }
    Ok(count)
}
