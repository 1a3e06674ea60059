//! Settings of the databases, read by `crate::config`.

use std::time::Duration;

use platform::config::FromSetting;
use sqlx::postgres::PgConnectOptions;

/// Names of replicas, of which there are at most this many. Names are fixed, because they are labels of metrics.
pub const REPLICA_NAMES: [&str; 8] =
    ["replica-1", "replica-2", "replica-3", "replica-4", "replica-5", "replica-6", "replica-7", "replica-8"];

/// What serves reads while no replica is usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The primary; and while it cannot be reached either, the replicas that are too far behind.
    Primary,
    /// Nothing: reads are refused, so that the load of all readers never reaches the primary at once.
    Reject,
}

impl FromSetting for Fallback {
    const FORM: &'static str = "primary or reject";

    fn from_setting(text: &str) -> Option<Self> {
        match text {
            "primary" => Some(Fallback::Primary),
            "reject" => Some(Fallback::Reject),
            _ => None,
        }
    }
}

/// Addresses and time limits of the databases.
#[derive(Debug, Clone)]
pub struct Config {
    /// The primary, with the read-only role.
    pub primary: PgConnectOptions,
    /// The replicas, at most as many as [`REPLICA_NAMES`]; without a replica all reads go to the primary.
    pub replicas: Vec<PgConnectOptions>,
    /// Maximum number of connections to each database.
    pub connections: u32,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
    /// Longest run time of a statement.
    pub statement_timeout: Duration,
    /// Longest duration of a probe of the replica. A probe of the primary, which has no substitute, may take twice as long.
    pub probe_timeout: Duration,
    /// A replica with a larger lag is not usable.
    pub replica_lag_max: Duration,
    /// What serves reads while no replica is usable.
    pub fallback: Fallback,
    /// Time between two probes.
    pub freshness_interval: Duration,
}
