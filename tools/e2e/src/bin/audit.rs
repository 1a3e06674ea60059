//! Checks the platform's invariants and prints what was found; exits with 1 if any is broken, and with 2 if none is but one
//! found nothing to look at. It only reads, and may run while the platform does. Without Kafka, Redis, a replica, services or
//! acks it checks what is left. `deploy/audit` runs it against the platform of `deploy/up`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use e2e::ack;
use e2e::api::Api;
use e2e::audit::{self, Invariant, Redis, Subject};
use e2e::topics::Kafka;

/// Checks that nothing is lost, doubled or out of order, from the log to the caches. Exits with 1 on findings, and with 2 if
/// there are none but a check found nothing to look at.
#[derive(Debug, Parser)]
#[command(name = "audit")]
struct Arguments {
    /// The primary, as a role that may read the log and all tables (query_service does).
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// The replica that answers queries.
    #[arg(long, env = "REPLICA_URL", hide_env_values = true)]
    replica_url: Option<String>,
    /// Where the relay publishes: host:port,...
    #[arg(long, env = "KAFKA_BROKERS")]
    kafka_brokers: Option<String>,
    /// Before the names of the topics.
    #[arg(long, env = "TOPIC_PREFIX", default_value = "")]
    topic_prefix: String,
    /// Where the caches are.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Before the keys of the caches.
    #[arg(long, env = "CACHE_PREFIX", default_value = "")]
    cache_prefix: String,
    /// Where the command-service takes requests, to look at what it shows of those who are erased: http://host:port
    #[arg(long, env = "COMMAND_URL")]
    command_url: Option<String>,
    /// Where the query-service takes requests, for the same.
    #[arg(long, env = "QUERY_URL", requires = "command_url")]
    query_url: Option<String>,
    /// Acknowledged commands, one JSON object a line: {"key", "stream", "version", "position", "code"?}.
    #[arg(long, value_name = "FILE")]
    acks: Option<PathBuf>,
    /// How long to wait for lag to go away and caches to settle.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    /// Check these only, such as gapless,stock.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = invariant)]
    only: Vec<Invariant>,
}

fn invariant(name: &str) -> Result<Invariant, String> {
    let known = Invariant::ALL.map(Invariant::as_str).join(", ");
    Invariant::named(name).ok_or_else(|| format!("choose from {known}"))
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
        println!("{line}");
    }
    println!("{}", audit::summary(&lines));
    Ok(audit::exit_status(&lines).into())
}

fn subject(arguments: Arguments) -> anyhow::Result<Subject> {
    let acks = match &arguments.acks {
        Some(file) => ack::read_file(file).context("reading the acknowledged commands")?,
        None => Vec::new(),
    };
    let topic_prefix = arguments.topic_prefix;
    let prefix = arguments.cache_prefix;
    Ok(Subject {
        database_url: arguments.database_url,
        replica_url: arguments.replica_url,
        kafka: arguments.kafka_brokers.map(|brokers| Kafka { brokers, topic_prefix }),
        redis: arguments.redis_url.map(|url| Redis { url, prefix }),
        api: arguments.command_url.map(|commands| Api::at(commands, arguments.query_url)).transpose()?,
        acks,
        // Only a load knows what its sessions read and which of its commands had to be repeated.
        reads: Vec::new(),
        resolved: Vec::new(),
        patience: Duration::from_secs(arguments.patience),
    })
}
