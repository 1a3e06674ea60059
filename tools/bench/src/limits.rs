//! The physical limits that the figures are compared with: an HTTP server whose only route does nothing, PostgreSQL's own
//! insert of the same rows, single inserts of pgbench, and the time until a commit is visible on the replica.

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

use crate::event_rows::{CommandRows, EventRows};
use crate::figures::{Figure, Figures};
use crate::load::{self, LoadTarget, Run, histogram};
use crate::pgbench;
use crate::requests::http::Gets;
use crate::requests::orders::Basket;
use crate::requests::products::SKUS;
use crate::settings::Settings;
use e2e::fleet::ports;

/// Orders per statement: about as many as the writer appends in one batch under 256 connections.
pub const ORDERS_PER_STATEMENT: usize = 256;

/// Number of commits whose replication is measured.
const COMMITS: usize = 300;

/// Time limit for the start of the bare server.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves a route that does nothing, until stopped by a signal (`bench noop ADDR`).
pub async fn serve_noop(addr: SocketAddr) -> anyhow::Result<()> {
    platform::metrics::install();
    let router = Router::new().route("/", get(async || "ok"));
    serve(bind(addr)?, router, Limits::default(), Shutdown::on_signals()?).await;
    Ok(())
}

/// Requests per second of the bare server, which runs as a separate process.
pub async fn bare_http(connections: usize, length: Duration) -> anyhow::Result<Run> {
    let addr: SocketAddr = ([127, 0, 0, 1], ports::free_port()?).into();
    let program = std::env::current_exe().context("finding the path of this program")?;
    let server = Command::new(program).args(["noop", &addr.to_string()]).stdin(Stdio::null()).spawn();
    let _server = KilledOnDrop(server.context("starting the bare server")?);
    let began = Instant::now();
    while tokio::net::TcpStream::connect(addr).await.is_err() {
        if began.elapsed() > START_TIMEOUT {
            bail!("the bare server does not accept connections at {addr}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let requests = Gets::of(addr, &["/".to_owned()]);
    let target = LoadTarget { addr, connections };
    load::on_own_thread(move || load::closed(target, requests, Duration::from_secs(1), length)).await
}

/// A child process that is killed when the value is dropped.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Commands per second whose rows PostgreSQL inserts for one client: the same table and rows as the command service writes,
/// one committed statement after the other, and no decisions.
pub async fn inserts_per_s(rows: CommandRows, commands_per_statement: usize, length: Duration) -> anyhow::Result<f64> {
    let bed = Bed::new().await?;
    let mut writer =
        PgConnection::connect(&bed.writer_url()?).await.context("connecting to PostgreSQL as the command service")?;
    let mut rows = EventRows::new(rows);
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

/// Rows per second that this many clients of pgbench insert into the table of the log, one row per statement and commit.
pub async fn pgbench_inserts_per_s(clients: usize, length: Duration) -> anyhow::Result<f64> {
    /// A receipt of stock, at the next position and for a random product.
    const SCRIPT: &str = "\\set product random(1, :products)
        with next as (select nextval('pgbench_positions') as position)
        insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at,
            command_id, fingerprint, command_size)
        select position, 1, 'stock-SKU-' || :product || '@main', position, 'StockReceived', 1, '{\"quantity\":1}', now(),
            gen_random_uuid(), position, 1
        from next;";
    let bed = Bed::new().await?;
    let mut admin = PgConnection::connect(&bed.admin_url()?).await.context("connecting to PostgreSQL")?;
    admin.execute("create sequence pgbench_positions").await?;
    admin.close().await?;
    let script = SCRIPT.replace(":products", &SKUS.to_string());
    let rate = pgbench::transactions_per_s(&bed.admin_url()?, &[script], clients, length).await;
    bed.discard().await?;
    rate
}

/// Measures the rate of PostgreSQL's own insert of the rows of orders with two lines.
pub async fn measure_order_inserts(settings: &Settings, figures: &mut Figures) -> anyhow::Result<()> {
    let rows = CommandRows::Orders(Basket::TWO_LINES);
    let per_second = inserts_per_s(rows, ORDERS_PER_STATEMENT, settings.length(10)).await?;
    figures.add(Figure::new("postgres_insert_orders_per_s", per_second, "orders/s"));
    Ok(())
}

/// p99 in milliseconds from a commit until its row is visible on the replica.
pub async fn replication_p99_ms() -> anyhow::Result<f64> {
    let bed = Bed::new().await?;
    let mut primary = PgConnection::connect(&bed.owner_url()?).await.context("connecting to the primary")?;
    primary.execute("create table replicated (number int); grant select on replicated to reader").await?;
    bed.replica_caught_up().await?;
    let mut replica = PgConnection::connect(&bed.reader_replica_url()?).await.context("connecting to the replica")?;
    let mut delays = histogram()?;
    for number in 0..COMMITS as i32 {
        sqlx::query("insert into replicated values ($1)").bind(number).execute(&mut primary).await?;
        let committed = Instant::now();
        let is_replicated = "select exists (select from replicated where number = $1)";
        while !sqlx::query_scalar::<_, bool>(is_replicated).bind(number).fetch_one(&mut replica).await? {
            tokio::task::yield_now().await;
        }
        delays.saturating_record(committed.elapsed().as_micros() as u64);
    }
    primary.close().await?;
    replica.close().await?;
    bed.discard().await?;
    Ok(delays.value_at_quantile(0.99) as f64 / 1_000.0)
}
