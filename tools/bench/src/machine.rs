//! The machine that the figures were measured on, the commit, and the versions of the servers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use testbed::Bed;

/// The machine and the software that was measured.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Model name of the processor.
    pub cpu: String,
    /// Number of cores that this process may use.
    pub cores: usize,
    pub memory_mb: u64,
    /// Version of Linux.
    pub kernel: String,
    /// Commit of the built sources; with the suffix `-dirty` if they were changed.
    pub commit: String,
    /// Versions of the servers, and PostgreSQL settings that influence the figures.
    pub versions: BTreeMap<String, String>,
}

impl Machine {
    /// Inspects and prints this machine. The commit and Kafka's version are read from `BENCH_COMMIT` and `KAFKA_VERSION`, which
    /// `deploy/bench` sets.
    pub async fn inspect() -> anyhow::Result<Machine> {
        let bed = Bed::new().await?;
        let machine = Machine::of(&bed).await?;
        bed.discard().await?;
        println!("{machine}\n");
        Ok(machine)
    }

    async fn of(bed: &Bed) -> anyhow::Result<Machine> {
        let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".to_owned());
        let mut versions = BTreeMap::from([
            ("platform".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("kafka".to_owned(), variable("KAFKA_VERSION")),
        ]);
        let mut settings =
            PgConnection::connect(&bed.admin_url()?).await.context("asking PostgreSQL for its version")?;
        for name in ["server_version", "fsync", "synchronous_commit", "shared_buffers"] {
            let value: String =
                sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(&mut settings).await?;
            let name = if name == "server_version" { "postgresql".to_owned() } else { format!("postgresql {name}") };
            versions.insert(name, value);
        }
        versions.insert("redis".to_owned(), redis_version(&bed.redis_url()?).await?);
        Ok(Machine {
            cpu: line_of("/proc/cpuinfo", "model name"),
            cores: cores(),
            memory_mb: kilobytes("/proc/meminfo", "MemTotal") / 1024,
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            commit: variable("BENCH_COMMIT"),
            versions,
        })
    }

    /// Whether PostgreSQL writes commits to disk before it acknowledges them.
    pub fn is_durable(&self) -> bool {
        ["postgresql fsync", "postgresql synchronous_commit"]
            .iter()
            .all(|name| self.versions.get(*name).is_some_and(|v| v == "on"))
    }

    /// The machine as JSON, without versions.
    pub fn hardware(&self) -> Value {
        json!({ "cpu": self.cpu, "cores": self.cores, "memory_mb": self.memory_mb, "kernel": self.kernel })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Machine { cpu, cores, memory_mb, kernel, commit, versions } = self;
        let versions: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        write!(f, "{cpu}, {cores} cores, {memory_mb} MB, Linux {kernel}\ncommit {commit}; {}", versions.join(", "))?;
        if !self.is_durable() {
            write!(f, "\nNOT DURABLE: fsync or synchronous_commit is off; the figures are not valid")?;
        }
        Ok(())
    }
}

/// Number of cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

/// Peak resident memory of a process, in MB.
pub fn peak_memory_mb(pid: u32) -> f64 {
    kilobytes(&format!("/proc/{pid}/status"), "VmHWM") as f64 / 1024.0
}

/// Resident memory of a process, in MB.
pub fn memory_mb(pid: u32) -> f64 {
    kilobytes(&format!("/proc/{pid}/status"), "VmRSS") as f64 / 1024.0
}

/// `USER_HZ`, which is constant for programs on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Busy time of all processors since the start of the machine, in seconds.
pub fn machine_cpu_seconds() -> f64 {
    /// `idle` and `iowait` are the fourth and fifth number of the first line (proc(5)).
    const IDLE: [usize; 2] = [3, 4];
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let times = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).enumerate();
    let busy = times.filter(|(index, _)| !IDLE.contains(index)).filter_map(|(_, ticks)| ticks.parse::<f64>().ok());
    busy.sum::<f64>() / TICKS_PER_SECOND
}

/// User and system time of a process, in seconds; 0 if the process has ended.
pub fn cpu_seconds(pid: u32) -> f64 {
    (stat_field(pid, 14) + stat_field(pid, 15)) / TICKS_PER_SECOND
}

/// User and system time of the ended children of a process, in seconds.
pub fn reaped_cpu_seconds(pid: u32) -> f64 {
    (stat_field(pid, 16) + stat_field(pid, 17)) / TICKS_PER_SECOND
}

/// Process id of the parent of a process.
pub fn parent(pid: u32) -> Option<u32> {
    let parent = stat_field(pid, 4) as u32;
    (parent > 0).then_some(parent)
}

/// A numeric field of `/proc/PID/stat`, by its number in proc(5); 0 if the process has ended.
fn stat_field(pid: u32, number: usize) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Field 2 is the name in parentheses, which may contain blanks.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().nth(number - 3).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Process id of a server that `deploy/bench` has started, from its folder `BENCH_SERVERS_DIR`.
pub fn server_pid(server: &str) -> Option<u32> {
    let folder = PathBuf::from(std::env::var_os("BENCH_SERVERS_DIR")?);
    let text = std::fs::read_to_string(folder.join("run").join(format!("{server}.pid"))).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Starts those servers of the bench again that are not running.
pub async fn start_servers() -> anyhow::Result<()> {
    let folder = std::env::var_os("BENCH_SERVERS_DIR").context("BENCH_SERVERS_DIR is not set; run deploy/bench")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/servers");
    let started = tokio::process::Command::new(script).arg("start").arg(folder).output();
    let started = started.await.context("starting deploy/servers")?;
    ensure!(started.status.success(), "deploy/servers: {}", String::from_utf8_lossy(&started.stderr));
    Ok(())
}

async fn redis_version(url: &str) -> anyhow::Result<String> {
    let client = redis::Client::open(url).context("reading the address of Redis")?;
    let mut connection = client.get_multiplexed_async_connection().await.context("connecting to Redis")?;
    let info: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await.context("asking Redis")?;
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
    Ok(version.unwrap_or("unknown").trim().to_owned())
}

fn line_of(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

fn kilobytes(file: &str, name: &str) -> u64 {
    line_of(file, name).split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_processor_time() {
        let pid = std::process::id();
        let now = memory_mb(pid);
        assert!(now > 0.0 && peak_memory_mb(pid) >= now);
        assert!(cpu_seconds(pid) >= 0.0 && reaped_cpu_seconds(pid) >= 0.0 && parent(pid).is_some());
    }
}
