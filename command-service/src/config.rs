//! The settings of the command service. Only this file and [`relay`](self::relay) read environment variables.

mod relay;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use platform::config::{ConfigErrors, Field, FromSetting, Settings};
use platform::logs::{Filter, Format};
use platform::server;
use sqlx::postgres::PgConnectOptions;

use crate::database::DEFAULT_TIMEOUT;
use crate::http::batch;
use crate::jobs;
use crate::schedule;
use crate::writer;
use domain::channel::Channels;
use domain::world::Room;
use events::email::EmailIndex;
use relay::{NoBrokers, RelaySettings};

/// Settings of the command service.
#[derive(Debug)]
pub struct Config {
    /// Address of the HTTP API.
    pub http_addr: SocketAddr,
    /// Address of the health and metrics endpoints.
    pub admin_addr: SocketAddr,
    /// Connection settings of the PostgreSQL primary.
    pub database: PgConnectOptions,
    /// Connections of the writer: one appends, the others hold the write lock and read.
    pub connections: u32,
    /// Limit of every wait for the primary. After it, the connection is closed, the outcome of the statement is unknown, and
    /// commands are refused.
    pub database_timeout: Duration,
    /// The same limit for the statements of bulk imports, which write and delete megabytes at a time.
    pub import_database_timeout: Duration,
    /// Settings of the relay; `None` if `KAFKA_BROKERS` is not set, in which case the log is not published and read models are not
    /// updated.
    pub relay: Option<crate::relay::Config>,
    /// Limits of the writer.
    pub writer: writer::Limits,
    /// Limits of bulk imports.
    pub imports: jobs::Limits,
    /// Sales channels. They must be the same on every instance, because each instance assigns the order codes of all channels.
    pub channels: Channels,
    /// Hashes e-mail addresses into the names of their streams. The key must be the same on every instance and must never change:
    /// with another key, registered addresses would not be found.
    pub emails: EmailIndex,
    /// Settings of the schedule.
    pub schedule: schedule::Config,
    /// Limits of the HTTP server.
    pub http: server::Limits,
    /// Format of log lines.
    pub log_format: Format,
    /// Filter of log lines.
    pub log_level: Filter,
}

/// A thousand orders of a few lines each take half a megabyte; this leaves room for orders with many lines.
const DEFAULT_BATCH_BYTES: u64 = 8 << 20;

/// One statement writes several megabytes of rows, or deletes all rows of an import.
const IMPORT_DATABASE_TIMEOUT: Duration = Duration::from_secs(10);

/// A PostgreSQL connection URL.
struct Database(PgConnectOptions);

impl FromSetting for Database {
    const FORM: &'static str = "a PostgreSQL address such as postgres://user:password@localhost:5432/orders";
    const HIDDEN: bool = true;

    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok().map(Database)
    }
}

/// The secret key of the index of e-mail addresses.
struct EmailSecret(EmailIndex);

impl FromSetting for EmailSecret {
    const FORM: &'static str = "a secret of at least 32 characters, such as `openssl rand -hex 32` prints";
    const HIDDEN: bool = true;

    fn from_setting(text: &str) -> Option<Self> {
        EmailIndex::from_secret(text).map(EmailSecret)
    }
}

/// A positive number.
struct Count(NonZeroUsize);

impl FromSetting for Count {
    const FORM: &'static str = "a whole number from 1";

    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok().map(Count)
    }
}

impl Config {
    /// Reads the environment variables. All invalid and missing settings are reported at once.
    pub fn from_env() -> Result<Config, ConfigErrors> {
        Config::read(Settings::from_env(), NoBrokers::from_env())
    }

    fn read(mut settings: Settings, no_brokers: NoBrokers) -> Result<Config, ConfigErrors> {
        let default = writer::Limits::default();
        let http_addr = settings.required("HTTP_ADDR");
        let admin_addr = settings.required("ADMIN_ADDR");
        let database = settings.required::<Database>("DATABASE_URL");
        let connections = settings.bounded("WRITER_CONNECTIONS", 4, 4..=100);
        let database_timeout = settings.optional("COMMAND_DATABASE_TIMEOUT", DEFAULT_TIMEOUT);
        let import_database_timeout = settings.optional("IMPORT_DATABASE_TIMEOUT", IMPORT_DATABASE_TIMEOUT);
        let relay = RelaySettings::read(&mut settings);
        let mailbox = settings.bounded("WRITER_MAILBOX_MAX", default.mailbox, writer::GROUP_MAX..=1_000_000);
        let batch = settings.bounded("WRITER_BATCH_MAX", default.batch, 1..=5_000);
        let streams = settings.optional("WRITER_STREAMS_MAX", Count(default.room.streams));
        let state_bytes = settings.bounded("WRITER_STATE_BYTES_MAX", default.room.bytes, 1..=1 << 40);
        let answers = settings.optional("WRITER_ANSWERS_MAX", Count(default.answers));
        let imports = read_imports(&mut settings);
        let channels = settings.parsed("CHANNELS", Channels::default(), str::parse);
        let emails = settings.required::<EmailSecret>("PERSONAL_INDEX_KEY");
        let schedule = read_schedule(&mut settings);
        let http = server::Limits::from_settings(&mut settings);
        let batch_bytes = settings.bounded("HTTP_BATCH_BYTES_MAX", DEFAULT_BATCH_BYTES, 1..=1 << 30);
        let log_format = settings.optional("LOG_FORMAT", Format::Json);
        let log_level = settings.optional("LOG_LEVEL", Filter::info());
        let complete = settings.finish()?;
        let http_addr: SocketAddr = http_addr.get(&complete);
        let database_timeout = database_timeout.get(&complete);
        let writer = writer::Limits {
            silence: database_timeout,
            mailbox: mailbox.get(&complete),
            batch: batch.get(&complete),
            room: Room { streams: streams.get(&complete).0, bytes: state_bytes.get(&complete) },
            answers: answers.get(&complete).0,
            ..default
        };
        // A group of more commands than the mailbox holds would always be refused.
        let mut schedule: schedule::Config = schedule.get(&complete);
        schedule.batch = schedule.batch.min(writer.mailbox);
        Ok(Config {
            http_addr,
            admin_addr: admin_addr.get(&complete),
            database: database.get(&complete).0,
            connections: connections.get(&complete),
            database_timeout,
            import_database_timeout: import_database_timeout.get(&complete),
            relay: no_brokers.relay(relay.get(&complete).of_instance(format!("{}/{http_addr}", hostname()))),
            writer,
            imports: imports.get(&complete),
            channels: channels.get(&complete),
            emails: emails.get(&complete).0,
            schedule,
            http: with_batches(http.get(&complete), batch_bytes.get(&complete)),
            log_format: log_format.get(&complete),
            log_level: log_level.get(&complete),
        })
    }
}

/// Bodies of batch requests may be larger than other bodies.
fn with_batches(http: server::Limits, bytes: u64) -> server::Limits {
    let limits = server::RouteLimits {
        body_bytes_max: bytes,
        request_timeout: http.request_timeout,
        unpacking: server::Unpacking::ByServer,
    };
    batch::PATHS.into_iter().fold(http, |http, path| http.with_route(path, limits))
}

fn read_imports(settings: &mut Settings) -> Field<jobs::Limits> {
    let default = jobs::Limits::default();
    let bytes = settings.bounded("IMPORT_BYTES_MAX", default.bytes, 1..=1 << 40);
    let rows = settings.bounded("IMPORT_ROWS_MAX", default.rows, 1..=1_000_000_000);
    let workers = settings.bounded("IMPORT_WORKERS", default.workers, 1..=64);
    let retention = settings.optional("IMPORT_RETENTION", default.retention);
    settings.group(|complete| jobs::Limits {
        bytes: bytes.get(complete),
        rows: rows.get(complete),
        workers: workers.get(complete),
        retention: retention.get(complete),
    })
}

fn read_schedule(settings: &mut Settings) -> Field<schedule::Config> {
    let default = schedule::Config::default();
    let complete_after = settings.optional("ORDER_COMPLETE_AFTER", default.delays.complete_after);
    let history_grace = settings.optional("ORDER_HISTORY_GRACE", default.delays.history_grace);
    let poll = settings.optional("SCHEDULE_POLL", default.poll);
    let batch = settings.bounded("SCHEDULE_BATCH_MAX", default.batch, 1..=5_000);
    settings.group(|complete| schedule::Config {
        delays: schedule::Delays {
            complete_after: complete_after.get(complete),
            history_grace: history_grace.get(complete),
        },
        poll: poll.get(complete),
        batch: batch.get(complete),
    })
}

/// Settings of the subcommands that work on the log and on Kafka.
#[derive(Debug)]
pub struct SubcommandConfig {
    /// Connection settings of the PostgreSQL primary.
    pub database: PgConnectOptions,
    /// Settings of the relay, with the host and the process as name of the instance.
    pub relay: crate::relay::Config,
    /// Format of log lines.
    pub log_format: Format,
    /// Filter of log lines.
    pub log_level: Filter,
}

impl SubcommandConfig {
    /// Reads the environment variables. Without Kafka, `KAFKA_BROKERS` must be empty: if it is missing, it may have been forgotten.
    pub fn from_env() -> Result<SubcommandConfig, ConfigErrors> {
        let mut settings = Settings::from_env();
        let database = settings.required::<Database>("DATABASE_URL");
        let relay = RelaySettings::read(&mut settings);
        let log_format = settings.optional("LOG_FORMAT", Format::Json);
        let log_level = settings.optional("LOG_LEVEL", Filter::info());
        if NoBrokers::from_env() == NoBrokers::NotPublished {
            settings.reject("KAFKA_BROKERS", "the brokers of Kafka, or to an empty value without Kafka");
        }
        let complete = settings.finish()?;
        Ok(SubcommandConfig {
            database: database.get(&complete).0,
            relay: relay.get(&complete).of_instance(format!("{}/{}", hostname(), std::process::id())),
            log_format: log_format.get(&complete),
            log_level: log_level.get(&complete),
        })
    }
}

/// The connection settings of the database, for subcommands that need nothing else.
pub fn database_from_env() -> Result<PgConnectOptions, ConfigErrors> {
    let mut settings = Settings::from_env();
    let database = settings.required::<Database>("DATABASE_URL");
    Ok(database.get(&settings.finish()?).0)
}

/// The name of this host. With the HTTP address it identifies an instance in the relay's lease; it stays the same over a restart.
fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| "host".into(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(name: &'static str, value: &'static str, no_brokers: NoBrokers) -> Result<Config, ConfigErrors> {
        let settings = Settings::from_map([
            ("HTTP_ADDR", "127.0.0.1:8080"),
            ("ADMIN_ADDR", "127.0.0.1:8081"),
            ("DATABASE_URL", "postgres://service:password@localhost/orders"),
            ("PERSONAL_INDEX_KEY", "any secret, as long as it has 32 characters"),
            (name, value),
        ]);
        Config::read(settings, no_brokers)
    }

    fn read(mailbox: &'static str) -> Result<Config, ConfigErrors> {
        read_with("WRITER_MAILBOX_MAX", mailbox, NoBrokers::NotPublished)
    }

    #[test]
    fn only_an_empty_list_of_brokers_runs_the_platform_without_kafka() {
        let relay = |brokers, no_brokers| read_with("KAFKA_BROKERS", brokers, no_brokers).unwrap().relay;
        assert!(relay("", NoBrokers::NotPublished).is_none());
        assert!(relay("", NoBrokers::WithoutKafka).is_some_and(|relay| relay.kafka.is_none()));
        let kafka = relay("localhost:9092", NoBrokers::WithoutKafka).and_then(|relay| relay.kafka).unwrap();
        assert_eq!(kafka.brokers, "localhost:9092");
    }

    #[test]
    fn a_mailbox_has_room_for_the_largest_group() {
        assert_eq!(read("1000").unwrap().writer.mailbox, writer::GROUP_MAX);
        let wrong = read("999").unwrap_err().to_string();
        assert!(wrong.contains("WRITER_MAILBOX_MAX is \"999\": set it to a whole number from 1000"), "{wrong}");
    }
}
