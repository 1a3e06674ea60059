//! Settings of the databases, read by `crate::config`.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// Addresses and time limits of the databases.
#[derive(Debug, Clone)]
pub struct Config {
    /// The primary, with the read-only role.
    pub primary: PgConnectOptions,
    /// The replica; without a replica all reads go to the primary.
    pub replica: Option<PgConnectOptions>,
    /// Maximum number of connections to each database.
    pub connections: u32,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
    /// Longest run time of a statement.
    pub statement_timeout: Duration,
    /// Longest duration of a probe of the replica. A probe of the primary, which has no substitute, may take twice as long.
    pub probe_timeout: Duration,
    /// A replica with a larger lag serves reads only while the primary cannot be reached.
    pub replica_lag_max: Duration,
    /// Time between two probes.
    pub freshness_interval: Duration,
}
