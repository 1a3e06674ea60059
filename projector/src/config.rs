//! The projector's settings; the environment is read through `platform::config`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use platform::config::{ConfigErrors, Secret, Settings};
use platform::logs::{Filter, Format};
use read_model::Projection;

use crate::store::Patience;

/// Settings of `projector` (which serves).
#[derive(Debug, Clone)]
pub struct Config {
    /// `ADMIN_ADDR`: health and metrics.
    pub admin_addr: SocketAddr,
    /// `DATABASE_URL`: the primary, as a member of `model_writer`.
    pub database_url: Secret,
    /// `PROJECTOR_DATABASE_TIMEOUT`: how long a statement may take before its connection is given up.
    pub database_timeout: Duration,
    /// Kafka.
    pub feed: FeedConfig,
    /// `REDIS_URL`; without it nothing is written to a cache.
    pub redis_url: Option<Secret>,
    /// `CACHE_PREFIX`: what our keys begin with.
    pub cache_prefix: String,
    /// Sizes of batches and of what is kept in memory.
    pub limits: Limits,
    /// How it logs.
    pub logs: LogConfig,
}

/// Where the events come from.
#[derive(Debug, Clone)]
pub struct FeedConfig {
    /// `KAFKA_BROKERS`: where to begin, `host:port` with commas between.
    pub brokers: String,
    /// `TOPIC_PREFIX`: what our topics begin with.
    pub topic_prefix: String,
    /// `GROUP_ID`: each projection has a consumer group of its own, `GROUP_ID.orders` and so on.
    pub group: String,
    /// `GROUP_INSTANCE`: name of this process in its groups. A process that comes back under its name gets its
    /// partitions back at once, instead of after the session of the one that died. By default host and admin port.
    pub instance: Option<String>,
}

impl FeedConfig {
    /// The consumer group of a projection.
    pub fn group_of(&self, projection: Projection) -> String {
        format!("{}.{}", self.group, projection.name())
    }
}

/// Sizes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `BATCH_EVENTS`: most events in one transaction. At 2,000 it takes some 50 ms, so it still turns over often.
    pub batch_events: usize,
    /// `BATCH_LINGER`: how long a batch may wait for company after its first event. Saves commits; costs freshness.
    pub batch_linger: Duration,
    /// `DOCUMENTS`: documents that each projection keeps in memory. An order takes 1 to 2 kB; there are fewer of them where they
    /// take more than 8 KiB on average.
    pub documents: NonZeroUsize,
    /// `PARKED_MAX`: streams that may be parked before the projection stops instead. So many mean that this build is
    /// older than the log, and going on would only make the read models worse.
    pub parked_max: usize,
    /// Bytes of a statement that writes several events; no setting. Larger ones are split, because PostgreSQL takes no message
    /// of 1 GiB, and a small one is written far below the patience for a statement.
    pub write_bytes: usize,
    /// Bytes of a statement that writes one event; no setting. With a larger one its stream is parked.
    pub event_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            batch_events: 2_000,
            batch_linger: Duration::from_millis(10),
            documents: NonZeroUsize::new(10_000).unwrap_or(NonZeroUsize::MIN),
            parked_max: 10_000,
            write_bytes: 16 * 1024 * 1024,
            event_bytes: 256 * 1024 * 1024,
        }
    }
}

/// How a process logs.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `LOG_FORMAT`
    pub format: Format,
    /// `LOG_LEVEL`
    pub filter: Filter,
}

/// Settings of `projector retry-parked`.
#[derive(Debug, Clone)]
pub struct RetryConfig {
    /// `DATABASE_URL`: the primary, as a member of `model_writer`.
    pub database_url: Secret,
    /// How it logs.
    pub logs: LogConfig,
}

impl Config {
    /// Reads the settings, or every mistake in them.
    pub fn read(mut settings: Settings) -> Result<Config, ConfigErrors> {
        let defaults = Limits::default();
        let admin_addr = settings.required("ADMIN_ADDR");
        let database_url = settings.secret("DATABASE_URL");
        let database_timeout = settings.optional("PROJECTOR_DATABASE_TIMEOUT", Patience::default().0);
        let brokers = settings.required("KAFKA_BROKERS");
        let topic_prefix = settings.optional("TOPIC_PREFIX", String::new());
        let group = settings.maybe::<String>("GROUP_ID");
        let instance = settings.maybe::<String>("GROUP_INSTANCE");
        let redis_url = settings.maybe("REDIS_URL");
        let cache_prefix = settings.optional("CACHE_PREFIX", String::new());
        let batch_events = settings.bounded("BATCH_EVENTS", defaults.batch_events, 1..=20_000);
        let batch_linger = settings.optional("BATCH_LINGER", defaults.batch_linger);
        let documents = settings.bounded("DOCUMENTS", defaults.documents.get(), 1..=10_000_000);
        let parked_max = settings.bounded("PARKED_MAX", defaults.parked_max, 0..=1_000_000);
        let format = settings.optional("LOG_FORMAT", Format::Json);
        let filter = settings.optional("LOG_LEVEL", Filter::info());
        let complete = settings.finish()?;
        let admin_addr: SocketAddr = admin_addr.get(&complete);
        let topic_prefix = topic_prefix.get(&complete);
        Ok(Config {
            admin_addr,
            database_url: database_url.get(&complete),
            database_timeout: database_timeout.get(&complete),
            feed: FeedConfig {
                brokers: brokers.get(&complete),
                group: group.get(&complete).unwrap_or_else(|| format!("{topic_prefix}projector")),
                topic_prefix,
                instance: instance.get(&complete).or_else(|| this_process(admin_addr)),
            },
            redis_url: redis_url.get(&complete),
            cache_prefix: cache_prefix.get(&complete),
            limits: Limits {
                batch_events: batch_events.get(&complete),
                batch_linger: batch_linger.get(&complete),
                documents: NonZeroUsize::new(documents.get(&complete)).unwrap_or(NonZeroUsize::MIN),
                parked_max: parked_max.get(&complete),
                ..defaults
            },
            logs: LogConfig { format: format.get(&complete), filter: filter.get(&complete) },
        })
    }
}

impl RetryConfig {
    /// Reads the settings, or every mistake in them.
    pub fn read(mut settings: Settings) -> Result<RetryConfig, ConfigErrors> {
        let database_url = settings.secret("DATABASE_URL");
        let format = settings.optional("LOG_FORMAT", Format::Text);
        let filter = settings.optional("LOG_LEVEL", Filter::info());
        let complete = settings.finish()?;
        Ok(RetryConfig {
            database_url: database_url.get(&complete),
            logs: LogConfig { format: format.get(&complete), filter: filter.get(&complete) },
        })
    }
}

/// A name that stays when the process is started again, and that no other process has: Kafka allows letters, digits,
/// `.`, `_` and `-` in it.
fn this_process(admin_addr: SocketAddr) -> Option<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    Some(format!("{host}-{}", admin_addr.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_at_once() {
        let errors = Config::read(Settings::from_map([("BATCH_EVENTS", "0")])).unwrap_err().to_string();
        for name in ["ADMIN_ADDR", "DATABASE_URL", "KAFKA_BROKERS", "BATCH_EVENTS"] {
            assert!(errors.contains(name), "{errors}");
        }
    }

    #[test]
    fn groups_follow_the_topic_prefix_and_instances_the_admin_port() {
        let settings =
            [("ADMIN_ADDR", "127.0.0.1:9083"), ("DATABASE_URL", "postgres://x"), ("KAFKA_BROKERS", "k:9092")];
        let config = Config::read(Settings::from_map(settings.into_iter().chain([("TOPIC_PREFIX", "eu.")]))).unwrap();
        assert_eq!(config.feed.group_of(Projection::Orders), "eu.projector.orders");
        assert!(config.feed.instance.unwrap().ends_with("-9083"));
        assert!(config.redis_url.is_none());
    }
}
