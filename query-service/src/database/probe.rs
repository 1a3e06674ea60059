//! One look at a database: how far its log, its projections and its replay have come.
//!
//! It has a connection of its own beside the pool, so that a pool that is worn out does not look like a dead server. A
//! [`Probe::glance`] sees the projections alone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Incarnation, LogPosition, Position};
use read_model::Projection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};

use super::failure::Failure;
use super::freshness::{Freshness, Scope};
use super::row::stamp;
use super::source::Source;
use super::statement::Statement;
use crate::incarnations::Incarnations;

/// What one look saw.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    /// When.
    pub(super) at: DateTime<Utc>,
    /// End of the log: its life and the position of the last event.
    pub(super) head: LogPosition,
    /// The incarnations that the log has had.
    pub(super) incarnations: Incarnations,
    /// Byte of the write-ahead log that was flushed (primary) or replayed (replica).
    pub(super) wal: i64,
    /// Of every projection.
    pub(super) projections: Vec<Observed>,
}

/// One projection in an [`Observation`].
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub(super) projection: Projection,
    pub(super) freshness: Freshness,
    /// When the first event that is not applied was recorded; `None` where all are applied.
    pub(super) behind_since: Option<DateTime<Utc>>,
    /// Streams that wait because an event could not be applied.
    pub(super) parked: i64,
}

/// Looks at one database.
pub(super) struct Probe {
    options: PgConnectOptions,
    timeout: Duration,
    connection: Option<PgConnection>,
    /// As of the last look: they change once in years.
    incarnations: Incarnations,
}

impl Probe {
    pub(super) fn of(source: &Source) -> Probe {
        Probe {
            options: source.options.clone(),
            timeout: source.probe_timeout,
            connection: None,
            incarnations: Incarnations::default(),
        }
    }

    /// Looks once. After a failure the next look connects anew.
    pub(super) async fn look(&mut self) -> Result<Observation, Failure> {
        let known = self.incarnations.clone();
        let seen = self.ask(async |open| observe(open, known).await).await?;
        self.incarnations.clone_from(&seen.incarnations);
        Ok(seen)
    }

    /// Looks how far the projections have come, and at nothing else.
    pub(super) async fn glance(&mut self) -> Result<Vec<Freshness>, Failure> {
        self.ask(async |open| projections(open).await).await
    }

    async fn ask<T>(&mut self, question: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>) -> Result<T, Failure> {
        let mut connection = self.connection.take();
        let options = &self.options;
        let asking = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => PgConnection::connect_with(options).await?,
            };
            let answer = question(&mut open).await?;
            Ok((open, answer))
        };
        let (open, answer) =
            tokio::time::timeout(self.timeout, asking).await.map_err(|_| Failure::Silent)?.map_err(Failure::of)?;
        self.connection = Some(open);
        Ok(answer)
    }
}

async fn observe(connection: &mut PgConnection, known: Incarnations) -> sqlx::Result<Observation> {
    let at = Utc::now();
    let row = sqlx::query(
        "select incarnation, position, pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
            else pg_current_wal_flush_lsn() end, '0/0')::bigint as wal from log_head",
    )
    .fetch_one(&mut *connection)
    .await?;
    let head = stamp(&row)?;
    let incarnations =
        if head.incarnation == known.current() { known } else { read_incarnations(connection, head).await? };
    let mut observed = Vec::with_capacity(Projection::ALL.len());
    for freshness in projections(connection).await? {
        let Some(projection) = Projection::of(freshness.category) else { continue };
        let behind_since = recorded_at(connection, freshness.applied().plus(1)).await?;
        let parked = count_parked(connection, projection).await?;
        observed.push(Observed { projection, freshness, behind_since, parked });
    }
    let wal: Option<i64> = row.try_get("wal")?;
    Ok(Observation { at, head, incarnations, wal: wal.unwrap_or(0), projections: observed })
}

async fn projections(connection: &mut PgConnection) -> sqlx::Result<Vec<Freshness>> {
    let mut select = Statement::default();
    let rows = select.push_freshness(&Projection::ALL, &Scope::List).fetch_all(connection).await?;
    rows.iter().map(Freshness::read).collect()
}

/// Where each incarnation began, from the newest back to the first: incarnations follow each other, so each is found by halving.
async fn read_incarnations(connection: &mut PgConnection, head: LogPosition) -> sqlx::Result<Incarnations> {
    let mut begins = Vec::new();
    let (mut life, mut end) = (head.incarnation, head.position.plus(1));
    while life > FIRST_LIFE {
        let (begin, before) = begin_of(connection, life, end).await?;
        begins.push((life, begin));
        let Some(before) = before else { break };
        (life, end) = (before, begin);
    }
    begins.reverse();
    Ok(Incarnations::new(head.incarnation, begins))
}

/// The first position of a life that has all positions up to `end`, which is not of the life; and the life before it.
async fn begin_of(
    connection: &mut PgConnection,
    life: Incarnation,
    end: Position,
) -> sqlx::Result<(Position, Option<Incarnation>)> {
    let row = sqlx::query(
        "with recursive halved (low, high) as (
            select 0::bigint, $2::bigint
            union all
            select case when e.incarnation < $1 then e.position else h.low end,
                case when e.incarnation < $1 then h.high else e.position end
            from halved h join events e on e.position = (h.low + h.high) / 2
            where h.high - h.low > 1
        )
        select high as position, (select incarnation from events where position = high - 1) as before
        from halved order by high - low limit 1",
    )
    .bind(life.0)
    .bind(end.0)
    .fetch_one(connection)
    .await?;
    let before: Option<i32> = row.try_get("before")?;
    Ok((Position(row.try_get("position")?), before.map(Incarnation)))
}

/// No log begins with a later one.
const FIRST_LIFE: Incarnation = Incarnation(1);

/// When an event was recorded; `None` beyond the end of the log. A projection does not say which event it lacks, but
/// none of those is older than the one behind the position up to which all are applied.
async fn recorded_at(connection: &mut PgConnection, position: Position) -> sqlx::Result<Option<DateTime<Utc>>> {
    let select = sqlx::query_scalar("select recorded_at from events where position = $1");
    select.bind(position.0).fetch_optional(connection).await
}

async fn count_parked(connection: &mut PgConnection, projection: Projection) -> sqlx::Result<i64> {
    let select = sqlx::query_scalar("select count(*) from parked_streams where projection = $1 and generation = 1");
    select.bind(projection.name()).fetch_one(connection).await
}
