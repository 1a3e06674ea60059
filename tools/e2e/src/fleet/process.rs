//! One service as a child process: start, readiness, log, SIGTERM, SIGKILL and restart.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::service::Service;

/// How often the state of a starting or stopping process is read.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Longest wait for a health report or for metrics.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes at the end of a log that are shown after a failure.
const TAIL_BYTES: u64 = 6_000;

/// A service as a process that can be killed and started again on the same ports.
#[derive(Debug)]
pub struct Process {
    service: Service,
    binary: PathBuf,
    settings: Vec<(&'static str, String)>,
    admin: SocketAddr,
    log: PathBuf,
    child: Option<Child>,
}

/// Result of a start.
#[derive(Debug)]
pub enum Started {
    /// The service is ready.
    Ready,
    /// Another program listens on a port of the service.
    PortTaken,
}

impl Process {
    /// A process that is not started yet. `settings` is its environment in addition to `PATH`; its output is appended to `log`.
    pub fn new(
        service: Service,
        settings: Vec<(&'static str, String)>,
        admin: SocketAddr,
        log: PathBuf,
    ) -> anyhow::Result<Process> {
        Ok(Process { service, binary: service.find_binary()?, settings, admin, log, child: None })
    }

    /// Starts the process without waiting for its readiness.
    pub fn spawn(&mut self) -> anyhow::Result<()> {
        let log = append_to(&self.log)?;
        let mut command = Command::new(&self.binary);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("starting {}", self.binary.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Starts the process and waits until the service is ready. Fails after `patience`.
    pub async fn start(&mut self, patience: Duration) -> anyhow::Result<Started> {
        let log_began = std::fs::metadata(&self.log).map_or(0, |file| file.len());
        self.spawn()?;
        let deadline = Instant::now() + patience;
        while !self.is_ready().await {
            if let Some(status) = self.exit_status()? {
                if read_from(&self.log, log_began).contains("ddress already in use") {
                    return Ok(Started::PortTaken);
                }
                bail!("{} ended with {status} before it was ready\n{}", self.service, self.tail());
            }
            if Instant::now() > deadline {
                let health = self.health().await.map_or_else(|error| error.to_string(), |(_, report)| report);
                let waited = patience.as_secs();
                bail!("{} was not ready after {waited} s: {health}\n{}", self.service, self.tail());
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
        Ok(Started::Ready)
    }

    /// Whether the service reports that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.health().await.is_ok_and(|(is_ready, _)| is_ready)
    }

    /// Whether the service is ready, and its health report as JSON.
    pub async fn health(&self) -> anyhow::Result<(bool, String)> {
        let url = format!("http://{}/health/ready", self.admin);
        let answer = reqwest::Client::new().get(url).timeout(ADMIN_TIMEOUT).send().await?;
        Ok((answer.status().is_success(), answer.text().await?))
    }

    /// The metrics of the service in the text format of Prometheus.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let url = format!("http://{}/metrics", self.admin);
        Ok(reqwest::Client::new().get(url).timeout(ADMIN_TIMEOUT).send().await?.error_for_status()?.text().await?)
    }

    /// Process id, if the process was started.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills the process with SIGKILL and waits until the process has ended.
    pub fn kill_9(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill().with_context(|| format!("killing {}", self.service))?;
        child.wait().with_context(|| format!("waiting for the end of {}", self.service))?;
        Ok(())
    }

    /// Stops the process with SIGTERM and returns its exit status. Fails after `patience`.
    pub async fn stop(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let pid = self.pid().with_context(|| format!("{} is not running", self.service))?;
        let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().context("sending SIGTERM")?;
        if !sent.success() {
            bail!("sending SIGTERM to {} ({pid}) failed", self.service);
        }
        let status = self.wait_for_exit(patience).await?;
        self.child = None;
        Ok(status)
    }

    /// Waits until the process ends. Fails after `patience`.
    pub async fn wait_for_exit(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.exit_status()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} was still running after {} s\n{}", self.service, patience.as_secs(), self.tail());
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Output of the process since its first start.
    pub fn output(&self) -> String {
        read_from(&self.log, 0)
    }

    /// The end of the output, with a heading.
    pub fn tail(&self) -> String {
        let bytes = std::fs::metadata(&self.log).map_or(0, |file| file.len());
        let text = read_from(&self.log, bytes.saturating_sub(TAIL_BYTES));
        format!("--- end of {} ---\n{text}", self.log.display())
    }

    fn exit_status(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let Some(child) = &mut self.child else { bail!("{} was not started", self.service) };
        child.try_wait().with_context(|| format!("reading the exit status of {}", self.service))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // No process may outlive its test. Services must tolerate a kill at any time.
        let _ = self.kill_9();
    }
}

fn append_to(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("opening the log {}", path.display()))
}

fn read_from(path: &Path, offset: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(offset))?;
        file.read_to_end(&mut bytes)
    });
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("(no log: {error})"),
    }
}
