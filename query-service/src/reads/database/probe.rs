//! A probe of one database: the progress of its log, of its projections and of replay. Used by [`super::watch`].
//!
//! A probe has its own connection outside the pool, so that an exhausted pool is not mistaken for a dead server.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Incarnation, LogPosition, Position};
use read_model::Projection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};

use super::failure::Failure;
use super::freshness::{Freshness, Scope};
use super::row::log_position;
use super::source::Source;
use super::statement::Statement;
use crate::reads::incarnations::Incarnations;

/// The result of one probe.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    /// Time of the probe.
    pub(super) at: DateTime<Utc>,
    /// Log position of the last event in the log.
    pub(super) head: LogPosition,
    /// The incarnations of the log.
    pub(super) incarnations: Incarnations,
    /// Byte offset in the write-ahead log that is flushed (primary) or replayed (replica).
    pub(super) wal: i64,
    /// Every projection.
    pub(super) projections: Vec<ObservedProjection>,
}

/// One projection in an [`Observation`].
#[derive(Debug, Clone)]
pub(super) struct ObservedProjection {
    pub(super) freshness: Freshness,
    /// Time at which the oldest event that is not applied was recorded; `None` if all events are applied.
    pub(super) behind_since: Option<DateTime<Utc>>,
    /// Number of parked streams.
    pub(super) parked_streams: i64,
}

/// Probes one database.
pub(super) struct Probe {
    options: PgConnectOptions,
    timeout: Duration,
    connection: Option<PgConnection>,
    /// As of the last probe, so that they are read again only after a change.
    incarnations: Incarnations,
}

impl Probe {
    pub(super) fn new(source: &Source) -> Probe {
        Probe {
            options: source.options.clone(),
            timeout: source.probe_timeout,
            connection: None,
            incarnations: Incarnations::default(),
        }
    }

    /// Observes everything once. After a failure the next probe opens a new connection.
    pub(super) async fn observe(&mut self) -> Result<Observation, Failure> {
        let known = self.incarnations.clone();
        let observation = self.run(async |open| observe(open, known).await).await?;
        self.incarnations.clone_from(&observation.incarnations);
        Ok(observation)
    }

    /// Observes only the progress of the projections.
    pub(super) async fn observe_projections(&mut self) -> Result<Vec<Freshness>, Failure> {
        self.run(async |open| list_freshness(open).await).await
    }

    async fn run<T>(&mut self, query: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>) -> Result<T, Failure> {
        let mut connection = self.connection.take();
        let options = &self.options;
        let running = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => PgConnection::connect_with(options).await?,
            };
            let result = query(&mut open).await?;
            Ok((open, result))
        };
        let (open, result) = tokio::time::timeout(self.timeout, running)
            .await
            .map_err(|_| Failure::Unresponsive)?
            .map_err(Failure::of)?;
        self.connection = Some(open);
        Ok(result)
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
    let head = log_position(&row)?;
    let incarnations =
        if head.incarnation == known.current() { known } else { read_incarnations(connection, head).await? };
    let mut observed = Vec::with_capacity(Projection::ALL.len());
    for freshness in list_freshness(connection).await? {
        let behind_since = recorded_at(connection, freshness.applied().plus(1)).await?;
        let parked_streams = count_parked(connection, &freshness).await?;
        observed.push(ObservedProjection { freshness, behind_since, parked_streams });
    }
    let wal: Option<i64> = row.try_get("wal")?;
    Ok(Observation { at, head, incarnations, wal: wal.unwrap_or(0), projections: observed })
}

async fn list_freshness(connection: &mut PgConnection) -> sqlx::Result<Vec<Freshness>> {
    let mut select = Statement::default();
    let rows = select.push_freshness(&Projection::ALL, &Scope::List).fetch_all(connection).await?;
    rows.iter().map(Freshness::decode).collect()
}

/// Finds where each incarnation begins, from the newest to the first. Incarnations ascend with the position, so each one is
/// found by binary search.
async fn read_incarnations(connection: &mut PgConnection, head: LogPosition) -> sqlx::Result<Incarnations> {
    let mut begins = Vec::new();
    let (mut incarnation, mut end) = (head.incarnation, head.position.plus(1));
    while incarnation > FIRST {
        let (begin, before) = find_begin(connection, incarnation, end).await?;
        begins.push((incarnation, begin));
        let Some(before) = before else { break };
        (incarnation, end) = (before, begin);
    }
    begins.reverse();
    Ok(Incarnations::new(head.incarnation, begins))
}

/// The first position of an incarnation whose events end before position `end`, and the incarnation before it.
async fn find_begin(
    connection: &mut PgConnection,
    incarnation: Incarnation,
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
    .bind(incarnation.0)
    .bind(end.0)
    .fetch_one(connection)
    .await?;
    let before: Option<i32> = row.try_get("before")?;
    Ok((Position(row.try_get("position")?), before.map(Incarnation)))
}

/// The first incarnation of every log.
const FIRST: Incarnation = Incarnation(1);

/// The time at which an event was recorded; `None` beyond the end of the log. No event that a projection lacks is older than
/// the event after its applied position.
async fn recorded_at(connection: &mut PgConnection, position: Position) -> sqlx::Result<Option<DateTime<Utc>>> {
    let select = sqlx::query_scalar("select recorded_at from events where position = $1");
    select.bind(position.0).fetch_optional(connection).await
}

/// Number of parked streams of the live generation.
async fn count_parked(connection: &mut PgConnection, freshness: &Freshness) -> sqlx::Result<i64> {
    let select = sqlx::query_scalar("select count(*) from parked_streams where projection = $1 and generation = $2");
    select.bind(freshness.projection.name()).bind(freshness.generation).fetch_one(connection).await
}
