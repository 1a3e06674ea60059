//! The limits of a rebuild: PostgreSQL's own `COPY` of the log to nowhere, and of rebuilt rows into a table without indexes.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::StreamExt;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use testbed::Bed;

/// The columns that a rebuild reads.
const COLUMNS: &str =
    "stream_id, incarnation, position, version, event_type, schema_version, payload, metadata, recorded_at";

/// Bytes of rows that are copied into a table.
const COPIED_IN: usize = 256 * 1024 * 1024;

/// What was copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copied {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

impl Copied {
    pub(super) fn rows_per_s(self) -> f64 {
        self.rows as f64 / self.took.as_secs_f64()
    }

    pub(super) fn megabytes_per_s(self) -> f64 {
        self.bytes as f64 / 1e6 / self.took.as_secs_f64()
    }
}

/// Reads the whole log with one `COPY`, in the order of the table and in the binary format, and discards it.
pub(super) async fn log_out(bed: &Bed, events: u64) -> anyhow::Result<Copied> {
    let mut connection = connect(bed).await?;
    let began = Instant::now();
    let copy = format!("copy events ({COLUMNS}) to stdout with (format binary)");
    let mut chunks = connection.copy_out_raw(&copy).await.context("reading the log")?;
    let mut bytes = 0;
    while let Some(chunk) = chunks.next().await {
        bytes += chunk.context("reading the log")?.len() as u64;
    }
    Ok(Copied { rows: events, bytes, took: began.elapsed() })
}

/// Copies rows of a table of a generation into a new table without indexes, in one transaction.
pub(super) async fn rows_in(bed: &Bed, table: &str) -> anyhow::Result<Copied> {
    let mut connection = connect(bed).await?;
    let out = format!("copy (select * from {table} limit 200000) to stdout with (format binary)");
    let mut data = Vec::new();
    let mut chunks = connection.copy_out_raw(&out).await.context("reading rows")?;
    while let Some(chunk) = chunks.next().await {
        data.extend_from_slice(&chunk.context("reading rows")?);
        ensure!(data.len() < 4 * COPIED_IN, "the rows of {table} are too large");
    }
    drop(chunks);
    let bytes = data.len() as u64;
    let create = format!("create table copied_rows (like {table})");
    connection.execute(AssertSqlSafe(create)).await.context("creating a table")?;
    let began = Instant::now();
    let mut transaction = connection.begin().await.context("copying rows")?;
    let mut copying = transaction.copy_in_raw("copy copied_rows from stdin with (format binary)").await?;
    copying.send(data).await.context("copying rows")?;
    let rows = copying.finish().await.context("copying rows")?;
    transaction.commit().await.context("copying rows")?;
    let took = began.elapsed();
    connection.execute("drop table copied_rows").await.context("removing a table")?;
    Ok(Copied { rows, bytes, took })
}

async fn connect(bed: &Bed) -> anyhow::Result<PgConnection> {
    PgConnection::connect(&bed.admin_url()?).await.context("connecting to PostgreSQL")
}
