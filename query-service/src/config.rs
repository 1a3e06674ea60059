//! The query-service's settings. The only file of this crate that reads the environment.

use std::net::SocketAddr;
use std::time::Duration;

use platform::config::{ConfigErrors, Field, FromSetting, Settings};
use platform::logs::{Filter, Format};
use platform::server;
use sqlx::postgres::PgConnectOptions;

use crate::cache::{ProcessLimits, redis};
use crate::cursor::CursorKey;
use crate::database;

/// What a serving process needs to know.
#[derive(Debug)]
pub struct Config {
    /// Where queries are answered.
    pub http_addr: SocketAddr,
    /// Where health and metrics are served.
    pub admin_addr: SocketAddr,
    /// The primary and the replica.
    pub database: database::Config,
    /// Redis; without it every miss of the process cache goes to the database.
    pub redis: Option<redis::Config>,
    /// How much of what was read stays in this process.
    pub process_cache: ProcessLimits,
    /// Signs cursors. The same on every instance, because the next page may be asked of another one.
    pub cursor_key: CursorKey,
    /// Longest that a request waits for its consistency token, whatever it asks for.
    pub wait_max: Duration,
    /// What the HTTP server takes.
    pub http: server::Limits,
    /// How log lines look.
    pub log_format: Format,
    /// Which log lines there are.
    pub log_level: Filter,
}

/// Longer than any lag that heals by itself.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// A wait ends so long before the request's own timeout that there is time for the answer.
const WAIT_MARGIN: Duration = Duration::from_secs(1);

/// A PostgreSQL address.
struct Postgres(PgConnectOptions);

impl FromSetting for Postgres {
    const FORM: &'static str = "a PostgreSQL address such as postgres://user:password@localhost:5432/orders";
    const HIDDEN: bool = true;

    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok().map(Postgres)
    }
}

impl Config {
    /// Reads the environment; every mistake is reported at once.
    pub fn from_env() -> Result<Config, ConfigErrors> {
        Config::read(Settings::from_env())
    }

    /// Reads settings from wherever they come.
    pub fn read(mut settings: Settings) -> Result<Config, ConfigErrors> {
        let http_addr = settings.required("HTTP_ADDR");
        let admin_addr = settings.required("ADMIN_ADDR");
        let database = read_database(&mut settings);
        let redis = read_redis(&mut settings);
        let process_cache = read_process_cache(&mut settings);
        let cursor_key = settings.required("CURSOR_KEY");
        let wait_max = settings.optional("WAIT_MAX", WAIT_MAX);
        let http = server::Limits::from_settings(&mut settings);
        let log_format = settings.optional("LOG_FORMAT", Format::Json);
        let log_level = settings.optional("LOG_LEVEL", Filter::info());
        let complete = settings.finish()?;
        let http = http.get(&complete);
        Ok(Config {
            http_addr: http_addr.get(&complete),
            admin_addr: admin_addr.get(&complete),
            database: database.get(&complete),
            redis: redis.get(&complete),
            process_cache: process_cache.get(&complete),
            cursor_key: cursor_key.get(&complete),
            wait_max: wait_max.get(&complete).min(http.request_timeout.saturating_sub(WAIT_MARGIN)),
            http,
            log_format: log_format.get(&complete),
            log_level: log_level.get(&complete),
        })
    }
}

fn read_database(settings: &mut Settings) -> Field<database::Config> {
    let primary = settings.required::<Postgres>("DATABASE_URL");
    let replica = settings.maybe::<Postgres>("REPLICA_URL");
    // Reads are short: on a machine with few cores more connections only wait for each other inside the server.
    let connections = settings.bounded("DATABASE_CONNECTIONS", 16, 1..=500);
    // Who waits longer for a connection is better told to come back.
    let acquire_timeout = settings.optional("DATABASE_ACQUIRE_TIMEOUT", Duration::from_millis(300));
    // Far above any read that uses an index; what takes longer would starve the others.
    let statement_timeout = settings.optional("DATABASE_STATEMENT_TIMEOUT", Duration::from_secs(2));
    // A server that does not answer a few small selects in this time is not one to send readers to.
    let probe_timeout = settings.optional("DATABASE_PROBE_TIMEOUT", Duration::from_millis(500));
    // A replica that is further behind than this is worse than more load on the primary.
    let replica_lag_max = settings.optional("REPLICA_LAG_MAX", Duration::from_secs(5));
    // How old the figures of `Projection-Lag-Ms` and the decision for replica or primary may be.
    let freshness_interval = settings.optional("FRESHNESS_INTERVAL", Duration::from_millis(100));
    settings.group(|complete| database::Config {
        primary: primary.get(complete).0,
        replica: replica.get(complete).map(|replica| replica.0),
        connections: connections.get(complete),
        acquire_timeout: acquire_timeout.get(complete),
        statement_timeout: statement_timeout.get(complete),
        probe_timeout: probe_timeout.get(complete),
        replica_lag_max: replica_lag_max.get(complete),
        freshness_interval: freshness_interval.get(complete),
    })
}

fn read_redis(settings: &mut Settings) -> Field<Option<redis::Config>> {
    let address = settings.maybe::<redis::Address>("REDIS_URL");
    let prefix = settings.optional("CACHE_PREFIX", String::new());
    // Above Redis's slowest good answer, below what a read of the replica costs under load.
    let budget = settings.optional("REDIS_BUDGET", Duration::from_millis(40));
    settings.group(|complete| {
        let (prefix, budget) = (prefix.get(complete), budget.get(complete));
        address.get(complete).map(|address| redis::Config { address, prefix, budget })
    })
}

fn read_process_cache(settings: &mut Settings) -> Field<ProcessLimits> {
    // A quarter of what a service of this platform may take in all.
    let bytes_max = settings.bounded("PROCESS_CACHE_BYTES_MAX", 64 << 20, 0..=64 << 30);
    // A change is seen this late at worst by those who send no consistency token.
    let time_to_live = settings.optional("PROCESS_CACHE_TTL", Duration::from_secs(1));
    settings.group(|complete| ProcessLimits {
        bytes_max: bytes_max.get(complete),
        time_to_live: time_to_live.get(complete),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn every_mistake_is_reported_at_once_and_no_secret_is_shown() {
        let settings =
            Settings::from_map([("DATABASE_URL", "mysql:hunter2"), ("REDIS_URL", "hunter2"), ("CURSOR_KEY", "abc")]);
        let report = Config::read(settings).expect_err("everything is wrong").to_string();
        for name in ["HTTP_ADDR is missing", "ADMIN_ADDR is missing", "REDIS_URL has", "CURSOR_KEY has"] {
            assert!(report.contains(name), "{name}: {report}");
        }
        assert!(!report.contains("hunter2"), "{report}");
    }

    #[test]
    fn a_wait_ends_before_the_request_times_out() {
        let settings = Settings::from_map([
            ("HTTP_ADDR", "127.0.0.1:1"),
            ("ADMIN_ADDR", "127.0.0.1:2"),
            ("DATABASE_URL", "postgres://q@localhost/orders"),
            ("CURSOR_KEY", KEY),
            ("HTTP_REQUEST_TIMEOUT", "4s"),
        ]);
        let config = Config::read(settings).expect("all is well formed");
        assert_eq!(config.wait_max, Duration::from_secs(3));
        assert!(config.redis.is_none() && config.database.replica.is_none());
    }
}
