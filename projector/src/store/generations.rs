//! The generations of projections, in table `projection_generations`: each has its tables in a schema of its own. Views in
//! schema `public` show the tables of the live generation, so that a reader needs no name of a generation.

use read_model::{Generation, Projection};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::frame::schema::TableSchema;
use crate::frame::{ReadModel, rows};

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
    let rows: Vec<(String, i32, i32, String)> = sqlx::query_as(
        "select projection, generation, version, state from projection_generations order by projection, generation",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(projection, number, version, word)| {
            let state = State::ALL.into_iter().find(|state| state.word() == word);
            let state =
                state.ok_or_else(|| sqlx::Error::Decode(format!("`{word}` is not a state of a generation").into()))?;
            Ok(GenerationRow { projection, number, version, state })
        })
        .collect()
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
        insert(&mut transaction, generation, M::VERSION, State::Live).await?;
        create_tables(&mut transaction, generation, &rows::tables::<M>()).await?;
        show(&mut transaction, generation, &rows::tables::<M>()).await?;
    }
    transaction.commit().await?;
    Ok(is_new)
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

/// Creates the schema of a generation with its tables and indexes, but no months.
async fn create_tables(
    connection: &mut PgConnection,
    generation: Generation,
    tables: &[TableSchema],
) -> sqlx::Result<()> {
    let schema = generation.schema();
    let tables: Vec<String> = tables.iter().map(TableSchema::create).collect();
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

/// Lets the views in schema `public` show the tables of a generation.
async fn show(connection: &mut PgConnection, generation: Generation, tables: &[TableSchema]) -> sqlx::Result<()> {
    let schema = generation.schema();
    let view = |TableSchema { name, .. }: &TableSchema| {
        format!(
            "drop view if exists public.{name};
             create view public.{name} as select * from {schema}.{name};
             grant select on public.{name} to reader;"
        )
    };
    run(connection, tables.iter().map(view).collect::<Vec<_>>().join("\n")).await
}

/// Runs statements whose text is composed of literals of this program and numbers of generations.
async fn run(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}
