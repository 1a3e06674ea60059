//! `append_events_per_s`: the writer in this process, without HTTP: groups of commands of one event that have nothing to do
//! with each other, against PostgreSQL's own insert of as many of the same rows at a time.
//!
//! PostgreSQL alone is measured before and after: a machine that gets slower meanwhile does it to both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use command_service::log::{self, Log};
use command_service::writer::key::Key;
use command_service::writer::{Limits, Mailbox, Reply, Request, Together, Writer};
use domain::command::product::CreateProductBody;
use domain::command::stock::ReceiveStockBody;
use domain::command::{Command, CreateProduct, ReceiveStock};
use events::{Location, Quantity};
use platform::health::Health;
use platform::shutdown::Shutdown;
use serde_json::json;
use testbed::Bed;
use tokio::task::JoinSet;

use super::WARM_UP;
use crate::bench::figures::{Figure, Figures, Target};
use crate::bench::requests::{SKUS, sku};
use crate::bench::rows::Of;
use crate::bench::{bare, generator};

/// Commands that a caller submits at once, and rows of PostgreSQL's own statement.
const GROUP: usize = 500;

/// Callers that submit groups: while one batch commits, the next one waits.
const CALLERS: usize = 4;

/// The writer's connections, as the service has them.
const CONNECTIONS: u32 = 4;

/// The part of PostgreSQL's own pace that is asked for.
const PART: f64 = 0.5;

/// Inserts the rows, appends the events, inserts the rows again.
pub async fn measure(length: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    let before = bare::insert(Of::Receipts, GROUP, length / 2).await?;
    let appended = append(length).await?;
    let after = bare::insert(Of::Receipts, GROUP, length / 2).await?;
    let limit = f64::midpoint(before, after);
    let drift = format!("{before:.0} before, {after:.0} after");
    figures.add(Figure::new("postgres_insert_events_per_s", limit, "events/s").note(drift));
    figures.add(
        Figure::new("append_events_per_s", appended, "events/s")
            .target(Target::AtLeast((PART * limit).round()))
            .limit(Some(limit), "PostgreSQL's own insert of the rows")
            .note(format!("{CALLERS} callers, {GROUP} commands of one event at a time")),
    );
    Ok(())
}

/// Events a second of receipts of stock, submitted as fast as they are answered.
async fn append(length: Duration) -> anyhow::Result<f64> {
    let bed = Bed::new().await?;
    let log = Log::new(log::connect(bed.writer_url()?.parse()?, CONNECTIONS));
    let health = Health::new().component("postgres");
    let (writer, mailbox) = Writer::start(log.clone(), Limits::default(), None, health).await?;
    let stop = Shutdown::new();
    let stopped = stop.clone();
    let writing = tokio::spawn(generator::on_own_thread(async move || {
        writer.run(stopped).await;
        Ok(())
    }));
    submit(&mailbox, (0..SKUS).map(product).collect::<anyhow::Result<_>>()?).await.context("making products")?;
    let (submitted, per_second) = submit_for(&mailbox, length).await?;
    let head = log.head().await?.position.0 as u64;
    stop.request();
    writing.await.context("the writer died")??;
    bed.discard().await?;
    ensure!(head == SKUS + submitted, "{submitted} commands were acknowledged, the log ends at {head}");
    Ok(per_second)
}

/// How many commands were acknowledged, and how many a second after the warm-up.
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
        submitted += caller.context("a caller died")??;
    }
    Ok((submitted, counted.load(Ordering::Relaxed) as f64 / length.as_secs_f64()))
}

/// Submits commands together; an error unless each of them takes effect.
async fn submit(mailbox: &Mailbox, commands: Vec<Command>) -> anyhow::Result<()> {
    let requests = commands.into_iter().map(|command| Request::new(Key::anonymous(&command), command));
    let replies = mailbox.submit_many(requests.collect(), Together::Each).await;
    for reply in replies.map_err(|shed| anyhow!("a group of commands was not taken: {shed:?}"))? {
        ensure!(matches!(reply, Reply::Done { replayed: false, .. }), "a command did not take effect: {reply:?}");
    }
    Ok(())
}

fn product(number: u64) -> anyhow::Result<Command> {
    let sku = sku(number);
    let body: CreateProductBody =
        serde_json::from_value(json!({ "sku": sku, "name": sku, "prices": { "GBP": 450 } })).context("a product")?;
    Ok(Command::CreateProduct(CreateProduct { body }))
}

fn receipt(number: u64) -> anyhow::Result<Command> {
    let body = ReceiveStockBody { quantity: Quantity::try_from(1)?, reference: None, occurred_at: None };
    Ok(Command::ReceiveStock(ReceiveStock { sku: sku(number).parse()?, location: Location::main(), body }))
}
