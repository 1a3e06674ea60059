//! Runs pgbench, the load generator of PostgreSQL. `deploy/bench` adds its folder to the path.

use std::time::Duration;

use anyhow::Context;

/// Transactions per second of `clients` clients, each of which runs one of the scripts, chosen at random, again and again as
/// prepared statements.
pub(crate) async fn transactions_per_s(
    url: &str,
    scripts: &[String],
    clients: usize,
    length: Duration,
) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir().context("creating the folder of the scripts of pgbench")?;
    let mut command = tokio::process::Command::new("pgbench");
    command
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .args([format!("--client={clients}"), format!("--time={}", length.as_secs().max(1))]);
    for (number, script) in scripts.iter().enumerate() {
        let file = folder.path().join(format!("{number}.sql"));
        std::fs::write(&file, script).context("writing a script of pgbench")?;
        command.arg("--file").arg(file);
    }
    let ran = command.arg(url).output().await.context("starting pgbench")?;
    let output = String::from_utf8_lossy(&ran.stdout);
    let rate = output.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench failed: {output}{}", String::from_utf8_lossy(&ran.stderr)))
}
