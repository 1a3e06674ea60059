//! Makes a generation live, makes the previous one live again, and removes generations.
//!
//! A promotion replaces the views in schema `public` in one transaction, so a reader sees all tables of one generation or
//! all of the other. The former live generation is retained and followed: a rollback is a promotion of it. A generation
//! that contains events which the log has lost never becomes live.

use anyhow::Context;
use platform::config::Secret;
use read_model::Generation;
use sqlx::{Connection, PgConnection};

use crate::frame::{ReadModel, rows};
use crate::months::absent::{AbsentMonth, AbsentMonths};
use crate::operator_error::OperatorError;
use crate::store::generations::{self, GenerationRow, State};
use crate::store::lock_attempts::{LockAttempts, is_lock_timeout};
use crate::store::{self, StoreError, checkpoints, incarnations, rebuilds, run};

/// Whether conditions of a promotion may be ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The generation must be verified, without differences, and contain all events that the live one contains.
    All,
    /// Promote whatever the generation contains.
    None,
}

/// Makes the rebuilt generation live. Returns it with the former live one.
pub async fn promote<M: ReadModel>(
    url: &Secret,
    check: Check,
) -> Result<(Generation, Option<Generation>), OperatorError> {
    let mut connection = store::connect(url).await?;
    let all = list::<M>(&mut connection).await?;
    let Some(next) = all.iter().find(|row| row.state == State::Following) else {
        let name = M::PROJECTION.name();
        return Err(OperatorError::Conflict(match all.iter().any(|row| row.state == State::Building) {
            true => format!("the rebuild of {name} is not complete; `projector status` shows its progress"),
            false => format!("{name} has no rebuilt generation: run `projector rebuild {name}`"),
        }));
    };
    ensure_not_ahead(&mut connection, Generation { projection: M::PROJECTION, number: next.number }).await?;
    if check == Check::All {
        ensure_promotable::<M>(&mut connection, next, &all).await?;
    }
    swap::<M>(&mut connection, next, &all, State::Retained).await
}

/// Makes the retained generation live again. Returns it with the former live one, which can be promoted again.
pub async fn rollback<M: ReadModel>(url: &Secret) -> Result<(Generation, Option<Generation>), OperatorError> {
    let mut connection = store::connect(url).await?;
    let all = list::<M>(&mut connection).await?;
    let retained = all.iter().filter(|row| row.state == State::Retained).max_by_key(|row| row.number);
    let Some(retained) = retained else {
        let name = M::PROJECTION.name();
        return Err(OperatorError::Conflict(format!("{name} has no retained generation to go back to")));
    };
    ensure_not_ahead(&mut connection, Generation { projection: M::PROJECTION, number: retained.number }).await?;
    swap::<M>(&mut connection, retained, &all, State::Following).await
}

/// Removes a generation with its tables.
pub async fn retire<M: ReadModel>(url: &Secret, number: i32) -> Result<(), OperatorError> {
    let mut connection = store::connect(url).await?;
    let generation = Generation { projection: M::PROJECTION, number };
    let all = list::<M>(&mut connection).await?;
    let row = all.iter().find(|row| row.number == number);
    let row = row.ok_or_else(|| OperatorError::NotFound(format!("there is no {generation}")))?;
    if row.state == State::Live {
        return Err(OperatorError::Conflict(format!("{generation} is live: promote another generation first")));
    }
    if let Some(copying) = run("reading the rebuilds", rebuilds::find_copying(&mut connection, generation)).await? {
        return Err(OperatorError::Conflict(format!(
            "{generation} is copied by the rebuild of generation {copying}: finish or retire that one first"
        )));
    }
    let is_alone = run("locking the rebuild", generations::try_lock_rebuild(&mut connection, M::PROJECTION)).await?;
    if !is_alone && row.state == State::Building {
        return Err(OperatorError::Busy(format!("{generation} is being rebuilt: stop that process first")));
    }
    let mut transaction = connection.begin().await.context("beginning a transaction")?;
    generations::remove(&mut transaction, generation).await.with_context(|| format!("removing {generation}"))?;
    transaction.commit().await.with_context(|| format!("removing {generation}"))?;
    Ok(())
}

async fn list<M: ReadModel>(connection: &mut PgConnection) -> Result<Vec<GenerationRow>, StoreError> {
    run("reading the generations", generations::list_of(connection, M::PROJECTION)).await
}

/// A generation that contains events which the log does not contain is wrong, whatever its verification has found.
async fn ensure_not_ahead(connection: &mut PgConnection, generation: Generation) -> Result<(), OperatorError> {
    let ahead = incarnations::list_ahead(connection, Some(generation));
    match run("comparing the checkpoints with the log", ahead).await?.first() {
        None => Ok(()),
        Some(ahead) => {
            Err(OperatorError::Conflict(format!("{ahead}: run `projector repair {}`", generation.projection.name())))
        }
    }
}

/// A promoted generation must be verified and must not be older than the live one.
async fn ensure_promotable<M: ReadModel>(
    connection: &mut PgConnection,
    next: &GenerationRow,
    all: &[GenerationRow],
) -> Result<(), OperatorError> {
    let generation = Generation { projection: M::PROJECTION, number: next.number };
    let name = M::PROJECTION.name();
    match next.differences {
        None => {
            return Err(OperatorError::Unsafe(format!(
                "{generation} is not verified: run `projector verify {name}` first, or promote with --force"
            )));
        }
        Some(0) => {}
        Some(found) => {
            return Err(OperatorError::Unsafe(format!(
                "{generation} has {found} rows that differ from the log: rebuild it, or promote with --force"
            )));
        }
    }
    let Some(live) = all.iter().find(|row| row.state == State::Live) else { return Ok(()) };
    let live = Generation { projection: M::PROJECTION, number: live.number };
    ensure_shows_months::<M>(connection, generation, live).await?;
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
        if behind > BEHIND_MAX {
            return Err(OperatorError::Unsafe(format!(
                "{generation} is {behind} positions behind the live generation in partition {partition}: wait until it \
                 has caught up (a projector with version {} must run), or promote with --force",
                next.version
            )));
        }
    }
    Ok(())
}

/// A promoted generation must show every month that the live one shows.
async fn ensure_shows_months<M: ReadModel>(
    connection: &mut PgConnection,
    next: Generation,
    live: Generation,
) -> Result<(), OperatorError> {
    let tables = rows::tables::<M>();
    let shown = AbsentMonths::read(connection, live, &tables).await?;
    let absent = AbsentMonths::read(connection, next, &tables).await?;
    let is_absent = |it: &AbsentMonth| shown.iter().any(|live| (live.table, live.month) == (it.table, it.month));
    let Some(hidden) = absent.iter().find(|it| !is_absent(it)) else { return Ok(()) };
    Err(OperatorError::Unsafe(format!(
        "{next} does not show month {0} of {1}, which the live generation shows: run `projector months restore {2} {0} \
         --generation {3}`, or promote with --force",
        hidden.month,
        hidden.table,
        M::PROJECTION.name(),
        next.number
    )))
}

/// Number of positions that a generation may be behind the live one: what is recorded in about a second under load.
const BEHIND_MAX: i64 = 20_000;

/// Lets the views show a generation; the former live one gets state `former`.
async fn swap<M: ReadModel>(
    connection: &mut PgConnection,
    next: &GenerationRow,
    all: &[GenerationRow],
    former: State,
) -> Result<(Generation, Option<Generation>), OperatorError> {
    let of = |number| Generation { projection: M::PROJECTION, number };
    let live = all.iter().find(|row| row.state == State::Live).map(|row| of(row.number));
    let next = (of(next.number), next.state);
    let mut attempts = LockAttempts::default();
    loop {
        match try_swap(connection, next, live, former).await {
            Ok(true) => return Ok((next.0, live)),
            Ok(false) => {
                let changed = "another process has changed the generations: try again".to_owned();
                return Err(OperatorError::Busy(changed));
            }
            Err(error) => attempts.wait_after(error).await.map_err(swap_failed::<M>)?,
        }
    }
}

fn swap_failed<M: ReadModel>(error: sqlx::Error) -> OperatorError {
    if is_lock_timeout(&error) {
        let name = M::PROJECTION.name();
        return OperatorError::Busy(format!("a query holds the tables of {name} all the time: end it and try again"));
    }
    anyhow::Error::new(error).context("replacing the views").into()
}

/// The result is `false`, and nothing has changed, if another process has changed the state of a generation.
async fn try_swap(
    connection: &mut PgConnection,
    (next, state): (Generation, State),
    live: Option<Generation>,
    former: State,
) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    LockAttempts::limit(&mut transaction).await?;
    let was_live = match live {
        Some(live) => generations::set_state(&mut transaction, live, State::Live, former).await?,
        None => true,
    };
    if !was_live || !generations::set_state(&mut transaction, next, state, State::Live).await? {
        transaction.rollback().await?;
        return Ok(false);
    }
    generations::show(&mut transaction, next, live).await?;
    transaction.commit().await?;
    Ok(true)
}
