//! The three services as processes on one [`Bed`]: started, killed, restarted, and gone when the value is dropped.
//!
//! [`service`] knows programs and settings, [`process`] one child, [`ports`] where it can listen.

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
pub use service::{Service, Wiring};

/// How often a service is asked for its health.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// How often a start is tried again with other ports. Two losses in a row are luck, five are not.
const STARTS_MAX: usize = 5;

/// What to start, and with which settings.
#[derive(Debug, Clone)]
pub struct Plan {
    bed: Bed,
    services: Vec<Service>,
    wiring: Wiring,
    overrides: Vec<(Service, &'static str, String)>,
}

/// Running services. A test that is content ends with [`Fleet::retire`]; a fleet that is merely dropped belongs to a test
/// that failed, so it shows the ends of its logs and keeps them. Either way the processes are killed.
#[derive(Debug)]
pub struct Fleet {
    members: Vec<Member>,
    logs: PathBuf,
    is_content: bool,
}

#[derive(Debug)]
struct Member {
    service: Service,
    http: SocketAddr,
    process: Process,
}

impl Plan {
    /// All three services with everything that they can be connected with.
    pub fn everything(bed: &Bed) -> Plan {
        Plan { bed: bed.clone(), services: Service::ALL.to_vec(), wiring: Wiring::Everything, overrides: Vec::new() }
    }

    /// The command-service and PostgreSQL, nothing else.
    pub fn command_only(bed: &Bed) -> Plan {
        let plan = Plan::everything(bed);
        Plan { services: vec![Service::Command], wiring: Wiring::NoKafka, ..plan }
    }

    /// The same plan for one service only.
    pub fn only(self, service: Service) -> Plan {
        Plan { services: vec![service], ..self }
    }

    /// Another value for one setting of one service.
    pub fn with(mut self, service: Service, name: &'static str, value: impl Into<String>) -> Plan {
        self.overrides.push((service, name, value.into()));
        self
    }

    /// Starts everything and waits until each service is ready.
    pub async fn start(self) -> anyhow::Result<Fleet> {
        let mut fleet = Fleet { members: Vec::new(), logs: keep_folder("orders-e2e-")?, is_content: false };
        for service in &self.services {
            let member = self.start_member(*service, &fleet.logs).await?;
            fleet.members.push(member);
        }
        Ok(fleet)
    }

    /// A service that has not been started, with ports and a log of its own, for tests of the start itself.
    pub fn prepare(&self, service: Service, logs: &Path) -> anyhow::Result<(SocketAddr, Process)> {
        let (http, admin) = (localhost(ports::free_port()?), localhost(ports::free_port()?));
        let mut settings = service.settings(&self.bed, self.wiring)?;
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
        bail!("{service}: {STARTS_MAX} times in a row somebody else took its ports first")
    }
}

impl Fleet {
    /// Where a service takes requests, `http://127.0.0.1:...`.
    pub fn url(&self, service: Service) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.addr(service)?))
    }

    /// Where a service takes requests.
    pub fn addr(&self, service: Service) -> anyhow::Result<SocketAddr> {
        let member = self.members.iter().find(|member| member.service == service);
        member.map(|member| member.http).with_context(|| format!("{service} is not part of this fleet"))
    }

    /// SIGKILL, at whatever it is doing.
    pub fn kill_9(&mut self, service: Service) -> anyhow::Result<()> {
        self.process(service)?.kill_9()
    }

    /// Starts it again on the same ports and waits until it is ready.
    pub async fn restart(&mut self, service: Service) -> anyhow::Result<()> {
        let process = self.process(service)?;
        process.kill_9()?;
        for _ in 0..STARTS_MAX {
            match process.start(PATIENCE).await? {
                Started::Ready => return Ok(()),
                Started::PortTaken => continue,
            }
        }
        bail!("{service}: its ports stayed taken after it was killed")
    }

    /// SIGTERM; gives the exit status.
    pub async fn stop(&mut self, service: Service, patience: Duration) -> anyhow::Result<ExitStatus> {
        self.process(service)?.stop(patience).await
    }

    /// A service's report on what it depends on.
    pub async fn health(&self, service: Service) -> anyhow::Result<String> {
        let member = self.members.iter().find(|member| member.service == service);
        let member = member.with_context(|| format!("{service} is not part of this fleet"))?;
        Ok(member.process.health().await?.1)
    }

    /// Returns once a service says that a dependency is in this state: `up` or `down`.
    pub async fn until(&self, service: Service, dependency: &str, state: &str) -> anyhow::Result<()> {
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
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// A service's process id.
    pub fn pid(&self, service: Service) -> Option<u32> {
        self.members.iter().find(|member| member.service == service)?.process.pid()
    }

    /// Everything went well: kills the processes and removes the logs.
    pub fn retire(mut self) {
        self.is_content = true;
    }

    /// The services that belong to it.
    pub fn services(&self) -> impl Iterator<Item = Service> {
        self.members.iter().map(|member| member.service)
    }

    /// The ends of all logs.
    pub fn tails(&self) -> String {
        self.members.iter().map(|member| member.process.tail()).collect::<Vec<_>>().join("\n")
    }

    fn process(&mut self, service: Service) -> anyhow::Result<&mut Process> {
        let member = self.members.iter_mut().find(|member| member.service == service);
        member.map(|member| &mut member.process).with_context(|| format!("{service} is not part of this fleet"))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if self.is_content {
            self.members.clear();
            let _ = std::fs::remove_dir_all(&self.logs);
            return;
        }
        eprintln!("{}\nlogs are kept in {}", self.tails(), self.logs.display());
    }
}

/// A new folder that stays until somebody removes it.
pub fn keep_folder(prefix: &str) -> anyhow::Result<PathBuf> {
    Ok(tempfile::Builder::new().prefix(prefix).tempdir().context("making a folder for logs")?.keep())
}

fn localhost(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
