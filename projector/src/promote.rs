//! Makes a generation live, makes the previous one live again, and removes generations.
//!
//! A promotion replaces the views in schema `public` in one transaction, so a reader sees all tables of one generation or
//! all of the other. The former live generation is retained and followed: a rollback is a promotion of it. A generation
//! that contains events which the log has lost never becomes live.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use platform::config::Secret;
use read_model::Generation;
use sqlx::{Connection, PgConnection};

use crate::frame::ReadModel;
use crate::store::generations::{self, GenerationRow, State};
use crate::store::{self, checkpoints, incarnations, rebuilds, run};

/// Longest time that the views are locked while the lock is waited for: readers that arrive meanwhile wait as well.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '50ms'";

/// Pause before the next attempt to lock the views.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Maximum number of attempts: a query that takes longer than ten seconds holds a view.
const ATTEMPTS_MAX: usize = 50;

/// SQLSTATE of a lock that was not available in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Whether conditions of a promotion may be ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The generation must be verified, without differences, and contain all events that the live one contains.
    All,
    /// Promote whatever the generation contains.
    None,
}

/// Makes the rebuilt generation live. Returns it with the former live one.
pub async fn promote<M: ReadModel>(url: &Secret, check: Check) -> anyhow::Result<(Generation, Option<Generation>)> {
    let mut connection = store::connect(url).await?;
    let all = list::<M>(&mut connection).await?;
    let Some(next) = all.iter().find(|row| row.state == State::Following) else {
        match all.iter().any(|row| row.state == State::Building) {
            true => {
                bail!("the rebuild of {} is not complete; `projector status` shows its progress", M::PROJECTION.name())
            }
            false => bail!("{0} has no rebuilt generation: run `projector rebuild {0}`", M::PROJECTION.name()),
        }
    };
    ensure_not_ahead(&mut connection, Generation { projection: M::PROJECTION, number: next.number }).await?;
    if check == Check::All {
        ensure_promotable::<M>(&mut connection, next, &all).await?;
    }
    swap::<M>(&mut connection, next, &all, State::Retained).await
}

/// Makes the retained generation live again. Returns it with the former live one, which can be promoted again.
pub async fn rollback<M: ReadModel>(url: &Secret) -> anyhow::Result<(Generation, Option<Generation>)> {
    let mut connection = store::connect(url).await?;
    let all = list::<M>(&mut connection).await?;
    let retained = all.iter().filter(|row| row.state == State::Retained).max_by_key(|row| row.number);
    let Some(retained) = retained else {
        bail!("{} has no retained generation to go back to", M::PROJECTION.name());
    };
    ensure_not_ahead(&mut connection, Generation { projection: M::PROJECTION, number: retained.number }).await?;
    swap::<M>(&mut connection, retained, &all, State::Following).await
}

/// Removes a generation with its tables.
pub async fn retire<M: ReadModel>(url: &Secret, number: i32) -> anyhow::Result<()> {
    let mut connection = store::connect(url).await?;
    let generation = Generation { projection: M::PROJECTION, number };
    let all = list::<M>(&mut connection).await?;
    let row = all.iter().find(|row| row.number == number).with_context(|| format!("there is no {generation}"))?;
    ensure!(row.state != State::Live, "{generation} is live: promote another generation first");
    if let Some(copying) = run("reading the rebuilds", rebuilds::find_copying(&mut connection, generation)).await? {
        bail!("{generation} is copied by the rebuild of generation {copying}: finish or retire that one first");
    }
    let is_alone = run("locking the rebuild", generations::try_lock_rebuild(&mut connection, M::PROJECTION)).await?;
    ensure!(is_alone || row.state != State::Building, "{generation} is being rebuilt: stop that process first");
    let mut transaction = connection.begin().await.context("beginning a transaction")?;
    generations::remove(&mut transaction, generation).await.with_context(|| format!("removing {generation}"))?;
    transaction.commit().await.with_context(|| format!("removing {generation}"))?;
    if is_alone {
        run("unlocking the rebuild", generations::unlock_rebuild(&mut connection, M::PROJECTION)).await?;
    }
    Ok(())
}

async fn list<M: ReadModel>(connection: &mut PgConnection) -> anyhow::Result<Vec<GenerationRow>> {
    let rows = run("reading the generations", generations::list(connection)).await?;
    Ok(rows.into_iter().filter(|row| row.projection == M::PROJECTION.name()).collect())
}

/// A generation that contains events which the log does not contain is wrong, whatever its verification has found.
async fn ensure_not_ahead(connection: &mut PgConnection, generation: Generation) -> anyhow::Result<()> {
    let ahead = incarnations::list_ahead(connection, Some(generation));
    match run("comparing the checkpoints with the log", ahead).await?.first() {
        None => Ok(()),
        Some(ahead) => bail!("{ahead}: run `projector repair {}`", generation.projection.name()),
    }
}

/// A promoted generation must be verified and must not be older than the live one.
async fn ensure_promotable<M: ReadModel>(
    connection: &mut PgConnection,
    next: &GenerationRow,
    all: &[GenerationRow],
) -> anyhow::Result<()> {
    let generation = Generation { projection: M::PROJECTION, number: next.number };
    let name = M::PROJECTION.name();
    match next.differences {
        None => bail!("{generation} is not verified: run `projector verify {name}` first, or promote with --force"),
        Some(0) => {}
        Some(found) => {
            bail!("{generation} has {found} rows that differ from the log: rebuild it, or promote with --force")
        }
    }
    let Some(live) = all.iter().find(|row| row.state == State::Live) else { return Ok(()) };
    let live = Generation { projection: M::PROJECTION, number: live.number };
    let contained = run("reading the checkpoints", checkpoints::list(connection, generation)).await?;
    // Checkpoints of events that the log has lost say nothing about how far the live generation is.
    let lost = run("comparing the checkpoints with the log", incarnations::list_ahead(connection, Some(live))).await?;
    let is_lost = |partition| lost.iter().any(|row| row.partition == Some(partition));
    for (partition, position) in run("reading the checkpoints", checkpoints::list(connection, live)).await? {
        if is_lost(partition) {
            continue;
        }
        let behind = position.0 - contained.get(&partition).map_or(0, |it| it.0);
        // The two are followed independently: a difference of a moment is no reason to wait.
        ensure!(
            behind <= BEHIND_MAX,
            "{generation} is {behind} positions behind the live generation in partition {partition}: wait until it has \
             caught up (a projector with version {} must run), or promote with --force",
            next.version
        );
    }
    Ok(())
}

/// Number of positions that a generation may be behind the live one: what is recorded in about a second under load.
const BEHIND_MAX: i64 = 20_000;

/// Lets the views show a generation; the former live one gets state `former`.
async fn swap<M: ReadModel>(
    connection: &mut PgConnection,
    next: &GenerationRow,
    all: &[GenerationRow],
    former: State,
) -> anyhow::Result<(Generation, Option<Generation>)> {
    let of = |number| Generation { projection: M::PROJECTION, number };
    let live = all.iter().find(|row| row.state == State::Live).map(|row| of(row.number));
    let next = (of(next.number), next.state);
    for _ in 0..ATTEMPTS_MAX {
        match try_swap(connection, next, live, former).await {
            Ok(()) => return Ok((next.0, live)),
            Err(error) if is_lock_timeout(&error) => tokio::time::sleep(RETRY_AFTER).await,
            Err(error) => return Err(error).context("replacing the views"),
        }
    }
    bail!("a query holds the tables of {} all the time: end it and try again", M::PROJECTION.name())
}

async fn try_swap(
    connection: &mut PgConnection,
    (next, state): (Generation, State),
    live: Option<Generation>,
    former: State,
) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *transaction).await?;
    let was_live = match live {
        Some(live) => generations::set_state(&mut transaction, live, State::Live, former).await?,
        None => true,
    };
    if !was_live || !generations::set_state(&mut transaction, next, state, State::Live).await? {
        transaction.rollback().await?;
        return Err(sqlx::Error::Protocol("another process has changed the generations: try again".to_owned()));
    }
    generations::show(&mut transaction, next, live).await?;
    transaction.commit().await
}

fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(LOCK_NOT_AVAILABLE))
}
