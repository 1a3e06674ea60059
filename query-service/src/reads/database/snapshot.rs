//! Several statements on one snapshot of one database.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{Executor, Postgres};
use tokio::sync::OwnedSemaphorePermit;

use super::failure::Failure;
use super::statement::Statement;

/// A read-only transaction whose statements all see what was committed before the first of them. Dropping it without
/// [`Snapshot::end`] closes the connection.
pub struct Snapshot {
    /// Missing only while the snapshot is dropped.
    connection: Option<PoolConnection<Postgres>>,
    /// Longest duration of a statement.
    timeout: Duration,
    _permit: OwnedSemaphorePermit,
}

impl Snapshot {
    /// Begins the transaction.
    pub(super) async fn begin(
        connection: PoolConnection<Postgres>,
        timeout: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Result<Snapshot, Failure> {
        let mut snapshot = Snapshot { connection: Some(connection), timeout, _permit: permit };
        snapshot.execute("begin isolation level repeatable read read only").await?;
        Ok(snapshot)
    }

    /// Runs a statement.
    pub async fn fetch(&mut self, statement: &Statement) -> Result<Vec<PgRow>, Failure> {
        let connection = self.connection.as_mut().ok_or(Failure::Unresponsive)?;
        let answered = tokio::time::timeout(self.timeout, statement.fetch_all(connection)).await;
        answered.map_err(|_| Failure::Unresponsive)?.map_err(Failure::of)
    }

    /// Ends the transaction and gives the connection back.
    pub async fn end(mut self) -> Result<(), Failure> {
        self.execute("commit").await?;
        if let (Some(mut connection), timeout) = (self.connection.take(), self.timeout) {
            // Returning a connection pings the server and would wait for the response without a time limit.
            tokio::spawn(async move { tokio::time::timeout(timeout, connection.return_to_pool()).await });
        }
        Ok(())
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), Failure> {
        let connection = self.connection.as_mut().ok_or(Failure::Unresponsive)?;
        let answered = tokio::time::timeout(self.timeout, connection.execute(sql)).await;
        answered.map_err(|_| Failure::Unresponsive)?.map_err(Failure::of).map(drop)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // The server ends the transaction of a closed connection.
        self.connection.take().map(PoolConnection::detach);
    }
}
