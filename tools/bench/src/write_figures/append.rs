//! The writer as a library, without HTTP: independent commands of one event each, in a closed loop.
//!
//! | figures | commands per caller | limit |
//! |---|---|---|
//! | `append_events_per_s`, `append_ratio` | groups of 500 | PostgreSQL's own insert of 500 rows per statement |
//! | `append_64_per_s`, `append_64_ratio` | one | pgbench, whose 64 clients insert one row per statement |
//!
//! Limits are measured before and after, so that a change in the speed of the machine affects both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use command_service::log::{self, Log};
use command_service::writer::key::Key;
use command_service::writer::{Limits, Mailbox, Reply, Request, Together, Writer};
use domain::command::Command;
use domain::product::create::CreateProduct;
use domain::stock::StockCommand;
use domain::stock::item::StockItem;
use domain::stock::receive::ReceiveStock;
use events::{Location, Quantity};
use platform::health::Health;
use platform::shutdown::Shutdown;
use serde_json::json;
use testbed::Bed;
use tokio::task::JoinSet;

use crate::event_rows::CommandRows;
use crate::figures::{Figure, Figures, Target};
use crate::requests::products::{SKUS, sku};
use crate::settings::WARM_UP;
use crate::{limits, load};

/// How the commands are submitted.
#[derive(Debug, Clone, Copy)]
struct Callers {
    number: usize,
    /// Commands that a caller submits at a time.
    group: usize,
}

/// While one batch is appended, the next one waits.
const GROUPS: Callers = Callers { number: 4, group: 500 };

const SINGLE: Callers = Callers { number: 64, group: 1 };

/// Number of database connections, as in the command service.
const CONNECTIONS: u32 = 4;

/// Measures groups of commands between two measurements of their limit.
pub(super) async fn measure_groups(length: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    let before = limits::inserts_per_s(CommandRows::Receipts, GROUPS.group, length / 2).await?;
    let appended = append(GROUPS, length).await?;
    let after = limits::inserts_per_s(CommandRows::Receipts, GROUPS.group, length / 2).await?;
    let limit = Figure::new("postgres_insert_events_per_s", f64::midpoint(before, after), "events/s");
    figures.add(limit.note(drift(before, after)));
    let Callers { number, group } = GROUPS;
    figures.add(
        Figure::new("append_events_per_s", appended, "events/s")
            .note(format!("{number} callers, groups of {group} commands of one event")),
    );
    figures.add_ratio("append_ratio", ("append_events_per_s", "postgres_insert_events_per_s"), Target::AtLeast(0.85));
    Ok(())
}

/// Measures single commands between two measurements of their limit.
pub(super) async fn measure_single(length: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    let before = limits::pgbench_inserts_per_s(SINGLE.number, length / 2).await?;
    let appended = append(SINGLE, length).await?;
    let after = limits::pgbench_inserts_per_s(SINGLE.number, length / 2).await?;
    let limit = Figure::new("pgbench_inserts_per_s", f64::midpoint(before, after), "events/s");
    figures.add(limit.note(drift(before, after)));
    let note = format!("{} callers, one command of one event each", SINGLE.number);
    figures.add(Figure::new("append_64_per_s", appended, "events/s").note(note));
    figures.add_ratio("append_64_ratio", ("append_64_per_s", "pgbench_inserts_per_s"), Target::AtLeast(8.0));
    Ok(())
}

fn drift(before: f64, after: f64) -> String {
    format!("{before:.0} before, {after:.0} after")
}

/// Events per second of stock receipts, in a closed loop.
async fn append(callers: Callers, length: Duration) -> anyhow::Result<f64> {
    let bed = Bed::new().await?;
    let log = Log::new(log::connect(bed.writer_url()?.parse()?, CONNECTIONS));
    let health = Health::new().component("postgres");
    let (writer, mailbox) = Writer::start(log.clone(), Limits::default(), None, health).await?;
    let stop = Shutdown::new();
    let stopped = stop.clone();
    let writing = tokio::spawn(load::on_own_thread(async move || {
        writer.run(stopped).await;
        Ok(())
    }));
    submit(&mailbox, (0..SKUS).map(product).collect::<anyhow::Result<_>>()?).await.context("creating products")?;
    let (submitted, per_second) = submit_for(&mailbox, callers, length).await?;
    let head = log.head().await?.position.0 as u64;
    stop.request();
    writing.await.context("the writer panicked")??;
    bed.discard().await?;
    ensure!(head == SKUS + submitted, "{submitted} commands were acknowledged, the log ends at {head}");
    Ok(per_second)
}

/// Number of acknowledged commands, and commands per second after the warm-up.
async fn submit_for(mailbox: &Mailbox, callers: Callers, length: Duration) -> anyhow::Result<(u64, f64)> {
    let begin = Instant::now() + WARM_UP;
    let (end, counted, group) = (begin + length, Arc::new(AtomicU64::new(0)), callers.group as u64);
    let mut running = JoinSet::new();
    for caller in 0..callers.number as u64 {
        let (mailbox, counted) = (mailbox.clone(), Arc::clone(&counted));
        running.spawn(async move {
            let (mut submitted, mut number) = (0, caller * SKUS / callers.number as u64);
            while Instant::now() < end {
                submit(&mailbox, (0..group).map(|n| receipt(number + n)).collect::<anyhow::Result<_>>()?).await?;
                number += group;
                submitted += group;
                if (begin..end).contains(&Instant::now()) {
                    counted.fetch_add(group, Ordering::Relaxed);
                }
            }
            anyhow::Ok(submitted)
        });
    }
    let mut submitted = 0;
    while let Some(caller) = running.join_next().await {
        submitted += caller.context("a caller panicked")??;
    }
    Ok((submitted, counted.load(Ordering::Relaxed) as f64 / length.as_secs_f64()))
}

/// Submits commands at once; an error unless every command takes effect.
async fn submit(mailbox: &Mailbox, commands: Vec<Command>) -> anyhow::Result<()> {
    let requests = commands.into_iter().map(|command| Request::new(Key::anonymous(&command), command));
    let replies = mailbox.submit_many(requests.collect(), Together::Each).await;
    for reply in replies.map_err(|shed| anyhow!("commands were not accepted: {shed:?}"))? {
        ensure!(matches!(reply, Reply::Done { replayed: false, .. }), "a command did not take effect: {reply:?}");
    }
    Ok(())
}

fn product(number: u64) -> anyhow::Result<Command> {
    let sku = sku(number);
    let body: CreateProduct = serde_json::from_value(json!({ "sku": sku, "name": sku, "prices": { "GBP": 450 } }))
        .context("building a product")?;
    Ok(Command::CreateProduct { body })
}

fn receipt(number: u64) -> anyhow::Result<Command> {
    let body = ReceiveStock { quantity: Quantity::try_from(1)?, reference: None, occurred_at: None };
    Ok(Command::Stock(
        StockItem { sku: sku(number).parse()?, location: Location::main() },
        StockCommand::ReceiveStock { body },
    ))
}
