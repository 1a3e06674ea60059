//! The settings of the projector, read from the environment through `platform::config`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use platform::batch_window;
use platform::config::{ConfigErrors, Secret, Settings};
use platform::logs::{Filter, Format};
use read_model::Generation;

use crate::store::StatementTimeout;

/// What to set `KAFKA_BROKERS` to. A missing setting is an error, because it may have been forgotten.
const BROKERS_FORM: &str =
    "the brokers of Kafka (host:port, separated by commas), or to an empty value to follow the log without Kafka";

/// Settings of `projector` without a command.
#[derive(Debug, Clone)]
pub struct Config {
    /// `ADMIN_ADDR`: address of the server for health, metrics and the HTTP API of operators.
    pub admin_addr: SocketAddr,
    /// `DATABASE_URL`: the primary, with a login that is a member of `model_writer`.
    pub database_url: Secret,
    /// `REBUILD_SOURCE_URL`: the database that rebuilds and verifications read the log from, such as a standby; default: the
    /// primary.
    pub source_url: Secret,
    /// `PROJECTOR_DATABASE_TIMEOUT`: time after which a statement fails and its connection is closed.
    pub database_timeout: Duration,
    /// Settings of the Kafka consumers; `None` if the platform runs without Kafka (an empty `KAFKA_BROKERS`).
    pub kafka: Option<KafkaConfig>,
    /// `REDIS_URL`: the cache of documents; without it no cache is written.
    pub redis_url: Option<Secret>,
    /// `CACHE_PREFIX`: prefix of the keys of this platform.
    pub cache_prefix: String,
    /// Sizes of batches and memory limits.
    pub limits: Limits,
    /// Settings of the logs.
    pub logs: LogConfig,
}

/// Settings of the Kafka consumers.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `KAFKA_BROKERS`: bootstrap servers, `host:port` separated by commas.
    pub brokers: String,
    /// `TOPIC_PREFIX`: prefix of the topics of this platform.
    pub topic_prefix: String,
    /// `GROUP_ID`: each generation of a projection has its own consumer group, such as `GROUP_ID.orders.1`.
    pub group: String,
    /// `GROUP_INSTANCE`: static name of this process in its consumer groups. A process that restarts with the same name
    /// gets its partitions back at once instead of after the session timeout. Default: host name and admin port.
    pub instance: Option<String>,
}

impl KafkaConfig {
    /// The consumer group of a generation.
    pub fn group_of(&self, Generation { projection, number }: Generation) -> String {
        format!("{}.{}.{number}", self.group, projection.name())
    }
}

/// Sizes of batches and memory limits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `BATCH_EVENTS`: maximum number of events per write. A write of 2,000 events takes about 50 ms.
    pub batch_events: usize,
    /// `BATCH_LINGER`: longest wait for more events from Kafka after the first event of a batch, under load. Saves
    /// commits; costs freshness.
    pub batch_linger: Duration,
    /// `DOCUMENTS`: number of documents that each projection keeps in memory. An order has 1 to 2 kB; fewer documents
    /// are kept if they have more than 8 KiB on average.
    pub documents: NonZeroUsize,
    /// `PARKED_MAX`: maximum number of parked streams; above it the projection stops. More parked streams indicate that
    /// this build is older than the log, and continuing would make the read models worse.
    pub parked_max: usize,
    /// Maximum size of a statement that writes several events, in bytes; not configurable. Larger statements are
    /// divided, because PostgreSQL accepts no message of 1 GiB, and because a statement of this size is written far
    /// within the statement timeout.
    pub write_bytes: usize,
    /// Maximum size of a statement that writes one event, in bytes; not configurable. The stream of a larger event is
    /// parked.
    pub event_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            batch_events: 2_000,
            batch_linger: batch_window::PROJECTOR.window,
            documents: NonZeroUsize::new(10_000).unwrap_or(NonZeroUsize::MIN),
            parked_max: 10_000,
            write_bytes: 16 * 1024 * 1024,
            event_bytes: 256 * 1024 * 1024,
        }
    }
}

/// Settings of the logs.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `LOG_FORMAT`
    pub format: Format,
    /// `LOG_LEVEL`
    pub filter: Filter,
}

/// Settings of the commands of operators.
#[derive(Debug, Clone)]
pub struct OperatorConfig {
    /// `DATABASE_URL`: the primary, with a login that is a member of `model_writer`.
    pub database_url: Secret,
    /// `REBUILD_SOURCE_URL`: the database that rebuilds and verifications read the log from, such as a standby; default: the
    /// primary.
    pub source_url: Secret,
    /// Settings of the Kafka consumer of a rebuild from Kafka; `None` without `KAFKA_BROKERS`.
    pub feed: Option<KafkaConfig>,
    /// Settings of the logs.
    pub logs: LogConfig,
}

impl Config {
    /// Reads the settings, or returns all errors in them.
    pub fn read(mut settings: Settings) -> Result<Config, ConfigErrors> {
        let defaults = Limits::default();
        let admin_addr = settings.required("ADMIN_ADDR");
        let database_url = settings.secret("DATABASE_URL");
        let source_url = settings.maybe::<Secret>("REBUILD_SOURCE_URL");
        let database_timeout = settings.optional("PROJECTOR_DATABASE_TIMEOUT", StatementTimeout::default().0);
        let brokers = settings.required_or_empty("KAFKA_BROKERS", BROKERS_FORM);
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
        let (topic_prefix, group, instance) =
            (topic_prefix.get(&complete), group.get(&complete), instance.get(&complete));
        let kafka = brokers.get(&complete).map(|brokers| KafkaConfig {
            brokers,
            group: group.unwrap_or_else(|| default_group(&topic_prefix)),
            topic_prefix,
            instance: instance.or_else(|| instance_name(admin_addr)),
        });
        let database_url = database_url.get(&complete);
        Ok(Config {
            admin_addr,
            source_url: source_url.get(&complete).unwrap_or_else(|| database_url.clone()),
            database_url,
            database_timeout: database_timeout.get(&complete),
            kafka,
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

impl OperatorConfig {
    /// Reads the settings, or returns all errors in them.
    pub fn read(mut settings: Settings) -> Result<OperatorConfig, ConfigErrors> {
        let database_url = settings.secret("DATABASE_URL");
        let source_url = settings.maybe::<Secret>("REBUILD_SOURCE_URL");
        let brokers = settings.maybe::<String>("KAFKA_BROKERS");
        let topic_prefix = settings.optional("TOPIC_PREFIX", String::new());
        let group = settings.maybe::<String>("GROUP_ID");
        let format = settings.optional("LOG_FORMAT", Format::Text);
        let filter = settings.optional("LOG_LEVEL", Filter::info());
        let complete = settings.finish()?;
        let database_url = database_url.get(&complete);
        let (topic_prefix, group) = (topic_prefix.get(&complete), group.get(&complete));
        let feed = brokers.get(&complete).map(|brokers| KafkaConfig {
            brokers,
            group: group.unwrap_or_else(|| default_group(&topic_prefix)),
            topic_prefix,
            instance: None,
        });
        Ok(OperatorConfig {
            feed,
            source_url: source_url.get(&complete).unwrap_or_else(|| database_url.clone()),
            database_url,
            logs: LogConfig { format: format.get(&complete), filter: filter.get(&complete) },
        })
    }
}

/// The default of `GROUP_ID`.
fn default_group(topic_prefix: &str) -> String {
    format!("{topic_prefix}projector")
}

/// A unique name of this process that survives a restart. Kafka allows letters, digits, `.`, `_` and `-`.
fn instance_name(admin_addr: SocketAddr) -> Option<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    Some(format!("{host}-{}", admin_addr.port()))
}

#[cfg(test)]
mod tests {
    use read_model::Projection;

    use super::*;

    #[test]
    fn all_missing_settings_are_reported_at_once() {
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
        let kafka = config.kafka.unwrap();
        assert_eq!(kafka.group_of(Generation::first(Projection::ORDERS)), "eu.projector.orders.1");
        assert!(kafka.instance.unwrap().ends_with("-9083"));
        assert!(config.redis_url.is_none());
    }

    #[test]
    fn only_empty_brokers_select_the_log() {
        let with = |brokers: Option<&'static str>| {
            let settings = [("ADMIN_ADDR", "127.0.0.1:9083"), ("DATABASE_URL", "postgres://x")];
            let brokers = brokers.map(|brokers| ("KAFKA_BROKERS", brokers));
            Config::read(Settings::from_map(settings.into_iter().chain(brokers)))
        };
        assert!(with(Some("")).unwrap().kafka.is_none());
        assert_eq!(with(Some("k:9092")).unwrap().kafka.unwrap().brokers, "k:9092");
        let missing = with(None).unwrap_err().to_string();
        let choices = "KAFKA_BROKERS is missing: set it to the brokers of Kafka (host:port, separated by commas), or to an \
                       empty value to follow the log without Kafka";
        assert!(missing.ends_with(choices), "{missing}");
    }
}
