//! Configuration of the relay.

use std::time::Duration;

/// Default duration of the leader lease: longer than a restart of PostgreSQL takes, and short enough that a takeover by another
/// instance delays events only for seconds.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(6);

/// Configuration of the relay.
#[derive(Debug, Clone)]
pub struct Config {
    /// The Kafka cluster to which the log is published. `None` runs the platform without Kafka: nothing is sent, and events count as
    /// published as soon as the relay has read them.
    pub kafka: Option<Kafka>,
    /// Number of partitions of each topic. It must not change, not even without Kafka, because readers compute from it which events a
    /// partition contains.
    pub partitions: i32,
    /// Name of this instance, unique among the running instances. An instance that restarts with the same name takes its own lease back
    /// at once instead of waiting for the end of the lease.
    pub instance: String,
    /// Duration of the leader lease. If the leader does not renew the lease, another instance takes over after this time.
    pub lease: Duration,
}

/// A Kafka cluster, and the names in it.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// Bootstrap servers: `host:port`, separated by commas.
    pub brokers: String,
    /// Prefix of the topic names; empty, or ending with a dot.
    pub topic_prefix: String,
    /// Name of this process in the logs and quotas of Kafka (`client.id`).
    pub client_id: String,
}
