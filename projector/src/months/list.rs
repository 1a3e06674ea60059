//! Lists the months of generations with their state and size.

use std::pin::Pin;

use anyhow::Context;
use platform::config::Secret;
use read_model::{Generation, Projection};
use serde::Serialize;
use sqlx::{AssertSqlSafe, PgConnection};

use super::generation::find_generation;
use super::manifest::Manifest;
use crate::frame::month::Month;
use crate::frame::schema::TableSchema;
use crate::frame::{ReadModel, rows};
use crate::operate::find;
use crate::projections::{WithReadModel, with_read_model};
use crate::store::archived_months::{self, MonthTable};
use crate::store::generations::{self, GenerationRow, State};
use crate::store::{self, run};

/// How rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowCount {
    /// As PostgreSQL estimated at the last analysis of the table; archived months are counted exactly.
    Estimated,
    /// Exactly, by reading the tables.
    Exact,
}

/// A month of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthStatus {
    /// Name of the projection.
    pub projection: &'static str,
    /// Number of the generation.
    pub generation: i32,
    /// Name of the table.
    pub table: &'static str,
    /// The month, such as `2026-08`.
    pub month: String,
    /// Where its rows are.
    pub state: MonthState,
    /// Number of rows; missing if PostgreSQL has no estimate yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    /// Whether the number of rows is an estimate.
    pub rows_estimated: bool,
    /// Bytes of the table; of an archived month, bytes of its file.
    pub table_bytes: i64,
    /// Bytes of the indexes.
    pub index_bytes: i64,
    /// Folder of the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// Where the rows of a month are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MonthState {
    /// Readers see the rows.
    Attached,
    /// The rows are in a table that readers do not see.
    Detached,
    /// The rows are in a file.
    Archived,
}

/// The months of the live generations of all projections, or only of one; of the generation with a number instead of the
/// live one.
pub async fn list(
    database_url: &Secret,
    name: Option<&str>,
    number: Option<i32>,
    count: RowCount,
) -> anyhow::Result<Vec<MonthStatus>> {
    let mut connection = store::connect(database_url).await?;
    let all = run("reading the generations", generations::list(&mut connection)).await?;
    let mut months = Vec::new();
    match name {
        Some(name) => {
            let projection = find(name)?;
            let row = find_generation(&all, name, number)?;
            months.extend(of_generation(&mut connection, projection, row, count).await?);
        }
        None => {
            for projection in Projection::ALL {
                let own = |row: &&GenerationRow| row.projection == projection.name();
                let live = all.iter().filter(own).find(|row| row.state == State::Live);
                let Some(row) = live else { continue };
                months.extend(of_generation(&mut connection, projection, row, count).await?);
            }
        }
    }
    Ok(months)
}

async fn of_generation(
    connection: &mut PgConnection,
    projection: Projection,
    row: &GenerationRow,
    count: RowCount,
) -> anyhow::Result<Vec<MonthStatus>> {
    let generation = Generation { projection, number: row.number };
    match with_read_model(projection, Listing { connection, generation, count }) {
        Some(listing) => listing.await,
        None => Ok(Vec::new()),
    }
}

struct Listing<'a> {
    connection: &'a mut PgConnection,
    generation: Generation,
    count: RowCount,
}

impl<'a> WithReadModel for Listing<'a> {
    type Output = Pin<Box<dyn Future<Output = anyhow::Result<Vec<MonthStatus>>> + Send + 'a>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        Box::pin(self.list(rows::tables::<M>()))
    }
}

impl Listing<'_> {
    async fn list(self, tables: Vec<TableSchema>) -> anyhow::Result<Vec<MonthStatus>> {
        let generation = self.generation;
        let existing = archived_months::list_tables(self.connection, generation);
        let existing = run("reading the tables", existing).await?;
        let archived = archived_months::list(self.connection, generation);
        let archived = run("reading the archived months", archived).await?;
        let mut months = Vec::new();
        for table in tables.iter().filter(|table| table.partitioned_by.is_some()) {
            let mut of_table = Vec::new();
            for row in &archived {
                let manifest: Manifest = serde_json::from_str(&row.manifest).context("reading a manifest")?;
                of_table
                    .push((Month::of_day(row.month), status_of_archived(generation, table, &row.folder, &manifest)));
            }
            for found in &existing {
                let Some(month) = Month::of_table(table.name, &found.name) else { continue };
                // The table of an archived month is one that a restore has begun to fill.
                if archived.iter().all(|row| row.month != month.first_day()) {
                    of_table.push((month, status(generation, table, month, found)));
                }
            }
            of_table.sort_by_key(|(month, _)| *month);
            months.extend(of_table.into_iter().map(|(_, status)| status));
        }
        if self.count == RowCount::Exact {
            for month in months.iter_mut().filter(|month| month.rows_estimated) {
                count_rows(self.connection, generation, month).await?;
            }
        }
        Ok(months)
    }
}

fn status(generation: Generation, table: &TableSchema, month: Month, found: &MonthTable) -> MonthStatus {
    MonthStatus {
        projection: generation.projection.name(),
        generation: generation.number,
        table: table.name,
        month: month.to_string(),
        state: if found.is_attached { MonthState::Attached } else { MonthState::Detached },
        rows: found.estimated_rows,
        rows_estimated: true,
        table_bytes: found.table_bytes,
        index_bytes: found.index_bytes,
        folder: None,
    }
}

fn status_of_archived(generation: Generation, table: &TableSchema, folder: &str, manifest: &Manifest) -> MonthStatus {
    let file = manifest.find(table.name);
    MonthStatus {
        projection: generation.projection.name(),
        generation: generation.number,
        table: table.name,
        month: manifest.month.clone(),
        state: MonthState::Archived,
        rows: Some(file.map_or(0, |file| file.rows as i64)),
        rows_estimated: false,
        table_bytes: file.map_or(0, |file| file.bytes as i64),
        index_bytes: 0,
        folder: Some(folder.to_owned()),
    }
}

async fn count_rows(
    connection: &mut PgConnection,
    generation: Generation,
    status: &mut MonthStatus,
) -> anyhow::Result<()> {
    let month: Month = status.month.parse()?;
    // Safe because the text is composed of literals of this program and numbers of a month and a generation.
    let count = format!("select count(*) from {}.{}", generation.schema(), month.table(status.table));
    let rows = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(connection).await;
    status.rows = Some(rows.with_context(|| format!("counting the rows of {} {month}", status.table))?);
    status.rows_estimated = false;
    Ok(())
}

/// The heading of a table of months.
pub const HEADING: &str =
    "TABLE                  GENERATION  MONTH    STATE            ROWS     TABLE BYTES     INDEX BYTES  FOLDER";

impl std::fmt::Display for MonthStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = match (self.rows, self.rows_estimated) {
            (Some(rows), true) => format!("~{rows}"),
            (Some(rows), false) => rows.to_string(),
            (None, _) => "?".to_owned(),
        };
        let state = match self.state {
            MonthState::Attached => "attached",
            MonthState::Detached => "detached",
            MonthState::Archived => "archived",
        };
        let line = format!(
            "{:<20}{:>13}  {}  {state:<8}{rows:>13}{:>16}{:>16}  {}",
            self.table,
            self.generation,
            self.month,
            self.table_bytes,
            self.index_bytes,
            self.folder.as_deref().unwrap_or_default()
        );
        f.write_str(line.trim_end())
    }
}
