//! Creates the indexes of rebuilt tables and attaches their months. Each table is done in one transaction, so an
//! interrupted rebuild continues with the next table.

use anyhow::Context;
use chrono::{DateTime, Utc};
use read_model::Generation;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::frame::month::Month;
use crate::frame::schema::TableSchema;
use crate::store::set_search_path;

/// Settings under which indexes are created: with more memory, and without the time limit of small statements.
const SETTINGS: &str = "set maintenance_work_mem = '256MB'; set statement_timeout = 0; set work_mem = '64MB'";

/// Creates the indexes of all tables of a generation and attaches their months.
pub(super) async fn create(
    connection: &mut PgConnection,
    generation: Generation,
    tables: &[TableSchema],
) -> anyhow::Result<()> {
    sqlx::raw_sql(SETTINGS).execute(&mut *connection).await.context("preparing the indexes")?;
    set_search_path(connection, generation).await.context("preparing the indexes")?;
    for table in tables {
        let place = || format!("creating the indexes of {}", table.name);
        match (table.is_sum, table.partitioned_by) {
            (true, _) => add_up(connection, table).await.with_context(place)?,
            (false, Some(_)) => attach_months(connection, generation, table).await.with_context(place)?,
            (false, None) => index(connection, table).await.with_context(place)?,
        }
        run(connection, format!("analyze {}", table.name)).await.with_context(place)?;
    }
    sqlx::query("reset search_path").execute(connection).await.context("ending the indexes")?;
    Ok(())
}

/// Adds the parts of sums up, unless that was done.
async fn add_up(connection: &mut PgConnection, table: &TableSchema) -> sqlx::Result<()> {
    if !exists(connection, &TableSchema::parts_name(table.name)).await? {
        return Ok(());
    }
    if table.partitioned_by.is_some() {
        let months = sqlx::query_scalar::<_, DateTime<Utc>>(AssertSqlSafe(table.months_of_parts()));
        for month in months.fetch_all(&mut *connection).await? {
            run(connection, table.ensure_month(Month::of(month))).await?;
        }
    }
    in_transaction(connection, table.add_up_parts()).await
}

async fn attach_months(connection: &mut PgConnection, generation: Generation, table: &TableSchema) -> sqlx::Result<()> {
    let names: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c
         where c.relnamespace = $1::regnamespace and c.relkind = 'r'
             and not exists (select from pg_inherits i where i.inhrelid = c.oid)
         order by 1",
    )
    .bind(generation.schema())
    .fetch_all(&mut *connection)
    .await?;
    for month in names.iter().filter_map(|name| Month::of_table(table.name, name)) {
        in_transaction(connection, table.attach_month(month)).await?;
    }
    Ok(())
}

/// Creates primary key and indexes of a table without months, unless it has them.
async fn index(connection: &mut PgConnection, table: &TableSchema) -> sqlx::Result<()> {
    let is_indexed: bool = sqlx::query_scalar("select exists (select from pg_index where indrelid = to_regclass($1))")
        .bind(table.name)
        .fetch_one(&mut *connection)
        .await?;
    if is_indexed { Ok(()) } else { in_transaction(connection, table.index()).await }
}

async fn exists(connection: &mut PgConnection, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("select to_regclass($1) is not null").bind(table).fetch_one(connection).await
}

async fn in_transaction(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    run(&mut transaction, sql).await?;
    transaction.commit().await
}

/// Runs statements whose text is composed of literals of this program and numbers of months.
async fn run(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}
