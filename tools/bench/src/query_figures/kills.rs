//! `redis_kill_s`, `replica_kill_s`, `primary_kill_s` and their errors: a server is killed under the load of the clients, and
//! started again.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use e2e::fleet::Service;
use tokio::process::Command;

use super::shop::Shop;
use super::think_time;
use crate::figures::{Figure, Figures, Target};
use crate::machine;
use crate::settings::Settings;

/// A server, and the keys of its figures.
struct Victim {
    server: &'static str,
    seconds: &'static str,
    errors: &'static str,
}

const VICTIMS: [Victim; 3] = [
    Victim { server: "redis", seconds: "redis_kill_s", errors: "redis_kill_errors" },
    Victim { server: "replica", seconds: "replica_kill_s", errors: "replica_kill_errors" },
    Victim { server: "postgres", seconds: "primary_kill_s", errors: "primary_kill_errors" },
];

/// When the server is killed, and when it is started again.
const KILL_AT: Duration = Duration::from_secs(15);
const START_AT: Duration = Duration::from_secs(30);
const END_AT: Duration = Duration::from_secs(60);
/// Response times have settled when the 99th percentile of every later second is below this, in milliseconds.
const SETTLED_MS: f64 = 100.0;
/// Target for the time until response times have settled.
const SETTLED_S: f64 = 10.0;

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    for victim in VICTIMS {
        if settings.wants(&[victim.seconds, victim.errors]) {
            kill(&victim, shop, figures).await?;
        }
    }
    Ok(())
}

async fn kill(victim: &Victim, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let paths = think_time::paths(shop);
    let begin = Instant::now();
    let load = tokio::spawn(async move { think_time::run(addr, &paths, END_AT).await });
    tokio::time::sleep(KILL_AT).await;
    let pid = machine::server_pid(victim.server).with_context(|| format!("{} is not running", victim.server))?;
    run(Command::new("kill").arg("-9").arg(pid.to_string())).await?;
    let killed_at = begin.elapsed();
    tokio::time::sleep(START_AT.saturating_sub(begin.elapsed())).await;
    machine::start_servers().await?;
    let started_at = begin.elapsed();
    let seen = load.await.context("the clients panicked")??;
    shop.stop(service).await?;
    shop.bed.replica_caught_up().await?;

    let down = seen.settled_after(killed_at, started_at, SETTLED_MS);
    let up = seen.settled_after(started_at, END_AT, SETTLED_MS);
    let note = format!(
        "until p99 is below {SETTLED_MS} ms: {} s after the kill, {} s after the start; p99 of all requests {:.1} ms",
        down.as_secs(),
        up.as_secs(),
        seen.p99_ms()
    );
    let seconds = down.max(up).as_secs_f64();
    figures.add(Figure::new(victim.seconds, seconds, "s").target(Target::Below(SETTLED_S)).note(note));
    let note = format!("of {} requests", seen.count());
    let errors = Figure::new(victim.errors, seen.errors() as f64, "errors").target(Target::Exactly(0.0));
    figures.add(errors.note(note));
    Ok(())
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let ran = command.output().await.context("starting a command")?;
    ensure!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Ok(())
}
