//! The program `audit` checks the invariants of the platform and prints the findings. It only reads, and it can run while the
//! platform runs. Checks that need Kafka, Redis, the replica, the services or acknowledged commands are skipped if these are not
//! given. `deploy/audit` runs the program against the platform of `deploy/up`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use e2e::api::Api;
use e2e::audit::{self, Invariant, Redis, Subject};
use e2e::client_history::acks;
use e2e::topics::Kafka;
use platform::output::print_line;

/// Checks that nothing is lost, duplicated or out of order, from the log to the caches. Exit status: 0 if every invariant that was
/// checked holds, 1 if an invariant is violated or a check failed, 2 if no invariant is violated but a check found nothing to
/// check.
#[derive(Debug, Parser)]
#[command(name = "audit")]
struct Arguments {
    /// URL of the primary, with a login that may read all tables (such as query_service)
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// URL of the replica
    #[arg(long, env = "REPLICA_URL", hide_env_values = true)]
    replica_url: Option<String>,
    /// Kafka brokers that the relay publishes to: host:port,...; empty if the platform runs without Kafka
    #[arg(long, env = "KAFKA_BROKERS")]
    kafka_brokers: Option<String>,
    /// Prefix of the topic names
    #[arg(long, env = "TOPIC_PREFIX", default_value = "")]
    topic_prefix: String,
    /// URL of the Redis that contains the caches
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Prefix of the keys in Redis
    #[arg(long, env = "CACHE_PREFIX", default_value = "")]
    cache_prefix: String,
    /// URL of the command service, to check its responses for erased personal data: http://host:port
    #[arg(long, env = "COMMAND_URL")]
    command_url: Option<String>,
    /// URL of the query service, to check its responses for erased personal data: http://host:port
    #[arg(long, env = "QUERY_URL", requires = "command_url")]
    query_url: Option<String>,
    /// File of acknowledged commands, one JSON object per line: {"key", "stream", "version", "position", "code"?}
    #[arg(long, value_name = "FILE")]
    acks: Option<PathBuf>,
    /// How long to wait until the lag is zero and outdated values in the caches have expired
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    /// Check only these invariants, for example gapless,stock
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = invariant)]
    only: Vec<Invariant>,
}

fn invariant(name: &str) -> Result<Invariant, String> {
    let known = Invariant::ALL.map(Invariant::as_str).join(", ");
    Invariant::from_name(name).ok_or_else(|| format!("choose from {known}"))
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::parse();
    let invariants = match arguments.only.is_empty() {
        true => Invariant::ALL.to_vec(),
        false => std::mem::take(&mut arguments.only),
    };
    let lines = audit::run(&subject(arguments)?, &invariants).await;
    for line in &lines {
        print_line(format_args!("{line}"));
    }
    print_line(format_args!("{}", audit::summary(&lines)));
    Ok(audit::exit_status(&lines).into())
}

fn subject(arguments: Arguments) -> anyhow::Result<Subject> {
    let acks = match &arguments.acks {
        Some(file) => acks::read_file(file).context("reading the acknowledged commands")?,
        None => Vec::new(),
    };
    let topic_prefix = arguments.topic_prefix;
    let prefix = arguments.cache_prefix;
    let brokers = arguments.kafka_brokers.filter(|brokers| !brokers.trim().is_empty());
    Ok(Subject {
        database_url: arguments.database_url,
        replica_url: arguments.replica_url,
        kafka: brokers.map(|brokers| Kafka { brokers, topic_prefix }),
        redis: arguments.redis_url.map(|url| Redis { url, prefix }),
        api: arguments.command_url.map(|commands| Api::at(commands, arguments.query_url)).transpose()?,
        acks,
        // The file does not contain what sessions read and which commands were sent more than once.
        reads: Vec::new(),
        retried: Vec::new(),
        patience: Duration::from_secs(arguments.patience),
    })
}
