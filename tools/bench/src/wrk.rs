//! Runs wrk, an HTTP load generator that others know, so that a figure does not rest on the load generator of this crate alone.
//! `deploy/bench` installs it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;

/// The report of wrk.
#[derive(Debug, PartialEq)]
pub(crate) struct Report {
    /// Requests per second.
    pub(crate) per_second: f64,
    /// The lines about requests that failed; empty if there are none.
    pub(crate) failures: String,
}

/// Lets `connections` connections read the paths one after the other.
pub(crate) async fn run(
    addr: SocketAddr,
    paths: &[String],
    connections: usize,
    length: Duration,
) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir().context("creating the folder of the script of wrk")?;
    let script = folder.path().join("paths.lua");
    std::fs::write(&script, lua(paths)).context("writing the script of wrk")?;
    let ran = tokio::process::Command::new("wrk")
        .arg("--threads=1")
        .args([format!("--connections={connections}"), format!("--duration={}s", length.as_secs().max(1))])
        .arg("--script")
        .arg(&script)
        .arg(format!("http://{addr}"))
        .output()
        .await
        .context("starting wrk")?;
    let output = String::from_utf8_lossy(&ran.stdout);
    Report::parse(&output).with_context(|| format!("wrk failed: {output}{}", String::from_utf8_lossy(&ran.stderr)))
}

/// A script that requests the paths in turn.
fn lua(paths: &[String]) -> String {
    let quoted: Vec<String> = paths.iter().map(|path| format!("wrk.format('GET', '{path}')")).collect();
    format!(
        "init = function() requests = {{{}}}; number = 0 end\n\
         request = function() number = number % #requests + 1; return requests[number] end\n",
        quoted.join(", ")
    )
}

impl Report {
    fn parse(output: &str) -> Option<Report> {
        let per_second = output.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok())?;
        let is_failure = |line: &&str| line.starts_with("Non-2xx") || line.starts_with("Socket errors");
        let failures: Vec<&str> = output.lines().map(str::trim).filter(is_failure).collect();
        Some(Report { per_second, failures: failures.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_wrk_has_the_rate_and_the_failures() {
        let report = |failures: &str| {
            Report::parse(&format!("Running 10s test\n  100 requests in 1.00s\n{failures}Requests/sec:  48211.37\n"))
        };
        assert_eq!(report(""), Some(Report { per_second: 48211.37, failures: String::new() }));
        let failures = "Non-2xx or 3xx responses: 660".to_owned();
        let failed = report("  Non-2xx or 3xx responses: 660\n");
        assert_eq!(failed, Some(Report { per_second: 48211.37, failures }));
        assert_eq!(Report::parse("unable to connect"), None);
    }
}
