//! `append_events_per_s`: the writer as a library, without HTTP. It executes groups of independent commands of one event each, and
//! is compared with PostgreSQL's own insert of the same number of rows per statement.
//!
//! PostgreSQL's own insert is measured before and after, so that a change in the speed of the machine affects both.

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

/// Commands per group, and rows per statement of PostgreSQL's own insert.
const GROUP: usize = 500;

/// Number of callers: while one batch is appended, the next one waits.
const CALLERS: usize = 4;

/// Number of database connections, as in the command service.
const CONNECTIONS: u32 = 4;

/// Target, as a share of the rate of PostgreSQL's own insert.
const TARGET_SHARE: f64 = 0.5;

/// Measures PostgreSQL's own insert, then the writer, then the insert again.
pub(super) async fn measure(length: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    let before = limits::inserts_per_s(CommandRows::Receipts, GROUP, length / 2).await?;
    let appended = append(length).await?;
    let after = limits::inserts_per_s(CommandRows::Receipts, GROUP, length / 2).await?;
    let limit = f64::midpoint(before, after);
    let drift = format!("{before:.0} before, {after:.0} after");
    figures.add(Figure::new("postgres_insert_events_per_s", limit, "events/s").note(drift));
    figures.add(
        Figure::new("append_events_per_s", appended, "events/s")
            .target(Target::AtLeast((TARGET_SHARE * limit).round()))
            .limit(Some(limit), "PostgreSQL's own insert of the rows")
            .note(format!("{CALLERS} callers, groups of {GROUP} commands of one event")),
    );
    Ok(())
}

/// Events per second of stock receipts, in a closed loop.
async fn append(length: Duration) -> anyhow::Result<f64> {
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
    let (submitted, per_second) = submit_for(&mailbox, length).await?;
    let head = log.head().await?.position.0 as u64;
    stop.request();
    writing.await.context("the writer panicked")??;
    bed.discard().await?;
    ensure!(head == SKUS + submitted, "{submitted} commands were acknowledged, the log ends at {head}");
    Ok(per_second)
}

/// Number of acknowledged commands, and commands per second after the warm-up.
async fn submit_for(mailbox: &Mailbox, length: Duration) -> anyhow::Result<(u64, f64)> {
    let begin = Instant::now() + WARM_UP;
    let (end, counted) = (begin + length, Arc::new(AtomicU64::new(0)));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS as u64 {
        let (mailbox, counted) = (mailbox.clone(), Arc::clone(&counted));
        callers.spawn(async move {
            let (mut submitted, mut number) = (0, caller * SKUS / CALLERS as u64);
            while Instant::now() < end {
                let group: Vec<Command> =
                    (0..GROUP as u64).map(|n| receipt(number + n)).collect::<anyhow::Result<_>>()?;
                submit(&mailbox, group).await?;
                number += GROUP as u64;
                submitted += GROUP as u64;
                if (begin..end).contains(&Instant::now()) {
                    counted.fetch_add(GROUP as u64, Ordering::Relaxed);
                }
            }
            anyhow::Ok(submitted)
        });
    }
    let mut submitted = 0;
    while let Some(caller) = callers.join_next().await {
        submitted += caller.context("a caller panicked")??;
    }
    Ok((submitted, counted.load(Ordering::Relaxed) as f64 / length.as_secs_f64()))
}

/// Submits a group of commands; an error unless every command takes effect.
async fn submit(mailbox: &Mailbox, commands: Vec<Command>) -> anyhow::Result<()> {
    let requests = commands.into_iter().map(|command| Request::new(Key::anonymous(&command), command));
    let replies = mailbox.submit_many(requests.collect(), Together::Each).await;
    for reply in replies.map_err(|shed| anyhow!("a group of commands was not accepted: {shed:?}"))? {
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
