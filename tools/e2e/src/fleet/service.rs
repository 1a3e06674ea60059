//! The three services: their names, programs and settings.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use testbed::Bed;

/// Environment variable: folder of the programs, if it is not the folder of the running program.
pub const BIN_DIR_VARIABLE: &str = "E2E_BIN_DIR";

/// Key with which the query service signs cursors in tests; any 32 bytes.
const CURSOR_KEY: &str = "5f1d7c0a9be84c6d2e3f40516273849a5b6c7d8e9fa0b1c2d3e4f5061728394a";

/// Key with which the command service and the query service derive the names of the streams of e-mail addresses in tests; any text of
/// at least 32 characters.
const PERSONAL_INDEX_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// Partitions of each topic; few, so that every partition contains messages even in a short test.
const TOPIC_PARTITIONS: i32 = 3;

/// A service of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The command service.
    Command,
    /// The projector.
    Projector,
    /// The query service.
    Query,
}

impl Service {
    /// All services in the order of their start: the command service creates the topics that the projector reads.
    pub const ALL: [Service; 3] = [Service::Command, Service::Projector, Service::Query];

    /// Name of the program.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Command => "command-service",
            Service::Projector => "projector",
            Service::Query => "query-service",
        }
    }

    /// Whether the service has an HTTP interface in addition to its admin port.
    pub fn serves_http(self) -> bool {
        self != Service::Projector
    }

    /// Path of the program; the error for a missing program names the command that builds it.
    pub fn find_binary(self) -> anyhow::Result<PathBuf> {
        find_binary(self.as_str())
    }

    /// Settings of the service on the servers of `bed`, without the addresses on which the service listens.
    pub fn settings(self, bed: &Bed, dependencies: Dependencies) -> anyhow::Result<Vec<(&'static str, String)>> {
        let mut settings = match self {
            Service::Command => {
                vec![("DATABASE_URL", bed.writer_url()?), ("PERSONAL_INDEX_KEY", PERSONAL_INDEX_KEY.to_owned())]
            }
            Service::Projector => vec![("DATABASE_URL", bed.projector_url()?)],
            Service::Query => vec![
                ("DATABASE_URL", bed.reader_url()?),
                ("REPLICA_URL", bed.reader_replica_url()?),
                ("CURSOR_KEY", CURSOR_KEY.to_owned()),
                ("PERSONAL_INDEX_KEY", PERSONAL_INDEX_KEY.to_owned()),
            ],
        };
        if self != Service::Command {
            settings.push(("REDIS_URL", bed.redis_url()?));
            settings.push(("CACHE_PREFIX", bed.cache_prefix()));
        }
        if self != Service::Query {
            match dependencies {
                Dependencies::All => {
                    settings.push(("KAFKA_BROKERS", bed.kafka_brokers()?));
                    settings.push(("TOPIC_PREFIX", bed.topic_prefix()));
                }
                Dependencies::WithoutKafka => settings.push(("KAFKA_BROKERS", String::new())),
                Dependencies::WithoutRelay => {}
            }
        }
        if self == Service::Command {
            settings.push(("TOPIC_PARTITIONS", TOPIC_PARTITIONS.to_string()));
        }
        Ok(settings)
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The servers that the services are connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependencies {
    /// PostgreSQL, its replica, Kafka and Redis.
    All,
    /// All servers except Kafka: read models follow the log.
    WithoutKafka,
    /// All servers except Kafka, and the command service does not publish the log.
    WithoutRelay,
}

/// Path of a program of this workspace; the error for a missing program names the command that builds it.
pub fn find_binary(name: &str) -> anyhow::Result<PathBuf> {
    let folder = match std::env::var_os(BIN_DIR_VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => folder_of_this_program()?,
    };
    let binary = folder.join(name);
    if !binary.is_file() {
        let flag = if folder.ends_with("release") { " --release" } else { "" };
        bail!(
            "{} is missing: run `cargo build{flag} --workspace`, or set {BIN_DIR_VARIABLE} to the folder that contains it",
            binary.display()
        );
    }
    Ok(binary)
}

/// `target/debug` or `target/release`; test programs are in `deps` below this folder.
fn folder_of_this_program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("finding the folder of the running program")?;
    let folder = program.parent().unwrap_or(Path::new("."));
    match folder.ends_with("deps") {
        true => Ok(folder.parent().unwrap_or(folder).to_owned()),
        false => Ok(folder.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_a_missing_program_names_the_command_that_builds_it() {
        let error = find_binary("no-such-service").unwrap_err().to_string();
        assert!(error.contains("cargo build") && error.contains(BIN_DIR_VARIABLE), "{error}");
    }
}
