//! The generations of projections, in table `projection_generations`: each has its tables in a schema of its own. Views in
//! schema `public` show the tables of the live generation, so that a reader needs no name of a generation.

use events::Position;
use read_model::{Generation, Projection};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::frame::month::Month;
use crate::frame::schema::TableSchema;
use crate::frame::{ReadModel, rows};
use crate::store::{command_lock, skipped};

/// State of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A rebuild fills the tables.
    Building,
    /// New events are applied; readers do not see the generation.
    Following,
    /// Readers see the generation; new events are applied.
    Live,
    /// The generation was live and can be live again; new events are applied.
    Retained,
}

/// A row of `projection_generations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationRow {
    /// Name of the projection; a newer build may have projections that this build does not have.
    pub projection: String,
    /// Number of the generation.
    pub number: i32,
    /// Version of its fold and tables.
    pub version: i32,
    /// Its state.
    pub state: State,
    /// Number of rows that differed in its last verification; `None` if it was not verified.
    pub differences: Option<i64>,
    /// Position of the log up to which it was verified.
    pub verified_position: Option<i64>,
}

impl State {
    const ALL: [State; 4] = [State::Building, State::Following, State::Live, State::Retained];

    /// The state as it is stored.
    pub fn word(self) -> &'static str {
        match self {
            State::Building => "building",
            State::Following => "following",
            State::Live => "live",
            State::Retained => "retained",
        }
    }

    /// Whether new events are applied to a generation in this state.
    pub fn is_followed(self) -> bool {
        self != State::Building
    }
}

/// All generations, by projection and number.
pub async fn list(connection: &mut PgConnection) -> sqlx::Result<Vec<GenerationRow>> {
    let rows = sqlx::query(
        "select projection, generation, version, state, differences, verified_position
         from projection_generations order by projection, generation",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(GenerationRow::decode).collect()
}

/// The generations of a projection, by number.
pub async fn list_of(connection: &mut PgConnection, projection: Projection) -> sqlx::Result<Vec<GenerationRow>> {
    let rows = list(connection).await?;
    Ok(rows.into_iter().filter(|row| row.projection == projection.name()).collect())
}

impl GenerationRow {
    fn decode(row: &PgRow) -> sqlx::Result<GenerationRow> {
        let word: &str = row.try_get("state")?;
        let state = State::ALL.into_iter().find(|state| state.word() == word);
        Ok(GenerationRow {
            projection: row.try_get("projection")?,
            number: row.try_get("generation")?,
            version: row.try_get("version")?,
            state: state
                .ok_or_else(|| sqlx::Error::Decode(format!("`{word}` is not a state of a generation").into()))?,
            differences: row.try_get("differences")?,
            verified_position: row.try_get("verified_position")?,
        })
    }
}

/// Creates the first generation of a projection with empty tables, live from the start, unless the projection has a
/// generation. A worker then derives it from the whole log.
pub async fn create_first<M: ReadModel>(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let generation = Generation::first(M::PROJECTION);
    let mut transaction = connection.begin().await?;
    lock(&mut transaction, M::PROJECTION).await?;
    let is_new: bool =
        sqlx::query_scalar("select not exists (select from projection_generations where projection = $1)")
            .bind(M::PROJECTION.name())
            .fetch_one(&mut *transaction)
            .await?;
    if is_new {
        create_indexed::<M>(&mut transaction, generation, State::Live).await?;
        show(&mut transaction, generation, None).await?;
    }
    transaction.commit().await?;
    Ok(is_new)
}

/// Creates a generation with empty tables and all indexes, which a worker fills.
pub async fn create_indexed<M: ReadModel>(
    connection: &mut PgConnection,
    generation: Generation,
    state: State,
) -> sqlx::Result<()> {
    lock(connection, M::PROJECTION).await?;
    insert(connection, generation, M::VERSION, state).await?;
    let tables = rows::tables::<M>().iter().map(TableSchema::create).collect();
    create_schema(connection, generation, tables).await
}

/// Creates a generation that a rebuild fills: its tables have no indexes yet.
pub async fn create_for_rebuild<M: ReadModel>(
    connection: &mut PgConnection,
    generation: Generation,
) -> sqlx::Result<()> {
    lock(connection, M::PROJECTION).await?;
    insert(connection, generation, M::VERSION, State::Building).await?;
    let tables: Vec<String> = rows::tables::<M>().iter().map(TableSchema::create_for_rebuild).collect();
    create_schema(connection, generation, tables).await
}

/// Changes the state of a generation; `false` if it is not in the expected state.
pub async fn set_state(
    connection: &mut PgConnection,
    generation: Generation,
    from: State,
    to: State,
) -> sqlx::Result<bool> {
    let updated = sqlx::query(
        "update projection_generations set state = $4 where projection = $1 and generation = $2 and state = $3",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(from.word())
    .bind(to.word())
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Stores the result of a verification: up to which position of the log, the number of rows that differ, and the report as
/// JSON.
pub async fn set_verified(
    connection: &mut PgConnection,
    generation: Generation,
    position: Position,
    differences: u64,
    report: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "update projection_generations
         set verified_at = now(), verified_position = $3, differences = $4, report = $5::json
         where projection = $1 and generation = $2",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(position.0)
    .bind(differences as i64)
    .bind(report)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Takes the lock that allows one process at a time to rebuild a projection; `false` if another process has it. The lock
/// ends with the connection.
pub async fn try_lock_rebuild(connection: &mut PgConnection, projection: Projection) -> sqlx::Result<bool> {
    command_lock::try_lock(connection, "rebuild", projection.name()).await
}

/// Locks the generations of a projection until the transaction ends, so that one process at a time changes them.
async fn lock(connection: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtext('projection_generations'), hashtext($1))")
        .bind(projection.name())
        .execute(connection)
        .await
        .map(|_| ())
}

async fn insert(connection: &mut PgConnection, generation: Generation, version: i32, state: State) -> sqlx::Result<()> {
    sqlx::query("insert into projection_generations (projection, generation, version, state) values ($1, $2, $3, $4)")
        .bind(generation.projection.name())
        .bind(generation.number)
        .bind(version)
        .bind(state.word())
        .execute(connection)
        .await
        .map(|_| ())
}

/// Creates the schema of a generation, and in it tables without months.
async fn create_schema(connection: &mut PgConnection, generation: Generation, tables: Vec<String>) -> sqlx::Result<()> {
    let schema = generation.schema();
    run(
        connection,
        format!(
            "create schema {schema};
             grant usage on schema {schema} to reader;
             alter default privileges in schema {schema} grant select on tables to reader;
             set local search_path = {schema}, public;
             {}
             reset search_path;",
            tables.join("\n")
        ),
    )
    .await
}

/// Removes a generation with its tables, and with its checkpoints and parked streams, which refer to it. The records of its
/// skipped events stay.
pub async fn remove(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<()> {
    skipped::retire(connection, generation).await?;
    const REMOVE: &str = "delete from projection_generations where projection = $1 and generation = $2";
    let remove = sqlx::query(REMOVE).bind(generation.projection.name()).bind(generation.number);
    remove.execute(&mut *connection).await?;
    run(connection, format!("drop schema {} cascade", generation.schema())).await
}

/// Lets the views in schema `public` show the tables of a generation, instead of those of the former live one: another
/// version may have other tables and columns.
pub async fn show(
    connection: &mut PgConnection,
    generation: Generation,
    former: Option<Generation>,
) -> sqlx::Result<()> {
    let tables = list_tables(connection, generation).await?;
    let former = match former {
        Some(former) => list_tables(connection, former).await?,
        None => Vec::new(),
    };
    let schema = generation.schema();
    let drop = former.iter().chain(&tables).map(|table| format!("drop view if exists public.{table};"));
    let create = tables.iter().map(|table| {
        format!(
            "create view public.{table} as select * from {schema}.{table};
             grant select on public.{table} to reader;"
        )
    });
    run(connection, drop.chain(create).collect::<Vec<_>>().join("\n")).await
}

/// Names of the tables of a generation, without those of months.
async fn list_tables(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<Vec<String>> {
    let names: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
         where relnamespace = $1::regnamespace and relkind in ('r', 'p') and not relispartition order by 1",
    )
    .bind(generation.schema())
    .fetch_all(connection)
    .await?;
    // A month that is detached is a table of its own.
    let is_month = |name: &String| names.iter().any(|table| Month::of_table(table, name).is_some());
    Ok(names.iter().filter(|name| !is_month(name)).cloned().collect())
}

/// Runs statements whose text is composed of literals of this program, names of its tables, and numbers of generations.
async fn run(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}
