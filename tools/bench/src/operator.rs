//! Runs the commands of operators as an operator does: the program `projector` with arguments, on the database of a bed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use testbed::Bed;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::machine;
use e2e::fleet::Service;

/// Interval between two readings of the peak memory of the program.
const MEMORY_INTERVAL: Duration = Duration::from_millis(50);

/// A command that succeeded.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) took: Duration,
    /// Peak resident memory of the program.
    pub(crate) peak_mb: f64,
    /// What the program wrote to standard output.
    pub(crate) output: String,
}

/// Runs `projector` with these arguments; an error if it fails.
pub(crate) async fn projector(bed: &Bed, arguments: &[&str]) -> anyhow::Result<Ran> {
    let began = Instant::now();
    let mut child = Command::new(Service::Projector.find_binary()?)
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", bed.projector_url()?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting the projector")?;
    let pid = child.id().context("the projector has ended at once")?;
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let reading = tokio::spawn(async move {
        let (mut output, mut errors) = (String::new(), String::new());
        if let (Some(stdout), Some(stderr)) = (&mut stdout, &mut stderr) {
            let both = tokio::join!(stdout.read_to_string(&mut output), stderr.read_to_string(&mut errors));
            both.0.and(both.1).context("reading the output of the projector")?;
        }
        anyhow::Ok((output, errors))
    });
    let mut peak_mb: f64 = 0.0;
    let status = loop {
        peak_mb = peak_mb.max(machine::peak_memory_mb(pid));
        if let Ok(ended) = tokio::time::timeout(MEMORY_INTERVAL, child.wait()).await {
            break ended.context("waiting for the projector")?;
        }
    };
    let took = began.elapsed();
    let (output, errors) = reading.await.context("reading the output of the projector")??;
    ensure!(status.success(), "`projector {}` ended with {status}:\n{output}{errors}", arguments.join(" "));
    Ok(Ran { took, peak_mb, output })
}
