//! The connection of a worker to PostgreSQL. [`archived_months`] has the archived months, [`checkpoints`] claims partitions,
//! [`command_lock`] allows one command of operators at a time, [`copy_out`] reads rows with `COPY`, [`following`] has the locks of processes that follow the log, [`generations`] has the
//! generations of projections, [`incarnations`] compares checkpoints with the incarnations of the log, [`lock_attempts`] locks
//! tables that are read, [`log`] reads the log, [`months`] creates the partitions of months, [`parked`] has the parked
//! streams, [`rebuilds`] has the rebuilds of generations, [`relay`] reads how far the relay has published, [`skipped`] has the
//! events that operators have skipped.
//!
//! A worker has one connection instead of a pool, because a worker runs one statement at a time. After any failure the
//! connection is closed, so that no statement runs on a connection in an unknown state.

use std::str::FromStr;
use std::time::Duration;

use platform::config::Secret;
use read_model::Generation;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

pub mod archived_months;
pub mod checkpoints;
pub mod command_lock;
pub mod copy_out;
pub mod following;
pub mod generations;
pub mod incarnations;
pub mod lock_attempts;
pub mod log;
pub mod months;
pub mod parked;
pub mod rebuilds;
pub mod relay;
pub mod skipped;

/// Timeout for a connection attempt: a server that runs accepts within milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Keepalive settings by which the server detects that the host of this process has vanished, so that locks are free
/// after 20 s; ignored on Unix sockets. sqlx gives no access to its sockets, so this side relies on
/// [`StatementTimeout`] instead.
const KEEPALIVES: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

/// Settings of the connections that write. The commits do not wait for the disk: a batch and its checkpoint are lost together, and are
/// applied again. Otherwise each batch would write to the disk, on the replica too, between the commits of the writer.
/// With the role, every login of the projector may change the tables that another login has created.
const SESSION: [(&str, &str); 3] =
    [("synchronous_commit", "off"), ("role", "model_writer"), ("client_min_messages", "warning")];

/// Time after which a statement fails and its connection is closed. A frozen server, or a network that drops packets,
/// would otherwise block a worker forever.
#[derive(Debug, Clone, Copy)]
pub struct StatementTimeout(pub Duration);

impl Default for StatementTimeout {
    /// Far above the duration of any batch, far below `max.poll.interval.ms`.
    fn default() -> Self {
        StatementTimeout(Duration::from_secs(10))
    }
}

/// The connection of a worker to PostgreSQL. Unqualified names of tables mean those of its generation.
#[derive(Debug)]
pub struct Store {
    options: PgConnectOptions,
    generation: Generation,
    connection: Option<PgConnection>,
    timeout: StatementTimeout,
}

/// An operation on PostgreSQL failed.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL: {operation}: {source}")]
pub struct StoreError {
    /// The operation that failed.
    pub operation: &'static str,
    /// The error of sqlx.
    #[source]
    pub source: sqlx::Error,
}

impl StatementTimeout {
    /// Runs statements within the timeout; an error names the operation.
    pub async fn run<T>(
        self,
        operation: &'static str,
        statements: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        let result = tokio::time::timeout(self.0, statements).await;
        let result = result.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        result.map_err(|source| StoreError { operation, source })
    }
}

/// Runs statements within the default [`StatementTimeout`].
pub async fn run<T>(
    operation: &'static str,
    statements: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, StoreError> {
    StatementTimeout::default().run(operation, statements).await
}

impl Store {
    /// A store of a generation that connects when the connection is first needed.
    pub fn new(url: &Secret, generation: Generation) -> sqlx::Result<Store> {
        let options = options(url)?.options([("search_path", search_path(generation))]);
        Ok(Store { options, generation, connection: None, timeout: StatementTimeout::default() })
    }

    /// The generation whose tables the connection reads and writes.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The same store with another timeout.
    pub fn with_statement_timeout(self, timeout: StatementTimeout) -> Store {
        Store { timeout, ..self }
    }

    /// The timeout of its statements.
    pub fn statement_timeout(&self) -> StatementTimeout {
        self.timeout
    }

    /// The connection; connects if there is none.
    pub async fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Closes the connection, whatever state it is in.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        connect_with(&self.options).await
    }
}

/// A connection on which unqualified names mean tables of no generation, and views of the live generations.
pub async fn connect(url: &Secret) -> Result<PgConnection, StoreError> {
    let options = options(url).map_err(|source| StoreError { operation: "reading DATABASE_URL", source })?;
    connect_with(&options).await
}

/// Like [`connect`], for connections that only read: with the rights of the login itself, so that a login that may not
/// write can verify.
pub async fn connect_to_read(url: &Secret) -> Result<PgConnection, StoreError> {
    let options = login_options(url).map_err(|source| StoreError { operation: "reading the URL", source })?;
    connect_with(&options.options([("default_transaction_read_only", "on")])).await
}

/// Runs a statement without parameters.
pub async fn execute(connection: &mut PgConnection, statement: &'static str) -> sqlx::Result<()> {
    sqlx::query(statement).execute(connection).await.map(|_| ())
}

/// Search path on which unqualified names mean the tables of a generation.
pub fn search_path(generation: Generation) -> String {
    format!("{},public", generation.schema())
}

/// Lets unqualified names mean the tables of a generation.
pub async fn set_search_path(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<()> {
    let set = sqlx::query("select set_config('search_path', $1, false)").bind(search_path(generation));
    set.execute(connection).await.map(|_| ())
}

fn options(url: &Secret) -> sqlx::Result<PgConnectOptions> {
    Ok(login_options(url)?.options(SESSION))
}

fn login_options(url: &Secret) -> sqlx::Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url.expose())?.application_name("projector");
    Ok(options.options(KEEPALIVES))
}

async fn connect_with(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await;
    let connected = connecting.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
    connected.map_err(|source| StoreError { operation: "connecting", source })
}

impl StoreError {
    /// Whether the data of the statement caused the error, so that every repetition would fail: SQLSTATE classes 22
    /// (data exception), 23 (constraint violation) and 54 (limit exceeded), and 55000, which
    /// [`TableSchema::ensure_month`](crate::frame::schema::TableSchema::ensure_month) raises for a detached month that cannot be attached and for an archived month.
    pub fn is_about_data(&self) -> bool {
        let sqlx::Error::Database(error) = &self.source else { return false };
        let code = error.code().unwrap_or_default();
        code == "55000" || ["22", "23", "54"].contains(&code.get(..2).unwrap_or_default())
    }

    /// Message and SQLSTATE of PostgreSQL, without values of the data.
    pub fn reason(&self) -> String {
        match &self.source {
            sqlx::Error::Database(error) => {
                format!("PostgreSQL refused the data: {} ({})", error.message(), error.code().unwrap_or_default())
            }
            other => other.to_string(),
        }
    }
}
