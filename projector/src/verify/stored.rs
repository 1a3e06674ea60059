//! Reads the tables of a generation in one snapshot, together with the checkpoints up to which events are applied.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, ensure};
use bytes::{Buf, BytesMut};
use events::{Position, StreamId};
use futures::StreamExt;
use platform::config::Secret;
use read_model::Generation;
use sqlx::PgConnection;

use super::checksums::Checksums;
use super::parts::Parts;
use super::rows::KeyedRows;
use crate::frame::binary::{HEADER, split_row};
use crate::frame::row_bytes::RowShape;
use crate::frame::{ReadModel, Table, Visitor};
use crate::scan::Bounds;
use crate::store::relay::count_partitions;
use crate::store::{self, checkpoints, parked, run, search_path};

/// A snapshot of a generation.
pub(super) struct Snapshot {
    connection: PgConnection,
    bounds: Bounds,
}

impl Snapshot {
    /// Opens a snapshot and reads up to where events are applied in it.
    pub(super) async fn open<M: ReadModel>(url: &Secret, generation: Generation) -> anyhow::Result<Snapshot> {
        // The snapshot waits while the log is folded.
        const BEGIN: &str = "begin isolation level repeatable read read only; set local statement_timeout = 0;
            set local idle_in_transaction_session_timeout = 0";
        let mut connection = store::connect_to_read(url).await?;
        sqlx::raw_sql(BEGIN).execute(&mut connection).await.context("opening a snapshot")?;
        sqlx::query("select set_config('search_path', $1, true)")
            .bind(search_path(generation))
            .execute(&mut connection)
            .await
            .context("opening a snapshot")?;
        let upto: BTreeMap<i32, Position> =
            run("reading the checkpoints", checkpoints::list(&mut connection, generation)).await?;
        let partitions =
            run("reading the partitions", count_partitions(&mut connection, M::PROJECTION.category())).await?;
        let known = upto.keys().max().map_or(0, |last| last + 1);
        let partitions = partitions.unwrap_or(0).max(known);
        ensure!(partitions > 0, "{generation} has no checkpoint yet: there is nothing to verify");
        let rows = run("reading parked streams", parked::list(&mut connection, generation, None)).await?;
        let parked: HashMap<StreamId, Position> =
            rows.iter().filter_map(|row| Some((row.stream_id.parse().ok()?, Position(row.position)))).collect();
        Ok(Snapshot { connection, bounds: Bounds { partitions, upto, parked } })
    }

    /// Up to where events are applied.
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Checksums of all tables.
    pub(super) async fn checksums<M: ReadModel>(&mut self) -> anyhow::Result<Checksums<M>> {
        let mut checksums = Checksums::expected();
        for (table, shape) in shapes::<M>() {
            self.read(table, &shape, |row| checksums.add_row(table, &shape, row)).await?;
        }
        Ok(checksums)
    }

    /// The rows of parts.
    pub(super) async fn rows<M: ReadModel>(&mut self, parts: &Parts) -> anyhow::Result<KeyedRows> {
        let mut rows = KeyedRows::default();
        for (table, shape) in shapes::<M>() {
            if parts.iter().any(|(differing, _)| *differing == table) {
                self.read(table, &shape, |row| rows.add(parts, table, &shape, row)).await?;
            }
        }
        Ok(rows)
    }

    /// Ends the snapshot.
    pub(super) async fn close(mut self) -> anyhow::Result<()> {
        sqlx::raw_sql("rollback").execute(&mut self.connection).await.context("closing the snapshot").map(|_| ())
    }

    async fn read(&mut self, table: &str, shape: &RowShape, mut each: impl FnMut(&[u8])) -> anyhow::Result<()> {
        let place = || format!("reading table {table}");
        let copy = format!("copy (select {} from {table}) to stdout with (format binary)", shape.names());
        let mut chunks = self.connection.copy_out_raw(&copy).await.with_context(place)?;
        let (mut data, mut has_header) = (BytesMut::new(), false);
        while let Some(chunk) = chunks.next().await {
            data.extend_from_slice(&chunk.with_context(place)?);
            if !has_header && data.len() >= HEADER.len() {
                data.advance(HEADER.len());
                has_header = true;
            }
            while has_header && let Some(row) = split_row(&mut data).filter(|row| row.len() > 2) {
                each(&row);
            }
        }
        Ok(())
    }
}

/// The tables of a read model with their columns.
fn shapes<M: ReadModel>() -> Vec<(&'static str, RowShape)> {
    let mut shapes = Shapes(Vec::new());
    M::visit(&[], &M::Rows::default(), &mut shapes);
    shapes.0
}

struct Shapes(Vec<(&'static str, RowShape)>);

impl Visitor for Shapes {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, _: &[R]) {
        self.0.push((table.name, RowShape::of(table)));
    }
}
