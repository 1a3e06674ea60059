//! The sqlx door, beside the statements of [`crate::model`]: one connection of a worker's own, and what is read and
//! claimed over it. [`log`] reads the log, [`months`] makes partitions, [`parked`] lets parked streams go.
//!
//! One connection and no pool: a worker does one thing at a time, and a connection that failed in any way is dropped on
//! the spot, so no later statement can meet what an earlier one left behind.

use std::collections::HashSet;
use std::str::FromStr;
use std::time::Duration;

use events::{Incarnation, LogPosition, Position, StreamId};
use platform::config::Secret;
use read_model::{Projection, projection};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::claims::Claim;

pub mod log;
pub mod months;
pub mod parked;
pub mod standing;

/// Longest wait for a connection: a server that is there answers within milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What the server needs to notice that this process's host vanished, so that locks are free after 20 s; it ignores them on
/// Unix sockets. sqlx gives no access to its sockets, so the same cannot be had on this side: [`Patience`] is for that.
const KEEPALIVES: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

/// How long a statement may take before its connection is given up. A server that is frozen, or that a network lost without a
/// word, neither answers nor refuses.
#[derive(Debug, Clone, Copy)]
pub struct Patience(pub Duration);

impl Default for Patience {
    /// Far above any batch, far below `max.poll.interval.ms`.
    fn default() -> Self {
        Patience(Duration::from_secs(10))
    }
}

/// A worker's connection to PostgreSQL.
#[derive(Debug)]
pub struct Store {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    patience: Patience,
}

/// What went wrong with PostgreSQL, and what we were doing.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL: {doing}: {source}")]
pub struct StoreError {
    /// What we were doing.
    pub doing: &'static str,
    /// What sqlx said.
    #[source]
    pub source: sqlx::Error,
}

impl Patience {
    /// Does work for as long as it lasts, and says what it was if it fails.
    pub async fn doing<T>(
        self,
        what: &'static str,
        work: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        let within = tokio::time::timeout(self.0, work).await;
        let answer = within.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        answer.map_err(|source| StoreError { doing: what, source })
    }
}

/// [`Patience::doing`] of the default patience.
pub async fn doing<T>(what: &'static str, work: impl Future<Output = sqlx::Result<T>>) -> Result<T, StoreError> {
    Patience::default().doing(what, work).await
}

impl Store {
    /// Remembers where the database is; connects when it is first needed.
    pub fn new(url: &Secret) -> sqlx::Result<Store> {
        let options = PgConnectOptions::from_str(url.expose())?.application_name("projector").options(KEEPALIVES);
        Ok(Store { options, connection: None, patience: Patience::default() })
    }

    /// The same with another patience.
    pub fn with_patience(self, patience: Patience) -> Store {
        Store { patience, ..self }
    }

    /// How long its statements may take.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// The connection, made anew if it was dropped.
    pub async fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Drops the connection: whatever state it is in, nobody will see it again.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&self.options)).await;
        let connected = connecting.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        connected.map_err(|source| StoreError { doing: "connecting", source })
    }
}

impl StoreError {
    /// Whether the data of the statement is to blame, so that it would fail again however often it is repeated:
    /// SQLSTATE classes 22 (data exception), 23 (constraint violation) and 54 (limit exceeded), and 55000, with which
    /// `ensure_month` refuses a month that is detached and cannot be attached.
    pub fn is_about_data(&self) -> bool {
        let sqlx::Error::Database(error) = &self.source else { return false };
        let code = error.code().unwrap_or_default();
        code == "55000" || ["22", "23", "54"].contains(&code.get(..2).unwrap_or_default())
    }

    /// SQLSTATE and message, where the database sent one; without the values that it complains about.
    pub fn reason(&self) -> String {
        match &self.source {
            sqlx::Error::Database(error) => {
                format!("PostgreSQL refuses it: {} ({})", error.message(), error.code().unwrap_or_default())
            }
            other => other.to_string(),
        }
    }
}

/// Claims partitions: whoever held them before can write no more.
pub async fn claim(
    connection: &mut PgConnection,
    projection: Projection,
    partitions: &[i32],
) -> sqlx::Result<Vec<(i32, Claim)>> {
    let rows: Vec<(i32, i64, i32, i64)> = sqlx::query_as(
        "insert into projection_checkpoints as c
             (projection, generation, category, partition, epoch, incarnation, position, recorded_at)
         select $1, $2, $3, partition, 1, 1, 0, to_timestamp(0) from unnest($4::int[]) as partition
         on conflict (projection, generation, category, partition) do update set epoch = c.epoch + 1
         returning partition, epoch, incarnation, position",
    )
    .bind(projection.name())
    .bind(projection::GENERATION)
    .bind(projection.category().as_str())
    .bind(partitions)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(claimed).collect())
}

fn claimed((partition, epoch, incarnation, position): (i32, i64, i32, i64)) -> (i32, Claim) {
    let reached = LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
    (partition, Claim { epoch, reached })
}

/// The streams of a projection that wait.
pub async fn list_parked(connection: &mut PgConnection, projection: Projection) -> sqlx::Result<HashSet<StreamId>> {
    let streams: Vec<String> =
        sqlx::query_scalar("select stream_id from parked_streams where projection = $1 and generation = $2")
            .bind(projection.name())
            .bind(projection::GENERATION)
            .fetch_all(connection)
            .await?;
    Ok(streams.into_iter().filter_map(|stream| stream.parse().ok()).collect())
}
