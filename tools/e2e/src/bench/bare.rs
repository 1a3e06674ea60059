//! The limits that the figures are compared with: an HTTP server whose one route does nothing, PostgreSQL's own batch insert
//! of the same rows, and how long PostgreSQL alone takes to show a commit on its replica.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::Router;
use axum::routing::get;
use platform::server::{Limits, bind, serve};
use platform::shutdown::Shutdown;
use sqlx::{Connection, Executor, PgConnection};
use testbed::Bed;

use super::generator::{self, Run, Target, histogram};
use super::requests::Fixed;
use super::rows::{Of, Rows};
use crate::fleet::ports;

/// Orders of one statement: about what the writer commits at once under 256 connections.
pub const ORDERS_PER_STATEMENT: usize = 256;

/// Commits that are followed to the replica.
const COMMITS: usize = 300;

/// How long the bare server may take to listen.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// Serves a route that does nothing until it is told to stop; what `bench noop ADDR` runs.
pub async fn serve_noop(addr: SocketAddr) -> anyhow::Result<()> {
    platform::metrics::install();
    let router = Router::new().route("/", get(async || "ok"));
    serve(bind(addr)?, router, Limits::default(), Shutdown::on_signals()?).await;
    Ok(())
}

/// Asks the bare server, a process of its own, as fast as it answers.
pub async fn http(connections: usize, length: Duration) -> anyhow::Result<Run> {
    let addr: SocketAddr = ([127, 0, 0, 1], ports::free_port()?).into();
    let program = std::env::current_exe().context("finding this program")?;
    let server = Command::new(program).args(["noop", &addr.to_string()]).stdin(Stdio::null()).spawn();
    let _server = Killed(server.context("starting the bare server")?);
    let began = Instant::now();
    while tokio::net::TcpStream::connect(addr).await.is_err() {
        if began.elapsed() > START_PATIENCE {
            bail!("the bare server does not listen on {addr}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let requests = Fixed::gets(addr, &["/".to_owned()]);
    let target = Target { addr, connections };
    generator::on_own_thread(move || generator::closed(target, requests, Duration::from_secs(1), length)).await
}

/// A child that does not outlive its value.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Commands a second whose rows PostgreSQL takes when one client inserts those of as many as a batch has, one statement
/// after the other, each committed: the same table, the same rows, nobody who decides anything.
pub async fn insert(of: Of, commands_per_statement: usize, length: Duration) -> anyhow::Result<f64> {
    let bed = Bed::new().await?;
    let mut writer = PgConnection::connect(&bed.writer_url()?).await.context("connecting as the writer")?;
    let mut rows = Rows::new(of);
    rows.insert(&mut writer, commands_per_statement).await?;
    let (began, mut busy, mut commands) = (Instant::now(), Duration::ZERO, 0);
    while began.elapsed() < length {
        busy += rows.insert(&mut writer, commands_per_statement).await?;
        commands += commands_per_statement;
    }
    writer.close().await?;
    bed.discard().await?;
    Ok(commands as f64 / busy.as_secs_f64())
}

/// p99 in milliseconds from the answer to a commit until its row is seen on the replica.
pub async fn replication() -> anyhow::Result<f64> {
    let bed = Bed::new().await?;
    let mut primary = PgConnection::connect(&bed.owner_url()?).await.context("connecting to the primary")?;
    primary.execute("create table seen (number int); grant select on seen to reader").await?;
    bed.replica_caught_up().await?;
    let mut replica = PgConnection::connect(&bed.reader_replica_url()?).await.context("connecting to the replica")?;
    let mut delays = histogram()?;
    for number in 0..COMMITS as i32 {
        sqlx::query("insert into seen values ($1)").bind(number).execute(&mut primary).await?;
        let committed = Instant::now();
        let seen = "select exists (select from seen where number = $1)";
        while !sqlx::query_scalar::<_, bool>(seen).bind(number).fetch_one(&mut replica).await? {
            tokio::task::yield_now().await;
        }
        delays.saturating_record(committed.elapsed().as_micros() as u64);
    }
    primary.close().await?;
    replica.close().await?;
    bed.discard().await?;
    Ok(delays.value_at_quantile(0.99) as f64 / 1_000.0)
}
