//! The connection of a long read: one transaction that sees one state of a database, on a connection that no other read uses.
//!
//! Dropping the connection closes it at any moment, so nothing is left behind in a pool.

use std::time::Duration;

use futures::stream::BoxStream;
use read_model::Projection;
use sqlx::postgres::{PgConnection, PgRow};
use tokio::sync::OwnedSemaphorePermit;

use super::failure::Failure;
use super::freshness::{Freshness, Scope};
use super::limits::Workload;
use super::routing::{Database, Prefer};
use super::source::{CANCELLATION_DELAY_MAX, Source, SourceName};
use super::statement::{FreshRows, Statement};

/// A transaction that only reads, in which every statement sees the same state (PostgreSQL manual, 13.2.2).
const BEGIN: &str = "begin transaction isolation level repeatable read read only";

/// A state of one database.
pub struct Snapshot {
    /// The database.
    pub source: SourceName,
    /// How much of the log the projection contains in this state.
    pub freshness: Freshness,
    connection: PgConnection,
    statement_timeout: Duration,
    _permit: OwnedSemaphorePermit,
}

impl Database {
    /// Opens a snapshot in which a projection is read, on the first database that answers, within the connection limit of a
    /// workload. Each of its statements may run for `statement_timeout`.
    pub async fn open_snapshot(
        &self,
        workload: Workload,
        projection: Projection,
        prefer: Prefer,
        statement_timeout: Duration,
    ) -> Result<Snapshot, Failure> {
        let permit = self.permit(workload).await?;
        let mut failed = None;
        for source in self.route_long_read(prefer) {
            match begin(source, projection, statement_timeout).await {
                Ok((connection, freshness)) => {
                    let source = source.name;
                    return Ok(Snapshot { source, freshness, connection, statement_timeout, _permit: permit });
                }
                Err(failure) if failure.may_succeed_elsewhere() => failed = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(failed.unwrap_or_else(|| self.nothing_serves()))
    }
}

impl Snapshot {
    /// All rows that a statement selects.
    pub async fn fetch_all(&mut self, statement: &Statement) -> Result<Vec<PgRow>, Failure> {
        // The server cancels the statement at its time limit; a server that does not respond at all is not waited for.
        let limit = self.statement_timeout + CANCELLATION_DELAY_MAX;
        match tokio::time::timeout(limit, statement.fetch_all(&mut self.connection)).await {
            Ok(rows) => rows.map_err(Failure::of),
            Err(_) => Err(Failure::Unresponsive),
        }
    }

    /// The rows that a statement selects, as they arrive.
    pub fn fetch(&mut self, statement: &Statement) -> BoxStream<'_, sqlx::Result<PgRow>> {
        statement.fetch(&mut self.connection)
    }
}

/// The first statement of the transaction fixes the state that all of them see.
async fn begin(
    source: &Source,
    projection: Projection,
    statement_timeout: Duration,
) -> Result<(PgConnection, Freshness), Failure> {
    let mut connection = source.connect(statement_timeout).await?;
    sqlx::raw_sql(BEGIN).execute(&mut connection).await.map_err(Failure::of)?;
    let select = Statement::plain(|statement| {
        statement.push_freshness(&[projection], &Scope::List);
    });
    let rows = select.fetch_all(&mut connection).await.map_err(Failure::of)?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound).map_err(Failure::of)?;
    let freshness = FreshRows::decode_freshness(row).map_err(Failure::of)?;
    Ok((connection, freshness))
}
