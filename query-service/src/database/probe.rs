//! One look at a database: how far its log, its projections and its replay have come.
//!
//! It has a connection of its own beside the pool, so that a pool that is worn out does not look like a dead server.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::Position;
use read_model::Projection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};

use super::failure::Failure;
use super::freshness::{Freshness, Scope};
use super::source::Source;
use super::statement::Statement;

/// What one look saw.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    /// When.
    pub(super) at: DateTime<Utc>,
    /// End of the log.
    pub(super) head: Position,
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
}

impl Probe {
    pub(super) fn of(source: &Source) -> Probe {
        Probe { options: source.options.clone(), timeout: source.probe_timeout, connection: None }
    }

    /// Looks once. After a failure the next look connects anew.
    pub(super) async fn look(&mut self) -> Result<Observation, Failure> {
        let mut connection = self.connection.take();
        let options = &self.options;
        let looking = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => PgConnection::connect_with(options).await?,
            };
            let seen = observe(&mut open).await?;
            Ok((open, seen))
        };
        let (open, seen) =
            tokio::time::timeout(self.timeout, looking).await.map_err(|_| Failure::Silent)?.map_err(Failure::of)?;
        self.connection = Some(open);
        Ok(seen)
    }
}

async fn observe(connection: &mut PgConnection) -> sqlx::Result<Observation> {
    let at = Utc::now();
    let head = sqlx::query(
        "select position, pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
            else pg_current_wal_flush_lsn() end, '0/0')::bigint as wal from log_head",
    )
    .fetch_one(&mut *connection)
    .await?;
    let mut select = Statement::default();
    let rows = select.push_freshness(&Projection::ALL, &Scope::List).fetch_all(connection).await?;
    let mut projections = Vec::with_capacity(rows.len());
    for row in &rows {
        let freshness = Freshness::read(row)?;
        let Some(projection) = Projection::of(freshness.category) else { continue };
        let behind_since = recorded_at(connection, freshness.applied().plus(1)).await?;
        let parked = count_parked(connection, projection).await?;
        projections.push(Observed { projection, freshness, behind_since, parked });
    }
    let wal: Option<i64> = head.try_get("wal")?;
    Ok(Observation { at, head: Position(head.try_get("position")?), wal: wal.unwrap_or(0), projections })
}

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
