//! Takes a month out of reads: the tables of the month stay, but readers do not see their rows any more.
//!
//! All tables of a projection are detached in one transaction, so readers see all of the month or nothing of it. Unlike
//! `detach partition ... concurrently`, this leaves no half-detached table if the process ends in between; the lock that it
//! needs is waited for only briefly ([`LockAttempts`]).

use anyhow::{Context, bail, ensure};
use sqlx::{Connection, PgConnection};

use super::done::Done;
use super::generation::{GenerationMonths, execute};
use crate::frame::month::Month;
use crate::frame::schema::TableSchema;
use crate::store::lock_attempts::{LockAttempts, is_lock_timeout};

/// Detaches a month.
pub(super) async fn detach(mut months: GenerationMonths, month: Month) -> anyhow::Result<Done> {
    months.ensure_past(month)?;
    let generation = months.generation;
    if let Some((_, folder)) = months.archived(month).await? {
        bail!("month {month} of {generation} is archived in {folder} already");
    }
    let existing = months.existing(month).await?;
    ensure!(!existing.is_empty(), "{generation} has no month {month}");
    let attached: Vec<TableSchema> =
        existing.into_iter().filter(|(.., found)| found.is_attached).map(|(table, ..)| table).collect();
    ensure!(!attached.is_empty(), "month {month} of {generation} is detached already");
    let statements = |statement: fn(&TableSchema, Month) -> String| -> String {
        attached.iter().map(|table| statement(table, month)).collect()
    };
    attempt(&mut months.connection, statements(TableSchema::prepare_detach)).await?;
    execute(&mut months.connection, statements(TableSchema::validate_month))
        .await
        .context("checking the rows of the month")?;
    attempt(&mut months.connection, statements(TableSchema::detach)).await?;
    Ok(Done::Detached(generation))
}

/// Runs statements that lock tables which are read, in one transaction, until it gets its locks.
pub(super) async fn attempt(connection: &mut PgConnection, sql: String) -> anyhow::Result<()> {
    let mut attempts = LockAttempts::default();
    while let Err(error) = try_once(connection, sql.clone()).await {
        attempts.wait_after(error).await.map_err(|error| match is_lock_timeout(&error) {
            true => anyhow::anyhow!("a query or a vacuum holds the tables of the month all the time: try again later"),
            false => anyhow::Error::new(error).context("changing the tables of the month"),
        })?;
    }
    Ok(())
}

async fn try_once(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    LockAttempts::limit(&mut transaction).await?;
    execute(&mut transaction, sql).await?;
    transaction.commit().await
}
