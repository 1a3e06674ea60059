//! Plans the rebuild of some streams: checks that the rows of the others can be copied, and lets the rebuilt generation begin
//! where the live one is.

use anyhow::Context;
use events::{Category, Position};
use platform::config::Secret;
use read_model::Generation;
use sqlx::{AssertSqlSafe, PgConnection};

use super::copying::Copying;
use super::selection::{FOLDED_STREAMS, Selection};
use crate::frame::schema::TableSchema;
use crate::frame::{ReadModel, rows};
use crate::operator_error::OperatorError;
use crate::retry::retry_all;
use crate::store::generations::{self, State};
use crate::store::{Store, parked, run};

/// Finds the generation whose rows are copied into `generation`, and checks that they can be copied.
pub(super) async fn prepare<M: ReadModel>(
    connection: &mut PgConnection,
    generation: Generation,
    selection: &Selection,
    upto: Position,
) -> Result<Copying, OperatorError> {
    let name = M::PROJECTION.name();
    let generations = run("reading the generations", generations::list_of(connection, M::PROJECTION)).await?;
    let live = generations.iter().find(|row| row.state == State::Live);
    let no_live = || OperatorError::Conflict(format!("{name} has no live generation whose rows could be copied"));
    let live = live.ok_or_else(no_live)?;
    let live = Generation { projection: M::PROJECTION, number: live.number };
    for table in rows::tables::<M>() {
        if table.is_sum || table.stream_id.is_none() {
            return Err(OperatorError::Conflict(format!(
                "rows of {} contain events of several streams, so they cannot be copied for some streams: rebuild {name} \
                 completely",
                table.name
            )));
        }
        ensure_same_columns(connection, live, &table).await?;
    }
    match selection {
        Selection::Since(position) if *position > upto => {
            return Err(OperatorError::Conflict(format!(
                "the log ends at position {upto}: no stream has an event at or after position {position}"
            )));
        }
        Selection::Months(_) if !matches!(M::PROJECTION.category(), Category::Order | Category::StockHold) => {
            return Err(OperatorError::Conflict(format!(
                "the ids of the streams of {name} contain no time, so they have no month: rebuild {name} completely, or from \
                 a position"
            )));
        }
        Selection::Since(_) | Selection::Months(_) | Selection::All => {}
    }
    let copying = Copying { generation, live, selection: selection.clone() };
    copying.ensure_possible(connection).await?;
    Ok(copying)
}

async fn ensure_same_columns(
    connection: &mut PgConnection,
    live: Generation,
    table: &TableSchema,
) -> Result<(), OperatorError> {
    let different: Vec<String> = sqlx::query_scalar(
        "select coalesce(a.attname::text, d.name)
         from unnest($2::text[], $3::text[], $4::boolean[]) as d (name, type, is_optional)
         full join (
             select * from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped
         ) as a on a.attname = d.name and a.atttypid = to_regtype(d.type) and a.attnotnull <> d.is_optional
         where a.attname is null or d.name is null
         group by 1 order by 1",
    )
    .bind(format!("{}.{}", live.schema(), table.name))
    .bind(table.columns.iter().map(|column| column.name).collect::<Vec<_>>())
    .bind(table.columns.iter().map(|column| column.column_type).collect::<Vec<_>>())
    .bind(table.columns.iter().map(|column| column.is_optional).collect::<Vec<_>>())
    .fetch_all(connection)
    .await
    .context("comparing the columns")?;
    if different.is_empty() {
        return Ok(());
    }
    Err(OperatorError::Conflict(format!(
        "{live} has other columns in {} than this build ({}), so its rows cannot be copied: rebuild {} completely",
        table.name,
        different.join(", "),
        live.projection.name()
    )))
}

/// Lets the rebuilt generation begin with the checkpoints of the live one, and with its parked streams and skipped events that
/// are not folded; lists the streams that are folded. Returns their number. Call it in the transaction that creates the generation, in one
/// snapshot.
pub(super) async fn begin(
    connection: &mut PgConnection,
    copying: &Copying,
    upto: Position,
) -> Result<i64, OperatorError> {
    let streams = match &copying.selection {
        Selection::Since(since) => list_changed(connection, copying.generation, *since, upto).await,
        Selection::Months(_) | Selection::All => count_streams(connection, copying, upto).await,
    };
    let streams = streams.context("finding the streams to fold")?;
    if streams == 0 {
        let nothing = format!("there is nothing to fold: the log contains no event of {}", copying.selection);
        return Err(OperatorError::Conflict(nothing));
    }
    copy_progress(connection, copying).await.context("copying the checkpoints of the live generation")?;
    Ok(streams)
}

/// Retries the parked streams, whose rows were copied: the event at which a stream is parked may have been skipped since the
/// plan, and rows that were copied after that contain what followed it.
pub(super) async fn retry_parked<M: ReadModel>(url: &Secret, generation: Generation) -> anyhow::Result<()> {
    let mut store = Store::new(url, generation)?;
    let connection = store.connection().await?;
    let rows = run("reading parked streams", parked::list(connection, generation, None)).await?;
    Ok(retry_all::<M>(connection, generation, rows, &mut |_, _| ()).await?)
}

/// Removes what only the rebuild needed.
pub(super) async fn finish(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<()> {
    let drop = format!("drop table if exists {}.{FOLDED_STREAMS}", generation.schema());
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(connection).await.map(|_| ())
}

/// Stores the ids of the streams with an event in a range of positions.
async fn list_changed(
    connection: &mut PgConnection,
    generation: Generation,
    since: Position,
    upto: Position,
) -> sqlx::Result<i64> {
    let table = format!("{}.{FOLDED_STREAMS}", generation.schema());
    let prefixes = generation.projection.category().prefixes();
    // Safe because the text is composed of literals of this program and the number of a generation.
    let create = format!("create table {table} (stream_id text primary key)");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *connection).await?;
    let insert = format!(
        "insert into {table}
         select distinct e.stream_id from events e, unnest($3::text[]) as prefix
         where e.position >= $1 and e.position <= $2 and starts_with(e.stream_id, prefix)"
    );
    let inserted =
        sqlx::query(AssertSqlSafe(insert)).bind(since.0).bind(upto.0).bind(prefixes).execute(&mut *connection).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("analyze {table}"))).execute(connection).await?;
    Ok(inserted.rows_affected() as i64)
}

/// Number of streams of months.
async fn count_streams(connection: &mut PgConnection, copying: &Copying, upto: Position) -> sqlx::Result<i64> {
    let (first, end): (Vec<String>, Vec<String>) =
        copying.selection.id_ranges(copying.generation.projection.category()).into_iter().unzip();
    sqlx::query_scalar(
        "select count(*) from unnest($1::text[], $2::text[]) as range (first, the_end)
         join events e on e.stream_id >= range.first and e.stream_id < range.the_end and e.version = 1 and e.position <= $3",
    )
    .bind(first)
    .bind(end)
    .bind(upto.0)
    .fetch_one(connection)
    .await
}

async fn copy_progress(connection: &mut PgConnection, copying: &Copying) -> sqlx::Result<()> {
    let Copying { generation, live, selection } = copying;
    let checkpoints = "
        insert into projection_checkpoints
            (projection, generation, category, partition, epoch, incarnation, position, recorded_at)
        select projection, $3, category, partition, 1, incarnation, position, recorded_at
        from projection_checkpoints where projection = $1 and generation = $2"
        .to_owned();
    let parked = format!(
        "insert into parked_streams (projection, generation, stream_id, position, reason, parked_at, partition)
         select projection, $3, stream_id, position, reason, parked_at, partition
         from parked_streams p where projection = $1 and generation = $2 and not {}",
        selection.condition(*generation, "p.stream_id")
    );
    for copy in [checkpoints, parked] {
        sqlx::query(AssertSqlSafe(copy))
            .bind(generation.projection.name())
            .bind(live.number)
            .bind(generation.number)
            .execute(&mut *connection)
            .await?;
    }
    copying.copy_skipped(connection).await
}
