//! Starts, kills and restarts the three services as processes on the servers of one [`Bed`]. The processes are killed when the
//! [`Fleet`] is dropped.
//!
//! [`service`] contains the programs and their settings, [`process`] runs one process, [`ports`] finds free ports.

pub mod ports;
pub mod process;
pub mod service;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use testbed::{Bed, PATIENCE};

use process::{Process, Started};
pub use service::{Dependencies, Service};

/// How often the health of a service is read.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// How often a start is attempted with other ports. Losing a port to another program five times in a row has another cause.
const STARTS_MAX: usize = 5;

/// The services to start, and their settings.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    bed: Bed,
    services: Vec<Service>,
    dependencies: Dependencies,
    overrides: Vec<(Service, &'static str, String)>,
}

/// Running services. A test that succeeded calls [`Fleet::finish`]. A fleet that is dropped without this call belongs to a test
/// that failed: the ends of the logs are printed, and the logs are kept. The processes are killed in both cases.
#[derive(Debug)]
pub struct Fleet {
    members: Vec<Member>,
    logs: PathBuf,
    has_succeeded: bool,
}

#[derive(Debug)]
struct Member {
    service: Service,
    http: SocketAddr,
    process: Process,
}

impl FleetConfig {
    /// All three services, connected to all servers.
    pub fn all_services(bed: &Bed) -> FleetConfig {
        FleetConfig {
            bed: bed.clone(),
            services: Service::ALL.to_vec(),
            dependencies: Dependencies::All,
            overrides: Vec::new(),
        }
    }

    /// All three services, without Kafka.
    pub fn without_kafka(bed: &Bed) -> FleetConfig {
        FleetConfig { dependencies: Dependencies::WithoutKafka, ..FleetConfig::all_services(bed) }
    }

    /// Only the command service, connected to PostgreSQL.
    pub fn command_service_only(bed: &Bed) -> FleetConfig {
        let all = FleetConfig::all_services(bed);
        FleetConfig { services: vec![Service::Command], dependencies: Dependencies::WithoutRelay, ..all }
    }

    /// The same configuration with only one of the services.
    pub fn only(self, service: Service) -> FleetConfig {
        FleetConfig { services: vec![service], ..self }
    }

    /// Overrides one setting of one service.
    pub fn with(mut self, service: Service, name: &'static str, value: impl Into<String>) -> FleetConfig {
        self.overrides.push((service, name, value.into()));
        self
    }

    /// Starts the services one after the other, and waits until each one is ready.
    pub async fn start(self) -> anyhow::Result<Fleet> {
        let mut fleet = Fleet { members: Vec::new(), logs: persistent_folder("orders-e2e-")?, has_succeeded: false };
        for service in &self.services {
            let member = self.start_member(*service, &fleet.logs).await?;
            fleet.members.push(member);
        }
        Ok(fleet)
    }

    /// A service that is not started yet, with its own ports and log file; for tests of the start itself.
    pub fn prepare(&self, service: Service, logs: &Path) -> anyhow::Result<(SocketAddr, Process)> {
        let (http, admin) = (localhost(ports::free_port()?), localhost(ports::free_port()?));
        let mut settings = service.settings(&self.bed, self.dependencies)?;
        settings.push(("ADMIN_ADDR", admin.to_string()));
        if service.serves_http() {
            settings.push(("HTTP_ADDR", http.to_string()));
        }
        settings.push(("LOG_FORMAT", "json".to_owned()));
        settings.push(("LOG_LEVEL", "info".to_owned()));
        for (_, name, value) in self.overrides.iter().filter(|(of, _, _)| *of == service) {
            settings.retain(|(known, _)| known != name);
            settings.push((name, value.clone()));
        }
        Ok((http, Process::new(service, settings, admin, logs.join(format!("{service}.log")))?))
    }

    async fn start_member(&self, service: Service, logs: &Path) -> anyhow::Result<Member> {
        for _ in 0..STARTS_MAX {
            let (http, mut process) = self.prepare(service, logs)?;
            match process.start(PATIENCE).await? {
                Started::Ready => return Ok(Member { service, http, process }),
                Started::PortTaken => continue,
            }
        }
        bail!("{service}: another program took the ports of {STARTS_MAX} attempts to start")
    }
}

impl Fleet {
    /// URL of the HTTP interface of a service: `http://127.0.0.1:PORT`.
    pub fn url(&self, service: Service) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.addr(service)?))
    }

    /// Address of the HTTP interface of a service.
    pub fn addr(&self, service: Service) -> anyhow::Result<SocketAddr> {
        Ok(self.member(service)?.http)
    }

    /// Kills a service with SIGKILL.
    pub fn kill_9(&mut self, service: Service) -> anyhow::Result<()> {
        self.process(service)?.kill_9()
    }

    /// Starts a service again on the same ports, and waits until the service is ready.
    pub async fn restart(&mut self, service: Service) -> anyhow::Result<()> {
        let process = self.process(service)?;
        process.kill_9()?;
        for _ in 0..STARTS_MAX {
            match process.start(PATIENCE).await? {
                Started::Ready => return Ok(()),
                Started::PortTaken => continue,
            }
        }
        bail!("{service}: another program uses its ports since the service was killed")
    }

    /// Stops a service with SIGTERM, and returns the exit status.
    pub async fn stop(&mut self, service: Service, patience: Duration) -> anyhow::Result<ExitStatus> {
        self.process(service)?.stop(patience).await
    }

    /// Health report of a service, as JSON.
    pub async fn health(&self, service: Service) -> anyhow::Result<String> {
        Ok(self.member(service)?.process.health().await?.1)
    }

    /// Metrics of a service in the text format of Prometheus.
    pub async fn metrics(&self, service: Service) -> anyhow::Result<String> {
        self.member(service)?.process.metrics().await
    }

    /// Waits until the health report of a service states this state of a dependency: `up` or `down`.
    pub async fn wait_for_state(&self, service: Service, dependency: &str, state: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let report = self.health(service).await?;
            let report: serde_json::Value = serde_json::from_str(&report).context("reading a health report")?;
            let mut components = report["components"].as_array().into_iter().flatten();
            if components.any(|it| it["name"] == dependency && it["state"] == state) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{service}: {dependency} is not {state} in time: {report}");
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Process id of a service.
    pub fn pid(&self, service: Service) -> Option<u32> {
        self.members.iter().find(|member| member.service == service)?.process.pid()
    }

    /// Ends the fleet of a test that succeeded: kills the processes and removes the logs.
    pub fn finish(mut self) {
        self.has_succeeded = true;
    }

    /// The services of the fleet.
    pub fn services(&self) -> impl Iterator<Item = Service> {
        self.members.iter().map(|member| member.service)
    }

    /// The last lines of all logs.
    pub fn log_tails(&self) -> String {
        self.members.iter().map(|member| member.process.tail()).collect::<Vec<_>>().join("\n")
    }

    fn member(&self, service: Service) -> anyhow::Result<&Member> {
        let member = self.members.iter().find(|member| member.service == service);
        member.with_context(|| format!("{service} is not part of this fleet"))
    }

    fn process(&mut self, service: Service) -> anyhow::Result<&mut Process> {
        let member = self.members.iter_mut().find(|member| member.service == service);
        member.map(|member| &mut member.process).with_context(|| format!("{service} is not part of this fleet"))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if self.has_succeeded {
            self.members.clear();
            let _ = std::fs::remove_dir_all(&self.logs);
            return;
        }
        eprintln!("{}\nlogs are kept in {}", self.log_tails(), self.logs.display());
    }
}

/// A new temporary folder that is not removed automatically.
pub fn persistent_folder(prefix: &str) -> anyhow::Result<PathBuf> {
    Ok(tempfile::Builder::new().prefix(prefix).tempdir().context("creating a folder for logs")?.keep())
}

fn localhost(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
