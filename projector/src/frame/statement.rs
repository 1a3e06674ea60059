//! Builds the statement of a read model and runs it. The claim check, the compare-and-set of checkpoints, the parked
//! streams and the guard of documents by log position are written here, once for all projections.
//!
//! The text consists of literals of this program only and is built once per worker, so that PostgreSQL prepares it once
//! per connection. All values are bound, one array per column. The search path of the connection selects the generation
//! of the tables.

use std::marker::PhantomData;
use std::sync::Arc;

use read_model::Generation;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::{Arguments, AssertSqlSafe, Encode, Postgres, Type};

use super::read_model::{Changes, ReadModel};
use super::rows;
use super::table::{Column, Role, Table, Values};
use super::visitor::Visitor;
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

/// The statement that writes a generation of a read model.
#[derive(Debug, Clone)]
pub struct WriteStatement<M> {
    generation: Generation,
    sql: Arc<str>,
    read_model: PhantomData<M>,
}

/// Estimated size of a row without its document, in bytes.
const ROW_BYTES: usize = 200;

impl<M: ReadModel> WriteStatement<M> {
    /// The statement for a generation.
    pub fn new(generation: Generation) -> WriteStatement<M> {
        WriteStatement { generation, sql: build::<M>().into(), read_model: PhantomData }
    }

    /// The generation that the statement writes.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Writes rows, parked streams and checkpoints in one statement, if all partitions are still claimed with the epochs
    /// and checkpoints of `claimed`; otherwise writes nothing and returns `false`.
    pub async fn run(
        &self,
        connection: &mut PgConnection,
        changes: &Changes<M>,
        claimed: &ClaimedPartitions,
    ) -> sqlx::Result<bool> {
        let arguments = arguments::<M>(self.generation, changes, claimed).map_err(sqlx::Error::Encode)?;
        // Safe because `build` composes the text from literals of this program.
        let sql = AssertSqlSafe(Arc::clone(&self.sql));
        sqlx::query_scalar_with(sql, arguments).fetch_one(connection).await
    }
}

/// Estimated size of the statement that writes changes, in bytes.
pub fn bytes<M: ReadModel>(changes: &Changes<M>) -> usize {
    changes.states.iter().map(|changed| changed.json.len()).sum::<usize>() + rows::count::<M>(changes) * ROW_BYTES
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
    ){tables}
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

/// What the insert does with a row that exists, if the table has columns to which values are added. The compare-and-set of
/// the checkpoints alone ensures that nothing is added twice.
const ADD: &str = "update set {updates}";

/// Builds the text of the statement. Its parameters are in the order in which [`arguments`] binds values.
fn build<M: ReadModel>() -> String {
    let mut parameters = Parameters { bound: 3 };
    let checkpoints = parameters.unnest(CHECKPOINTS, "m");
    let parked = parameters.unnest(PARKED_STREAMS, "p");
    let mut text = Text { parameters, tables: String::new() };
    M::visit(&[], &M::Rows::default(), &mut text);
    FRAME.replace("{checkpoints}", &checkpoints).replace("{parked}", &parked).replace("{tables}", &text.tables)
}

/// Builds the parts of the statement that insert rows.
struct Text {
    parameters: Parameters,
    tables: String,
}

impl Visitor for Text {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, _: &[R]) {
        let insert = insert(table, &mut self.parameters);
        self.tables.push_str(&[", ", table.name, "_rows as (", &insert, ")"].concat());
    }
}

/// The values of the statement, in the order of its parameters.
fn arguments<M: ReadModel>(
    generation: Generation,
    changes: &Changes<M>,
    claimed: &ClaimedPartitions,
) -> Result<PgArguments, EncodeError> {
    let moves = checkpoint_moves(changes, claimed);
    let mut arguments = PgArguments::default();
    arguments.add(generation.projection.name())?;
    arguments.add(generation.number)?;
    arguments.add(generation.projection.category().as_str())?;
    bind(&mut arguments, CHECKPOINTS, &moves)?;
    bind(&mut arguments, PARKED_STREAMS, &changes.parked)?;
    let mut values = BoundRows { arguments, result: Ok(()) };
    M::visit(&changes.states, &changes.rows, &mut values);
    values.result.map(|()| values.arguments)
}

/// Binds the values of rows; keeps the first error.
struct BoundRows {
    arguments: PgArguments,
    result: Result<(), EncodeError>,
}

impl Visitor for BoundRows {
    fn table<R: Sync>(&mut self, table: &'static Table<R>, rows: &[R]) {
        if self.result.is_ok() {
            self.result = bind(&mut self.arguments, table.columns, rows);
        }
    }
}

type EncodeError = sqlx::error::BoxDynError;

fn checkpoint_moves<S, R>(changes: &NetChanges<S, R>, claimed: &ClaimedPartitions) -> Vec<CheckpointMove> {
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

/// Inserts the rows of a table, and changes rows that exist as the roles of their columns require.
fn insert<R>(table: &Table<R>, parameters: &mut Parameters) -> String {
    let columns = table.columns;
    let values: Vec<String> = columns.iter().map(|column| column.values.selected("r", column.name)).collect();
    let keys = names(columns.iter().filter(|column| column.role == Role::Key));
    INSERT
        .replace("{columns}", &names(columns).join(", "))
        .replace("{values}", &values.join(", "))
        .replace("{rows}", &parameters.unnest(columns, "r"))
        .replace("{keys}", &keys.join(", "))
        .replace("{action}", &action(columns))
        .replace("{table}", table.name)
}

/// What the insert does with a row that exists.
fn action<R>(columns: &[Column<R>]) -> String {
    let with_role = |role: Role| columns.iter().filter(move |column| column.role == role);
    let updates = with_role(Role::Updated).map(|it| [it.name, " = excluded.", it.name].concat());
    let additions =
        with_role(Role::Added).map(|it| [it.name, " = {table}.", it.name, " + excluded.", it.name].concat());
    let (updates, additions): (Vec<String>, Vec<String>) = (updates.collect(), additions.collect());
    match (updates.is_empty(), additions.is_empty()) {
        (true, true) => "nothing".to_owned(),
        (false, true) => UPDATE.replace("{updates}", &updates.join(", ")),
        (_, false) => ADD.replace("{updates}", &[updates, additions].concat().join(", ")),
    }
}

fn names<'a, R: 'a>(columns: impl IntoIterator<Item = &'a Column<R>>) -> Vec<&'static str> {
    columns.into_iter().map(|column| column.name).collect()
}

/// Binds the values of rows, one array per column.
fn bind<R>(arguments: &mut PgArguments, columns: &[Column<R>], rows: &[R]) -> Result<(), EncodeError> {
    columns.iter().try_for_each(|column| match column.values {
        Values::Text(value) => bind_array(arguments, rows, value),
        Values::OwnedText(value) => bind_array(arguments, rows, value),
        Values::OptionalText(value) => bind_array(arguments, rows, value),
        Values::Json(value) => bind_array(arguments, rows, value),
        // As JSON arrays, because `unnest` would flatten an array of arrays.
        Values::TextList(value) => arguments.add(rows.iter().map(|row| json_array(&value(row))).collect::<Vec<_>>()),
        Values::Uuid(value) => bind_array(arguments, rows, value),
        Values::OptionalUuid(value) => bind_array(arguments, rows, value),
        Values::Int(value) => bind_array(arguments, rows, value),
        Values::BigInt(value) => bind_array(arguments, rows, value),
        Values::Boolean(value) => bind_array(arguments, rows, value),
        Values::Timestamp(value) => bind_array(arguments, rows, value),
        Values::OptionalTimestamp(value) => bind_array(arguments, rows, value),
    })
}

fn bind_array<'a, R, T>(arguments: &mut PgArguments, rows: &'a [R], value: fn(&'a R) -> T) -> Result<(), EncodeError>
where
    Vec<T>: Encode<'a, Postgres> + Type<Postgres>,
{
    arguments.add(rows.iter().map(value).collect::<Vec<T>>())
}

fn json_array(texts: &[&str]) -> String {
    serde_json::to_string(texts).expect("texts can be written as JSON")
}

impl<R> Values<R> {
    /// SQL type of the bound values.
    fn sql_type(&self) -> &'static str {
        match self {
            Values::Json(_) | Values::TextList(_) => "text",
            other => other.column_type(),
        }
    }

    /// The expression that converts a bound value to the type of the column.
    fn selected(&self, alias: &str, name: &str) -> String {
        match self {
            Values::Json(_) => [alias, ".", name, "::json"].concat(),
            Values::TextList(_) => ["array(select json_array_elements_text(", alias, ".", name, "::json))"].concat(),
            _ => [alias, ".", name].concat(),
        }
    }
}
