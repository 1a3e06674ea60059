//! The settings of the query service. The only file of this crate that reads the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use events::email::EmailIndex;
use platform::config::{ConfigErrors, Field, FromSetting, Settings};
use platform::logs::{Filter, Format};
use platform::server;
use sqlx::postgres::PgConnectOptions;

use crate::exports;
use crate::http::catalogue_caching::CatalogueCaching;
use crate::http::cursor::CursorKey;
use crate::reads;
use crate::reads::cache::process::ProcessLimits;
use crate::reads::cache::redis;
use crate::reads::database;
use crate::reads::database::config::{Fallback, REPLICA_NAMES};
use crate::reads::stats::StatsLimits;

/// The settings of the process.
#[derive(Debug)]
pub struct Config {
    /// Address of the HTTP API.
    pub http_addr: SocketAddr,
    /// Address of health and metrics.
    pub admin_addr: SocketAddr,
    /// Databases and caches.
    pub reads: reads::Config,
    /// Signs cursors. The same on every instance, because the next page may be requested from another instance.
    pub cursor_key: CursorKey,
    /// Longest wait of a request for its consistency token, whatever the request prefers.
    pub wait_max: Duration,
    /// Hashes e-mail addresses, with the key of the command service; without it, customers cannot be searched for by e-mail address.
    pub emails: Option<EmailIndex>,
    /// How long shared caches may store the product catalogue.
    pub catalogue_caching: CatalogueCaching,
    /// Maximum number of open streams of Server-Sent Events.
    pub streams_max: usize,
    /// Exports; `None` if they are off.
    pub exports: Option<exports::config::Config>,
    /// Limits of the HTTP server.
    pub http: server::Limits,
    /// Format of log lines.
    pub log_format: Format,
    /// Which log lines are written.
    pub log_level: Filter,
}

/// Longer than any lag that ends without an operator.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// A wait ends this long before the timeout of the request, so that a response can still be sent.
const WAIT_MARGIN: Duration = Duration::from_secs(1);

/// A PostgreSQL URL.
struct Postgres(PgConnectOptions);

impl FromSetting for Postgres {
    const FORM: &'static str = "a PostgreSQL address such as postgres://user:password@localhost:5432/orders";
    const HIDDEN: bool = true;

    fn from_setting(text: &str) -> Option<Self> {
        text.parse().ok().map(Postgres)
    }
}

/// The secret key of the index of e-mail addresses.
struct EmailSecret(EmailIndex);

impl FromSetting for EmailSecret {
    const FORM: &'static str = "the secret of at least 32 characters that the command service has";
    const HIDDEN: bool = true;

    fn from_setting(text: &str) -> Option<Self> {
        EmailIndex::from_secret(text).map(EmailSecret)
    }
}

/// Several PostgreSQL URLs, separated by commas.
struct Replicas(Vec<PgConnectOptions>);

impl FromSetting for Replicas {
    const FORM: &'static str = "1 to 8 PostgreSQL addresses, separated by commas";
    const HIDDEN: bool = true;

    fn from_setting(text: &str) -> Option<Self> {
        let replicas: Option<Vec<_>> = addresses(text).into_iter().map(|address| address.trim().parse().ok()).collect();
        replicas.filter(|replicas| replicas.len() <= REPLICA_NAMES.len()).map(Replicas)
    }
}

/// Splits at the commas before an address, because a password may contain commas.
fn addresses(text: &str) -> Vec<&str> {
    let is_begin = |rest: &str| rest.trim_start().starts_with("postgres");
    let mut addresses = Vec::new();
    let mut begin = 0;
    for (at, _) in text.match_indices(',').filter(|(at, _)| is_begin(&text[at + 1..])) {
        addresses.push(&text[begin..at]);
        begin = at + 1;
    }
    addresses.push(&text[begin..]);
    addresses
}

impl Config {
    /// Reads the environment; the error lists every invalid setting.
    pub fn from_env() -> Result<Config, ConfigErrors> {
        Config::read(Settings::from_env())
    }

    /// Reads settings from any source; the error lists every invalid setting.
    pub fn read(mut settings: Settings) -> Result<Config, ConfigErrors> {
        let http_addr = settings.required("HTTP_ADDR");
        let admin_addr = settings.required("ADMIN_ADDR");
        let database = read_database(&mut settings);
        let redis = read_redis(&mut settings);
        let process_cache = read_process_cache(&mut settings);
        // One or two megabytes, which one statement reads in a fraction of a second.
        let warm_up_orders = settings.bounded("WARM_UP_ORDERS", 500, 0..=10_000);
        // Readers of a dashboard see changes after about this time; the first one after it starts a load that all share.
        let stats_ttl = settings.optional("STATS_CACHE_TTL", Duration::from_secs(5));
        let cursor_key = settings.required("CURSOR_KEY");
        let emails = settings.maybe::<EmailSecret>("PERSONAL_INDEX_KEY");
        let wait_max = settings.optional("WAIT_MAX", WAIT_MAX);
        // Prices change seldom; a reader behind a shared cache sees a change after at most twice this time.
        let catalogue_max_age = settings.optional("CATALOGUE_SHARED_MAX_AGE", Duration::from_secs(60));
        // Each stream costs a connection, of which HTTP_CONNECTIONS_MAX are left for requests.
        let streams_max = settings.bounded("STREAMS_MAX", 5_000, 0..=100_000);
        let exports = read_exports(&mut settings);
        let http = server::Limits::from_settings(&mut settings);
        let log_format = settings.optional("LOG_FORMAT", Format::Json);
        let log_level = settings.optional("LOG_LEVEL", Filter::info());
        let complete = settings.finish()?;
        let http = http.get(&complete);
        Ok(Config {
            http_addr: http_addr.get(&complete),
            admin_addr: admin_addr.get(&complete),
            reads: reads::Config {
                database: database.get(&complete),
                redis: redis.get(&complete),
                process_cache: process_cache.get(&complete),
                warm_up_orders: warm_up_orders.get(&complete),
                stats: StatsLimits { time_to_live: stats_ttl.get(&complete) },
            },
            cursor_key: cursor_key.get(&complete),
            wait_max: wait_max.get(&complete).min(http.request_timeout.saturating_sub(WAIT_MARGIN)),
            emails: emails.get(&complete).map(|secret| secret.0),
            catalogue_caching: CatalogueCaching::new(catalogue_max_age.get(&complete)),
            streams_max: streams_max.get(&complete),
            exports: exports.get(&complete),
            http,
            log_format: log_format.get(&complete),
            log_level: log_level.get(&complete),
        })
    }
}

fn read_database(settings: &mut Settings) -> Field<database::config::Config> {
    let primary = settings.required::<Postgres>("DATABASE_URL");
    let replica = settings.maybe::<Postgres>("REPLICA_URL");
    // Overrides `REPLICA_URL`, which deployments derive for one replica.
    let replicas = settings.maybe::<Replicas>("REPLICA_URLS");
    // Reads are short: on a machine with few cores, more connections only wait for each other inside the server.
    let connections = settings.bounded("DATABASE_CONNECTIONS", 16, 1..=500);
    // A request that would wait longer for a connection is refused, so that the client retries later.
    let acquire_timeout = settings.optional("DATABASE_ACQUIRE_TIMEOUT", Duration::from_millis(300));
    // Far longer than any read that uses an index; slower reads would delay the others.
    let statement_timeout = settings.optional("DATABASE_STATEMENT_TIMEOUT", Duration::from_secs(2));
    // A server that does not answer a few small selects in this time should not serve reads.
    let probe_timeout = settings.optional("DATABASE_PROBE_TIMEOUT", Duration::from_millis(500));
    // Beyond this lag, more load on the primary is better than data from the replica.
    let replica_lag_max = settings.optional("REPLICA_LAG_MAX", Duration::from_secs(5));
    // Most readers prefer slower reads to none; a primary without reserves needs the other policy.
    let fallback = settings.optional("REPLICA_FALLBACK", Fallback::Primary);
    // Limits the age of `Projection-Lag-Ms` and of the choice between replica and primary.
    let freshness_interval = settings.optional("FRESHNESS_INTERVAL", Duration::from_millis(100));
    settings.group(|complete| database::config::Config {
        primary: primary.get(complete).0,
        replicas: match (replicas.get(complete), replica.get(complete)) {
            (Some(replicas), _) => replicas.0,
            (None, replica) => replica.into_iter().map(|replica| replica.0).collect(),
        },
        connections: connections.get(complete),
        acquire_timeout: acquire_timeout.get(complete),
        statement_timeout: statement_timeout.get(complete),
        probe_timeout: probe_timeout.get(complete),
        replica_lag_max: replica_lag_max.get(complete),
        fallback: fallback.get(complete),
        freshness_interval: freshness_interval.get(complete),
    })
}

fn read_exports(settings: &mut Settings) -> Field<Option<exports::config::Config>> {
    let directory = settings.maybe::<PathBuf>("EXPORTS_DIR");
    // Long enough to fetch the file on the next working day's morning, short enough that files do not fill the disk.
    let keep = settings.optional("EXPORTS_KEEP", Duration::from_secs(24 * 60 * 60));
    // Several times as long as an export of millions of rows. Meanwhile, the primary keeps the row versions that the snapshot sees.
    let timeout = settings.optional("EXPORT_TIMEOUT", Duration::from_secs(30 * 60));
    settings.group(|complete| {
        let (keep, timeout) = (keep.get(complete), timeout.get(complete));
        directory.get(complete).map(|directory| exports::config::Config { directory, keep, timeout })
    })
}

fn read_redis(settings: &mut Settings) -> Field<Option<redis::Config>> {
    let address = settings.maybe::<redis::Address>("REDIS_URL");
    let prefix = settings.optional("CACHE_PREFIX", String::new());
    // Longer than the slowest normal reply of Redis, shorter than a read of the replica under load.
    let budget = settings.optional("REDIS_BUDGET", Duration::from_millis(40));
    settings.group(|complete| {
        let (prefix, budget) = (prefix.get(complete), budget.get(complete));
        address.get(complete).map(|address| redis::Config { address, prefix, budget })
    })
}

fn read_process_cache(settings: &mut Settings) -> Field<ProcessLimits> {
    // A quarter of the memory that a service of this platform may use in total.
    let bytes_max = settings.bounded("PROCESS_CACHE_BYTES_MAX", 64 << 20, 0..=64 << 30);
    // Readers without a consistency token see a change after this time at the latest.
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
    fn every_invalid_setting_is_reported_at_once_and_no_secret_is_shown() {
        let settings =
            Settings::from_map([("DATABASE_URL", "mysql:hunter2"), ("REDIS_URL", "hunter2"), ("CURSOR_KEY", "abc")]);
        let report = Config::read(settings).expect_err("everything is wrong").to_string();
        for name in ["HTTP_ADDR is missing", "ADMIN_ADDR is missing", "REDIS_URL has", "CURSOR_KEY has"] {
            assert!(report.contains(name), "{name}: {report}");
        }
        assert!(!report.contains("hunter2"), "{report}");
    }

    #[test]
    fn replicas_are_one_address_or_a_list_of_addresses() {
        let hosts = |replicas: &[(&'static str, &'static str)]| {
            let required = [
                ("HTTP_ADDR", "127.0.0.1:1"),
                ("ADMIN_ADDR", "127.0.0.1:2"),
                ("DATABASE_URL", "postgres://q@localhost/orders"),
                ("CURSOR_KEY", KEY),
            ];
            let config = Config::read(Settings::from_map(required.into_iter().chain(replicas.iter().copied())));
            config.map(|config| {
                config.reads.database.replicas.iter().map(|it| it.get_host().to_owned()).collect::<Vec<_>>()
            })
        };
        assert_eq!(hosts(&[("REPLICA_URL", "postgres://q:a,b@one/orders")]).expect("one"), ["one"]);
        let list = ("REPLICA_URLS", "postgres://q:a,b@one/orders, postgresql://q@two/orders,postgres://q@three/orders");
        assert_eq!(
            hosts(&[("REPLICA_URL", "postgres://q@ignored/orders"), list]).expect("three"),
            ["one", "two", "three"]
        );
        for wrong in [("REPLICA_URLS", "localhost"), ("REPLICA_FALLBACK", "replica")] {
            assert!(hosts(&[wrong]).is_err(), "{wrong:?}");
        }
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
        assert!(config.reads.redis.is_none() && config.reads.database.replicas.is_empty());
    }
}
