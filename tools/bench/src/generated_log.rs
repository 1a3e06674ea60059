//! A log with the events of months of a shop, generated from a seed: the same seed and size result in the same log. It is
//! written with `COPY`, in the order of positions, as the command service would have written it.
//!
//! [`size`] is what is generated, [`shop`] decides what happens next, [`order`] has the events of an order's life, and [`rows`] writes
//! events as rows of the log.

mod order;
mod rows;
mod shop;
mod size;

use anyhow::{Context, ensure};
use events::{Category, Position};
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{Connection, Executor, PgConnection, PgPool};
use testbed::Bed;
use tokio::sync::mpsc;

pub use rows::PARTITIONS;
use rows::Rows;
use shop::Shop;
pub use size::{LargeLog, LogSize};

/// Bytes that are sent to PostgreSQL at once.
const CHUNK: usize = 1024 * 1024;

/// Chunks that wait while PostgreSQL works.
const CHUNKS_WAITING: usize = 8;

/// How far the relay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relayed {
    /// Everything counts as published: projections are derived from the log.
    All,
    /// Nothing is published yet.
    Nothing,
}

/// Fills the empty log of a bed.
pub async fn fill(bed: &Bed, size: LogSize, relayed: Relayed) -> anyhow::Result<()> {
    let pool = PgPool::connect(&bed.owner_url()?).await.context("connecting to the log")?;
    let (chunks, mut filled) = mpsc::channel(CHUNKS_WAITING);
    let generating = tokio::task::spawn_blocking(move || generate(size, &chunks));
    let mut copying = pool.copy_in_raw(rows::COPY).await.context("beginning to write the log")?;
    while let Some(chunk) = filled.recv().await {
        copying.send(chunk).await.context("writing the log")?;
    }
    let rows = generating.await.context("generating the log")??;
    let written = copying.finish().await.context("writing the log")?;
    ensure!(written == rows.position().0 as u64, "{written} events of {} were written", rows.position());
    pool.close().await;
    write_heads(bed, &rows, relayed).await
}

fn generate(size: LogSize, chunks: &mpsc::Sender<Vec<u8>>) -> anyhow::Result<Rows> {
    let (mut shop, mut rows) = (Shop::open(size), Rows::default());
    while rows.position() < Position(size.events as i64) {
        shop.next_commands(&mut rows)?;
        if rows.bytes() >= CHUNK {
            chunks.blocking_send(rows.take_text()).context("the log is not written any more")?;
        }
    }
    chunks.blocking_send(rows.take_text()).context("the log is not written any more")?;
    Ok(rows)
}

/// Sets the head of the log and, if everything is published, the tables of the relay.
async fn write_heads(bed: &Bed, rows: &Rows, relayed: Relayed) -> anyhow::Result<()> {
    let mut owner = PgConnection::connect(&bed.owner_url()?).await.context("connecting to the log")?;
    let head = "update log_head set position = $1, recorded_at = (select recorded_at from events where position = $1)";
    sqlx::query(head).bind(rows.position().0).execute(&mut owner).await.context("writing the head of the log")?;
    if relayed == Relayed::All {
        let checkpoint = "update relay_checkpoint set position = $1";
        sqlx::query(checkpoint).bind(rows.position().0).execute(&mut owner).await.context("writing the checkpoint")?;
        let all = Category::ALL.into_iter().flat_map(|category| (0..PARTITIONS).map(move |number| (category, number)));
        for (category, partition) in all {
            sqlx::query("insert into relay_partitions (category, partition, position) values ($1, $2, $3)")
                .bind(category.as_str())
                .bind(partition)
                .bind(rows.last_of(category, partition).0)
                .execute(&mut owner)
                .await
                .context("writing the partitions")?;
        }
    }
    // As autovacuum does in the background while a log grows.
    owner.execute("vacuum (analyze) events").await.context("analyzing the log")?;
    owner.close().await.context("closing the connection to the log")
}

#[cfg(test)]
mod tests;
