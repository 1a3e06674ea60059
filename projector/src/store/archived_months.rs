//! The tables of months in the catalog of PostgreSQL, and the archived months of generations, in table `archived_months`.

use chrono::NaiveDate;
use read_model::Generation;
use sqlx::{FromRow, PgConnection};

use crate::store::command_lock;

/// The table of a month.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct MonthTable {
    /// Name of the table.
    pub name: String,
    /// Whether the table is a partition of another one.
    pub is_attached: bool,
    /// Number of rows as of the last analysis of the table; `None` if the table was not analysed yet.
    pub estimated_rows: Option<i64>,
    /// Bytes of the table without its indexes.
    pub table_bytes: i64,
    /// Bytes of its indexes.
    pub index_bytes: i64,
}

/// A row of `archived_months`.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ArchivedRow {
    /// First day of the month.
    pub month: NaiveDate,
    /// Folder that the files were written to.
    pub folder: String,
    /// Manifest of the archive, as JSON.
    pub manifest: String,
}

/// The tables of a generation that are partitions or could be, by name.
pub async fn list_tables(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<Vec<MonthTable>> {
    sqlx::query_as(
        "select c.relname::text as name, c.relispartition as is_attached, nullif(c.reltuples, -1)::bigint as estimated_rows,
             pg_table_size(c.oid) as table_bytes, pg_indexes_size(c.oid) as index_bytes
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = $1 and c.relkind = 'r'
         order by 1",
    )
    .bind(generation.schema())
    .fetch_all(connection)
    .await
}

/// The archived months of a generation, in their order.
pub async fn list(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<Vec<ArchivedRow>> {
    sqlx::query_as(
        "select month, folder, manifest::text from archived_months
         where projection = $1 and generation = $2 order by month",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .fetch_all(connection)
    .await
}

/// Records that a month was archived; call it in the transaction that drops the tables of the month.
pub async fn insert(connection: &mut PgConnection, generation: Generation, row: &ArchivedRow) -> sqlx::Result<()> {
    sqlx::query(
        "insert into archived_months (projection, generation, month, folder, manifest) values ($1, $2, $3, $4, $5::json)",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(row.month)
    .bind(&row.folder)
    .bind(&row.manifest)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Records that a month is not archived any more; call it in the transaction that attaches the tables of the month.
pub async fn delete(connection: &mut PgConnection, generation: Generation, month: NaiveDate) -> sqlx::Result<()> {
    sqlx::query("delete from archived_months where projection = $1 and generation = $2 and month = $3")
        .bind(generation.projection.name())
        .bind(generation.number)
        .bind(month)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Takes the lock that allows one process at a time to detach, archive or restore months of a generation; `false` if
/// another process has it. The lock ends with the connection.
pub async fn try_lock(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<bool> {
    command_lock::try_lock(connection, "months", &generation.schema()).await
}
