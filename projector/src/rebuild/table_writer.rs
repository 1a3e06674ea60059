//! Writes states and rows of a rebuild with `COPY` into tables without indexes: each month into its own table, sums into a
//! table of parts that is added up at the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::BytesMut;
use platform::config::Secret;
use read_model::Generation;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::sync::Mutex;

use crate::changes::ChangedState;
use crate::frame::binary::{HEADER, TRAILER, put_row};
use crate::frame::month::Month;
use crate::frame::schema::TableSchema;
use crate::frame::{ReadModel, Table, Visitor};
use crate::scan::{Bounds, Folded, Segment, Sink, fold_segment};
use crate::store::{self, StoreError, search_path};

/// Connects to the database that is written; unqualified names mean the tables of the generation. Its transactions wait
/// while a segment of the log is read.
pub(super) async fn connect(url: &Secret, generation: Generation) -> Result<PgConnection, StoreError> {
    const PREPARE: &str = "
        select set_config('search_path', $1, false), set_config('idle_in_transaction_session_timeout', '0', false)";
    let mut connection = store::connect(url).await?;
    let path = search_path(generation);
    let prepare = sqlx::query(PREPARE).bind(&path).execute(&mut connection);
    store::run("preparing the connection to the tables", prepare).await?;
    Ok(connection)
}

/// Folds a segment of the log and writes its rows in the transaction of `target`.
pub(super) async fn write_segment<M: ReadModel>(
    source: &mut PgConnection,
    target: &mut PgConnection,
    segment: &Segment,
    bounds: &Bounds,
    tables: &RebuiltTables,
    on_events: &(dyn Fn(u64) + Sync),
) -> Result<Folded, StoreError> {
    let mut writer = TableWriter::new(tables.clone(), target);
    let writing = async {
        let folded = fold_segment::<M>(source, segment, bounds, &mut writer, on_events).await?;
        writer.flush().await?;
        Ok(folded)
    };
    writing.await.map_err(|source| StoreError { operation: "writing a segment", source })
}

/// Bytes of buffered rows after which they are written.
const BUFFERED_MAX: usize = 4 * 1024 * 1024;

/// Bytes per message: PostgreSQL copies each message into a buffer, and a small one stays in the cache of the processor.
const MESSAGE_MAX: usize = 64 * 1024;

/// The tables of a rebuild, shared by its readers.
#[derive(Debug, Clone)]
pub(super) struct RebuiltTables {
    generation: Generation,
    /// By name.
    schemas: Arc<HashMap<&'static str, TableSchema>>,
    /// Tables that exist, and the connection that creates them.
    existing: Arc<Mutex<(Vec<String>, PgConnection)>>,
}

impl RebuiltTables {
    /// `connection` creates tables, outside the transactions of the readers.
    pub(super) fn new(generation: Generation, schemas: Vec<TableSchema>, connection: PgConnection) -> RebuiltTables {
        let schemas = schemas.into_iter().map(|schema| (schema.name, schema)).collect();
        RebuiltTables {
            generation,
            schemas: Arc::new(schemas),
            existing: Arc::new(Mutex::new((Vec::new(), connection))),
        }
    }

    /// The schema of a table.
    pub(super) fn schema(&self, name: &str) -> Option<&TableSchema> {
        self.schemas.get(name)
    }

    /// Creates a table, or the table of a month, without indexes, unless it exists.
    pub(super) async fn ensure_copied(&self, table: &'static str, month: Option<Month>) -> sqlx::Result<()> {
        self.ensure(&Target { table, month, is_sum: false }).await
    }

    /// Creates the table of a target without indexes, unless it exists.
    async fn ensure(&self, target: &Target) -> sqlx::Result<()> {
        let name = target.name();
        let (existing, connection) = &mut *self.existing.lock().await;
        let Some(schema) = self.schemas.get(target.table).filter(|_| !existing.contains(&name)) else { return Ok(()) };
        // Safe because the text is composed of literals of this program and numbers of a month and a generation.
        let create = schema.create_unindexed(&format!("{}.{name}", self.generation.schema()));
        sqlx::raw_sql(AssertSqlSafe(create)).execute(connection).await?;
        existing.push(name);
        Ok(())
    }
}

/// A table that is filled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    table: &'static str,
    month: Option<Month>,
    is_sum: bool,
}

impl Target {
    fn name(&self) -> String {
        match (self.is_sum, self.month) {
            (true, _) => TableSchema::parts_name(self.table),
            (false, Some(month)) => month.table(self.table),
            (false, None) => self.table.to_owned(),
        }
    }
}

/// Buffers rows and writes them. The rows of a segment are written in the transaction of `connection`.
pub(super) struct TableWriter<'c> {
    tables: RebuiltTables,
    connection: &'c mut PgConnection,
    buffers: Buffers,
}

#[derive(Default)]
struct Buffers {
    by_target: BTreeMap<Target, BytesMut>,
    bytes: usize,
}

impl<'c> TableWriter<'c> {
    /// A writer into the tables of a rebuild.
    pub(super) fn new(tables: RebuiltTables, connection: &'c mut PgConnection) -> TableWriter<'c> {
        TableWriter { tables, connection, buffers: Buffers::default() }
    }

    /// Writes what is buffered.
    pub(super) async fn flush(&mut self) -> sqlx::Result<()> {
        for (target, rows) in &mut self.buffers.by_target {
            if rows.is_empty() {
                continue;
            }
            self.tables.ensure(target).await?;
            let copy = format!("copy {} from stdin with (format binary)", target.name());
            let mut copying = self.connection.copy_in_raw(&copy).await?;
            copying.send(HEADER).await?;
            for message in rows.chunks(MESSAGE_MAX) {
                copying.send(message).await?;
            }
            copying.send(TRAILER).await?;
            copying.finish().await?;
            // The buffer keeps its memory for the next rows.
            rows.clear();
        }
        self.buffers.bytes = 0;
        Ok(())
    }
}

impl<M: ReadModel> Sink<M> for TableWriter<'_> {
    async fn add(&mut self, states: &[ChangedState<M::State>], rows: &M::Rows) -> sqlx::Result<()> {
        M::visit(states, rows, &mut self.buffers);
        if self.buffers.bytes >= BUFFERED_MAX {
            self.flush().await?;
        }
        Ok(())
    }
}

impl Visitor for Buffers {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, rows: &[R]) {
        let is_sum = table.is_sum();
        for row in rows {
            let month = table.month.filter(|_| !is_sum).map(|instant| Month::of(instant(row)));
            let buffer = self.by_target.entry(Target { table: table.name, month, is_sum }).or_default();
            let before = buffer.len();
            put_row(buffer, table, row);
            self.bytes += buffer.len() - before;
        }
    }
}
