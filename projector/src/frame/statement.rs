//! Builds the statement of a read model and runs it. The claim check, the compare-and-set of checkpoints, the parked
//! streams and the guard of documents by log position are written here, once for all projections.
//!
//! The text consists of literals of this program only and is built once per projection, so that PostgreSQL prepares it
//! once per connection. All values are bound, one array per column.

use read_model::projection;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::{Arguments, Encode, Postgres, Type};

use super::read_model::{Changes, ReadModel};
use super::table::{Column, Role, Table, Values};
use crate::changes::{Checkpoint, NetChanges, ParkedStream};
use crate::claimed_partitions::ClaimedPartitions;

/// The compare-and-set of a checkpoint.
struct CheckpointMove {
    partition: i32,
    /// Epoch of the claim.
    epoch: i64,
    /// Position of the checkpoint before the write.
    previous: i64,
    checkpoint: Checkpoint,
}

const CHECKPOINTS: &[Column<CheckpointMove>] = &[
    Column::key("partition", Values::Int(|it| it.partition)),
    Column::fixed("epoch", Values::BigInt(|it| it.epoch)),
    Column::fixed("previous", Values::BigInt(|it| it.previous)),
    Column::updated("incarnation", Values::Int(|it| it.checkpoint.log_position.incarnation.0)),
    Column::updated("position", Values::BigInt(|it| it.checkpoint.log_position.position.0)),
    Column::updated("recorded_at", Values::Timestamp(|it| it.checkpoint.recorded_at)),
];

const PARKED_STREAMS: &[Column<ParkedStream>] = &[
    Column::key("stream_id", Values::Text(|it| it.stream.as_str())),
    Column::fixed("position", Values::BigInt(|it| it.position.0)),
    Column::fixed("reason", Values::Text(|it| &it.reason)),
    Column::fixed("partition", Values::Int(|it| it.partition)),
];

/// Writes documents, history, parked streams and checkpoints in one statement, if all partitions are still claimed with
/// the epochs and checkpoints of `claimed`; otherwise writes nothing and returns `false`.
pub async fn write<M: ReadModel>(
    connection: &mut PgConnection,
    changes: &Changes<M>,
    claimed: &ClaimedPartitions,
) -> sqlx::Result<bool> {
    let arguments = arguments::<M>(changes, claimed).map_err(sqlx::Error::Encode)?;
    sqlx::query_scalar_with(M::write_statement(), arguments).fetch_one(connection).await
}

/// The statement. Parameters 1 to 3 are projection, generation and category, parameter 4 the partitions of
/// [`CHECKPOINTS`]; the parts in braces are built from the columns.
const FRAME: &str = "
    with claimed as (
        select c.partition
        from projection_checkpoints c
        join {checkpoints} on c.partition = m.partition and c.epoch = m.epoch and c.position = m.previous
        where c.projection = $1 and c.generation = $2 and c.category = $3
        order by c.partition
        for update of c
    ), guard as materialized (
        select count(*) = cardinality($4) as passed from claimed
    ), checkpoints as (
        update projection_checkpoints c
        set incarnation = m.incarnation, position = m.position, recorded_at = m.recorded_at
        from guard, {checkpoints}
        where guard.passed and c.projection = $1 and c.generation = $2 and c.category = $3 and c.partition = m.partition
    ), parked as (
        insert into parked_streams (projection, generation, stream_id, position, reason, parked_at, partition)
        select $1, $2, p.stream_id, p.position, p.reason, now(), p.partition
        from guard, {parked}
        where guard.passed
        on conflict (projection, generation, stream_id) do nothing
    ), documents as ({documents}){history}
    select passed from guard";

/// The part of the statement that inserts the rows of a table.
const INSERT: &str = "
        insert into {table} ({columns})
        select {values} from guard, {rows}
        where guard.passed
        on conflict ({keys}) do {action}
    ";

/// What the insert does with a row that exists, if the table has columns that are updated: the newer row wins.
const UPDATE: &str =
    "update set {updates} where ({table}.incarnation, {table}.position) < (excluded.incarnation, excluded.position)";

/// Builds the text of the statement. Its parameters are in the order in which [`arguments`] binds values.
pub fn build<M: ReadModel>() -> String {
    let mut parameters = Parameters { bound: 3 };
    let checkpoints = parameters.unnest(CHECKPOINTS, "m");
    let parked = parameters.unnest(PARKED_STREAMS, "p");
    let documents = insert(&M::DOCUMENTS, &mut parameters);
    let history = M::HISTORY.map(|table| [", history as (", &insert(&table, &mut parameters), ")"].concat());
    FRAME
        .replace("{checkpoints}", &checkpoints)
        .replace("{parked}", &parked)
        .replace("{documents}", &documents)
        .replace("{history}", history.as_deref().unwrap_or_default())
}

/// The values of the statement, in the order of its parameters.
fn arguments<M: ReadModel>(changes: &Changes<M>, claimed: &ClaimedPartitions) -> Result<PgArguments, EncodeError> {
    let moves = checkpoint_moves(changes, claimed);
    let mut arguments = PgArguments::default();
    arguments.add(M::PROJECTION.name())?;
    arguments.add(projection::GENERATION)?;
    arguments.add(M::PROJECTION.category().as_str())?;
    bind(&mut arguments, CHECKPOINTS, &moves)?;
    bind(&mut arguments, PARKED_STREAMS, &changes.parked)?;
    bind(&mut arguments, M::DOCUMENTS.columns, &changes.documents)?;
    if let Some(history) = M::HISTORY {
        bind(&mut arguments, history.columns, &changes.rows)?;
    }
    Ok(arguments)
}

type EncodeError = sqlx::error::BoxDynError;

fn checkpoint_moves<D, R>(changes: &NetChanges<D, R>, claimed: &ClaimedPartitions) -> Vec<CheckpointMove> {
    let of = |(partition, checkpoint): (&i32, &Checkpoint)| {
        // A partition that is not claimed matches no row, so nothing is written.
        let claim = claimed.get(*partition);
        CheckpointMove {
            partition: *partition,
            epoch: claim.map_or(-1, |claim| claim.epoch),
            previous: claim.map_or(-1, |claim| claim.checkpoint.position.0),
            checkpoint: *checkpoint,
        }
    };
    changes.checkpoints.iter().map(of).collect()
}

/// Numbers the parameters of a statement.
struct Parameters {
    bound: usize,
}

impl Parameters {
    /// The next parameter.
    fn next(&mut self) -> String {
        self.bound += 1;
        ["$", &self.bound.to_string()].concat()
    }

    /// `unnest($1::int[], ...) as alias (name, ...)` with the next parameters.
    fn unnest<R>(&mut self, columns: &[Column<R>], alias: &str) -> String {
        let array = |column: &Column<R>| [&self.next(), "::", column.values.sql_type(), "[]"].concat();
        let arrays: Vec<String> = columns.iter().map(array).collect();
        ["unnest(", &arrays.join(", "), ") as ", alias, " (", &names(columns).join(", "), ")"].concat()
    }
}

/// Inserts the rows of a table; updates a row that exists if the new row is newer.
fn insert<R>(table: &Table<R>, parameters: &mut Parameters) -> String {
    let columns = table.columns;
    let values: Vec<String> = columns.iter().map(|column| column.values.selected("r", column.name)).collect();
    let keys = names(columns.iter().filter(|column| column.role == Role::Key));
    let updated = names(columns.iter().filter(|column| column.role == Role::Updated));
    let updates: Vec<String> = updated.iter().map(|column| [column, " = excluded.", column].concat()).collect();
    let action = match updates.is_empty() {
        true => "nothing".to_owned(),
        false => UPDATE.replace("{updates}", &updates.join(", ")),
    };
    INSERT
        .replace("{columns}", &names(columns).join(", "))
        .replace("{values}", &values.join(", "))
        .replace("{rows}", &parameters.unnest(columns, "r"))
        .replace("{keys}", &keys.join(", "))
        .replace("{action}", &action)
        .replace("{table}", table.name)
}

fn names<'a, R: 'a>(columns: impl IntoIterator<Item = &'a Column<R>>) -> Vec<&'static str> {
    columns.into_iter().map(|column| column.name).collect()
}

/// Binds the values of rows, one array per column.
fn bind<R>(arguments: &mut PgArguments, columns: &[Column<R>], rows: &[R]) -> Result<(), EncodeError> {
    columns.iter().try_for_each(|column| match column.values {
        Values::Text(value) => bind_array(arguments, rows, value),
        Values::OptionalText(value) => bind_array(arguments, rows, value),
        Values::Json(value) => bind_array(arguments, rows, value),
        Values::TextList(value) => bind_array(arguments, rows, value),
        Values::Uuid(value) => bind_array(arguments, rows, value),
        Values::OptionalUuid(value) => bind_array(arguments, rows, value),
        Values::Int(value) => bind_array(arguments, rows, value),
        Values::BigInt(value) => bind_array(arguments, rows, value),
        Values::Boolean(value) => bind_array(arguments, rows, value),
        Values::Timestamp(value) => bind_array(arguments, rows, value),
    })
}

fn bind_array<'a, R, T>(arguments: &mut PgArguments, rows: &'a [R], value: fn(&'a R) -> T) -> Result<(), EncodeError>
where
    Vec<T>: Encode<'a, Postgres> + Type<Postgres>,
{
    arguments.add(rows.iter().map(value).collect::<Vec<T>>())
}

impl<R> Values<R> {
    /// SQL type of the bound values.
    fn sql_type(&self) -> &'static str {
        match self {
            Values::Text(_) | Values::OptionalText(_) | Values::Json(_) | Values::TextList(_) => "text",
            Values::Uuid(_) | Values::OptionalUuid(_) => "uuid",
            Values::Int(_) => "int",
            Values::BigInt(_) => "bigint",
            Values::Boolean(_) => "boolean",
            Values::Timestamp(_) => "timestamptz",
        }
    }

    /// The expression that converts a bound value to the type of the column.
    fn selected(&self, alias: &str, name: &str) -> String {
        match self {
            Values::Json(_) => [alias, ".", name, "::json"].concat(),
            Values::TextList(_) => ["array(select json_array_elements_text(", alias, ".", name, "::json))"].concat(),
            Values::Text(_)
            | Values::OptionalText(_)
            | Values::Uuid(_)
            | Values::OptionalUuid(_)
            | Values::Int(_)
            | Values::BigInt(_)
            | Values::Boolean(_)
            | Values::Timestamp(_) => [alias, ".", name].concat(),
        }
    }
}
