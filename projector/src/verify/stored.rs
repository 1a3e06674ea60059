//! Reads the tables of a generation in one snapshot, together with the checkpoints up to which events are applied.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::Context;
use events::{Position, StreamId};
use platform::config::Secret;
use read_model::Generation;
use sqlx::{AssertSqlSafe, PgConnection};

use super::checksums::Checksums;
use super::rows::{KeyedRows, WantedRows};
use crate::frame::ReadModel;
use crate::frame::row_bytes::RowShape;
use crate::frame::rows::{shapes, tables};
use crate::months::absent::AbsentMonths;
use crate::operator_error::OperatorError;
use crate::scan::Bounds;
use crate::store::relay::count_partitions;
use crate::store::{self, checkpoints, copy_out, parked, run, skipped};

/// A snapshot of a generation.
pub(super) struct Snapshot {
    connection: PgConnection,
    bounds: Bounds,
    absent_months: Arc<AbsentMonths>,
}

impl Snapshot {
    /// Opens a snapshot and reads up to where events are applied in it.
    pub(super) async fn open<M: ReadModel>(url: &Secret, generation: Generation) -> Result<Snapshot, OperatorError> {
        // The snapshot waits while the log is folded.
        const BEGIN: &str = "begin isolation level repeatable read read only; set local statement_timeout = 0;
            set local idle_in_transaction_session_timeout = 0";
        let mut connection = store::connect_to_read(url).await?;
        store::set_search_path(&mut connection, generation).await.context("opening a snapshot")?;
        sqlx::raw_sql(BEGIN).execute(&mut connection).await.context("opening a snapshot")?;
        lock::<M>(&mut connection).await.context("opening a snapshot")?;
        let absent_months = AbsentMonths::read(&mut connection, generation, &tables::<M>()).await?;
        let upto: BTreeMap<i32, Position> =
            run("reading the checkpoints", checkpoints::list(&mut connection, generation)).await?;
        let partitions =
            run("reading the partitions", count_partitions(&mut connection, M::PROJECTION.category())).await?;
        let known = upto.keys().max().map_or(0, |last| last + 1);
        let partitions = partitions.unwrap_or(0).max(known);
        if partitions == 0 {
            let nothing = format!("{generation} has no checkpoint yet: there is nothing to verify");
            return Err(OperatorError::Conflict(nothing));
        }
        let rows = run("reading parked streams", parked::list(&mut connection, generation, None)).await?;
        let parked: HashMap<StreamId, Position> =
            rows.iter().filter_map(|row| Some((row.stream_id.parse().ok()?, Position(row.position)))).collect();
        let skipped = run("reading skipped events", skipped::list(&mut connection, generation)).await?;
        let bounds = Bounds { partitions, upto, parked, skipped };
        Ok(Snapshot { connection, bounds, absent_months: Arc::new(absent_months) })
    }

    /// Up to where events are applied.
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The months that the tables do not show.
    pub(super) fn absent_months(&self) -> &Arc<AbsentMonths> {
        &self.absent_months
    }

    /// Checksums of all tables.
    pub(super) async fn checksums<M: ReadModel>(&mut self) -> anyhow::Result<Checksums<M>> {
        let mut checksums = Checksums::new(Arc::clone(&self.absent_months));
        for (table, shape) in shapes::<M>() {
            self.read(table, &shape, |row| checksums.add_row(table, &shape, row)).await?;
        }
        Ok(checksums)
    }

    /// The wanted rows.
    pub(super) async fn rows<M: ReadModel>(&mut self, wanted: &WantedRows) -> anyhow::Result<KeyedRows> {
        let mut rows = KeyedRows::default();
        for (table, shape) in shapes::<M>() {
            if wanted.parts.iter().any(|(differing, _)| *differing == table) {
                self.read(table, &shape, |row| rows.add(wanted, table, &shape, row)).await?;
            }
        }
        Ok(rows)
    }

    /// Ends the snapshot.
    pub(super) async fn close(mut self) -> anyhow::Result<()> {
        sqlx::raw_sql("rollback").execute(&mut self.connection).await.context("closing the snapshot").map(|_| ())
    }

    async fn read(&mut self, table: &str, shape: &RowShape, mut each: impl FnMut(&[u8])) -> anyhow::Result<()> {
        let query = format!("select {} from {table}", shape.names());
        let each = |row: &[u8]| {
            each(row);
            Ok(())
        };
        copy_out::for_each_row(&mut self.connection, &query, each)
            .await
            .with_context(|| format!("reading table {table}"))
    }
}

/// Keeps months from being detached while the tables are read. The lock is taken before the first query, because a month
/// that is detached later would be missing in the tables of the snapshot.
async fn lock<M: ReadModel>(connection: &mut PgConnection) -> sqlx::Result<()> {
    let names: Vec<&str> = tables::<M>().iter().map(|table| table.name).collect();
    // Safe because the text is composed of literals of this program.
    let lock = AssertSqlSafe(format!("lock table {} in access share mode", names.join(", ")));
    sqlx::raw_sql(lock).execute(connection).await.map(|_| ())
}
